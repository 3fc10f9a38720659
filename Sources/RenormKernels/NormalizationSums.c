#include "Normalization.h"

#include <string.h>

// The passes that sum over the rows of each group. A thread sums its rows of a group in blocks: float lanes for a few
// hundred rows, joined in double. Groups that it has whole are finished at once; a group that several threads share is
// joined afterwards, thread after thread, so the result depends on their number but not on their speed.

enum {
    /// Rows (of several, where few channels are repeated) summed in float. A multiple of the rows that loops take at once.
    rows_in_block = 128,
    /// The first block of moments is short: its shift is a guess, later ones have the mean so far.
    rows_in_first_block = 8,
};

/// Two vectors of doubles: mean and sum of squared deviations, or the two sums of the backward pass.
typedef struct {
    double *first;
    double *second;
} accumulators;

/// One thread's part of the scratch.
typedef struct {
    float *shift;
    float *first_sum;
    float *second_sum;
    /// For a group that begins before this thread's rows, one that ends after them, and one that does neither.
    accumulators head, tail, whole;
} workspace;

typedef struct {
    renorm_extent extent;
    bool moments;
    renorm_rows arrays;
    renorm_rows_loop loop;
    const renorm_loops *loops;
    float *first_result;
    float *second_result;
    void *scratch;
    int32_t threads;
} sums_pass;

static ptrdiff_t width_of_workspace(ptrdiff_t channels) {
    return channels <= renorm_widest_repetition ? renorm_vector_room : (channels + 15) / 16 * 16;
}

static ptrdiff_t floats_of_workspace(ptrdiff_t channels) {
    // Rounded to cache lines, or threads would write to the same one.
    return (3 * width_of_workspace(channels) + 6 * 2 * renorm_double_room(channels) + 31) / 16 * 16;
}

size_t renorm_normalization_scratch(renorm_extent extent, int32_t threads) {
    return (size_t)(floats_of_workspace(extent.channels) * (threads < 1 ? 1 : threads)) * sizeof(float) + 64;
}

static workspace workspace_of(const sums_pass *pass, int32_t thread) {
    const ptrdiff_t channels = pass->extent.channels;
    float *start = (float *)(((uintptr_t)pass->scratch + 63) / 64 * 64);
    float *floats = start + thread * floats_of_workspace(channels);
    double *doubles = (double *)floats;
    const ptrdiff_t width = width_of_workspace(channels);
    const ptrdiff_t room = renorm_double_room(channels);
    floats += 2 * 6 * room;
    return (workspace){
        .shift = floats,
        .first_sum = floats + width,
        .second_sum = floats + 2 * width,
        .head = {doubles, doubles + room},
        .tail = {doubles + 2 * room, doubles + 3 * room},
        .whole = {doubles + 4 * room, doubles + 5 * room},
    };
}

/// One block: `rows` rows of `repeats` · channels floats from row `first` of the activation on, `before` rows of the
/// group being in `into` already.
static void sum_block(
    const sums_pass *pass, renorm_rows r, ptrdiff_t first, ptrdiff_t rows, ptrdiff_t repeats, ptrdiff_t before,
    accumulators into
) {
    const ptrdiff_t channels = pass->extent.channels, at = first * channels;
    const renorm_type type = pass->extent.type;
    r.x = renorm_moved(type, r.x, at);
    r.output = renorm_moved(type, r.output, at);
    r.dy = renorm_moved(type, r.dy, at);
    r.dy2 = renorm_moved(type, r.dy2, at);
    r.width = repeats * channels;
    r.rows = rows;
    pass->loop(&r);
    if (pass->moments) {
        pass->loops->join_moments(
            channels, repeats, (double)(rows * repeats), (double)before, r.mean, r.first_sum, r.second_sum,
            into.first, into.second);
    } else {
        pass->loops->join_sums(channels, repeats, r.first_sum, into.first);
        pass->loops->join_sums(channels, repeats, r.second_sum, into.second);
    }
}

/// The shift of the first block: the mean of eight rows (exact where they are equal), or the first of fewer.
static void guess_mean(float *shift, renorm_type type, const void *x, ptrdiff_t channels, ptrdiff_t rows) {
    for (ptrdiff_t c = 0; c < channels; c++) {
        shift[c] = renorm_element(type, x, c);
        if (rows < 8) continue;
        float v[8];
        for (int k = 0; k < 8; k++) v[k] = renorm_element(type, x, c + k * channels);
        shift[c] = (((v[0] + v[1]) + (v[2] + v[3])) + ((v[4] + v[5]) + (v[6] + v[7]))) * 0.125f;
    }
}

/// Repeats the shift of a later block: the mean so far.
static void set_shift(float *shift, const double *mean, ptrdiff_t channels) {
    for (ptrdiff_t c = 0; c < channels; c++) shift[c] = (float)mean[c];
}

/// Sums consecutive rows of one group.
static void sum_piece(
    const sums_pass *pass, const workspace *space, ptrdiff_t group, ptrdiff_t first, ptrdiff_t rows, accumulators into
) {
    const ptrdiff_t channels = pass->extent.channels, repeats = renorm_repetition(pass->extent.type, channels, rows);
    memset(into.first, 0, (size_t)channels * sizeof(double));
    memset(into.second, 0, (size_t)channels * sizeof(double));

    renorm_rows r = pass->arrays;
    r.first_sum = space->first_sum;
    r.second_sum = space->second_sum;
    float copied[3][renorm_vector_room] __attribute__((aligned(64)));
    const float **factors[] = {&r.mean, &r.scale, &r.shift};
    for (int i = 0; i < 3; i++) {
        if (!*factors[i]) continue;
        *factors[i] += group * channels;
        if (!renorm_copies_factors(channels, repeats, rows)) continue;
        renorm_repeat(copied[i], *factors[i], channels, repeats);
        *factors[i] = copied[i];
    }
    if (pass->moments) r.mean = space->shift;

    const ptrdiff_t blocks_of_rows = rows / repeats;
    ptrdiff_t done = 0;
    while (done < blocks_of_rows) {
        const ptrdiff_t most = done == 0 && blocks_of_rows > 64 ? rows_in_first_block : rows_in_block;
        const ptrdiff_t now = renorm_smaller(most, blocks_of_rows - done), before = done * repeats;
        if (pass->moments) {
            if (done == 0) {
                const renorm_type type = pass->extent.type;
                guess_mean(
                    space->shift, type, renorm_moved(type, pass->arrays.x, first * channels), channels, rows);
            } else {
                set_shift(space->shift, into.first, channels);
            }
            renorm_repeat(space->shift + channels, space->shift, channels, repeats - 1);
        }
        sum_block(pass, r, first + before, now, repeats, before, into);
        done += now;
    }
    const ptrdiff_t before = done * repeats;
    if (before < rows) {
        // The shift is still repeated from the last block: rows of a piece with a rest are always repeated.
        sum_block(pass, r, first + before, 1, rows - before, before, into);
    }
}

static void write_results(const sums_pass *pass, ptrdiff_t group, accumulators from) {
    const ptrdiff_t channels = pass->extent.channels;
    const double one_by_count =
        pass->moments ? 1 / (double)(pass->extent.rows / pass->extent.groups) : 1;
    float *first = pass->first_result + group * channels, *second = pass->second_result + group * channels;
    for (ptrdiff_t c = 0; c < channels; c++) {
        first[c] = (float)from.first[c];
        second[c] = (float)(from.second[c] * one_by_count);
    }
}

static void sums_body(void *context, int32_t thread, int32_t threads) {
    sums_pass *pass = context;
    if (thread == 0) pass->threads = threads;
    const workspace space = workspace_of(pass, thread);
    const renorm_share rows = renorm_rows_of(pass->extent, thread, threads);
    const ptrdiff_t rows_each = pass->extent.rows / pass->extent.groups;
    for (ptrdiff_t first = rows.first; first < rows.end;) {
        const ptrdiff_t group = first / rows_each;
        const ptrdiff_t end = renorm_smaller((group + 1) * rows_each, rows.end);
        const bool begins = first == group * rows_each, ends = end == (group + 1) * rows_each;
        const accumulators into = !begins ? space.head : ends ? space.whole : space.tail;
        sum_piece(pass, &space, group, first, end - first, into);
        if (begins && ends) write_results(pass, group, into);
        first = end;
    }
}

/// Adds the sums over `count` more rows to those over `before` rows.
static void join_pieces(const sums_pass *pass, accumulators into, double before, accumulators from, double count) {
    const double share = count / (before + count), weight = before * share;
    for (ptrdiff_t c = 0; c < pass->extent.channels; c++) {
        if (pass->moments) {
            const double apart = from.first[c] - into.first[c];
            into.first[c] += apart * share;
            into.second[c] += from.second[c] + apart * apart * weight;
        } else {
            into.first[c] += from.first[c];
            into.second[c] += from.second[c];
        }
    }
}

/// Joins what the threads have of groups that they share.
static void join_threads(const sums_pass *pass) {
    const ptrdiff_t rows_each = pass->extent.rows / pass->extent.groups;
    accumulators into = {NULL, NULL};
    ptrdiff_t group_end = 0;
    ptrdiff_t before = 0;
    for (int32_t thread = 0; thread < pass->threads; thread++) {
        const workspace space = workspace_of(pass, thread);
        const renorm_share rows = renorm_rows_of(pass->extent, thread, pass->threads);
        if (rows.first >= rows.end) continue;
        if (rows.first % rows_each != 0) {
            const ptrdiff_t count = renorm_smaller(rows.end, group_end) - rows.first;
            join_pieces(pass, into, (double)before, space.head, (double)count);
            before += count;
            if (before == rows_each) write_results(pass, group_end / rows_each - 1, into);
        }
        const ptrdiff_t last_begins = rows.end / rows_each * rows_each;
        if (rows.end % rows_each != 0 && last_begins >= rows.first) {
            into = space.tail;
            group_end = last_begins + rows_each;
            before = rows.end - last_begins;
        }
    }
}

static void run(renorm_team *team, double bytes, sums_pass *pass) {
    if (pass->extent.rows == 0 || pass->extent.channels == 0) return;
    renorm_team_run_for(team, bytes, sums_body, pass);
    join_threads(pass);
}

void renorm_moments(
    renorm_team *team, renorm_extent extent, const void *x, float *mean, float *variance, void *scratch
) {
    const renorm_loops *loops = renorm_loops_for(team);
    sums_pass pass = {
        .extent = extent,
        .moments = true,
        .arrays = {.x = x, .from_memory = renorm_is_in_memory(renorm_bytes(extent))},
        .loop = loops->moments[extent.type],
        .loops = loops,
        .first_result = mean,
        .second_result = variance,
        .scratch = scratch,
    };
    run(team, renorm_bytes(extent), &pass);
}

void renorm_affine_sums(
    renorm_team *team, renorm_extent extent, const void *x, const float *mean, renorm_mask mask, const void *dy,
    const void *dy2, float *sum, float *product, void *scratch
) {
    const renorm_loops *loops = renorm_loops_for(team);
    sums_pass pass = {
        .extent = extent,
        .arrays = {
            .x = x, .mean = mean, .scale = mask.scale, .shift = mask.shift, .output = mask.output, .dy = dy,
            .dy2 = dy2, .from_memory = renorm_is_in_memory(renorm_bytes(extent) * 2),
        },
        .loop = loops->affine_sums[extent.type][renorm_source_of(mask)][dy2 != NULL],
        .loops = loops,
        .first_result = sum,
        .second_result = product,
        .scratch = scratch,
    };
    run(team, renorm_bytes(extent) * 2, &pass);
}
