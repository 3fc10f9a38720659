#include "Winograd.h"

// The gradient of weights: [tile][input]ᵀ · [tile][output] in every plane, summed over the tiles.

typedef struct {
    renorm_winograd_work common;
    const float *x;
    const float *dy;
    float *weights;
} weighing;

/// How a block of tiles lies in memory.
typedef struct {
    ptrdiff_t input_block;
    ptrdiff_t input_plane;
    ptrdiff_t output_panel;
    ptrdiff_t output_plane;
} tile_layout;

enum {
    /// Where all tiles are transformed first: so many at a time. It decides how sums are rounded.
    tiles_at_once = 256,
};

static tile_layout layout_of(ptrdiff_t tiles, const renorm_winograd_sizes *s) {
    return (tile_layout){
        .input_block = tiles * 16,
        .input_plane = renorm_odd_lines(tiles * s->inputs),
        .output_panel = tiles * renorm_winograd_panel,
        .output_plane = renorm_odd_lines(tiles * renorm_winograd_panel * s->panels),
    };
}

/// Floats of so many tiles of x and dy, transformed.
static ptrdiff_t tile_floats(ptrdiff_t tiles, const renorm_winograd_sizes *s) {
    const tile_layout layout = layout_of(tiles, s);
    return s->planes * (layout.input_plane + layout.output_plane);
}

/// Floats of the sums for so many inputs and panels.
static ptrdiff_t sum_floats(const renorm_winograd_sizes *s, ptrdiff_t inputs, ptrdiff_t panels) {
    return panels * s->planes * renorm_odd_lines(inputs * renorm_winograd_panel);
}

/// Tiles of a segment: whole chunks, and at most `renorm_winograd_segments` segments.
static ptrdiff_t tiles_in_segment(const renorm_winograd_sizes *s) {
    const ptrdiff_t each = (s->tiles + renorm_winograd_segments - 1) / renorm_winograd_segments;
    return renorm_rounded_up(each, renorm_winograd_tile_chunk);
}

static ptrdiff_t segments_of(const renorm_winograd_sizes *s) {
    const ptrdiff_t each = tiles_in_segment(s);
    return (s->tiles + each - 1) / each;
}

static ptrdiff_t tiles_in_block(const renorm_winograd *plan, const renorm_winograd_sizes *s) {
    return renorm_smaller(renorm_rounded_up(plan->blocks.tiles, renorm_winograd_tile_chunk), tiles_in_segment(s));
}

static ptrdiff_t panels_in_block(const renorm_winograd *plan, const renorm_winograd_sizes *s) {
    return renorm_smaller((plan->blocks.outputs + renorm_winograd_panel - 1) / renorm_winograd_panel, s->panels);
}

static ptrdiff_t inputs_in_block(const renorm_winograd *plan, const renorm_winograd_sizes *s) {
    return renorm_smaller(renorm_rounded_up(plan->blocks.inputs, 16), s->inputs);
}

static void transform_tiles(
    const weighing *work, ptrdiff_t first, ptrdiff_t count, const tile_layout *layout, float *inputs, float *outputs
) {
    const renorm_winograd_sizes *s = &work->common.sizes;
    work->common.transforms->transform_inputs(
        &s->source, work->x, first, count, inputs, layout->input_block, layout->input_plane);
    work->common.transforms->transform_gradients(
        &s->result, work->dy, first, count, outputs, layout->output_panel, layout->output_plane);
}

/// The sums of tiles for a block of inputs and panels, all planes: to [panel][plane][input][32].
static void sum_tiles(
    const weighing *work, const tile_layout *layout, ptrdiff_t tiles, ptrdiff_t inputs, ptrdiff_t panels, bool adds,
    const float *left, const float *right, float *sums
) {
    const ptrdiff_t plane = renorm_odd_lines(inputs * renorm_winograd_panel), planes = work->common.sizes.planes;
    const bool is_few = work->common.sizes.tiles <= 2 * renorm_winograd_tile_chunk;
    const ptrdiff_t chunk = is_few ? renorm_winograd_tile_chunk / 2 : renorm_winograd_tile_chunk;
    for (ptrdiff_t p = 0; p < planes; p++) {
        for (ptrdiff_t panel = 0; panel < panels; panel++) {
            for (ptrdiff_t i = 0; i < inputs; i += 16) {
                const float *a = left + p * layout->input_plane + i / 16 * layout->input_block;
                const float *b = right + p * layout->output_plane + panel * layout->output_panel;
                float *to = sums + (panel * planes + p) * plane + i * renorm_winograd_panel;
                for (ptrdiff_t t = 0; t < tiles; t += chunk) {
                    work->common.loops->multiply_tiles(
                        adds || t > 0, renorm_smaller(chunk, tiles - t), a + t * 16, b + t * renorm_winograd_panel, to,
                        b + (t + chunk) * renorm_winograd_panel);
                }
            }
        }
    }
}

/// From sums for a block of inputs and panels to weights.
static void write_weights(
    const weighing *work, ptrdiff_t p0, ptrdiff_t panels, ptrdiff_t i0, ptrdiff_t inputs, const float *sums,
    ptrdiff_t plane, ptrdiff_t count, ptrdiff_t apart, bool adds
) {
    const renorm_winograd_sizes *s = &work->common.sizes;
    const ptrdiff_t blocks_in_row = s->inputs / 16;
    for (ptrdiff_t output = 0; output < panels * 2; output++) {
        const ptrdiff_t block = p0 * 2 + output;
        if (block * 16 >= s->outputs) return;
        for (ptrdiff_t i = 0; i < inputs; i += 16) {
            work->common.transforms->transform_weights(
                sums + output / 2 * s->planes * plane + i * renorm_winograd_panel + output % 2 * 16, plane, count, apart,
                adds, work->weights + (block * blocks_in_row + (i0 + i) / 16) * 9 * 256);
        }
    }
}

// MARK: Few filters: a block of tiles is used up for all of them

static void segments_body(void *context, int32_t thread, int32_t threads) {
    weighing *work = context;
    (void)threads;
    const renorm_winograd_sizes *s = &work->common.sizes;
    const ptrdiff_t segments = segments_of(s), all_sums = sum_floats(s, s->inputs, s->panels);
    const ptrdiff_t in_segment = tiles_in_segment(s), in_block = tiles_in_block(work->common.plan, s);
    const tile_layout layout = layout_of(in_block, s);
    float *inputs = work->common.scratch + segments * all_sums + thread * tile_floats(in_block, s);
    float *outputs = inputs + s->planes * layout.input_plane;
    for (;;) {
        const ptrdiff_t segment = renorm_winograd_take(&work->common);
        if (segment >= segments) return;
        const ptrdiff_t end = renorm_smaller((segment + 1) * in_segment, s->tiles);
        for (ptrdiff_t first = segment * in_segment; first < end; first += in_block) {
            const ptrdiff_t tiles = renorm_smaller(in_block, end - first);
            transform_tiles(work, first, tiles, &layout, inputs, outputs);
            sum_tiles(
                work, &layout, tiles, s->inputs, s->panels, first > segment * in_segment, inputs, outputs,
                work->common.scratch + segment * all_sums);
        }
    }
}

static void joining_body(void *context, int32_t thread, int32_t threads) {
    weighing *work = context;
    (void)thread;
    (void)threads;
    const renorm_winograd_sizes *s = &work->common.sizes;
    const ptrdiff_t plane = renorm_odd_lines(s->inputs * renorm_winograd_panel), blocks = s->inputs / 16;
    for (;;) {
        const ptrdiff_t piece = renorm_winograd_take(&work->common);
        if (piece >= s->panels * blocks) return;
        const ptrdiff_t panel = piece / blocks, i0 = piece % blocks * 16;
        write_weights(
            work, panel, 1, i0, 16, work->common.scratch + panel * s->planes * plane + i0 * renorm_winograd_panel, plane,
            segments_of(s), sum_floats(s, s->inputs, s->panels), false);
    }
}

// MARK: Many filters: tiles are transformed, then used for a block of filters after the other

static void all_tiles_body(void *context, int32_t thread, int32_t threads) {
    weighing *work = context;
    (void)thread;
    (void)threads;
    const renorm_winograd_sizes *s = &work->common.sizes;
    const tile_layout layout = layout_of(renorm_smaller(tiles_at_once, s->tiles), s);
    float *outputs = work->common.scratch + s->planes * layout.input_plane;
    enum { some = 4 };
    for (;;) {
        const ptrdiff_t first = renorm_winograd_take(&work->common) * some;
        if (first >= work->common.tile_count) return;
        transform_tiles(
            work, work->common.first_tile + first, renorm_smaller(some, work->common.tile_count - first), &layout,
            work->common.scratch + first * 16, outputs + first * renorm_winograd_panel);
    }
}

static void blocks_of_filters_body(void *context, int32_t thread, int32_t threads) {
    weighing *work = context;
    (void)threads;
    const renorm_winograd_sizes *s = &work->common.sizes;
    const ptrdiff_t at_once = renorm_smaller(tiles_at_once, s->tiles);
    const tile_layout layout = layout_of(at_once, s);
    const ptrdiff_t panels_each = panels_in_block(work->common.plan, s), inputs_each = inputs_in_block(work->common.plan, s);
    const ptrdiff_t rows = (s->panels + panels_each - 1) / panels_each, columns = (s->inputs + inputs_each - 1) / inputs_each;
    const float *outputs = work->common.scratch + s->planes * layout.input_plane;
    float *sums = work->common.scratch + tile_floats(at_once, s) + thread * sum_floats(s, inputs_each, panels_each);
    for (;;) {
        const ptrdiff_t piece = renorm_winograd_take(&work->common);
        if (piece >= rows * columns) return;
        const ptrdiff_t p0 = piece / columns * panels_each, i0 = piece % columns * inputs_each;
        const ptrdiff_t panels = renorm_smaller(panels_each, s->panels - p0), inputs = renorm_smaller(inputs_each, s->inputs - i0);
        sum_tiles(
            work, &layout, work->common.tile_count, inputs, panels, false, work->common.scratch + i0 / 16 * layout.input_block,
            outputs + p0 * layout.output_panel, sums);
        write_weights(
            work, p0, panels, i0, inputs, sums, renorm_odd_lines(inputs * renorm_winograd_panel), 1, 0,
            work->common.first_tile > 0);
    }
}

void renorm_winograd_weigh(
    const renorm_winograd *plan, renorm_team *team, const float *x, const float *dy, float *weight_gradient, void *scratch
) {
    weighing work = {
        .common = renorm_winograd_work_of(plan, team, scratch),
        .x = x,
        .dy = dy,
        .weights = weight_gradient,
    };
    if (plan->blocks.filters_first) {
        renorm_winograd_run(team, segments_body, &work);
        renorm_winograd_run(team, joining_body, &work);
        return;
    }
    for (; work.common.first_tile < work.common.sizes.tiles; work.common.first_tile += tiles_at_once) {
        work.common.tile_count = renorm_smaller(tiles_at_once, work.common.sizes.tiles - work.common.first_tile);
        renorm_winograd_run(team, all_tiles_body, &work);
        renorm_winograd_run(team, blocks_of_filters_body, &work);
    }
}

size_t renorm_winograd_weighing_scratch(const renorm_winograd *plan) {
    const renorm_winograd_sizes s = renorm_winograd_sizes_of(plan);
    ptrdiff_t floats;
    if (plan->blocks.filters_first) {
        floats = segments_of(&s) * sum_floats(&s, s.inputs, s.panels)
            + plan->threads * tile_floats(tiles_in_block(plan, &s), &s);
    } else {
        floats = tile_floats(renorm_smaller(tiles_at_once, s.tiles), &s)
            + plan->threads * sum_floats(&s, inputs_in_block(plan, &s), panels_in_block(plan, &s));
    }
    return sizeof(float) * (size_t)floats;
}

size_t renorm_winograd_scratch(const renorm_winograd *plan) {
    return plan->direction == renorm_winograd_weight_gradient
        ? renorm_winograd_weighing_scratch(plan)
        : renorm_winograd_convolution_scratch(plan);
}
