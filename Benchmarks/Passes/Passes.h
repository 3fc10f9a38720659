#pragma once

#include "RenormKernels.h"

/// The arrays and factors of one case; every array has the same number of bytes.
typedef struct {
    renorm_team *team;
    renorm_extent extent;
    void *x, *residual, *y, *dy, *dx, *residual_gradient;
    float *mean, *scale, *shift, *p, *q, *c, *first, *second;
    void *scratch;
} pass_case;

typedef struct {
    const char *name;
    /// How many arrays must be read or written.
    int arrays;
    void (*run)(const pass_case *c);
} benchmark_pass;

enum { benchmark_pass_count = 9 };

/// What is measured, the two ways of copying first.
extern const benchmark_pass benchmark_passes[benchmark_pass_count];

/// Sums of passes: a normalization's forward and backward.
typedef struct {
    const char *name;
    int parts[2];
} benchmark_sum;

enum { benchmark_sum_count = 4 };

extern const benchmark_sum benchmark_sums[benchmark_sum_count];
