// One-dimensional transforms of Winograd's algorithm F(TILE, 3), and from them those of squares. Included once for each TILE.
//
// TILE results of a filter g of 3 taps over TILE + 2 inputs d are Aᵀ((G·g) ∘ (Bᵀ·d)). A product of polynomials of degree
// TILE + 1 is known by its values at TILE + 2 points, ∞ among them; a convolution is the transpose of such a product
// (Winograd 1980). For points p and N(p) = Π (p − q) over the other finite points q:
//   Aᵀ[i][p] = pⁱ,  Aᵀ[TILE − 1][∞] = 1
//   G[p] = (1, p, p²) / N(p),  G[∞] = (0, 0, 1)
//   Bᵀ[p] = coefficients of Π (x − q) over the other finite points, Bᵀ[∞] = those of Π (x − q) over all.
// Points come as ± pairs, so that the sum over even powers is shared by both.
//
// F(2): points 0, ±1, ∞. F(4): 0, ±5/8, ±3/2, ∞. The textbook's 0, ±1, ±2, ∞ make the error of F(4) twice as large; these
// are near the best (±1/√2, ±√2, Barabasz et al. 2020), and all entries of A and B are exact in f32.

#if TILE == 2

INLINE void NAMED(input_line)(const vf *d, vf *r) {
    r[0] = d[2] - d[0];
    r[1] = d[2] + d[1];
    r[2] = d[2] - d[1];
    r[3] = d[3] - d[1];
}

INLINE void NAMED(filter_line)(const vf *g, vf *r) {
    const vf even = (g[0] + g[2]) * 0.5f, odd = g[1] * 0.5f;
    r[0] = -g[0];
    r[1] = even + odd;
    r[2] = even - odd;
    r[3] = g[2];
}

INLINE void NAMED(result_line)(const vf *m, vf *r) {
    r[0] = m[0] + (m[1] + m[2]);
    r[1] = (m[1] - m[2]) + m[3];
}

/// Of the gradient of results: A instead of Aᵀ.
INLINE void NAMED(gradient_line)(const vf *y, vf *r) {
    r[0] = y[0];
    r[1] = y[0] + y[1];
    r[2] = y[0] - y[1];
    r[3] = y[1];
}

/// To the gradient of the filter: Gᵀ instead of G.
INLINE void NAMED(weight_line)(const vf *u, vf *r) {
    const vf even = (u[1] + u[2]) * 0.5f;
    r[0] = even - u[0];
    r[1] = (u[1] - u[2]) * 0.5f;
    r[2] = even + u[3];
}

#else

#define A 0.625f
#define B 1.5f
/// N(±A) and N(±B); N(0) = A²·B².
#define N_A (2 * (double)A * A * ((double)A * A - (double)B * B))
#define N_B (2 * (double)B * B * ((double)B * B - (double)A * A))
#define OVER(numerator, denominator) ((float)((double)(numerator) / (denominator)))

INLINE void NAMED(input_line)(const vf *d, vf *r) {
    const vf even_a = multiply_add(splat(-B * B), d[2], d[4]), odd_a = multiply_add(splat(-B * B), d[1], d[3]);
    const vf even_b = multiply_add(splat(-A * A), d[2], d[4]), odd_b = multiply_add(splat(-A * A), d[1], d[3]);
    r[0] = multiply_add(splat(A * A * B * B), d[0], multiply_add(splat(-(A * A + B * B)), d[2], d[4]));
    r[1] = multiply_add(splat(A), odd_a, even_a);
    r[2] = multiply_add(splat(-A), odd_a, even_a);
    r[3] = multiply_add(splat(B), odd_b, even_b);
    r[4] = multiply_add(splat(-B), odd_b, even_b);
    r[5] = multiply_add(splat(A * A * B * B), d[1], multiply_add(splat(-(A * A + B * B)), d[3], d[5]));
}

INLINE void NAMED(filter_line)(const vf *g, vf *r) {
    const vf even_a = multiply_add(splat(OVER(A * A, N_A)), g[2], g[0] * OVER(1, N_A)), odd_a = g[1] * OVER(A, N_A);
    const vf even_b = multiply_add(splat(OVER(B * B, N_B)), g[2], g[0] * OVER(1, N_B)), odd_b = g[1] * OVER(B, N_B);
    r[0] = g[0] * OVER(1, (double)A * A * B * B);
    r[1] = even_a + odd_a;
    r[2] = even_a - odd_a;
    r[3] = even_b + odd_b;
    r[4] = even_b - odd_b;
    r[5] = g[2];
}

INLINE void NAMED(result_line)(const vf *m, vf *r) {
    const vf sum_a = m[1] + m[2], difference_a = m[1] - m[2], sum_b = m[3] + m[4], difference_b = m[3] - m[4];
    r[0] = m[0] + (sum_a + sum_b);
    r[1] = multiply_add(splat(B), difference_b, difference_a * A);
    r[2] = multiply_add(splat(B * B), sum_b, sum_a * (A * A));
    r[3] = m[5] + multiply_add(splat(B * B * B), difference_b, difference_a * (A * A * A));
}

/// Of the gradient of results: A instead of Aᵀ.
INLINE void NAMED(gradient_line)(const vf *y, vf *r) {
    const vf even_a = multiply_add(splat(A * A), y[2], y[0]), odd_a = multiply_add(splat(A * A * A), y[3], y[1] * A);
    const vf even_b = multiply_add(splat(B * B), y[2], y[0]), odd_b = multiply_add(splat(B * B * B), y[3], y[1] * B);
    r[0] = y[0];
    r[1] = even_a + odd_a;
    r[2] = even_a - odd_a;
    r[3] = even_b + odd_b;
    r[4] = even_b - odd_b;
    r[5] = y[3];
}

/// To the gradient of the filter: Gᵀ instead of G.
INLINE void NAMED(weight_line)(const vf *u, vf *r) {
    const vf sum_a = u[1] + u[2], difference_a = u[1] - u[2], sum_b = u[3] + u[4], difference_b = u[3] - u[4];
    r[0] = multiply_add(
        splat(OVER(1, (double)A * A * B * B)), u[0], multiply_add(splat(OVER(1, N_B)), sum_b, sum_a * OVER(1, N_A)));
    r[1] = multiply_add(splat(OVER(B, N_B)), difference_b, difference_a * OVER(A, N_A));
    r[2] = u[5] + multiply_add(splat(OVER(B * B, N_B)), sum_b, sum_a * OVER(A * A, N_A));
}

#undef A
#undef B
#undef N_A
#undef N_B
#undef OVER

#endif

/// Transforms the columns, then the rows of a square: from FROM×FROM to TO×TO vectors. `read` and `written` are expressions
/// in i and j.
#define TRANSFORM_SQUARE(FROM, TO, line, read, ...)      \
    do {                                                 \
        vf columns[TO][FROM];                            \
        UNROLLED for (int j = 0; j < FROM; j++) {        \
            vf from[FROM], to[TO];                       \
            UNROLLED for (int i = 0; i < FROM; i++) from[i] = read; \
            line(from, to);                              \
            UNROLLED for (int i = 0; i < TO; i++) columns[i][j] = to[i]; \
        }                                                \
        UNROLLED for (int i = 0; i < TO; i++) {          \
            vf row[TO];                                  \
            line(columns[i], row);                       \
            UNROLLED for (int j = 0; j < TO; j++) {      \
                const vf value = row[j];                 \
                __VA_ARGS__;                             \
            }                                            \
        }                                                \
    } while (0)

enum {
    NAMED(edge) = TILE + 2,
    NAMED(planes) = (TILE + 2) * (TILE + 2),
};

/// Bᵀ·d·B of tiles first ..< first + count of an array, as [plane][block of 16 channels][tile][16].
static void NAMED(transform_inputs)(
    const renorm_tiled *array, const float *x, ptrdiff_t first, ptrdiff_t count, float *to, ptrdiff_t block_stride,
    ptrdiff_t plane_stride
) {
    enum { edge = NAMED(edge) };
    const ptrdiff_t height = array->height, width = array->width, channels = array->channels;
    for (ptrdiff_t tile = 0; tile < count; tile++) {
        const renorm_tile at = renorm_tile_at(array, first + tile);
        const ptrdiff_t y = at.row * TILE - array->top, x_at = at.column * TILE - array->left;
        const float *corner = x + ((at.image * height + y) * width + x_at) * channels;
        const part_inside part = part_of(array, y, x_at, edge);
        float copied[edge * edge * LANES] __attribute__((aligned(64)));
        if (!part.is_whole) memset(copied, 0, sizeof copied);
        for (ptrdiff_t c = 0; c < channels; c += LANES) {
            float *v = to + c / 16 * block_stride + tile * 16 + c % 16;
            const square source = square_at(corner + c, width * channels, channels, part, edge, copied);
            TRANSFORM_SQUARE(
                edge, edge, NAMED(input_line), load(source.corner + i * source.row + j * source.column),
                store(v + (i * edge + j) * plane_stride, value));
        }
    }
}

/// A·dy·Aᵀ of tiles first ..< first + count of an array, as [plane][block of 32 channels][tile][32]. Channels beyond the
/// array's are left alone.
static void NAMED(transform_gradients)(
    const renorm_tiled *array, const float *dy, ptrdiff_t first, ptrdiff_t count, float *to, ptrdiff_t block_stride,
    ptrdiff_t plane_stride
) {
    enum { edge = NAMED(edge) };
    const ptrdiff_t height = array->height, width = array->width, channels = array->channels;
    for (ptrdiff_t tile = 0; tile < count; tile++) {
        const renorm_tile at = renorm_tile_at(array, first + tile);
        const ptrdiff_t y = at.row * TILE, x_at = at.column * TILE;
        const float *corner = dy + ((at.image * height + y) * width + x_at) * channels;
        const part_inside part = part_of(array, y, x_at, TILE);
        float copied[TILE * TILE * LANES] __attribute__((aligned(64)));
        if (!part.is_whole) memset(copied, 0, sizeof copied);
        for (ptrdiff_t c = 0; c < channels; c += LANES) {
            float *d = to + c / 32 * block_stride + tile * 32 + c % 32;
            const square source = square_at(corner + c, width * channels, channels, part, TILE, copied);
            TRANSFORM_SQUARE(
                TILE, edge, NAMED(gradient_line), load(source.corner + i * source.row + j * source.column),
                store(d + (i * edge + j) * plane_stride, value));
        }
    }
}

/// Aᵀ·m·A of tiles first ..< first + count, from [plane][block of 32 channels][tile][32], to the array's channels
/// c0 ..< c0 + channels.
static void NAMED(transform_results)(
    const renorm_tiled *array, ptrdiff_t first, ptrdiff_t count, const float *from_planes, ptrdiff_t block_stride,
    ptrdiff_t plane_stride, ptrdiff_t c0, ptrdiff_t channels, const renorm_winograd_epilogue *epilogue, float *result
) {
    enum { edge = NAMED(edge) };
    const ptrdiff_t height = array->height, width = array->width, all = array->channels;
    const bool is_plain = !epilogue->bias && !epilogue->residual && !epilogue->activation;
    for (ptrdiff_t tile = 0; tile < count; tile++) {
        const renorm_tile at = renorm_tile_at(array, first + tile);
        const ptrdiff_t y = at.row * TILE, x = at.column * TILE;
        const ptrdiff_t corner = ((at.image * height + y) * width + x) * all + c0;
        const ptrdiff_t rows = renorm_smaller_of(height - y, TILE), columns_left = renorm_smaller_of(width - x, TILE);
        for (ptrdiff_t c = 0; c < channels; c += LANES) {
            const float *m = from_planes + c / 32 * block_stride + tile * 32 + c % 32;
            float *to_corner = result + corner + c;
            if (is_plain && rows == TILE && columns_left == TILE) {
                TRANSFORM_SQUARE(
                    edge, TILE, NAMED(result_line), load(m + (i * edge + j) * plane_stride),
                    store(to_corner + (i * width + j) * all, value));
                continue;
            }
            float square[TILE * TILE * LANES] __attribute__((aligned(64)));
            TRANSFORM_SQUARE(
                edge, TILE, NAMED(result_line), load(m + (i * edge + j) * plane_stride),
                store(square + (i * TILE + j) * LANES, value));
            const vf bias = epilogue->bias ? load(epilogue->bias + c0 + c) : splat(0);
            for (ptrdiff_t i = 0; i < rows; i++) {
                for (ptrdiff_t j = 0; j < columns_left; j++) {
                    const ptrdiff_t place = (i * width + j) * all;
                    const vf value = load(square + (i * TILE + j) * LANES);
                    store(to_corner + place, is_plain ? value : finished(epilogue, value, bias, corner + c + place));
                }
            }
        }
    }
}

/// G·g·Gᵀ of a block of 16×16 filters, [3][3][16 inputs][16 outputs]: to [plane][input][32 outputs].
static void NAMED(transform_filters)(const float *block, float *to, ptrdiff_t plane_stride) {
    enum { edge = NAMED(edge) };
    for (ptrdiff_t row = 0; row < 16; row++) {
        for (ptrdiff_t lane = 0; lane < 16; lane += LANES) {
            const float *g = block + row * 16 + lane;
            float *u = to + row * 32 + lane;
            TRANSFORM_SQUARE(
                3, edge, NAMED(filter_line), load(g + (i * 3 + j) * 256), store(u + (i * edge + j) * plane_stride, value));
        }
    }
}

/// Gᵀ·u·G of `count` sums over different tiles, each `apart` floats after the last: the gradient of a block of 16×16
/// filters, or that to add to it.
static void NAMED(transform_weights)(
    const float *from_planes, ptrdiff_t plane_stride, ptrdiff_t count, ptrdiff_t apart, bool adds, float *block
) {
    enum { edge = NAMED(edge) };
    for (ptrdiff_t row = 0; row < 16; row++) {
        for (ptrdiff_t lane = 0; lane < 16; lane += LANES) {
            const float *u = from_planes + row * 32 + lane;
            float *g = block + row * 16 + lane;
            TRANSFORM_SQUARE(
                edge, 3, NAMED(weight_line), sum_of_segments(u + (i * edge + j) * plane_stride, count, apart),
                store(g + (i * 3 + j) * 256, adds ? load(g + (i * 3 + j) * 256) + value : value));
        }
    }
}

#undef TRANSFORM_SQUARE
