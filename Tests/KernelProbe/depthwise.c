// Depthwise convolutions of random shapes against plain loops in double, every array exactly as long as it is used, so that the
// sanitizers see each step beyond it: `make sanitize`.

#include "probe.h"

/// A value that bf16 has, below 1.
static float small_number(void) { return (float)(int)(next() % 255) / 128 - 1; }

static void *allocated(ptrdiff_t count, size_t size) {
    void *result = malloc((size_t)count * size + (count == 0));
    if (!result) exit(2);
    return result;
}

/// The same numbers as f32 and as bf16.
typedef struct {
    ptrdiff_t count;
    float *f32;
    uint16_t *bf16;
} numbers;

static numbers make_numbers(ptrdiff_t count) {
    numbers n = {count, allocated(count, sizeof(float)), allocated(count, sizeof(uint16_t))};
    for (ptrdiff_t i = 0; i < count; i++) {
        n.f32[i] = small_number();
        uint32_t bits;
        memcpy(&bits, &n.f32[i], sizeof bits);
        n.bf16[i] = (uint16_t)(bits >> 16);
    }
    return n;
}

static void free_numbers(numbers n) {
    free(n.f32);
    free(n.bf16);
}

static double value(renorm_type type, const void *array, ptrdiff_t at) {
    if (type == renorm_f32) return (double)((const float *)array)[at];
    const uint32_t bits = (uint32_t)((const uint16_t *)array)[at] << 16;
    float result;
    memcpy(&result, &bits, sizeof result);
    return (double)result;
}

static int failures = 0;

static void check(
    const char *what, renorm_depthwise s, renorm_type type, ptrdiff_t count, const void *found, const double *expected,
    double tolerance
) {
    for (ptrdiff_t i = 0; i < count; i++) {
        const double apart = fabs(value(type, found, i) - expected[i]);
        if (apart <= tolerance * (1 + fabs(expected[i]))) continue;
        printf(
            "%s of %td x %td x %td x %td, stride %td, %s: element %td is %g, expected %g\n", what, s.batch, s.height,
            s.width, s.channels, s.stride, s.type == renorm_f32 ? "f32" : "bf16", i, value(type, found, i), expected[i]);
        failures++;
        return;
    }
}

static void try_shape(renorm_depthwise s, renorm_team **teams, int team_count) {
    const numbers x = make_numbers(s.batch * s.height * s.width * s.channels);
    const numbers dy = make_numbers(s.batch * s.rows * s.columns * s.channels);
    const numbers weight = make_numbers(9 * s.channels), bias = make_numbers(s.channels);
    double *y = calloc((size_t)dy.count + 1, sizeof *y), *dx = calloc((size_t)x.count + 1, sizeof *dx);
    double *gradient = calloc((size_t)weight.count + 1, sizeof *gradient);
    if (!y || !dx || !gradient) exit(2);
    for (ptrdiff_t i = 0; i < dy.count; i++) y[i] = (double)bias.f32[i % s.channels];
    for (ptrdiff_t at = 0; at < dy.count; at++) {
        const ptrdiff_t c = at % s.channels, column = at / s.channels % s.columns;
        const ptrdiff_t row = at / s.channels / s.columns % s.rows, image = at / s.channels / s.columns / s.rows;
        for (ptrdiff_t tap = 0; tap < 9; tap++) {
            const ptrdiff_t h = row * s.stride - s.top + tap / 3, w = column * s.stride - s.left + tap % 3;
            if (h < 0 || h >= s.height || w < 0 || w >= s.width) continue;
            const ptrdiff_t cell = ((image * s.height + h) * s.width + w) * s.channels + c, of = tap * s.channels + c;
            y[at] += (double)x.f32[cell] * (double)weight.f32[of];
            dx[cell] += (double)dy.f32[at] * (double)weight.f32[of];
            gradient[of] += (double)x.f32[cell] * (double)dy.f32[at];
        }
    }
    for (int t = 0; t < team_count; t++) {
        for (renorm_type type = renorm_f32; type <= renorm_bf16; type++) {
            s.type = type;
            const bool is_f32 = type == renorm_f32;
            const size_t size = is_f32 ? sizeof(float) : sizeof(uint16_t);
            const double tolerance = is_f32 ? 1e-5 : 0x1p-8;
            const void *in = is_f32 ? (const void *)x.f32 : x.bf16, *out = is_f32 ? (const void *)dy.f32 : dy.bf16;
            void *result = allocated(dy.count, size), *data = allocated(x.count, size);
            void *scratch = allocated((ptrdiff_t)renorm_depthwise_scratch(s), 1);
            float *sums = allocated(weight.count, sizeof *sums);
            renorm_depthwise_forward(teams[t], s, in, weight.f32, bias.f32, renorm_activation_identity, result);
            check("forward", s, type, dy.count, result, y, tolerance);
            renorm_depthwise_data_gradient(teams[t], s, out, weight.f32, data);
            check("gradient by the data", s, type, x.count, data, dx, tolerance);
            renorm_depthwise_weight_gradient(teams[t], s, in, out, sums, scratch);
            check("gradient by the weights", s, renorm_f32, weight.count, sums, gradient, 1e-4);
            free(result);
            free(data);
            free(scratch);
            free(sums);
        }
    }
    free_numbers(x);
    free_numbers(dy);
    free_numbers(weight);
    free_numbers(bias);
    free(y);
    free(dx);
    free(gradient);
}

int main(void) {
    renorm_team *teams[6];
    int team_count = 0;
    for (renorm_instructions set = renorm_instructions_baseline; set <= renorm_instructions_avx512; set++) {
        for (int32_t threads = 1; threads <= 3; threads += 2) {
            renorm_team *team = renorm_team_create(threads, NULL, NULL, NULL);
            if (!team) return 2;
            if (renorm_team_select(team, set)) {
                teams[team_count++] = team;
            } else {
                renorm_team_destroy(team);
            }
        }
    }
    for (int i = 0; i < 300; i++) {
        const ptrdiff_t stride = pick(1, 2), top = pick(0, 4), left = pick(0, 4);
        const ptrdiff_t height = pick(1, 12), width = pick(1, 20), channels = i % 30 == 0 ? pick(250, 530) : pick(1, 40);
        const ptrdiff_t tall = height + top + pick(0, 4), wide = width + left + pick(0, 4);
        const renorm_depthwise shape = {
            .batch = pick(1, 3), .height = height, .width = width, .channels = channels,
            .rows = tall < 3 ? 1 : (tall - 3) / stride + 1, .columns = wide < 3 ? 1 : (wide - 3) / stride + 1,
            .stride = stride, .top = top, .left = left};
        try_shape(shape, teams, team_count);
    }
    for (int t = 0; t < team_count; t++) renorm_team_destroy(teams[t]);
    printf("depthwise: %d wrong results\n", failures);
    return failures > 0;
}
