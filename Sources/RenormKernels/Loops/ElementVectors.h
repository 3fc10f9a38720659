// Elements of either type, as many as fill the bytes of a vector: one vector of floats, or two where they are bf16. Those
// are the elements with even numbers and those with odd ones: so each 32-bit lane is widened by one operation and put back
// by two. Factors of columns are kept in the same order (RowWalk.h).

#include "../Elements.h"

typedef uint16_t vh __attribute__((vector_size(4 * LANES)));
typedef uint16_t unaligned_vh __attribute__((vector_size(4 * LANES), aligned(2), may_alias));

/// part[1] only of bf16.
typedef struct {
    vf part[2];
} elements;

INLINE int parts_of(renorm_type type) { return type == renorm_bf16 ? 2 : 1; }

/// How many elements a vector's bytes hold.
INLINE ptrdiff_t lanes_of(renorm_type type) { return type == renorm_bf16 ? 2 * LANES : LANES; }

INLINE elements widened_halves(vh halves) {
    return (elements){{(vf)((vu)halves << 16), (vf)((vu)halves & 0xffff0000)}};
}

/// With the bf16 nearest to v in the upper half of each lane, ties to even; a NaN stays.
INLINE vu rounded_to_upper_half(vf v) {
    const vu bits = (vu)v;
    const vf rounded = (vf)(bits + 0x7fff + ((bits >> 16) & 1)), quiet = (vf)(bits | 0x400000);
    return (vu)choose(v == v, rounded, quiet);
}

INLINE vh narrowed(elements e) {
    const vu even = rounded_to_upper_half(e.part[0]), odd = rounded_to_upper_half(e.part[1]);
    return (vh)((even >> 16) | (odd & 0xffff0000));
}

/// The first `count` (< 2 · LANES) halves, then zeros.
INLINE vh first_halves(const uint16_t *p, ptrdiff_t count) {
#if defined(RENORM_AVX512)
    return (vh)_mm512_maskz_loadu_epi16((__mmask32)((1u << count) - 1), p);
#else
    uint16_t halves[2 * LANES] = {0};
    for (ptrdiff_t i = 0; i < count; i++) halves[i] = p[i];
    vh v;
    memcpy(&v, halves, sizeof v);
    return v;
#endif
}

INLINE void store_first_halves(uint16_t *p, vh v, ptrdiff_t count) {
#if defined(RENORM_AVX512)
    _mm512_mask_storeu_epi16(p, (__mmask32)((1u << count) - 1), (__m512i)v);
#else
    uint16_t halves[2 * LANES];
    memcpy(halves, &v, sizeof v);
    for (ptrdiff_t i = 0; i < count; i++) p[i] = halves[i];
#endif
}

/// Elements from `at` on: all that a vector's bytes hold, or `count` of them and zeros.
INLINE elements load_elements(renorm_type type, const void *array, ptrdiff_t at, bool partial, ptrdiff_t count) {
    if (type == renorm_f32) return (elements){{load_part((const float *)array + at, partial, count)}};
    const uint16_t *p = (const uint16_t *)array + at;
    return widened_halves(partial ? first_halves(p, count) : *(const unaligned_vh *)p);
}

INLINE void store_elements(
    renorm_type type, void *array, ptrdiff_t at, elements e, bool partial, ptrdiff_t count
) {
    if (type == renorm_f32) {
        store_part((float *)array + at, e.part[0], partial, count);
        return;
    }
    uint16_t *p = (uint16_t *)array + at;
    if (partial) {
        store_first_halves(p, narrowed(e), count);
    } else {
        *(unaligned_vh *)p = narrowed(e);
    }
}

/// Past the caches; the address is aligned to the vector.
INLINE void stream_elements(renorm_type type, void *array, ptrdiff_t at, elements e) {
    if (type == renorm_f32) {
        store_streaming((float *)array + at, e.part[0]);
    } else {
        __builtin_nontemporal_store(narrowed(e), (vh *)((uint16_t *)array + at));
    }
}

#if LANES == 16
#define EVEN_LANES 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30
#define ODD_LANES 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31
#define LOW_LANES_IN_TURN 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define HIGH_LANES_IN_TURN 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#elif LANES == 8
#define EVEN_LANES 0, 2, 4, 6, 8, 10, 12, 14
#define ODD_LANES 1, 3, 5, 7, 9, 11, 13, 15
#define LOW_LANES_IN_TURN 0, 8, 1, 9, 2, 10, 3, 11
#define HIGH_LANES_IN_TURN 4, 12, 5, 13, 6, 14, 7, 15
#else
#define EVEN_LANES 0, 2, 4, 6
#define ODD_LANES 1, 3, 5, 7
#define LOW_LANES_IN_TURN 0, 4, 1, 5
#define HIGH_LANES_IN_TURN 2, 6, 3, 7
#endif

/// Of the 2 · LANES floats in `low` and `high`.
INLINE vf even_lanes(vf low, vf high) { return __builtin_shufflevector(low, high, EVEN_LANES); }

INLINE vf odd_lanes(vf low, vf high) { return __builtin_shufflevector(low, high, ODD_LANES); }

/// The first LANES of even[0], odd[0], even[1], odd[1], ...
INLINE vf low_lanes_in_turn(vf even, vf odd) { return __builtin_shufflevector(even, odd, LOW_LANES_IN_TURN); }

INLINE vf high_lanes_in_turn(vf even, vf odd) { return __builtin_shufflevector(even, odd, HIGH_LANES_IN_TURN); }

// In their order: LANES elements at a time.

typedef uint16_t vq __attribute__((vector_size(2 * LANES)));
typedef uint16_t unaligned_vq __attribute__((vector_size(2 * LANES), aligned(2), may_alias));

INLINE vq first_of_half_vector(const uint16_t *p, ptrdiff_t count) {
#if defined(RENORM_AVX512)
    return (vq)_mm256_maskz_loadu_epi16((__mmask16)((1u << count) - 1), p);
#else
    vq v = {};
    for (ptrdiff_t i = 0; i < count; i++) v[i] = p[i];
    return v;
#endif
}

INLINE vf load_in_order(renorm_type type, const void *array, ptrdiff_t at, bool partial, ptrdiff_t count) {
    if (type == renorm_f32) return load_part((const float *)array + at, partial, count);
    const uint16_t *p = (const uint16_t *)array + at;
    const vq halves = partial ? first_of_half_vector(p, count) : *(const unaligned_vq *)p;
    return (vf)(__builtin_convertvector(halves, vu) << 16);
}

/// LANES elements.
INLINE void store_in_order(renorm_type type, void *array, ptrdiff_t at, vf v) {
    if (type == renorm_f32) {
        store((float *)array + at, v);
    } else {
        *(unaligned_vq *)((uint16_t *)array + at) = __builtin_convertvector(rounded_to_upper_half(v) >> 16, vq);
    }
}

INLINE void store_part_in_order(
    renorm_type type, void *array, ptrdiff_t at, vf v, bool partial, ptrdiff_t count
) {
    if (!partial) {
        store_in_order(type, array, at, v);
    } else if (type == renorm_f32) {
        store_first((float *)array + at, v, count);
    } else {
        const vq halves = __builtin_convertvector(rounded_to_upper_half(v) >> 16, vq);
#if defined(RENORM_AVX512)
        _mm256_mask_storeu_epi16((uint16_t *)array + at, (__mmask16)((1u << count) - 1), (__m256i)halves);
#else
        for (ptrdiff_t i = 0; i < count; i++) ((uint16_t *)array)[at + i] = halves[i];
#endif
    }
}

/// Elements [first, end) of a type, as FOR_EACH_VECTOR_OF goes through floats.
#define FOR_EACH_ELEMENTS_OF(type, first, end, ...)                              \
    do {                                                                         \
        ptrdiff_t i = (first);                                                   \
        {                                                                        \
            enum { partial = false };                                            \
            const ptrdiff_t count = lanes_of(type);                              \
            for (; i + lanes_of(type) <= (end); i += lanes_of(type)) __VA_ARGS__ \
            (void)count;                                                         \
        }                                                                        \
        if (i < (end)) {                                                         \
            enum { partial = true };                                             \
            const ptrdiff_t count = (end) - i;                                   \
            __VA_ARGS__                                                          \
        }                                                                        \
    } while (0)

#define FOR_EACH_TYPE(X) X(f32) X(bf16)
