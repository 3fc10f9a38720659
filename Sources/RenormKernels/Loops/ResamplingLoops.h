// Weighted sums of bytes in whole numbers of 2⁻²², begun at a half. (`vb`, `unaligned_vb` are PoolingLoops.h's.)

enum { resampling_bits = 22 };

INLINE uint8_t resampled(int32_t sum) {
    const int32_t value = sum >> resampling_bits;
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

INLINE vb resampled_lanes(vi sum) {
    const vi value = sum >> resampling_bits;
    const vi limited =
        __builtin_elementwise_min(__builtin_elementwise_max(value, (vi){}), (vi){} + 255);
    return __builtin_convertvector(limited, vb);
}

/// One row, any number of channels.
INLINE void resample_row(const renorm_taps *taps, ptrdiff_t channels, const uint8_t *source, uint8_t *target) {
    for (ptrdiff_t x = 0; x < taps->count; x++) {
        const ptrdiff_t start = taps->start[x], count = taps->start[x + 1] - start;
        const ptrdiff_t from = count > 0 ? taps->first[x] * channels : 0;
        for (ptrdiff_t c = 0; c < channels; c++) {
            int32_t sum = 1 << (resampling_bits - 1);
            for (ptrdiff_t k = 0; k < count; k++) sum += taps->weight[start + k] * source[from + k * channels + c];
            target[x * channels + c] = resampled(sum);
        }
    }
}

/// The four bytes at a place in each of as many rows as fill a vector.
INLINE vi load_pixels(const uint8_t *const *rows, ptrdiff_t at) {
    uint32_t pixels[LANES / 4];
    for (int r = 0; r < LANES / 4; r++) memcpy(&pixels[r], rows[r] + at, sizeof pixels[r]);
    vb bytes;
    memcpy(&bytes, pixels, sizeof bytes);
    return __builtin_convertvector(bytes, vi);
}

/// Rows of pixels of three channels, a row in every four lanes; the fourth lane is the neighbour's first channel, and nobody's. Behind
/// each row at least one byte can be read.
INLINE void resample_colour_rows(
    const renorm_taps *taps, ptrdiff_t count, ptrdiff_t source_width, const uint8_t *source, uint8_t *target
) {
    enum { together = LANES / 4 };
    for (ptrdiff_t first = 0; first < count; first += together) {
        const uint8_t *from[together];
        uint8_t *to[together];
        for (int r = 0; r < together; r++) {
            // What is left over is done with the last row, again and again.
            const ptrdiff_t row = first + r < count ? first + r : count - 1;
            from[r] = source + row * source_width * 3;
            to[r] = target + row * taps->count * 3;
        }
        for (ptrdiff_t x = 0; x < taps->count; x++) {
            const ptrdiff_t start = taps->start[x], end = taps->start[x + 1];
            vi sum = (vi){} + (1 << (resampling_bits - 1));
            ptrdiff_t at = end > start ? taps->first[x] * (ptrdiff_t)3 : 0;
            for (ptrdiff_t k = start; k < end; k++, at += 3) sum += load_pixels(from, at) * taps->weight[k];
            const vb bytes = resampled_lanes(sum);
            uint8_t pixels[LANES];
            memcpy(pixels, &bytes, sizeof bytes);
            for (int r = 0; r < together; r++) {
                // A fourth byte is the next pixel's, which is yet to be written.
                if (x + 1 < taps->count) {
                    memcpy(to[r] + x * 3, pixels + 4 * r, 4);
                } else {
                    memcpy(to[r] + x * 3, pixels + 4 * r, 3);
                }
            }
        }
    }
}

static void resample_rows(
    const renorm_taps *taps, ptrdiff_t channels, ptrdiff_t count, ptrdiff_t source_width, const uint8_t *source,
    uint8_t *target
) {
    const ptrdiff_t source_row = source_width * channels, target_row = taps->count * channels;
    ptrdiff_t row = 0;
    if (channels == 3) {
        // Behind the last row there may be nothing.
        row = count - 1;
        resample_colour_rows(taps, row, source_width, source, target);
    }
    for (; row < count; row++) {
        if (channels == 1) {
            resample_row(taps, 1, source + row * source_row, target + row * target_row);
        } else {
            resample_row(taps, channels, source + row * source_row, target + row * target_row);
        }
    }
}

/// `vectors` whole vectors of a new row.
INLINE void resample_column_part(
    int vectors, ptrdiff_t count, const int32_t *weight, ptrdiff_t source_stride, const uint8_t *source, uint8_t *target
) {
    vi sums[4];
    for (int v = 0; v < vectors; v++) sums[v] = (vi){} + (1 << (resampling_bits - 1));
    for (ptrdiff_t k = 0; k < count; k++) {
        for (int v = 0; v < vectors; v++) {
            const vb bytes = *(const unaligned_vb *)(source + k * source_stride + v * LANES);
            sums[v] += __builtin_convertvector(bytes, vi) * weight[k];
        }
    }
    for (int v = 0; v < vectors; v++) *(unaligned_vb *)(target + v * LANES) = resampled_lanes(sums[v]);
}

static void resample_column(
    ptrdiff_t count, const int32_t *weight, ptrdiff_t width, ptrdiff_t source_stride, const uint8_t *source,
    uint8_t *target
) {
    ptrdiff_t i = 0;
    for (; i + 4 * LANES <= width; i += 4 * LANES) {
        resample_column_part(4, count, weight, source_stride, source + i, target + i);
    }
    for (; i + LANES <= width; i += LANES) resample_column_part(1, count, weight, source_stride, source + i, target + i);
    for (; i < width; i++) {
        int32_t sum = 1 << (resampling_bits - 1);
        for (ptrdiff_t k = 0; k < count; k++) sum += weight[k] * source[k * source_stride + i];
        target[i] = resampled(sum);
    }
}
