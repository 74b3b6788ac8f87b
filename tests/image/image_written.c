/* image_written.c: JPEG and WebP, written and read back with their texts, and WebP files that others wrote or spoilt.
 */
#include "test_image.h"
#include "sd/image/codecs/codecs.h"
#include "sd/image/image.h"
#include "sd/image/image_text.h"
#include "tests/harness/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { W = 40, H = 24 };

/* Pillow's: 3 x 2 of RGBA without loss, the middle of the second row transparent, with a UserComment of piexif's kind.
 */
static const char LOSSLESS[] =
    "\x52\x49\x46\x46\xA0\x00\x00\x00\x57\x45\x42\x50\x56\x50\x38\x58\x0A\x00\x00\x00\x18\x00\x00\x00\x02\x00\x00\x01"
    "\x00\x00\x56\x50\x38\x4C\x34\x00\x00\x00\x2F\x02\x40\x00\x10\x2F\x20\x10\x48\x71\x10\x23\x2E\x24\x20\x64\x73\xFC"
    "\xDF\x60\x93\x40\x80\x50\xE2\x3F\x45\x87\x12\x01\x41\x91\xFF\xA3\x45\xB6\xA6\x0D\x6C\x76\x10\x08\x50\xC6\x8A\x03"
    "\x4E\x89\xE8\x7F\x2C\x2F\x45\x58\x49\x46\x46\x00\x00\x00\x4D\x4D\x00\x2A\x00\x00\x00\x08\x00\x01\x87\x69\x00\x04"
    "\x00\x00\x00\x01\x00\x00\x00\x1A\x00\x00\x00\x00\x00\x01\x92\x86\x00\x01\x00\x00\x00\x1A\x00\x00\x00\x2C\x00\x00"
    "\x00\x00\x55\x4E\x49\x43\x4F\x44\x45\x00\x00\x61\x00\x20\x00\x63\x00\x61\x00\x66\x00\xE9\x00\x20\xD8\x3D\xDC\x08";
/* 16 x 8 of one colour, with loss. */
static const char LOSSY[] =
    "\x52\x49\x46\x46\x34\x00\x00\x00\x57\x45\x42\x50\x56\x50\x38\x20\x28\x00\x00\x00\x90\x01\x00\x9D\x01\x2A\x10\x00"
    "\x08\x00\x02\xC0\x4C\x25\xA0\x02\x74\xBA\x00\x03\x98\x00\xFE\xED\x4D\xDE\xBB\xC5\xA5\x1A\xFF\xE7\xA6\x7F\x5B\x7F"
    "\x1F\xF8\xC8\x00";

/* The picture that codecs have to say something of: slopes. */
static void draw(uint8_t *rgb) {
    for (int i = 0; i < W * H; i++) {
        rgb[3 * i] = (uint8_t)(i % W * 6), rgb[3 * i + 1] = (uint8_t)(i / W * 10), rgb[3 * i + 2] = 90;
    }
}

static void round_trip(const char *name, int quality, double most) {
    static const char TEXT[] = "a caf\xC3\xA9 \xF0\x9F\x90\x88\nSteps: 20, Version: sd.c";
    uint8_t rgb[W * H * 3];
    const char *path = test_path(name);
    Error e = {0};
    Image back = {0};
    char *text = NULL;
    draw(rgb);
    bool ok = image_write(rgb, W, H, TEXT, quality, path, &e) && image_read(path, IMAGE_WHITE, &back, &e);
    double sum = 0;
    for (int i = 0; ok && back.width == W && i < W * H * 3; i++) sum += abs(back.rgb[i] - rgb[i]);
    test_check(ok && back.width == W && back.height == H && !back.warning && sum / (W * H * 3) <= most,
               "%s of quality %d: the picture comes back", name, quality);
    test_note("%s; off by %.3f in the mean", e.text, sum / (W * H * 3));
    ok = (text = image_said(path, TEXT_USER_COMMENT, &e)) && !strcmp(text, TEXT);
    test_check(ok, "%s of quality %d: so does its text", name, quality);
    test_note("%s", text ? text : e.text);
    free(text);
    image_free(&back);
    ok = image_write(rgb, W, H, NULL, quality, path, &e) && image_read(path, IMAGE_WHITE, &back, &e);
    test_check(ok && !image_said(path, TEXT_USER_COMMENT, &e) && !e.code, "%s without a text", name);
    image_free(&back);
}

static void jpeg(void) {
    if (!jpeg_is_written() || !stb_is_there()) {
        test_skip("JPEG: libturbojpeg0 or stb_image.h is not here");
        return;
    }
    round_trip("w.jpg", 80, 4);
    round_trip("w.jpeg", 100, 1);
    size_t low = 0, high = 0;
    uint8_t rgb[W * H * 3], *bytes = NULL;
    Error e = {0};
    draw(rgb);
    bool ok = jpeg_write(rgb, W, H, NULL, 20, &bytes, &low, &e);
    free(bytes);
    ok = ok && jpeg_write(rgb, W, H, NULL, 90, &bytes, &high, &e);
    test_check(ok && low < high, "JPEG: quality counts");
    free(bytes);
    char *text = malloc(40001);
    if (!text) abort();
    memset(text, 'x', 40000), text[40000] = 0;
    test_check(!jpeg_write(rgb, W, H, text, 80, &bytes, &low, &e) && e.code == ERR_ARGUMENT, "JPEG: a text too long");
    free(text);
    e = (Error){0};
    test_check(image_write_fits("a.jpg", 65500, 1, 32000, &e) && !image_write_fits("a.jpg", 65501, 1, 0, &e),
               "JPEG: its largest size");
    e = (Error){0};
    test_check(!image_write_fits("a.jpg", 1, 1, 32001, &e) && strstr(e.text, "too long"), "JPEG: its longest text");
}

static void refused(const char *what, const char *bytes, size_t n, const char *words) {
    Image i;
    Error e = {0};
    test_check(!image_decode((const uint8_t *)bytes, n, "x", IMAGE_WHITE, &i, &e) && strstr(e.text, words),
               "WebP: %s is refused", what);
    test_note("%s", e.text);
}

static void webp(void) {
    Image i = {0};
    Error e = {0};
    ImageTexts texts = {0};
    char bytes[sizeof LOSSLESS];
    if (!webp_is_there()) {
        test_skip("WebP: libwebp7 is not here");
        refused("any", LOSSY, sizeof LOSSY - 1, "install libwebp7");
        return;
    }
    round_trip("w.webp", 80, 4);
    round_trip("exact.webp", 100, 0);
    bool ok = image_decode((const uint8_t *)LOSSLESS, sizeof LOSSLESS - 1, "x", IMAGE_WHITE, &i, &e);
    test_check(ok && i.width == 3 && i.height == 2 && i.transparent && i.rgb[0] == 10 && i.rgb[1] == 20 &&
                   i.rgb[2] == 200 && i.rgb[12] == 255 && i.rgb[15] == 110,
               "WebP: Pillow's, on white where it is transparent");
    test_note("%s", e.text);
    image_free(&i);
    ok = image_texts((const uint8_t *)LOSSLESS, sizeof LOSSLESS - 1, "x", &texts, &e);
    const char *text = ok ? image_text(&texts, TEXT_USER_COMMENT) : NULL;
    test_check(text && !strcmp(text, "a caf\xC3\xA9 \xF0\x9F\x90\x88") && texts.width == 3, "WebP: Pillow's text");
    image_texts_free(&texts);
    ok = image_decode((const uint8_t *)LOSSY, sizeof LOSSY - 1, "x", IMAGE_WHITE, &i, &e);
    test_check(ok && i.width == 16 && i.height == 8 && abs(i.rgb[0] - 200) < 3, "WebP: Pillow's, with loss");
    image_free(&i);
    for (size_t n = 12; n < sizeof LOSSLESS - 1; n++) refused("a cut one", LOSSLESS, n, "WebP ends");
    memcpy(bytes, LOSSLESS, sizeof bytes);
    bytes[20] |= 2;
    refused("an animated one", bytes, sizeof bytes - 1, "animated");
    memcpy(bytes, LOSSLESS, sizeof bytes);
    bytes[24] = 9;
    refused("one of two sizes", bytes, sizeof bytes - 1, "contradicts itself");
    memcpy(bytes, LOSSLESS, sizeof bytes);
    bytes[38] = 0x2E;
    refused("one without its mark", bytes, sizeof bytes - 1, "pixels are damaged");
    memcpy(bytes, LOSSLESS, sizeof bytes);
    memcpy(bytes + 30, "JUNK", 4);
    refused("one without pixels", bytes, sizeof bytes - 1, "has no pixels");
    memcpy(bytes, LOSSLESS, sizeof bytes);
    memset(bytes + 43, 0, 40);
    refused("one of zeros", bytes, sizeof bytes - 1, "damaged");
    memcpy(bytes, LOSSLESS, sizeof bytes);
    memset(bytes + 39, 0xFF, 4);
    refused("one of 16384 x 16384", bytes, sizeof bytes - 1, "x");
    e = (Error){0};
    test_check(image_write_fits("a.webp", 16383, 1, 1 << 20, &e) && !image_write_fits("a.webp", 1, 16384, 0, &e),
               "WebP: its largest size");
}

void image_written(void) {
    jpeg();
    webp();
}
