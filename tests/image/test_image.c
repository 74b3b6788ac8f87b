/* test_image.c: pictures decoded as by Pillow, resized with its bits; contact sheets. */
#include "test_image.h"
#include "tests/harness/test.h"
#include "sd/image/codecs/crc32.h"
#include "sd/image/codecs/codecs.h"
#include "sd/image/image.h"
#include "sd/image/resize.h"
#include "sd/image/draw/sheet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *image_file(const char *name, size_t *size) {
    const char *dir = getenv("SDC_GOLDEN");
    char path[512];
    snprintf(path, sizeof path, "%s/%s", dir && *dir ? dir : "tests/golden", name);
    char *bytes = test_read(path, size);
    if (!bytes) test_check(false, "%s can be read", path);
    return bytes;
}

char *image_said_in(const void *bytes, size_t size, const char *keyword, Error *e) {
    ImageTexts texts;
    image_texts(bytes, size, "x", &texts, e);
    const char *text = image_text(&texts, keyword);
    char *copy = text ? malloc(strlen(text) + 1) : NULL;
    if (copy) memcpy(copy, text, strlen(text) + 1);
    image_texts_free(&texts);
    return copy;
}

char *image_said(const char *path, const char *keyword, Error *e) {
    FileBytes b = image_bytes(path, e);
    char *text = b.bytes ? image_said_in(b.bytes, b.size, keyword, e) : NULL;
    file_bytes_free(&b);
    return text;
}

/* Gives turned1.jpg another orientation: the value after its tag, type and count. */
static void orient(char *bytes, size_t size, char to) {
    static const char ENTRY[] = {0x12, 1, 3, 0, 1, 0, 0, 0};
    for (size_t i = 0; i + 10 < size; i++)
        if (!memcmp(bytes + i, ENTRY, sizeof ENTRY)) {
            bytes[i + 8] = to;
            return;
        }
}

static void one_picture(char *line) {
    char name[40], hex[100];
    int bound, w, h, worst = 0;
    unsigned crc;
    if (sscanf(line, "%39s %d %d %d %x %99s", name, &bound, &w, &h, &crc, hex) != 6) return;
    char path[64], *dot = strchr(name, '.');
    bool turned = !strncmp(name, "turned", 6) && dot == name + 7;
    if (!stb_is_there() && dot && !strcmp(dot, ".jpg")) return;
    snprintf(path, sizeof path, "images/%s", turned ? "turned1.jpg" : name);
    size_t size = 0;
    char *bytes = image_file(path, &size);
    if (bytes && turned) orient(bytes, size, (char)(name[6] - '0'));
    Image i = {0};
    Error e = {0};
    bool ok = bytes && image_decode((uint8_t *)bytes, size, name, IMAGE_WHITE, &i, &e) && i.width == w && i.height == h;
    unsigned got = ok ? crc32_update(0, i.rgb, (size_t)(w * h * 3)) : 0;
    for (int k = 0; ok && k < 48; k++) {
        unsigned v;
        sscanf(hex + 2 * k, "%2x", &v);
        int d = abs((int)v - i.rgb[k / 3 * 29 % (w * h) * 3 + k % 3]);
        worst = d > worst ? d : worst;
    }
    test_check(ok && (bound ? worst <= bound : got == crc), "%s is what Pillow sees, within %d", name, bound);
    test_note("off by %d; %s", worst, e.text);
    image_free(&i);
    free(bytes);
}

static void pictures(void) {
    char *list = image_file("images/expected.txt", NULL);
    for (char *line = list ? strtok(list, "\n") : NULL; line; line = strtok(NULL, "\n")) one_picture(line);
    free(list);
    size_t size = 0;
    char *bytes = image_file("images/rgba.png", &size);
    Image i = {0};
    Error e = {0};
    bool ok = bytes && image_decode((uint8_t *)bytes, size, "rgba.png", 0x102030, &i, &e);
    test_check(ok && i.rgb[0] == 0x10 && i.rgb[1] == 0x20 && i.rgb[2] == 0x30, "transparent parts show the background");
    image_free(&i);
    free(bytes);
}

static size_t unhex(uint8_t *out, const char *hex) {
    size_t n = 0;
    unsigned v;
    for (; sscanf(hex + 2 * n, "%2x", &v) == 1; n++) out[n] = (uint8_t)v;
    return n;
}

/* Every kind of PNG, BMP and GIF, against pixels.txt. */
static void pixels(void) {
    char *list = image_file("pixels.txt", NULL);
    int lines = 0;
    for (char *line = list ? strtok(list, "\n") : NULL; line; line = strtok(NULL, "\n"), lines++) {
        const char *name = line, *field[4] = {NULL};
        for (int i = 0; i < 4; i++) {
            line += strcspn(line, " ");
            *line++ = 0;
            field[i] = line;
        }
        uint8_t *file = malloc(strlen(field[0]) + 1), *rgb = malloc(strlen(field[3]) + 1);
        if (!file || !rgb) abort();
        size_t n = unhex(file, field[0]), want = unhex(rgb, field[3]);
        Image i = {0};
        Error e = {0};
        bool ok = image_decode(file, n, name, IMAGE_WHITE, &i, &e) && i.width == atoi(field[1]) &&
                  i.height == atoi(field[2]) && (size_t)i.width * (size_t)i.height * 3 == want;
        test_check(ok && !memcmp(i.rgb, rgb, want), "%s: Pillow's pixels", name);
        test_note("%s", e.text);
        image_free(&i);
        free(file);
        free(rgb);
    }
    test_check(lines == 74, "all %d lines of pixels.txt are read", lines);
    free(list);
}

uint8_t *image_source(bool noise, int w, int h) {
    uint8_t *p = malloc((size_t)(w * h * 3));
    for (int i = 0; p && i < w * h * 3; i++) {
        uint32_t v = (uint32_t)i * 2654435761u + 40503u * (uint32_t)w + (uint32_t)h;
        v = (v ^ v >> 15) * 2246822519u;
        int c = i % 3, x = i / 3 % w, y = i / 3 / w;
        p[i] = (uint8_t)(noise ? v >> 24 : (uint32_t)(x * 255 / w + y * 90 / h + c * 40));
    }
    return p;
}

static void resizing(void) {
    static const char *const NAMES[] = {"nearest", "bilinear", "bicubic", "lanczos", "stretch", "crop", "fill"};
    char *list = image_file("resize.txt", NULL);
    int lines = 0;
    for (char *line = list ? strtok(list, "\n") : NULL; line; line = strtok(NULL, "\n"), lines++) {
        char what[16], kind[16];
        int w, h, nw, nh, k = 0;
        unsigned crc;
        Error e = {0};
        if (sscanf(line, "%15s %15s %d %d %d %d %x", what, kind, &w, &h, &nw, &nh, &crc) != 7) break;
        uint8_t *from = image_source(*kind == 'n', w, h), *to = malloc((size_t)(nw * nh * 3));
        while (k < 6 && strcmp(NAMES[k], what)) k++;
        bool ok = from && to &&
                  (k < 4 ? resize_rgb(from, w, h, to, nw, nh, (ResizeFilter)k, &e)
                         : resize_picture(from, w, h, to, nw, nh, (SdResize)(k - 4), &e));
        test_check(ok && crc32_update(0, to, (size_t)(nw * nh * 3)) == crc, "%s %s %dx%d to %dx%d: Pillow's bits", what,
                   kind, w, h, nw, nh);
        free(from);
        free(to);
    }
    test_check(lines == 180, "all %d lines of resize.txt are read", lines);
    free(list);
    uint8_t p[3 * 3] = {0}, *big = malloc(64 * 64 * 3);
    Error e = {0};
    test_check(!resize_rgb(p, 0, 1, big, 2, 2, RESIZE_LANCZOS, &e) && e.code == ERR_ARGUMENT, "no pixels: refused");
    e = (Error){0};
    uint8_t *line = calloc(40000, 3);
    test_check(line && resize_picture(line, 40000, 1, big, 64, 64, SD_RESIZE_FILL, &e),
               "a line of 40000 pixels is fitted");
    test_check(line && !resize_picture(line, 40000, 1, big, 64, 64, SD_RESIZE_CROP, &e) == (e.code != ERR_NONE),
               "and cut, or refused in words");
    free(line);
    free(big);
}

static void sheets(void) {
    enum { W = 20, H = 10, GAP = 4, STEP_X = W + GAP, STEP_Y = H + GAP + 26 }; /* three lines of 9, no gap below */
    uint8_t pixels[3][W * H * 3];
    for (int i = 0; i < 3; i++) memset(pixels[i], 50 * (i + 1), sizeof pixels[i]);
    SheetPicture p[3] = {{pixels[0], "1"}, {pixels[1], NULL}, {pixels[2], "long labels are broken and cut"}};
    Image s = {0};
    Error e = {0};
    bool ok = sheet_make(p, 3, W, H, 2, &s, &e);
    test_check(ok && s.width == 2 * STEP_X + GAP && s.height == 2 * STEP_Y + GAP, "a sheet of 2 columns and 2 rows");
    for (int i = 0; ok && i < 3; i++) {
        const uint8_t *corner =
            s.rgb + ((size_t)(i / 2 * STEP_Y + GAP) * (size_t)s.width + (size_t)(i % 2 * STEP_X + GAP)) * 3;
        test_check(corner[0] == 50 * (i + 1) && corner[((H - 1) * s.width + W - 1) * 3] == 50 * (i + 1) &&
                       corner[-1] == 255 && corner[W * 3] == 255,
                   "picture %d is in its place", i);
    }
    /* "1" is 4C4444E: the top point is in the middle column, the foot has three */
    const uint8_t *label = ok ? s.rgb + ((size_t)(GAP + H + 1) * (size_t)s.width + GAP) * 3 : NULL;
    test_check(ok && label[0] == 255 && label[6] == 0 && label[(6 * s.width + 1) * 3] == 0 &&
                   label[(6 * s.width + 3) * 3] == 0 && label[(6 * s.width + 4) * 3] == 255,
               "the label is drawn");
    /* "labels" on the second line is "lab", and l is C44444E */
    label = ok ? s.rgb + ((size_t)(STEP_Y + GAP + H + 10) * (size_t)s.width + GAP) * 3 : NULL;
    test_check(ok && label[0] == 255 && label[3] == 0 && label[6] == 0 && label[(s.width + 1) * 3] == 255 &&
                   label[(6 * s.width + 3) * 3] == 0,
               "a long label has a second line");
    int dark = 0;
    for (int i = 0; ok && i < s.width * s.height; i++) {
        int x = i % s.width, y = i / s.width;
        dark += !s.rgb[3 * i] &&
                (x < GAP || x >= s.width - GAP || y >= s.height - GAP || (x >= GAP + W && x < GAP + STEP_X));
    }
    test_check(ok && !dark, "labels stay under their pictures");
    image_free(&s);
    test_check(sheet_make(p, 3, W, H, 0, &s, &e) && s.width <= 2 * s.height, "columns are chosen");
    image_free(&s);
    test_check(!sheet_make(p, 0, W, H, 0, &s, &e) && e.code == ERR_ARGUMENT, "no pictures: refused");
    e = (Error){0};
    test_check(!sheet_make(p, 1 << 20, 4096, 4096, 0, &s, &e) && e.code == ERR_ARGUMENT, "too many: refused");
}

SUITE(image, .seconds = 2) {
    image_codecs();
    image_written();
    pictures();
    pixels();
    image_hostile();
    image_hints();
    if (!stb_is_there()) test_skip("JPEG: this build has no stb_image.h");
    resizing();
    sheets();
}
