// Vectors of floats as wide as the instruction set that includes this file, and what the passes do with them.
// No include guard: each instruction set includes the loops once, in its own file, with its own widths.

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "Table.h"

// Every fused multiply-add is written as one, so that forward and backward passes agree bit for bit.
#pragma STDC FP_CONTRACT OFF

#if defined(RENORM_AVX512)
#define LANES 16
#define FUSES 1
#elif defined(RENORM_AVX2)
#define LANES 8
#define FUSES 1
#elif defined(__aarch64__)
#define LANES 4
#define FUSES 1
#else
#define LANES 4
#define FUSES 0
#endif

#define INLINE static inline __attribute__((always_inline))

typedef float vf __attribute__((vector_size(4 * LANES)));
typedef int32_t vi __attribute__((vector_size(4 * LANES)));
typedef uint32_t vu __attribute__((vector_size(4 * LANES)));
typedef double vd __attribute__((vector_size(8 * LANES)));
typedef int64_t vl __attribute__((vector_size(8 * LANES)));
typedef uint64_t vul __attribute__((vector_size(8 * LANES)));
typedef float unaligned_vf __attribute__((vector_size(4 * LANES), aligned(4), may_alias));

/// (Minus zero changes no value, so nothing is left to compute; plus zero would change −0.)
INLINE vf splat(float value) { return value - (vf){}; }

INLINE vd splat_double(double value) { return value - (vd){}; }

INLINE vf load(const float *p) { return *(const unaligned_vf *)p; }

INLINE void store(float *p, vf v) { *(unaligned_vf *)p = v; }

/// Past the caches; `p` is aligned to the vector.
INLINE void store_streaming(float *p, vf v) { __builtin_nontemporal_store(v, (vf *)p); }

#if defined(RENORM_AVX512)

/// The first `count` (< LANES) elements, then zeros.
INLINE vf load_first(const float *p, ptrdiff_t count) {
    return (vf)_mm512_maskz_loadu_ps((__mmask16)((1u << count) - 1), p);
}

INLINE void store_first(float *p, vf v, ptrdiff_t count) {
    _mm512_mask_storeu_ps(p, (__mmask16)((1u << count) - 1), (__m512)v);
}

#elif defined(RENORM_AVX2)

INLINE vi first_lanes(ptrdiff_t count) {
    const vi lane = {0, 1, 2, 3, 4, 5, 6, 7};
    return lane < (vi){} + (int32_t)count;
}

INLINE vf load_first(const float *p, ptrdiff_t count) {
    return (vf)_mm256_maskload_ps(p, (__m256i)first_lanes(count));
}

INLINE void store_first(float *p, vf v, ptrdiff_t count) {
    _mm256_maskstore_ps(p, (__m256i)first_lanes(count), (__m256)v);
}

#else

INLINE vf load_first(const float *p, ptrdiff_t count) {
    vf v = {};
    for (ptrdiff_t i = 0; i < count; i++) v[i] = p[i];
    return v;
}

INLINE void store_first(float *p, vf v, ptrdiff_t count) {
    for (ptrdiff_t i = 0; i < count; i++) p[i] = v[i];
}

#endif

/// A whole vector, or its first `count` elements: `partial` is a constant where this is inlined.
INLINE vf load_part(const float *p, bool partial, ptrdiff_t count) {
    return partial ? load_first(p, count) : load(p);
}

INLINE void store_part(float *p, vf v, bool partial, ptrdiff_t count) {
    if (partial) {
        store_first(p, v, count);
    } else {
        store(p, v);
    }
}

INLINE vf choose(vi mask, vf a, vf b) { return (vf)((mask & (vi)a) | (~mask & (vi)b)); }

/// a · b + c, rounded once where the instruction set can.
INLINE vf multiply_add(vf a, vf b, vf c) {
#if FUSES
    return __builtin_elementwise_fma(a, b, c);
#else
    return a * b + c;
#endif
}

INLINE vd multiply_add_double(vd a, vd b, vd c) {
#if FUSES
    return __builtin_elementwise_fma(a, b, c);
#else
    return a * b + c;
#endif
}

INLINE vf absolute(vf x) { return (vf)((vi)x & 0x7fffffff); }

/// The larger; NaN if either is. (The processor's maximum gives its second operand where one is NaN.)
INLINE vf maximum(vf a, vf b) { return choose(a == a, choose(a > b, a, b), a); }

INLINE vf minimum(vf a, vf b) { return choose(a == a, choose(a < b, a, b), a); }

/// A NaN stays.
INLINE vf clamp_below(vf x, float limit) { return choose(x < limit, splat(limit), x); }

INLINE vf clamp_above(vf x, float limit) { return choose(x > limit, splat(limit), x); }

/// max(x, 0) of numbers. What is not finite stays so: −∞ becomes NaN, or an overflow would look like a 0.
INLINE vf rectified(vf x) { return choose(x == -INFINITY, splat(NAN), clamp_below(x, 0)); }

/// min(max(x, 0), 6) of numbers; NaN of what is not finite.
INLINE vf rectified_to_six(vf x) {
    return choose(absolute(x) == INFINITY, splat(NAN), clamp_above(clamp_below(x, 0), 6));
}

/// Doubles are stored in arrays of whole vectors: there is no partial form.
INLINE vd load_double(const double *p) {
    vd v;
    memcpy(&v, p, sizeof v);
    return v;
}

INLINE void store_double(double *p, vd v) { memcpy(p, &v, sizeof v); }

INLINE vd widened(vf v) { return __builtin_convertvector(v, vd); }

INLINE double sum_of_lanes(vf v) {
    vd wide = __builtin_convertvector(v, vd);
    double lanes[LANES];
    memcpy(lanes, &wide, sizeof lanes);
    for (int half = LANES / 2; half > 0; half /= 2) {
        for (int i = 0; i < half; i++) lanes[i] += lanes[i + half];
    }
    return lanes[0];
}

/// Elements [first, end) in whole vectors, then what is left: the statement that follows uses `i`, `partial` and `count`.
#define FOR_EACH_VECTOR_OF(first, end, ...)                      \
    do {                                                         \
        ptrdiff_t i = (first);                                   \
        {                                                        \
            enum { partial = false };                            \
            const ptrdiff_t count = LANES;                       \
            (void)count;                                         \
            for (; i + LANES <= (end); i += LANES) __VA_ARGS__   \
        }                                                        \
        if (i < (end)) {                                         \
            enum { partial = true };                             \
            const ptrdiff_t count = (end) - i;                   \
            __VA_ARGS__                                          \
        }                                                        \
    } while (0)

#define FOR_EACH_VECTOR(n, ...) FOR_EACH_VECTOR_OF(0, n, __VA_ARGS__)
