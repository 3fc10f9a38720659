#include "RenormPixels.h"

#include <string.h>

/// (19595·R + 38470·G + 7471·B + 2¹⁵) / 2¹⁶, rounded down.
static inline uint8_t luma(uint32_t red, uint32_t green, uint32_t blue) {
    return (uint8_t)((19595 * red + 38470 * green + 7471 * blue + 0x8000) >> 16);
}

/// A value of some opacity over an opaque one, as Pillow's AlphaComposite.c has it, with its 7 bits of precision.
static inline uint8_t over(uint32_t value, uint32_t alpha, uint32_t background) {
    uint32_t sum = (value * alpha + background * (255 - alpha)) * 128 + (0x80 << 7);
    return (uint8_t)(((sum >> 8) + sum) >> 8 >> 7);
}

/// The product of two parts of 255, rounded.
static inline uint32_t product(uint32_t a, uint32_t b) {
    uint32_t value = a * b + 128;
    return ((value >> 8) + value) >> 8;
}

/// What is left of a colour under an ink and black; both 255 where there is none.
static inline uint32_t under(uint32_t ink, uint32_t black) { return black - product(255 - ink, black); }

static inline void put(uint8_t *target, uint32_t channels, uint8_t red, uint8_t green, uint8_t blue) {
    if (channels == 1) {
        target[0] = luma(red, green, blue);
    } else {
        target[0] = red;
        target[1] = green;
        target[2] = blue;
    }
}

static inline void convert(const uint8_t *source, renorm_form form, uint8_t *target, uint32_t channels,
                           uint8_t background, size_t count) {
    size_t size = renorm_form_size(form);
    for (size_t i = 0; i < count; i++, source += size, target += channels) {
        if (form == RENORM_FORM_GRAY || form == RENORM_FORM_GRAY_ALPHA) {
            uint8_t value = form == RENORM_FORM_GRAY ? source[0] : over(source[0], source[1], background);
            for (uint32_t channel = 0; channel < channels; channel++) target[channel] = value;
        } else if (form == RENORM_FORM_COLOUR) {
            put(target, channels, source[0], source[1], source[2]);
        } else if (form == RENORM_FORM_COLOUR_ALPHA) {
            uint32_t alpha = source[3];
            put(target, channels, over(source[0], alpha, background), over(source[1], alpha, background),
                over(source[2], alpha, background));
        } else {
            uint32_t black = source[3];
            put(target, channels, (uint8_t)under(source[0], black), (uint8_t)under(source[1], black),
                (uint8_t)under(source[2], black));
        }
    }
}

void renorm_pixels_convert(const uint8_t *source, renorm_form form, uint8_t *target, uint32_t channels,
                           uint8_t background, size_t count) {
    if ((uint32_t)form == channels) {
        if (source != target) memcpy(target, source, count * channels);
        return;
    }
    // One loop for each pair, so that none asks for every pixel what it is.
    switch (form) {
    case RENORM_FORM_GRAY: return convert(source, RENORM_FORM_GRAY, target, 3, background, count);
    case RENORM_FORM_COLOUR: return convert(source, RENORM_FORM_COLOUR, target, 1, background, count);
    case RENORM_FORM_GRAY_ALPHA:
        if (channels == 1) return convert(source, RENORM_FORM_GRAY_ALPHA, target, 1, background, count);
        return convert(source, RENORM_FORM_GRAY_ALPHA, target, 3, background, count);
    case RENORM_FORM_COLOUR_ALPHA:
        if (channels == 1) return convert(source, RENORM_FORM_COLOUR_ALPHA, target, 1, background, count);
        return convert(source, RENORM_FORM_COLOUR_ALPHA, target, 3, background, count);
    case RENORM_FORM_INK:
        if (channels == 1) return convert(source, RENORM_FORM_INK, target, 1, background, count);
        return convert(source, RENORM_FORM_INK, target, 3, background, count);
    }
}
