#pragma once

#include <stdatomic.h>

#include "Loops/Table.h"
#include "Team.h"

#pragma clang assume_nonnull begin

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

/// What a pass works on. Threads take pieces as they come, so one that is held up by another process holds up little.
typedef struct {
    const renorm_winograd *plan;
    renorm_winograd_sizes sizes;
    const renorm_loops *loops;
    const renorm_winograd_loops *transforms;
    float *scratch;
    /// The tiles that are in the scratch, where all are transformed before the filters.
    ptrdiff_t first_tile;
    ptrdiff_t tile_count;
    /// The next piece that nobody has taken.
    _Atomic ptrdiff_t next;
} renorm_winograd_work;

/// The work of a plan on a team.
renorm_winograd_work renorm_winograd_work_of(const renorm_winograd *plan, const renorm_team *_Nullable team, void *_Nullable scratch);

/// The next piece.
static inline ptrdiff_t renorm_winograd_take(renorm_winograd_work *work) {
    return atomic_fetch_add_explicit(&work->next, 1, memory_order_relaxed);
}

/// Runs `body` on all threads; `context` begins with the work.
void renorm_winograd_run(renorm_team *_Nullable team, renorm_team_body body, void *context);

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

#pragma clang assume_nonnull end
