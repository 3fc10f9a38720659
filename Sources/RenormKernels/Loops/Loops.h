// All loops of one instruction set. The file that includes this one has named it and defined LOOPS, the table's name.

#include "Vector.h"

#include "ElementVectors.h"

#include "Math.h"

#include "ProgramLoops.h"

#include "RowWalk.h"

#include "NormalizationLoops.h"

#include "FilterLoops.h"

#include "ReductionLoops.h"

#include "PoolingLoops.h"

#include "DepthwiseLoops.h"

#include "SoftmaxLoops.h"

#include "CopyLoops.h"

#include "RandomLoops.h"

#include "ResamplingLoops.h"

#include "ColourLoops.h"

#include "WinogradLoops.h"

const renorm_loops LOOPS = {
    .name = LOOPS_NAME,
    .program = {PROGRAM_ENTRIES [renorm_op_copy] = {loop_copy, loop_copy_a}},
    .stream = loop_stream,
    .stream_narrowed = stream_narrowed,
    .affine = {FOR_EACH_TYPE(AFFINE_ENTRIES)},
    .moments = {moments_f32, moments_bf16},
    .affine_sums = {FOR_EACH_TYPE(SUMS_ENTRIES)},
    .affine_backward = {FOR_EACH_TYPE(BACKWARD_ENTRIES)},
    .join_moments = join_moments,
    .join_sums = join_sums,
    .filter_group = filter_group,
    .limit_group = limit_group,
    .reduce_run = {FOR_EACH_TYPE(RUN_ENTRIES)},
    .reduce_rows = {FOR_EACH_TYPE(ROWS_ENTRIES)},
    .window_maximum = {window_maximum_f32, window_maximum_bf16},
    .window_gradient = {window_gradient_f32, window_gradient_bf16},
    .window_row = {{window_row_1_f32, window_row_2_f32}, {window_row_1_bf16, window_row_2_bf16}},
    .spread_row = {spread_row_f32, spread_row_bf16},
    .product_row = {{product_row_1_f32, product_row_2_f32}, {product_row_1_bf16, product_row_2_bf16}},
    .round_totals = round_totals,
    .join_parts = join_parts,
    .move_sums = move_sums,
    .cross_entropy = cross_entropy,
    .cross_entropy_gradient = cross_entropy_gradient,
    .convert = {CONVERSION_ENTRIES},
    .uniform = uniform,
    .resample_rows = resample_rows,
    .resample_column = resample_column,
    .saturate = saturate,
    .turn_hue = turn_hue,
    .is_finite = is_finite,
    .winograd = {WINOGRAD_ENTRIES(2), WINOGRAD_ENTRIES(4)},
    .turn_filters = turn_filters,
    .multiply_channels = multiply_channels,
    .multiply_tiles = multiply_tiles,
};
