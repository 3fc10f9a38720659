#ifndef ALLOCATION_COUNTER_H
#define ALLOCATION_COUNTER_H

#include <stddef.h>

#pragma clang assume_nonnull begin

/// How many callers of an allocation are remembered.
#define allocation_depth 16

/// An allocation, and the addresses of the calls that led to it, the nearest first.
typedef struct {
    size_t byte_count;
    int depth;
    void *_Nullable callers[allocation_depth];
} allocation;

/// Counts every allocation of the whole process from now on: programs that link this have its malloc and its kin. Only
/// where the C library is glibc; elsewhere nothing is counted and `allocations_are_counted` is 0.
void start_counting_allocations(void);

/// Stops counting; returns how many there were.
size_t stop_counting_allocations(void);

/// The allocation at an index; beyond the first 65,536 they are counted but not remembered (null).
const allocation *_Nullable counted_allocation(size_t index);

/// The file name of the object that an address lies in, and of its symbol, as far as they are known.
const char *_Nullable object_of_address(const void *_Nullable address);
const char *_Nullable symbol_of_address(const void *_Nullable address);

/// Whether this system's allocations can be counted.
extern const int allocations_are_counted;

#pragma clang assume_nonnull end

#endif
