#include "Winograd.h"

#include <stdatomic.h>
#include <stdio.h>

enum {
    /// Blocks of tiles are multiples of what the product sums at once with AVX-512.
    rows_in_registers = 13,
};

/// The second-level cache of a core, as Linux says it.
static ptrdiff_t core_cache_bytes(void) {
    static _Atomic ptrdiff_t known = 0;
    ptrdiff_t bytes = atomic_load_explicit(&known, memory_order_relaxed);
    if (bytes) return bytes;
    long kibibytes = 0;
    FILE *file = fopen("/sys/devices/system/cpu/cpu0/cache/index2/size", "r");
    if (file) {
        if (fscanf(file, "%ldK", &kibibytes) != 1) kibibytes = 0;
        fclose(file);
    }
    const ptrdiff_t usual = 1 << 20;
    bytes = kibibytes > 0 ? (ptrdiff_t)kibibytes * 1024 : usual;
    atomic_store_explicit(&known, bytes, memory_order_relaxed);
    return bytes;
}

renorm_winograd_sizes renorm_winograd_sizes_of(const renorm_winograd *plan) {
    const renorm_winograd_shape s = plan->shape;
    const ptrdiff_t y_height = s.height + s.top + s.bottom - 2, y_width = s.width + s.left + s.right - 2;
    const bool is_turned = plan->direction == renorm_winograd_input_gradient;
    // The gradient of inputs is a convolution of dy, whose padding is what makes the sizes come back.
    renorm_tiled source = {s.height, s.width, s.inputs, 0, 0, s.top, s.left};
    renorm_tiled result = {y_height, y_width, s.outputs, 0, 0, 0, 0};
    if (is_turned) {
        source = (renorm_tiled){y_height, y_width, s.outputs, 0, 0, 2 - s.top, 2 - s.left};
        result = (renorm_tiled){s.height, s.width, s.inputs, 0, 0, 0, 0};
    }
    source.rows = result.rows = (result.height + plan->tile - 1) / plan->tile;
    source.columns = result.columns = (result.width + plan->tile - 1) / plan->tile;
    return (renorm_winograd_sizes){
        .source = source,
        .result = result,
        .tiles = s.images * source.rows * source.columns,
        .planes = (plan->tile + 2) * (plan->tile + 2),
        .inputs = source.channels,
        .outputs = result.channels,
        .panels = (result.channels + renorm_winograd_panel - 1) / renorm_winograd_panel,
    };
}

renorm_winograd renorm_winograd_planned(
    renorm_winograd_direction direction, renorm_winograd_shape shape, ptrdiff_t tile, int32_t threads
) {
    renorm_winograd plan = {.direction = direction, .shape = shape, .tile = tile, .threads = threads};
    const renorm_winograd_sizes s = renorm_winograd_sizes_of(&plan);
    // Which comes first decides how sums of the gradient of weights are rounded, so shapes alone decide it there.
    const ptrdiff_t filters = s.inputs * s.outputs;
    const bool is_weight_gradient = direction == renorm_winograd_weight_gradient;
    const bool filters_first = filters <= (is_weight_gradient ? 64 * 64 : 128 * 128);
    // Enough pieces for all threads, of blocks that a core's cache holds.
    ptrdiff_t outputs = 64;
    if (!filters_first && s.panels < 4 * threads) outputs = renorm_winograd_panel;
    ptrdiff_t tiles = 2 * renorm_winograd_tile_chunk;
    if (!is_weight_gradient) {
        tiles = filters_first ? 2 * rows_in_registers : 12 * rows_in_registers;
        const ptrdiff_t bytes = (ptrdiff_t)sizeof(float) * s.planes * tiles * (s.inputs + outputs);
        if (filters_first && bytes > core_cache_bytes() * 2 / 3) tiles = rows_in_registers;
    }
    plan.blocks = (renorm_winograd_blocks){filters_first, tiles, 64, outputs};
    return plan;
}

renorm_winograd_work renorm_winograd_work_of(const renorm_winograd *plan, const renorm_team *team, void *scratch) {
    const renorm_loops *loops = renorm_loops_for(team);
    return (renorm_winograd_work){
        .plan = plan,
        .sizes = renorm_winograd_sizes_of(plan),
        .loops = loops,
        .transforms = renorm_winograd_loops_of(loops, plan),
        .scratch = scratch,
    };
}

void renorm_winograd_run(renorm_team *team, renorm_team_body body, void *context) {
    atomic_store(&((renorm_winograd_work *)context)->next, 0);
    if (team) {
        renorm_team_run(team, body, context);
    } else {
        body(context, 0, 1);
    }
}
