#pragma once

#include <stddef.h>
#include <stdint.h>

/// The memory-bound passes of the CPU engine, compiled once per instruction set and chosen when the program starts.
///
/// What holds for every function here:
/// - Arrays are dense and row-major unless strides are given; sizes and strides count elements, never bytes.
/// - Pointers need only the alignment of their element (64 bytes is fastest).
/// - Where arrays may be bf16, every computation is in f32 (sums are joined in double), and what is stored is rounded to
///   the nearest bf16, ties to even; a NaN stays one.
/// - Nothing is allocated by a pass; what it needs beyond the stack is the `scratch` that the caller hands in, any
///   memory of the stated size, aligned to 8 bytes, whose content means nothing before or after.
/// - `team` may be NULL: then the calling thread does all the work. Small work runs on the calling thread anyway.
/// - Results are the same bits for the same input, number of threads and instruction set.
/// - Everything that uses one team is called from one thread, one call after the other.

#pragma clang assume_nonnull begin

// MARK: Instruction sets

/// The instruction sets for which the passes are compiled. On other processors than x86-64 only `baseline` exists.
typedef enum __attribute__((enum_extensibility(closed))) : int32_t {
    renorm_instructions_baseline = 0,
    /// x86-64-v3: AVX2 and FMA.
    renorm_instructions_avx2 = 1,
    /// x86-64-v4: AVX-512.
    renorm_instructions_avx512 = 2,
} renorm_instructions;

/// The widest instruction set of this processor: what the passes use.
renorm_instructions renorm_instructions_current(void);

/// Its name, which a run records: "avx512", "avx2", "sse2", "neon" or "baseline".
const char *renorm_instructions_name(void);

// MARK: Element types

/// The types of activations. Vectors (means, factors, sums) are f32 always.
typedef enum __attribute__((enum_extensibility(closed))) : int32_t {
    renorm_f32 = 0,
    /// The upper half of an f32.
    renorm_bf16 = 1,
} renorm_type;

// MARK: Team

/// A fixed number of threads that share the work of a pass.
typedef struct renorm_team renorm_team;

/// What every thread of the team executes: `thread` is in 0 ..< `threads`, the caller's own is 0.
typedef void (*renorm_team_body)(void *_Nullable context, int32_t thread, int32_t threads);

/// How many threads, the calling one among them, the system lets a program have at once: `threads`, or fewer. They are
/// started and ended.
int32_t renorm_threads_that_start(int32_t threads);

/// Makes a team. Given all three functions of the OpenMP runtime that oneDNN uses (libgomp's `GOMP_parallel`,
/// `omp_get_thread_num`, `omp_get_num_threads`, from dlsym), it joins that runtime's threads: busy threads of two pools
/// would slow each other down. Given NULL for any of them, it starts `threads` − 1 threads of its own.
/// NULL if memory or threads are lacking.
renorm_team *_Nullable renorm_team_create(
    int32_t threads, void *_Nullable gomp_parallel, void *_Nullable omp_get_thread_num,
    void *_Nullable omp_get_num_threads);

/// Ends the team's own threads and frees it.
void renorm_team_destroy(renorm_team *team);

/// The number of threads it was made for.
int32_t renorm_team_threads(const renorm_team *team);

/// Makes the passes that are given this team use another instruction set (for tests and measurements).
/// Returns 0 and changes nothing if this processor or build lacks it.
int32_t renorm_team_select(renorm_team *team, renorm_instructions instructions);

/// Runs `body` on every thread of the team and returns when all have ended. Writes made before are visible inside, and
/// writes made inside are visible after. Must not be nested.
void renorm_team_run(renorm_team *team, renorm_team_body body, void *_Nullable context);

// MARK: Elementwise programs

/// What an instruction computes. NaN goes in, NaN comes out, except where noted. Comparisons and `is_finite` give 1 or 0.
typedef enum __attribute__((enum_extensibility(closed))) : int32_t {
    // One operand: a.
    renorm_op_copy,
    renorm_op_negate,
    renorm_op_exp,
    renorm_op_log,
    renorm_op_sqrt,
    /// 1 / sqrt(a), two exact operations.
    renorm_op_rsqrt,
    renorm_op_abs,
    renorm_op_logistic,
    renorm_op_tanh,
    renorm_op_erf,
    renorm_op_relu,
    renorm_op_relu6,
    /// −1, ±0 or 1.
    renorm_op_sign,
    renorm_op_is_finite,
    // Two operands: a, b.
    renorm_op_add,
    renorm_op_subtract,
    renorm_op_multiply,
    renorm_op_divide,
    /// NaN if either operand is.
    renorm_op_maximum,
    renorm_op_minimum,
    /// C's `pow`, special cases included.
    renorm_op_power,
    renorm_op_equal,
    renorm_op_not_equal,
    renorm_op_less,
    renorm_op_less_equal,
    renorm_op_greater,
    renorm_op_greater_equal,
    // Three operands: a, b, c.
    /// b where a ≠ 0, else c (a NaN counts as ≠ 0).
    renorm_op_select,
} renorm_op;

/// One instruction. Operands are numbers of values: first the program's inputs (0 ..< inputs), then its constants, then
/// the results of the instructions before this one. Operands beyond those that `op` takes are ignored.
typedef struct {
    renorm_op op;
    int32_t a;
    int32_t b;
    int32_t c;
} renorm_instruction;

/// Where the element (i, j) of the loop nest [outer, inner] lies: pointer + i · outer_stride + j · inner_stride.
typedef struct {
    /// Any number; 0 repeats along outer.
    ptrdiff_t outer_stride;
    /// 1, or 0 to repeat along inner (inputs only).
    ptrdiff_t inner_stride;
    /// Of the array; the program computes in f32.
    renorm_type type;
} renorm_operand;

/// An array that the program writes.
typedef struct {
    /// The number of the value to write.
    int32_t value;
    /// If the array is the same memory as an input's, that input's number (strides and types must be equal), else −1.
    /// Outputs must not overlap an input in any other way, nor each other.
    int32_t in_place_of;
    renorm_operand operand;
} renorm_program_output;

/// A cluster of elementwise operations that is executed in one pass over memory, its intermediate values in L1.
typedef struct {
    ptrdiff_t outer;
    ptrdiff_t inner;
    int32_t input_count;
    const renorm_operand *_Nullable inputs;
    int32_t constant_count;
    const float *_Nullable constants;
    int32_t instruction_count;
    const renorm_instruction *_Nullable instructions;
    int32_t output_count;
    const renorm_program_output *outputs;
} renorm_program_description;

/// A program made ready to run: loops collapsed, registers assigned, instructions on scalars hoisted.
typedef struct renorm_program renorm_program;

/// The limits of one program; split a larger cluster.
enum {
    renorm_program_maximum_inputs = 64,
    renorm_program_maximum_outputs = 64,
    renorm_program_maximum_instructions = 1024,
};

/// Makes a program; the description need not outlive the call. NULL if it is malformed (an operand that does not come
/// earlier, an inner stride other than 0 or 1, an output in place of an input that lies otherwise), beyond the limits
/// above, needs more than 96 values at once, or if memory is lacking.
renorm_program *_Nullable renorm_program_create(const renorm_program_description *description);

/// Frees a program.
void renorm_program_destroy(renorm_program *program);

/// Executes it on the arrays given, one pointer for each input and output, in the description's order.
void renorm_program_run(
    const renorm_program *program, renorm_team *_Nullable team, const void *_Nonnull const *_Nullable inputs,
    void *_Nonnull const *_Nonnull outputs);

// MARK: Normalization

/// An activation [rows, channels], its rows in `groups` equal groups of consecutive rows. `rows` counts every position of
/// every example (batch · height · width) and is a multiple of `groups`. Vectors are [groups, channels].
typedef struct {
    ptrdiff_t rows;
    ptrdiff_t channels;
    ptrdiff_t groups;
    /// Of everything that has the activation's shape: x, residual, y, dy, dy2, the saved output, dx, residual_gradient.
    renorm_type type;
} renorm_extent;

typedef enum __attribute__((enum_extensibility(closed))) : int32_t {
    renorm_activation_identity = 0,
    renorm_activation_relu = 1,
    renorm_activation_relu6 = 2,
} renorm_activation;

/// Bytes of scratch for `renorm_moments` and `renorm_affine_sums` with a team of so many threads (1 for no team).
size_t renorm_normalization_scratch(renorm_extent extent, int32_t threads);

/// mean[g, c] and the biased variance[g, c] (divided by rows / groups; never negative) of x, in one pass. Sums of
/// x − shift with a shift near the mean, combined in double (Chan, Golub, LeVeque 1983), so mean 1000 with deviation 1
/// loses nothing.
void renorm_moments(
    renorm_team *_Nullable team, renorm_extent extent, const void *x, float *mean, float *variance, void *scratch);

/// y = activation(scale · (x − mean) + shift [+ residual]). y may be x or the residual.
void renorm_affine(
    renorm_team *_Nullable team, renorm_extent extent, const void *x, const float *mean, const float *scale,
    const float *shift, const void *_Nullable residual, renorm_activation activation, void *y);

/// Which gradients an activation lets pass: those where 0 < y (ReLU) or 0 < y < 6 (ReLU6).
typedef struct {
    renorm_activation activation;
    /// The saved output of the forward pass: needed if that had a residual. If NULL, y is computed again from x, with the
    /// same bits as `renorm_affine` gave (rounded to the activation's type), from:
    const void *_Nullable output;
    const float *_Nullable scale;
    const float *_Nullable shift;
} renorm_mask;

/// With d = mask · (dy [+ dy2]): sum[g, c] = Σ d and product[g, c] = Σ d · (x − mean), in one pass.
void renorm_affine_sums(
    renorm_team *_Nullable team, renorm_extent extent, const void *x, const float *mean, renorm_mask mask,
    const void *dy, const void *_Nullable dy2, float *sum, float *product, void *scratch);

/// With d as above: dx = p · d + q · (x − mean) + c, and if asked residual_gradient = d.
/// Each output may be any of x, dy, dy2 and the saved output, but the two outputs are apart.
void renorm_affine_backward(
    renorm_team *_Nullable team, renorm_extent extent, const void *x, const float *mean, renorm_mask mask,
    const void *dy, const void *_Nullable dy2, const float *p, const float *q, const float *c, void *dx,
    void *_Nullable residual_gradient);

/// How averages follow the moments of groups with gains that tune themselves.
typedef struct {
    ptrdiff_t groups;
    ptrdiff_t channels;
    /// Added to variances under the root.
    float epsilon;
    /// How fast gains follow the agreement of innovations.
    float adaptation;
    /// The agreement at which a gain stays as it is.
    float margin;
    /// How fast the averages of that agreement forget.
    float memory;
    /// The smallest and the largest gain.
    float floor;
    float ceiling;
    /// The gain that averages which come without one begin with.
    float inherited;
    /// How many times the noise's variance the square of an innovation, or its product with the one before, must be to count as no
    /// noise. Infinity: never.
    float significance;
    /// The largest ratio r of a group's deviation to the average after it, and of the latter to the former.
    float largest_ratio;
    /// The largest distance d of a group's mean to the average after it, in average deviations.
    float largest_shift;
    /// After n steps both limits are max(1, n · widening) times as wide.
    double widening;
    /// Deviations are averaged as they are, rather than their logarithms.
    int32_t arithmetic;
    /// A group's variance is counted around the posterior mean.
    int32_t total;
} renorm_moment_filter;

/// Filters the moments of groups [2, groups, channels] (means, biased variances), one group after another:
/// e = (mean_B − mean) / deviation and e' = log(deviation_B / deviation); each gain K is multiplied by
/// exp(adaptation · (C / S − margin)), where S and C are averages of e² and of e · e of the group before, over the channels too; then
/// mean += K · deviation · e and deviation ·= exp(K' · e'). What the noise N = S − C cannot explain counts at once (N is
/// corrected for S and C having begun at 0, as many groups ago as `count` says). Where e² is more than
/// significance · N, the group is normalized with what gains of 1 − significance · N / e² make of the averages, and e counts from then on
/// as if its square were significance · N. Where the product of e with the e before is more than that, K becomes product / (product + N)
/// at least. The group is normalized with what results, within the limits of r and d.
///
/// `innovations` [2, channels] and `gains` [2, 3] (K, S, C; K is 0 where it is unknown) are the state before, `count` is
/// the number of steps that made the averages: 0 sets them by the first group. `result` gets [4, groups, channels]
/// (the means and deviations to normalize each group with, and the parts of its own in them), then innovations, averages [2, channels]
/// and gains after.
void renorm_filter_moments(
    renorm_team *_Nullable team, renorm_moment_filter filter, const float *moments, const float *mean,
    const float *deviation, const float *innovations, const float *gains, const float *count, float *result);

// MARK: Reductions

typedef enum __attribute__((enum_extensibility(closed))) : int32_t {
    /// Sums are combined in double.
    renorm_reduction_sum,
    renorm_reduction_sum_of_squares,
    /// NaN if any element is; −∞ of no elements.
    renorm_reduction_maximum,
    renorm_reduction_minimum,
    /// How many elements are 0, of either sign.
    renorm_reduction_zeros,
    /// Of x − y, combined in double.
    renorm_reduction_squared_differences,
} renorm_reduction;

/// Bytes of scratch for `renorm_reduce`.
size_t renorm_reduce_scratch(ptrdiff_t outer, ptrdiff_t reduced, ptrdiff_t inner, int32_t threads);

/// result[o, i] = factor · reduction over r of x[o, r, i], x being [outer, reduced, inner].
/// The mean is a sum with factor 1 / reduced. `type` is that of x, and of y, which squared differences need alone.
void renorm_reduce(
    renorm_team *_Nullable team, renorm_reduction reduction, ptrdiff_t outer, ptrdiff_t reduced, ptrdiff_t inner,
    renorm_type type, const void *x, const void *_Nullable y, double factor, float *result, void *scratch);

// MARK: Max pooling

enum { renorm_pooling_maximum_cells = 256 };

/// Windows over images [batch, height, width, channels], which give [batch, rows, columns, channels]. A window has at most
/// 256 cells; at least one of them lies inside the image, the first window begins `top` and `left` cells before it.
typedef struct {
    ptrdiff_t batch;
    ptrdiff_t height;
    ptrdiff_t width;
    ptrdiff_t channels;
    ptrdiff_t rows;
    ptrdiff_t columns;
    ptrdiff_t window_height;
    ptrdiff_t window_width;
    ptrdiff_t stride_height;
    ptrdiff_t stride_width;
    ptrdiff_t top;
    ptrdiff_t left;
    /// Of x, y, dy and dx.
    renorm_type type;
} renorm_pooling;

/// y = the largest value of each window, NaN if it has one; if asked, choices = which cell of the window it is, the first
/// in row order among equals.
void renorm_max_pool(
    renorm_team *_Nullable team, renorm_pooling pooling, const void *x, void *y, uint8_t *_Nullable choices);

/// dx = Σ of dy over the windows that chose the cell.
void renorm_max_pool_gradient(
    renorm_team *_Nullable team, renorm_pooling pooling, const void *dy, const uint8_t *choices, void *dx);

// MARK: Depthwise convolutions

/// Convolutions of 3×3 taps of each channel by itself, over images [batch, height, width, channels], which give
/// [batch, rows, columns, channels]. The first window begins `top` and `left` cells before the image; what lies outside is 0.
/// Weights and their gradients are f32 always, [3, 3, channels].
typedef struct {
    ptrdiff_t batch;
    ptrdiff_t height;
    ptrdiff_t width;
    ptrdiff_t channels;
    ptrdiff_t rows;
    ptrdiff_t columns;
    /// 1 or 2, down and across.
    ptrdiff_t stride;
    ptrdiff_t top;
    ptrdiff_t left;
    /// Of x, y, dy and dx.
    renorm_type type;
} renorm_depthwise;

/// y = activation(Σ of a window · weight [+ bias]). Sums go through a window row by row, fused where the instruction set can.
void renorm_depthwise_forward(
    renorm_team *_Nullable team, renorm_depthwise convolution, const void *x, const float *weight,
    const float *_Nullable bias, renorm_activation activation, void *y);

/// dx = Σ of dy · weight over the windows that cover the cell.
void renorm_depthwise_data_gradient(
    renorm_team *_Nullable team, renorm_depthwise convolution, const void *dy, const float *weight, void *dx);

/// Bytes of scratch for `renorm_depthwise_weight_gradient`, whatever the team.
size_t renorm_depthwise_scratch(renorm_depthwise convolution);

/// gradient = Σ over the windows of x · dy: short runs in f32, joined in double. The number of threads does not change the order.
void renorm_depthwise_weight_gradient(
    renorm_team *_Nullable team, renorm_depthwise convolution, const void *x, const void *dy, float *gradient,
    void *scratch);

// MARK: Softmax cross-entropy

/// loss[n] = −Σₖ target[n, k] · log softmax(logits[n])ₖ with target = (1 − smoothing) · onehot(label) + smoothing / classes
/// (PyTorch's label smoothing). A label outside 0 ..< classes gives NaN.
void renorm_cross_entropy(
    renorm_team *_Nullable team, ptrdiff_t examples, ptrdiff_t classes, const float *logits, const int32_t *labels,
    float smoothing, float *loss);

/// gradient[n, k] = (softmax(logits[n])ₖ − target[n, k]) · loss_gradient[n]. gradient may be logits.
void renorm_cross_entropy_gradient(
    renorm_team *_Nullable team, ptrdiff_t examples, ptrdiff_t classes, const float *logits, const int32_t *labels,
    float smoothing, const float *loss_gradient, float *gradient);

// MARK: Copies

/// The element types of source and destination.
typedef enum __attribute__((enum_extensibility(closed))) : int32_t {
    /// Four bytes, unchanged: f32 or i32.
    renorm_copy_words,
    /// One byte, unchanged.
    renorm_copy_bytes,
    renorm_copy_u8_to_f32,
    renorm_copy_i32_to_f32,
    /// Towards zero; saturating, NaN gives 0.
    renorm_copy_f32_to_i32,
    /// Towards zero; saturating, NaN gives 0.
    renorm_copy_f32_to_u8,
    /// To the nearest, ties to even; a NaN stays one.
    renorm_copy_f32_to_bf16,
    renorm_copy_bf16_to_f32,
    /// Two bytes, unchanged: bf16.
    renorm_copy_halves,
} renorm_copy_kind;

enum { renorm_copy_maximum_rank = 6 };

/// destination[Σ iₐ · destination_strides[a]] = source[Σ iₐ · source_strides[a]] for all indices iₐ in 0 ..< sizes[a].
/// A transpose permutes strides, a slice or a piece of a concatenation moves the pointer, a broadcast has source stride 0,
/// padding is `renorm_fill` and a copy into the interior. Strides may be negative; a destination stride is 0 only where
/// the size is 1. Source and destination do not overlap. Rank at most 6.
void renorm_copy(
    renorm_team *_Nullable team, renorm_copy_kind kind, int32_t rank, const ptrdiff_t *_Nullable sizes,
    const ptrdiff_t *_Nullable source_strides, const ptrdiff_t *_Nullable destination_strides, const void *source,
    void *destination);

/// Sets `count` elements.
void renorm_fill(
    renorm_team *_Nullable team, renorm_type type, ptrdiff_t count, float value, void *destination);

// MARK: Random numbers

/// values[i] uniform in [0, 1): word i mod 4 of Philox4x32-10's block (Salmon et al., SC 2011) with key `seed` and counter
/// (i div 4, step, stream's low half, its high half), its upper 24 bits times 2⁻²⁴. `count` is at most 2³⁴.
void renorm_uniform(
    renorm_team *_Nullable team, uint64_t seed, uint64_t stream, uint32_t step, ptrdiff_t count, float *values);

// MARK: Resampling of pictures

/// What each new value of a line is made of: old ones that follow one another, with weights. Where there are none, the new value is 0.
typedef struct {
    /// The number of new values.
    ptrdiff_t count;
    /// The old one that each new one begins with.
    const int32_t *first;
    /// Where the weights of each new one begin, and where the last one's end: count + 1 places.
    const int32_t *start;
    /// In units of 2⁻²². The sum of those of one new value is about 1, that of their magnitudes below 2.
    const int32_t *weight;
} renorm_taps;

/// New rows of pixels: target[r, x, c] = the sum of weights times source[r, first + …, c], rounded to the nearest whole number (halves
/// up) and clipped to a byte: Pillow's arithmetic. Sums are whole numbers, so they are the same in any order.
///
/// Source rows are `source_width` pixels apart, and pixel 0 of `taps` is the first of a row; target rows are taps.count pixels.
/// No team works here: pictures are read by threads that the engine knows nothing of. Without the instruction set asked for, the
/// widest there is does it.
void renorm_resample_rows(
    renorm_instructions instructions, renorm_taps taps, ptrdiff_t channels, ptrdiff_t rows, ptrdiff_t source_width,
    const uint8_t *source, uint8_t *target);

/// The same down the columns: target[y, i] of source[first + …, i], i < width. Source rows are `source_stride` values apart.
void renorm_resample_columns(
    renorm_instructions instructions, renorm_taps taps, ptrdiff_t width, ptrdiff_t source_stride, const uint8_t *source,
    uint8_t *target);

// MARK: Colours of pictures

/// Each value of pixels of three channels away from its pixel's gray g: g + factor · (v − g) in f32, cut off to a byte and rounded down;
/// g = (19595·r + 38470·g + 7471·b + 2¹⁵) / 2¹⁶ (Pillow's `ImageEnhance.Color`). Without a team, as resampling.
void renorm_saturate(renorm_instructions instructions, ptrdiff_t pixels, float factor, uint8_t *values);

/// Adds to the hue of pixels of three channels, which are brought to hue, saturation and value in bytes and back by Pillow's arithmetic.
void renorm_turn_hue(renorm_instructions instructions, ptrdiff_t pixels, uint8_t shift, uint8_t *values);

// MARK: Checksums

/// Brings a CRC-32, as zip and zlib have it (0 before the first byte), on by the first of `count` bytes: by as many as the processor has
/// instructions for, often a multiple of 16, perhaps none. The rest is the caller's. Returns how many. Without a team.
size_t renorm_crc32(uint32_t *crc, const void *bytes, size_t count);

// MARK: Guards

/// 1 if every one of `count` floats is finite, else 0.
int32_t renorm_is_finite(renorm_team *_Nullable team, ptrdiff_t count, const float *values);

#pragma clang assume_nonnull end

#include "RenormWinograd.h"
