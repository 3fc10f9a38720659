#include "Elements.h"
#include "Loops/Table.h"
#include "Normalization.h"
#include "Team.h"

#include <math.h>
#include <string.h>

// x is [outer, reduced, inner]. Results are worked out in units: one result where inner is 1, else up to 2,048 results
// side by side. Where there are fewer units than threads, each thread takes a part of `reduced` of every unit, and the
// parts are joined afterwards in the threads' order.

enum { widest_unit = renorm_widest_repetition, rows_in_block = 256 };

typedef struct {
    renorm_reduction reduction;
    ptrdiff_t outer, reduced, inner;
    ptrdiff_t units_across;
    bool shares_units;
    renorm_type type;
    const void *x;
    /// The second operand of squared differences, else NULL.
    const void *y;
    double factor;
    float *result;
    /// [thread, unit, room for the doubles of a unit].
    double *parts;
    int32_t threads;
    const renorm_loops *loops;
} reduction_pass;

static ptrdiff_t units_across_of(ptrdiff_t inner) { return (inner + widest_unit - 1) / widest_unit; }

static ptrdiff_t room_of_unit(ptrdiff_t inner) { return renorm_double_room(renorm_smaller(inner, widest_unit)); }

static bool shares_units(ptrdiff_t outer, ptrdiff_t inner, int32_t threads) {
    return threads > 1 && outer * units_across_of(inner) < threads;
}

size_t renorm_reduce_scratch(ptrdiff_t outer, ptrdiff_t reduced, ptrdiff_t inner, int32_t threads) {
    (void)reduced;
    if (!shares_units(outer, inner, threads)) return 0;
    return (size_t)(threads * outer * units_across_of(inner) * room_of_unit(inner)) * sizeof(double);
}

static double neutral(renorm_reduction reduction) {
    switch (reduction) {
    case renorm_reduction_sum:
    case renorm_reduction_sum_of_squares:
    case renorm_reduction_zeros:
    case renorm_reduction_squared_differences: return 0;
    case renorm_reduction_maximum: return -INFINITY;
    case renorm_reduction_minimum: return INFINITY;
    }
}

/// Joins two partial results; a NaN stays.
static double joined(renorm_reduction reduction, double a, double b) {
    switch (reduction) {
    case renorm_reduction_sum:
    case renorm_reduction_sum_of_squares:
    case renorm_reduction_zeros:
    case renorm_reduction_squared_differences: return a + b;
    case renorm_reduction_maximum: return a > b || isnan(a) ? a : b;
    case renorm_reduction_minimum: return a < b || isnan(a) ? a : b;
    }
}

/// Reduces `rows` rows of `width` neighbours from element `at` on; `total` is overwritten.
static void reduce_unit(const reduction_pass *pass, ptrdiff_t at, ptrdiff_t rows, ptrdiff_t width, double *total) {
    const renorm_reduction reduction = pass->reduction;
    for (ptrdiff_t j = 0; j < width; j++) total[j] = neutral(reduction);
    if (pass->inner == 1) {
        const void *x = renorm_moved(pass->type, pass->x, at), *y = renorm_moved(pass->type, pass->y, at);
        total[0] = pass->loops->reduce_run[pass->type][reduction](rows, x, y);
        return;
    }
    // Rows that follow each other without a gap can be taken several at a time as one.
    const ptrdiff_t repeats = width == pass->inner ? renorm_repetition(renorm_f32, width, rows) : 1;
    float sums[widest_unit] __attribute__((aligned(64)));
    ptrdiff_t row = 0;
    while (row < rows) {
        const ptrdiff_t left = rows - row;
        const ptrdiff_t together = renorm_smaller(repeats, left);
        const ptrdiff_t now = renorm_smaller(left / together, rows_in_block);
        const void *x = renorm_moved(pass->type, pass->x, at + row * pass->inner);
        const void *y = renorm_moved(pass->type, pass->y, at + row * pass->inner);
        pass->loops->reduce_rows[pass->type][reduction](now, together * width, together * pass->inner, x, y, sums);
        if (neutral(reduction) == 0) {
            pass->loops->join_sums(width, together, sums, total);
        } else {
            for (ptrdiff_t i = 0; i < together; i++) {
                for (ptrdiff_t j = 0; j < width; j++) {
                    total[j] = joined(reduction, total[j], (double)sums[i * width + j]);
                }
            }
        }
        row += now * together;
    }
}

static void write_unit(const reduction_pass *pass, ptrdiff_t unit, const double *total) {
    const ptrdiff_t o = unit / pass->units_across, j = unit % pass->units_across * widest_unit;
    const ptrdiff_t width = renorm_smaller(pass->inner - j, widest_unit);
    float *result = pass->result + o * pass->inner + j;
    for (ptrdiff_t i = 0; i < width; i++) result[i] = (float)(total[i] * pass->factor);
}

static void reduction_body(void *context, int32_t thread, int32_t threads) {
    reduction_pass *pass = context;
    if (thread == 0) pass->threads = threads;
    const ptrdiff_t units = pass->outer * pass->units_across;
    const bool shares = pass->shares_units && threads > 1;
    const renorm_share mine = shares ? (renorm_share){0, units} : renorm_share_of(units, thread, threads);
    const renorm_share rows = shares ? renorm_share_of(pass->reduced, thread, threads)
                                     : (renorm_share){0, pass->reduced};
    double total[widest_unit] __attribute__((aligned(64)));
    const ptrdiff_t width_of_parts = room_of_unit(pass->inner);
    for (ptrdiff_t unit = mine.first; unit < mine.end; unit++) {
        const ptrdiff_t o = unit / pass->units_across, j = unit % pass->units_across * widest_unit;
        const ptrdiff_t at = (o * pass->reduced + rows.first) * pass->inner + j;
        double *into = shares ? pass->parts + (thread * units + unit) * width_of_parts : total;
        reduce_unit(pass, at, rows.end - rows.first, renorm_smaller(pass->inner - j, widest_unit), into);
        if (!shares) write_unit(pass, unit, total);
    }
}

static void join_parts(const reduction_pass *pass) {
    const ptrdiff_t units = pass->outer * pass->units_across, width = room_of_unit(pass->inner);
    for (ptrdiff_t unit = 0; unit < units; unit++) {
        double *into = pass->parts + unit * width;
        for (int32_t thread = 1; thread < pass->threads; thread++) {
            const double *from = pass->parts + (thread * units + unit) * width;
            for (ptrdiff_t j = 0; j < width; j++) into[j] = joined(pass->reduction, into[j], from[j]);
        }
        write_unit(pass, unit, into);
    }
}

void renorm_reduce(
    renorm_team *team, renorm_reduction reduction, ptrdiff_t outer, ptrdiff_t reduced, ptrdiff_t inner,
    renorm_type type, const void *x, const void *y, double factor, float *result, void *scratch
) {
    if (outer == 0 || inner == 0) return;
    const double arrays = reduction == renorm_reduction_squared_differences ? 2 : 1;
    const double bytes = arrays * (double)renorm_size_of(type) * (double)outer * (double)reduced * (double)inner;
    reduction_pass pass = {
        .reduction = reduction,
        .outer = outer,
        .reduced = reduced,
        .inner = inner,
        .units_across = units_across_of(inner),
        .shares_units = shares_units(outer, inner, renorm_team_threads_for(team, bytes)),
        .type = type,
        .x = x,
        .y = y,
        .factor = factor,
        .result = result,
        .parts = scratch,
        .loops = renorm_loops_for(team),
    };
    renorm_team_run_for(team, bytes, reduction_body, &pass);
    if (pass.shares_units && pass.threads > 1) join_parts(&pass);
}
