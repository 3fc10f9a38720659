#include "Normalization.h"

#include <string.h>

static ptrdiff_t greatest_common_divisor(ptrdiff_t a, ptrdiff_t b) {
    while (b) {
        const ptrdiff_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

ptrdiff_t renorm_repetition(renorm_type type, ptrdiff_t channels, ptrdiff_t rows) {
    // Either so narrow that the loops take several together, or so wide that a sum is not needed again while it is stored.
    // Rows of bf16 are always wide: their sums and factors are put into another order for each block of them.
    const ptrdiff_t vector = 64 / renorm_size_of(type), narrow = type == renorm_f32 ? 64 : 0, wide = 256;
    ptrdiff_t repeats = vector / greatest_common_divisor(channels, vector);
    if (repeats * channels > renorm_widest_repetition || repeats * 4 > rows) return 1;
    const ptrdiff_t enough = repeats * channels <= narrow ? narrow / 2 + 1 : wide;
    while (repeats * channels < enough && repeats * 8 <= rows) repeats *= 2;
    return repeats;
}

void renorm_repeat(float *repeated, const float *vector, ptrdiff_t channels, ptrdiff_t repeats) {
    for (ptrdiff_t r = 0; r < repeats; r++) {
        memcpy(repeated + r * channels, vector, (size_t)channels * sizeof(float));
    }
}

renorm_share renorm_rows_of(renorm_extent extent, int32_t thread, int32_t threads) {
    if (extent.groups % threads == 0) {
        const ptrdiff_t rows_each = extent.rows / extent.groups;
        const renorm_share groups = renorm_share_of(extent.groups, thread, threads);
        return (renorm_share){groups.first * rows_each, groups.end * rows_each};
    }
    const ptrdiff_t unit = 64 / renorm_size_of(extent.type);
    const renorm_share units = renorm_share_of((extent.rows + unit - 1) / unit, thread, threads);
    return (renorm_share){
        renorm_smaller(units.first * unit, extent.rows), renorm_smaller(units.end * unit, extent.rows)};
}
