/* image_hints.c: what ControlNets are shown: OpenCV's bytes (hints.txt), and the other hints on a few pixels. */
#include "sd/image/canny.h"
#include "sd/image/codecs/crc32.h"
#include "sd/image/hint.h"
#include "tests/harness/test.h"
#include "tools/ledger/generated.h"
#include "test_image.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The picture of hints.py. */
static uint8_t *picture(int number, int w, int h, int block) {
    char name[16];
    uint8_t *rgb = malloc((size_t)w * (size_t)h * 3);
    if (!rgb) abort();
    snprintf(name, sizeof name, "hint%d", number);
    uint32_t crc = gen_crc(name);
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++)
            for (int c = 0; c < 3; c++) {
                uint32_t large = gen_mixed(crc, (uint64_t)(3 * (y / block * w + x / block) + c));
                uint32_t small = gen_mixed(crc, (uint64_t)(3 * (y * w + x) + c));
                uint32_t v = (large >> 24) + (small & 15);
                rgb[3 * (y * w + x) + c] = (uint8_t)(v < 255 ? v : 255);
            }
    return rgb;
}

static void check_line(const char *line, int number) {
    char kind[16];
    int w, h, block;
    double a, b;
    unsigned want;
    Error e = {0};
    if (!test_check(sscanf(line, "%15s %d %d %d %lf %lf %X", kind, &w, &h, &block, &a, &b, &want) == 7,
                    "line %d of hints.txt is one", number))
        return;
    size_t pixels = (size_t)w * (size_t)h;
    uint8_t *rgb = picture(number, w, h, block), *out = malloc(pixels);
    if (!out) abort();
    bool ok = true;
    if (!strcmp(kind, "luminance")) {
        ok = hint_make(rgb, w, h, SD_HINT_LUMINANCE, a, b, &e);
        for (size_t i = 0; i < pixels; i++) out[i] = rgb[3 * i];
    } else ok = canny(out, rgb, w, h, a, b, !strcmp(kind, "canny2"), &e);
    uint32_t is = crc32_update(0, out, pixels);
    test_check(ok && is == want, "%s of %dx%d, blocks of %d, %g and %g is OpenCV's", kind, w, h, block, a, b);
    test_note("%08X, should be %08X", (unsigned)is, want);
    free(out);
    free(rgb);
}

void image_hints(void) {
    static const uint8_t PIXELS[] = {0, 0, 0, 255, 255, 255, 10, 200, 130, 127, 127, 127};
    static const uint8_t INVERTED[] = {255, 255, 255, 0, 0, 0, 245, 55, 125, 128, 128, 128};
    static const uint8_t SCRIBBLE[] = {255, 255, 255, 0, 0, 0, 255, 255, 255, 0, 0, 0};
    static const struct {
        SdHint by;
        const uint8_t *want;
    } OTHERS[] = {
        {SD_HINT_NONE, PIXELS}, {SD_HINT_TILE, PIXELS}, {SD_HINT_INVERT, INVERTED}, {SD_HINT_SCRIBBLE, SCRIBBLE}};
    int lines = 0;
    char *list = image_file("hints.txt", NULL);
    for (char *line = list, *end; line && *line; line = end + 1, lines++) {
        end = strchr(line, '\n');
        if (!end) break;
        *end = 0;
        check_line(line, lines);
    }
    test_check(lines == 15, "all %d lines of hints.txt are read", lines);
    free(list);
    for (size_t i = 0; i < sizeof OTHERS / sizeof *OTHERS; i++) {
        uint8_t rgb[sizeof PIXELS];
        Error e = {0};
        memcpy(rgb, PIXELS, sizeof rgb);
        test_check(hint_make(rgb, 2, 2, OTHERS[i].by, 0, 0, &e) && !memcmp(rgb, OTHERS[i].want, sizeof rgb),
                   "hint %d of four pixels", (int)OTHERS[i].by);
    }
}
