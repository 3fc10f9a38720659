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

/// So many rows are made together, place by place: the number of weights is then the same many times over, which the processor foresees.
enum { resampled_rows = 16 };

/// One new pixel of each row, from `count` old ones: a constant where this is inlined for few.
INLINE void resample_place(
    ptrdiff_t count, const int32_t *weight, ptrdiff_t channels, ptrdiff_t rows, ptrdiff_t source_row,
    ptrdiff_t target_row, const uint8_t *source, uint8_t *target
) {
    for (ptrdiff_t row = 0; row < rows; row++) {
        for (ptrdiff_t c = 0; c < channels; c++) {
            int32_t sum = 1 << (resampling_bits - 1);
            // As vectors so few would take longer.
#pragma clang loop vectorize(disable)
            for (ptrdiff_t k = 0; k < count; k++) sum += weight[k] * source[row * source_row + k * channels + c];
            target[row * target_row + c] = resampled(sum);
        }
    }
}

/// Rows of pixels of any number of channels.
INLINE void resample_values(
    const renorm_taps *taps, ptrdiff_t channels, ptrdiff_t rows, ptrdiff_t source_row, const uint8_t *source,
    uint8_t *target
) {
    const ptrdiff_t target_row = taps->count * channels;
    for (ptrdiff_t x = 0; x < taps->count; x++) {
        const ptrdiff_t count = taps->start[x + 1] - taps->start[x];
        const int32_t *weight = taps->weight + taps->start[x];
        const uint8_t *from = count > 0 ? source + taps->first[x] * channels : source;
        uint8_t *to = target + x * channels;
#define PLACE(count) resample_place(count, weight, channels, rows, source_row, target_row, from, to)
        switch (count) {
        case 2: PLACE(2); break;
        case 3: PLACE(3); break;
        case 4: PLACE(4); break;
        case 5: PLACE(5); break;
        case 6: PLACE(6); break;
        case 7: PLACE(7); break;
        case 8: PLACE(8); break;
        default: PLACE(count);
        }
#undef PLACE
    }
}

/// The four bytes at a place in each of as many rows as fill a vector.
INLINE vi load_pixels(const uint8_t *source, ptrdiff_t source_row) {
    uint32_t pixels[LANES / 4];
    for (int r = 0; r < LANES / 4; r++) memcpy(&pixels[r], source + r * source_row, sizeof pixels[r]);
    vb bytes;
    memcpy(&bytes, pixels, sizeof bytes);
    return __builtin_convertvector(bytes, vi);
}

/// Rows of pixels of three channels, a row in every four lanes; the fourth lane is the neighbour's first channel, and nobody's. There
/// are `rows` of them, whole vectors, and behind each at least one byte can be read.
INLINE void resample_colours(
    const renorm_taps *taps, ptrdiff_t rows, ptrdiff_t source_row, const uint8_t *source, uint8_t *target
) {
    enum { together = LANES / 4 };
    const ptrdiff_t target_row = taps->count * 3;
    for (ptrdiff_t x = 0; x < taps->count; x++) {
        const ptrdiff_t count = taps->start[x + 1] - taps->start[x];
        const int32_t *weight = taps->weight + taps->start[x];
        const uint8_t *from = count > 0 ? source + taps->first[x] * (ptrdiff_t)3 : source;
        // A fourth byte is the next pixel's, which is yet to be written.
        const size_t size = x + 1 < taps->count ? 4 : 3;
        for (ptrdiff_t first = 0; first < rows; first += together) {
            vi sum = (vi){} + (1 << (resampling_bits - 1));
            for (ptrdiff_t k = 0; k < count; k++) {
                sum += load_pixels(from + first * source_row + k * 3, source_row) * weight[k];
            }
            const vb bytes = resampled_lanes(sum);
            uint8_t pixels[LANES];
            memcpy(pixels, &bytes, sizeof bytes);
            uint8_t *to = target + first * target_row + x * 3;
            if (size == 4) {
                for (int r = 0; r < together; r++) memcpy(to + r * target_row, pixels + 4 * r, 4);
            } else {
                for (int r = 0; r < together; r++) memcpy(to + r * target_row, pixels + 4 * r, 3);
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
        const ptrdiff_t whole = (count - 1) / (LANES / 4) * (LANES / 4);
        for (; row < whole; row += resampled_rows) {
            const ptrdiff_t rows = whole - row < resampled_rows ? whole - row : resampled_rows;
            resample_colours(taps, rows, source_row, source + row * source_row, target + row * target_row);
        }
        row = whole;
    }
    for (; row < count; row += resampled_rows) {
        const ptrdiff_t rows = count - row < resampled_rows ? count - row : resampled_rows;
        const uint8_t *from = source + row * source_row;
        uint8_t *to = target + row * target_row;
        if (channels == 1) {
            resample_values(taps, 1, rows, source_row, from, to);
        } else {
            resample_values(taps, channels, rows, source_row, from, to);
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
