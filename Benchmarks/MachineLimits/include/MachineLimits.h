#pragma once

#include <stddef.h>

/// What this machine can do at most, measured when asked: the yardsticks of the comparison.

/// Bytes read and written in a second when copying between two arrays of `byte_count` bytes each (larger than the
/// last-level cache, or it is the cache that is measured), by `threads` threads that start together: the fastest of
/// `repetitions` each of `memcpy` and of a loop with streaming stores. 0 if memory or threads are lacking.
double limits_copy_bandwidth(size_t byte_count, int threads, int repetitions);

/// Multiplications and additions in f32 in a second, by fused multiply-adds of the widest vectors on registers, by
/// `threads` threads: the fastest of `repetitions`. 0 if threads are lacking.
double limits_peak_operations(int threads, int repetitions);

/// The size of the last-level cache in bytes, or a guess where the system does not say.
size_t limits_last_level_cache(void);
