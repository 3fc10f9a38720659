#pragma once

#include "RenormPixels.h"
#include "RenormReason.h"

#include <stddef.h>
#include <stdint.h>

/// Frames of WebP files read through libwebp.

#pragma clang assume_nonnull begin

/// Sees that a file of one picture, or the content of a frame of an animation, has the size that it has to have, and says in
/// which form its pixels are read: red, green, blue, and opacity if it has any.
/// 0 if there is something wrong, which `reason` then says.
int32_t renorm_webp_open(const uint8_t *bytes, size_t count, uint32_t width, uint32_t height, renorm_form *form,
                         renorm_reason *reason);

/// Reads it in that form, as rows each `stride` bytes after the one before.
/// 0 if there is something wrong, which `reason` then says; what was written then means nothing.
int32_t renorm_webp_read(const uint8_t *bytes, size_t count, uint32_t width, uint32_t height, renorm_form form,
                         uint8_t *target, size_t stride, renorm_reason *reason);

#pragma clang assume_nonnull end
