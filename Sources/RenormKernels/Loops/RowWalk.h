// How the passes of normalization go through contiguous rows, with one vector of each factor.
//
// Several rows are taken together in the caches, so that the factors are loaded once for all of them. Main memory is read
// row after row, each from end to end: four rows side by side come in at half that speed. Only where a row
// alone would cost more than its bytes (the moments of bf16) are a few taken together, and fetched ahead in order.

enum {
    /// Rows of at most so many elements are taken together: more would not stay in L1.
    widest_together = 512,
    /// Rows of at least so many elements lie a page or more apart: again several may be taken together, as long as their
    /// lines, which share a set of L1, do not push each other out.
    wide_row = 1024,
    /// How far ahead of the rows taken together.
    bytes_ahead = 8 * 1024,
    /// Columns worked on at a time, so that their factors stay in L1 whatever the width.
    columns_at_once = 1024,
    /// Not a multiple of 4 KiB: see renorm_vector_room.
    column_room = columns_at_once + 112,
    factor_count = 6,
};

/// The factors and sums of the columns worked on, from the first of them on.
typedef struct {
    const float *mean;
    const float *scale;
    const float *shift;
    const float *p;
    const float *q;
    const float *c;
    float *first_sum;
    float *second_sum;
} column_factors;

/// Factors, then sums, in the order in which bf16 is worked on.
typedef float column_space[factor_count + 2][column_room];

/// Each 2 · LANES floats apart: those with even numbers, then those with odd ones; the last group filled up with zeros.
INLINE void take_apart(float *apart, const float *vector, ptrdiff_t count) {
    ptrdiff_t i = 0;
    for (; i + 2 * LANES <= count; i += 2 * LANES) {
        const vf low = load(vector + i), high = load(vector + i + LANES);
        store(apart + i, even_lanes(low, high));
        store(apart + i + LANES, odd_lanes(low, high));
    }
    for (int k = 0; i < count && k < LANES; k++) {
        apart[i + k] = i + 2 * k < count ? vector[i + 2 * k] : 0;
        apart[i + LANES + k] = i + 2 * k + 1 < count ? vector[i + 2 * k + 1] : 0;
    }
}

INLINE void put_together(float *vector, const float *apart, ptrdiff_t count) {
    ptrdiff_t i = 0;
    for (; i + 2 * LANES <= count; i += 2 * LANES) {
        const vf even = load(apart + i), odd = load(apart + i + LANES);
        store(vector + i, low_lanes_in_turn(even, odd));
        store(vector + i + LANES, high_lanes_in_turn(even, odd));
    }
    for (ptrdiff_t k = 0; i + k < count; k++) vector[i + k] = apart[i + k / 2 + k % 2 * LANES];
}

/// The factors of columns [first, first + count), and their sums set to 0.
INLINE column_factors begin_columns(
    renorm_type type, const renorm_rows *r, ptrdiff_t first, ptrdiff_t count, column_space space
) {
    const float *given[factor_count] = {r->mean, r->scale, r->shift, r->p, r->q, r->c};
    float *sums[2] = {r->first_sum, r->second_sum};
    const ptrdiff_t room = (count + 2 * LANES - 1) / (2 * LANES) * (2 * LANES);
    for (int k = 0; k < factor_count; k++) {
        if (!given[k]) continue;
        given[k] += first;
        if (type == renorm_f32) continue;
        take_apart(space[k], given[k], count);
        given[k] = space[k];
    }
    for (int k = 0; k < 2; k++) {
        if (!sums[k]) continue;
        sums[k] = type == renorm_f32 ? sums[k] + first : space[factor_count + k];
        memset(sums[k], 0, (size_t)(type == renorm_f32 ? count : room) * sizeof(float));
    }
    return (column_factors){
        given[0], given[1], given[2], given[3], given[4], given[5], sums[0], sums[1],
    };
}

INLINE void end_columns(renorm_type type, const renorm_rows *r, ptrdiff_t first, ptrdiff_t count, column_factors f) {
    if (type == renorm_f32 || !r->first_sum) return;
    put_together(r->first_sum + first, f.first_sum, count);
    put_together(r->second_sum + first, f.second_sum, count);
}

/// A factor of column i and its neighbours, in the order of `elements`. (Where they are bf16, there are factors for all.)
INLINE elements load_factor(renorm_type type, const float *factor, ptrdiff_t i, bool partial, ptrdiff_t count) {
    if (type == renorm_f32) return (elements){{load_part(factor + i, partial, count)}};
    return (elements){{load(factor + i), load(factor + i + LANES)}};
}

INLINE void store_sum(renorm_type type, float *sum, ptrdiff_t i, elements e, bool partial, ptrdiff_t count) {
    if (type == renorm_f32) {
        store_part(sum + i, e.part[0], partial, count);
    } else {
        store(sum + i, e.part[0]);
        store(sum + i + LANES, e.part[1]);
    }
}

/// How many rows to take together: 4, 2 or 1. At most so many come `from_memory`, or from the caches where they are `wide`.
INLINE int rows_together(renorm_type type, const renorm_rows *r, int from_memory, int wide) {
    if (!r->from_memory) return r->width <= widest_together ? 4 : r->width >= wide_row ? wide : 1;
    const ptrdiff_t bytes = r->width * renorm_size_of(type);
    return from_memory >= 4 && 4 * bytes <= bytes_ahead ? 4 : from_memory >= 2 && 2 * bytes <= bytes_ahead ? 2 : 1;
}

/// Runs STEP for all rows and columns. STEP is an inlined function that takes the number of rows, partial, the rows, the
/// factors, the column i among those of the factors, the element at column i of the first row, count, and what follows
/// here, of which the first is the type. `MEMORY` and `WIDE` are those of rows_together.
#define FOR_EACH_ROW(r, MEMORY, WIDE, STEP, type, ...)                                                           \
    do {                                                                                                         \
        const ptrdiff_t width = (r)->width;                                                                      \
        column_space space __attribute__((aligned(64)));                                                         \
        for (ptrdiff_t tile = 0; tile < width; tile += columns_at_once) {                                        \
            const ptrdiff_t columns = tile + columns_at_once < width ? columns_at_once : width - tile;           \
            const column_factors f = begin_columns(type, r, tile, columns, space);                               \
            const int together = rows_together(type, r, MEMORY, WIDE);                                           \
            ptrdiff_t row = 0;                                                                                   \
            for (; together == 4 && row + 4 <= (r)->rows; row += 4) WALK_COLUMNS(4, STEP, r, type, __VA_ARGS__); \
            for (; together == 2 && row + 2 <= (r)->rows; row += 2) WALK_COLUMNS(2, STEP, r, type, __VA_ARGS__); \
            for (; row < (r)->rows; row++) WALK_COLUMNS(1, STEP, r, type, __VA_ARGS__);                          \
            end_columns(type, r, tile, columns, f);                                                              \
        }                                                                                                        \
    } while (0)

#define WALK_COLUMNS(ROWS, STEP, r, type, ...)                                           \
    FOR_EACH_ELEMENTS_OF(type, 0, columns, {                                             \
        STEP(ROWS, partial, r, &f, i, row * width + tile + i, count, type, __VA_ARGS__); \
    })

/// At column i of rows taken together: fetches ahead, in memory's order, that part of the following rows that falls to
/// this column.
INLINE void fetch_ahead(int rows, ptrdiff_t at, ptrdiff_t i, renorm_type type, const void *array) {
    if (rows == 1) return;
    const char *next = (const char *)renorm_moved(type, array, at + (rows - 1) * i) + bytes_ahead;
#pragma unroll
    for (int line = 0; line < (rows * 4 * LANES + 63) / 64; line++) __builtin_prefetch(next + 64 * line);
}

INLINE void store_result(
    const renorm_rows *r, renorm_type type, void *array, ptrdiff_t at, elements e, bool partial, ptrdiff_t count
) {
    if (!partial && r->streams) {
        stream_elements(type, array, at, e);
    } else {
        store_elements(type, array, at, e, partial, count);
    }
}
