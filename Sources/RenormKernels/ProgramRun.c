#include "Elements.h"
#include "Program.h"
#include "Team.h"

#include <string.h>

typedef struct {
    const renorm_program *program;
    const renorm_loops *loops;
    const void *const *inputs;
    void *const *outputs;
} program_pass;

static inline void run_steps(const program_pass *pass, renorm_level level, ptrdiff_t n, float *const *slots) {
    const renorm_step *step = pass->program->steps[level], *end = step + pass->program->step_count[level];
    for (; step < end; step++) {
        const renorm_program_loop loop =
            step->streams ? pass->loops->stream : pass->loops->program[step->op][step->scalars];
        loop(n, slots[step->d], slots[step->a], slots[step->b], slots[step->c]);
    }
}

static void load_run(const program_pass *pass, renorm_type type, ptrdiff_t n, const void *from, float *into) {
    if (type == renorm_f32) {
        memcpy(into, from, (size_t)n * sizeof(float));
    } else {
        pass->loops->convert[renorm_copy_bf16_to_f32](n, from, into);
    }
}

static void store_run(
    const program_pass *pass, const renorm_array *array, ptrdiff_t n, const float *from, void *into
) {
    if (array->strides.type == renorm_f32) {
        memcpy(into, from, (size_t)n * sizeof(float));
    } else if (array->streams) {
        pass->loops->stream_narrowed(n, from, into);
    } else {
        pass->loops->convert[renorm_copy_f32_to_bf16](n, from, into);
    }
}

/// Whether rows of the nest follow each other without a gap.
static bool is_contiguous(const renorm_program *program, const renorm_array *array) {
    const ptrdiff_t inner = program->inner;
    return array->strides.outer_stride == inner && (array->strides.inner_stride == 1 || inner == 1);
}

/// Copies `rows` rows of an array into a register, from a row on.
static void gather(
    const program_pass *pass, const renorm_array *array, const void *base, ptrdiff_t row, ptrdiff_t rows, float *into
) {
    const ptrdiff_t inner = pass->program->inner;
    const renorm_type type = array->strides.type;
    if (is_contiguous(pass->program, array)) {
        load_run(pass, type, rows * inner, renorm_moved(type, base, row * inner), into);
        return;
    }
    for (ptrdiff_t r = 0; r < rows; r++) {
        const void *from = renorm_moved(type, base, (row + r) * array->strides.outer_stride);
        if (array->strides.inner_stride) {
            load_run(pass, type, inner, from, into + r * inner);
        } else {
            const float value = renorm_element(type, from, 0);
            for (ptrdiff_t j = 0; j < inner; j++) into[r * inner + j] = value;
        }
    }
}

static void scatter(
    const program_pass *pass, const renorm_array *array, void *base, ptrdiff_t row, ptrdiff_t rows, const float *from
) {
    const ptrdiff_t inner = pass->program->inner;
    const renorm_type type = array->strides.type;
    if (is_contiguous(pass->program, array)) {
        store_run(pass, array, rows * inner, from, renorm_moved_target(type, base, row * inner));
        return;
    }
    for (ptrdiff_t r = 0; r < rows; r++) {
        void *into = renorm_moved_target(type, base, (row + r) * array->strides.outer_stride);
        store_run(pass, array, inner, from + r * inner, into);
    }
}

static void run_packed_blocks(const program_pass *pass, renorm_share blocks, float **slots) {
    const renorm_program *program = pass->program;
    for (int32_t i = 0; i < program->input_count; i++) {
        const renorm_array *array = &program->inputs[i];
        if (array->access != renorm_access_repeated) continue;
        gather(pass, array, pass->inputs[i], 0, program->rows_in_block, slots[array->slot]);
    }
    for (ptrdiff_t block = blocks.first; block < blocks.end; block++) {
        const ptrdiff_t row = block * program->rows_in_block;
        const ptrdiff_t rows = renorm_smaller(program->rows_in_block, program->outer - row);
        for (int32_t i = 0; i < program->input_count; i++) {
            const renorm_array *array = &program->inputs[i];
            if (array->access == renorm_access_gathered) {
                gather(pass, array, pass->inputs[i], row, rows, slots[array->slot]);
            } else if (array->access == renorm_access_direct && array->level == renorm_level_element) {
                slots[array->slot] = (float *)pass->inputs[i] + row * program->inner;
            }
        }
        for (int32_t i = 0; i < program->output_count; i++) {
            const renorm_array *array = &program->outputs[i];
            if (array->access != renorm_access_direct) continue;
            slots[array->slot] = (float *)pass->outputs[i] + row * program->inner;
        }
        run_steps(pass, renorm_level_element, rows * program->inner, slots);
        for (int32_t i = 0; i < program->output_count; i++) {
            const renorm_array *array = &program->outputs[i];
            if (array->access == renorm_access_direct) continue;
            scatter(pass, array, pass->outputs[i], row, rows, slots[array->slot]);
        }
    }
}

/// `values` has room for a float of each input.
static void run_row_blocks(const program_pass *pass, renorm_share blocks, float **slots, float *values) {
    const renorm_program *program = pass->program;
    const ptrdiff_t blocks_in_row = (program->inner + program->block - 1) / program->block;
    ptrdiff_t current_row = -1;
    for (ptrdiff_t block = blocks.first; block < blocks.end; block++) {
        const ptrdiff_t row = block / blocks_in_row, column = block % blocks_in_row * program->block;
        const ptrdiff_t n = renorm_smaller(program->block, program->inner - column);
        for (int32_t i = 0; i < program->input_count; i++) {
            const renorm_array *array = &program->inputs[i];
            if (array->level == renorm_level_uniform) continue;
            const renorm_type type = array->strides.type;
            const ptrdiff_t within = array->level == renorm_level_element ? column : 0;
            const void *from = renorm_moved(type, pass->inputs[i], row * array->strides.outer_stride + within);
            if (type == renorm_f32) {
                slots[array->slot] = (float *)from;
            } else if (array->level == renorm_level_element) {
                load_run(pass, type, n, from, slots[array->slot]);
            } else {
                values[i] = renorm_element(type, from, 0);
            }
        }
        for (int32_t i = 0; i < program->output_count; i++) {
            const renorm_array *array = &program->outputs[i];
            if (array->access != renorm_access_direct) continue;
            slots[array->slot] = (float *)pass->outputs[i] + row * array->strides.outer_stride + column;
        }
        if (row != current_row) run_steps(pass, renorm_level_row, 1, slots);
        current_row = row;
        run_steps(pass, renorm_level_element, n, slots);
        for (int32_t i = 0; i < program->output_count; i++) {
            const renorm_array *array = &program->outputs[i];
            if (array->access == renorm_access_direct) continue;
            const ptrdiff_t at = row * array->strides.outer_stride + column;
            void *into = renorm_moved_target(array->strides.type, pass->outputs[i], at);
            store_run(pass, array, n, slots[array->slot], into);
        }
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
    float values[program->input_count + 1];
    float registers[program->register_count * program->block + 1] __attribute__((aligned(64)));
    for (int32_t i = 0; i < program->constant_count; i++) slots[i] = &program->constants[i];
    for (int32_t i = 0; i < program->scalar_count; i++) slots[program->first_scalar_slot + i] = &scalars[i];
    for (int32_t i = 0; i < program->register_count; i++) {
        slots[program->first_register_slot + i] = registers + i * program->block;
    }
    for (int32_t i = 0; i < program->input_count; i++) {
        const renorm_array *array = &program->inputs[i];
        if (array->level == renorm_level_uniform) values[i] = renorm_element(array->strides.type, pass->inputs[i], 0);
        // Scalars of bf16 are widened into `values`.
        if (array->access == renorm_access_direct) slots[array->slot] = &values[i];
    }
    run_steps(pass, renorm_level_uniform, 1, slots);
    if (program->packed) {
        run_packed_blocks(pass, blocks, slots);
    } else {
        run_row_blocks(pass, blocks, slots, values);
    }
    if (program->streams) renorm_streaming_fence();
}

void renorm_program_run(
    const renorm_program *program, renorm_team *team, const void *const *inputs, void *const *outputs
) {
    if (program->outer == 0 || program->inner == 0) return;
    const program_pass pass = {program, renorm_loops_for(team), inputs, outputs};
    renorm_team_run_for(team, program->cost, program_body, (void *)&pass);
}
