#include "Team.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

/// Below this many bytes waking a second thread takes longer than moving them.
static const double bytes_worth_a_team = 48 * 1024;

/// How often a waiting thread looks before it sleeps: some tens of microseconds.
static const int looks_before_sleep = 20000;

struct renorm_team {
    int32_t threads;
    const renorm_loops *loops;

    // The OpenMP runtime, if one was given.
    void (*_Nullable gomp_parallel)(void (*)(void *), void *, unsigned, unsigned);
    int (*_Nullable thread_number)(void);
    int (*_Nullable thread_count)(void);

    // The team's own threads, if not.
    pthread_t *_Nullable workers;
    int32_t workers_started;
    pthread_mutex_t mutex;
    pthread_cond_t work_arrived;
    /// Counts the runs; odd or even means nothing, changing means work.
    _Atomic uint64_t generation;
    _Atomic int32_t sleepers;
    _Atomic int32_t unfinished;
    _Atomic bool ending;

    // The run in progress.
    renorm_team_body body;
    void *context;
};

typedef struct {
    renorm_team *team;
    int32_t thread;
} worker_start;

static inline void pause_briefly(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static void wait_for_generation_after(renorm_team *team, uint64_t seen) {
    for (int i = 0; i < looks_before_sleep; i++) {
        if (atomic_load_explicit(&team->generation, memory_order_acquire) != seen) return;
        pause_briefly();
    }
    pthread_mutex_lock(&team->mutex);
    atomic_fetch_add(&team->sleepers, 1);
    while (atomic_load(&team->generation) == seen) pthread_cond_wait(&team->work_arrived, &team->mutex);
    atomic_fetch_sub(&team->sleepers, 1);
    pthread_mutex_unlock(&team->mutex);
}

static void *work(void *argument) {
    worker_start start = *(worker_start *)argument;
    free(argument);
    renorm_team *team = start.team;
    for (uint64_t seen = 0;; seen++) {
        wait_for_generation_after(team, seen);
        if (atomic_load(&team->ending)) return NULL;
        team->body(team->context, start.thread, team->threads);
        atomic_fetch_sub_explicit(&team->unfinished, 1, memory_order_release);
    }
}

static void announce(renorm_team *team) {
    // Sequentially consistent on both sides: either the worker sees the new generation or we see that it sleeps.
    atomic_fetch_add(&team->generation, 1);
    if (atomic_load(&team->sleepers) == 0) return;
    pthread_mutex_lock(&team->mutex);
    pthread_cond_broadcast(&team->work_arrived);
    pthread_mutex_unlock(&team->mutex);
}

static bool start_workers(renorm_team *team) {
    if (team->threads == 1) return true;
    team->workers = calloc((size_t)team->threads - 1, sizeof(pthread_t));
    if (!team->workers) return false;
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes) != 0) return false;
    // The passes keep up to some 100 KiB on the stack, and other systems' default is less than Linux's.
    pthread_attr_setstacksize(&attributes, 1 << 20);
    for (int32_t i = 1; i < team->threads; i++) {
        worker_start *start = malloc(sizeof *start);
        if (!start) break;
        *start = (worker_start){team, i};
        if (pthread_create(&team->workers[i - 1], &attributes, work, start) != 0) {
            free(start);
            break;
        }
        team->workers_started++;
    }
    pthread_attr_destroy(&attributes);
    return team->workers_started == team->threads - 1;
}

renorm_team *renorm_team_create(
    int32_t threads, void *gomp_parallel, void *omp_get_thread_num, void *omp_get_num_threads
) {
    renorm_team *team = calloc(1, sizeof *team);
    if (!team) return NULL;
    team->threads = threads < 1 ? 1 : threads;
    pthread_mutex_init(&team->mutex, NULL);
    pthread_cond_init(&team->work_arrived, NULL);
    if (gomp_parallel && omp_get_thread_num && omp_get_num_threads) {
        team->gomp_parallel = (void (*)(void (*)(void *), void *, unsigned, unsigned))gomp_parallel;
        team->thread_number = (int (*)(void))omp_get_thread_num;
        team->thread_count = (int (*)(void))omp_get_num_threads;
    } else if (!start_workers(team)) {
        renorm_team_destroy(team);
        return NULL;
    }
    return team;
}

void renorm_team_destroy(renorm_team *team) {
    if (team->workers) {
        atomic_store(&team->ending, true);
        announce(team);
        for (int32_t i = 0; i < team->workers_started; i++) pthread_join(team->workers[i], NULL);
        free(team->workers);
    }
    pthread_cond_destroy(&team->work_arrived);
    pthread_mutex_destroy(&team->mutex);
    free(team);
}

int32_t renorm_team_threads(const renorm_team *team) { return team->threads; }

const renorm_loops *renorm_team_loops(const renorm_team *team) { return team->loops; }

void renorm_team_set_loops(renorm_team *team, const renorm_loops *loops) { team->loops = loops; }

static void run_as_openmp_thread(void *argument) {
    renorm_team *team = argument;
    // Asked each time: the runtime may grant fewer threads than were asked for.
    team->body(team->context, team->thread_number(), team->thread_count());
}

void renorm_team_run(renorm_team *team, renorm_team_body body, void *context) {
    if (team->threads == 1) {
        body(context, 0, 1);
        return;
    }
    team->body = body;
    team->context = context;
    if (team->gomp_parallel) {
        team->gomp_parallel(run_as_openmp_thread, team, (unsigned)team->threads, 0);
        return;
    }
    atomic_store_explicit(&team->unfinished, team->threads - 1, memory_order_relaxed);
    announce(team);
    body(context, 0, team->threads);
    for (int i = 0; atomic_load_explicit(&team->unfinished, memory_order_acquire) > 0; i++) {
        // With fewer processors than threads the last worker may need ours.
        if (i < looks_before_sleep) {
            pause_briefly();
        } else {
            sched_yield();
        }
    }
}

int32_t renorm_team_threads_for(const renorm_team *team, double bytes) {
    return !team || bytes < bytes_worth_a_team ? 1 : team->threads;
}

void renorm_team_run_for(renorm_team *team, double bytes, renorm_team_body body, void *context) {
    if (renorm_team_threads_for(team, bytes) == 1) {
        body(context, 0, 1);
    } else {
        renorm_team_run(team, body, context);
    }
}

/// The greatest cache that Linux says a processor can reach. (sysconf counts all caches of a socket, even those that only
/// other cores use.) 0 where it is not said.
static long read_cache_bytes(void) {
    long most = 0;
    for (int index = 0; index < 8; index++) {
        char path[80];
        snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu0/cache/index%d/size", index);
        FILE *file = fopen(path, "r");
        if (!file) break;
        long kibibytes = 0;
        if (fscanf(file, "%ldK", &kibibytes) == 1 && kibibytes * 1024 > most) most = kibibytes * 1024;
        fclose(file);
    }
    return most;
}

static double last_level_cache_bytes(void) {
    static _Atomic long cached = 0;
    long bytes = atomic_load_explicit(&cached, memory_order_relaxed);
    if (bytes) return (double)bytes;
    bytes = read_cache_bytes();
    const long usual = 32 << 20;
    if (bytes <= 0) bytes = usual;
    atomic_store_explicit(&cached, bytes, memory_order_relaxed);
    return (double)bytes;
}

bool renorm_streams(double bytes) { return bytes >= 2 * last_level_cache_bytes(); }

bool renorm_is_in_memory(double bytes) { return bytes >= last_level_cache_bytes(); }

void renorm_streaming_fence(void) {
#if defined(__x86_64__)
    __builtin_ia32_sfence();
#else
    atomic_thread_fence(memory_order_seq_cst);
#endif
}
