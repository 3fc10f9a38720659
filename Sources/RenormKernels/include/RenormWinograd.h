#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "RenormKernels.h"

/// 3×3 convolutions of stride 1 by Winograd's algorithm, in f32.
///
/// What holds for all of it:
/// - Activations are [N, H, W, C], channels a multiple of 16.
/// - Weights and their gradient are [K/16, C/16, 3, 3, 16 of C, 16 of K] (oneDNN's OIhw16i16o), K outputs of C inputs.
/// - Filters and tiles are transformed, products of them summed in f32: some at a time (`renorm_winograd_chunk`), then the
///   chunks, which makes results about as exact as those of a direct convolution. Where an operand is not finite, every
///   result that a direct convolution would make of it is not either, and others of its tiles may not be.
/// - Results are the same bits whatever the number of threads, the blocks of the plan and, of those that multiply and add
///   in one rounding, the instruction set.

#pragma clang assume_nonnull begin

enum {
    /// Channels are multiples of this.
    renorm_winograd_channels = 16,
    /// So many products of channels, at most, are summed before they are added to others: half of them where there are no
    /// more than twice as many channels.
    renorm_winograd_chunk = 32,
    /// And so many products of tiles, for the gradient of weights, of which there are twice as many; else half of them.
    renorm_winograd_tile_chunk = 16,
};

/// What is computed.
typedef enum __attribute__((enum_extensibility(closed))) : int32_t {
    /// y from x and the weights.
    renorm_winograd_forward,
    /// The gradient of x from that of y and the weights.
    renorm_winograd_input_gradient,
    /// The gradient of the weights from x and the gradient of y.
    renorm_winograd_weight_gradient,
} renorm_winograd_direction;

/// A convolution of x [images, height, width, inputs], whatever is computed of it.
typedef struct {
    ptrdiff_t images;
    ptrdiff_t height;
    ptrdiff_t width;
    ptrdiff_t inputs;
    ptrdiff_t outputs;
    /// Zeros around x, each 0 to 2: above, below, left, right. y is height + top + bottom − 2 high, and so its width.
    ptrdiff_t top;
    ptrdiff_t bottom;
    ptrdiff_t left;
    ptrdiff_t right;
} renorm_winograd_shape;

/// How the work is cut. It decides how fast, not what is computed; only `filters_first` of a gradient of weights decides how its
/// sums are rounded, too, and is planned by the shape alone.
typedef struct {
    /// Forward and input gradient: whether all filters are transformed before all tiles (by
    /// `renorm_winograd_transform_filters`, into memory of their own), or a block of filters at a time, just before its use.
    /// Weight gradient: whether each block of tiles is used up for all filters, or all tiles for a block of filters.
    bool filters_first;
    /// Tiles of a block.
    ptrdiff_t tiles;
    /// Channels of a block on the side of the tiles and of the results, multiples of 32 (or all).
    ptrdiff_t inputs;
    ptrdiff_t outputs;
} renorm_winograd_blocks;

/// A convolution by tiles of `tile`×`tile` results, planned.
typedef struct {
    renorm_winograd_direction direction;
    renorm_winograd_shape shape;
    /// 2 or 4.
    ptrdiff_t tile;
    int32_t threads;
    renorm_winograd_blocks blocks;
} renorm_winograd;

/// What happens to each result of a forward convolution before it is stored: bias [outputs], then a residual of y's shape
/// are added, then the activation is applied.
typedef struct {
    const float *_Nullable bias;
    const float *_Nullable residual;
    renorm_activation activation;
} renorm_winograd_epilogue;

/// Plans a convolution for so many threads and the processor's caches.
renorm_winograd renorm_winograd_planned(
    renorm_winograd_direction direction, renorm_winograd_shape shape, ptrdiff_t tile, int32_t threads);

/// Bytes of scratch, aligned to 64 bytes, that a run needs.
size_t renorm_winograd_scratch(const renorm_winograd *plan);

/// Bytes of the transformed filters, aligned to 64 bytes, if the plan transforms filters first; else 0.
size_t renorm_winograd_filter_bytes(const renorm_winograd *plan);

/// Transforms all filters, if the plan does so first.
void renorm_winograd_transform_filters(
    const renorm_winograd *plan, renorm_team *_Nullable team, const float *weights, float *filters);

/// Computes y, or the gradient of x: `source` is x, or the gradient of y. `filters` is the weights, or what
/// `renorm_winograd_transform_filters` made of them if the plan transforms filters first.
void renorm_winograd_convolve(
    const renorm_winograd *plan, renorm_team *_Nullable team, const float *source, const float *filters,
    renorm_winograd_epilogue epilogue, float *result, void *scratch);

/// Computes the gradient of the weights from x and the gradient of y.
void renorm_winograd_weigh(
    const renorm_winograd *plan, renorm_team *_Nullable team, const float *x, const float *dy, float *weight_gradient,
    void *scratch);

#pragma clang assume_nonnull end
