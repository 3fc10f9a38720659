#pragma once

#include <stddef.h>

/// Copies `bytes` (a multiple of 64, both ends aligned to 64) with the C library's memcpy.
void copy_plain(char *restrict to, const char *restrict from, size_t bytes);

/// The same with stores past the caches.
void copy_streaming(char *restrict to, const char *restrict from, size_t bytes);
