/* hidden_text.c: the text that NovelAI, SwarmUI and an extension of the webui hide in a PNG's lowest bits (SwarmUI
 * src/Utils/MetadataHelper.cs): columns from the left, each from the top, a bit of alpha or three of red, green and
 * blue; fifteen letters that say which, a length in bits, and the text, as it is or as gzip. */
#include "sd/image/codecs/codecs.h"
#include "image.h"
#include "sd/image/codecs/inflate.h"

#include <stdlib.h>
#include <string.h>

enum { LETTERS = 15, LENGTH = 4 };

typedef struct {
    int64_t width, height;
    uint8_t *low; /* [width][height]: the lowest bits, red's first, alpha's last, in bits 3 to 0 */
} Bits;

static void put(void *user, const uint8_t *rgba, int64_t y, int64_t x, int64_t step, int64_t count) {
    const Bits *b = user;
    for (int64_t i = 0; i < count; i++, x += step, rgba += 4)
        b->low[x * b->height + y] =
            (uint8_t)((rgba[0] & 1) << 3 | (rgba[1] & 1) << 2 | (rgba[2] & 1) << 1 | (rgba[3] & 1));
}

/* Bit i of the hidden ones, of alpha or of the colours. */
static int bit(const Bits *b, size_t i, bool alpha) { return alpha ? b->low[i] & 1 : b->low[i / 3] >> (3 - i % 3) & 1; }

static uint8_t byte(const Bits *b, size_t index, bool alpha) {
    int v = 0;
    for (size_t i = 0; i < 8; i++) v = v << 1 | bit(b, 8 * index + i, alpha);
    return (uint8_t)v;
}

static bool read_bits(const Bits *b, bool alpha, ImageTexts *out, Error *e) {
    static const char KEYWORD[] = "parameters";
    size_t bytes = (size_t)(b->width * b->height) * (alpha ? 1 : 3) / 8, bits = 0;
    char name[LETTERS + 1] = "";
    if (bytes < LETTERS + LENGTH) return true;
    for (size_t i = 0; i < LETTERS; i++) name[i] = (char)byte(b, i, alpha);
    bool packed = !strcmp(name, alpha ? "stealth_pngcomp" : "stealth_rgbcomp");
    if (!packed && strcmp(name, alpha ? "stealth_pnginfo" : "stealth_rgbinfo")) return true;
    for (size_t i = 0; i < LENGTH; i++) bits = bits << 8 | byte(b, LETTERS + i, alpha);
    size_t n = bits / 8, unpacked = 0;
    if (n > bytes - LETTERS - LENGTH)
        return error_set(e, ERR_FORMAT, "the text in its lowest bits is cut; download it again");
    uint8_t *hidden = malloc(n + 1);
    if (!hidden) return image_texts_no_memory(e);
    for (size_t i = 0; i < n; i++) hidden[i] = byte(b, LETTERS + LENGTH + i, alpha);
    char *text = NULL;
    Error own = {0};
    bool ok = !packed || inflate_string(hidden, n, true, IMAGE_TEXT_MOST, &text, &unpacked, &own);
    if (!ok) error_set(e, own.code, "the text in its lowest bits is not read: %s", own.text);
    ok = ok && image_texts_add(out, KEYWORD, sizeof KEYWORD - 1, packed ? text : (char *)hidden, packed ? unpacked : n,
                               TEXT_UTF8, e);
    free(text);
    free(hidden);
    return ok;
}

bool png_hidden(const uint8_t *p, size_t size, ImageTexts *out, Error *e) {
    ImageHead head = {0};
    Bits b = {0, 0, NULL};
    const ImageSink to = {put, &b};
    const char *why;
    Error own = {0};
    if (!png_head(p, size, "", &head, &own)) return true; /* a broken picture hides nothing */
    if (head.width < 1 || head.height < 1 || head.width > IMAGE_PIXELS / head.height) return true;
    b = (Bits){head.width, head.height, malloc((size_t)(head.width * head.height))};
    bool ok = b.low;
    if (!ok) image_texts_no_memory(e);
    else if (!png_decode(p, size, &head, &to, &why)) ok = why || image_texts_no_memory(e);
    else ok = read_bits(&b, true, out, e) && (out->count || read_bits(&b, false, out, e));
    free(b.low);
    return ok;
}
