// Convolutions by Winograd's algorithm of random shapes against plain loops in double, every array exactly as long as it is
// used, so that the sanitizers see each step beyond it: `make sanitize`.

#include "probe.h"

/// Memory of exactly so many bytes, aligned to 64, full of NaN.
static void *allocated(size_t bytes) {
    void *result = NULL;
    if (posix_memalign(&result, 64, bytes ? bytes : 1) != 0) exit(2);
    memset(result, 0xff, bytes);
    return result;
}

static float *make_numbers(ptrdiff_t count) {
    float *values = allocated((size_t)count * sizeof(float));
    for (ptrdiff_t i = 0; i < count; i++) values[i] = (float)(int)(next() % 255) / 128 - 1;
    return values;
}

/// Where the weight of output k, input c and a tap lies.
static ptrdiff_t place(ptrdiff_t k, ptrdiff_t c, ptrdiff_t tap, ptrdiff_t inputs) {
    return ((k / 16 * (inputs / 16) + c / 16) * 9 + tap) * 256 + c % 16 * 16 + k % 16;
}

/// Adds to each direction's result what one place of y and one of x have in common.
static void add_pair(
    renorm_winograd_shape s, const float *x, const float *dy, const float *weights, ptrdiff_t tap, double *y, double *dx,
    double *dw
) {
    for (ptrdiff_t k = 0; k < s.outputs; k++) {
        for (ptrdiff_t c = 0; c < s.inputs; c++) {
            const ptrdiff_t at = place(k, c, tap, s.inputs);
            y[k] += (double)x[c] * weights[at];
            dx[c] += (double)dy[k] * weights[at];
            dw[at] += (double)dy[k] * x[c];
        }
    }
}

static double worst(const float *found, const double *expected, ptrdiff_t count) {
    double squares = 1e-30, most = 0;
    for (ptrdiff_t i = 0; i < count; i++) squares += expected[i] * expected[i];
    for (ptrdiff_t i = 0; i < count; i++) {
        const double error = fabs(found[i] - expected[i]);
        if (!(error <= most)) most = error;
    }
    return most / sqrt(squares / (double)count);
}

static int try_shape(renorm_winograd_shape s, renorm_team *team, int32_t threads, ptrdiff_t tile, bool filters_first) {
    const ptrdiff_t height = s.height + s.top + s.bottom - 2, width = s.width + s.left + s.right - 2;
    const ptrdiff_t xs = s.images * s.height * s.width * s.inputs, ys = s.images * height * width * s.outputs;
    const ptrdiff_t ws = 9 * s.inputs * s.outputs;
    float *x = make_numbers(xs), *dy = make_numbers(ys), *weights = make_numbers(ws);
    double *y = calloc((size_t)ys, sizeof(double)), *dx = calloc((size_t)xs, sizeof(double));
    double *dw = calloc((size_t)ws, sizeof(double));
    if (!y || !dx || !dw) exit(2);
    for (ptrdiff_t n = 0; n < s.images; n++) {
        for (ptrdiff_t i = 0; i < height; i++) {
            for (ptrdiff_t j = 0; j < width; j++) {
                for (ptrdiff_t tap = 0; tap < 9; tap++) {
                    const ptrdiff_t row = i + tap / 3 - s.top, column = j + tap % 3 - s.left;
                    if (row < 0 || row >= s.height || column < 0 || column >= s.width) continue;
                    const ptrdiff_t at = ((n * height + i) * width + j) * s.outputs;
                    const ptrdiff_t from = ((n * s.height + row) * s.width + column) * s.inputs;
                    add_pair(s, x + from, dy + at, weights, tap, y + at, dx + from, dw);
                }
            }
        }
    }
    int failures = 0;
    for (renorm_winograd_direction d = renorm_winograd_forward; d <= renorm_winograd_weight_gradient; d++) {
        renorm_winograd plan = renorm_winograd_planned(d, s, tile, threads);
        if (d != renorm_winograd_weight_gradient) plan.blocks.filters_first = filters_first;
        const ptrdiff_t count = d == renorm_winograd_forward ? ys : d == renorm_winograd_input_gradient ? xs : ws;
        const double *expected = d == renorm_winograd_forward ? y : d == renorm_winograd_input_gradient ? dx : dw;
        float *result = allocated((size_t)count * sizeof(float)), *scratch = allocated(renorm_winograd_scratch(&plan));
        float *filters = allocated(renorm_winograd_filter_bytes(&plan));
        if (d == renorm_winograd_weight_gradient) {
            renorm_winograd_weigh(&plan, team, x, dy, result, scratch);
        } else {
            const bool prepared = renorm_winograd_filter_bytes(&plan) > 0;
            if (prepared) renorm_winograd_transform_filters(&plan, team, weights, filters);
            const renorm_winograd_epilogue none = {NULL, NULL, renorm_activation_identity};
            renorm_winograd_convolve(
                &plan, team, d == renorm_winograd_forward ? x : dy, prepared ? filters : weights, none, result, scratch);
        }
        const double error = worst(result, expected, count);
        if (!(error < 2e-5)) {
            failures++;
            printf(
                "direction %d, tile %td, %td×%td×%td×%td to %td: off by %g\n", (int)d, tile, s.images, s.height, s.width,
                s.inputs, s.outputs, error);
        }
        free(result);
        free(scratch);
        free(filters);
    }
    free(x);
    free(dy);
    free(weights);
    free(y);
    free(dx);
    free(dw);
    return failures;
}

int main(int count, char **arguments) {
    const int cases = count > 1 ? atoi(arguments[1]) : 60;
    int failures = 0;
    for (int i = 0; i < cases; i++) {
        const renorm_winograd_shape shape = {
            pick(1, 4), pick(1, 11), pick(1, 11), 16 * pick(1, 5), 16 * pick(1, 5), pick(1, 2), pick(1, 2), pick(1, 2),
            pick(1, 2),
        };
        const int32_t threads = (int32_t)pick(1, 3);
        for (renorm_instructions set = renorm_instructions_baseline; set <= renorm_instructions_avx512; set++) {
            renorm_team *team = renorm_team_create(threads, NULL, NULL, NULL);
            if (!team) exit(2);
            if (renorm_team_select(team, set)) failures += try_shape(shape, team, threads, i % 2 ? 4 : 2, i % 4 < 2);
            renorm_team_destroy(team);
        }
    }
    printf("%d cases, %d failures\n", cases, failures);
    return failures != 0;
}
