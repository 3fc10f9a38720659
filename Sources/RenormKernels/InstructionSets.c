#include "Team.h"

static const renorm_loops *loops_of(renorm_instructions instructions) {
    switch (instructions) {
    case renorm_instructions_baseline: return &renorm_loops_baseline;
#if defined(__x86_64__)
    case renorm_instructions_avx2: return __builtin_cpu_supports("x86-64-v3") ? &renorm_loops_avx2 : NULL;
    case renorm_instructions_avx512: return __builtin_cpu_supports("x86-64-v4") ? &renorm_loops_avx512 : NULL;
#else
    case renorm_instructions_avx2:
    case renorm_instructions_avx512: return NULL;
#endif
    }
    return NULL;
}

renorm_instructions renorm_instructions_current(void) {
    if (loops_of(renorm_instructions_avx512)) return renorm_instructions_avx512;
    return loops_of(renorm_instructions_avx2) ? renorm_instructions_avx2 : renorm_instructions_baseline;
}

const char *renorm_instructions_name(void) { return loops_of(renorm_instructions_current())->name; }

const renorm_loops *renorm_loops_for(const renorm_team *team) {
    const renorm_loops *selected = team ? renorm_team_loops(team) : NULL;
    return selected ? selected : loops_of(renorm_instructions_current());
}

const renorm_loops *renorm_loops_of(renorm_instructions instructions) {
    const renorm_loops *loops = loops_of(instructions);
    return loops ? loops : loops_of(renorm_instructions_current());
}

int32_t renorm_team_select(renorm_team *team, renorm_instructions instructions) {
    const renorm_loops *loops = loops_of(instructions);
    if (!loops) return 0;
    renorm_team_set_loops(team, loops);
    return 1;
}
