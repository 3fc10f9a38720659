#pragma once

#include <stddef.h>
#include <stdint.h>

// Our own declarations of what we use of oneDNN's C API, version 3.0 and newer, so that building needs no oneDNN: it is
// loaded when the program runs. Enumerations are passed as `uint32_t`, which they are compatible with; a test compiles
// this header together with oneDNN's own and compares every constant and every signature.

/// The oldest version that has these functions.
#define ONEDNN_MINIMUM_MAJOR 3

typedef struct dnnl_engine *onednn_engine;
typedef struct dnnl_stream *onednn_stream;
typedef struct dnnl_memory *onednn_memory;
typedef struct dnnl_memory_desc *onednn_memory_desc;
typedef const struct dnnl_memory_desc *onednn_const_memory_desc;
typedef struct dnnl_primitive *onednn_primitive;
typedef const struct dnnl_primitive *onednn_const_primitive;
typedef struct dnnl_primitive_desc *onednn_primitive_desc;
typedef const struct dnnl_primitive_desc *onednn_const_primitive_desc;
typedef struct dnnl_primitive_attr *onednn_attr;
typedef const struct dnnl_primitive_attr *onednn_const_attr;
typedef struct dnnl_post_ops *onednn_post_ops;
typedef const struct dnnl_post_ops *onednn_const_post_ops;
typedef uint32_t onednn_status;

/// `dnnl_exec_arg_t`: which argument of a primitive, and its memory.
typedef struct {
    int arg;
    onednn_memory memory;
} onednn_argument;

/// `dnnl_version_t`.
typedef struct {
    int major;
    int minor;
    int patch;
    const char *hash;
    unsigned cpu_runtime;
    unsigned gpu_runtime;
} onednn_version;

/// The constants that we use: our name's end, its value, oneDNN's name.
#define ONEDNN_CONSTANTS(X) \
    X(success, 0, dnnl_success) \
    X(out_of_memory, 1, dnnl_out_of_memory) \
    X(invalid_arguments, 2, dnnl_invalid_arguments) \
    X(unimplemented, 3, dnnl_unimplemented) \
    X(runtime_error, 5, dnnl_runtime_error) \
    X(runtime_omp, 2, DNNL_RUNTIME_OMP) \
    X(maximum_rank, 12, DNNL_MAX_NDIMS) \
    X(cpu, 1, dnnl_cpu) \
    X(stream_in_order, 1, dnnl_stream_in_order) \
    X(type_bf16, 2, dnnl_bf16) \
    X(type_f32, 3, dnnl_f32) \
    X(tag_any, 1, dnnl_format_tag_any) \
    X(tag_weights_16i16o, 79, dnnl_OIhw16i16o) \
    X(scratchpad_user, 1, dnnl_scratchpad_mode_user) \
    X(forward_training, 64, dnnl_forward_training) \
    X(forward_inference, 96, dnnl_forward_inference) \
    X(convolution_direct, 1, dnnl_convolution_direct) \
    X(eltwise_clip, 46, dnnl_eltwise_clip) \
    X(eltwise_hardswish, 52, dnnl_eltwise_hardswish) \
    X(binary_add, 131056, dnnl_binary_add) \
    X(pooling_max, 511, dnnl_pooling_max) \
    X(pooling_average_with_padding, 767, dnnl_pooling_avg_include_padding) \
    X(pooling_average_without_padding, 1023, dnnl_pooling_avg_exclude_padding) \
    X(query_implementation, 8, dnnl_query_impl_info_str) \
    X(query_source, 129, dnnl_query_src_md) \
    X(query_weights, 131, dnnl_query_weights_md) \
    X(query_weight_gradient, 132, dnnl_query_diff_weights_md) \
    X(query_destination, 133, dnnl_query_dst_md) \
    X(query_workspace, 135, dnnl_query_workspace_md) \
    X(query_scratchpad, 136, dnnl_query_scratchpad_md) \
    X(query_argument, 255, dnnl_query_exec_arg_md) \
    X(query_rank, 256, dnnl_query_ndims_s32) \
    X(query_sizes, 257, dnnl_query_dims) \
    X(isa_avx2, 0x7, dnnl_cpu_isa_avx2) \
    X(isa_avx512, 0x27, dnnl_cpu_isa_avx512_core) \
    X(isa_avx512_bf16, 0xe7, dnnl_cpu_isa_avx512_core_bf16) \
    X(isa_avx512_amx, 0xfef, dnnl_cpu_isa_avx512_core_amx) \
    X(argument_source, 1, DNNL_ARG_SRC) \
    X(argument_destination, 17, DNNL_ARG_DST) \
    X(argument_weights, 33, DNNL_ARG_WEIGHTS) \
    X(argument_bias, 41, DNNL_ARG_BIAS) \
    X(argument_workspace, 64, DNNL_ARG_WORKSPACE) \
    X(argument_scratchpad, 80, DNNL_ARG_SCRATCHPAD) \
    X(argument_source_gradient, 129, DNNL_ARG_DIFF_SRC) \
    X(argument_destination_gradient, 145, DNNL_ARG_DIFF_DST) \
    X(argument_weight_gradient, 161, DNNL_ARG_DIFF_WEIGHTS) \
    X(argument_depthwise, 16384, DNNL_ARG_ATTR_POST_OP_DW) \
    X(argument_first_post_operand, 32770, DNNL_ARG_ATTR_MULTIPLE_POST_OP(0) | DNNL_ARG_SRC_1)

enum {
#define ONEDNN_CONSTANT(name, value, theirs) onednn_##name = value,
    ONEDNN_CONSTANTS(ONEDNN_CONSTANT)
#undef ONEDNN_CONSTANT
};

/// The functions that we use: name without `dnnl_`, result, parameters.
#define ONEDNN_FUNCTIONS(X) \
    X(engine_create, onednn_status, (onednn_engine *, uint32_t kind, size_t index)) \
    X(stream_create, onednn_status, (onednn_stream *, onednn_engine, unsigned flags)) \
    X(stream_wait, onednn_status, (onednn_stream)) \
    X(get_effective_cpu_isa, uint32_t, (void)) \
    X(memory_desc_create_with_strides, onednn_status, \
      (onednn_memory_desc *, int rank, const int64_t *sizes, uint32_t type, const int64_t *strides)) \
    X(memory_desc_create_with_tag, onednn_status, \
      (onednn_memory_desc *, int rank, const int64_t *sizes, uint32_t type, uint32_t tag)) \
    X(memory_desc_clone, onednn_status, (onednn_memory_desc *, onednn_const_memory_desc)) \
    X(memory_desc_destroy, onednn_status, (onednn_memory_desc)) \
    X(memory_desc_query, onednn_status, (onednn_const_memory_desc, uint32_t what, void *result)) \
    X(memory_desc_equal, int, (onednn_const_memory_desc, onednn_const_memory_desc)) \
    X(memory_desc_get_size, size_t, (onednn_const_memory_desc)) \
    X(memory_create, onednn_status, (onednn_memory *, onednn_const_memory_desc, onednn_engine, void *)) \
    X(memory_set_data_handle, onednn_status, (onednn_memory, void *)) \
    X(memory_destroy, onednn_status, (onednn_memory)) \
    X(primitive_attr_create, onednn_status, (onednn_attr *)) \
    X(primitive_attr_set_scratchpad_mode, onednn_status, (onednn_attr, uint32_t mode)) \
    X(primitive_attr_set_post_ops, onednn_status, (onednn_attr, onednn_const_post_ops)) \
    X(primitive_attr_destroy, onednn_status, (onednn_attr)) \
    X(post_ops_create, onednn_status, (onednn_post_ops *)) \
    X(post_ops_append_eltwise, onednn_status, (onednn_post_ops, uint32_t algorithm, float alpha, float beta)) \
    X(post_ops_append_binary, onednn_status, (onednn_post_ops, uint32_t algorithm, onednn_const_memory_desc)) \
    X(post_ops_append_dw, onednn_status, \
      (onednn_post_ops, uint32_t weight_type, uint32_t bias_type, uint32_t destination_type, int64_t kernel, \
       int64_t stride, int64_t padding_low)) \
    X(post_ops_destroy, onednn_status, (onednn_post_ops)) \
    X(primitive_desc_query, onednn_status, (onednn_const_primitive_desc, uint32_t what, int index, void *result)) \
    X(primitive_desc_query_md, onednn_const_memory_desc, (onednn_const_primitive_desc, uint32_t what, int index)) \
    X(primitive_desc_destroy, onednn_status, (onednn_primitive_desc)) \
    X(primitive_create, onednn_status, (onednn_primitive *, onednn_const_primitive_desc)) \
    X(primitive_destroy, onednn_status, (onednn_primitive)) \
    X(reorder_primitive_desc_create, onednn_status, \
      (onednn_primitive_desc *, onednn_const_memory_desc source, onednn_engine, onednn_const_memory_desc target, \
       onednn_engine, onednn_const_attr)) \
    X(convolution_forward_primitive_desc_create, onednn_status, \
      (onednn_primitive_desc *, onednn_engine, uint32_t propagation, uint32_t algorithm, \
       onednn_const_memory_desc source, onednn_const_memory_desc weights, onednn_const_memory_desc bias, \
       onednn_const_memory_desc destination, const int64_t *strides, const int64_t *dilations, \
       const int64_t *padding_low, const int64_t *padding_high, onednn_const_attr)) \
    X(convolution_backward_data_primitive_desc_create, onednn_status, \
      (onednn_primitive_desc *, onednn_engine, uint32_t algorithm, onednn_const_memory_desc source_gradient, \
       onednn_const_memory_desc weights, onednn_const_memory_desc destination_gradient, const int64_t *strides, \
       const int64_t *dilations, const int64_t *padding_low, const int64_t *padding_high, \
       onednn_const_primitive_desc forward, onednn_const_attr)) \
    X(convolution_backward_weights_primitive_desc_create, onednn_status, \
      (onednn_primitive_desc *, onednn_engine, uint32_t algorithm, onednn_const_memory_desc source, \
       onednn_const_memory_desc weight_gradient, onednn_const_memory_desc bias_gradient, \
       onednn_const_memory_desc destination_gradient, const int64_t *strides, const int64_t *dilations, \
       const int64_t *padding_low, const int64_t *padding_high, onednn_const_primitive_desc forward, \
       onednn_const_attr)) \
    X(pooling_forward_primitive_desc_create, onednn_status, \
      (onednn_primitive_desc *, onednn_engine, uint32_t propagation, uint32_t algorithm, \
       onednn_const_memory_desc source, onednn_const_memory_desc destination, const int64_t *strides, \
       const int64_t *window, const int64_t *dilations, const int64_t *padding_low, const int64_t *padding_high, \
       onednn_const_attr)) \
    X(pooling_backward_primitive_desc_create, onednn_status, \
      (onednn_primitive_desc *, onednn_engine, uint32_t algorithm, onednn_const_memory_desc source_gradient, \
       onednn_const_memory_desc destination_gradient, const int64_t *strides, const int64_t *window, \
       const int64_t *dilations, const int64_t *padding_low, const int64_t *padding_high, \
       onednn_const_primitive_desc forward, onednn_const_attr)) \
    X(matmul_primitive_desc_create, onednn_status, \
      (onednn_primitive_desc *, onednn_engine, onednn_const_memory_desc left, onednn_const_memory_desc right, \
       onednn_const_memory_desc bias, onednn_const_memory_desc destination, onednn_const_attr))

/// The functions whose signatures hold structures of oneDNN's that have no tag.
#define ONEDNN_FUNCTIONS_OF_STRUCTURES(X) \
    X(version, const onednn_version *, (void)) \
    X(primitive_execute, onednn_status, (onednn_const_primitive, onednn_stream, int count, const onednn_argument *))

/// oneDNN's functions, found when the program runs.
typedef struct {
#define ONEDNN_FIELD(name, result, parameters) result(*name) parameters;
    ONEDNN_FUNCTIONS(ONEDNN_FIELD)
    ONEDNN_FUNCTIONS_OF_STRUCTURES(ONEDNN_FIELD)
#undef ONEDNN_FIELD
} onednn_functions;

/// Fills `functions` from a library opened by `dlopen`. Returns NULL, or the name of a function that it lacks.
const char *onednn_find_functions(void *library, onednn_functions *functions);
