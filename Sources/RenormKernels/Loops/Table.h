#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../include/RenormKernels.h"

// The inner loops of one instruction set, and what they are given. The files beside this folder decide who works on what
// (rows, groups, threads), and know no instructions; the loops know no threads.

enum {
    renorm_op_count = renorm_op_select + 1,
    renorm_activation_count = renorm_activation_relu6 + 1,
    renorm_copy_kind_count = renorm_copy_halves + 1,
    renorm_type_count = renorm_bf16 + 1,
    renorm_reduction_count = renorm_reduction_squared_differences + 1,
    /// Which operands of an instruction are one float for all elements.
    renorm_scalar_a = 1,
    renorm_scalar_b = 2,
    renorm_scalar_c = 4,
    renorm_scalar_count = 8,
};

/// d[i] = op(a[i], b[i], c[i]).
typedef void (*renorm_program_loop)(ptrdiff_t n, float *d, const float *a, const float *b, const float *c);

/// So many doubles as whole vectors of any instruction set.
static inline ptrdiff_t renorm_double_room(ptrdiff_t count) { return (count + 15) / 16 * 16; }

/// Where a backward pass takes the mask from.
typedef enum {
    renorm_mask_none,
    renorm_mask_relu_recomputed,
    renorm_mask_relu6_recomputed,
    renorm_mask_relu_saved,
    renorm_mask_relu6_saved,
    renorm_mask_count,
} renorm_mask_source;

/// Contiguous rows of an activation and the vectors of their group; each pass uses its part of it.
typedef struct {
    ptrdiff_t width;
    ptrdiff_t rows;
    const void *x;
    const float *mean;
    const float *scale;
    const float *shift;
    const void *residual;
    const void *output;
    const void *dy;
    const void *dy2;
    const float *p;
    const float *q;
    const float *c;
    /// y, dx or d.
    void *result;
    void *residual_gradient;
    /// Sums over the rows, overwritten: of x − mean and its square, or of d and d · (x − mean).
    float *first_sum;
    float *second_sum;
    /// The outputs go past the caches; they and their rows are then aligned to the vectors that are stored.
    bool streams;
    /// There is too much to be in the caches.
    bool from_memory;
} renorm_rows;

typedef void (*renorm_rows_loop)(const renorm_rows *rows);

/// One group's moments, and the averages before it.
typedef struct {
    const float *mean;
    const float *variance;
    const float *average;
    const float *deviation;
    /// If given, the group's variance is counted around it rather than around the group's mean.
    const float *posterior_mean;
    float epsilon;
    /// How much of what the averages S and C will be has come into them since they began at 0: 0 to 1.
    float known;
    bool arithmetic;
} renorm_observation;

/// What one group is normalized with, and the part of its own in it.
typedef struct {
    float *mean;
    float *deviation;
    float *mean_part;
    float *scale_part;
} renorm_normalizing;

/// An activation of a convolution as tiles, numbered along rows, then columns, then images.
typedef struct {
    ptrdiff_t height;
    ptrdiff_t width;
    ptrdiff_t channels;
    /// Tiles of an image.
    ptrdiff_t rows;
    ptrdiff_t columns;
    /// How far the first tile of an input begins before the array.
    ptrdiff_t top;
    ptrdiff_t left;
} renorm_tiled;

typedef struct {
    ptrdiff_t image;
    ptrdiff_t row;
    ptrdiff_t column;
} renorm_tile;

static inline renorm_tile renorm_tile_at(const renorm_tiled *array, ptrdiff_t number) {
    const ptrdiff_t each = array->rows * array->columns, in_image = number % each;
    return (renorm_tile){number / each, in_image / array->columns, in_image % array->columns};
}

static inline ptrdiff_t renorm_smaller_of(ptrdiff_t a, ptrdiff_t b) { return a < b ? a : b; }

static inline ptrdiff_t renorm_larger_of(ptrdiff_t a, ptrdiff_t b) { return a > b ? a : b; }

enum {
    /// The most sums over different tiles that a gradient of weights is made of.
    renorm_winograd_segments = 8,
};

/// The transforms of Winograd's algorithm with one size of tiles: their comments are in WinogradTransforms.h.
typedef struct {
    void (*transform_inputs)(
        const renorm_tiled *array, const float *x, ptrdiff_t first, ptrdiff_t count, float *to, ptrdiff_t block_stride,
        ptrdiff_t plane_stride);
    void (*transform_gradients)(
        const renorm_tiled *array, const float *dy, ptrdiff_t first, ptrdiff_t count, float *to, ptrdiff_t block_stride,
        ptrdiff_t plane_stride);
    void (*transform_results)(
        const renorm_tiled *array, ptrdiff_t first, ptrdiff_t count, const float *from_planes, ptrdiff_t block_stride,
        ptrdiff_t plane_stride, ptrdiff_t c0, ptrdiff_t channels, const renorm_winograd_epilogue *epilogue, float *result);
    void (*transform_filters)(const float *block, float *to, ptrdiff_t plane_stride);
    void (*transform_weights)(
        const float *from_planes, ptrdiff_t plane_stride, ptrdiff_t count, ptrdiff_t apart, bool adds, float *block);
} renorm_winograd_loops;
/// A row of results of a depthwise 3×3 convolution, and the rows that it is computed from.
typedef struct {
    /// Of so many channels; from one column to the next it is `step` elements.
    ptrdiff_t channels;
    ptrdiff_t step;
    ptrdiff_t read_columns;
    ptrdiff_t written_columns;
    /// The column read with which the window of column 0 begins; of a gradient that is spread, the column written.
    ptrdiff_t begin;
    /// How many rows of taps lie in the image; which they are multiplied with; where each row's taps begin, tap b being
    /// b · tap_step further.
    ptrdiff_t count;
    const void *read[3];
    const float *taps[3];
    ptrdiff_t tap_step;
    const float *bias;
    renorm_activation activation;
    void *written;
    /// The rows that the next row needs, as many as the stride, and that row.
    const void *ahead[2];
    const void *written_ahead;
} renorm_window_row;

/// A row of dy, and the rows of x that its windows lie in.
typedef struct {
    ptrdiff_t channels;
    ptrdiff_t step;
    ptrdiff_t x_columns;
    ptrdiff_t dy_columns;
    ptrdiff_t begin;
    ptrdiff_t count;
    const void *x[3];
    const void *dy;
    /// Where the products with each row of x are added, those of tap b being b · sum_step further.
    float *sums[3];
    ptrdiff_t sum_step;
    const void *ahead[2];
    const void *dy_ahead;
} renorm_product_row;

typedef struct {
    const char *name;
    /// By operation and scalar operands; NULL where all operands would be scalars.
    renorm_program_loop program[renorm_op_count][renorm_scalar_count];
    /// A copy past the caches.
    renorm_program_loop stream;
    /// The same from f32 to bf16.
    void (*stream_narrowed)(ptrdiff_t n, const float *source, uint16_t *destination);
    /// What follows is by type of the activation first. Then by activation and whether there is a residual.
    renorm_rows_loop affine[renorm_type_count][renorm_activation_count][2];
    /// Writes first_sum and second_sum.
    renorm_rows_loop moments[renorm_type_count];
    /// By mask and whether there is dy2.
    renorm_rows_loop affine_sums[renorm_type_count][renorm_mask_count][2];
    /// By mask, whether there is dy2, whether residual_gradient is wanted.
    renorm_rows_loop affine_backward[renorm_type_count][renorm_mask_count][2][2];
    /// Joins sums over `count` rows (width = repeats · channels) around `shift` to the mean and the sum of squared
    /// deviations of the `before` rows seen so far (Chan, Golub, LeVeque). Doubles come in whole vectors: there is room for
    /// renorm_double_room(channels) of them.
    void (*join_moments)(
        ptrdiff_t channels, ptrdiff_t repeats, double count, double before, const float *shift,
        const float *first_sum, const float *second_sum, double *mean, double *deviation);
    /// total[c] += Σ over repeats of sum[r · channels + c], with the same room.
    void (*join_sums)(ptrdiff_t channels, ptrdiff_t repeats, const float *sum, double *total);
    /// Tunes a gain ([K, S, C]) by how a group's innovations agree with the last ones, and moves the averages by it. Gives the part of
    /// the innovations that is beyond noise.
    float (*filter_group)(
        const renorm_moment_filter *filter, const renorm_observation *group, bool is_scale, bool is_first, float *last,
        float *gain, float *average);
    /// Limits how far from its own moments a group is normalized, given the averages after it.
    void (*limit_group)(
        const renorm_moment_filter *filter, const renorm_observation *group, float mean_gain, float scale_gain, float beyond,
        const renorm_normalizing *to);
    /// Of a contiguous run (of two for squared differences), sums in double.
    double (*reduce_run[renorm_type_count][renorm_reduction_count])(ptrdiff_t n, const void *x, const void *y);
    /// result[j] = reduction over rows of x[r · stride + j], j < width: sums of at most 256 rows in float.
    void (*reduce_rows[renorm_type_count][renorm_reduction_count])(
        ptrdiff_t rows, ptrdiff_t width, ptrdiff_t stride, const void *x, const void *y, float *result);
    /// The largest of `count` cells, and its number; `choices` may be NULL.
    void (*window_maximum[renorm_type_count])(
        ptrdiff_t channels, ptrdiff_t count, const void *const *cells, const uint8_t *numbers, void *y,
        uint8_t *choices);
    /// The sum of dy over those of `count` windows that chose this cell, which has the given number in each.
    void (*window_gradient[renorm_type_count])(
        ptrdiff_t channels, ptrdiff_t count, const void *const *dy, const uint8_t *const *choices,
        const uint8_t *numbers, void *dx);
    /// Depthwise convolutions, by stride − 1: windows over rows; gradients by the data of stride 2, for which windows are half a
    /// column apart; and by weights.
    void (*window_row[renorm_type_count][2])(const renorm_window_row *row);
    void (*spread_row[renorm_type_count])(const renorm_window_row *row);
    void (*product_row[renorm_type_count][2])(const renorm_product_row *row);
    /// total[i] += sum[i], and sum[i] = 0; `count` is a multiple of 16.
    void (*move_sums)(ptrdiff_t count, float *sum, double *total);
    /// result[i] = total[i].
    void (*round_totals)(ptrdiff_t count, const double *total, float *result);
    /// result[i] = Σ over parts of part[p · apart + i], in their order and in double.
    void (*join_parts)(ptrdiff_t count, ptrdiff_t parts, ptrdiff_t apart, const float *part, float *result);
    void (*cross_entropy)(
        ptrdiff_t examples, ptrdiff_t classes, const float *logits, const int32_t *labels, float smoothing,
        float *loss);
    void (*cross_entropy_gradient)(
        ptrdiff_t examples, ptrdiff_t classes, const float *logits, const int32_t *labels,
        float smoothing, const float *loss_gradient, float *gradient);
    /// Contiguous runs.
    void (*convert[renorm_copy_kind_count])(ptrdiff_t n, const void *source, void *destination);
    void (*uniform)(uint64_t seed, uint64_t stream, uint32_t step, uint32_t first_block, ptrdiff_t count, float *values);
    /// New pixels of `count` rows.
    void (*resample_rows)(
        const renorm_taps *taps, ptrdiff_t channels, ptrdiff_t count, ptrdiff_t source_width, const uint8_t *source,
        uint8_t *target);
    /// One new row of `width` values from `count` old ones.
    void (*resample_column)(
        ptrdiff_t count, const int32_t *weight, ptrdiff_t width, ptrdiff_t source_stride, const uint8_t *source,
        uint8_t *target);
    /// Colours away from their gray, or towards it.
    void (*saturate)(ptrdiff_t pixels, float factor, uint8_t *values);
    /// Colours turned.
    void (*turn_hue)(ptrdiff_t pixels, uint8_t shift, uint8_t *values);
    bool (*is_finite)(ptrdiff_t n, const float *x);
    /// By size of the tiles: 2, 4.
    renorm_winograd_loops winograd[2];
    /// Exchanges inputs and outputs of a block of 16×16 filters and puts taps in the opposite order.
    void (*turn_filters)(const float *block, float *to);
    /// [tiles][32] (+)= [blocks of 16 channels][tiles][16] · [channels][32]. Fetches what lies at `next` meanwhile.
    void (*multiply_channels)(
        bool adds, ptrdiff_t tiles, ptrdiff_t blocks, const float *left, ptrdiff_t block_stride, const float *right,
        float *to, const float *next);
    /// [16][32] (+)= [tiles][16]ᵀ · [tiles][32].
    void (*multiply_tiles)(
        bool adds, ptrdiff_t tiles, const float *left, const float *right, float *to, const float *next);
} renorm_loops;

extern const renorm_loops renorm_loops_baseline;
#if defined(__x86_64__)
extern const renorm_loops renorm_loops_avx2;
extern const renorm_loops renorm_loops_avx512;
#endif
