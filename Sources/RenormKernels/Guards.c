#include "Loops/Table.h"
#include "Team.h"

#include <stdatomic.h>

typedef struct {
    const renorm_loops *loops;
    ptrdiff_t count;
    const float *values;
    _Atomic int32_t finite;
} finite_pass;

static void finite_body(void *context, int32_t thread, int32_t threads) {
    finite_pass *pass = context;
    const renorm_share mine = renorm_share_of(pass->count, thread, threads);
    if (!pass->loops->is_finite(mine.end - mine.first, pass->values + mine.first)) {
        atomic_store_explicit(&pass->finite, 0, memory_order_relaxed);
    }
}

int32_t renorm_is_finite(renorm_team *team, ptrdiff_t count, const float *values) {
    finite_pass pass = {.loops = renorm_loops_for(team), .count = count, .values = values, .finite = 1};
    renorm_team_run_for(team, 4.0 * (double)count, finite_body, &pass);
    return atomic_load(&pass.finite);
}
