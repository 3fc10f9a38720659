#include "Passes.h"

#include "Copying.h"

typedef struct {
    const pass_case *c;
    void (*copy)(char *restrict to, const char *restrict from, size_t bytes);
} copy_run;

static size_t bytes_of(renorm_extent e) {
    return (size_t)e.rows * (size_t)e.channels * (e.type == renorm_bf16 ? 2 : 4);
}

static void copy_body(void *context, int32_t thread, int32_t threads) {
    const copy_run *run = context;
    const size_t lines = bytes_of(run->c->extent) / 64;
    const size_t first = lines * (size_t)thread / (size_t)threads, end = lines * ((size_t)thread + 1) / (size_t)threads;
    run->copy((char *)run->c->y + 64 * first, (const char *)run->c->x + 64 * first, 64 * (end - first));
}

static void run_memcpy(const pass_case *c) { renorm_team_run(c->team, copy_body, &(copy_run){c, copy_plain}); }

static void run_streaming_copy(const pass_case *c) {
    renorm_team_run(c->team, copy_body, &(copy_run){c, copy_streaming});
}

static void run_moments(const pass_case *c) {
    renorm_moments(c->team, c->extent, c->x, c->first, c->second, c->scratch);
}

static void run_affine(const pass_case *c) {
    renorm_affine(c->team, c->extent, c->x, c->mean, c->scale, c->shift, NULL, renorm_activation_relu, c->y);
}

static void run_affine_residual(const pass_case *c) {
    renorm_affine(c->team, c->extent, c->x, c->mean, c->scale, c->shift, c->residual, renorm_activation_relu, c->y);
}

static renorm_mask recomputed(const pass_case *c) {
    return (renorm_mask){.activation = renorm_activation_relu, .scale = c->scale, .shift = c->shift};
}

static renorm_mask saved(const pass_case *c) {
    return (renorm_mask){.activation = renorm_activation_relu, .output = c->y};
}

static void run_sums(const pass_case *c) {
    renorm_affine_sums(
        c->team, c->extent, c->x, c->mean, recomputed(c), c->dy, NULL, c->first, c->second, c->scratch);
}

static void run_backward(const pass_case *c) {
    renorm_affine_backward(
        c->team, c->extent, c->x, c->mean, recomputed(c), c->dy, NULL, c->p, c->q, c->c, c->dx, NULL);
}

static void run_sums_saved(const pass_case *c) {
    renorm_affine_sums(c->team, c->extent, c->x, c->mean, saved(c), c->dy, NULL, c->first, c->second, c->scratch);
}

static void run_backward_residual(const pass_case *c) {
    renorm_affine_backward(
        c->team, c->extent, c->x, c->mean, saved(c), c->dy, NULL, c->p, c->q, c->c, c->dx, c->residual_gradient);
}

const benchmark_pass benchmark_passes[benchmark_pass_count] = {
    {"copy: memcpy", 2, run_memcpy},
    {"copy: streaming", 2, run_streaming_copy},
    {"moments", 1, run_moments},
    {"affine, ReLU", 2, run_affine},
    {"affine, residual, ReLU", 3, run_affine_residual},
    {"sums", 2, run_sums},
    {"gradient", 3, run_backward},
    {"sums, saved output", 3, run_sums_saved},
    {"gradient, residual's too", 5, run_backward_residual},
};

const benchmark_sum benchmark_sums[benchmark_sum_count] = {
    {"forward", {2, 3}},
    {"forward, residual", {2, 4}},
    {"backward", {5, 6}},
    {"backward, residual", {7, 8}},
};
