#include "Loops/Table.h"
#include "Team.h"

void renorm_resample_rows(
    renorm_instructions instructions, renorm_taps taps, ptrdiff_t channels, ptrdiff_t rows, ptrdiff_t source_width,
    const uint8_t *source, uint8_t *target
) {
    if (rows > 0) renorm_loops_of(instructions)->resample_rows(&taps, channels, rows, source_width, source, target);
}

void renorm_resample_columns(
    renorm_instructions instructions, renorm_taps taps, ptrdiff_t width, ptrdiff_t source_stride, const uint8_t *source,
    uint8_t *target
) {
    const renorm_loops *loops = renorm_loops_of(instructions);
    for (ptrdiff_t y = 0; y < taps.count; y++) {
        const ptrdiff_t start = taps.start[y], count = taps.start[y + 1] - start;
        // Without weights there is nothing to read, and the place may be outside what is there.
        const uint8_t *from = count > 0 ? source + taps.first[y] * source_stride : source;
        loops->resample_column(count, taps.weight + start, width, source_stride, from, target + y * width);
    }
}
