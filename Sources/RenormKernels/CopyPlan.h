#pragma once

#include <stdbool.h>

#include "include/RenormKernels.h"

typedef struct {
    ptrdiff_t size, source_stride, destination_stride;
} renorm_copy_axis;

/// A strided copy as a loop nest: axes of size 1 left out, neighbouring axes joined where one stride serves both, the
/// destination's strides falling inwards.
typedef struct {
    int32_t outer_rank;
    renorm_copy_axis outer[renorm_copy_maximum_rank];
    ptrdiff_t outer_count;
    /// The innermost axis.
    renorm_copy_axis line;
    /// Whether `across` is worked on together with `line`: the source is contiguous along it, the destination along `line`.
    bool transposes;
    renorm_copy_axis across;
} renorm_copy_plan;

/// Returns the number of elements.
ptrdiff_t renorm_copy_plan_make(
    renorm_copy_plan *plan, bool words, int32_t rank, const ptrdiff_t *sizes, const ptrdiff_t *source_strides,
    const ptrdiff_t *destination_strides);
