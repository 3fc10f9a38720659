// All loops of one instruction set. The file that includes this one has named it and defined LOOPS, the table's name.

#include "Vector.h"

#include "Math.h"

#include "ProgramLoops.h"

#include "NormalizationLoops.h"

#include "ReductionLoops.h"

#include "PoolingLoops.h"

#include "SoftmaxLoops.h"

#include "CopyLoops.h"

#include "RandomLoops.h"

const renorm_loops LOOPS = {
    .name = LOOPS_NAME,
    .program = {PROGRAM_ENTRIES [renorm_op_copy] = {loop_copy, loop_copy_a}},
    .stream = loop_stream,
    .affine = {AFFINE_ENTRIES},
    .moments = moments_rows,
    .affine_sums = {FOR_EACH_MASK(SUMS_ENTRY)},
    .affine_backward = {FOR_EACH_MASK(BACKWARD_ENTRY)},
    .masked_gradient = {GRADIENT_ENTRIES},
    .join_moments = join_moments,
    .join_sums = join_sums,
    .reduce_run = {FOR_EACH_REDUCTION(RUN_ENTRY)},
    .reduce_rows = {FOR_EACH_REDUCTION(ROWS_ENTRY)},
    .window_maximum = window_maximum,
    .window_gradient = window_gradient,
    .cross_entropy = cross_entropy,
    .softmax = softmax,
    .convert = {CONVERSION_ENTRIES},
    .uniform = uniform,
    .is_finite = is_finite,
};
