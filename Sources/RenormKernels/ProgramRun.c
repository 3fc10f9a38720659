#include "Program.h"
#include "Team.h"

#include <string.h>

typedef struct {
    const renorm_program *program;
    const renorm_loops *loops;
    const float *const *inputs;
    float *const *outputs;
} program_pass;

static inline void run_steps(const program_pass *pass, renorm_level level, ptrdiff_t n, float *const *slots) {
    const renorm_step *step = pass->program->steps[level], *end = step + pass->program->step_count[level];
    for (; step < end; step++) {
        const renorm_program_loop loop =
            step->streams ? pass->loops->stream : pass->loops->program[step->op][step->scalars];
        loop(n, slots[step->d], slots[step->a], slots[step->b], slots[step->c]);
    }
}

/// Copies `rows` rows of an array into a register, from a row on.
static void gather(
    const renorm_program *program, const renorm_array *array, const float *base, ptrdiff_t row, ptrdiff_t rows,
    float *into
) {
    const ptrdiff_t inner = program->inner;
    for (ptrdiff_t r = 0; r < rows; r++) {
        const float *from = base + (row + r) * array->strides.outer_stride;
        if (array->strides.inner_stride) {
            memcpy(into + r * inner, from, (size_t)inner * sizeof(float));
        } else {
            for (ptrdiff_t j = 0; j < inner; j++) into[r * inner + j] = *from;
        }
    }
}

static void scatter(
    const renorm_program *program, const renorm_array *array, float *base, ptrdiff_t row, ptrdiff_t rows,
    const float *from
) {
    const ptrdiff_t inner = program->inner;
    for (ptrdiff_t r = 0; r < rows; r++) {
        memcpy(
            base + (row + r) * array->strides.outer_stride, from + r * inner, (size_t)inner * sizeof(float));
    }
}

static void run_packed_blocks(const program_pass *pass, renorm_share blocks, float **slots) {
    const renorm_program *program = pass->program;
    for (int32_t i = 0; i < program->input_count; i++) {
        const renorm_array *array = &program->inputs[i];
        if (array->access != renorm_access_repeated) continue;
        gather(program, array, pass->inputs[i], 0, program->rows_in_block, slots[array->slot]);
    }
    for (ptrdiff_t block = blocks.first; block < blocks.end; block++) {
        const ptrdiff_t row = block * program->rows_in_block;
        const ptrdiff_t rows = renorm_smaller(program->rows_in_block, program->outer - row);
        for (int32_t i = 0; i < program->input_count; i++) {
            const renorm_array *array = &program->inputs[i];
            if (array->access == renorm_access_gathered) {
                gather(program, array, pass->inputs[i], row, rows, slots[array->slot]);
            } else if (array->access == renorm_access_direct && array->level == renorm_level_element) {
                slots[array->slot] = (float *)pass->inputs[i] + row * program->inner;
            }
        }
        for (int32_t i = 0; i < program->output_count; i++) {
            const renorm_array *array = &program->outputs[i];
            if (array->access != renorm_access_direct) continue;
            slots[array->slot] = pass->outputs[i] + row * program->inner;
        }
        run_steps(pass, renorm_level_element, rows * program->inner, slots);
        for (int32_t i = 0; i < program->output_count; i++) {
            const renorm_array *array = &program->outputs[i];
            if (array->access == renorm_access_direct) continue;
            scatter(program, array, pass->outputs[i], row, rows, slots[array->slot]);
        }
    }
}

static void run_row_blocks(const program_pass *pass, renorm_share blocks, float **slots) {
    const renorm_program *program = pass->program;
    const ptrdiff_t blocks_in_row = (program->inner + program->block - 1) / program->block;
    ptrdiff_t current_row = -1;
    for (ptrdiff_t block = blocks.first; block < blocks.end; block++) {
        const ptrdiff_t row = block / blocks_in_row, column = block % blocks_in_row * program->block;
        const ptrdiff_t n = renorm_smaller(program->block, program->inner - column);
        for (int32_t i = 0; i < program->input_count; i++) {
            const renorm_array *array = &program->inputs[i];
            if (array->level == renorm_level_uniform) continue;
            const ptrdiff_t within = array->level == renorm_level_element ? column : 0;
            slots[array->slot] = (float *)pass->inputs[i] + row * array->strides.outer_stride + within;
        }
        for (int32_t i = 0; i < program->output_count; i++) {
            const renorm_array *array = &program->outputs[i];
            slots[array->slot] = pass->outputs[i] + row * array->strides.outer_stride + column;
        }
        if (row != current_row) run_steps(pass, renorm_level_row, 1, slots);
        current_row = row;
        run_steps(pass, renorm_level_element, n, slots);
    }
}

static void program_body(void *context, int32_t thread, int32_t threads) {
    const program_pass *pass = context;
    const renorm_program *program = pass->program;
    const ptrdiff_t count = program->packed
        ? (program->outer + program->rows_in_block - 1) / program->rows_in_block
        : program->outer * ((program->inner + program->block - 1) / program->block);
    const renorm_share blocks = renorm_share_of(count, thread, threads);
    if (blocks.first >= blocks.end) return;

    // On the stack: nothing is allocated in a run, and a thread's registers stay in its own L1.
    float *slots[program->slot_count + 1];
    float scalars[program->scalar_count + 1];
    float registers[program->register_count * program->block + 1] __attribute__((aligned(64)));
    for (int32_t i = 0; i < program->constant_count; i++) slots[i] = &program->constants[i];
    for (int32_t i = 0; i < program->scalar_count; i++) slots[program->first_scalar_slot + i] = &scalars[i];
    for (int32_t i = 0; i < program->register_count; i++) {
        slots[program->first_register_slot + i] = registers + i * program->block;
    }
    for (int32_t i = 0; i < program->input_count; i++) {
        const renorm_array *array = &program->inputs[i];
        if (array->level == renorm_level_uniform) slots[array->slot] = (float *)pass->inputs[i];
    }
    run_steps(pass, renorm_level_uniform, 1, slots);
    if (program->packed) {
        run_packed_blocks(pass, blocks, slots);
    } else {
        run_row_blocks(pass, blocks, slots);
    }
    if (program->streams) renorm_streaming_fence();
}

void renorm_program_run(
    const renorm_program *program, renorm_team *team, const float *const *inputs, float *const *outputs
) {
    if (program->outer == 0 || program->inner == 0) return;
    const program_pass pass = {program, renorm_loops_for(team), inputs, outputs};
    renorm_team_run_for(team, program->cost, program_body, (void *)&pass);
}
