// Max pooling: one window, or all windows that cover one cell, for all channels.

typedef uint8_t vb __attribute__((vector_size(LANES)));
typedef uint8_t unaligned_vb __attribute__((vector_size(LANES), aligned(1), may_alias));

/// Where `value` replaces the largest so far: strictly larger, or the first NaN.
INLINE vi replaces(vf value, vf largest) { return (value > largest) | ((value != value) & (largest == largest)); }

INLINE void window_maximum(
    renorm_type type, ptrdiff_t channels, ptrdiff_t count, const void *const *cells, const uint8_t *numbers, void *y,
    uint8_t *choices
) {
    ptrdiff_t c = 0;
    for (; c + LANES <= channels; c += LANES) {
        vf largest = load_in_order(type, cells[0], c, false, LANES);
        vi choice = (vi){} + (int32_t)numbers[0];
        for (ptrdiff_t k = 1; k < count; k++) {
            const vf value = load_in_order(type, cells[k], c, false, LANES);
            const vi mask = replaces(value, largest);
            largest = choose(mask, value, largest);
            choice = (mask & (int32_t)numbers[k]) | (~mask & choice);
        }
        store_in_order(type, y, c, largest);
        if (choices) *(unaligned_vb *)(choices + c) = __builtin_convertvector(choice, vb);
    }
    for (; c < channels; c++) {
        float largest = renorm_element(type, cells[0], c);
        uint8_t choice = numbers[0];
        for (ptrdiff_t k = 1; k < count; k++) {
            const float value = renorm_element(type, cells[k], c);
            if (value > largest || (value != value && largest == largest)) {
                largest = value;
                choice = numbers[k];
            }
        }
        renorm_set_element(type, y, c, largest);
        if (choices) choices[c] = choice;
    }
}

INLINE void window_gradient(
    renorm_type type, ptrdiff_t channels, ptrdiff_t count, const void *const *dy, const uint8_t *const *choices,
    const uint8_t *numbers, void *dx
) {
    ptrdiff_t c = 0;
    for (; c + LANES <= channels; c += LANES) {
        vf sum = {};
        for (ptrdiff_t k = 0; k < count; k++) {
            const vi choice = __builtin_convertvector(*(const unaligned_vb *)(choices[k] + c), vi);
            const vi mask = choice == (vi){} + (int32_t)numbers[k];
            sum += (vf)(mask & (vi)load_in_order(type, dy[k], c, false, LANES));
        }
        store_in_order(type, dx, c, sum);
    }
    for (; c < channels; c++) {
        float sum = 0;
        for (ptrdiff_t k = 0; k < count; k++) {
            if (choices[k][c] == numbers[k]) sum += renorm_element(type, dy[k], c);
        }
        renorm_set_element(type, dx, c, sum);
    }
}

#define POOLING_LOOPS(type)                                                                             \
    static void window_maximum_##type(                                                                  \
        ptrdiff_t channels, ptrdiff_t count, const void *const *cells, const uint8_t *numbers, void *y, \
        uint8_t *choices) {                                                                             \
        window_maximum(renorm_##type, channels, count, cells, numbers, y, choices);                     \
    }                                                                                                   \
    static void window_gradient_##type(                                                                 \
        ptrdiff_t channels, ptrdiff_t count, const void *const *dy, const uint8_t *const *choices,      \
        const uint8_t *numbers, void *dx) {                                                             \
        window_gradient(renorm_##type, channels, count, dy, choices, numbers, dx);                      \
    }
FOR_EACH_TYPE(POOLING_LOOPS)
