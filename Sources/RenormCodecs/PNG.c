#include "RenormPNG.h"

#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct renorm_png {
    png_structp reader;
    png_infop info;
    const uint8_t *bytes;
    size_t count;
    size_t position;
    renorm_reason *reason;
    renorm_png_header header;
};

static void fail(png_structp reader, png_const_charp message) {
    renorm_png *png = png_get_error_ptr(reader);
    snprintf(png->reason->text, sizeof png->reason->text, "%s", message);
    png_longjmp(reader, 1);
}

static void ignore(png_structp reader, png_const_charp message) {
    (void)reader;
    (void)message;
}

static void take(png_structp reader, png_bytep target, size_t count) {
    renorm_png *png = png_get_io_ptr(reader);
    if (count > png->count - png->position) {
        char message[100];
        snprintf(message, sizeof message, "it ends after %zu bytes, before its last chunk, IEND, does", png->count);
        png_error(reader, message);
    }
    memcpy(target, png->bytes + png->position, count);
    png->position += count;
}

/// Sets how the file is read, reads its header and chooses the form of the pixels. Leaves by a long jump on errors.
static void read_header(renorm_png *png) {
    png_structp reader = png->reader;
    png_set_read_fn(reader, png, take);
    png_set_crc_action(reader, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);
    // What libpng would forgive is damage as well: a wrong checksum of the pixels is among it.
    png_set_benign_errors(reader, 0);
    // No chunk is longer than its file, and none is kept. The caller bounds width and height by what they mean.
    png_set_chunk_malloc_max(reader, png->count);
    png_set_chunk_cache_max(reader, 1);
    png_set_user_limits(reader, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
    png_set_keep_unknown_chunks(reader, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
    png_read_info(reader, png->info);
    int type = png_get_color_type(reader, png->info);
    int depth = png_get_bit_depth(reader, png->info);
    int has_alpha = (type & PNG_COLOR_MASK_ALPHA) != 0 || png_get_valid(reader, png->info, PNG_INFO_tRNS) != 0;
    png->header = (renorm_png_header){
        .width = png_get_image_width(reader, png->info),
        .height = png_get_image_height(reader, png->info),
        .form = (type & PNG_COLOR_MASK_COLOR) != 0 ? (has_alpha ? RENORM_FORM_COLOUR_ALPHA : RENORM_FORM_COLOUR)
                                                   : (has_alpha ? RENORM_FORM_GRAY_ALPHA : RENORM_FORM_GRAY),
        .stored_bits = (uint32_t)(depth * png_get_channels(reader, png->info)),
    };
}

renorm_png *renorm_png_open(const uint8_t *bytes, size_t count, renorm_reason *reason) {
    snprintf(reason->text, sizeof reason->text, "there is no memory for it");
    renorm_png *png = calloc(1, sizeof *png);
    if (png == NULL) return NULL;
    *png = (renorm_png){.bytes = bytes, .count = count, .reason = reason};
    png->reader = png_create_read_struct(PNG_LIBPNG_VER_STRING, png, fail, ignore);
    if (png->reader != NULL) png->info = png_create_info_struct(png->reader);
    if (png->info == NULL || setjmp(png_jmpbuf(png->reader)) != 0) {
        renorm_png_close(png);
        return NULL;
    }
    read_header(png);
    return png;
}

renorm_png_header renorm_png_get_header(const renorm_png *png) { return png->header; }

/// Replaces indices, which lie at the end of the memory, by the colours that they stand for.
static void look_up(renorm_png *png, uint8_t *pixels, size_t count) {
    png_colorp palette = NULL;
    png_bytep opacities = NULL;
    int size = 0, opacity_count = 0;
    size_t channels = renorm_form_size(png->header.form);
    png_get_PLTE(png->reader, png->info, &palette, &size);
    png_get_tRNS(png->reader, png->info, &opacities, &opacity_count, NULL);
    const uint8_t *indices = pixels + (channels - 1) * count;
    for (size_t i = 0; i < count; i++) {
        // Read before the colour is written, which for the last pixels is where the indices are.
        int index = indices[i];
        if (index >= size) {
            char message[100];
            snprintf(message, sizeof message, "a pixel has the colour %d of a palette of %d", index, size);
            png_error(png->reader, message);
        }
        uint8_t *pixel = pixels + channels * i;
        pixel[0] = palette[index].red;
        pixel[1] = palette[index].green;
        pixel[2] = palette[index].blue;
        if (channels == 4) pixel[3] = index < opacity_count ? opacities[index] : 255;
    }
}

/// Reads pixels and the rest. Leaves by a long jump on errors.
static void read_pixels(renorm_png *png, uint8_t *pixels) {
    png_structp reader = png->reader;
    int type = png_get_color_type(reader, png->info);
    size_t width = png->header.width, height = png->header.height, channels = renorm_form_size(png->header.form);
    int is_indexed = type == PNG_COLOR_TYPE_PALETTE;
    png_set_strip_16(reader);
    if (is_indexed) {
        png_set_packing(reader);
    } else {
        // One colour that is transparent is compared in all its bits.
        if (png_get_valid(reader, png->info, PNG_INFO_tRNS) != 0) png_set_tRNS_to_alpha(reader);
        if (type == PNG_COLOR_TYPE_GRAY) png_set_expand_gray_1_2_4_to_8(reader);
    }
    int passes = png_set_interlace_handling(reader);
    png_read_update_info(reader, png->info);
    size_t row_size = width * (is_indexed ? 1 : channels);
    if (png_get_rowbytes(reader, png->info) != row_size) png_error(reader, "its pixels have an unknown form");
    uint8_t *rows = is_indexed ? pixels + (channels - 1) * width * height : pixels;
    for (int pass = 0; pass < passes; pass++) {
        for (size_t y = 0; y < height; y++) png_read_row(reader, rows + y * row_size, NULL);
    }
    png_read_end(reader, NULL);
    if (is_indexed) look_up(png, pixels, width * height);
}

int32_t renorm_png_read(renorm_png *png, uint8_t *pixels, renorm_reason *reason) {
    png->reason = reason;
    if (setjmp(png_jmpbuf(png->reader)) != 0) return 0;
    read_pixels(png, pixels);
    return 1;
}

void renorm_png_close(renorm_png *png) {
    png_destroy_read_struct(&png->reader, &png->info, NULL);
    free(png);
}
