// Sums, extremes and counts: along contiguous runs and over rows.

/// How many vectors go into one lane before the lanes are joined in double: keeps float's rounding at some 2⁻²⁴.
enum { vectors_per_lane = 64, runs_at_once = 4 };

/// What x adds to a reduction's accumulator.
INLINE vf accumulate(renorm_reduction reduction, vf accumulator, vf x) {
    switch (reduction) {
    case renorm_reduction_sum: return accumulator + x;
    case renorm_reduction_sum_of_squares:
    case renorm_reduction_squared_differences: return multiply_add(x, x, accumulator);
    case renorm_reduction_zeros: return accumulator + choose(x == 0, splat(1), splat(0));
    case renorm_reduction_maximum: return maximum(accumulator, x);
    case renorm_reduction_minimum: return minimum(accumulator, x);
    }
}

INLINE bool adds(renorm_reduction reduction) {
    return reduction != renorm_reduction_maximum && reduction != renorm_reduction_minimum;
}

/// Joins two accumulators.
INLINE vf join(renorm_reduction reduction, vf a, vf b) {
    return accumulate(adds(reduction) ? renorm_reduction_sum : reduction, a, b);
}

INLINE vf identity_of(renorm_reduction reduction) {
    switch (reduction) {
    case renorm_reduction_maximum: return splat(-INFINITY);
    case renorm_reduction_minimum: return splat(INFINITY);
    default: return (vf){};
    }
}

/// The extreme of all lanes; NaN if one is.
INLINE float extreme_of_lanes(renorm_reduction reduction, vf v) {
    float lanes[LANES];
    memcpy(lanes, &v, sizeof lanes);
    float result = lanes[0];
    for (int i = 1; i < LANES; i++) {
        const bool replaces = reduction == renorm_reduction_maximum ? lanes[i] > result : lanes[i] < result;
        result = replaces || lanes[i] != lanes[i] ? lanes[i] : result;
    }
    return result;
}

/// What is reduced: elements of x, or their differences to y's.
INLINE vf values_at(
    renorm_reduction reduction, renorm_type type, const void *x, const void *y, ptrdiff_t at, bool partial, ptrdiff_t count
) {
    const vf first = load_in_order(type, x, at, partial, count);
    if (reduction != renorm_reduction_squared_differences) return first;
    return first - load_in_order(type, y, at, partial, count);
}

/// The first `count` elements, the other lanes neutral.
INLINE vf load_neutral(
    renorm_reduction reduction, renorm_type type, const void *x, const void *y, ptrdiff_t at, ptrdiff_t count
) {
    const bool counts = reduction == renorm_reduction_zeros;
    if (adds(reduction) && !counts) return values_at(reduction, type, x, y, at, true, count);
    const float neutral = counts ? 1 : identity_of(reduction)[0];
    float lanes[LANES];
    for (ptrdiff_t i = 0; i < LANES; i++) lanes[i] = i < count ? renorm_element(type, x, at + i) : neutral;
    return load(lanes);
}

INLINE double reduce_run(
    renorm_reduction reduction, renorm_type type, ptrdiff_t n, const void *x, const void *y
) {
    double total = 0;
    vf extreme = identity_of(reduction);
    ptrdiff_t i = 0;
    while (i < n) {
        vf a0 = identity_of(reduction), a1 = a0, a2 = a0, a3 = a0;
        for (int v = 0; v < vectors_per_lane && i + runs_at_once * LANES <= n; v++) {
            a0 = accumulate(reduction, a0, values_at(reduction, type, x, y, i, false, LANES));
            a1 = accumulate(reduction, a1, values_at(reduction, type, x, y, i + LANES, false, LANES));
            a2 = accumulate(reduction, a2, values_at(reduction, type, x, y, i + 2 * LANES, false, LANES));
            a3 = accumulate(reduction, a3, values_at(reduction, type, x, y, i + 3 * LANES, false, LANES));
            i += runs_at_once * LANES;
        }
        if (n - i < runs_at_once * LANES) {
            for (; i + LANES <= n; i += LANES) {
                a0 = accumulate(reduction, a0, values_at(reduction, type, x, y, i, false, LANES));
            }
            if (i < n) a1 = accumulate(reduction, a1, load_neutral(reduction, type, x, y, i, n - i));
            i = n;
        }
        const vf all = join(reduction, join(reduction, a0, a1), join(reduction, a2, a3));
        if (adds(reduction)) {
            total += sum_of_lanes(all);
        } else {
            extreme = join(reduction, extreme, all);
        }
    }
    return adds(reduction) ? total : (double)extreme_of_lanes(reduction, extreme);
}

INLINE void reduce_rows(
    renorm_reduction reduction, renorm_type type, ptrdiff_t rows, ptrdiff_t width, ptrdiff_t stride, const void *x,
    const void *y, float *result
) {
    for (ptrdiff_t j = 0; j < width; j++) result[j] = identity_of(reduction)[0];
    ptrdiff_t row = 0;
    for (; row + 4 <= rows; row += 4) {
        FOR_EACH_VECTOR(width, {
            const ptrdiff_t at = row * stride + i;
            const vf neutral = identity_of(reduction);
            const vf a0 = accumulate(reduction, neutral, values_at(reduction, type, x, y, at, partial, count));
            const vf a1 = accumulate(reduction, neutral, values_at(reduction, type, x, y, at + stride, partial, count));
            const vf a2 = accumulate(reduction, a0, values_at(reduction, type, x, y, at + 2 * stride, partial, count));
            const vf a3 = accumulate(reduction, a1, values_at(reduction, type, x, y, at + 3 * stride, partial, count));
            const vf before = load_part(result + i, partial, count);
            store_part(result + i, join(reduction, before, join(reduction, a2, a3)), partial, count);
        });
    }
    for (; row < rows; row++) {
        FOR_EACH_VECTOR(width, {
            const vf before = load_part(result + i, partial, count);
            const vf more = values_at(reduction, type, x, y, row * stride + i, partial, count);
            store_part(result + i, accumulate(reduction, before, more), partial, count);
        });
    }
}

#define REDUCTION_LOOPS(type, reduction)                                                                 \
    static double reduce_run_##type##_##reduction(ptrdiff_t n, const void *x, const void *y) {           \
        return reduce_run(renorm_reduction_##reduction, renorm_##type, n, x, y);                         \
    }                                                                                                    \
    static void reduce_rows_##type##_##reduction(                                                        \
        ptrdiff_t rows, ptrdiff_t width, ptrdiff_t stride, const void *x, const void *y, float *result) { \
        reduce_rows(renorm_reduction_##reduction, renorm_##type, rows, width, stride, x, y, result);     \
    }
#define FOR_EACH_REDUCTION(X, type)                                        \
    X(type, sum) X(type, sum_of_squares) X(type, maximum) X(type, minimum) \
    X(type, zeros) X(type, squared_differences)
#define REDUCTION_LOOPS_OF(type) FOR_EACH_REDUCTION(REDUCTION_LOOPS, type)
FOR_EACH_TYPE(REDUCTION_LOOPS_OF)
#define RUN_ENTRY(type, reduction) [renorm_reduction_##reduction] = reduce_run_##type##_##reduction,
#define RUN_ENTRIES(type) [renorm_##type] = {FOR_EACH_REDUCTION(RUN_ENTRY, type)},
#define ROWS_ENTRY(type, reduction) [renorm_reduction_##reduction] = reduce_rows_##type##_##reduction,
#define ROWS_ENTRIES(type) [renorm_##type] = {FOR_EACH_REDUCTION(ROWS_ENTRY, type)},

static bool is_finite(ptrdiff_t n, const float *x) {
    vi finite = (vi){} - 1;
    FOR_EACH_VECTOR(n, { finite &= absolute(load_part(x + i, partial, count)) < INFINITY; });
    int32_t all = -1;
    for (int i = 0; i < LANES; i++) all &= finite[i];
    return all != 0;
}
