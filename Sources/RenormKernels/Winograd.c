#include "Winograd.h"

#include <string.h>

// Forward and gradient of inputs: [tile][input] · [input][output] in every plane.

typedef struct {
    renorm_winograd_work common;
    const float *source;
    const float *filters;
    const renorm_winograd_epilogue *epilogue;
    float *result;
} convolution;

/// How a block of tiles and panels lies in memory.
typedef struct {
    /// Between blocks of 16 channels, panels, and planes.
    ptrdiff_t source_block;
    ptrdiff_t source_plane;
    ptrdiff_t result_panel;
    ptrdiff_t result_plane;
} tile_layout;

static tile_layout layout_of(ptrdiff_t tiles, ptrdiff_t inputs, ptrdiff_t panels) {
    return (tile_layout){
        .source_block = tiles * 16,
        .source_plane = renorm_odd_lines(tiles * inputs),
        .result_panel = tiles * renorm_winograd_panel,
        .result_plane = renorm_odd_lines(tiles * renorm_winograd_panel * panels),
    };
}

static ptrdiff_t tiles_in_block(const renorm_winograd *plan, ptrdiff_t tiles) {
    return renorm_smaller(plan->blocks.tiles, tiles);
}

static ptrdiff_t panels_in_block(const renorm_winograd *plan, ptrdiff_t panels) {
    return renorm_smaller((plan->blocks.outputs + renorm_winograd_panel - 1) / renorm_winograd_panel, panels);
}

static ptrdiff_t inputs_in_block(const renorm_winograd *plan, ptrdiff_t inputs) {
    return renorm_smaller(renorm_rounded_up(plan->blocks.inputs, renorm_winograd_chunk), inputs);
}

/// Floats of filters transformed for so many inputs and panels.
static ptrdiff_t filter_floats(const renorm_winograd_sizes *s, ptrdiff_t inputs, ptrdiff_t panels) {
    return panels * s->planes * renorm_odd_lines(inputs * renorm_winograd_panel);
}

/// Floats of a block's tiles, transformed, for one thread or for all.
static ptrdiff_t source_floats(const renorm_winograd *plan, const renorm_winograd_sizes *s) {
    return s->planes * layout_of(tiles_in_block(plan, s->tiles), s->inputs, 1).source_plane;
}

/// Floats that each thread needs for itself.
static ptrdiff_t thread_floats(const renorm_winograd *plan, const renorm_winograd_sizes *s) {
    const ptrdiff_t panels = panels_in_block(plan, s->panels);
    const ptrdiff_t results = s->planes * layout_of(tiles_in_block(plan, s->tiles), s->inputs, panels).result_plane;
    return results
        + (plan->blocks.filters_first
               ? source_floats(plan, s)
               : filter_floats(s, inputs_in_block(plan, s->inputs), panels));
}

size_t renorm_winograd_filter_bytes(const renorm_winograd *plan) {
    const renorm_winograd_sizes s = renorm_winograd_sizes_of(plan);
    if (!plan->blocks.filters_first || plan->direction == renorm_winograd_weight_gradient) return 0;
    return sizeof(float) * (size_t)filter_floats(&s, s.inputs, s.panels);
}

// MARK: Filters

void renorm_winograd_transform_block(
    const renorm_winograd *plan, const renorm_loops *loops, const float *weights, ptrdiff_t p0, ptrdiff_t panels,
    ptrdiff_t i0, ptrdiff_t inputs, float *filters
) {
    const renorm_winograd_sizes s = renorm_winograd_sizes_of(plan);
    const renorm_winograd_loops *transforms = renorm_winograd_loops_of(loops, plan);
    const ptrdiff_t plane = renorm_odd_lines(inputs * renorm_winograd_panel);
    const bool is_turned = plan->direction == renorm_winograd_input_gradient;
    const ptrdiff_t blocks_in_row = plan->shape.inputs / 16;
    float turned[9 * 256] __attribute__((aligned(64)));
    for (ptrdiff_t panel = 0; panel < panels; panel++) {
        float *to = filters + panel * s.planes * plane;
        for (ptrdiff_t half = 0; half < 2; half++) {
            const ptrdiff_t output = (p0 + panel) * 2 + half;
            if (output * 16 >= s.outputs) {
                for (ptrdiff_t p = 0; p < s.planes; p++) {
                    for (ptrdiff_t i = 0; i < inputs; i++) memset(to + p * plane + i * 32 + 16, 0, 16 * sizeof(float));
                }
                continue;
            }
            for (ptrdiff_t i = 0; i < inputs; i += 16) {
                const ptrdiff_t input = (i0 + i) / 16;
                const float *block =
                    weights + (is_turned ? input * blocks_in_row + output : output * blocks_in_row + input) * 9 * 256;
                if (is_turned) {
                    loops->turn_filters(block, turned);
                    block = turned;
                }
                transforms->transform_filters(block, to + i * renorm_winograd_panel + half * 16, plane);
            }
        }
    }
}

static void filters_body(void *context, int32_t thread, int32_t threads) {
    convolution *work = context;
    (void)thread;
    (void)threads;
    const renorm_winograd_sizes *s = &work->common.sizes;
    const ptrdiff_t panel_floats = filter_floats(s, s->inputs, 1);
    for (;;) {
        const ptrdiff_t panel = renorm_winograd_take(&work->common);
        if (panel >= s->panels) return;
        renorm_winograd_transform_block(
            work->common.plan, work->common.loops, work->filters, panel, 1, 0, s->inputs, work->result + panel * panel_floats);
    }
}

void renorm_winograd_transform_filters(
    const renorm_winograd *plan, renorm_team *team, const float *weights, float *filters
) {
    convolution work = {
        .common = renorm_winograd_work_of(plan, team, NULL), .filters = weights, .result = filters};
    renorm_winograd_run(team, filters_body, &work);
}

// MARK: Products

/// The products of a block of tiles with panels, whose filters have `inputs` inputs: all planes.
static void multiply(
    const convolution *work, const tile_layout *layout, ptrdiff_t tiles, ptrdiff_t inputs, ptrdiff_t panels, bool adds,
    const float *source, const float *filters, float *to
) {
    const ptrdiff_t plane = renorm_odd_lines(inputs * renorm_winograd_panel), planes = work->common.sizes.planes;
    const ptrdiff_t chunk =
        work->common.sizes.inputs > 2 * renorm_winograd_chunk ? renorm_winograd_chunk : renorm_winograd_chunk / 2;
    for (ptrdiff_t p = 0; p < planes; p++) {
        for (ptrdiff_t panel = 0; panel < panels; panel++) {
            const float *right = filters + (panel * planes + p) * plane;
            const float *following = panel + 1 < panels ? right + planes * plane
                : p + 1 < planes                        ? filters + (p + 1) * plane
                                                        : filters;
            for (ptrdiff_t i = 0; i < inputs; i += chunk) {
                const ptrdiff_t now = renorm_smaller(chunk, inputs - i);
                const bool is_last = i + now == inputs;
                work->common.loops->multiply_channels(
                    adds || i > 0, tiles, now / 16, source + p * layout->source_plane + i / 16 * layout->source_block,
                    layout->source_block, right + i * renorm_winograd_panel,
                    to + p * layout->result_plane + panel * layout->result_panel,
                    is_last ? following : right + (i + now) * renorm_winograd_panel);
            }
        }
    }
}

static void write_results(
    const convolution *work, const tile_layout *layout, ptrdiff_t first, ptrdiff_t tiles, ptrdiff_t p0, ptrdiff_t panels,
    const float *from
) {
    const ptrdiff_t c0 = p0 * renorm_winograd_panel;
    work->common.transforms->transform_results(
        &work->common.sizes.result, first, tiles, from, layout->result_panel, layout->result_plane, c0,
        renorm_smaller(panels * renorm_winograd_panel, work->common.sizes.outputs - c0), work->epilogue, work->result);
}

/// A block of tiles after the other, with filters that are transformed already.
static void blocks_of_tiles_body(void *context, int32_t thread, int32_t threads) {
    convolution *work = context;
    (void)threads;
    const renorm_winograd_sizes *s = &work->common.sizes;
    const ptrdiff_t block = tiles_in_block(work->common.plan, s->tiles), panels_each = panels_in_block(work->common.plan, s->panels);
    const tile_layout layout = layout_of(block, s->inputs, panels_each);
    float *source = work->common.scratch + thread * thread_floats(work->common.plan, s), *to = source + source_floats(work->common.plan, s);
    for (;;) {
        const ptrdiff_t first = renorm_winograd_take(&work->common) * block;
        if (first >= s->tiles) return;
        const ptrdiff_t tiles = renorm_smaller(block, s->tiles - first);
        work->common.transforms->transform_inputs(
            &s->source, work->source, first, tiles, source, layout.source_block, layout.source_plane);
        for (ptrdiff_t p0 = 0; p0 < s->panels; p0 += panels_each) {
            const ptrdiff_t panels = renorm_smaller(panels_each, s->panels - p0);
            multiply(
                work, &layout, tiles, s->inputs, panels, false, source,
                work->filters + p0 * filter_floats(s, s->inputs, 1), to);
            write_results(work, &layout, first, tiles, p0, panels, to);
        }
    }
}

/// Transforms all tiles of the large block, some at a time.
static void all_tiles_body(void *context, int32_t thread, int32_t threads) {
    convolution *work = context;
    (void)thread;
    (void)threads;
    const renorm_winograd_sizes *s = &work->common.sizes;
    const tile_layout layout = layout_of(tiles_in_block(work->common.plan, s->tiles), s->inputs, 1);
    enum { some = 4 };
    for (;;) {
        const ptrdiff_t first = renorm_winograd_take(&work->common) * some;
        if (first >= work->common.tile_count) return;
        work->common.transforms->transform_inputs(
            &s->source, work->source, work->common.first_tile + first, renorm_smaller(some, work->common.tile_count - first),
            work->common.scratch + first * 16, layout.source_block, layout.source_plane);
    }
}

/// A block of panels after the other: filters of a block of inputs are transformed and used up at once.
static void blocks_of_panels_body(void *context, int32_t thread, int32_t threads) {
    convolution *work = context;
    (void)threads;
    const renorm_winograd_sizes *s = &work->common.sizes;
    const ptrdiff_t panels_each = panels_in_block(work->common.plan, s->panels), inputs_each = inputs_in_block(work->common.plan, s->inputs);
    const tile_layout layout = layout_of(tiles_in_block(work->common.plan, s->tiles), s->inputs, panels_each);
    float *filters = work->common.scratch + source_floats(work->common.plan, s) + thread * thread_floats(work->common.plan, s);
    float *to = filters + filter_floats(s, inputs_each, panels_each);
    for (;;) {
        const ptrdiff_t p0 = renorm_winograd_take(&work->common) * panels_each;
        if (p0 >= s->panels) return;
        const ptrdiff_t panels = renorm_smaller(panels_each, s->panels - p0);
        for (ptrdiff_t i0 = 0; i0 < s->inputs; i0 += inputs_each) {
            const ptrdiff_t inputs = renorm_smaller(inputs_each, s->inputs - i0);
            renorm_winograd_transform_block(work->common.plan, work->common.loops, work->filters, p0, panels, i0, inputs, filters);
            multiply(
                work, &layout, work->common.tile_count, inputs, panels, i0 > 0, work->common.scratch + i0 / 16 * layout.source_block,
                filters, to);
        }
        write_results(work, &layout, work->common.first_tile, work->common.tile_count, p0, panels, to);
    }
}

void renorm_winograd_convolve(
    const renorm_winograd *plan, renorm_team *team, const float *source, const float *filters,
    renorm_winograd_epilogue epilogue, float *result, void *scratch
) {
    convolution work = {
        .common = renorm_winograd_work_of(plan, team, scratch),
        .source = source,
        .filters = filters,
        .epilogue = &epilogue,
        .result = result,
    };
    if (plan->blocks.filters_first) {
        renorm_winograd_run(team, blocks_of_tiles_body, &work);
        return;
    }
    const ptrdiff_t block = tiles_in_block(plan, work.common.sizes.tiles);
    for (; work.common.first_tile < work.common.sizes.tiles; work.common.first_tile += block) {
        work.common.tile_count = renorm_smaller(block, work.common.sizes.tiles - work.common.first_tile);
        renorm_winograd_run(team, all_tiles_body, &work);
        renorm_winograd_run(team, blocks_of_panels_body, &work);
    }
}

size_t renorm_winograd_convolution_scratch(const renorm_winograd *plan) {
    const renorm_winograd_sizes s = renorm_winograd_sizes_of(plan);
    const ptrdiff_t shared = plan->blocks.filters_first ? 0 : source_floats(plan, &s);
    return sizeof(float) * (size_t)(shared + plan->threads * thread_floats(plan, &s));
}
