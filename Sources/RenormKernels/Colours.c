#include "Loops/Table.h"
#include "Team.h"

void renorm_saturate(renorm_instructions instructions, ptrdiff_t pixels, float factor, uint8_t *values) {
    renorm_loops_of(instructions)->saturate(pixels, factor, values);
}

void renorm_turn_hue(renorm_instructions instructions, ptrdiff_t pixels, uint8_t shift, uint8_t *values) {
    renorm_loops_of(instructions)->turn_hue(pixels, shift, values);
}
