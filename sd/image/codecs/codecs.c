#include "codecs.h"

#include "sd/image/image.h"

#include <string.h>

#define MAGIC(text) .magic = text, .magic_size = sizeof(text) - 1

static bool is_gif(const uint8_t *p, size_t size) {
    return size >= 6 && (!memcmp(p, "GIF87a", 6) || !memcmp(p, "GIF89a", 6));
}

static bool is_webp(const uint8_t *p, size_t size) {
    return size >= 12 && !memcmp(p, "RIFF", 4) && !memcmp(p + 8, "WEBP", 4);
}

/* The ISO container of many formats: a length, "ftyp", the format's brand. */
static bool has_brand(const uint8_t *p, size_t size, const char *brands) {
    if (size < 12 || memcmp(p + 4, "ftyp", 4)) return false;
    while (*brands && memcmp(p + 8, brands, 4)) brands += 4;
    return *brands;
}

static bool is_avif(const uint8_t *p, size_t size) { return has_brand(p, size, "avifavis"); }
static bool is_heif(const uint8_t *p, size_t size) { return has_brand(p, size, "heicheixhevchevxmif1msf1"); }

static bool is_jpeg_xl(const uint8_t *p, size_t size) {
    return (size >= 2 && !memcmp(p, "\xFF\x0A", 2)) || (size >= 12 && !memcmp(p, "\0\0\0\x0CJXL \r\n\x87\n", 12));
}

static bool is_tiff(const uint8_t *p, size_t size) {
    return size >= 4 && (!memcmp(p, "II*\0", 4) || !memcmp(p, "MM\0*", 4));
}

static const ImageCodec CODECS[] = {
    /* the first: what is written unless a name says otherwise */
    {"PNG", "png", MAGIC("\x89PNG\r\n\x1A\n"), .head = png_head, .texts = png_texts, .hidden = png_hidden,
     .decode = png_decode, .encode = png_write},
    {"JPEG", "jpg|jpeg", MAGIC("\xFF\xD8\xFF"), .head = jpeg_head, .texts = jpeg_texts, .decode = jpeg_decode,
     .lossy = jpeg_is_lossy, .reads = stb_is_there, .needs = "install libstb-dev (stb_image.h) and build again",
     .encode = jpeg_write, .writes = jpeg_is_written, .package = "libturbojpeg0", .side_most = 65500,
     .text_most = 32000},
    {"GIF", "gif", .sniff = is_gif, .head = gif_head, .texts = gif_texts, .decode = gif_decode},
    {"WebP", "webp", .sniff = is_webp, .head = webp_head, .texts = webp_texts, .decode = webp_decode,
     .lossy = webp_is_lossy, .reads = webp_is_there, .needs = "install libwebp7", .encode = webp_write,
     .writes = webp_is_there, .package = "libwebp7", .side_most = 16383},
    {"AVIF", "avif", .sniff = is_avif},
    {"HEIF", "heic|heif", .sniff = is_heif},
    {"JPEG XL", "jxl", .sniff = is_jpeg_xl},
    {"TIFF", "tif|tiff", .sniff = is_tiff},
    {"Photoshop", "psd", MAGIC("8BPS")},
    {"BMP", "bmp", MAGIC("BM"), .head = bmp_head, .decode = bmp_decode}, /* last: two letters are little evidence */
};
enum { CODEC_COUNT = sizeof CODECS / sizeof *CODECS };

const ImageCodec *image_codec_row(int i) { return i >= 0 && i < CODEC_COUNT ? &CODECS[i] : NULL; }

const ImageCodec *image_codec(const uint8_t *bytes, size_t size) {
    for (const ImageCodec *c = CODECS; c < CODECS + CODEC_COUNT; c++)
        if (c->sniff ? c->sniff(bytes, size) : size >= c->magic_size && !memcmp(bytes, c->magic, c->magic_size))
            return c;
    return NULL;
}

bool image_has_ending(const char *path, const char *endings) {
    size_t length = strlen(path);
    for (size_t n; *endings; endings += n + (endings[n] == '|')) {
        n = strcspn(endings, "|");
        if (length < n + 2 || path[length - n - 1] != '.') continue;
        const char *end = path + length - n;
        size_t same = 0;
        while (same < n && (end[same] | 32) == endings[same]) same++;
        if (same == n) return true;
    }
    return false;
}

const ImageCodec *image_codec_for(const char *path, Error *e) {
    const ImageCodec *codec = CODECS; /* PNG */
    for (const ImageCodec *c = CODECS; c < CODECS + CODEC_COUNT; c++)
        if (image_has_ending(path, c->endings)) codec = c;
    if (codec->encode && (!codec->writes || codec->writes())) return codec;
    if (!codec->encode)
        error_set(e, ERR_ARGUMENT, "%.200s: pictures are written as PNG, JPEG or WebP; name it .png", path);
    else
        error_set(e, ERR_DEVICE, "%.200s: %s files are written with %s, which is not here; install it, or name it .png",
                  path, codec->name, codec->package);
    return NULL;
}
