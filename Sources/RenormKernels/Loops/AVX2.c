// The loops for x86-64-v3.

#if defined(__x86_64__)

#include <immintrin.h>

#define LOOPS renorm_loops_avx2
#define LOOPS_NAME "avx2"
#define RENORM_AVX2

#include "Table.h"
#pragma clang attribute push(__attribute__((target("arch=x86-64-v3"))), apply_to = function)
// Wide vectors are passed only to functions that are inlined: no calling convention is involved.
#pragma clang diagnostic ignored "-Wpsabi"
#include "Loops.h"
#pragma clang attribute pop

#endif
