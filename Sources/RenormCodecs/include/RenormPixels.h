#pragma once

#include <stddef.h>
#include <stdint.h>

/// Pixels in the forms that files have, brought to gray or to red, green and blue with the numbers that Pillow gives.

#pragma clang assume_nonnull begin

/// The bytes of a pixel in memory.
typedef enum {
    /// One byte.
    RENORM_FORM_GRAY = 1,
    /// Gray and opacity.
    RENORM_FORM_GRAY_ALPHA = 2,
    /// Red, green, blue.
    RENORM_FORM_COLOUR = 3,
    /// Red, green, blue, opacity.
    RENORM_FORM_COLOUR_ALPHA = 4,
    /// Cyan, magenta, yellow, black, each 255 where there is no ink, as Adobe's programs write them.
    RENORM_FORM_INK = 5,
} renorm_form;

/// The bytes of a pixel.
static inline size_t renorm_form_size(renorm_form form) { return form == RENORM_FORM_INK ? 4 : (size_t)form; }

/// Writes `count` pixels with 1 or 3 channels. What is transparent lies over `background` (each channel), as
/// `Image.alpha_composite` over an opaque picture does it; colour becomes gray by ITU-R 601-2 luma in fixed point; ink becomes
/// colour without a profile. Source and target are the same memory, or do not overlap; the same only where a pixel of the target
/// is not longer.
void renorm_pixels_convert(const uint8_t *source, renorm_form form, uint8_t *target, uint32_t channels,
                           uint8_t background, size_t count);

#pragma clang assume_nonnull end
