// Passes over contiguous rows with one vector of each factor. In the caches several rows are taken together, so that the
// factors are loaded once for all of them. Main memory is read row after row: four rows of 1 KiB side by side come in at
// half the speed, and fetching them ahead in order does not help.

enum {
    rows_at_once = 4,
    /// Rows of at most so many floats are taken together, from wherever they come: four of them are 1 KiB.
    narrow_row = 64,
    /// Rows of at most so many floats are taken together from the caches: more would not stay in L1.
    widest_together = 512,
    /// Rows of at least so many floats lie a page or more apart: again several may be taken together, as long as their
    /// lines, which share a set of L1, do not push each other out.
    wide_row = 1024,
    /// Columns worked on at a time, so that their factors stay in L1 whatever the width.
    columns_at_once = 1024,
};

/// Whether the activation lets the gradient at y through.
INLINE vi passes(renorm_activation activation, vf y) {
    switch (activation) {
    case renorm_activation_identity: return (vi){} - 1;
    case renorm_activation_relu: return y > 0;
    case renorm_activation_relu6: return (y > 0) & (y < 6);
    }
}

INLINE vf activate(renorm_activation activation, vf y) {
    switch (activation) {
    case renorm_activation_identity: return y;
    case renorm_activation_relu: return clamp_below(y, 0);
    case renorm_activation_relu6: return clamp_above(clamp_below(y, 0), 6);
    }
}

/// Forward and the mask of backward both call this one: their decisions must agree bit for bit.
INLINE vf affine_value(vf x, vf mean, vf scale, vf shift) { return multiply_add(scale, x - mean, shift); }

/// Runs STEP for all rows and columns, `WIDE` rows together where they are wide. STEP is an inlined function that takes the
/// number of rows, partial, the rows, the offset of the first row, column, count, and what follows here.
#define FOR_EACH_ROW(r, WIDE, STEP, ...)                                                                      \
    do {                                                                                                      \
        const ptrdiff_t width = (r)->width;                                                                   \
        const ptrdiff_t widest = (r)->from_memory ? narrow_row : widest_together;                             \
        ptrdiff_t row = 0;                                                                                    \
        for (; width <= widest && row + rows_at_once <= (r)->rows; row += rows_at_once)                       \
            FOR_EACH_VECTOR(width, { STEP(rows_at_once, partial, r, row * width, i, count, __VA_ARGS__); });  \
        for (ptrdiff_t tile = 0; tile < width; tile += columns_at_once) {                                     \
            const ptrdiff_t end = tile + columns_at_once < width ? tile + columns_at_once : width;            \
            ptrdiff_t k = row;                                                                                \
            for (; WIDE > 1 && width >= wide_row && k + WIDE <= (r)->rows; k += WIDE)                         \
                FOR_EACH_VECTOR_OF(tile, end, { STEP(WIDE, partial, r, k * width, i, count, __VA_ARGS__); }); \
            for (; k < (r)->rows; k++)                                                                        \
                FOR_EACH_VECTOR_OF(tile, end, { STEP(1, partial, r, k * width, i, count, __VA_ARGS__); });    \
        }                                                                                                     \
    } while (0)

/// At column i of rows taken together: fetches that part of the next rows, in memory's order, that falls to this column.
INLINE void prefetch_next_rows(int rows, const renorm_rows *r, ptrdiff_t offset, ptrdiff_t i, const float *array) {
    if (rows != rows_at_once || r->width > widest_together) return;
    const float *next = array + offset + rows_at_once * (r->width + i);
#pragma unroll
    for (int line = 0; line < rows_at_once * LANES / 16; line++) __builtin_prefetch(next + 16 * line);
}

INLINE void store_result(const renorm_rows *r, float *p, vf v, bool partial, ptrdiff_t count) {
    if (!partial && r->streams) {
        store_streaming(p, v);
    } else {
        store_part(p, v, partial, count);
    }
}

// MARK: Forward

INLINE void affine_step(
    int rows, bool partial, const renorm_rows *r, ptrdiff_t offset, ptrdiff_t i, ptrdiff_t count,
    renorm_activation activation, bool residual
) {
    const vf mean = load_part(r->mean + i, partial, count);
    const vf scale = load_part(r->scale + i, partial, count);
    const vf shift = load_part(r->shift + i, partial, count);
    prefetch_next_rows(rows, r, offset, i, r->x);
    if (residual) prefetch_next_rows(rows, r, offset, i, r->residual);
#pragma unroll
    for (int k = 0; k < rows; k++) {
        const ptrdiff_t at = offset + k * r->width + i;
        vf y = affine_value(load_part(r->x + at, partial, count), mean, scale, shift);
        if (residual) y = y + load_part(r->residual + at, partial, count);
        y = activate(activation, y);
        store_result(r, r->result + at, y, partial, count);
    }
}

#define AFFINE_LOOP(activation)                                                            \
    static void affine_##activation(const renorm_rows *rows) {                             \
        const renorm_rows local = *rows;                                                   \
        FOR_EACH_ROW(&local, 1, affine_step, renorm_activation_##activation, false);          \
    }                                                                                      \
    static void affine_##activation##_residual(const renorm_rows *rows) {                  \
        const renorm_rows local = *rows;                                                   \
        FOR_EACH_ROW(&local, 1, affine_step, renorm_activation_##activation, true);           \
    }
AFFINE_LOOP(identity)
AFFINE_LOOP(relu)
AFFINE_LOOP(relu6)

#define AFFINE_ENTRY(activation) \
    [renorm_activation_##activation] = {affine_##activation, affine_##activation##_residual},
#define AFFINE_ENTRIES AFFINE_ENTRY(identity) AFFINE_ENTRY(relu) AFFINE_ENTRY(relu6)

// MARK: Moments

INLINE void moments_step(
    int rows, bool partial, const renorm_rows *r, ptrdiff_t offset, ptrdiff_t i, ptrdiff_t count, int unused
) {
    (void)unused;
    const vf shift = load_part(r->mean + i, partial, count);
    vf sum = load_part(r->first_sum + i, partial, count);
    vf squares = load_part(r->second_sum + i, partial, count);
    prefetch_next_rows(rows, r, offset, i, r->x);
    if (rows == 4) {
        const float *x = r->x + offset + i;
        const vf d0 = load_part(x, partial, count) - shift;
        const vf d1 = load_part(x + r->width, partial, count) - shift;
        const vf d2 = load_part(x + 2 * r->width, partial, count) - shift;
        const vf d3 = load_part(x + 3 * r->width, partial, count) - shift;
        sum = sum + ((d0 + d1) + (d2 + d3));
        squares = squares + (multiply_add(d1, d1, d0 * d0) + multiply_add(d3, d3, d2 * d2));
    } else {
        const vf d = load_part(r->x + offset + i, partial, count) - shift;
        sum = sum + d;
        squares = multiply_add(d, d, squares);
    }
    store_part(r->first_sum + i, sum, partial, count);
    store_part(r->second_sum + i, squares, partial, count);
}

INLINE void clear_sums(const renorm_rows *r) {
    memset(r->first_sum, 0, (size_t)r->width * sizeof(float));
    memset(r->second_sum, 0, (size_t)r->width * sizeof(float));
}

static void moments_rows(const renorm_rows *rows) {
    const renorm_rows local = *rows;
    clear_sums(&local);
    FOR_EACH_ROW(&local, 4, moments_step, 0);
}

/// Σ over repeats of sums[r · channels + c].
INLINE vd sum_of_repeats(const float *sums, ptrdiff_t channels, ptrdiff_t repeats, bool partial, ptrdiff_t count) {
    vd sum = widened(load_part(sums, partial, count));
    for (ptrdiff_t r = 1; r < repeats; r++) sum = sum + widened(load_part(sums + r * channels, partial, count));
    return sum;
}

static void join_moments(
    ptrdiff_t channels, ptrdiff_t repeats, double count_here, double before, const float *shift, const float *first_sum,
    const float *second_sum, double *mean, double *deviation
) {
    const double share = count_here / (before + count_here), weight = before * share, one_by_count = 1 / count_here;
    FOR_EACH_VECTOR(channels, {
        const vd sum = sum_of_repeats(first_sum + i, channels, repeats, partial, count);
        const vd squares = sum_of_repeats(second_sum + i, channels, repeats, partial, count);
        const vd around_shift = sum * one_by_count;
        const vd within = squares - sum * around_shift;
        const vd none = {};
        const vl negative = within < none;
        const vd old_mean = load_double(mean + i);
        const vd apart = widened(load_part(shift + i, partial, count)) + around_shift - old_mean;
        const vd more = (vd)(~negative & (vl)within) + apart * apart * weight;
        store_double(mean + i, old_mean + apart * share);
        store_double(deviation + i, load_double(deviation + i) + more);
    });
}

static void join_sums(ptrdiff_t channels, ptrdiff_t repeats, const float *sum, double *total) {
    FOR_EACH_VECTOR(channels, {
        const vd more = sum_of_repeats(sum + i, channels, repeats, partial, count);
        store_double(total + i, load_double(total + i) + more);
    });
}

// MARK: Backward

/// d = mask · (dy [+ dy2]), and x − mean where that is wanted.
INLINE vf masked_gradient(
    bool partial, const renorm_rows *r, ptrdiff_t at, ptrdiff_t count, renorm_mask_source mask, bool has_dy2,
    vf centered, vf scale, vf shift
) {
    vf d = load_part(r->dy + at, partial, count);
    if (has_dy2) d = d + load_part(r->dy2 + at, partial, count);
    switch (mask) {
    case renorm_mask_relu_recomputed:
        return choose(passes(renorm_activation_relu, multiply_add(scale, centered, shift)), d, (vf){});
    case renorm_mask_relu6_recomputed:
        return choose(passes(renorm_activation_relu6, multiply_add(scale, centered, shift)), d, (vf){});
    case renorm_mask_relu_saved:
        return choose(passes(renorm_activation_relu, load_part(r->output + at, partial, count)), d, (vf){});
    case renorm_mask_relu6_saved:
        return choose(passes(renorm_activation_relu6, load_part(r->output + at, partial, count)), d, (vf){});
    default: return d;
    }
}

INLINE void prefetch_next_gradients(
    int rows, const renorm_rows *r, ptrdiff_t offset, ptrdiff_t i, renorm_mask_source mask, bool has_dy2
) {
    prefetch_next_rows(rows, r, offset, i, r->x);
    prefetch_next_rows(rows, r, offset, i, r->dy);
    if (has_dy2) prefetch_next_rows(rows, r, offset, i, r->dy2);
    const bool saved = mask == renorm_mask_relu_saved || mask == renorm_mask_relu6_saved;
    if (saved) prefetch_next_rows(rows, r, offset, i, r->output);
}

INLINE bool recomputes(renorm_mask_source mask) {
    return mask == renorm_mask_relu_recomputed || mask == renorm_mask_relu6_recomputed;
}

INLINE void affine_sums_step(
    int rows, bool partial, const renorm_rows *r, ptrdiff_t offset, ptrdiff_t i, ptrdiff_t count,
    renorm_mask_source mask, bool has_dy2
) {
    const vf mean = load_part(r->mean + i, partial, count);
    const vf scale = recomputes(mask) ? load_part(r->scale + i, partial, count) : mean;
    const vf shift = recomputes(mask) ? load_part(r->shift + i, partial, count) : mean;
    vf sum = {}, product = {};
    prefetch_next_gradients(rows, r, offset, i, mask, has_dy2);
#pragma unroll
    for (int k = 0; k < rows; k++) {
        const ptrdiff_t at = offset + k * r->width + i;
        const vf centered = load_part(r->x + at, partial, count) - mean;
        const vf d = masked_gradient(partial, r, at, count, mask, has_dy2, centered, scale, shift);
        sum = sum + d;
        product = multiply_add(d, centered, product);
    }
    store_part(r->first_sum + i, load_part(r->first_sum + i, partial, count) + sum, partial, count);
    store_part(r->second_sum + i, load_part(r->second_sum + i, partial, count) + product, partial, count);
}

INLINE void affine_backward_step(
    int rows, bool partial, const renorm_rows *r, ptrdiff_t offset, ptrdiff_t i, ptrdiff_t count,
    renorm_mask_source mask, bool has_dy2, bool residual_gradient
) {
    const vf mean = load_part(r->mean + i, partial, count);
    const vf scale = recomputes(mask) ? load_part(r->scale + i, partial, count) : mean;
    const vf shift = recomputes(mask) ? load_part(r->shift + i, partial, count) : mean;
    const vf p = load_part(r->p + i, partial, count);
    const vf q = load_part(r->q + i, partial, count);
    const vf c = load_part(r->c + i, partial, count);
    prefetch_next_gradients(rows, r, offset, i, mask, has_dy2);
#pragma unroll
    for (int k = 0; k < rows; k++) {
        const ptrdiff_t at = offset + k * r->width + i;
        const vf centered = load_part(r->x + at, partial, count) - mean;
        const vf d = masked_gradient(partial, r, at, count, mask, has_dy2, centered, scale, shift);
        store_result(r, r->result + at, multiply_add(p, d, multiply_add(q, centered, c)), partial, count);
        if (residual_gradient) store_result(r, r->residual_gradient + at, d, partial, count);
    }
}

#define MASKED_LOOPS(mask)                                                                              \
    static void affine_sums_##mask(const renorm_rows *rows) {                                           \
        const renorm_rows local = *rows;                                                                \
        clear_sums(&local);                                                                             \
        FOR_EACH_ROW(&local, 2, affine_sums_step, renorm_mask_##mask, false);                              \
    }                                                                                                   \
    static void affine_sums_##mask##_two(const renorm_rows *rows) {                                     \
        const renorm_rows local = *rows;                                                                \
        clear_sums(&local);                                                                             \
        FOR_EACH_ROW(&local, 2, affine_sums_step, renorm_mask_##mask, true);                               \
    }                                                                                                   \
    static void affine_backward_##mask(const renorm_rows *rows) {                                       \
        const renorm_rows local = *rows;                                                                \
        FOR_EACH_ROW(&local, 1, affine_backward_step, renorm_mask_##mask, false, false);                   \
    }                                                                                                   \
    static void affine_backward_##mask##_both(const renorm_rows *rows) {                                \
        const renorm_rows local = *rows;                                                                \
        FOR_EACH_ROW(&local, 1, affine_backward_step, renorm_mask_##mask, false, true);                    \
    }                                                                                                   \
    static void affine_backward_##mask##_two(const renorm_rows *rows) {                                 \
        const renorm_rows local = *rows;                                                                \
        FOR_EACH_ROW(&local, 1, affine_backward_step, renorm_mask_##mask, true, false);                    \
    }                                                                                                   \
    static void affine_backward_##mask##_two_both(const renorm_rows *rows) {                            \
        const renorm_rows local = *rows;                                                                \
        FOR_EACH_ROW(&local, 1, affine_backward_step, renorm_mask_##mask, true, true);                     \
    }

#define GRADIENT_LOOP(name, mask, has_dy2)                                                              \
    static void name(const renorm_rows *rows) {                                                         \
        const renorm_rows local = *rows;                                                                \
        FOR_EACH_VECTOR(local.width, {                                                                  \
            const vf d = masked_gradient(partial, &local, i, count, mask, has_dy2, (vf){}, (vf){}, (vf){}); \
            store_part(local.result + i, d, partial, count);                                            \
        });                                                                                             \
    }

MASKED_LOOPS(none)
MASKED_LOOPS(relu_recomputed)
MASKED_LOOPS(relu6_recomputed)
MASKED_LOOPS(relu_saved)
MASKED_LOOPS(relu6_saved)
GRADIENT_LOOP(gradient_none, renorm_mask_none, false)
GRADIENT_LOOP(gradient_none_two, renorm_mask_none, true)
GRADIENT_LOOP(gradient_relu, renorm_mask_relu_saved, false)
GRADIENT_LOOP(gradient_relu_two, renorm_mask_relu_saved, true)
GRADIENT_LOOP(gradient_relu6, renorm_mask_relu6_saved, false)
GRADIENT_LOOP(gradient_relu6_two, renorm_mask_relu6_saved, true)

#define SUMS_ENTRY(mask) [renorm_mask_##mask] = {affine_sums_##mask, affine_sums_##mask##_two},
#define BACKWARD_ENTRY(mask)                                               \
    [renorm_mask_##mask] = {                                               \
        {affine_backward_##mask, affine_backward_##mask##_both},           \
        {affine_backward_##mask##_two, affine_backward_##mask##_two_both}, \
    },
#define FOR_EACH_MASK(X) X(none) X(relu_recomputed) X(relu6_recomputed) X(relu_saved) X(relu6_saved)
#define GRADIENT_ENTRIES                                              \
    [renorm_mask_none] = {gradient_none, gradient_none_two},          \
    [renorm_mask_relu_saved] = {gradient_relu, gradient_relu_two},    \
    [renorm_mask_relu6_saved] = {gradient_relu6, gradient_relu6_two},
