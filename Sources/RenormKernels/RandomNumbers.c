#include "Loops/Table.h"
#include "Team.h"

void renorm_philox(uint64_t key, const uint32_t counter[4], uint32_t words[4]) {
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
    uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
    for (int round = 0; round < 10; round++) {
        const uint64_t p0 = (uint64_t)c0 * 0xD2511F53, p2 = (uint64_t)c2 * 0xCD9E8D57;
        c0 = (uint32_t)(p2 >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)p2;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)p0;
        k0 += 0x9E3779B9;
        k1 += 0xBB67AE85;
    }
    words[0] = c0, words[1] = c1, words[2] = c2, words[3] = c3;
}

typedef struct {
    const renorm_loops *loops;
    uint64_t seed, stream;
    uint32_t step;
    ptrdiff_t count;
    float *values;
} uniform_pass;

static void uniform_body(void *context, int32_t thread, int32_t threads) {
    const uniform_pass *pass = context;
    // Whole cache lines, hence whole blocks of four words.
    const ptrdiff_t unit = 16;
    const renorm_share units = renorm_share_of((pass->count + unit - 1) / unit, thread, threads);
    const ptrdiff_t first = units.first * unit, end = renorm_smaller(units.end * unit, pass->count);
    if (first >= end) return;
    pass->loops->uniform(
        pass->seed, pass->stream, pass->step, (uint32_t)(first / 4), end - first, pass->values + first);
}

void renorm_uniform(
    renorm_team *team, uint64_t seed, uint64_t stream, uint32_t step, ptrdiff_t count, float *values
) {
    uniform_pass pass = {renorm_loops_for(team), seed, stream, step, count, values};
    // Ten rounds for four numbers take about as long as moving 16 bytes for each.
    renorm_team_run_for(team, 20.0 * (double)count, uniform_body, &pass);
}
