// Philox4x32-10, one block in each lane.

typedef struct {
    vu word[4];
} philox_blocks;

/// The upper and lower halves of a · factor.
INLINE void multiply_wide(vu a, uint32_t factor, vu *upper, vu *lower) {
    const vul product = __builtin_convertvector(a, vul) * factor;
    *upper = __builtin_convertvector(product >> 32, vu);
    *lower = a * factor;
}

INLINE philox_blocks philox(uint64_t key, vu index, uint32_t step, uint64_t stream) {
    vu c0 = index, c1 = (vu){} + step, c2 = (vu){} + (uint32_t)stream, c3 = (vu){} + (uint32_t)(stream >> 32);
    uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
    for (int round = 0; round < 10; round++) {
        vu upper0, lower0, upper2, lower2;
        multiply_wide(c0, 0xD2511F53, &upper0, &lower0);
        multiply_wide(c2, 0xCD9E8D57, &upper2, &lower2);
        c0 = upper2 ^ c1 ^ k0;
        c1 = lower2;
        c2 = upper0 ^ c3 ^ k1;
        c3 = lower0;
        k0 += 0x9E3779B9;
        k1 += 0xBB67AE85;
    }
    return (philox_blocks){{c0, c1, c2, c3}};
}

static void uniform(
    uint64_t seed, uint64_t stream, uint32_t step, uint32_t first_block, ptrdiff_t count, float *values
) {
    vu lane;
    for (int i = 0; i < LANES; i++) lane[i] = (uint32_t)i;
    for (ptrdiff_t at = 0; at < count; at += 4 * LANES) {
        const philox_blocks blocks = philox(seed, lane + (first_block + (uint32_t)(at / 4)), step, stream);
        // A block's four words lie together in the result.
        float together[4 * LANES];
        for (int word = 0; word < 4; word++) {
            const vf value = __builtin_convertvector((vi)(blocks.word[word] >> 8), vf) * 0x1p-24f;
            for (int i = 0; i < LANES; i++) together[4 * i + word] = value[i];
        }
        const ptrdiff_t n = count - at < 4 * LANES ? count - at : 4 * LANES;
        memcpy(values + at, together, (size_t)n * sizeof(float));
    }
}
