/* image_text.c: the list of a picture's texts. */
#include "image_text.h"

#include "sd/text/nearest.h"
#include "weights/files/utf8.h"

#include <stdlib.h>
#include <string.h>

enum { EACH = 64 }; /* what a text costs besides its bytes: many empty ones are many bytes, too */

bool image_texts_no_memory(Error *e) {
    return error_set(e, ERR_MEMORY, "cannot allocate memory for a picture's text; free some and try again");
}

bool image_texts_fit(const ImageTexts *t, size_t size, Error *e) {
    if (size <= IMAGE_TEXT_MOST && size + EACH <= IMAGE_TEXT_MOST - t->size) return true;
    return error_set(e, ERR_FORMAT, "its texts are more than %d MiB, the most that is read; save it without them",
                     IMAGE_TEXT_MOST >> 20);
}

static char *from_latin1(const uint8_t *p, size_t size) {
    char *text = malloc(2 * size + 1);
    size_t k = 0;
    for (size_t i = 0; text && i < size; i++) k += utf8_encode(p[i], (uint8_t *)text + k);
    if (text) text[k] = 0;
    return text;
}

bool image_texts_add(ImageTexts *t, const char *keyword, size_t keyword_size, const void *bytes, size_t size,
                     TextKind kind, Error *e) {
    size_t looked = size < IMAGE_TEXT_MOST ? size : IMAGE_TEXT_MOST; /* a longer text is refused unread */
    const uint8_t *end = size ? memchr(bytes, 0, looked) : NULL;
    if (end) size = (size_t)(end - (const uint8_t *)bytes);
    if (!size) return true;
    if (!image_texts_fit(t, size, e)) return false;
    if (!(t->count & (t->count - 1))) { /* full at every power of two */
        ImageText *at = realloc(t->at, (t->count ? 2 * (size_t)t->count : 1) * sizeof *at);
        if (!at) return image_texts_no_memory(e);
        t->at = at;
    }
    ImageText new = {utf8_valid(keyword, keyword_size), NULL};
    new.text = kind == TEXT_BYTES && !utf8_is_valid(bytes, size) ? from_latin1(bytes, size) : utf8_valid(bytes, size);
    if (!new.keyword || !new.text) {
        free(new.keyword);
        free(new.text);
        return image_texts_no_memory(e);
    }
    t->at[t->count++] = new;
    t->size += size + EACH;
    return true;
}

void image_texts_free(ImageTexts *t) {
    for (int i = 0; i < t->count; i++) {
        free(t->at[i].keyword);
        free(t->at[i].text);
    }
    free(t->at);
    *t = (ImageTexts){0};
}

const char *image_text(const ImageTexts *t, const char *keyword) {
    for (int i = t->count - 1; i >= 0; i--)
        if (!strcmp(t->at[i].keyword, keyword)) return t->at[i].text;
    return NULL;
}

const char *image_text_any_case(const ImageTexts *t, const char *keyword) {
    for (int i = t->count - 1; i >= 0; i--)
        if (nearest_same(t->at[i].keyword, keyword)) return t->at[i].text;
    return NULL;
}
