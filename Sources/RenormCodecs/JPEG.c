#include "RenormJPEG.h"

#include "RenormPixels.h"

#include <stdio.h>

#include <jpeglib.h>
#include <setjmp.h>
#include <string.h>

/// libjpeg's state with ours behind it.
typedef struct {
    struct jpeg_decompress_struct codec;
    struct jpeg_error_mgr errors;
    struct jpeg_source_mgr source;
    struct jpeg_progress_mgr progress;
    jmp_buf place;
    size_t count;
    int most_scans;
    renorm_reason *reason;
} reader;

static _Noreturn void leave(reader *reader, const char *message) {
    snprintf(reader->reason->text, sizeof reader->reason->text, "%s", message);
    longjmp(reader->place, 1);
}

static void fail(j_common_ptr codec) {
    char message[JMSG_LENGTH_MAX];
    codec->err->format_message(codec, message);
    leave((reader *)codec, message);
}

/// Warnings are of data that libjpeg makes the best of, as Pillow lets it.
static void warn(j_common_ptr codec, int level) {
    if (level < 0) codec->err->num_warnings++;
}

static void say_nothing(j_common_ptr codec) { (void)codec; }

static void do_nothing(j_decompress_ptr codec) { (void)codec; }

static boolean end(j_decompress_ptr codec) {
    reader *self = (reader *)codec;
    char message[100];
    snprintf(message, sizeof message, "it ends after %zu bytes, before its picture does", self->count);
    leave(self, message);
}

static void skip(j_decompress_ptr codec, long count) {
    if (count <= 0) return;
    if ((size_t)count > codec->src->bytes_in_buffer) end(codec);
    codec->src->next_input_byte += count;
    codec->src->bytes_in_buffer -= (size_t)count;
}

/// Each scan costs a pass over the whole picture, however short it is.
static void bound_scans(j_common_ptr codec) {
    reader *self = (reader *)codec;
    if (self->codec.input_scan_number > self->most_scans) leave(self, "it has more scans than any real picture");
}

/// Sets how the file is read, and reads its header. Leaves by a long jump on errors.
static void read_header(reader *reader, const uint8_t *bytes, const renorm_jpeg_request *request) {
    j_decompress_ptr codec = &reader->codec;
    reader->source = (struct jpeg_source_mgr){
        .next_input_byte = bytes,
        .bytes_in_buffer = reader->count,
        .init_source = do_nothing,
        .fill_input_buffer = end,
        .skip_input_data = skip,
        .resync_to_restart = jpeg_resync_to_restart,
        .term_source = do_nothing,
    };
    codec->src = &reader->source;
    reader->progress.progress_monitor = bound_scans;
    codec->progress = &reader->progress;
    // The coefficients of a progressive file are all kept: 2 bytes each, and no block of 64 takes less than a bit of the file. Files
    // by arithmetic coding may take less: those of large pictures are then refused.
    codec->mem->max_memory_to_use = (256l << 20) + 4096l * (long)(reader->count < (1l << 40) ? reader->count : 1l << 40);
    jpeg_read_header(codec, TRUE);
    uint64_t area = (uint64_t)codec->image_width * codec->image_height;
    uint64_t affordable = (1ull << 32) / (area > 0 ? area : 1);
    reader->most_scans = affordable > 500 ? 500 : affordable < 24 ? 24 : (int)affordable;
    if (codec->image_width != request->width || codec->image_height != request->height)
        leave(reader, "it is not of the size that its header announces");
}

/// Whether every coefficient of a progressive file is there to its last bit. Where it is not, libjpeg smooths over blocks' borders,
/// which it can do right only for whole pictures.
static int is_complete(j_decompress_ptr codec) {
    if (codec->coef_bits == NULL) return 1;
    for (int component = 0; component < codec->num_components; component++) {
        for (int place = 0; place < DCTSIZE2; place++) {
            if (codec->coef_bits[component][place] != 0) return 0;
        }
    }
    return 1;
}

/// Chooses the form of the pixels and begins to decode. Leaves by a long jump on errors.
static renorm_form start(j_decompress_ptr codec, const renorm_jpeg_request *request) {
    renorm_form form;
    switch (codec->num_components) {
    case 1:
        codec->out_color_space = JCS_GRAYSCALE;
        form = RENORM_FORM_GRAY;
        break;
    case 3:
        codec->out_color_space = JCS_RGB;
        form = RENORM_FORM_COLOUR;
        break;
    default:
        codec->out_color_space = JCS_CMYK;
        form = RENORM_FORM_INK;
    }
    codec->scale_num = 1;
    codec->scale_denom = request->reduction;
    jpeg_start_decompress(codec);
    return form;
}

/// Decodes what is wanted. Leaves by a long jump on errors.
static void read_pixels(reader *reader, const renorm_jpeg_request *request, uint8_t *target) {
    j_decompress_ptr codec = &reader->codec;
    renorm_form form = start(codec, request);
    if (request->right > codec->output_width || request->bottom > codec->output_height ||
        codec->output_components != (int)renorm_form_size(form))
        leave(reader, "its pixels have an unknown form");
    JDIMENSION first = 0, columns = codec->output_width;
    int can_skip = is_complete(codec);
    // Of these rare ones libjpeg-turbo 2.1.5 gives other columns when it cuts smaller pictures.
    int can_cut = can_skip && (request->reduction == 1 || codec->max_h_samp_factor <= 2);
    // Smooth upsampling makes the outermost columns of what is decoded otherwise than in the middle of a picture.
    const JDIMENSION margin = 8;
    if (can_cut && request->right - request->left + 4 * margin < columns) {
        JDIMENSION last = request->right + margin < columns ? request->right + margin : columns;
        first = request->left > margin ? request->left - margin : 0;
        columns = last - first;
        jpeg_crop_scanline(codec, &first, &columns);
        // The left edge moves to that of a block.
        if (first > request->left || first + columns < request->right) leave(reader, "its columns cannot be cut");
    }
    size_t size = renorm_form_size(form), width = request->right - request->left;
    // One byte off what libjpeg-turbo calls aligned: to aligned rows it writes past the caches, and each row is read again at once.
    JSAMPROW line = codec->mem->alloc_small((j_common_ptr)codec, JPOOL_IMAGE, columns * size + 1);
    line++;
    if (can_skip && request->top > 0) {
        if (jpeg_skip_scanlines(codec, request->top) != request->top) leave(reader, "its rows cannot be skipped");
    }
    int is_direct = (uint32_t)form == request->channels && columns == width;
    while (codec->output_scanline < request->bottom) {
        JDIMENSION row = codec->output_scanline;
        int is_wanted = row >= request->top;
        uint8_t *place = is_wanted ? target + (size_t)(row - request->top) * width * request->channels : line;
        JSAMPROW decoded = is_direct ? place : line;
        if (jpeg_read_scanlines(codec, &decoded, 1) != 1) leave(reader, "its rows cannot be read");
        if (is_wanted && !is_direct) {
            renorm_pixels_convert(line + (request->left - first) * size, form, place, request->channels, 0, width);
        }
    }
}

/// 0 if a long jump ended it.
static int32_t try_to_read(reader *reader, const uint8_t *bytes, const renorm_jpeg_request *request, uint8_t *target) {
    if (setjmp(reader->place) != 0) return 0;
    jpeg_create_decompress(&reader->codec);
    read_header(reader, bytes, request);
    read_pixels(reader, request, target);
    return 1;
}

int32_t renorm_jpeg_read(const uint8_t *bytes, size_t count, const renorm_jpeg_request *request, uint8_t *target,
                         renorm_reason *reason) {
    reader reader;
    memset(&reader, 0, sizeof reader);
    reader.count = count;
    reader.reason = reason;
    reader.codec.err = jpeg_std_error(&reader.errors);
    reader.errors.error_exit = fail;
    reader.errors.emit_message = warn;
    reader.errors.output_message = say_nothing;
    // Nothing is kept between pictures: libjpeg would use tables of the last one where a damaged file has none.
    int32_t is_read = try_to_read(&reader, bytes, request, target);
    jpeg_destroy_decompress(&reader.codec);
    return is_read;
}
