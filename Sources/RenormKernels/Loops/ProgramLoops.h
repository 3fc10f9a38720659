// One loop for each operation of a program and each way its operands can be scalars.

INLINE vf truth(vi mask) { return (vf)(mask & (vi)splat(1)); }

#define UNARY_OPERATIONS(X)                                                        \
    X(negate, -a)                                                                  \
    X(exp, exponential(a))                                                         \
    X(log, logarithm(a))                                                           \
    X(sqrt, __builtin_elementwise_sqrt(a))                                         \
    X(rsqrt, 1 / __builtin_elementwise_sqrt(a))                                    \
    X(abs, absolute(a))                                                            \
    X(logistic, logistic(a))                                                       \
    X(tanh, hyperbolic_tangent(a))                                                 \
    X(erf, error_function(a))                                                      \
    X(relu, rectified(a))                                                          \
    X(relu6, rectified_to_six(a))                                                  \
    X(sign, choose(a > 0, splat(1), choose(a < 0, splat(-1), a)))                  \
    X(is_finite, truth(absolute(a) < INFINITY))

#define BINARY_OPERATIONS(X)                                                       \
    X(add, a + b)                                                                  \
    X(subtract, a - b)                                                             \
    X(multiply, a *b)                                                              \
    X(divide, a / b)                                                               \
    X(maximum, maximum(a, b))                                                      \
    X(minimum, minimum(a, b))                                                      \
    X(power, power(a, b))                                                          \
    X(equal, truth(a == b))                                                        \
    X(not_equal, truth(a != b))                                                    \
    X(less, truth(a < b))                                                          \
    X(less_equal, truth(a <= b))                                                   \
    X(greater, truth(a > b))                                                       \
    X(greater_equal, truth(a >= b))

#define TERNARY_OPERATIONS(X)                                                      \
    X(select, choose(a != 0, b, c))

/// An operand at element i: of an array, or the one float.
#define ARRAY(p) load_part(p + i, partial, count)
#define SCALAR(p) p##_scalar

#define PROGRAM_LOOP(name, A, B, C, EXPRESSION)                                    \
    static void name(ptrdiff_t n, float *d, const float *p, const float *q, const float *r) { \
        const vf p_scalar = splat(*p), q_scalar = splat(*q), r_scalar = splat(*r); \
        (void)p_scalar, (void)q_scalar, (void)r_scalar;                            \
        FOR_EACH_VECTOR(n, {                                                       \
            const vf a = A(p), b = B(q), c = C(r);                                 \
            (void)b, (void)c;                                                      \
            store_part(d + i, EXPRESSION, partial, count);                         \
        });                                                                        \
    }

#define UNARY_LOOP(name, EXPRESSION) PROGRAM_LOOP(loop_##name, ARRAY, SCALAR, SCALAR, EXPRESSION)
#define BINARY_LOOP(name, EXPRESSION)                                              \
    PROGRAM_LOOP(loop_##name, ARRAY, ARRAY, SCALAR, EXPRESSION)                    \
    PROGRAM_LOOP(loop_##name##_a, SCALAR, ARRAY, SCALAR, EXPRESSION)               \
    PROGRAM_LOOP(loop_##name##_b, ARRAY, SCALAR, SCALAR, EXPRESSION)
#define TERNARY_LOOP(name, EXPRESSION)                                             \
    PROGRAM_LOOP(loop_##name, ARRAY, ARRAY, ARRAY, EXPRESSION)                     \
    PROGRAM_LOOP(loop_##name##_a, SCALAR, ARRAY, ARRAY, EXPRESSION)                \
    PROGRAM_LOOP(loop_##name##_b, ARRAY, SCALAR, ARRAY, EXPRESSION)                \
    PROGRAM_LOOP(loop_##name##_ab, SCALAR, SCALAR, ARRAY, EXPRESSION)              \
    PROGRAM_LOOP(loop_##name##_c, ARRAY, ARRAY, SCALAR, EXPRESSION)                \
    PROGRAM_LOOP(loop_##name##_ac, SCALAR, ARRAY, SCALAR, EXPRESSION)              \
    PROGRAM_LOOP(loop_##name##_bc, ARRAY, SCALAR, SCALAR, EXPRESSION)

UNARY_OPERATIONS(UNARY_LOOP)
PROGRAM_LOOP(loop_copy, ARRAY, SCALAR, SCALAR, a)
PROGRAM_LOOP(loop_copy_a, SCALAR, SCALAR, SCALAR, a)
BINARY_OPERATIONS(BINARY_LOOP)
TERNARY_OPERATIONS(TERNARY_LOOP)

#define UNARY_ENTRY(name, EXPRESSION) [renorm_op_##name] = {loop_##name},
#define BINARY_ENTRY(name, EXPRESSION)                                             \
    [renorm_op_##name] = {                                                         \
        loop_##name,                                                               \
        [renorm_scalar_a] = loop_##name##_a,                                       \
        [renorm_scalar_b] = loop_##name##_b,                                       \
    },
#define TERNARY_ENTRY(name, EXPRESSION)                                            \
    [renorm_op_##name] = {                                                         \
        loop_##name,                                                               \
        [renorm_scalar_a] = loop_##name##_a,                                       \
        [renorm_scalar_b] = loop_##name##_b,                                       \
        [renorm_scalar_a | renorm_scalar_b] = loop_##name##_ab,                    \
        [renorm_scalar_c] = loop_##name##_c,                                       \
        [renorm_scalar_a | renorm_scalar_c] = loop_##name##_ac,                    \
        [renorm_scalar_b | renorm_scalar_c] = loop_##name##_bc,                    \
    },

#define PROGRAM_ENTRIES                                                            \
    UNARY_OPERATIONS(UNARY_ENTRY)                                                  \
    BINARY_OPERATIONS(BINARY_ENTRY)                                                \
    TERNARY_OPERATIONS(TERNARY_ENTRY)

static void loop_stream(ptrdiff_t n, float *d, const float *a, const float *b, const float *c) {
    (void)b, (void)c;
    ptrdiff_t i = 0;
    for (; i < n && (uintptr_t)(d + i) % sizeof(vf); i++) d[i] = a[i];
    for (; i + LANES <= n; i += LANES) store_streaming(d + i, load(a + i));
    for (; i < n; i++) d[i] = a[i];
}
