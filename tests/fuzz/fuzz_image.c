/* fuzz_image.c: pictures of every format. What is decoded is the same once it is written as PNG and read again. The
 * target `png` also puts right what a fuzzer cannot guess: the checksums of a PNG's chunks. */
#include "fuzz.h"

#include "sd/image/bytes.h"
#include "sd/image/codecs.h"
#include "sd/image/crc32.h"
#include "sd/image/image.h"
#include "sd/image/png.h"
#include "weights/utf8.h"

#include <stdlib.h>
#include <string.h>

static void again(const Image *a) {
    Error e = {0};
    uint8_t *bytes = NULL;
    size_t size = 0;
    Image b = {0};
    bool ok = png_encode(a->rgb, a->width, a->height, NULL, 0, &bytes, &size, &e) &&
              image_decode(bytes, size, "again", 0, &b, &e);
    fuzz_require(fuzz_verdict(ok, &e));
    if (ok)
        fuzz_require(a->width == b.width && a->height == b.height &&
                     !memcmp(a->rgb, b.rgb, (size_t)a->width * (size_t)a->height * 3));
    image_free(&b);
    free(bytes);
}

static void decode(const uint8_t *data, size_t size) {
    Error e = {0};
    Image i = {0};
    bool ok = image_decode(data, size, "it", IMAGE_WHITE, &i, &e);
    if (image_supported()) fuzz_verdict(ok, &e);
    fuzz_require(ok == (i.rgb != NULL));
    if (ok && (int64_t)i.width * i.height <= 1 << 16) again(&i);
    image_free(&i);
}

/* A text that a picture holds is valid UTF-8, and can be written and read again. */
static void text(const uint8_t *data, size_t size) {
    Error e = {0};
    char *said = NULL, *back = NULL;
    const char *path = fuzz_file("it.png", (FuzzBytes){data, size});
    fuzz_verdict(image_read_text(path, "parameters", &said, &e), &e);
    if (!said) return;
    static const uint8_t PIXEL[3];
    char *valid = utf8_valid(said, strlen(said));
    uint8_t *bytes = NULL;
    size_t n = 0;
    PngText t = {"parameters", said};
    bool ok = png_encode(PIXEL, 1, 1, &t, 1, &bytes, &n, &e) && png_read_text(bytes, n, "parameters", &back, &e);
    fuzz_require(fuzz_verdict(ok, &e));
    fuzz_require(valid && !strcmp(valid, said) && back && !strcmp(back, said));
    free(bytes);
    free(back);
    free(valid);
    free(said);
}

FUZZ(image) {
    decode(data, size);
    text(data, size);
}

static void mend(uint8_t *p, size_t size) {
    for (size_t at = 8; at <= size && size - at >= 12;) {
        size_t n = big_endian(p + at, 4);
        if (n > size - at - 12) return;
        uint32_t crc = crc32_update(0, p + at + 4, n + 4);
        for (int i = 0; i < 4; i++) p[at + 8 + n + (size_t)i] = (uint8_t)(crc >> (24 - 8 * i));
        at += 12 + n;
    }
}

FUZZ(png) {
    decode(data, size);
    uint8_t *p = malloc(size + 1);
    if (!p) abort();
    if (size) memcpy(p, data, size);
    mend(p, size);
    decode(p, size);
    text(p, size);
    free(p);
}
