#pragma once

#include "Loops/Table.h"
#include "Team.h"

// What the parts of Winograd's algorithm share: how a plan's arrays lie in memory.

enum {
    /// Results of a product come in panels of so many channels.
    renorm_winograd_panel = 32,
};

/// So many floats, rounded up to an odd number of cache lines: planes a power of two apart would share sets of a cache.
static inline ptrdiff_t renorm_odd_lines(ptrdiff_t floats) { return ((floats + 15) / 16 | 1) * 16; }

static inline ptrdiff_t renorm_rounded_up(ptrdiff_t count, ptrdiff_t multiple) {
    return (count + multiple - 1) / multiple * multiple;
}

/// The sizes of a plan that its passes need.
typedef struct {
    /// What is read as tiles, and what is written (or read, for the gradient of weights) without overlap.
    renorm_tiled source;
    renorm_tiled result;
    ptrdiff_t tiles;
    ptrdiff_t planes;
    /// Channels of the source and of the result, and the panels of the latter.
    ptrdiff_t inputs;
    ptrdiff_t outputs;
    ptrdiff_t panels;
} renorm_winograd_sizes;

renorm_winograd_sizes renorm_winograd_sizes_of(const renorm_winograd *plan);

/// The loops of a plan's size of tiles.
static inline const renorm_winograd_loops *renorm_winograd_loops_of(const renorm_loops *loops, const renorm_winograd *plan) {
    return &loops->winograd[plan->tile / 4];
}

/// Bytes of scratch: of forward and the gradient of inputs, and of the gradient of weights.
size_t renorm_winograd_convolution_scratch(const renorm_winograd *plan);
size_t renorm_winograd_weighing_scratch(const renorm_winograd *plan);

/// Transforms the filters of inputs i0 ..< i0 + inputs and panels p0 ..< p0 + panels: to [panel][plane][input][32], planes
/// renorm_odd_lines(32 · inputs) apart.
void renorm_winograd_transform_block(
    const renorm_winograd *plan, const renorm_loops *loops, const float *weights, ptrdiff_t p0, ptrdiff_t panels,
    ptrdiff_t i0, ptrdiff_t inputs, float *filters);
