#pragma once

#include "Loops/Table.h"
#include "Team.h"

// How the passes of normalization see an activation: rows of the factors' width, shared among threads.

enum {
    /// Few channels are taken several rows at a time, their factors repeated, as one row of at most so many floats.
    renorm_widest_repetition = 2048,
    /// Factors of a pass: mean, scale, shift, p, q, c.
    renorm_most_factors = 6,
};

/// How many rows to take as one, given that so many follow each other in a group: so many that rows are whole vectors on
/// every instruction set and long enough for the loop over them; 1 for few rows or many channels.
ptrdiff_t renorm_repetition(ptrdiff_t channels, ptrdiff_t rows);

/// Writes `vector` (channels floats) `repeats` times.
void renorm_repeat(float *repeated, const float *vector, ptrdiff_t channels, ptrdiff_t repeats);

/// The rows of a thread: whole groups where they can be dealt out evenly, else multiples of 16 rows (so that rows of any
/// width start on a cache line if the array does).
renorm_share renorm_rows_of(renorm_extent extent, int32_t thread, int32_t threads);

/// The bytes of one array of the extent.
static inline double renorm_bytes(renorm_extent extent) {
    return 4.0 * (double)extent.rows * (double)extent.channels;
}

/// Where the mask comes from, given what the caller handed in.
static inline renorm_mask_source renorm_source_of(renorm_mask mask) {
    switch (mask.activation) {
    case renorm_activation_identity: return renorm_mask_none;
    case renorm_activation_relu: return mask.output ? renorm_mask_relu_saved : renorm_mask_relu_recomputed;
    case renorm_activation_relu6: return mask.output ? renorm_mask_relu6_saved : renorm_mask_relu6_recomputed;
    }
}
