#include "Elements.h"
#include "Program.h"
#include "Team.h"

#include <stdlib.h>

// Planning a program: which instructions run at which level, which register each value gets, which are written to an output
// at once.

/// An instruction of the program being made: one of the description's, or a copy that an output asked for.
typedef struct {
    renorm_op op;
    renorm_level level;
    bool needed;
    /// Numbers of values.
    int32_t operands[3];
    /// The last element instruction that reads the result, or the count of instructions if an output is written from it
    /// at the end; −1 for none.
    int32_t last_use;
    /// The output that the result is written to at once; −1 for none.
    int32_t output;
    /// Where the result is.
    int32_t slot;
} planned;

typedef struct {
    const renorm_program_description *description;
    renorm_program *program;
    /// Copies for outputs that are no instruction's result, then the description's instructions.
    planned *instructions;
    int32_t count;
    int32_t copies;
    /// What each output writes in the end: an index into instructions.
    int32_t producers[renorm_program_maximum_outputs];
} maker;

// MARK: Instructions

static renorm_level level_of(const maker *m, int32_t value) {
    const renorm_program_description *d = m->description;
    if (value < d->input_count) return m->program->inputs[value].level;
    const int32_t first = renorm_first_instruction_value(d);
    return value < first ? renorm_level_uniform : m->instructions[m->copies + value - first].level;
}

static planned *producer_of(const maker *m, int32_t value) {
    const int32_t index = value - renorm_first_instruction_value(m->description);
    return index < 0 ? NULL : &m->instructions[m->copies + index];
}

static void plan_output(maker *m, int32_t index) {
    const int32_t value = m->description->outputs[index].value;
    planned *producer = producer_of(m, value);
    const bool copies = !producer || producer->level != renorm_level_element;
    // An input, or a value that is the same for many elements, is first copied into a block of its own. The copies come
    // before all instructions: what they read may be overwritten by an output.
    m->instructions[index] = (planned){
        .op = renorm_op_copy,
        .level = renorm_level_element,
        .needed = copies,
        .operands = {value},
        .last_use = -1,
        .output = -1,
    };
    if (producer) producer->needed = true;
    m->producers[index] = copies ? index : (int32_t)(producer - m->instructions);
}

static void plan_instructions(maker *m) {
    const renorm_program_description *d = m->description;
    m->copies = d->output_count;
    m->count = m->copies + d->instruction_count;
    for (int32_t i = 0; i < d->instruction_count; i++) {
        const renorm_instruction instruction = d->instructions[i];
        planned *p = &m->instructions[m->copies + i];
        *p = (planned){
            .op = instruction.op,
            .operands = {instruction.a, instruction.b, instruction.c},
            .last_use = -1,
            .output = -1,
        };
        for (int32_t k = 0; k < renorm_operands_of(p->op); k++) {
            const renorm_level level = level_of(m, p->operands[k]);
            if (level > p->level) p->level = level;
        }
    }
    for (int32_t i = 0; i < d->output_count; i++) plan_output(m, i);
    for (int32_t i = m->count - 1; i >= m->copies; i--) {
        for (int32_t k = 0; m->instructions[i].needed && k < renorm_operands_of(m->instructions[i].op); k++) {
            planned *operand = producer_of(m, m->instructions[i].operands[k]);
            if (operand) operand->needed = true;
        }
    }
}

// MARK: Registers and slots

/// The last element instruction that reads an input's memory.
static int32_t last_read(const maker *m, int32_t input) {
    for (int32_t i = m->count - 1; i >= 0; i--) {
        const planned *p = &m->instructions[i];
        if (!p->needed) continue;
        for (int32_t k = 0; k < renorm_operands_of(p->op); k++) {
            if (p->operands[k] == input) return i;
        }
    }
    return -1;
}

/// Whether an output may be written by the instruction that computes it: its array is reached directly, does not go past
/// the caches (the value may be read again), and overwrites nothing that is still read.
static bool writes_at_once(const maker *m, int32_t index) {
    const renorm_program *program = m->program;
    if (program->outputs[index].access != renorm_access_direct || program->outputs[index].streams) return false;
    if (m->instructions[m->producers[index]].output >= 0) return false;
    const int32_t input = m->description->outputs[index].in_place_of;
    return input < 0 || last_read(m, input) <= m->producers[index];
}

static void plan_uses(maker *m) {
    for (int32_t i = 0; i < m->count; i++) {
        const planned *p = &m->instructions[i];
        if (!p->needed || p->level != renorm_level_element) continue;
        for (int32_t k = 0; k < renorm_operands_of(p->op); k++) {
            planned *operand = producer_of(m, p->operands[k]);
            if (operand) operand->last_use = i;
        }
    }
    for (int32_t i = 0; i < m->description->output_count; i++) {
        planned *producer = &m->instructions[m->producers[i]];
        if (writes_at_once(m, i)) {
            producer->output = i;
        } else {
            producer->last_use = m->count;
        }
    }
}

typedef struct {
    bool taken[renorm_most_registers];
    int32_t count;
} registers;

/// −1 if all are taken.
static int32_t take_register(registers *r) {
    for (int32_t i = 0; i < renorm_most_registers; i++) {
        if (r->taken[i]) continue;
        r->taken[i] = true;
        r->count = i + 1 > r->count ? i + 1 : r->count;
        return i;
    }
    return -1;
}

static bool place_arrays(maker *m, registers *r) {
    renorm_program *p = m->program;
    const int32_t first_input = p->first_scalar_slot + p->scalar_count, first_output = first_input + p->input_count;
    for (int32_t i = 0; i < p->input_count; i++) {
        p->inputs[i].slot = first_input + i;
        if (p->inputs[i].access == renorm_access_direct) continue;
        const int32_t taken = take_register(r);
        if (taken < 0) return false;
        p->inputs[i].slot = p->first_register_slot + taken;
    }
    for (int32_t i = 0; i < p->output_count; i++) p->outputs[i].slot = first_output + i;
    return true;
}

/// Gives every result its slot: registers are taken again as soon as their value has been read for the last time.
static bool place_results(maker *m) {
    renorm_program *program = m->program;
    program->constant_count = m->description->constant_count;
    program->first_scalar_slot = program->constant_count;
    for (int32_t i = 0; i < m->count; i++) {
        planned *p = &m->instructions[i];
        if (p->needed && p->level != renorm_level_element) {
            p->slot = program->first_scalar_slot + program->scalar_count++;
        }
    }
    program->first_register_slot =
        program->first_scalar_slot + program->scalar_count + program->input_count + program->output_count;
    registers r = {};
    if (!place_arrays(m, &r)) return false;
    for (int32_t i = 0; i < m->count; i++) {
        planned *p = &m->instructions[i];
        if (!p->needed || p->level != renorm_level_element) continue;
        for (int32_t k = 0; k < renorm_operands_of(p->op); k++) {
            const planned *operand = producer_of(m, p->operands[k]);
            const bool dies = operand && operand->level == renorm_level_element && operand->last_use == i;
            if (dies && operand->output < 0) r.taken[operand->slot - program->first_register_slot] = false;
        }
        if (p->output >= 0) {
            p->slot = program->outputs[p->output].slot;
            continue;
        }
        const int32_t taken = take_register(&r);
        if (taken < 0) return false;
        p->slot = program->first_register_slot + taken;
    }
    program->register_count = r.count;
    program->slot_count = program->first_register_slot + r.count;
    return true;
}

// MARK: Steps

static int32_t slot_of(const maker *m, int32_t value) {
    const renorm_program_description *d = m->description;
    if (value < d->input_count) return m->program->inputs[value].slot;
    const planned *producer = producer_of(m, value);
    return producer ? producer->slot : value - d->input_count;
}

static void add_step(renorm_program *program, renorm_level level, renorm_step step) {
    program->steps[level][program->step_count[level]++] = step;
}

static bool make_steps(maker *m) {
    renorm_program *program = m->program;
    for (int32_t level = 0; level < renorm_level_count; level++) {
        program->steps[level] = calloc((size_t)(m->count + program->output_count), sizeof(renorm_step));
        if (!program->steps[level]) return false;
    }
    for (int32_t i = 0; i < m->count; i++) {
        const planned *p = &m->instructions[i];
        if (!p->needed) continue;
        int32_t slots[3], scalars = 0;
        for (int32_t k = 0; k < 3; k++) {
            // Loops look at one float of every operand, needed or not.
            const bool takes = k < renorm_operands_of(p->op);
            slots[k] = takes ? slot_of(m, p->operands[k]) : slots[0];
            const bool is_scalar = takes && level_of(m, p->operands[k]) != renorm_level_element;
            if (is_scalar && p->level == renorm_level_element) scalars |= 1 << k;
        }
        add_step(program, p->level, (renorm_step){p->op, scalars, false, p->slot, slots[0], slots[1], slots[2]});
    }
    for (int32_t i = 0; i < program->output_count; i++) {
        renorm_array *output = &program->outputs[i];
        const planned *producer = &m->instructions[m->producers[i]];
        if (producer->output == i) continue;
        const int32_t from = producer->slot;
        if (output->access == renorm_access_direct) {
            const renorm_step step = {renorm_op_copy, 0, output->streams, output->slot, from, from, from};
            add_step(program, renorm_level_element, step);
        } else {
            output->slot = from;
        }
    }
    return true;
}

/// What an operation costs beside moving its operands, in bytes that could be moved meanwhile.
static double cost_of(renorm_op op) {
    switch (op) {
    case renorm_op_exp:
    case renorm_op_log:
    case renorm_op_logistic:
    case renorm_op_tanh:
    case renorm_op_erf: return 8;
    case renorm_op_power: return 64;
    default: return 1;
    }
}

static void plan_blocks(maker *m) {
    renorm_program *program = m->program;
    double bytes = 0;
    ptrdiff_t arrays = program->register_count;
    for (int32_t i = 0; i < program->input_count + program->output_count; i++) {
        const renorm_array *array =
            i < program->input_count ? &program->inputs[i] : &program->outputs[i - program->input_count];
        if (array->level != renorm_level_element || array->access == renorm_access_repeated) continue;
        bytes += (double)renorm_size_of(array->strides.type);
        arrays += array->access == renorm_access_direct;
    }
    for (int32_t i = 0; i < m->count; i++) {
        const planned *p = &m->instructions[i];
        if (p->needed && p->level == renorm_level_element) bytes += cost_of(p->op);
    }
    program->cost = bytes * (double)program->outer * (double)program->inner;
    // Registers and the blocks of the arrays together stay in L1.
    const ptrdiff_t floats_in_l1 = 8 * 1024, unit = 64;
    const ptrdiff_t fitting = floats_in_l1 / renorm_larger(arrays, 1) / unit * unit;
    program->block = renorm_larger(renorm_smallest_block, renorm_smaller(fitting, renorm_largest_block));
    program->rows_in_block = program->packed ? program->block / program->inner : 1;
}

bool renorm_program_plan(renorm_program *program, const renorm_program_description *description) {
    maker m = {.description = description, .program = program};
    m.instructions = calloc((size_t)(description->instruction_count + description->output_count), sizeof(planned));
    if (!m.instructions) return false;
    plan_instructions(&m);
    plan_uses(&m);
    const bool made = place_results(&m) && make_steps(&m);
    if (made) plan_blocks(&m);
    free(m.instructions);
    return made;
}
