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

#define CONVERSION_ENTRIES                                 \
    [renorm_copy_words] = convert_words,                   \
    [renorm_copy_bytes] = convert_bytes,                   \
    [renorm_copy_u8_to_f32] = convert_u8_to_f32,           \
    [renorm_copy_i32_to_f32] = convert_i32_to_f32,         \
    [renorm_copy_f32_to_i32] = convert_f32_to_i32,         \
    [renorm_copy_f32_to_u8] = convert_f32_to_u8,
