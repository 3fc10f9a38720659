#include "Copying.h"

#include <string.h>

// The yardstick: how fast this machine copies. Written apart from the passes, so that they are not their own measure.

void copy_plain(char *restrict to, const char *restrict from, size_t bytes) { memcpy(to, from, bytes); }

typedef float line __attribute__((vector_size(64), may_alias));

#if defined(__x86_64__)
__attribute__((target("avx512f"), min_vector_width(512)))
static void copy_lines_avx512(line *restrict to, const line *restrict from, size_t lines) {
    for (size_t i = 0; i < lines; i++) __builtin_nontemporal_store(from[i], &to[i]);
}

__attribute__((target("avx2")))
static void copy_lines_avx2(line *restrict to, const line *restrict from, size_t lines) {
    for (size_t i = 0; i < lines; i++) __builtin_nontemporal_store(from[i], &to[i]);
}
#endif

static void copy_lines(line *restrict to, const line *restrict from, size_t lines) {
    for (size_t i = 0; i < lines; i++) __builtin_nontemporal_store(from[i], &to[i]);
}

void copy_streaming(char *restrict to, const char *restrict from, size_t bytes) {
    line *target = (line *)to;
    const line *source = (const line *)from;
    const size_t lines = bytes / sizeof(line);
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f")) {
        copy_lines_avx512(target, source, lines);
    } else if (__builtin_cpu_supports("avx2")) {
        copy_lines_avx2(target, source, lines);
    } else {
        copy_lines(target, source, lines);
    }
    __builtin_ia32_sfence();
#else
    copy_lines(target, source, lines);
#endif
}
