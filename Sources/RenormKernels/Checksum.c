#include "RenormKernels.h"

// Bytes are a polynomial over the field of two elements, and CRC-32 is its rest by a fixed one. Multiplying without carries folds
// 16 bytes onto those 64 or 16 later; what is left is reduced by Barrett's method. Source: V. Gopal and others, "Fast CRC
// Computation for Generic Polynomials Using PCLMULQDQ Instruction", Intel 2009, with its constants for reflected bits.

#if defined(__x86_64__)

#include <immintrin.h>

#pragma clang attribute push(__attribute__((target("pclmul,sse4.1"))), apply_to = function)

static inline __m128i load(const unsigned char *p) { return _mm_loadu_si128((const __m128i *)p); }

static inline __m128i folded(__m128i sum, __m128i factors, __m128i next) {
    __m128i low = _mm_clmulepi64_si128(sum, factors, 0x00), high = _mm_clmulepi64_si128(sum, factors, 0x11);
    return _mm_xor_si128(_mm_xor_si128(low, high), next);
}

static size_t advance(uint32_t *crc, const unsigned char *bytes, size_t count) {
    const __m128i by_64 = _mm_set_epi64x(0x01c6e41596, 0x0154442bd4);
    const __m128i by_16 = _mm_set_epi64x(0x00ccaa009e, 0x01751997d0);
    const __m128i to_8 = _mm_set_epi64x(0, 0x0163cd6124);
    const __m128i barrett = _mm_set_epi64x(0x01f7011641, 0x01db710641);
    const __m128i even = _mm_setr_epi32(~0, 0, ~0, 0);
    if (count < 64) return 0;
    __m128i sums[4] = {load(bytes), load(bytes + 16), load(bytes + 32), load(bytes + 48)};
    sums[0] = _mm_xor_si128(sums[0], _mm_cvtsi32_si128((int)~*crc));
    size_t done = 64;
    for (; count - done >= 64; done += 64)
        for (int i = 0; i < 4; i++) sums[i] = folded(sums[i], by_64, load(bytes + done + 16 * i));
    __m128i sum = sums[0];
    for (int i = 1; i < 4; i++) sum = folded(sum, by_16, sums[i]);
    for (; count - done >= 16; done += 16) sum = folded(sum, by_16, load(bytes + done));
    // 16 bytes to 8, and these to 4.
    sum = _mm_xor_si128(_mm_srli_si128(sum, 8), _mm_clmulepi64_si128(sum, by_16, 0x10));
    sum = _mm_xor_si128(_mm_srli_si128(sum, 4), _mm_clmulepi64_si128(_mm_and_si128(sum, even), to_8, 0x00));
    __m128i quotient = _mm_clmulepi64_si128(_mm_and_si128(sum, even), barrett, 0x10);
    sum = _mm_xor_si128(sum, _mm_clmulepi64_si128(_mm_and_si128(quotient, even), barrett, 0x00));
    *crc = ~(uint32_t)_mm_extract_epi32(sum, 1);
    return done;
}

#pragma clang attribute pop

static int is_there(void) { return __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("sse4.1"); }

#elif defined(__ARM_FEATURE_CRC32)

#include <arm_acle.h>
#include <string.h>

static size_t advance(uint32_t *crc, const unsigned char *bytes, size_t count) {
    uint32_t state = ~*crc;
    size_t done = 0;
    for (; count - done >= 8; done += 8) {
        uint64_t word;
        memcpy(&word, bytes + done, 8);
        state = __crc32d(state, word);
    }
    *crc = ~state;
    return done;
}

static int is_there(void) { return 1; }

#else

static size_t advance(uint32_t *crc, const unsigned char *bytes, size_t count) { return 0; }

static int is_there(void) { return 0; }

#endif

size_t renorm_crc32(uint32_t *crc, const void *bytes, size_t count) {
    return is_there() ? advance(crc, bytes, count) : 0;
}
