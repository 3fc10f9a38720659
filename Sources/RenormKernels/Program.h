#pragma once

#include "Loops/Table.h"

// A program ready to run. Every value has a slot: a pointer to an array's current block, to a register (a block in L1 on
// the thread's stack) or to one float. Values have levels: those that depend on uniform operands alone are computed once
// for each thread, those that are the same along a row once for each row, all others block by block.

enum {
    renorm_most_registers = 96,
    renorm_smallest_block = 128,
    renorm_largest_block = 512,
    /// Below this many elements several rows are packed into one block.
    renorm_shortest_row = 128,
};

typedef enum {
    renorm_level_uniform,
    renorm_level_row,
    renorm_level_element,
    renorm_level_count,
} renorm_level;

typedef struct {
    renorm_op op;
    /// Which operands are one float.
    int32_t scalars;
    /// Copies past the caches instead.
    bool streams;
    /// Slots.
    int32_t d, a, b, c;
} renorm_step;

typedef enum {
    /// The slot points into the array: at the one float, the row's float, or the block.
    renorm_access_direct,
    /// Copied once into a register, the row repeated as often as a block holds rows.
    renorm_access_repeated,
    /// Copied into (or out of) a register for each block, converted if it is no f32.
    renorm_access_gathered,
} renorm_access;

typedef struct {
    renorm_access access;
    renorm_level level;
    /// And the type.
    renorm_operand strides;
    /// An output that goes past the caches.
    bool streams;
    /// Slot of what the steps read or write.
    int32_t slot;
} renorm_array;

struct renorm_program {
    /// The loop nest after joining axes.
    ptrdiff_t outer, inner;
    /// Whether a block holds whole rows.
    bool packed;
    ptrdiff_t block;
    ptrdiff_t rows_in_block;
    /// What a run costs, as bytes moved.
    double cost;
    bool streams;

    int32_t input_count, output_count, constant_count;
    renorm_array inputs[renorm_program_maximum_inputs];
    renorm_array outputs[renorm_program_maximum_outputs];
    float *constants;

    int32_t register_count, scalar_count, slot_count;
    /// The first slots: constants, then scalars, then registers.
    int32_t first_scalar_slot, first_register_slot;

    int32_t step_count[renorm_level_count];
    renorm_step *steps[renorm_level_count];
};

/// Plans everything but the loop nest and the arrays' access, which are there. False if there are too few registers or
/// memory is lacking.
bool renorm_program_plan(renorm_program *program, const renorm_program_description *description);

/// How many operands an operation takes: 1, 2 or 3.
static inline int32_t renorm_operands_of(renorm_op op) {
    if (op <= renorm_op_is_finite) return 1;
    return op <= renorm_op_greater_equal ? 2 : 3;
}

/// The number of the first instruction's result.
static inline int32_t renorm_first_instruction_value(const renorm_program_description *d) {
    return d->input_count + d->constant_count;
}
