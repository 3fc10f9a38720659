// Vectors of floats loaded from and stored to arrays of either type.

#include "../Elements.h"

typedef uint16_t vh __attribute__((vector_size(2 * LANES)));
typedef uint16_t unaligned_vh __attribute__((vector_size(2 * LANES), aligned(2), may_alias));

INLINE vf widened_halves(vh halves) { return (vf)(__builtin_convertvector(halves, vu) << 16); }

/// To the nearest, ties to even; a NaN stays.
INLINE vh narrowed(vf v) {
    const vu bits = (vu)v;
    const vf rounded = (vf)(bits + 0x7fff + ((bits >> 16) & 1)), quiet = (vf)(bits | 0x400000);
    return __builtin_convertvector((vu)choose(v == v, rounded, quiet) >> 16, vh);
}

INLINE vh first_halves(const uint16_t *p, ptrdiff_t count) {
#if defined(RENORM_AVX512)
    return (vh)_mm256_maskz_loadu_epi16((__mmask16)((1u << count) - 1), p);
#else
    vh v = {};
    for (ptrdiff_t i = 0; i < count; i++) v[i] = p[i];
    return v;
#endif
}

INLINE void store_first_halves(uint16_t *p, vh v, ptrdiff_t count) {
#if defined(RENORM_AVX512)
    _mm256_mask_storeu_epi16(p, (__mmask16)((1u << count) - 1), (__m256i)v);
#else
    for (ptrdiff_t i = 0; i < count; i++) p[i] = v[i];
#endif
}

/// Elements from `at` on: a whole vector, or `count` of them and zeros.
INLINE vf load_elements(renorm_type type, const void *array, ptrdiff_t at, bool partial, ptrdiff_t count) {
    if (type == renorm_f32) return load_part((const float *)array + at, partial, count);
    const uint16_t *p = (const uint16_t *)array + at;
    return widened_halves(partial ? first_halves(p, count) : *(const unaligned_vh *)p);
}

INLINE void store_elements(renorm_type type, void *array, ptrdiff_t at, vf v, bool partial, ptrdiff_t count) {
    if (type == renorm_f32) {
        store_part((float *)array + at, v, partial, count);
        return;
    }
    uint16_t *p = (uint16_t *)array + at;
    if (partial) {
        store_first_halves(p, narrowed(v), count);
    } else {
        *(unaligned_vh *)p = narrowed(v);
    }
}

/// Past the caches; the address is aligned to the vector.
INLINE void stream_elements(renorm_type type, void *array, ptrdiff_t at, vf v) {
    if (type == renorm_f32) {
        store_streaming((float *)array + at, v);
    } else {
        __builtin_nontemporal_store(narrowed(v), (vh *)((uint16_t *)array + at));
    }
}

#define FOR_EACH_TYPE(X) X(f32) X(bf16)
