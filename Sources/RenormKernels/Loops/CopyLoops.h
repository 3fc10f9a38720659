// Contiguous runs, copied or converted. Plain loops: the compiler finds the conversions' vector instructions.

static void convert_words(ptrdiff_t n, const void *source, void *destination) {
    memcpy(destination, source, (size_t)n * 4);
}

static void convert_bytes(ptrdiff_t n, const void *source, void *destination) {
    memcpy(destination, source, (size_t)n);
}

static void convert_u8_to_f32(ptrdiff_t n, const void *source, void *destination) {
    const uint8_t *restrict s = source;
    float *restrict d = destination;
    for (ptrdiff_t i = 0; i < n; i++) d[i] = (float)s[i];
}

static void convert_i32_to_f32(ptrdiff_t n, const void *source, void *destination) {
    const int32_t *restrict s = source;
    float *restrict d = destination;
    for (ptrdiff_t i = 0; i < n; i++) d[i] = (float)s[i];
}

static void convert_f32_to_i32(ptrdiff_t n, const void *source, void *destination) {
    const float *restrict s = source;
    int32_t *restrict d = destination;
    for (ptrdiff_t i = 0; i < n; i++) {
        // 2147483520 is the greatest float below 2³¹. Values outside are replaced before the conversion, because
        // converting them means nothing in C.
        const float x = s[i];
        const float inside = x >= -0x1p31f && x < 0x1p31f ? x : 0;
        d[i] = x >= 0x1p31f ? INT32_MAX : x < -0x1p31f ? INT32_MIN : (int32_t)inside;
    }
}

static void convert_f32_to_u8(ptrdiff_t n, const void *source, void *destination) {
    const float *restrict s = source;
    uint8_t *restrict d = destination;
    for (ptrdiff_t i = 0; i < n; i++) {
        const float x = s[i];
        const float inside = x >= 0 && x < 256 ? x : 0;
        d[i] = x >= 256 ? UINT8_MAX : (uint8_t)(int32_t)inside;
    }
}

static void convert_f32_to_bf16(ptrdiff_t n, const void *source, void *destination) {
    const float *from = source;
    uint16_t *to = destination;
    ptrdiff_t i = 0;
    for (; i + LANES <= n; i += LANES) store_in_order(renorm_bf16, to, i, load(from + i));
    for (; i < n; i++) to[i] = renorm_bf16_of(from[i]);
}

static void convert_bf16_to_f32(ptrdiff_t n, const void *source, void *destination) {
    FOR_EACH_VECTOR(n, {
        store_part((float *)destination + i, load_in_order(renorm_bf16, source, i, partial, count), partial, count);
    });
}

static void convert_halves(ptrdiff_t n, const void *source, void *destination) {
    memcpy(destination, source, (size_t)n * 2);
}

/// f32 to bf16 past the caches.
static void stream_narrowed(ptrdiff_t n, const float *source, uint16_t *destination) {
    ptrdiff_t i = 0;
    for (; i < n && (uintptr_t)(destination + i) % sizeof(vq); i++) destination[i] = renorm_bf16_of(source[i]);
    for (; i + LANES <= n; i += LANES) {
        const vu rounded = rounded_to_upper_half(load(source + i));
        __builtin_nontemporal_store(__builtin_convertvector(rounded >> 16, vq), (vq *)(destination + i));
    }
    for (; i < n; i++) destination[i] = renorm_bf16_of(source[i]);
}

#define CONVERSION_ENTRIES                                 \
    [renorm_copy_words] = convert_words,                   \
    [renorm_copy_bytes] = convert_bytes,                   \
    [renorm_copy_u8_to_f32] = convert_u8_to_f32,           \
    [renorm_copy_i32_to_f32] = convert_i32_to_f32,         \
    [renorm_copy_f32_to_i32] = convert_f32_to_i32,         \
    [renorm_copy_f32_to_u8] = convert_f32_to_u8,           \
    [renorm_copy_f32_to_bf16] = convert_f32_to_bf16,       \
    [renorm_copy_bf16_to_f32] = convert_bf16_to_f32,       \
    [renorm_copy_halves] = convert_halves,
