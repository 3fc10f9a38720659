// Depthwise 3×3 convolutions, a row of results at a time. A few neighbouring columns are computed together for one vector of
// channels, so that the columns that their windows share are read once; then the next vector of channels, so that every
// array is read and written from end to end. Meanwhile the rows that come next are fetched: hardware begins anew at each page.
//
// Each result is summed in one order, row after row and column after column of its window, whatever is computed beside it.
// So columns that are left over may be computed again together with those before them. Taps outside the image are left out.

enum {
    taps_in_row = 3,
    /// Columns computed together, and the width of rows that are computed whole: most networks for pictures end with it.
    windows_at_once = 4,
    usual_last_width = 7,
    /// Of dy, where its products are summed: the sums go back to memory after so many.
    products_at_once = 8,
    /// Of dy, where each is spread over two of dx.
    spreads_at_once = 4,
};

INLINE vf activated(renorm_activation activation, vf v) {
    switch (activation) {
    case renorm_activation_identity: return v;
    case renorm_activation_relu: return rectified(v);
    case renorm_activation_relu6: return rectified_to_six(v);
    }
    return v;
}

/// Into L2, to be read.
INLINE void fetch_row_ahead(renorm_type type, const void *array, ptrdiff_t at) {
    __builtin_prefetch(renorm_moved(type, array, at), 0, 2);
}

/// To be written.
INLINE void claim_row_ahead(renorm_type type, const void *array, ptrdiff_t at) {
    __builtin_prefetch(renorm_moved(type, array, at), 1, 2);
}

/// Whether all taps of `width` windows lie in the row read, the first of which begins at a column.
INLINE bool is_inside(int stride, int width, ptrdiff_t begin, ptrdiff_t columns) {
    return begin >= 0 && begin + (width - 1) * stride + taps_in_row <= columns;
}

// MARK: Windows

/// `width` results from `column` on, of the vector of channels at i. `rows` is r->count, where that is known a constant.
/// Without `inside`, taps may lie outside the row.
INLINE void window_vector(
    renorm_type type, int stride, int width, ptrdiff_t rows, bool inside, const renorm_window_row *r, ptrdiff_t column,
    ptrdiff_t i, bool partial, ptrdiff_t count
) {
    const ptrdiff_t step = r->step, begin = column * stride + r->begin;
    const vf start = r->bias ? load_part(r->bias + i, partial, count) : splat(0);
    vf sum[usual_last_width];
    for (int j = 0; j < width; j++) sum[j] = start;
    for (ptrdiff_t k = 0; k < rows; k++) {
        vf tap[taps_in_row];
        for (int b = 0; b < taps_in_row; b++) {
            tap[b] = load_part(r->taps[k] + b * r->tap_step + i, partial, count);
        }
#pragma clang loop unroll(full)
        for (int at = 0; at < (width - 1) * stride + taps_in_row; at++) {
            if (!inside && (begin + at < 0 || begin + at >= r->read_columns)) continue;
            const vf value = load_in_order(type, r->read[k], (begin + at) * step + i, partial, count);
#pragma clang loop unroll(full)
            for (int b = 0; b < taps_in_row; b++) {
                const int j = (at - b) / stride;
                if (at < b || (at - b) % stride != 0 || j >= width) continue;
                sum[j] = multiply_add(value, tap[b], sum[j]);
            }
        }
    }
#pragma clang loop unroll(full)
    for (int at = 0; at < width * stride; at++) {
        for (int k = 0; k < stride; k++) fetch_row_ahead(type, r->ahead[k], (column * stride + at) * step + i);
    }
#pragma clang loop unroll(full)
    for (int j = 0; j < width; j++) claim_row_ahead(type, r->written_ahead, (column + j) * step + i);
    for (int j = 0; j < width; j++) {
        const vf result = activated(r->activation, sum[j]);
        store_part_in_order(type, r->written, (column + j) * step + i, result, partial, count);
    }
}

INLINE void windows(
    renorm_type type, int stride, int width, ptrdiff_t rows, bool inside, const renorm_window_row *row, ptrdiff_t column
) {
    // A copy, which no store can change.
    const renorm_window_row r = *row;
    FOR_EACH_VECTOR(
        r.channels, { window_vector(type, stride, width, rows, inside, &r, column, i, partial, count); });
}

INLINE void window_row(renorm_type type, int stride, const renorm_window_row *r) {
    const ptrdiff_t columns = r->written_columns;
    if (stride == 1 && columns == usual_last_width) {
        windows(type, stride, usual_last_width, r->count, false, r, 0);
        return;
    }
    if (columns < windows_at_once) {
        for (ptrdiff_t column = 0; column < columns; column++) windows(type, stride, 1, r->count, false, r, column);
        return;
    }
    for (ptrdiff_t next = 0; next < columns; next += windows_at_once) {
        const ptrdiff_t column = next + windows_at_once > columns ? columns - windows_at_once : next;
        if (!is_inside(stride, windows_at_once, column * stride + r->begin, r->read_columns)) {
            windows(type, stride, windows_at_once, r->count, false, r, column);
        } else if (r->count == taps_in_row) {
            windows(type, stride, windows_at_once, taps_in_row, true, r, column);
        } else {
            windows(type, stride, windows_at_once, r->count, true, r, column);
        }
    }
}

// MARK: Gradient by the data of stride 2

// Windows begin at every second column, so the columns of dx lie in turn under the outer taps of two windows and under the
// middle tap of one.

/// The columns of dx that windows `column` ..< column + spreads_at_once begin with, and those after them.
INLINE void spread_vector(
    renorm_type type, ptrdiff_t rows, const renorm_window_row *r, ptrdiff_t column, ptrdiff_t i, bool partial,
    ptrdiff_t count
) {
    const ptrdiff_t step = r->step, read = column * step + i, written = (2 * column + r->begin) * step + i;
    vf outer[spreads_at_once], middle[spreads_at_once];
    for (int j = 0; j < spreads_at_once; j++) outer[j] = middle[j] = splat(0);
    for (ptrdiff_t k = 0; k < rows; k++) {
        vf tap[taps_in_row];
        for (int b = 0; b < taps_in_row; b++) {
            tap[b] = load_part(r->taps[k] + b * r->tap_step + i, partial, count);
        }
        vf before = load_in_order(type, r->read[k], read - step, partial, count);
#pragma clang loop unroll(full)
        for (int j = 0; j < spreads_at_once; j++) {
            const vf here = load_in_order(type, r->read[k], read + j * step, partial, count);
            outer[j] = multiply_add(here, tap[0], multiply_add(before, tap[2], outer[j]));
            middle[j] = multiply_add(here, tap[1], middle[j]);
            before = here;
        }
    }
#pragma clang loop unroll(full)
    for (int j = 0; j < spreads_at_once; j++) {
        fetch_row_ahead(type, r->ahead[0], read + j * step);
        claim_row_ahead(type, r->written_ahead, written + 2 * j * step);
        claim_row_ahead(type, r->written_ahead, written + (2 * j + 1) * step);
    }
    for (int j = 0; j < spreads_at_once; j++) {
        store_part_in_order(type, r->written, written + 2 * j * step, outer[j], partial, count);
        store_part_in_order(type, r->written, written + (2 * j + 1) * step, middle[j], partial, count);
    }
}

INLINE void spreads(renorm_type type, ptrdiff_t rows, const renorm_window_row *row, ptrdiff_t column) {
    const renorm_window_row r = *row;
    FOR_EACH_VECTOR(r.channels, { spread_vector(type, rows, &r, column, i, partial, count); });
}

/// One column of dx, under whichever taps there are.
INLINE void spread_at_edge(renorm_type type, const renorm_window_row *r, ptrdiff_t column) {
    const ptrdiff_t step = r->step, padded = column - r->begin;
    FOR_EACH_VECTOR(r->channels, {
        vf sum = splat(0);
        for (ptrdiff_t k = 0; k < r->count; k++) {
            for (ptrdiff_t b = padded % 2 ? 1 : 2; b >= 0; b -= 2) {
                const ptrdiff_t at = (padded - b) / 2;
                if (padded < b || at >= r->read_columns) continue;
                const vf tap = load_part(r->taps[k] + b * r->tap_step + i, partial, count);
                sum = multiply_add(load_in_order(type, r->read[k], at * step + i, partial, count), tap, sum);
            }
        }
        store_part_in_order(type, r->written, column * step + i, sum, partial, count);
    });
}

INLINE void spread_row(renorm_type type, const renorm_window_row *r) {
    // Windows with one before them, both of whose columns are written.
    const ptrdiff_t first = r->begin >= -2 ? 1 : (1 - r->begin) / 2, written = (r->written_columns - r->begin) / 2;
    const ptrdiff_t end = written < r->read_columns ? written : r->read_columns;
    const bool has_whole = first + spreads_at_once <= end;
    const ptrdiff_t whole = has_whole ? 2 * first + r->begin : r->written_columns;
    for (ptrdiff_t column = 0; column < whole; column++) spread_at_edge(type, r, column);
    if (!has_whole) return;
    for (ptrdiff_t next = first; next < end; next += spreads_at_once) {
        const ptrdiff_t column = next + spreads_at_once > end ? end - spreads_at_once : next;
        if (r->count == 2) {
            spreads(type, 2, r, column);
        } else {
            spreads(type, r->count, r, column);
        }
    }
    for (ptrdiff_t column = 2 * end + r->begin; column < r->written_columns; column++) spread_at_edge(type, r, column);
}

// MARK: Gradient by the weights

/// Adds what `width` columns of dy from `column` on give for the vector of channels at i.
INLINE void product_vector(
    renorm_type type, int stride, int width, ptrdiff_t rows, bool inside, const renorm_product_row *r, ptrdiff_t column,
    ptrdiff_t i, bool partial, ptrdiff_t count
) {
    const ptrdiff_t step = r->step, begin = column * stride + r->begin;
    vf dy[products_at_once];
    for (int j = 0; j < width; j++) {
        dy[j] = load_in_order(type, r->dy, (column + j) * step + i, partial, count);
    }
    for (ptrdiff_t k = 0; k < rows; k++) {
        float *sums = r->sums[k] + i;
        vf sum[taps_in_row];
        for (int b = 0; b < taps_in_row; b++) sum[b] = load_part(sums + b * r->sum_step, partial, count);
#pragma clang loop unroll(full)
        for (int at = 0; at < (width - 1) * stride + taps_in_row; at++) {
            if (!inside && (begin + at < 0 || begin + at >= r->x_columns)) continue;
            const vf value = load_in_order(type, r->x[k], (begin + at) * step + i, partial, count);
#pragma clang loop unroll(full)
            for (int b = 0; b < taps_in_row; b++) {
                const int j = (at - b) / stride;
                if (at < b || (at - b) % stride != 0 || j >= width) continue;
                sum[b] = multiply_add(value, dy[j], sum[b]);
            }
        }
        for (int b = 0; b < taps_in_row; b++) store_part(sums + b * r->sum_step, sum[b], partial, count);
    }
#pragma clang loop unroll(full)
    for (int at = 0; at < width * stride; at++) {
        for (int k = 0; k < stride; k++) fetch_row_ahead(type, r->ahead[k], (column * stride + at) * step + i);
    }
#pragma clang loop unroll(full)
    for (int j = 0; j < width; j++) fetch_row_ahead(type, r->dy_ahead, (column + j) * step + i);
}

INLINE void products(
    renorm_type type, int stride, int width, ptrdiff_t rows, bool inside, const renorm_product_row *row, ptrdiff_t column
) {
    const renorm_product_row r = *row;
    FOR_EACH_VECTOR(
        r.channels, { product_vector(type, stride, width, rows, inside, &r, column, i, partial, count); });
}

INLINE void product_row(renorm_type type, int stride, const renorm_product_row *r) {
    ptrdiff_t column = 0;
    for (; column + products_at_once <= r->dy_columns; column += products_at_once) {
        if (!is_inside(stride, products_at_once, column * stride + r->begin, r->x_columns)) {
            products(type, stride, products_at_once, r->count, false, r, column);
        } else if (r->count == taps_in_row) {
            products(type, stride, products_at_once, taps_in_row, true, r, column);
        } else {
            products(type, stride, products_at_once, r->count, true, r, column);
        }
    }
    for (; column + 4 <= r->dy_columns; column += 4) products(type, stride, 4, r->count, false, r, column);
    for (; column + 2 <= r->dy_columns; column += 2) products(type, stride, 2, r->count, false, r, column);
    for (; column < r->dy_columns; column++) products(type, stride, 1, r->count, false, r, column);
}

/// total[i] += sum[i], and sum[i] = 0. There are whole vectors.
static void move_sums(ptrdiff_t count, float *sum, double *total) {
    for (ptrdiff_t i = 0; i < count; i += LANES) {
        store_double(total + i, load_double(total + i) + widened(load(sum + i)));
        store(sum + i, splat(0));
    }
}

/// result[i] = Σ over parts of part[p · apart + i], in double.
static void join_parts(ptrdiff_t count, ptrdiff_t parts, ptrdiff_t apart, const float *part, float *result) {
    ptrdiff_t i = 0;
    for (; i + LANES <= count; i += LANES) {
        vd sum = splat_double(0);
        for (ptrdiff_t p = 0; p < parts; p++) sum += widened(load(part + p * apart + i));
        store(result + i, __builtin_convertvector(sum, vf));
    }
    for (; i < count; i++) {
        double sum = 0;
        for (ptrdiff_t p = 0; p < parts; p++) sum += (double)part[p * apart + i];
        result[i] = (float)sum;
    }
}

/// result[i] = total[i].
static void round_totals(ptrdiff_t count, const double *total, float *result) {
    ptrdiff_t i = 0;
    for (; i + LANES <= count; i += LANES) store(result + i, __builtin_convertvector(load_double(total + i), vf));
    for (; i < count; i++) result[i] = (float)total[i];
}

#define DEPTHWISE_LOOPS(type)                                                                               \
    static void window_row_1_##type(const renorm_window_row *row) { window_row(renorm_##type, 1, row); }    \
    static void window_row_2_##type(const renorm_window_row *row) { window_row(renorm_##type, 2, row); }    \
    static void spread_row_##type(const renorm_window_row *row) { spread_row(renorm_##type, row); }         \
    static void product_row_1_##type(const renorm_product_row *row) { product_row(renorm_##type, 1, row); } \
    static void product_row_2_##type(const renorm_product_row *row) { product_row(renorm_##type, 2, row); }
FOR_EACH_TYPE(DEPTHWISE_LOOPS)
