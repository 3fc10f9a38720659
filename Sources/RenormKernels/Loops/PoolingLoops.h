// Max pooling: one window, or all windows that cover one cell, for all channels.

typedef uint8_t vb __attribute__((vector_size(LANES)));
typedef uint8_t unaligned_vb __attribute__((vector_size(LANES), aligned(1), may_alias));

/// Where `value` replaces the largest so far: strictly larger, or the first NaN.
INLINE vi replaces(vf value, vf largest) { return (value > largest) | ((value != value) & (largest == largest)); }

static void window_maximum(
    ptrdiff_t channels, ptrdiff_t count, const float *const *cells, const uint8_t *numbers, float *y, uint8_t *choices
) {
    ptrdiff_t c = 0;
    for (; c + LANES <= channels; c += LANES) {
        vf largest = load(cells[0] + c);
        vi choice = (vi){} + (int32_t)numbers[0];
        for (ptrdiff_t k = 1; k < count; k++) {
            const vf value = load(cells[k] + c);
            const vi mask = replaces(value, largest);
            largest = choose(mask, value, largest);
            choice = (mask & (int32_t)numbers[k]) | (~mask & choice);
        }
        store(y + c, largest);
        if (choices) *(unaligned_vb *)(choices + c) = __builtin_convertvector(choice, vb);
    }
    for (; c < channels; c++) {
        float largest = cells[0][c];
        uint8_t choice = numbers[0];
        for (ptrdiff_t k = 1; k < count; k++) {
            const float value = cells[k][c];
            if (value > largest || (value != value && largest == largest)) {
                largest = value;
                choice = numbers[k];
            }
        }
        y[c] = largest;
        if (choices) choices[c] = choice;
    }
}

static void window_gradient(
    ptrdiff_t channels, ptrdiff_t count, const float *const *dy, const uint8_t *const *choices, const uint8_t *numbers,
    float *dx
) {
    ptrdiff_t c = 0;
    for (; c + LANES <= channels; c += LANES) {
        vf sum = {};
        for (ptrdiff_t k = 0; k < count; k++) {
            const vi choice = __builtin_convertvector(*(const unaligned_vb *)(choices[k] + c), vi);
            const vi mask = choice == (vi){} + (int32_t)numbers[k];
            sum += (vf)(mask & (vi)load(dy[k] + c));
        }
        store(dx + c, sum);
    }
    for (; c < channels; c++) {
        float sum = 0;
        for (ptrdiff_t k = 0; k < count; k++) {
            if (choices[k][c] == numbers[k]) sum += dy[k][c];
        }
        dx[c] = sum;
    }
}
