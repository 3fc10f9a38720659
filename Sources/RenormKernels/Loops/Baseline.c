// The loops for every processor: SSE2 on x86-64, NEON on arm64.

#define LOOPS renorm_loops_baseline
#if defined(__x86_64__)
#define LOOPS_NAME "sse2"
#elif defined(__aarch64__)
#define LOOPS_NAME "neon"
#else
#define LOOPS_NAME "baseline"
#endif

// Wide vectors are passed only to functions that are inlined: no calling convention is involved.
#pragma clang diagnostic ignored "-Wpsabi"
#include "Loops.h"
