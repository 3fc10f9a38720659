#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "include/RenormKernels.h"

// Arrays whose elements are of either type, one element at a time.

static inline ptrdiff_t renorm_size_of(renorm_type type) { return type == renorm_bf16 ? 2 : 4; }

/// The address of element `by`; NULL stays.
static inline const void *renorm_moved(renorm_type type, const void *p, ptrdiff_t by) {
    return p ? (const char *)p + by * renorm_size_of(type) : NULL;
}

static inline void *renorm_moved_target(renorm_type type, void *p, ptrdiff_t by) {
    return p ? (char *)p + by * renorm_size_of(type) : NULL;
}

/// Element `at` as a float: exact.
static inline float renorm_element(renorm_type type, const void *p, ptrdiff_t at) {
    if (type == renorm_f32) return ((const float *)p)[at];
    const uint32_t bits = (uint32_t)((const uint16_t *)p)[at] << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/// The nearest bf16, ties to the even one; a NaN stays.
static inline uint16_t renorm_bf16_of(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    if (value != value) return (uint16_t)((bits | 0x400000) >> 16);
    return (uint16_t)((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

static inline void renorm_set_element(renorm_type type, void *p, ptrdiff_t at, float value) {
    if (type == renorm_f32) {
        ((float *)p)[at] = value;
    } else {
        ((uint16_t *)p)[at] = renorm_bf16_of(value);
    }
}
