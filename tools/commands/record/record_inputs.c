/* record_inputs.c: the pictures that a run begins with or is shown, which a record tells by their pixels. */
#include "record.h"

#include "sd/info/info_writer.h"
#include "sd/info/infotext_control.h"
#include "sd/load/control.h"
#include "sd/load/model_hash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DIGITS = 64, SIDE_MOST = 65535 };

void record_picture_text(const uint8_t *bytes, int width, int height, int channels, char out[RECORD_PICTURE]) {
    char hex[DIGITS + 1];
    *out = 0;
    if (!bytes) return;
    sha256_memory(bytes, (size_t)width * (size_t)height * (size_t)channels, hex);
    snprintf(out, RECORD_PICTURE, "%dx%d %s", width, height, hex);
}

/* The side at *text, which ends before `end`. */
static bool take_side(const char **text, char end, int *out) {
    int v = 0;
    const char *s = *text;
    if (*s < '1' || *s > '9') return false;
    for (; *s >= '0' && *s <= '9' && v <= SIDE_MOST; s++) v = 10 * v + (*s - '0');
    if (v > SIDE_MOST || *s != end) return false;
    *out = v, *text = s + 1;
    return true;
}

bool record_picture_read(const char **text, RecordPicture *out) {
    *out = (RecordPicture){.hash = ""};
    if (!**text) return true;
    if (!take_side(text, 'x', &out->width) || !take_side(text, ' ', &out->height)) return false;
    if (strspn(*text, "0123456789abcdef") != DIGITS) return false;
    out->hash = *text;
    *text += DIGITS;
    return !**text || **text == ' ';
}

/* Whether this text is of the record's picture, whose hash may end at a space. */
static bool is_picture(const RecordPicture *p, const char *text) {
    RecordPicture is;
    return record_picture_read(&text, &is) && p->width == is.width && p->height == is.height &&
           !strncmp(is.hash, p->hash, DIGITS);
}

static bool same_picture(const RecordPicture *p, const uint8_t *bytes, int width, int height, int channels) {
    char text[RECORD_PICTURE];
    record_picture_text(bytes, width, height, channels, text);
    return bytes && is_picture(p, text);
}

/* --- ControlNets and image prompts --- */

#define OF_REQUEST "img2img" /* in place of a picture: it was shown the request's own picture and mask */

/* The picture that one was shown, with the bytes of its mask after its own. */
static bool shown_text(const SdControl *c, char out[RECORD_PICTURE], Error *e) {
    const size_t n = (size_t)c->width * (size_t)c->height;
    if (!c->image) return snprintf(out, RECORD_PICTURE, OF_REQUEST), true;
    if (!c->mask) return record_picture_text(c->image, c->width, c->height, 3, out), true;
    uint8_t *both = malloc(4 * n);
    if (!both) return error_set(e, ERR_MEMORY, "out of memory for a record's ControlNets");
    memcpy(both, c->image, 3 * n), memcpy(both + 3 * n, c->mask, n);
    record_picture_text(both, c->width, c->height, 4, out);
    free(both);
    return true;
}

bool record_controls_text(const SdRequest *r, char **out, Error *e) {
    InfoWriter t = {.p = NULL};
    *out = NULL;
    for (int i = 0; i < r->control_count; i++) {
        const SdControl *c = &r->controls[i];
        char picture[RECORD_PICTURE], called[280], text[CONTROL_TEXT];
        if (!shown_text(c, picture, e)) return free(t.p), false;
        control_title(c->net, called);
        control_text(c, control_module(c->net), called, text);
        const char *const words[] = {i ? "\n" : "", picture, " ", text};
        for (size_t k = 0; k < sizeof words / sizeof *words; k++) info_add(&t, words[k]);
    }
    *out = t.p;
    return !t.failed || error_set(e, ERR_MEMORY, "out of memory for a record's ControlNets");
}

static bool take_control(Record *r, int i, const char *line, size_t size, Error *e) {
    InfoRead read = {0};
    char key[CONTROL_KEY], *text = NULL;
    RecordControl *c = &r->controls[i];
    const char *at = line;
    c->of_request = !strncmp(line, OF_REQUEST " ", strlen(OF_REQUEST) + 1);
    if (c->of_request) at += strlen(OF_REQUEST);
    bool ok = c->of_request || (record_picture_read(&at, &c->image) && *c->image.hash);
    if (!ok || *at != ' ' || at >= line + size)
        return error_set(e, ERR_FORMAT, "ControlNet %d: is not WIDTHxHEIGHT SHA-256 TEXT", i);
    size -= (size_t)(++at - line);
    text = malloc(size + 1);
    if (!text) return error_set(e, ERR_MEMORY, "out of memory for a record's ControlNets");
    memcpy(text, at, size);
    text[size] = 0;
    ok = infotext_put(&read, control_key(0, key), text, e) &&
         infotext_control(&read, 0, &c->how, c->model, &c->prompt, e);
    infotext_read_free(&read);
    free(text);
    return ok;
}

bool record_controls_read(Record *r, const char *text, Error *e) {
    while (*text) {
        size_t n = strcspn(text, "\n");
        if (r->control_count == SD_MOST_CONTROLS)
            return error_set(e, ERR_FORMAT, "more than %d ControlNets", SD_MOST_CONTROLS);
        if (!take_control(r, r->control_count, text, n, e)) return false;
        r->control_count++;
        text += n + (text[n] != 0);
    }
    return true;
}

/* --- what is there --- */

static bool image_fits(const Record *record, const SdRequest *r, Error *e) {
    const char *path = record->file->path;
    if (!r->image && *record->image.hash)
        return error_set(e, ERR_ARGUMENT, "%s: is of img2img: name the picture that it began with after -i", path);
    if (r->image && !*record->image.hash)
        return error_set(e, ERR_ARGUMENT, "%s: is of txt2img, without a picture; leave -i out", path);
    return !r->image || same_picture(&record->image, r->image, r->image_width, r->image_height, 3) ||
           error_set(e, ERR_FORMAT, "%s: began with another picture than the one after -i", path);
}

static bool mask_fits(const Record *record, const SdRequest *r, Error *e) {
    const char *path = record->file->path;
    if (!r->mask && *record->mask.hash) return error_set(e, ERR_ARGUMENT, "%s: has a mask; name it after --mask", path);
    if (r->mask && !*record->mask.hash)
        return error_set(e, ERR_ARGUMENT, "%s: was made without a mask; leave --mask out", path);
    return !r->mask || same_picture(&record->mask, r->mask, r->mask_width, r->mask_height, 1) ||
           error_set(e, ERR_FORMAT, "%s: has another mask than the one after --mask", path);
}

static bool controls_fit(const Record *record, const SdRequest *r, Error *e) {
    const char *path = record->file->path;
    if (r->control_count != record->control_count)
        return error_set(e, ERR_ARGUMENT, "%s: has %d ControlNets and image prompts, and here are %d", path,
                         record->control_count, r->control_count);
    for (int i = 0; i < r->control_count; i++) {
        char here[RECORD_PICTURE];
        const RecordControl *c = &record->controls[i];
        if (!shown_text(&r->controls[i], here, e)) return false;
        if (c->of_request ? strcmp(here, OF_REQUEST) != 0 : !is_picture(&c->image, here))
            return error_set(e, ERR_FORMAT, "%s: ControlNet %d was shown another picture than the one that is named",
                             path, i);
    }
    return true;
}

/* The noise and the refiner. */
static bool others_fit(const Record *record, const SdRequest *r, Error *e) {
    const char *path = record->file->path;
    char hex[DIGITS + 1];
    if (!r->refiner && *record->refiner)
        return error_set(e, ERR_ARGUMENT, "%s: was refined by %.100s; name its file after --refiner", path,
                         record->refiner);
    if (r->refiner && !*record->refiner)
        return error_set(e, ERR_ARGUMENT, "%s: was made without a refiner; leave --refiner out", path);
    if (!r->noise && *record->noise)
        return error_set(e, ERR_ARGUMENT, "%s: began with noise from a file; name it after --noise", path);
    if (r->noise && !*record->noise)
        return error_set(e, ERR_ARGUMENT, "%s: did not begin with noise from a file; leave --noise out", path);
    return !r->noise || (cached_sha256(r->noise, hex, e) &&
                         (!strcmp(hex, record->noise) ||
                          error_set(e, ERR_FORMAT, "%s: began with other noise than the file's after --noise", path)));
}

bool record_inputs_fit(const Record *record, const SdRequest *r, Error *e) {
    return image_fits(record, r, e) && mask_fits(record, r, e) && controls_fit(record, r, e) &&
           others_fit(record, r, e);
}
