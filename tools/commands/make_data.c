/* make_data.c: `sdc make-data`: captioned pictures drawn by rule (shapes.h), into a folder for training or onto a
 * contact sheet for people. */
#include "tools/cli/commands.h"
#include "tools/shapes/contact.h"
#include "tools/shapes/shapes.h"
#include "sd/image/png.h"
#include "tensor/os.h"
#include "weights/atomic_file.h"
#include "weights/json.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const char *out, *sheet;
    int kind, size; /* kind: a SceneKind, SCENE_KINDS for all */
    int64_t count, first, seed;
    double easy;
    bool held_out, canonical, jsonl, quiet;
} Arguments;

enum { SHEET_MOST = 400 };

static const Option OPTIONS[] = {
    OPTION(STRING, out, 'o', "out", "DIR", "the folder for pictures and captions, new or empty"),
    OPTION_IN(INT64, count, 0, "count", "N", 1, 100000000, "how many pictures (1000; for a sheet alone 48)"),
    OPTION_IN(INT64, seed, 0, "seed", "N", 0, OPTION_MOST, "another seed gives other pictures (0)"),
    OPTION_IN(INT64, first, 0, "first", "N", 0, 0x1p62, "number of the first picture (0)"),
    OPTION_IN(INT, size, 0, "size", "N", 16, 1024, "pixels a side (64)"),
    OPTION(ENUM, kind, 0, "kind", "single|pair|count|digit|landscape", "only this kind of pictures (all)"),
    OPTION_IN(DOUBLE, easy, 0, "easy", "X", 0, 1, "0..1; 1 is one plain object and plain words (0)"),
    OPTION(FLAG, held_out, 0, "held-out", NULL, "include the pairs of colour and shape kept for testing"),
    OPTION(FLAG, canonical, 0, "canonical", NULL, "captions in the one form that says everything"),
    OPTION(FLAG, jsonl, 0, "jsonl", NULL, "captions in one metadata.jsonl instead of .txt files"),
    OPTION(STRING, sheet, 0, "sheet", "FILE", "write the first pictures (up to 400) and their captions on a PNG"),
    OPTION(FLAG, quiet, 'q', "quiet", NULL, "print errors only"),
    OPTION_END};

static ShapesOptions shapes_for(const Arguments *a) {
    ShapesOptions o = shapes_options();
    shapes_ease(&o, a->easy);
    for (int k = 0; a->kind < SCENE_KINDS && k < SCENE_KINDS; k++) o.share[k] = k == a->kind;
    o.held_out = a->held_out;
    if (a->canonical) o.variety = o.vague = o.unnamed = 0;
    return o;
}

static bool not_empty(void *empty, const char *name) {
    (void)name;
    return *(bool *)empty = false;
}

/* Makes the folder, or accepts an empty one: files of another set among these would go unnoticed. */
static bool begin_folder(const char *path, Error *e) {
    bool empty = true;
    if (os_make_directory(path, false)) return true;
    if (errno != EEXIST) return error_set(e, ERR_FILE, "%s: cannot be made: %s", path, strerror(errno));
    if (!os_list(path, not_empty, &empty))
        return error_set(e, ERR_FILE, "%s: cannot be opened as a folder: %s", path, strerror(errno));
    return empty || error_set(e, ERR_FILE, "%s: is not empty; name a new folder", path);
}

static bool write_file(const char *path, const void *bytes, size_t size, Error *e) {
    FILE *f = fopen(path, "wb");
    bool ok = f && fwrite(bytes, 1, size, f) == size;
    if (f && fclose(f)) ok = false;
    return ok || error_set(e, ERR_FILE, "%s: cannot be written: %s", path, strerror(errno));
}

static bool write_picture(const Arguments *a, FILE *lines, int64_t number, const uint8_t *rgb, const char *caption,
                          Error *e) {
    char path[4096], name[40], quoted[2 * SHAPES_CAPTION];
    uint8_t *png = NULL;
    size_t size = 0;
    snprintf(name, sizeof name, "%08" PRId64 ".png", number);
    if (snprintf(path, sizeof path, "%s/%s", a->out, name) >= (int)sizeof path)
        return error_set(e, ERR_FILE, "%.200s...: too long for a name; shorten it", a->out);
    bool ok = png_encode(rgb, a->size, a->size, NULL, 0, &png, &size, e) && write_file(path, png, size, e);
    free(png);
    if (!ok) return false;
    if (lines) {
        json_quote(quoted, sizeof quoted, caption);
        fprintf(lines, "{\"file_name\":\"%s\",\"text\":%s}\n", name, quoted);
        return true;
    }
    strcpy(path + strlen(path) - 3, "txt");
    return write_file(path, caption, strlen(caption), e);
}

static bool write_folder(const Arguments *a, const ShapesOptions *o, uint8_t *rgb, Error *e) {
    char caption[SHAPES_CAPTION], path[4096];
    FILE *lines = NULL;
    if (!begin_folder(a->out, e)) return false;
    if (a->jsonl) {
        if (snprintf(path, sizeof path, "%s/metadata.jsonl", a->out) >= (int)sizeof path)
            return error_set(e, ERR_FILE, "%.200s...: too long for a name; shorten it", a->out);
        if (!(lines = fopen(path, "wb")))
            return error_set(e, ERR_FILE, "%s: cannot be written: %s", path, strerror(errno));
    }
    bool ok = true;
    for (int64_t i = 0; ok && i < a->count; i++) {
        shapes_picture(rgb, caption, o, (uint64_t)a->seed, (uint64_t)(a->first + i), a->size);
        ok = write_picture(a, lines, a->first + i, rgb, caption, e);
    }
    if (lines) {
        bool full = ferror(lines);
        if ((fclose(lines) || full) && ok)
            ok = error_set(e, ERR_FILE, "%s: cannot be written; check the space on the disk", path);
    }
    return ok;
}

static bool write_sheet(const Arguments *a, const ShapesOptions *o, Error *e) {
    int n = a->count < SHEET_MOST ? (int)a->count : SHEET_MOST;
    size_t bytes = (size_t)3 * (size_t)a->size * (size_t)a->size;
    SheetPicture *pictures = calloc((size_t)n, sizeof *pictures);
    uint8_t *rgb = malloc((size_t)n * bytes);
    char(*captions)[SHAPES_CAPTION] = calloc((size_t)n, sizeof *captions);
    bool ok = pictures && rgb && captions;
    if (!ok) error_set(e, ERR_MEMORY, "out of memory for a sheet of %d pictures", n);
    for (int i = 0; ok && i < n; i++) {
        uint8_t *at = rgb + (size_t)i * bytes;
        shapes_picture(at, captions[i], o, (uint64_t)a->seed, (uint64_t)(a->first + i), a->size);
        pictures[i] = (SheetPicture){at, captions[i]};
    }
    ok = ok && contact_sheet(pictures, n, a->size, a->size, a->sheet, e);
    free(pictures);
    free(rgb);
    free(captions);
    return ok;
}

static int make_data(const Command *c, int argc, char **argv) {
    Arguments a = {.kind = SCENE_KINDS, .size = 64};
    Error e = {0};
    int rest = 0, code = options_parse(c, &a, argc, argv, &rest);
    if (code != GO_ON) return code;
    if (rest) return usage_error(c, "'%.60s' is not an option; name the folder after -o", argv[0]);
    if (!a.out && !a.sheet) return usage_error(c, "nothing to make: needs -o DIR, --sheet FILE or both");
    if (!a.count) a.count = a.out ? 1000 : 48;
    ShapesOptions o = shapes_for(&a);
    uint8_t *rgb = malloc((size_t)3 * (size_t)a.size * (size_t)a.size);
    bool ok = rgb || error_set(&e, ERR_MEMORY, "out of memory for a picture");
    ok = ok && (!a.sheet || atomic_check(a.sheet, &e)) && (!a.out || write_folder(&a, &o, rgb, &e)) &&
         (!a.sheet || write_sheet(&a, &o, &e));
    free(rgb);
    if (!ok) return report(c, &e);
    if (!a.quiet && a.out) printf("%s: %" PRId64 " pictures\n", a.out, a.count);
    if (!a.quiet && a.sheet) printf("%s: written\n", a.sheet);
    return finish_output();
}

const Command MAKE_DATA = {
    "make-data",
    make_data,
    "-o DIR | --sheet FILE [options]",
    "draw captioned pictures to train on",
    "Coloured shapes, pairs in a relation, several alike, digits, small landscapes: the same numbers and seed give the "
    "same pictures everywhere. Eight pairs of a colour and a shape, such as a purple star, are kept for testing.",
    OPTIONS};
