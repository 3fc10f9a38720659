#include "Elements.h"
#include "Loops/Table.h"
#include "Team.h"

enum { maximum_cells = renorm_pooling_maximum_cells };

typedef struct {
    const renorm_loops *loops;
    renorm_pooling shape;
    const void *source;
    const uint8_t *read_choices;
    void *target;
    uint8_t *written_choices;
} pooling_pass;

/// The part of `first` ..< `first + count` inside 0 ..< `limit`.
static renorm_share inside(ptrdiff_t first, ptrdiff_t count, ptrdiff_t limit) {
    return (renorm_share){renorm_larger(first, 0), renorm_smaller(first + count, limit)};
}

/// The windows, of `limit` along an axis, that cover the cell `at` (counted from the padding's first).
static renorm_share covering(ptrdiff_t at, ptrdiff_t window, ptrdiff_t stride, ptrdiff_t limit) {
    const ptrdiff_t first = at < window ? 0 : (at - window) / stride + 1;
    return (renorm_share){first, renorm_smaller(at / stride + 1, limit)};
}

static void forward_body(void *context, int32_t thread, int32_t threads) {
    const pooling_pass *pass = context;
    const renorm_pooling s = pass->shape;
    const renorm_share mine = renorm_share_of(s.batch * s.rows, thread, threads);
    const void *cells[maximum_cells];
    uint8_t numbers[maximum_cells];
    for (ptrdiff_t row = mine.first; row < mine.end; row++) {
        const ptrdiff_t image = row / s.rows * s.height;
        const ptrdiff_t top = row % s.rows * s.stride_height - s.top;
        const renorm_share h = inside(top, s.window_height, s.height);
        for (ptrdiff_t column = 0; column < s.columns; column++) {
            const ptrdiff_t left = column * s.stride_width - s.left;
            const renorm_share w = inside(left, s.window_width, s.width);
            ptrdiff_t count = 0;
            for (ptrdiff_t i = h.first; i < h.end; i++) {
                for (ptrdiff_t j = w.first; j < w.end; j++) {
                    cells[count] = renorm_moved(s.type, pass->source, ((image + i) * s.width + j) * s.channels);
                    numbers[count++] = (uint8_t)((i - top) * s.window_width + j - left);
                }
            }
            const ptrdiff_t at = (row * s.columns + column) * s.channels;
            pass->loops->window_maximum[s.type](
                s.channels, count, cells, numbers, renorm_moved_target(s.type, pass->target, at),
                pass->written_choices ? pass->written_choices + at : NULL);
        }
    }
}

static void gradient_body(void *context, int32_t thread, int32_t threads) {
    const pooling_pass *pass = context;
    const renorm_pooling s = pass->shape;
    const renorm_share mine = renorm_share_of(s.batch * s.height, thread, threads);
    const void *dy[maximum_cells];
    const uint8_t *choices[maximum_cells];
    uint8_t numbers[maximum_cells];
    for (ptrdiff_t row = mine.first; row < mine.end; row++) {
        const ptrdiff_t image = row / s.height * s.rows * s.columns;
        const ptrdiff_t h = row % s.height + s.top;
        const renorm_share rows = covering(h, s.window_height, s.stride_height, s.rows);
        for (ptrdiff_t column = 0; column < s.width; column++) {
            const ptrdiff_t w = column + s.left;
            const renorm_share columns = covering(w, s.window_width, s.stride_width, s.columns);
            ptrdiff_t count = 0;
            for (ptrdiff_t i = rows.first; i < rows.end; i++) {
                for (ptrdiff_t j = columns.first; j < columns.end; j++) {
                    const ptrdiff_t at = (image + i * s.columns + j) * s.channels;
                    dy[count] = renorm_moved(s.type, pass->source, at);
                    choices[count] = pass->read_choices + at;
                    numbers[count++] =
                        (uint8_t)((h - i * s.stride_height) * s.window_width + w - j * s.stride_width);
                }
            }
            pass->loops->window_gradient[s.type](
                s.channels, count, dy, choices, numbers,
                renorm_moved_target(s.type, pass->target, (row * s.width + column) * s.channels));
        }
    }
}

static double pooling_bytes(renorm_pooling s) {
    return (double)(renorm_size_of(s.type) * s.batch * s.channels) * (double)(s.height * s.width + s.rows * s.columns);
}

void renorm_max_pool(renorm_team *team, renorm_pooling shape, const void *x, void *y, uint8_t *choices) {
    pooling_pass pass = {
        .loops = renorm_loops_for(team), .shape = shape, .source = x, .target = y, .written_choices = choices};
    renorm_team_run_for(team, pooling_bytes(shape), forward_body, &pass);
}

void renorm_max_pool_gradient(
    renorm_team *team, renorm_pooling shape, const void *dy, const uint8_t *choices, void *dx
) {
    pooling_pass pass = {
        .loops = renorm_loops_for(team), .shape = shape, .source = dy, .read_choices = choices, .target = dx};
    renorm_team_run_for(team, pooling_bytes(shape), gradient_body, &pass);
}
