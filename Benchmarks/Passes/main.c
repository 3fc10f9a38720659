// Normalization alone: how much of the machine's copy bandwidth each pass reaches on arrays that no cache holds.
//
//     swift build -c release --product Passes
//     .build/release/Passes [--threads 2] [--rounds 9] [--megabytes 256]
//
// Rounds take turns: both ways of copying, then every pass. A pass's share is what it must read and write, over its median
// time, over the better median copy of the same rounds. On a terminal a table, else JSON.

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#if defined(__linux__)
#include <sys/mman.h>
#endif

#include "Passes.h"

typedef struct {
    int threads, rounds;
    size_t megabytes;
} options;

/// Positions of one example and channels; the batch grows until the array is large enough.
typedef struct {
    ptrdiff_t height, width, channels;
} shape;

static const shape shapes[] = {
    {56, 56, 64}, {28, 28, 256}, {56, 56, 256}, {14, 14, 1024}, {28, 28, 100}, {56, 56, 17},
};

enum { most_rounds = 101, shape_count = sizeof shapes / sizeof shapes[0] };

static double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int ascending(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, int count) {
    qsort(values, (size_t)count, sizeof *values, ascending);
    return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

static void *allocated(size_t bytes) {
    const size_t page = 2 << 20;
    bytes = (bytes + page - 1) / page * page;
    void *memory = aligned_alloc(page, bytes);
    if (!memory) {
        fprintf(
            stderr, "Passes: no %zu bytes of memory for one of six arrays. Make them smaller with --megabytes, but larger "
            "than the last cache.\n",
            bytes);
        exit(1);
    }
#if defined(__linux__)
    // Large pages, for copies and passes alike: with those of 4 KiB both read up to a third slower.
    madvise(memory, bytes, MADV_HUGEPAGE);
#endif
    return memory;
}

/// Numbers around 0.5, with both signs, the same in every run.
static void fill(void *array, ptrdiff_t count, renorm_type type, uint32_t seed) {
    uint32_t state = seed * 2654435761u + 1;
    for (ptrdiff_t i = 0; i < count; i++) {
        state = state * 1664525u + 1013904223u;
        const float value = (float)(state >> 8) * 0x1p-22f - 1.5f;
        uint32_t bits;
        memcpy(&bits, &value, sizeof bits);
        if (type == renorm_bf16) {
            ((uint16_t *)array)[i] = (uint16_t)(bits >> 16);
        } else {
            ((float *)array)[i] = value;
        }
    }
}

static pass_case make_case(renorm_team *team, shape s, renorm_type type, size_t bytes, void *const arrays[6]) {
    const ptrdiff_t example = s.height * s.width, size = type == renorm_bf16 ? 2 : 4;
    // An even batch of whole examples, the array a multiple of cache lines.
    ptrdiff_t batch = (ptrdiff_t)bytes / (example * s.channels * size) / 64 * 64;
    if (batch < 64) batch = 64;
    pass_case c = {
        .team = team,
        .extent = {.rows = batch * example, .channels = s.channels, .groups = 1, .type = type},
        .x = arrays[0], .residual = arrays[1], .y = arrays[2], .dy = arrays[3], .dx = arrays[4],
        .residual_gradient = arrays[5],
    };
    for (int i = 0; i < 6; i++) fill(arrays[i], c.extent.rows * s.channels, type, (uint32_t)i);
    float **vectors[] = {&c.mean, &c.scale, &c.shift, &c.p, &c.q, &c.c, &c.first, &c.second};
    for (int i = 0; i < 8; i++) {
        *vectors[i] = aligned_alloc(64, ((size_t)s.channels * 4 + 63) / 64 * 64);
        fill(*vectors[i], s.channels, renorm_f32, 10 + (uint32_t)i);
    }
    c.scratch = malloc(renorm_normalization_scratch(c.extent, renorm_team_threads(team)));
    return c;
}

static void free_case(pass_case c) {
    float *vectors[] = {c.mean, c.scale, c.shift, c.p, c.q, c.c, c.first, c.second};
    for (int i = 0; i < 8; i++) free(vectors[i]);
    free(c.scratch);
}

typedef struct {
    double seconds[benchmark_pass_count], gigabytes;
    double copy_bandwidth;
} result;

static result measure(const pass_case *c, int rounds) {
    static double times[benchmark_pass_count][most_rounds];
    for (int round = -1; round < rounds; round++) {
        for (int i = 0; i < benchmark_pass_count; i++) {
            const double start = seconds();
            benchmark_passes[i].run(c);
            if (round >= 0) times[i][round] = seconds() - start;
        }
    }
    result r;
    const ptrdiff_t size = c->extent.type == renorm_bf16 ? 2 : 4;
    r.gigabytes = 1e-9 * (double)(c->extent.rows * c->extent.channels * size);
    for (int i = 0; i < benchmark_pass_count; i++) r.seconds[i] = median(times[i], rounds);
    const double fastest = r.seconds[0] < r.seconds[1] ? r.seconds[0] : r.seconds[1];
    r.copy_bandwidth = 2 * r.gigabytes / fastest;
    return r;
}

static double share(const result *r, double arrays, double time) {
    return arrays * r->gigabytes / time / r->copy_bandwidth;
}

/// One row: a pass, or a sum of two.
static void print_row(bool table, bool first, const result *r, const char *name, double arrays, double time) {
    const double rate = arrays * r->gigabytes / time;
    if (table) {
        printf("    %-28s %8.2f ms %7.1f GB/s %6.0f %%\n", name, 1e3 * time, rate, 100 * share(r, arrays, time));
    } else {
        printf(
            "%s\n        {\"pass\": \"%s\", \"milliseconds\": %.4f, \"gigabytesPerSecond\": %.3f, \"share\": %.4f}",
            first ? "" : ",", name, 1e3 * time, rate, share(r, arrays, time));
    }
}

static void print_case(bool table, bool first, const pass_case *c, const result *r) {
    const char *type = c->extent.type == renorm_bf16 ? "bf16" : "f32";
    if (table) {
        printf(
            "[%td, %td] %s, %.0f MB an array, copy %.1f GB/s\n", c->extent.rows, c->extent.channels, type,
            1e3 * r->gigabytes, r->copy_bandwidth);
    } else {
        printf(
            "%s\n    {\"rows\": %td, \"channels\": %td, \"type\": \"%s\", \"megabytes\": %.1f, \"copyGigabytesPerSecond\": "
            "%.3f, \"passes\": [",
            first ? "" : ",", c->extent.rows, c->extent.channels, type, 1e3 * r->gigabytes, r->copy_bandwidth);
    }
    for (int i = 0; i < benchmark_pass_count; i++) {
        print_row(table, i == 0, r, benchmark_passes[i].name, benchmark_passes[i].arrays, r->seconds[i]);
    }
    for (int i = 0; i < benchmark_sum_count; i++) {
        const int *parts = benchmark_sums[i].parts;
        const int arrays = benchmark_passes[parts[0]].arrays + benchmark_passes[parts[1]].arrays;
        print_row(table, false, r, benchmark_sums[i].name, arrays, r->seconds[parts[0]] + r->seconds[parts[1]]);
    }
    printf(table ? "\n" : "]}");
    fflush(stdout);
}

static options parse(int count, char **arguments) {
    options o = {.threads = 2, .rounds = 9, .megabytes = 256};
    for (int i = 1; i < count; i += 2) {
        const int value = i + 1 < count ? atoi(arguments[i + 1]) : 0;
        if (strcmp(arguments[i], "--threads") == 0 && value > 0) {
            o.threads = value;
        } else if (strcmp(arguments[i], "--rounds") == 0 && value > 0 && value <= most_rounds) {
            o.rounds = value;
        } else if (strcmp(arguments[i], "--megabytes") == 0 && value > 0) {
            o.megabytes = (size_t)value;
        } else {
            fprintf(
                stderr, "Passes: %s is no option with a positive number. Use --threads N, --rounds N (at most %d) or "
                "--megabytes N (of one array).\n",
                arguments[i], most_rounds);
            exit(64);
        }
    }
    return o;
}

int main(int count, char **arguments) {
    const options o = parse(count, arguments);
    const bool table = isatty(STDOUT_FILENO);
    renorm_team *team = renorm_team_create(o.threads, NULL, NULL, NULL);
    if (!team) {
        fprintf(stderr, "Passes: cannot start %d threads. Ask for fewer with --threads.\n", o.threads);
        return 1;
    }
    const size_t bytes = o.megabytes << 20;
    void *arrays[6];
    for (int i = 0; i < 6; i++) arrays[i] = allocated(bytes + (64 << 20));
    if (!table) {
        printf(
            "{\"instructions\": \"%s\", \"threads\": %d, \"rounds\": %d, \"cases\": [", renorm_instructions_name(),
            o.threads, o.rounds);
    }
    for (int i = 0; i < 2 * shape_count; i++) {
        const pass_case c =
            make_case(team, shapes[i / 2], i % 2 ? renorm_bf16 : renorm_f32, bytes, arrays);
        const result r = measure(&c, o.rounds);
        print_case(table, i == 0, &c, &r);
        free_case(c);
    }
    if (!table) printf("\n]}\n");
    for (int i = 0; i < 6; i++) free(arrays[i]);
    renorm_team_destroy(team);
    return 0;
}
