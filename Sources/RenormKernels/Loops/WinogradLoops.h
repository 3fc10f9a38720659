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

// MARK: Products

// Results of a product are summed in registers, so many rows by two vectors: as many as leave room for the operands.
#if LANES == 16
#define MOST_ROWS 14
#define FOR_EACH_ROWS(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14)
#else
#define MOST_ROWS 6
#define FOR_EACH_ROWS(X) X(1) X(2) X(3) X(4) X(5) X(6)
#endif

/// to[r][32] (+)= Σ over depth of left[r·row_stride + d·16 …] · right[d][32], for `rows` rows and two vectors of columns.
/// The depth is `blocks` blocks of `steps`, each `step` floats after the last, the blocks `block_stride`.
INLINE void multiply_rows(
    int rows, bool adds, ptrdiff_t row_stride, ptrdiff_t step, ptrdiff_t blocks, ptrdiff_t steps, const float *left,
    ptrdiff_t block_stride, const float *right, float *to, const float *next
) {
    vf first[MOST_ROWS], second[MOST_ROWS];
    UNROLLED for (int r = 0; r < rows; r++) first[r] = second[r] = splat(0);
    for (ptrdiff_t block = 0; block < blocks; block++) {
        const float *a = left + block * block_stride;
        _Pragma("clang loop unroll_count(4)")
        for (ptrdiff_t s = 0; s < steps; s++) {
            const vf b = load(right), c = load(right + LANES);
            UNROLLED for (int r = 0; r < rows; r++) {
                const vf value = splat(a[r * row_stride]);
                first[r] = multiply_add(value, b, first[r]);
                second[r] = multiply_add(value, c, second[r]);
            }
            a += step;
            right += 32;
            __builtin_prefetch(next, 0, 2);
            next += 16;
        }
    }
    UNROLLED for (int r = 0; r < rows; r++) {
        if (adds) {
            first[r] += load(to + r * 32);
            second[r] += load(to + r * 32 + LANES);
        }
        store(to + r * 32, first[r]);
        store(to + r * 32 + LANES, second[r]);
    }
}

typedef void (*rows_product)(
    bool adds, ptrdiff_t depth, const float *left, ptrdiff_t block_stride, const float *right, float *to, const float *next);

#define ROWS_PRODUCTS(rows)                                                                                         \
    static __attribute__((noinline)) void channels_product_##rows(                                                  \
        bool adds, ptrdiff_t depth, const float *left, ptrdiff_t block_stride, const float *right, float *to,       \
        const float *next                                                                                           \
    ) {                                                                                                             \
        if (adds) {                                                                                                 \
            multiply_rows(rows, true, 16, 1, depth, 16, left, block_stride, right, to, next);                       \
        } else {                                                                                                    \
            multiply_rows(rows, false, 16, 1, depth, 16, left, block_stride, right, to, next);                      \
        }                                                                                                           \
    }                                                                                                               \
    static __attribute__((noinline)) void tiles_product_##rows(                                                     \
        bool adds, ptrdiff_t depth, const float *left, ptrdiff_t block_stride, const float *right, float *to,       \
        const float *next                                                                                           \
    ) {                                                                                                             \
        if (adds) {                                                                                                 \
            multiply_rows(rows, true, 1, 16, 1, depth, left, block_stride, right, to, next);                        \
        } else {                                                                                                    \
            multiply_rows(rows, false, 1, 16, 1, depth, left, block_stride, right, to, next);                       \
        }                                                                                                           \
    }
FOR_EACH_ROWS(ROWS_PRODUCTS)

#define CHANNELS_PRODUCT(rows) channels_product_##rows,
#define TILES_PRODUCT(rows) tiles_product_##rows,
static const rows_product channels_products[] = {FOR_EACH_ROWS(CHANNELS_PRODUCT)};
static const rows_product tiles_products[] = {FOR_EACH_ROWS(TILES_PRODUCT)};

/// [tiles][32] (+)= [blocks of 16 channels][tiles][16] · [channels][32]: a chunk of channels of one plane.
static void multiply_channels(
    bool adds, ptrdiff_t tiles, ptrdiff_t blocks, const float *left, ptrdiff_t block_stride, const float *right,
    float *to, const float *next
) {
    const ptrdiff_t pieces = (tiles + MOST_ROWS - 1) / MOST_ROWS, each = tiles / pieces, longer = tiles % pieces;
    for (ptrdiff_t column = 0; column < 32; column += 2 * LANES) {
        ptrdiff_t row = 0;
        for (ptrdiff_t piece = 0; piece < pieces; piece++) {
            const ptrdiff_t rows = each + (piece < longer);
            channels_products[rows - 1](
                adds, blocks, left + row * 16, block_stride, right + column, to + row * 32 + column, next);
            next += blocks * 256;
            row += rows;
        }
    }
}

/// [16][32] (+)= [tiles][16]ᵀ · [tiles][32]: a chunk of tiles of one plane.
static void multiply_tiles(
    bool adds, ptrdiff_t tiles, const float *left, const float *right, float *to, const float *next
) {
    enum { pieces = (16 + MOST_ROWS - 1) / MOST_ROWS };
    for (ptrdiff_t column = 0; column < 32; column += 2 * LANES) {
        ptrdiff_t row = 0;
        for (ptrdiff_t piece = 0; piece < pieces; piece++) {
            const ptrdiff_t rows = 16 / pieces + (piece < 16 % pieces);
            tiles_products[rows - 1](adds, tiles, left + row, 0, right + column, to + row * 32 + column, next);
            next += tiles * 16;
            row += rows;
        }
    }
}

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
