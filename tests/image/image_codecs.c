/* image_codecs.c: the table of picture formats: a small file reaches each row, and no row above takes it. */
#include "test_image.h"
#include "sd/image/codecs/codecs.h"
#include "sd/image/image.h"
#include "tests/harness/test.h"

#include <stdlib.h>
#include <string.h>

#define T(text) text, sizeof(text) - 1
#define NOT_READ(format) format " pictures are not read; save it as PNG"

static const struct {
    const char *row;           /* NULL: none */
    const char *decode, *text; /* of the refusals; NULL: the text is read (there is none) */
    const char *bytes;
    size_t size;
} SAMPLES[] = {
    {"PNG", "ends early", NULL, T("\x89PNG\r\n\x1A\n")},
    {"JPEG", "the JPEG ends within a segment", "the JPEG ends within a segment", T("\xFF\xD8\xFF\xE0")},
    {"GIF", "ends early", "ends early", T("GIF87a")},
    {"GIF", "ends early", "ends early", T("GIF89a")},
    {"WebP", "the WebP has no pixels", NULL, T("RIFF\4\0\0\0WEBP")},
    {"AVIF", NOT_READ("AVIF"), NOT_READ("AVIF"),
     T("\0\0\0\x1C"
       "ftypavif\0\0\0\0")},
    {"AVIF", NOT_READ("AVIF"), NOT_READ("AVIF"),
     T("\0\0\0\x1C"
       "ftypavis\0\0\0\0")},
    {"HEIF", NOT_READ("HEIF"), NOT_READ("HEIF"),
     T("\0\0\0\x18"
       "ftypheic\0\0\0\0")},
    {"HEIF", NOT_READ("HEIF"), NOT_READ("HEIF"),
     T("\0\0\0\x18"
       "ftypmsf1\0\0\0\0")},
    {"JPEG XL", NOT_READ("JPEG XL"), NOT_READ("JPEG XL"), T("\xFF\x0A\0")},
    {"JPEG XL", NOT_READ("JPEG XL"), NOT_READ("JPEG XL"), T("\0\0\0\x0CJXL \r\n\x87\n")},
    {"TIFF", NOT_READ("TIFF"), NOT_READ("TIFF"), T("II*\0\10\0\0\0")},
    {"TIFF", NOT_READ("TIFF"), NOT_READ("TIFF"), T("MM\0*\0\0\0\10")},
    {"Photoshop", NOT_READ("Photoshop"), NOT_READ("Photoshop"), T("8BPS\0\1")},
    {"BMP", "ends early", NOT_READ("BMP"), T("BM")},
    {NULL, "not a picture; give a PNG, JPEG, WebP, BMP or GIF", "not a picture", T("")},
    {NULL, "not a picture; give a PNG", "not a picture", T("a lovely cat")},
    {NULL, "not a picture", "not a picture",
     T("\0\0\0\x18"
       "ftypmp42\0\0\0\0")}, /* a film */
    {NULL, "not a picture", "not a picture", T("RIFF\4\0\0\0WAVE")},
    {NULL, "not a picture", "not a picture", T("\x89PNG\r\n")},
};

/* A file's name chooses the format that is written. */
static void by_name(void) {
    static const struct {
        const char *path, *row; /* NULL: refused */
    } NAMES[] = {{"a.png", "PNG"},  {"a.PNG", "PNG"}, {"a", "PNG"},     {"a.jpg.out", "PNG"},
                 {"jpg", "PNG"},    {"xjpg", "PNG"},  {"a.tiff", NULL}, {"a.tif", NULL},
                 {"a.tif2", "PNG"}, {"a.bmp", NULL},  {"a.gif", NULL},  {"", "PNG"}};
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
        const char *path = NAMES[i].path;
        Error e = {0}, check = {0};
        const ImageCodec *c = image_codec_for(path, &e);
        bool right = NAMES[i].row ? c && c->encode && !strcmp(c->name, NAMES[i].row) && !e.code
                                  : !c && e.code == ERR_ARGUMENT && !strncmp(e.text, path, strlen(path)) &&
                                        strstr(e.text, ": pictures are written as PNG, JPEG or WebP; name it .png");
        test_check(right, "the format of the name '%s'", path);
        test_check(image_write_check(path, &check) == (c != NULL), "the name '%s' is checked", path);
    }
    const uint8_t pixel[] = {1, 2, 3};
    const char *png = test_path("written.PNG"), *jpg = test_path("written.jpg");
    char *text = NULL;
    Error e = {0}, refused = {0}, sticks = {.code = ERR_FILE};
    bool ok = image_write(pixel, 1, 1, "a cat", 80, png, &e) && (text = image_said(png, "parameters", &e));
    test_check(ok && text && !strcmp(text, "a cat"), "a picture is written with its text %s", e.text);
    free(text);
    ok = image_write(pixel, 1, 1, NULL, 80, png, &e) && !(text = image_said(png, "parameters", &e)) && !e.code;
    test_check(ok && !text, "a picture is written without a text %s", e.text);
    test_check(!image_write(pixel, 1, 1, NULL, 80, test_path("a.gif"), &refused) && refused.code == ERR_ARGUMENT,
               "a GIF is refused");
    test_check(!image_write(pixel, 1, 1, NULL, 80, png, &sticks), "nothing is written after an error");
    ok = image_write_png(pixel, 1, 1, "a dog", jpg, &e) && (text = image_said(jpg, "parameters", &e));
    test_check(ok && text && !strcmp(text, "a dog"), "a PNG of any name %s", e.text);
    free(text);
}

void image_codecs(void) {
    int reached[32] = {0}, rows = 0;
    while (image_codec_row(rows)) rows++;
    test_check(rows > 1 && rows < 32 && !image_codec_row(-1), "%d picture formats", rows);
    for (size_t i = 0; i < sizeof SAMPLES / sizeof *SAMPLES; i++) {
        const char *row = SAMPLES[i].row ? SAMPLES[i].row : "none", *path = test_path("sample"), *words;
        size_t size = SAMPLES[i].size;
        uint8_t *p = malloc(size ? size : 1); /* no byte more: AddressSanitizer watches */
        if (!p) abort();
        memcpy(p, SAMPLES[i].bytes, size);
        const ImageCodec *c = image_codec(p, size);
        test_check(SAMPLES[i].row ? c && !strcmp(c->name, SAMPLES[i].row) : !c, "%s, sample %zu: is recognised", row,
                   i);
        for (int k = 0; k < rows; k++) reached[k] |= c == image_codec_row(k);
        Image image;
        Error e = {0};
        bool ok = image_decode(p, size, "x", IMAGE_WHITE, &image, &e);
        test_check(!ok && e.code == ERR_FORMAT && !strncmp(e.text, "x: ", 3) && strstr(e.text, SAMPLES[i].decode),
                   "%s, sample %zu: is not decoded", row, i);
        test_note("%s", e.text);
        e = (Error){0};
        ok = test_write(path, p, size);
        char *text = image_said(path, "parameters", &e);
        ok = ok && !e.code;
        words = SAMPLES[i].text;
        test_check(words ? !ok && strstr(e.text, words) : ok && !text, "%s, sample %zu: its text", row, i);
        test_note("%s %s", e.text, text ? text : "");
        free(text);
        free(p);
    }
    for (int k = 0; k < rows; k++) {
        const ImageCodec *c = image_codec_row(k);
        test_check(reached[k], "picture format %s is reached", c->name);
        test_check(!c->needs == !c->reads && !c->writes == !c->package && (c->decode || !c->needs) &&
                       (c->head || !c->decode),
                   "picture format %s is whole", c->name);
        test_check(c->endings && *c->endings, "picture format %s has a name's ending", c->name);
    }
    by_name();
}
