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

// MARK: Squares

/// Which rows and columns of a square lie inside an array.
typedef struct {
    ptrdiff_t first_row;
    ptrdiff_t end_row;
    ptrdiff_t first_column;
    ptrdiff_t end_column;
    bool is_whole;
} part_inside;

INLINE part_inside part_of(const renorm_tiled *array, ptrdiff_t y, ptrdiff_t x, ptrdiff_t side) {
    part_inside part = {
        .first_row = renorm_larger_of(-y, 0),
        .end_row = renorm_smaller_of(array->height - y, side),
        .first_column = renorm_larger_of(-x, 0),
        .end_column = renorm_smaller_of(array->width - x, side),
    };
    part.is_whole =
        part.first_row == 0 && part.first_column == 0 && part.end_row == side && part.end_column == side;
    return part;
}

/// Where a vector of channels of a square lies: its rows and columns are so many floats apart.
typedef struct {
    const float *corner;
    ptrdiff_t row;
    ptrdiff_t column;
} square;

/// A square of an array; if not all of it is inside, copied to between the zeros of `copied`.
INLINE square square_at(
    const float *corner, ptrdiff_t row, ptrdiff_t column, part_inside part, ptrdiff_t side, float *copied
) {
    if (part.is_whole) return (square){corner, row, column};
    for (ptrdiff_t i = part.first_row; i < part.end_row; i++) {
        for (ptrdiff_t j = part.first_column; j < part.end_column; j++) {
            store(copied + (i * side + j) * LANES, load(corner + i * row + j * column));
        }
    }
    return (square){copied, side * LANES, LANES};
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
