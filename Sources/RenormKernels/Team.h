#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "Loops/Table.h"

#pragma clang assume_nonnull begin

/// The loops that the team's passes use: those selected for it, else the widest of this processor.
const renorm_loops *renorm_loops_for(const renorm_team *_Nullable team);

/// Those of an instruction set, or the widest of this processor where it lacks that.
const renorm_loops *renorm_loops_of(renorm_instructions instructions);

/// Those selected, or NULL.
const renorm_loops *_Nullable renorm_team_loops(const renorm_team *team);

void renorm_team_set_loops(renorm_team *team, const renorm_loops *loops);

/// Runs `body` on the team if moving `bytes` is worth waking it, else on the calling thread as a team of one.
void renorm_team_run_for(
    renorm_team *_Nullable team, double bytes, renorm_team_body body, void *_Nullable context);

/// How many threads `renorm_team_run_for` would use.
int32_t renorm_team_threads_for(const renorm_team *_Nullable team, double bytes);

/// Whether so many bytes written are better sent past the caches, because reading them again would miss them anyway.
bool renorm_streams(double bytes);

/// Whether a pass over so many bytes finds them in main memory rather than in a cache.
bool renorm_is_in_memory(double bytes);

/// Ends a thread's stores past the caches: others see them after this.
void renorm_streaming_fence(void);

/// The part of `count` items that falls to a thread.
typedef struct {
    ptrdiff_t first;
    ptrdiff_t end;
} renorm_share;

static inline renorm_share renorm_share_of(ptrdiff_t count, int32_t thread, int32_t threads) {
    ptrdiff_t each = count / threads, extra = count % threads;
    ptrdiff_t first = thread * each + (thread < extra ? thread : extra);
    return (renorm_share){first, first + each + (thread < extra)};
}

static inline ptrdiff_t renorm_smaller(ptrdiff_t a, ptrdiff_t b) { return a < b ? a : b; }

static inline ptrdiff_t renorm_larger(ptrdiff_t a, ptrdiff_t b) { return a > b ? a : b; }

#pragma clang assume_nonnull end
