#define _GNU_SOURCE
#include "AllocationCounter.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#if defined(__linux__)
#include <features.h>
#endif

const char *object_of_address(const void *address) {
    Dl_info info;
    return dladdr(address, &info) ? info.dli_fname : NULL;
}

const char *symbol_of_address(const void *address) {
    Dl_info info;
    return dladdr(address, &info) ? info.dli_sname : NULL;
}

#if defined(__GLIBC__)

#include <execinfo.h>

const int allocations_are_counted = 1;

enum { remembered = 65536 };
static allocation entries[remembered];
static _Atomic size_t count;
static _Atomic int is_counting;
/// Walking the stack may allocate.
static __thread int is_walking;

void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);

static void note(size_t byte_count) {
    if (!atomic_load_explicit(&is_counting, memory_order_relaxed) || is_walking) return;
    is_walking = 1;
    size_t index = atomic_fetch_add(&count, 1);
    if (index < remembered) {
        // The two nearest are this function and the allocator's.
        void *frames[allocation_depth + 2];
        int depth = backtrace(frames, allocation_depth + 2) - 2;
        entries[index].byte_count = byte_count;
        entries[index].depth = depth > 0 ? depth : 0;
        for (int i = 0; i < depth; i++) entries[index].callers[i] = frames[i + 2];
    }
    is_walking = 0;
}

void *malloc(size_t size) {
    note(size);
    return __libc_malloc(size);
}

void *calloc(size_t number, size_t size) {
    note(number * size);
    return __libc_calloc(number, size);
}

void *realloc(void *block, size_t size) {
    note(size);
    return __libc_realloc(block, size);
}

void *memalign(size_t alignment, size_t size) {
    note(size);
    return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
    note(size);
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **block, size_t alignment, size_t size) {
    note(size);
    void *new = __libc_memalign(alignment, size);
    if (new == NULL) return ENOMEM;
    *block = new;
    return 0;
}

void start_counting_allocations(void) {
    void *frame;
    is_walking = 1;
    (void)backtrace(&frame, 1);
    is_walking = 0;
    atomic_store(&count, 0);
    atomic_store(&is_counting, 1);
}

size_t stop_counting_allocations(void) {
    atomic_store(&is_counting, 0);
    return atomic_load(&count);
}

const allocation *counted_allocation(size_t index) { return index < remembered ? &entries[index] : NULL; }

#else

const int allocations_are_counted = 0;

void start_counting_allocations(void) {}
size_t stop_counting_allocations(void) { return 0; }
const allocation *counted_allocation(size_t index) {
    (void)index;
    return NULL;
}

#endif
