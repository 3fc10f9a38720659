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
    case renorm_activation_relu: return clamp_below(y, 0);
    case renorm_activation_relu6: return clamp_above(clamp_below(y, 0), 6);
    }
}

/// Forward and the mask of backward both call this one: their decisions must agree bit for bit.
INLINE vf affine_value(vf x, vf mean, vf scale, vf shift) { return multiply_add(scale, x - mean, shift); }

/// Runs STEP for all rows and columns, `WIDE` rows together where they are wide. STEP is an inlined function that takes the
/// number of rows, partial, the rows, the offset of the first row, column, count, and what follows here (the type first).
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
INLINE void prefetch_next_rows(
    int rows, const renorm_rows *r, ptrdiff_t offset, ptrdiff_t i, renorm_type type, const void *array
) {
    if (rows != rows_at_once || r->width > widest_together) return;
    const char *next = renorm_moved(type, array, offset + rows_at_once * (r->width + i));
    const int bytes = rows_at_once * LANES * (int)renorm_size_of(type);
#pragma unroll
    for (int line = 0; line < (bytes + 63) / 64; line++) __builtin_prefetch(next + 64 * line);
}

INLINE void store_result(
    const renorm_rows *r, renorm_type type, void *array, ptrdiff_t at, vf v, bool partial, ptrdiff_t count
) {
    if (!partial && r->streams) {
        stream_elements(type, array, at, v);
    } else {
        store_elements(type, array, at, v, partial, count);
    }
}

// MARK: Forward

INLINE void affine_step(
    int rows, bool partial, const renorm_rows *r, ptrdiff_t offset, ptrdiff_t i, ptrdiff_t count, renorm_type type,
    renorm_activation activation, bool residual
) {
    const vf mean = load_part(r->mean + i, partial, count);
    const vf scale = load_part(r->scale + i, partial, count);
    const vf shift = load_part(r->shift + i, partial, count);
    prefetch_next_rows(rows, r, offset, i, type, r->x);
    if (residual) prefetch_next_rows(rows, r, offset, i, type, r->residual);
#pragma unroll
    for (int k = 0; k < rows; k++) {
        const ptrdiff_t at = offset + k * r->width + i;
        vf y = affine_value(load_elements(type, r->x, at, partial, count), mean, scale, shift);
        if (residual) y = y + load_elements(type, r->residual, at, partial, count);
        y = activate(activation, y);
        store_result(r, type, r->result, at, y, partial, count);
    }
}

#define AFFINE_LOOP(type, activation)                                                               \
    static void affine_##type##_##activation(const renorm_rows *rows) {                             \
        const renorm_rows local = *rows;                                                            \
        FOR_EACH_ROW(&local, 1, affine_step, renorm_##type, renorm_activation_##activation, false); \
    }                                                                                               \
    static void affine_##type##_##activation##_residual(const renorm_rows *rows) {                  \
        const renorm_rows local = *rows;                                                            \
        FOR_EACH_ROW(&local, 1, affine_step, renorm_##type, renorm_activation_##activation, true);  \
    }
#define AFFINE_LOOPS(type) AFFINE_LOOP(type, identity) AFFINE_LOOP(type, relu) AFFINE_LOOP(type, relu6)
FOR_EACH_TYPE(AFFINE_LOOPS)

#define AFFINE_ENTRY(type, activation) \
    [renorm_activation_##activation] = {affine_##type##_##activation, affine_##type##_##activation##_residual},
#define AFFINE_ENTRIES(type) \
    [renorm_##type] = {AFFINE_ENTRY(type, identity) AFFINE_ENTRY(type, relu) AFFINE_ENTRY(type, relu6)},

// MARK: Moments

INLINE void moments_step(
    int rows, bool partial, const renorm_rows *r, ptrdiff_t offset, ptrdiff_t i, ptrdiff_t count, renorm_type type
) {
    const vf shift = load_part(r->mean + i, partial, count);
    vf sum = load_part(r->first_sum + i, partial, count);
    vf squares = load_part(r->second_sum + i, partial, count);
    prefetch_next_rows(rows, r, offset, i, type, r->x);
    if (rows == 4) {
        const ptrdiff_t at = offset + i;
        const vf d0 = load_elements(type, r->x, at, partial, count) - shift;
        const vf d1 = load_elements(type, r->x, at + r->width, partial, count) - shift;
        const vf d2 = load_elements(type, r->x, at + 2 * r->width, partial, count) - shift;
        const vf d3 = load_elements(type, r->x, at + 3 * r->width, partial, count) - shift;
        sum = sum + ((d0 + d1) + (d2 + d3));
        squares = squares + (multiply_add(d1, d1, d0 * d0) + multiply_add(d3, d3, d2 * d2));
    } else {
        const vf d = load_elements(type, r->x, offset + i, partial, count) - shift;
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

#define MOMENTS_LOOP(type)                                     \
    static void moments_##type(const renorm_rows *rows) {      \
        const renorm_rows local = *rows;                       \
        clear_sums(&local);                                    \
        FOR_EACH_ROW(&local, 4, moments_step, renorm_##type);  \
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

INLINE bool is_saved(renorm_mask_source mask) {
    return mask == renorm_mask_relu_saved || mask == renorm_mask_relu6_saved;
}

/// d = mask · (dy [+ dy2]).
INLINE vf masked_gradient(
    bool partial, const renorm_rows *r, ptrdiff_t at, ptrdiff_t count, renorm_type type, renorm_mask_source mask,
    bool has_dy2, vf centered, vf scale, vf shift
) {
    vf d = load_elements(type, r->dy, at, partial, count);
    if (has_dy2) d = d + load_elements(type, r->dy2, at, partial, count);
    const vf output = is_saved(mask) ? load_elements(type, r->output, at, partial, count) : d;
    const vf y = recomputes(mask) ? multiply_add(scale, centered, shift) : d;
    switch (mask) {
    case renorm_mask_relu_recomputed:
        return choose(passes_when_stored(type, renorm_activation_relu, y), d, (vf){});
    case renorm_mask_relu6_recomputed:
        return choose(passes_when_stored(type, renorm_activation_relu6, y), d, (vf){});
    case renorm_mask_relu_saved:
        return choose(passes(renorm_activation_relu, output), d, (vf){});
    case renorm_mask_relu6_saved:
        return choose(passes(renorm_activation_relu6, output), d, (vf){});
    default: return d;
    }
}

INLINE void prefetch_next_gradients(
    int rows, const renorm_rows *r, ptrdiff_t offset, ptrdiff_t i, renorm_type type, renorm_mask_source mask,
    bool has_dy2
) {
    prefetch_next_rows(rows, r, offset, i, type, r->x);
    prefetch_next_rows(rows, r, offset, i, type, r->dy);
    if (has_dy2) prefetch_next_rows(rows, r, offset, i, type, r->dy2);
    if (is_saved(mask)) prefetch_next_rows(rows, r, offset, i, type, r->output);
}

INLINE void affine_sums_step(
    int rows, bool partial, const renorm_rows *r, ptrdiff_t offset, ptrdiff_t i, ptrdiff_t count, renorm_type type,
    renorm_mask_source mask, bool has_dy2
) {
    const vf mean = load_part(r->mean + i, partial, count);
    const vf scale = recomputes(mask) ? load_part(r->scale + i, partial, count) : mean;
    const vf shift = recomputes(mask) ? load_part(r->shift + i, partial, count) : mean;
    vf sum = {}, product = {};
    prefetch_next_gradients(rows, r, offset, i, type, mask, has_dy2);
#pragma unroll
    for (int k = 0; k < rows; k++) {
        const ptrdiff_t at = offset + k * r->width + i;
        const vf centered = load_elements(type, r->x, at, partial, count) - mean;
        const vf d = masked_gradient(partial, r, at, count, type, mask, has_dy2, centered, scale, shift);
        sum = sum + d;
        product = multiply_add(d, centered, product);
    }
    store_part(r->first_sum + i, load_part(r->first_sum + i, partial, count) + sum, partial, count);
    store_part(r->second_sum + i, load_part(r->second_sum + i, partial, count) + product, partial, count);
}

INLINE void affine_backward_step(
    int rows, bool partial, const renorm_rows *r, ptrdiff_t offset, ptrdiff_t i, ptrdiff_t count, renorm_type type,
    renorm_mask_source mask, bool has_dy2, bool residual_gradient
) {
    const vf mean = load_part(r->mean + i, partial, count);
    const vf scale = recomputes(mask) ? load_part(r->scale + i, partial, count) : mean;
    const vf shift = recomputes(mask) ? load_part(r->shift + i, partial, count) : mean;
    const vf p = load_part(r->p + i, partial, count);
    const vf q = load_part(r->q + i, partial, count);
    const vf c = load_part(r->c + i, partial, count);
    prefetch_next_gradients(rows, r, offset, i, type, mask, has_dy2);
#pragma unroll
    for (int k = 0; k < rows; k++) {
        const ptrdiff_t at = offset + k * r->width + i;
        const vf centered = load_elements(type, r->x, at, partial, count) - mean;
        const vf d = masked_gradient(partial, r, at, count, type, mask, has_dy2, centered, scale, shift);
        const vf dx = multiply_add(p, d, multiply_add(q, centered, c));
        store_result(r, type, r->result, at, dx, partial, count);
        if (residual_gradient) store_result(r, type, r->residual_gradient, at, d, partial, count);
    }
}

#define MASKED_LOOPS(type, mask)                                                                        \
    static void affine_sums_##type##_##mask(const renorm_rows *rows) {                                  \
        const renorm_rows local = *rows;                                                                \
        clear_sums(&local);                                                                             \
        FOR_EACH_ROW(&local, 2, affine_sums_step, renorm_##type, renorm_mask_##mask, false);            \
    }                                                                                                   \
    static void affine_sums_##type##_##mask##_two(const renorm_rows *rows) {                            \
        const renorm_rows local = *rows;                                                                \
        clear_sums(&local);                                                                             \
        FOR_EACH_ROW(&local, 2, affine_sums_step, renorm_##type, renorm_mask_##mask, true);             \
    }                                                                                                   \
    static void affine_backward_##type##_##mask(const renorm_rows *rows) {                              \
        const renorm_rows local = *rows;                                                                \
        FOR_EACH_ROW(&local, 1, affine_backward_step, renorm_##type, renorm_mask_##mask, false, false); \
    }                                                                                                   \
    static void affine_backward_##type##_##mask##_both(const renorm_rows *rows) {                       \
        const renorm_rows local = *rows;                                                                \
        FOR_EACH_ROW(&local, 1, affine_backward_step, renorm_##type, renorm_mask_##mask, false, true);  \
    }                                                                                                   \
    static void affine_backward_##type##_##mask##_two(const renorm_rows *rows) {                        \
        const renorm_rows local = *rows;                                                                \
        FOR_EACH_ROW(&local, 1, affine_backward_step, renorm_##type, renorm_mask_##mask, true, false);  \
    }                                                                                                   \
    static void affine_backward_##type##_##mask##_two_both(const renorm_rows *rows) {                   \
        const renorm_rows local = *rows;                                                                \
        FOR_EACH_ROW(&local, 1, affine_backward_step, renorm_##type, renorm_mask_##mask, true, true);   \
    }

#define GRADIENT_LOOP(type, name, mask, has_dy2)                                                                     \
    static void gradient_##type##_##name(const renorm_rows *rows) {                                                  \
        const renorm_rows local = *rows;                                                                             \
        const vf none = {};                                                                                          \
        FOR_EACH_VECTOR(local.width, {                                                                               \
            const vf d = masked_gradient(partial, &local, i, count, renorm_##type, mask, has_dy2, none, none, none); \
            store_elements(renorm_##type, local.result, i, d, partial, count);                                       \
        });                                                                                                          \
    }

#define FOR_EACH_MASK(X, type) \
    X(type, none) X(type, relu_recomputed) X(type, relu6_recomputed) X(type, relu_saved) X(type, relu6_saved)
#define BACKWARD_LOOPS(type)                                      \
    FOR_EACH_MASK(MASKED_LOOPS, type)                             \
    GRADIENT_LOOP(type, none, renorm_mask_none, false)            \
    GRADIENT_LOOP(type, none_two, renorm_mask_none, true)         \
    GRADIENT_LOOP(type, relu, renorm_mask_relu_saved, false)      \
    GRADIENT_LOOP(type, relu_two, renorm_mask_relu_saved, true)   \
    GRADIENT_LOOP(type, relu6, renorm_mask_relu6_saved, false)    \
    GRADIENT_LOOP(type, relu6_two, renorm_mask_relu6_saved, true)
FOR_EACH_TYPE(BACKWARD_LOOPS)

#define SUMS_ENTRY(type, mask)                                                               \
    [renorm_mask_##mask] = {affine_sums_##type##_##mask, affine_sums_##type##_##mask##_two},
#define SUMS_ENTRIES(type) [renorm_##type] = {FOR_EACH_MASK(SUMS_ENTRY, type)},
#define BACKWARD_ENTRY(type, mask)                                                           \
    [renorm_mask_##mask] = {                                                                 \
        {affine_backward_##type##_##mask, affine_backward_##type##_##mask##_both},           \
        {affine_backward_##type##_##mask##_two, affine_backward_##type##_##mask##_two_both}, \
    },
#define BACKWARD_ENTRIES(type) [renorm_##type] = {FOR_EACH_MASK(BACKWARD_ENTRY, type)},
#define GRADIENT_ENTRIES(type)                                                              \
    [renorm_##type] = {                                                                     \
        [renorm_mask_none] = {gradient_##type##_none, gradient_##type##_none_two},          \
        [renorm_mask_relu_saved] = {gradient_##type##_relu, gradient_##type##_relu_two},    \
        [renorm_mask_relu6_saved] = {gradient_##type##_relu6, gradient_##type##_relu6_two}, \
    },
