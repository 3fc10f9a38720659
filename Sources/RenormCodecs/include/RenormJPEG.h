#pragma once

#include "RenormReason.h"

#include <stddef.h>
#include <stdint.h>

/// JPEG files read through libjpeg, whose errors are long jumps, which Swift code cannot catch. It prints nothing.

#pragma clang assume_nonnull begin

/// What is wanted of a picture.
typedef struct {
    /// The size that the file's header was found to say; other sizes are an error.
    uint32_t width;
    uint32_t height;
    /// 1, 2, 4 or 8: by how much libjpeg makes it smaller while decoding it.
    uint32_t reduction;
    /// The rows and columns of the smaller picture, at least one of each: from `top` to before `bottom`, from `left` to before
    /// `right`.
    uint32_t top;
    uint32_t bottom;
    uint32_t left;
    uint32_t right;
    /// 1 for gray, 3 for red, green and blue.
    uint32_t channels;
} renorm_jpeg_request;

/// Writes the rows and columns that are wanted, without gaps: the same bytes that decoding all of it gives there. Rows after them
/// are not decoded, rows before and columns beside them no further than has to be.
/// 0 if there is something wrong, which `reason` then says; what was written then means nothing.
int32_t renorm_jpeg_read(const uint8_t *bytes, size_t count, const renorm_jpeg_request *request, uint8_t *target,
                         renorm_reason *reason);

#pragma clang assume_nonnull end
