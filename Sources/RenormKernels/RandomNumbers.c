#include "Loops/Table.h"
#include "Team.h"

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
