// Colours of pictures of three channels in bytes, by Pillow's arithmetic: what it computes in f32 is f32 here, and what in f64, f64.

typedef struct {
    vi red;
    vi green;
    vi blue;
} colours;

/// The first `count` pixels; the others are 0.
INLINE colours load_colours(const uint8_t *pixels, ptrdiff_t count) {
    int32_t values[3][LANES] = {};
    for (ptrdiff_t i = 0; i < count; i++) {
        for (int c = 0; c < 3; c++) values[c][i] = pixels[3 * i + c];
    }
    colours all;
    memcpy(&all.red, values[0], sizeof all.red);
    memcpy(&all.green, values[1], sizeof all.green);
    memcpy(&all.blue, values[2], sizeof all.blue);
    return all;
}

/// Values from 0 to 255.
INLINE void store_colours(uint8_t *pixels, colours all, ptrdiff_t count) {
    uint8_t values[3][LANES];
    const vb red = __builtin_convertvector(all.red, vb);
    const vb green = __builtin_convertvector(all.green, vb);
    const vb blue = __builtin_convertvector(all.blue, vb);
    memcpy(values[0], &red, sizeof red);
    memcpy(values[1], &green, sizeof green);
    memcpy(values[2], &blue, sizeof blue);
    for (ptrdiff_t i = 0; i < count; i++) {
        for (int c = 0; c < 3; c++) pixels[3 * i + c] = values[c][i];
    }
}

INLINE vi select_integers(vi mask, vi a, vi b) { return (mask & a) | (~mask & b); }

INLINE vf as_floats(vi v) { return __builtin_convertvector(v, vf); }

/// Towards zero.
INLINE vi truncated(vd v) { return __builtin_convertvector(v, vi); }

/// gray + factor · (value − gray), cut off.
INLINE vi away_from(vi gray, vi value, float factor) {
    const vf blended = as_floats(gray) + factor * as_floats(value - gray);
    return __builtin_convertvector(clamp_above(clamp_below(blended, 0), 255), vi);
}

INLINE colours saturated(colours old, float factor) {
    const vi gray = (19595 * old.red + 38470 * old.green + 7471 * old.blue + 0x8000) >> 16;
    return (colours){
        away_from(gray, old.red, factor), away_from(gray, old.green, factor), away_from(gray, old.blue, factor)};
}

/// To hue, saturation and value in bytes and back.
INLINE colours turned(colours old, uint8_t shift) {
    const vi largest = __builtin_elementwise_max(old.red, __builtin_elementwise_max(old.green, old.blue));
    const vi smallest = __builtin_elementwise_min(old.red, __builtin_elementwise_min(old.green, old.blue));
    const vi is_gray = largest == smallest;
    // What is computed of gray pixels is not used; it must be some number.
    const vf range = as_floats(select_integers(is_gray, (vi){} + 1, largest - smallest));
    const vf value = as_floats(select_integers(is_gray, (vi){} + 1, largest));
    const vf red = as_floats(largest - old.red) / range, green = as_floats(largest - old.green) / range;
    const vf blue = as_floats(largest - old.blue) / range;
    const vi saturation = truncated(widened(range / value) * 255);
    const vi is_red = old.red == largest, is_green = ~is_red & (old.green == largest);
    // In f64 the sum is exact, so it is rounded once, to f32, as where Pillow subtracts two f32.
    const vf added = choose(is_red, blue, choose(is_green, red, green));
    const vf taken = choose(is_red, green, choose(is_green, blue, red));
    const vf base = choose(is_red, splat(0), choose(is_green, splat(2), splat(4)));
    const vf sixths = __builtin_convertvector(widened(base) + widened(added) - widened(taken), vf);
    const vd around = widened(sixths) / 6 + 1;
    // Above 0 and below 2: the remainder by 1.
    const vd whole = __builtin_convertvector(truncated(around), vd);
    const vf part = __builtin_convertvector(around - whole, vf);
    const vi hue = (truncated(widened(part) * 255) + shift) & 255;

    const vd place = __builtin_convertvector(hue, vd) * 6 / 255;
    const vi sector = truncated(place);
    const vf fraction = __builtin_convertvector(place - __builtin_convertvector(sector, vd), vf);
    const vf s = __builtin_convertvector(__builtin_convertvector(saturation, vd) / 255, vf);
    const vd v = widened(value);
    const vi p = truncated(v * (1 - widened(s)) + 0.5);
    const vi q = truncated(v * (1 - widened(s * fraction)) + 0.5);
    const vi t = truncated(v * (1 - widened(s) * (1 - widened(fraction))) + 0.5);
#define CHOSEN(s0, s1, s2, s3, s4, s5)                                                                     \
    select_integers(                                                                                       \
        sector == 1, s1,                                                                                   \
        select_integers(                                                                                   \
            sector == 2, s2, select_integers(sector == 3, s3, select_integers(sector == 4, s4, select_integers(sector == 5, s5, s0)))))
    const colours all = {
        CHOSEN(largest, q, p, p, t, largest), CHOSEN(t, largest, largest, q, p, p),
        CHOSEN(p, p, t, largest, largest, q)};
#undef CHOSEN
    const vi has_none = is_gray | (saturation == 0);
    return (colours){
        select_integers(has_none, largest, all.red), select_integers(has_none, largest, all.green),
        select_integers(has_none, largest, all.blue)};
}

static void saturate(ptrdiff_t pixels, float factor, uint8_t *values) {
    for (ptrdiff_t i = 0; i < pixels; i += LANES) {
        const ptrdiff_t count = pixels - i < LANES ? pixels - i : LANES;
        store_colours(values + 3 * i, saturated(load_colours(values + 3 * i, count), factor), count);
    }
}

static void turn_hue(ptrdiff_t pixels, uint8_t shift, uint8_t *values) {
    for (ptrdiff_t i = 0; i < pixels; i += LANES) {
        const ptrdiff_t count = pixels - i < LANES ? pixels - i : LANES;
        store_colours(values + 3 * i, turned(load_colours(values + 3 * i, count), shift), count);
    }
}
