// Products of Winograd's algorithm: of transformed tiles with transformed filters, and of both kinds of tiles.

// Results of a product are summed in registers, so many rows by two vectors: as many as leave room for the operands
// (one more row would fit, but is slower as compiled).
#if LANES == 16
#define MOST_ROWS 13
#define FOR_EACH_ROWS(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13)
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

