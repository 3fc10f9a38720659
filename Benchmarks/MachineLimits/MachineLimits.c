#include "MachineLimits.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { most_threads = 256 };

typedef struct run run;

typedef struct {
    run *run;
    int index;
} worker;

struct run {
    void (*work)(run *run, int index);
    int threads;
    pthread_mutex_t mutex;
    pthread_cond_t condition;
    int waiting, go;
    char *source, *target;
    size_t byte_count;
    long turns;
    float results[most_threads];
    double starts[most_threads], ends[most_threads];
};

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static void *start(void *context) {
    worker *self = context;
    run *run = self->run;
    pthread_mutex_lock(&run->mutex);
    run->waiting++;
    pthread_cond_broadcast(&run->condition);
    while (!run->go) pthread_cond_wait(&run->condition, &run->mutex);
    pthread_mutex_unlock(&run->mutex);
    run->starts[self->index] = now();
    run->work(run, self->index);
    run->ends[self->index] = now();
    return NULL;
}

/// Seconds from the first start to the last end, or 0 if there are too few threads.
static double seconds(run *run) {
    pthread_t threads[most_threads];
    worker workers[most_threads];
    int created = 0;
    run->waiting = run->go = 0;
    pthread_mutex_init(&run->mutex, NULL);
    pthread_cond_init(&run->condition, NULL);
    for (; created < run->threads; created++) {
        workers[created] = (worker){run, created};
        if (pthread_create(&threads[created], NULL, start, &workers[created]) != 0) break;
    }
    pthread_mutex_lock(&run->mutex);
    while (run->waiting < created) pthread_cond_wait(&run->condition, &run->mutex);
    run->go = 1;
    pthread_cond_broadcast(&run->condition);
    pthread_mutex_unlock(&run->mutex);
    double first = 1e300, last = 0;
    for (int i = 0; i < created; i++) {
        pthread_join(threads[i], NULL);
        if (run->starts[i] < first) first = run->starts[i];
        if (run->ends[i] > last) last = run->ends[i];
    }
    pthread_cond_destroy(&run->condition);
    pthread_mutex_destroy(&run->mutex);
    return created == run->threads ? last - first : 0;
}

// MARK: Copying

static void part(const run *run, int index, size_t *first, size_t *count) {
    const size_t lines = run->byte_count / 64, share = lines / (size_t)run->threads;
    *first = 64 * share * (size_t)index;
    *count = 64 * (index == run->threads - 1 ? lines - share * (size_t)index : share);
}

static void copy_plainly(run *run, int index) {
    size_t first, count;
    part(run, index, &first, &count);
    memcpy(run->target + first, run->source + first, count);
}

typedef float vector __attribute__((vector_size(64)));

static void copy_streaming(run *run, int index) {
    size_t first, count;
    part(run, index, &first, &count);
    const vector *source = (const vector *)(run->source + first);
    vector *target = (vector *)(run->target + first);
    for (size_t i = 0; i < count / 64; i++) __builtin_nontemporal_store(source[i], &target[i]);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

double limits_copy_bandwidth(size_t byte_count, int threads, int repetitions) {
    if (threads < 1 || threads > most_threads) return 0;
    byte_count = byte_count / 64 * 64;
    run run = {.threads = threads, .byte_count = byte_count};
    run.source = aligned_alloc(64, byte_count);
    run.target = aligned_alloc(64, byte_count);
    double best = 0;
    if (run.source && run.target) {
        // Pages exist once they have been written.
        memset(run.source, 1, byte_count);
        memset(run.target, 2, byte_count);
        for (int i = 0; i < 2 * repetitions; i++) {
            run.work = i % 2 ? copy_streaming : copy_plainly;
            const double time = seconds(&run);
            if (time > 0 && 2 * (double)byte_count / time > best) best = 2 * (double)byte_count / time;
        }
    }
    free(run.source);
    free(run.target);
    return best;
}

// MARK: Computing

/// As many chains of multiply-adds as hide their latency and fit the registers.
#define FUSED_LOOP(name, attributes, chains)                                                                           \
    attributes static float name(long turns, float start) {                                                            \
        _Pragma("clang fp contract(fast)") vector sums[chains];                                                        \
        for (int i = 0; i < (chains); i++) sums[i] = (vector){0} + start + (float)i;                                   \
        const vector factor = (vector){0} + 0.9999f, term = (vector){0} + start;                                       \
        for (long turn = 0; turn < turns; turn++) {                                                                    \
            _Pragma("clang loop unroll(full)") for (int i = 0; i < (chains); i++) sums[i] = sums[i] * factor + term;   \
        }                                                                                                              \
        vector sum = sums[0];                                                                                          \
        for (int i = 1; i < (chains); i++) sum += sums[i];                                                             \
        return sum[0] + sum[7] + sum[15];                                                                              \
    }

#if defined(__x86_64__)
enum { chains_wide = 12, chains_middle = 6, chains_narrow = 3 };
FUSED_LOOP(fused_wide, __attribute__((target("avx512f"))), chains_wide)
FUSED_LOOP(fused_middle, __attribute__((target("avx2,fma"))), chains_middle)
#else
enum { chains_narrow = 6 };
#endif
FUSED_LOOP(fused_narrow, , chains_narrow)

static int chains(void) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f")) return chains_wide;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return chains_middle;
#endif
    return chains_narrow;
}

static void compute(run *run, int index) {
    const float start = (float)index + 1;
#if defined(__x86_64__)
    switch (chains()) {
    case chains_wide: run->results[index] = fused_wide(run->turns, start); return;
    case chains_middle: run->results[index] = fused_middle(run->turns, start); return;
    default: break;
    }
#endif
    run->results[index] = fused_narrow(run->turns, start);
}

double limits_peak_operations(int threads, int repetitions) {
    if (threads < 1 || threads > most_threads) return 0;
    run run = {.work = compute, .threads = threads, .turns = 2000000};
    // Sixteen numbers in a vector, two operations for each.
    const double operations = 2.0 * 16 * chains() * (double)run.turns * threads;
    double best = 0;
    for (int i = 0; i < repetitions; i++) {
        const double time = seconds(&run);
        if (time > 0 && operations / time > best) best = operations / time;
    }
    return best;
}

size_t limits_last_level_cache(void) {
    // Linux's own account comes first: libraries may report the caches of all core complexes as one.
    FILE *file = fopen("/sys/devices/system/cpu/cpu0/cache/index3/size", "r");
    long size = 0;
    if (file) {
        char unit = 0;
        if (fscanf(file, "%ld%c", &size, &unit) < 1) size = 0;
        size *= unit == 'K' ? 1 << 10 : unit == 'M' ? 1 << 20 : 1;
        fclose(file);
    }
    return size > 0 ? (size_t)size : (size_t)32 << 20;
}
