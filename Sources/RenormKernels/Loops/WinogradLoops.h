// Convolutions by Winograd's algorithm: transforms of tiles and filters, and the products between them.

#define UNROLLED _Pragma("clang loop unroll(full)")

/// A result with the bias added, the residual at `place`, and the activation.
INLINE vf finished(const renorm_winograd_epilogue *epilogue, vf value, vf bias, ptrdiff_t place) {
    value += bias;
    if (epilogue->residual) value += load(epilogue->residual + place);
    switch (epilogue->activation) {
    case renorm_activation_identity: return value;
    case renorm_activation_relu: return rectified(value);
    case renorm_activation_relu6: return rectified_to_six(value);
    }
    return value;
}

/// The sum of so many vectors, neighbours first.
INLINE vf sum_of_segments(const float *p, ptrdiff_t count, ptrdiff_t apart) {
    vf sum = load(p);
    if (count == 1) return sum;
    vf sums[renorm_winograd_segments];
    for (ptrdiff_t k = 0; k < count; k++) sums[k] = load(p + k * apart);
    for (ptrdiff_t step = 1; step < count; step *= 2) {
        for (ptrdiff_t k = 0; k + step < count; k += 2 * step) sums[k] += sums[k + step];
    }
    return sums[0];
}

// MARK: Turning

/// The first halves, or the second halves, of a and b, alternating.
#if LANES == 16
#define FIRST_HALVES(a, b) __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
#define SECOND_HALVES(a, b) __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)
#elif LANES == 8
#define FIRST_HALVES(a, b) __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11)
#define SECOND_HALVES(a, b) __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15)
#else
#define FIRST_HALVES(a, b) __builtin_shufflevector(a, b, 0, 4, 1, 5)
#define SECOND_HALVES(a, b) __builtin_shufflevector(a, b, 2, 6, 3, 7)
#endif

/// The transpose of LANES×LANES floats, both in rows of 16: one bit of the places turns at a time.
INLINE void transpose_square(const float *from, float *to) {
    vf rows[LANES];
    UNROLLED for (int i = 0; i < LANES; i++) rows[i] = load(from + i * 16);
    UNROLLED for (int bit = 1; bit < LANES; bit *= 2) {
        vf turned[LANES];
        UNROLLED for (int i = 0; i < LANES / 2; i++) {
            turned[2 * i] = FIRST_HALVES(rows[i], rows[i + LANES / 2]);
            turned[2 * i + 1] = SECOND_HALVES(rows[i], rows[i + LANES / 2]);
        }
        UNROLLED for (int i = 0; i < LANES; i++) rows[i] = turned[i];
    }
    UNROLLED for (int i = 0; i < LANES; i++) store(to + i * 16, rows[i]);
}

/// A block of filters as the gradient of inputs needs it: taps in the opposite order, inputs and outputs exchanged.
static void turn_filters(const float *block, float *to) {
    for (ptrdiff_t tap = 0; tap < 9; tap++) {
        for (ptrdiff_t i = 0; i < 16; i += LANES) {
            for (ptrdiff_t j = 0; j < 16; j += LANES) {
                transpose_square(block + tap * 256 + i * 16 + j, to + (8 - tap) * 256 + j * 16 + i);
            }
        }
    }
}

#include "WinogradProducts.h"

#define NAMED_(name, tile) name##_##tile
#define NAMED__(name, tile) NAMED_(name, tile)
#define NAMED(name) NAMED__(name, TILE)

#define TILE 2
#include "WinogradTransforms.h"
#undef TILE
#define TILE 4
#include "WinogradTransforms.h"
#undef TILE

#define WINOGRAD_ENTRIES(tile)                                                                                      \
    {.transform_inputs = transform_inputs_##tile, .transform_gradients = transform_gradients_##tile,                \
     .transform_results = transform_results_##tile, .transform_filters = transform_filters_##tile,                  \
     .transform_weights = transform_weights_##tile}
