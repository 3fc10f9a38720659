#include <string.h>

#include "Elements.h"
#include "Loops/Table.h"
#include "Team.h"

// Depthwise 3×3 convolutions: which rows are computed from which, and who computes them. Work is handed out in items of one
// row and some channels, so that the taps of an item stay in L1 and images of few rows keep every thread busy.

enum {
    taps = 3,
    most_channels = 256,
    /// So many products of one tap are summed in f32, then added in double.
    products_in_sum = 256,
    /// A gradient by weights is summed in parts of several rows, each by one thread: at most so many parts, each of at
    /// least so many products, or joining them would take longer than it spares.
    most_parts = 32,
    products_in_part = 128,
};

typedef struct {
    const renorm_loops *loops;
    renorm_depthwise shape;
    const void *x;
    const void *y;
    const float *weight;
    const float *bias;
    renorm_activation activation;
    void *target;
    float *parts;
} depthwise_pass;

/// How many pieces the channels are divided into.
static ptrdiff_t pieces_of(ptrdiff_t channels) { return (channels + most_channels - 1) / most_channels; }

/// The channels of one piece: equal shares in whole cache lines.
static renorm_share piece_of(ptrdiff_t channels, ptrdiff_t piece) {
    const ptrdiff_t pieces = pieces_of(channels);
    const ptrdiff_t each = (channels + 16 * pieces - 1) / (16 * pieces) * 16;
    return (renorm_share){renorm_smaller(piece * each, channels), renorm_smaller((piece + 1) * each, channels)};
}

/// Row `row` of all images' rows, from channel `first` on; the last one instead of those after it.
static const void *row_of(
    renorm_depthwise s, const void *array, ptrdiff_t row, ptrdiff_t rows, ptrdiff_t columns, ptrdiff_t first
) {
    return renorm_moved(s.type, array, renorm_smaller(row, s.batch * rows - 1) * columns * s.channels + first);
}

static const void *x_row(const depthwise_pass *pass, ptrdiff_t row, ptrdiff_t first) {
    return row_of(pass->shape, pass->x, row, pass->shape.height, pass->shape.width, first);
}

static const void *y_row(const depthwise_pass *pass, ptrdiff_t row, ptrdiff_t first) {
    return row_of(pass->shape, pass->y, row, pass->shape.rows, pass->shape.columns, first);
}

/// A row of the result, to be filled in.
static renorm_window_row window_row(
    const depthwise_pass *pass, ptrdiff_t row, ptrdiff_t rows, ptrdiff_t columns, renorm_share channels
) {
    const renorm_depthwise s = pass->shape;
    return (renorm_window_row){
        .channels = channels.end - channels.first,
        .step = s.channels,
        .written_columns = columns,
        .tap_step = s.channels,
        .bias = pass->bias ? pass->bias + channels.first : NULL,
        .activation = pass->activation,
        .written = (void *)row_of(s, pass->target, row, rows, columns, channels.first),
        .written_ahead = row_of(s, pass->target, row + 1, rows, columns, channels.first),
    };
}

static void add_taps(renorm_window_row *row, const void *read, const float *first_tap) {
    row->read[row->count] = read;
    row->taps[row->count++] = first_tap;
}

static void forward_body(void *context, int32_t thread, int32_t threads) {
    const depthwise_pass *pass = context;
    const renorm_depthwise s = pass->shape;
    const ptrdiff_t pieces = pieces_of(s.channels);
    const renorm_share mine = renorm_share_of(s.batch * s.rows * pieces, thread, threads);
    for (ptrdiff_t item = mine.first; item < mine.end; item++) {
        const renorm_share channels = piece_of(s.channels, item % pieces);
        const ptrdiff_t at = item / pieces, first_row = at / s.rows * s.height, top = at % s.rows * s.stride - s.top;
        renorm_window_row row = window_row(pass, at, s.rows, s.columns, channels);
        row.read_columns = s.width;
        row.begin = -s.left;
        for (ptrdiff_t a = 0; a < taps; a++) {
            if (top + a < 0 || top + a >= s.height) continue;
            const float *first_tap = pass->weight + taps * a * s.channels + channels.first;
            add_taps(&row, x_row(pass, first_row + top + a, channels.first), first_tap);
        }
        for (ptrdiff_t k = 0; k < s.stride; k++) {
            row.ahead[k] = x_row(pass, renorm_larger(first_row + top + taps + k, 0), channels.first);
        }
        pass->loops->window_row[s.type][s.stride - 1](&row);
    }
}

/// Of stride 1 this is a convolution of dy with the taps in reverse; of stride 2 every second row is under the outer rows of
/// taps of two windows, those between under the middle row of one.
static void data_gradient_body(void *context, int32_t thread, int32_t threads) {
    const depthwise_pass *pass = context;
    const renorm_depthwise s = pass->shape;
    const ptrdiff_t pieces = pieces_of(s.channels);
    const renorm_share mine = renorm_share_of(s.batch * s.height * pieces, thread, threads);
    for (ptrdiff_t item = mine.first; item < mine.end; item++) {
        const renorm_share channels = piece_of(s.channels, item % pieces);
        const ptrdiff_t at = item / pieces, first_row = at / s.height * s.rows, padded = at % s.height + s.top;
        renorm_window_row row = window_row(pass, at, s.height, s.width, channels);
        row.read_columns = s.columns;
        for (ptrdiff_t a = taps - 1; a >= 0; a--) {
            const ptrdiff_t y = (padded - a) / s.stride;
            if (padded < a || (padded - a) % s.stride != 0 || y >= s.rows) continue;
            const ptrdiff_t first_tap = taps * a + (s.stride == 1 ? taps - 1 : 0);
            add_taps(
                &row, y_row(pass, first_row + y, channels.first),
                pass->weight + first_tap * s.channels + channels.first);
        }
        row.ahead[0] = row.ahead[1] = y_row(pass, first_row + padded / s.stride + 1, channels.first);
        if (s.stride == 1) {
            row.begin = s.left - (taps - 1);
            row.tap_step = -s.channels;
            pass->loops->window_row[s.type][0](&row);
        } else {
            row.begin = -s.left;
            pass->loops->spread_row[s.type](&row);
        }
    }
}

static double bytes_of(renorm_depthwise s) {
    return (double)(renorm_size_of(s.type) * s.batch * s.channels) * (double)(s.height * s.width + s.rows * s.columns);
}

void renorm_depthwise_forward(
    renorm_team *team, renorm_depthwise shape, const void *x, const float *weight, const float *bias,
    renorm_activation activation, void *y
) {
    depthwise_pass pass = {
        .loops = renorm_loops_for(team), .shape = shape, .x = x, .weight = weight, .bias = bias,
        .activation = activation, .target = y};
    renorm_team_run_for(team, bytes_of(shape), forward_body, &pass);
}

void renorm_depthwise_data_gradient(
    renorm_team *team, renorm_depthwise shape, const void *dy, const float *weight, void *dx
) {
    depthwise_pass pass = {
        .loops = renorm_loops_for(team), .shape = shape, .y = dy, .weight = weight, .target = dx};
    renorm_team_run_for(team, bytes_of(shape), data_gradient_body, &pass);
}

// MARK: Gradient by the weights

/// How many rows of dy are summed by themselves. The shape alone decides, so the bits do not depend on the team.
static ptrdiff_t rows_in_part(renorm_depthwise s) {
    const ptrdiff_t enough = (products_in_part + s.columns - 1) / s.columns;
    return renorm_larger(enough, (s.batch * s.rows + most_parts - 1) / most_parts);
}

static ptrdiff_t parts_of(renorm_depthwise s) {
    const ptrdiff_t each = rows_in_part(s);
    return (s.batch * s.rows + each - 1) / each;
}

size_t renorm_depthwise_scratch(renorm_depthwise shape) {
    const ptrdiff_t parts = parts_of(shape);
    return parts > 1 ? (size_t)(parts * taps * taps * shape.channels) * sizeof(float) : 0;
}

/// A row of dy and what its products are added to.
static void add_products(const depthwise_pass *pass, ptrdiff_t at, renorm_share channels, float *sums, ptrdiff_t sum_step) {
    const renorm_depthwise s = pass->shape;
    const ptrdiff_t first_row = at / s.rows * s.height, top = at % s.rows * s.stride - s.top;
    renorm_product_row row = {
        .channels = channels.end - channels.first,
        .step = s.channels,
        .x_columns = s.width,
        .dy_columns = s.columns,
        .begin = -s.left,
        .dy = y_row(pass, at, channels.first),
        .sum_step = sum_step,
        .dy_ahead = y_row(pass, at + 1, channels.first),
    };
    for (ptrdiff_t a = 0; a < taps; a++) {
        if (top + a < 0 || top + a >= s.height) continue;
        row.x[row.count] = x_row(pass, first_row + top + a, channels.first);
        row.sums[row.count++] = sums + taps * a * sum_step;
    }
    for (ptrdiff_t k = 0; k < s.stride; k++) {
        row.ahead[k] = x_row(pass, renorm_larger(first_row + top + taps + k, 0), channels.first);
    }
    pass->loops->product_row[s.type][s.stride - 1](&row);
}

/// The products of rows first ..< end of dy and some channels.
static void sum_part(const depthwise_pass *pass, ptrdiff_t first, ptrdiff_t end, renorm_share channels, float *part) {
    float sums[taps * taps * most_channels] __attribute__((aligned(64)));
    double totals[taps * taps * most_channels] __attribute__((aligned(64)));
    const ptrdiff_t width = channels.end - channels.first, step = (width + 15) / 16 * 16, count = taps * taps * step;
    memset(sums, 0, (size_t)count * sizeof *sums);
    memset(totals, 0, (size_t)count * sizeof *totals);
    const ptrdiff_t columns = pass->shape.columns;
    ptrdiff_t products = 0;
    for (ptrdiff_t at = first; at < end; at++) {
        if (products > 0 && products + columns > products_in_sum) {
            pass->loops->move_sums(count, sums, totals);
            products = 0;
        }
        add_products(pass, at, channels, sums, step);
        products += columns;
    }
    pass->loops->move_sums(count, sums, totals);
    for (ptrdiff_t tap = 0; tap < taps * taps; tap++) {
        pass->loops->round_totals(width, totals + tap * step, part + tap * pass->shape.channels + channels.first);
    }
}

static void weight_gradient_body(void *context, int32_t thread, int32_t threads) {
    const depthwise_pass *pass = context;
    const renorm_depthwise s = pass->shape;
    const ptrdiff_t pieces = pieces_of(s.channels), parts = parts_of(s), rows = rows_in_part(s);
    const renorm_share mine = renorm_share_of(parts * pieces, thread, threads);
    for (ptrdiff_t item = mine.first; item < mine.end; item++) {
        const ptrdiff_t part = item / pieces;
        sum_part(
            pass, part * rows, renorm_smaller((part + 1) * rows, s.batch * s.rows), piece_of(s.channels, item % pieces),
            pass->parts + part * taps * taps * s.channels);
    }
}

/// Joins what the parts have, in their order.
static void join_body(void *context, int32_t thread, int32_t threads) {
    const depthwise_pass *pass = context;
    const ptrdiff_t parts = parts_of(pass->shape), count = taps * taps * pass->shape.channels;
    const renorm_share mine = renorm_share_of(count, thread, threads);
    pass->loops->join_parts(
        mine.end - mine.first, parts, count, pass->parts + mine.first, (float *)pass->target + mine.first);
}

void renorm_depthwise_weight_gradient(
    renorm_team *team, renorm_depthwise shape, const void *x, const void *dy, float *gradient, void *scratch
) {
    const bool has_parts = parts_of(shape) > 1;
    depthwise_pass pass = {
        .loops = renorm_loops_for(team), .shape = shape, .x = x, .y = dy, .target = gradient,
        .parts = has_parts ? scratch : gradient};
    renorm_team_run_for(team, bytes_of(shape), weight_gradient_body, &pass);
    if (has_parts) renorm_team_run_for(team, (double)renorm_depthwise_scratch(shape), join_body, &pass);
}
