// The loops of normalization: forward, moments, backward. How they go through rows is in RowWalk.h.

/// Whether the activation lets the gradient at y through.
INLINE vi passes(renorm_activation activation, vf y) {
    switch (activation) {
    case renorm_activation_identity: return (vi){} - 1;
    case renorm_activation_relu: return y > 0;
    case renorm_activation_relu6: return (y > 0) & (y < 6);
    }
}

/// Whether it does so at what y is when stored: where bf16 is wanted, y is rounded up to the least number above 0 from
/// half of it on, and to 6 from the middle between 6 and the number below (a tie goes to the even one, which is 0 or 6).
INLINE vi passes_when_stored(renorm_type type, renorm_activation activation, vf y) {
    if (type == renorm_f32) return passes(activation, y);
    const float rounded_to_zero = 0x1p-134f, rounded_to_six = 6 - 0x1p-6f;
    switch (activation) {
    case renorm_activation_identity: return (vi){} - 1;
    case renorm_activation_relu: return y > rounded_to_zero;
    case renorm_activation_relu6: return (y > rounded_to_zero) & (y < rounded_to_six);
    }
}

INLINE vf activate(renorm_activation activation, vf y) {
    switch (activation) {
    case renorm_activation_identity: return y;
    case renorm_activation_relu: return rectified(y);
    case renorm_activation_relu6: return rectified_to_six(y);
    }
}

/// Forward and the mask of backward both call this one: their decisions must agree bit for bit.
INLINE vf affine_value(vf x, vf mean, vf scale, vf shift) { return multiply_add(scale, x - mean, shift); }

// MARK: Forward

INLINE void affine_step(
    int rows, bool partial, const renorm_rows *r, const column_factors *f, ptrdiff_t i, ptrdiff_t at, ptrdiff_t count,
    renorm_type type, renorm_activation activation, bool has_residual
) {
    const elements mean = load_factor(type, f->mean, i, partial, count);
    const elements scale = load_factor(type, f->scale, i, partial, count);
    const elements shift = load_factor(type, f->shift, i, partial, count);
    fetch_ahead(rows, at, i, type, r->x);
    if (has_residual) fetch_ahead(rows, at, i, type, r->residual);
#pragma unroll
    for (int k = 0; k < rows; k++, at += r->width) {
        elements y = load_elements(type, r->x, at, partial, count);
        const elements residual = has_residual ? load_elements(type, r->residual, at, partial, count) : y;
#pragma unroll
        for (int h = 0; h < parts_of(type); h++) {
            vf v = affine_value(y.part[h], mean.part[h], scale.part[h], shift.part[h]);
            if (has_residual) v = v + residual.part[h];
            y.part[h] = activate(activation, v);
        }
        store_result(r, type, r->result, at, y, partial, count);
    }
}

#define AFFINE_LOOP(type, activation)                                                                  \
    static void affine_##type##_##activation(const renorm_rows *rows) {                                \
        const renorm_rows local = *rows;                                                               \
        FOR_EACH_ROW(&local, 1, 1, affine_step, renorm_##type, renorm_activation_##activation, false); \
    }                                                                                                  \
    static void affine_##type##_##activation##_residual(const renorm_rows *rows) {                     \
        const renorm_rows local = *rows;                                                               \
        FOR_EACH_ROW(&local, 1, 1, affine_step, renorm_##type, renorm_activation_##activation, true);  \
    }
#define AFFINE_LOOPS(type) AFFINE_LOOP(type, identity) AFFINE_LOOP(type, relu) AFFINE_LOOP(type, relu6)
FOR_EACH_TYPE(AFFINE_LOOPS)

#define AFFINE_ENTRY(type, activation) \
    [renorm_activation_##activation] = {affine_##type##_##activation, affine_##type##_##activation##_residual},
#define AFFINE_ENTRIES(type) \
    [renorm_##type] = {AFFINE_ENTRY(type, identity) AFFINE_ENTRY(type, relu) AFFINE_ENTRY(type, relu6)},

// MARK: Moments

INLINE void moments_step(
    int rows, bool partial, const renorm_rows *r, const column_factors *f, ptrdiff_t i, ptrdiff_t at, ptrdiff_t count,
    renorm_type type, int unused
) {
    (void)unused;
    const elements shift = load_factor(type, f->mean, i, partial, count);
    elements sum = load_factor(type, f->first_sum, i, partial, count);
    elements squares = load_factor(type, f->second_sum, i, partial, count);
    fetch_ahead(rows, at, i, type, r->x);
    elements d[4];
#pragma unroll
    for (int k = 0; k < rows; k++) d[k] = load_elements(type, r->x, at + k * r->width, partial, count);
#pragma unroll
    for (int h = 0; h < parts_of(type); h++) {
        const vf d0 = d[0].part[h] - shift.part[h];
        if (rows == 4) {
            const vf d1 = d[1].part[h] - shift.part[h];
            const vf d2 = d[2].part[h] - shift.part[h];
            const vf d3 = d[3].part[h] - shift.part[h];
            sum.part[h] += (d0 + d1) + (d2 + d3);
            squares.part[h] += multiply_add(d1, d1, d0 * d0) + multiply_add(d3, d3, d2 * d2);
        } else {
            sum.part[h] += d0;
            squares.part[h] = multiply_add(d0, d0, squares.part[h]);
        }
    }
    store_sum(type, f->first_sum, i, sum, partial, count);
    store_sum(type, f->second_sum, i, squares, partial, count);
}

/// How many rows from memory to take together: one of bf16 would take longer for its sums than for its bytes.
#define MOMENTS_FROM_MEMORY_f32 1
#define MOMENTS_FROM_MEMORY_bf16 4

#define MOMENTS_LOOP(type)                                                                   \
    static void moments_##type(const renorm_rows *rows) {                                    \
        const renorm_rows local = *rows;                                                     \
        FOR_EACH_ROW(&local, MOMENTS_FROM_MEMORY_##type, 4, moments_step, renorm_##type, 0); \
    }
FOR_EACH_TYPE(MOMENTS_LOOP)

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

INLINE bool recomputes(renorm_mask_source mask) {
    return mask == renorm_mask_relu_recomputed || mask == renorm_mask_relu6_recomputed;
}

INLINE renorm_activation activation_of(renorm_mask_source mask) {
    const bool is_relu = mask == renorm_mask_relu_recomputed || mask == renorm_mask_relu_saved;
    return is_relu ? renorm_activation_relu : renorm_activation_relu6;
}

INLINE bool is_saved(renorm_mask_source mask) {
    return mask == renorm_mask_relu_saved || mask == renorm_mask_relu6_saved;
}

/// d = mask · (dy [+ dy2]), at elements whose x − mean is `centered`, each part on its own.
INLINE elements masked_gradient(
    bool partial, const renorm_rows *r, ptrdiff_t at, ptrdiff_t count, renorm_type type, renorm_mask_source mask,
    bool has_dy2, elements centered, elements scale, elements shift
) {
    elements d = load_elements(type, r->dy, at, partial, count);
    const elements more = has_dy2 ? load_elements(type, r->dy2, at, partial, count) : d;
    const elements output = is_saved(mask) ? load_elements(type, r->output, at, partial, count) : d;
#pragma unroll
    for (int h = 0; h < parts_of(type); h++) {
        if (has_dy2) d.part[h] += more.part[h];
        vi keeps = {};
        if (recomputes(mask)) {
            const vf y = multiply_add(scale.part[h], centered.part[h], shift.part[h]);
            keeps = passes_when_stored(type, activation_of(mask), y);
        } else if (is_saved(mask)) {
            keeps = passes(activation_of(mask), output.part[h]);
        } else {
            continue;
        }
        d.part[h] = choose(keeps, d.part[h], (vf){});
    }
    return d;
}

INLINE void fetch_gradients_ahead(
    int rows, const renorm_rows *r, ptrdiff_t at, ptrdiff_t i, renorm_type type, renorm_mask_source mask, bool has_dy2
) {
    fetch_ahead(rows, at, i, type, r->x);
    fetch_ahead(rows, at, i, type, r->dy);
    if (has_dy2) fetch_ahead(rows, at, i, type, r->dy2);
    if (is_saved(mask)) fetch_ahead(rows, at, i, type, r->output);
}

INLINE elements load_centered(
    bool partial, const renorm_rows *r, ptrdiff_t at, ptrdiff_t count, renorm_type type, elements mean
) {
    elements centered = load_elements(type, r->x, at, partial, count);
#pragma unroll
    for (int h = 0; h < parts_of(type); h++) centered.part[h] -= mean.part[h];
    return centered;
}

INLINE void affine_sums_step(
    int rows, bool partial, const renorm_rows *r, const column_factors *f, ptrdiff_t i, ptrdiff_t at, ptrdiff_t count,
    renorm_type type, renorm_mask_source mask, bool has_dy2
) {
    const elements mean = load_factor(type, f->mean, i, partial, count);
    const elements scale = recomputes(mask) ? load_factor(type, f->scale, i, partial, count) : mean;
    const elements shift = recomputes(mask) ? load_factor(type, f->shift, i, partial, count) : mean;
    elements sum = load_factor(type, f->first_sum, i, partial, count);
    elements product = load_factor(type, f->second_sum, i, partial, count);
    fetch_gradients_ahead(rows, r, at, i, type, mask, has_dy2);
#pragma unroll
    for (int k = 0; k < rows; k++, at += r->width) {
        const elements centered = load_centered(partial, r, at, count, type, mean);
        const elements d = masked_gradient(partial, r, at, count, type, mask, has_dy2, centered, scale, shift);
#pragma unroll
        for (int h = 0; h < parts_of(type); h++) {
            sum.part[h] += d.part[h];
            product.part[h] = multiply_add(d.part[h], centered.part[h], product.part[h]);
        }
    }
    store_sum(type, f->first_sum, i, sum, partial, count);
    store_sum(type, f->second_sum, i, product, partial, count);
}

INLINE void affine_backward_step(
    int rows, bool partial, const renorm_rows *r, const column_factors *f, ptrdiff_t i, ptrdiff_t at, ptrdiff_t count,
    renorm_type type, renorm_mask_source mask, bool has_dy2, bool residual_gradient
) {
    const elements mean = load_factor(type, f->mean, i, partial, count);
    const elements scale = recomputes(mask) ? load_factor(type, f->scale, i, partial, count) : mean;
    const elements shift = recomputes(mask) ? load_factor(type, f->shift, i, partial, count) : mean;
    const elements p = load_factor(type, f->p, i, partial, count);
    const elements q = load_factor(type, f->q, i, partial, count);
    const elements c = load_factor(type, f->c, i, partial, count);
    fetch_gradients_ahead(rows, r, at, i, type, mask, has_dy2);
#pragma unroll
    for (int k = 0; k < rows; k++, at += r->width) {
        const elements centered = load_centered(partial, r, at, count, type, mean);
        const elements d = masked_gradient(partial, r, at, count, type, mask, has_dy2, centered, scale, shift);
        elements dx = d;
#pragma unroll
        for (int h = 0; h < parts_of(type); h++) {
            dx.part[h] = multiply_add(p.part[h], d.part[h], multiply_add(q.part[h], centered.part[h], c.part[h]));
        }
        store_result(r, type, r->result, at, dx, partial, count);
        if (residual_gradient) store_result(r, type, r->residual_gradient, at, d, partial, count);
    }
}

#define MASKED_LOOPS(type, mask)                                                                           \
    static void affine_sums_##type##_##mask(const renorm_rows *rows) {                                     \
        const renorm_rows local = *rows;                                                                   \
        FOR_EACH_ROW(&local, 1, 2, affine_sums_step, renorm_##type, renorm_mask_##mask, false);            \
    }                                                                                                      \
    static void affine_sums_##type##_##mask##_two(const renorm_rows *rows) {                               \
        const renorm_rows local = *rows;                                                                   \
        FOR_EACH_ROW(&local, 1, 2, affine_sums_step, renorm_##type, renorm_mask_##mask, true);             \
    }                                                                                                      \
    static void affine_backward_##type##_##mask(const renorm_rows *rows) {                                 \
        const renorm_rows local = *rows;                                                                   \
        FOR_EACH_ROW(&local, 1, 1, affine_backward_step, renorm_##type, renorm_mask_##mask, false, false); \
    }                                                                                                      \
    static void affine_backward_##type##_##mask##_both(const renorm_rows *rows) {                          \
        const renorm_rows local = *rows;                                                                   \
        FOR_EACH_ROW(&local, 1, 1, affine_backward_step, renorm_##type, renorm_mask_##mask, false, true);  \
    }                                                                                                      \
    static void affine_backward_##type##_##mask##_two(const renorm_rows *rows) {                           \
        const renorm_rows local = *rows;                                                                   \
        FOR_EACH_ROW(&local, 1, 1, affine_backward_step, renorm_##type, renorm_mask_##mask, true, false);  \
    }                                                                                                      \
    static void affine_backward_##type##_##mask##_two_both(const renorm_rows *rows) {                      \
        const renorm_rows local = *rows;                                                                   \
        FOR_EACH_ROW(&local, 1, 1, affine_backward_step, renorm_##type, renorm_mask_##mask, true, true);   \
    }

#define FOR_EACH_MASK(X, type) \
    X(type, none) X(type, relu_recomputed) X(type, relu6_recomputed) X(type, relu_saved) X(type, relu6_saved)
#define BACKWARD_LOOPS(type) FOR_EACH_MASK(MASKED_LOOPS, type)
FOR_EACH_TYPE(BACKWARD_LOOPS)

#define SUMS_ENTRY(type, mask) \
    [renorm_mask_##mask] = {affine_sums_##type##_##mask, affine_sums_##type##_##mask##_two},
#define SUMS_ENTRIES(type) [renorm_##type] = {FOR_EACH_MASK(SUMS_ENTRY, type)},
#define BACKWARD_ENTRY(type, mask)                                                           \
    [renorm_mask_##mask] = {                                                                 \
        {affine_backward_##type##_##mask, affine_backward_##type##_##mask##_both},           \
        {affine_backward_##type##_##mask##_two, affine_backward_##type##_##mask##_two_both}, \
    },
#define BACKWARD_ENTRIES(type) [renorm_##type] = {FOR_EACH_MASK(BACKWARD_ENTRY, type)},
