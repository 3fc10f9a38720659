#include "Normalization.h"

// The passes that write an activation: forward and backward. Each thread walks through its rows group by group.

typedef struct {
    renorm_extent extent;
    renorm_rows arrays;
    renorm_rows_loop loop;
} affine_pass;

/// The same rows, `by` elements further on.
static renorm_rows moved(renorm_rows r, renorm_type type, ptrdiff_t by) {
    r.x = renorm_moved(type, r.x, by);
    r.residual = renorm_moved(type, r.residual, by);
    r.output = renorm_moved(type, r.output, by);
    r.dy = renorm_moved(type, r.dy, by);
    r.dy2 = renorm_moved(type, r.dy2, by);
    r.result = renorm_moved_target(type, r.result, by);
    r.residual_gradient = renorm_moved_target(type, r.residual_gradient, by);
    return r;
}

/// Runs the loop on consecutive rows of one group.
static void affine_piece(const affine_pass *pass, ptrdiff_t group, ptrdiff_t first, ptrdiff_t rows) {
    const ptrdiff_t channels = pass->extent.channels, repeats = renorm_repetition(pass->extent.type, channels, rows);
    renorm_rows r = moved(pass->arrays, pass->extent.type, first * channels);

    float copied[renorm_most_factors][renorm_vector_room] __attribute__((aligned(64)));
    const float **factors[renorm_most_factors] = {&r.mean, &r.scale, &r.shift, &r.p, &r.q, &r.c};
    for (int i = 0; i < renorm_most_factors; i++) {
        if (!*factors[i]) continue;
        *factors[i] += group * channels;
        if (!renorm_copies_factors(channels, repeats, rows)) continue;
        renorm_repeat(copied[i], *factors[i], channels, repeats);
        *factors[i] = copied[i];
    }
    r.width = channels * repeats;
    r.rows = rows / repeats;
    const bool whole_lines = r.width * renorm_size_of(pass->extent.type) % 64 == 0;
    const bool aligned =
        whole_lines && (uintptr_t)r.result % 64 == 0 && (uintptr_t)r.residual_gradient % 64 == 0;
    r.streams = r.streams && aligned;
    pass->loop(&r);

    const ptrdiff_t done = r.rows * r.width, left = rows * channels - done;
    if (left == 0) return;
    r = moved(r, pass->extent.type, done);
    r.width = left;
    r.rows = 1;
    r.streams = false;
    pass->loop(&r);
}

static void affine_body(void *context, int32_t thread, int32_t threads) {
    const affine_pass *pass = context;
    const renorm_share rows = renorm_rows_of(pass->extent, thread, threads);
    const ptrdiff_t rows_each = pass->extent.rows / pass->extent.groups;
    for (ptrdiff_t first = rows.first; first < rows.end;) {
        const ptrdiff_t group = first / rows_each;
        const ptrdiff_t end = renorm_smaller((group + 1) * rows_each, rows.end);
        affine_piece(pass, group, first, end - first);
        first = end;
    }
    if (pass->arrays.streams) renorm_streaming_fence();
}

void renorm_affine(
    renorm_team *team, renorm_extent extent, const void *x, const float *mean, const float *scale,
    const float *shift, const void *residual, renorm_activation activation, void *y
) {
    if (extent.rows == 0 || extent.channels == 0) return;
    const bool in_place = y == x || y == residual;
    const affine_pass pass = {
        .extent = extent,
        .arrays = {
            .x = x, .mean = mean, .scale = scale, .shift = shift, .residual = residual, .result = y,
            .streams = !in_place && renorm_streams(renorm_bytes(extent)),
            .from_memory = renorm_is_in_memory(renorm_bytes(extent) * (residual ? 3 : 2)),
        },
        .loop = renorm_loops_for(team)->affine[extent.type][activation][residual != NULL],
    };
    renorm_team_run_for(team, renorm_bytes(extent) * (residual ? 3 : 2), affine_body, (void *)&pass);
}

void renorm_affine_backward(
    renorm_team *team, renorm_extent extent, const void *x, const float *mean, renorm_mask mask, const void *dy,
    const void *dy2, const float *p, const float *q, const float *c, void *dx, void *residual_gradient
) {
    if (extent.rows == 0 || extent.channels == 0) return;
    const renorm_mask_source source = renorm_source_of(mask);
    const void *inputs[] = {x, dy, dy2, mask.output};
    bool in_place = false;
    for (int i = 0; i < 4; i++) in_place |= inputs[i] && (inputs[i] == dx || inputs[i] == residual_gradient);
    const affine_pass pass = {
        .extent = extent,
        .arrays = {
            .x = x, .mean = mean, .scale = mask.scale, .shift = mask.shift, .output = mask.output, .dy = dy,
            .dy2 = dy2, .p = p, .q = q, .c = c, .result = dx, .residual_gradient = residual_gradient,
            .streams = !in_place && renorm_streams(renorm_bytes(extent)),
            .from_memory = renorm_is_in_memory(renorm_bytes(extent) * 3),
        },
        .loop = renorm_loops_for(team)->affine_backward[extent.type][source][dy2 != NULL][residual_gradient != NULL],
    };
    renorm_team_run_for(team, renorm_bytes(extent) * 3, affine_body, (void *)&pass);
}
