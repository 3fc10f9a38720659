#include "RenormWebP.h"

#include <stdio.h>
#include <webp/decode.h>

static const char *text(VP8StatusCode status) {
    switch (status) {
    case VP8_STATUS_OUT_OF_MEMORY: return "there is no memory for it";
    case VP8_STATUS_UNSUPPORTED_FEATURE: return "it uses what libwebp does not support";
    case VP8_STATUS_SUSPENDED:
    case VP8_STATUS_NOT_ENOUGH_DATA: return "it ends before its picture does";
    default: return "its picture is damaged";
    }
}

static int32_t result(VP8StatusCode status, renorm_reason *reason) {
    if (status == VP8_STATUS_OK) return 1;
    snprintf(reason->text, sizeof reason->text, "%s", text(status));
    return 0;
}

int32_t renorm_webp_open(const uint8_t *bytes, size_t count, uint32_t width, uint32_t height, renorm_form *form,
                         renorm_reason *reason) {
    WebPBitstreamFeatures features;
    VP8StatusCode status = WebPGetFeatures(bytes, count, &features);
    if (status != VP8_STATUS_OK) return result(status, reason);
    if (features.width != (int)width || features.height != (int)height) {
        snprintf(reason->text, sizeof reason->text, "it is not of the size that its header announces");
        return 0;
    }
    *form = features.has_alpha ? RENORM_FORM_COLOUR_ALPHA : RENORM_FORM_COLOUR;
    return 1;
}

int32_t renorm_webp_read(const uint8_t *bytes, size_t count, uint32_t width, uint32_t height, renorm_form form,
                         uint8_t *target, size_t stride, renorm_reason *reason) {
    WebPDecoderConfig config;
    if (!WebPInitDecoderConfig(&config)) return result(VP8_STATUS_UNSUPPORTED_FEATURE, reason);
    config.output.colorspace = form == RENORM_FORM_COLOUR_ALPHA ? MODE_RGBA : MODE_RGB;
    config.output.is_external_memory = 1;
    config.output.u.RGBA.rgba = target;
    config.output.u.RGBA.stride = (int)stride;
    config.output.u.RGBA.size = stride * (height - 1) + renorm_form_size(form) * width;
    return result(WebPDecode(bytes, count, &config), reason);
}
