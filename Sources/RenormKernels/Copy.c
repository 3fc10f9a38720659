#include "CopyPlan.h"
#include "Elements.h"
#include "Loops/Table.h"
#include "Team.h"

#include <string.h>

typedef struct {
    const renorm_copy_plan *plan;
    const renorm_loops *loops;
    renorm_copy_kind kind;
    ptrdiff_t source_bytes, destination_bytes;
    const char *source;
    char *destination;
} copy_pass;

static void convert_one(renorm_copy_kind kind, const char *source, char *destination, const renorm_loops *loops) {
    switch (kind) {
    case renorm_copy_words: memcpy(destination, source, 4); return;
    case renorm_copy_bytes: *destination = *source; return;
    case renorm_copy_halves: memcpy(destination, source, 2); return;
    default: loops->convert[kind](1, source, destination);
    }
}

/// One run along the innermost axis.
static void copy_line(
    const copy_pass *pass, const char *source, ptrdiff_t source_stride, char *destination,
    ptrdiff_t destination_stride, ptrdiff_t n
) {
    if (source_stride == 1 && destination_stride == 1) {
        pass->loops->convert[pass->kind](n, source, destination);
        return;
    }
    const ptrdiff_t source_step = source_stride * pass->source_bytes;
    const ptrdiff_t destination_step = destination_stride * pass->destination_bytes;
    if (pass->kind == renorm_copy_words) {
        // Apart, because a call for each element is what the general case costs.
        for (ptrdiff_t i = 0; i < n; i++) memcpy(destination + i * destination_step, source + i * source_step, 4);
        return;
    }
    for (ptrdiff_t i = 0; i < n; i++) {
        convert_one(pass->kind, source + i * source_step, destination + i * destination_step, pass->loops);
    }
}

typedef float four __attribute__((vector_size(16)));
typedef float unaligned_four __attribute__((vector_size(16), aligned(4), may_alias));

/// destination[i · destination_stride + j] = source[i + j · source_stride] for i, j in 0 ..< 4.
static inline void transpose_tile(
    const float *source, ptrdiff_t source_stride, float *destination, ptrdiff_t destination_stride
) {
    const four a = *(const unaligned_four *)source;
    const four b = *(const unaligned_four *)(source + source_stride);
    const four c = *(const unaligned_four *)(source + 2 * source_stride);
    const four d = *(const unaligned_four *)(source + 3 * source_stride);
    const four ab_low = __builtin_shufflevector(a, b, 0, 4, 1, 5), ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
    const four cd_low = __builtin_shufflevector(c, d, 0, 4, 1, 5), cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);
    *(unaligned_four *)destination = __builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5);
    *(unaligned_four *)(destination + destination_stride) = __builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7);
    *(unaligned_four *)(destination + 2 * destination_stride) = __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5);
    *(unaligned_four *)(destination + 3 * destination_stride) = __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7);
}

/// A transpose of words: `rows` along the axis where the source is contiguous, `columns` where the destination is.
static void copy_transposed(
    const float *source, ptrdiff_t source_stride, float *destination, ptrdiff_t destination_stride, ptrdiff_t rows,
    ptrdiff_t columns
) {
    // Tiles of a cache line each way, so that every line is used up while it is in L1.
    enum { tile = 16 };
    for (ptrdiff_t i = 0; i < rows; i += tile) {
        const ptrdiff_t i_end = renorm_smaller(i + tile, rows);
        for (ptrdiff_t j = 0; j < columns; j += tile) {
            const ptrdiff_t j_end = renorm_smaller(j + tile, columns);
            ptrdiff_t row = i;
            for (; row + 4 <= i_end; row += 4) {
                ptrdiff_t column = j;
                for (; column + 4 <= j_end; column += 4) {
                    transpose_tile(
                        source + row + column * source_stride, source_stride,
                        destination + row * destination_stride + column, destination_stride);
                }
                for (; column < j_end; column++) {
                    for (ptrdiff_t k = row; k < row + 4; k++) {
                        destination[k * destination_stride + column] = source[k + column * source_stride];
                    }
                }
            }
            for (; row < i_end; row++) {
                for (ptrdiff_t column = j; column < j_end; column++) {
                    destination[row * destination_stride + column] = source[row + column * source_stride];
                }
            }
        }
    }
}

static void copy_body(void *context, int32_t thread, int32_t threads) {
    const copy_pass *pass = context;
    const renorm_copy_plan *plan = pass->plan;
    // Few outer items: every thread takes a part of each innermost run instead.
    const bool splits_lines = plan->outer_count < 4 * threads;
    const renorm_share items = splits_lines ? (renorm_share){0, plan->outer_count}
                                            : renorm_share_of(plan->outer_count, thread, threads);
    const renorm_copy_axis line = plan->line, across = plan->across;
    const renorm_share columns = splits_lines ? renorm_share_of(line.size, thread, threads)
                                              : (renorm_share){0, line.size};
    if (items.first >= items.end || columns.first >= columns.end) return;

    ptrdiff_t index[renorm_copy_maximum_rank];
    ptrdiff_t from = columns.first * line.source_stride, to = columns.first * line.destination_stride;
    ptrdiff_t rest = items.first;
    for (int32_t a = plan->outer_rank - 1; a >= 0; a--) {
        index[a] = rest % plan->outer[a].size;
        rest /= plan->outer[a].size;
        from += index[a] * plan->outer[a].source_stride;
        to += index[a] * plan->outer[a].destination_stride;
    }
    for (ptrdiff_t item = items.first; item < items.end; item++) {
        const char *source = pass->source + from * pass->source_bytes;
        char *destination = pass->destination + to * pass->destination_bytes;
        if (plan->transposes) {
            copy_transposed(
                (const float *)source, line.source_stride, (float *)destination, across.destination_stride, across.size,
                columns.end - columns.first);
        } else {
            copy_line(
                pass, source, line.source_stride, destination, line.destination_stride, columns.end - columns.first);
        }
        for (int32_t a = plan->outer_rank - 1; a >= 0; a--) {
            const renorm_copy_axis axis = plan->outer[a];
            from += axis.source_stride;
            to += axis.destination_stride;
            if (++index[a] < axis.size) break;
            index[a] = 0;
            from -= axis.size * axis.source_stride;
            to -= axis.size * axis.destination_stride;
        }
    }
}

static ptrdiff_t source_bytes_of(renorm_copy_kind kind) {
    switch (kind) {
    case renorm_copy_bytes:
    case renorm_copy_u8_to_f32: return 1;
    case renorm_copy_bf16_to_f32:
    case renorm_copy_halves: return 2;
    default: return 4;
    }
}

static ptrdiff_t destination_bytes_of(renorm_copy_kind kind) {
    switch (kind) {
    case renorm_copy_bytes:
    case renorm_copy_f32_to_u8: return 1;
    case renorm_copy_f32_to_bf16:
    case renorm_copy_halves: return 2;
    default: return 4;
    }
}

void renorm_copy(
    renorm_team *team, renorm_copy_kind kind, int32_t rank, const ptrdiff_t *sizes, const ptrdiff_t *source_strides,
    const ptrdiff_t *destination_strides, const void *source, void *destination
) {
    renorm_copy_plan plan;
    const ptrdiff_t count =
        renorm_copy_plan_make(&plan, kind == renorm_copy_words, rank, sizes, source_strides, destination_strides);
    if (count == 0) return;
    copy_pass pass = {
        .plan = &plan,
        .loops = renorm_loops_for(team),
        .kind = kind,
        .source_bytes = source_bytes_of(kind),
        .destination_bytes = destination_bytes_of(kind),
        .source = source,
        .destination = destination,
    };
    const double bytes = (double)count * (double)(pass.source_bytes + pass.destination_bytes);
    renorm_team_run_for(team, bytes, copy_body, &pass);
}

typedef struct {
    renorm_program_loop loop;
    ptrdiff_t count;
    float value;
    void *destination;
} fill_pass;

static void fill_body(void *context, int32_t thread, int32_t threads) {
    const fill_pass *pass = context;
    const renorm_share mine = renorm_share_of(pass->count, thread, threads);
    pass->loop(
        mine.end - mine.first, (float *)pass->destination + mine.first, &pass->value, &pass->value, &pass->value);
}

static void fill_halves_body(void *context, int32_t thread, int32_t threads) {
    const fill_pass *pass = context;
    const renorm_share mine = renorm_share_of(pass->count, thread, threads);
    const uint16_t value = renorm_bf16_of(pass->value);
    uint16_t *destination = pass->destination;
    for (ptrdiff_t i = mine.first; i < mine.end; i++) destination[i] = value;
}

void renorm_fill(renorm_team *team, renorm_type type, ptrdiff_t count, float value, void *destination) {
    fill_pass pass = {renorm_loops_for(team)->program[renorm_op_copy][renorm_scalar_a], count, value, destination};
    if (type == renorm_bf16) {
        renorm_team_run_for(team, 2.0 * (double)count, fill_halves_body, &pass);
        return;
    }
    renorm_team_run_for(team, 4.0 * (double)count, fill_body, &pass);
}
