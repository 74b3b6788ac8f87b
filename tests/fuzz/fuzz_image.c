/* fuzz_image.c: pictures of every format. What is decoded is the same once it is written as PNG and read again. The
 * target `png` also puts right what a fuzzer cannot guess: the checksums of a PNG's chunks. */
#include "fuzz.h"

#include "sd/image/codecs/bytes.h"
#include "sd/image/codecs/codecs.h"
#include "sd/image/codecs/crc32.h"
#include "sd/image/image.h"
#include "sd/image/codecs/png.h"
#include "sd/info/infotext_request.h"
#include "sd/info/picture_info.h"

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
    fuzz_verdict(ok, &e);
    fuzz_require(ok == (i.rgb != NULL));
    if (ok && (int64_t)i.width * i.height <= 1 << 16) again(&i);
    image_free(&i);
}

/* A picture of one pixel with that text says it. */
static void say_again(const char *said) {
    static const uint8_t PIXEL[3];
    Error e = {0};
    ImageTexts texts = {0};
    uint8_t *bytes = NULL;
    size_t size = 0;
    bool ok = png_write(PIXEL, 1, 1, said, 80, &bytes, &size, &e) && image_texts(bytes, size, "again", &texts, &e);
    fuzz_require(fuzz_verdict(ok, &e));
    const char *back = image_text(&texts, "parameters");
    fuzz_require(back && !strcmp(back, said));
    image_texts_free(&texts);
    free(bytes);
}

static void texts(const uint8_t *data, size_t size) {
    Error e = {0};
    ImageTexts t = {0};
    PictureInfo info = {0};
    InfoRead read = {0};
    SdRequest request = sd_request(NULL);
    if (fuzz_verdict(image_texts(data, size, "it", &t, &e), &e)) {
        fuzz_texts(&t);
        for (int i = 0; i < t.count && i < 8; i++) say_again(t.at[i].text);
        if (fuzz_verdict(picture_info(&t, "it", &info, &e), &e) && info.text) {
            fuzz_utf8(info.text);
            if (fuzz_verdict(infotext_read(info.text, &read, &e), &e))
                fuzz_verdict(infotext_request(&read, &request, &e), &e);
        }
    }
    infotext_read_free(&read);
    picture_info_free(&info);
    image_texts_free(&t);
}

FUZZ(image) {
    decode(data, size);
    texts(data, size);
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
    texts(p, size);
    free(p);
}
