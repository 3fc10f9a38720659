#include "Elements.h"
#include "Program.h"
#include "Team.h"

#include <stdlib.h>
#include <string.h>

// Making and freeing a program, once, when the engine compiles: whether it is well formed, its loop nest, how each array is
// reached. What is computed where is planned in ProgramPlan.c.

static bool operands_are_valid(const renorm_operand *operands, int32_t count) {
    for (int32_t i = 0; i < count; i++) {
        if (operands[i].inner_stride != 0 && operands[i].inner_stride != 1) return false;
        if (operands[i].type != renorm_f32 && operands[i].type != renorm_bf16) return false;
    }
    return true;
}

static bool is_valid(const renorm_program_description *d) {
    if (d->outer < 0 || d->inner < 0 || d->input_count < 0 || d->constant_count < 0) return false;
    if (d->input_count > renorm_program_maximum_inputs || d->output_count > renorm_program_maximum_outputs) return false;
    if (d->constant_count > renorm_program_maximum_instructions) return false;
    if (d->instruction_count < 0 || d->instruction_count > renorm_program_maximum_instructions) return false;
    if (d->output_count < 1 || !operands_are_valid(d->inputs, d->input_count)) return false;
    const int32_t first = renorm_first_instruction_value(d);
    for (int32_t i = 0; i < d->instruction_count; i++) {
        const renorm_instruction instruction = d->instructions[i];
        if (instruction.op < 0 || instruction.op >= renorm_op_count) return false;
        const int32_t operands[] = {instruction.a, instruction.b, instruction.c};
        for (int32_t k = 0; k < renorm_operands_of(instruction.op); k++) {
            if (operands[k] < 0 || operands[k] >= first + i) return false;
        }
    }
    for (int32_t i = 0; i < d->output_count; i++) {
        const renorm_program_output output = d->outputs[i];
        if (!operands_are_valid(&output.operand, 1)) return false;
        if (output.value < 0 || output.value >= first + d->instruction_count) return false;
        if (output.operand.inner_stride != 1 && d->inner > 1) return false;
        if (output.in_place_of >= d->input_count) return false;
        if (output.in_place_of < 0) continue;
        const renorm_operand input = d->inputs[output.in_place_of];
        if (input.outer_stride != output.operand.outer_stride && d->outer > 1) return false;
        if (input.inner_stride != output.operand.inner_stride && d->inner > 1) return false;
        if (input.type != output.operand.type) return false;
    }
    return true;
}

// MARK: Loop nest

static bool joins_axes(renorm_operand operand, ptrdiff_t inner) {
    const bool contiguous = operand.inner_stride == 1 && operand.outer_stride == inner;
    return contiguous || (operand.inner_stride == 0 && operand.outer_stride == 0);
}

static bool all_arrays(const renorm_program *p, bool (*holds)(renorm_operand, ptrdiff_t), ptrdiff_t inner) {
    for (int32_t i = 0; i < p->input_count; i++) {
        if (!holds(p->inputs[i].strides, inner)) return false;
    }
    for (int32_t i = 0; i < p->output_count; i++) {
        if (!holds(p->outputs[i].strides, inner)) return false;
    }
    return true;
}

static bool steps_by_at_most_one(renorm_operand operand, ptrdiff_t inner) {
    (void)inner;
    return operand.outer_stride == 0 || operand.outer_stride == 1;
}

static void transform_arrays(renorm_program *p, renorm_operand (*change)(renorm_operand)) {
    for (int32_t i = 0; i < p->input_count; i++) p->inputs[i].strides = change(p->inputs[i].strides);
    for (int32_t i = 0; i < p->output_count; i++) p->outputs[i].strides = change(p->outputs[i].strides);
}

static renorm_operand with_axes_swapped(renorm_operand operand) {
    return (renorm_operand){0, operand.outer_stride, operand.type};
}

static renorm_operand along_inner_alone(renorm_operand operand) {
    return (renorm_operand){0, operand.inner_stride, operand.type};
}

/// One axis if strides allow.
static void join_axes(renorm_program *p) {
    if (p->inner == 1 && p->outer > 1 && all_arrays(p, steps_by_at_most_one, 0)) {
        transform_arrays(p, with_axes_swapped);
        p->inner = p->outer;
        p->outer = 1;
    } else if (p->outer > 1 && all_arrays(p, joins_axes, p->inner)) {
        transform_arrays(p, along_inner_alone);
        p->inner *= p->outer;
        p->outer = 1;
    } else if (p->outer == 1) {
        transform_arrays(p, along_inner_alone);
    }
    p->packed = p->outer > 1 && p->inner > 0 && p->inner < renorm_shortest_row;
}

static void classify(const renorm_program *p, renorm_array *array) {
    const renorm_operand s = array->strides;
    array->access = renorm_access_direct;
    if (s.outer_stride == 0 && s.inner_stride == 0) {
        array->level = renorm_level_uniform;
    } else if (!p->packed) {
        array->level = s.inner_stride ? renorm_level_element : renorm_level_row;
    } else {
        array->level = renorm_level_element;
        const bool contiguous = s.outer_stride == p->inner && (s.inner_stride == 1 || p->inner == 1);
        if (!contiguous) array->access = s.outer_stride ? renorm_access_gathered : renorm_access_repeated;
    }
    const bool converts = s.type != renorm_f32 && array->level == renorm_level_element;
    if (converts && array->access == renorm_access_direct) array->access = renorm_access_gathered;
}

// MARK: Making and freeing

static bool make(renorm_program *program, const renorm_program_description *d) {
    program->outer = d->outer;
    program->inner = d->inner;
    program->input_count = d->input_count;
    program->output_count = d->output_count;
    for (int32_t i = 0; i < d->input_count; i++) program->inputs[i].strides = d->inputs[i];
    for (int32_t i = 0; i < d->output_count; i++) program->outputs[i].strides = d->outputs[i].operand;
    join_axes(program);
    const double elements = (double)d->outer * (double)d->inner;
    for (int32_t i = 0; i < d->input_count; i++) classify(program, &program->inputs[i]);
    for (int32_t i = 0; i < d->output_count; i++) {
        renorm_array *output = &program->outputs[i];
        classify(program, output);
        output->level = renorm_level_element;
        const renorm_type type = output->strides.type;
        if (type != renorm_f32 && output->access == renorm_access_direct) output->access = renorm_access_gathered;
        output->streams = (output->access == renorm_access_direct || type != renorm_f32)
            && d->outputs[i].in_place_of < 0 && renorm_streams(elements * (double)renorm_size_of(type));
        program->streams |= output->streams;
    }
    program->constants = calloc((size_t)d->constant_count + 1, sizeof(float));
    if (!program->constants) return false;
    if (d->constant_count) memcpy(program->constants, d->constants, (size_t)d->constant_count * sizeof(float));
    return renorm_program_plan(program, d);
}

renorm_program *renorm_program_create(const renorm_program_description *description) {
    if (!is_valid(description)) return NULL;
    renorm_program *program = calloc(1, sizeof *program);
    if (!program) return NULL;
    if (make(program, description)) return program;
    renorm_program_destroy(program);
    return NULL;
}

void renorm_program_destroy(renorm_program *program) {
    for (int32_t level = 0; level < renorm_level_count; level++) free(program->steps[level]);
    free(program->constants);
    free(program);
}
