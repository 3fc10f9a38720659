#pragma once

#include "RenormPixels.h"
#include "RenormReason.h"

#include <stddef.h>
#include <stdint.h>

/// PNG files read through libpng, whose errors are long jumps, which Swift code cannot catch.
///
/// Only what makes the picture is read: header, palette, transparency and pixels. All other chunks (texts, colour profiles,
/// gamma) are passed over without being kept or unpacked, but their checksums are proved, as those of all chunks
/// up to the last, IEND, which has to be there.

#pragma clang assume_nonnull begin

/// What a file says of its picture.
typedef struct {
    /// In pixels, from 1 to 2³¹ − 1, as the file says: nothing is allocated for it yet.
    uint32_t width;
    uint32_t height;
    /// The form in which the pixels are read.
    renorm_form form;
    /// The bits a pixel that are compressed in the file.
    uint32_t stored_bits;
} renorm_png_header;

/// A file whose header has been read.
typedef struct renorm_png renorm_png;

/// Reads what stands before the pixels. The bytes stay the caller's, and stay in place until `renorm_png_close`.
/// NULL if there is something wrong, which `reason` then says.
renorm_png *_Nullable renorm_png_open(const uint8_t *bytes, size_t count, renorm_reason *reason);

renorm_png_header renorm_png_get_header(const renorm_png *png);

/// Reads the pixels, once, in row order, and the rest of the file. Of 16 bits the upper 8 are read; fewer than 8 are spread
/// over 0 to 255; colours of a palette are looked up.
/// 0 if there is something wrong, which `reason` then says; the pixels then mean nothing.
int32_t renorm_png_read(renorm_png *png, uint8_t *pixels, renorm_reason *reason);

void renorm_png_close(renorm_png *png);

#pragma clang assume_nonnull end
