/* picture_info.c: chooses among a picture's texts. */
#include "picture_info.h"

#include "other.h"
#include "sd/image/image.h"
#include "weights/files/file_open.h"

#include <stdlib.h>
#include <string.h>

static char *copy(const char *text, Error *e) {
    char *s = malloc(strlen(text) + 1);
    if (!s) return image_texts_no_memory(e), NULL;
    return memcpy(s, text, strlen(text) + 1);
}

static bool is_blank(const char *text) { return !text[strspn(text, " \t\r\n")]; }

/* The webui's choice. */
static const char *own_text(const ImageTexts *t) {
    const char *text = image_text(t, "parameters"), *comment = image_text(t, TEXT_USER_COMMENT);
    if (comment && !is_blank(comment)) return comment;
    if (!text) text = image_text_any_case(t, "parameters");
    if (!comment && image_text(t, TEXT_COMMENT)) text = image_text(t, TEXT_COMMENT);
    return text && !is_blank(text) ? text : NULL;
}

static bool choose(const ImageTexts *t, PictureInfo *out, Error *e) {
    const char *text = own_text(t);
    Other o = {.texts = t, .read = &out->read, .e = e};
    if (other_take(&o, text)) out->program = o.program;
    if (e->code) return false;
    if (!out->program && !text) return true;
    if (!(out->raw = copy(out->program ? o.raw : text, e))) return false;
    if (!out->program) return (out->text = copy(text, e)) && infotext_read(text, &out->read, e);
    if (!out->read.prompt) out->read.prompt = copy("", e);
    if (!out->read.negative) out->read.negative = copy("", e);
    if (*o.missing) out->missing = copy(o.missing, e);
    return !e->code && (out->text = infotext_join(&out->read, e));
}

bool picture_info(const ImageTexts *t, const char *name, PictureInfo *out, Error *e) {
    Error own = {0};
    *out = (PictureInfo){0};
    if (e && e->code) return false;
    return choose(t, out, &own) || error_set(e, own.code, "%s: %s", name, own.text);
}

bool picture_info_of(const uint8_t *bytes, size_t size, const char *name, PictureInfo *out, Error *e) {
    ImageTexts texts;
    *out = (PictureInfo){0};
    bool ok = image_texts(bytes, size, name, &texts, e) && picture_info(&texts, name, out, e);
    int64_t width = texts.width, height = texts.height;
    image_texts_free(&texts);
    if (!ok || out->text) return ok;
    ok = image_hidden(bytes, size, name, &texts, e);
    texts.width = width, texts.height = height;
    ok = ok && picture_info(&texts, name, out, e);
    image_texts_free(&texts);
    return ok;
}

bool picture_info_read(const char *path, PictureInfo *out, Error *e) {
    FileBytes b = image_bytes(path, e);
    *out = (PictureInfo){0};
    bool ok = b.bytes && picture_info_of(b.bytes, b.size, file_shown(path), out, e);
    file_bytes_free(&b);
    return ok;
}

void picture_info_free(PictureInfo *i) {
    infotext_read_free(&i->read);
    free(i->text);
    free(i->raw);
    free(i->missing);
    *i = (PictureInfo){0};
}
