// The loops for x86-64-v4.

#if defined(__x86_64__)

#include <immintrin.h>

#define LOOPS renorm_loops_avx512
#define LOOPS_NAME "avx512"
#define RENORM_AVX512

#include "Table.h"
// Without the minimal width the compiler splits 512-bit vectors in two for processors that it tunes for.
#pragma clang attribute push( \
    __attribute__((target("arch=x86-64-v4"), min_vector_width(512))), apply_to = function)
// Wide vectors are passed only to functions that are inlined: no calling convention is involved.
#pragma clang diagnostic ignored "-Wpsabi"
#include "Loops.h"
#pragma clang attribute pop

#endif
