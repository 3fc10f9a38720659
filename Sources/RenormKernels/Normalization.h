#pragma once

#include "Elements.h"
#include "Loops/Table.h"
#include "Team.h"

// How the passes of normalization see an activation: rows of the factors' width, shared among threads.

enum {
    /// Few channels are taken several rows at a time, their factors repeated, as one row of at most so many floats.
    renorm_widest_repetition = 2048,
    /// Room for one vector of a pass: not a multiple of 4 KiB, or the vectors' elements of one channel would share a set
    /// of L1, and a load of one would seem to wait for a store to another.
    renorm_vector_room = renorm_widest_repetition + 112,
    /// Factors of a pass: mean, scale, shift, p, q, c.
    renorm_most_factors = 6,
};

/// How many rows to take as one, given that so many follow each other in a group: so many that rows are whole vectors on
/// every instruction set and long enough for the loop over them; 1 for few rows or many channels.
ptrdiff_t renorm_repetition(renorm_type type, ptrdiff_t channels, ptrdiff_t rows);

/// Whether factors are copied to the pass's own memory before so many rows: to repeat them, or because it pays to have
/// them where they do not push each other out of L1.
static inline bool renorm_copies_factors(ptrdiff_t channels, ptrdiff_t repeats, ptrdiff_t rows) {
    return repeats > 1 || (channels <= renorm_widest_repetition && rows >= 16);
}

/// Writes `vector` (channels floats) `repeats` times.
void renorm_repeat(float *repeated, const float *vector, ptrdiff_t channels, ptrdiff_t repeats);

/// The rows of a thread: whole groups where they can be dealt out evenly, else multiples of so many rows (16 of f32) that
/// rows of any width start on a cache line if the array does.
renorm_share renorm_rows_of(renorm_extent extent, int32_t thread, int32_t threads);

/// The bytes of one array of the extent.
static inline double renorm_bytes(renorm_extent extent) {
    return (double)renorm_size_of(extent.type) * (double)extent.rows * (double)extent.channels;
}

/// Where the mask comes from, given what the caller handed in.
static inline renorm_mask_source renorm_source_of(renorm_mask mask) {
    switch (mask.activation) {
    case renorm_activation_identity: return renorm_mask_none;
    case renorm_activation_relu: return mask.output ? renorm_mask_relu_saved : renorm_mask_relu_recomputed;
    case renorm_activation_relu6: return mask.output ? renorm_mask_relu6_saved : renorm_mask_relu6_recomputed;
    }
}
