/* make_data.c: `sdc make-data`: captioned pictures drawn by rule (shapes.h), into a folder for training or onto a
 * contact sheet for people. */
#include "tools/cli/commands.h"
#include "tools/cli/output.h"
#include "tools/shapes/contact.h"
#include "tools/shapes/shapes.h"
#include "sd/image/codecs/png.h"
#include "tensor/os.h"
#include "weights/files/atomic_file.h"
#include "weights/files/file_open.h"
#include "weights/files/json.h"
#include "weights/files/path.h"

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
    if (errno != EEXIST)
        return error_set(e, ERR_FILE, "%s: cannot be made: %s; name another folder", path, strerror(errno));
    if (!os_list(path, not_empty, &empty))
        return error_set(e, ERR_FILE, "%s: cannot be opened as a folder: %s; name another folder", path,
                         strerror(errno));
    return empty || error_set(e, ERR_FILE, "%s: is not empty; name a new folder", path);
}

static bool write_picture(const Arguments *a, AtomicFile *lines, int64_t number, const uint8_t *rgb,
                          const char *caption, Error *e) {
    char path[OS_PATH_SIZE], quoted[2 * SHAPES_CAPTION], line[sizeof quoted + 64];
    uint8_t *png = NULL;
    size_t size = 0;
    bool ok = path_make(path, e, "%s/%08" PRId64 ".png", a->out, number) &&
              png_encode(rgb, a->size, a->size, NULL, 0, &png, &size, e) &&
              atomic_write_one_of_many(path, png, size, e);
    free(png);
    if (!ok) return false;
    if (!lines) {
        strcpy(path + strlen(path) - 3, "txt");
        return atomic_write_one_of_many(path, caption, strlen(caption), e);
    }
    json_quote(quoted, sizeof quoted, caption);
    int n = snprintf(line, sizeof line, "{\"file_name\":\"%08" PRId64 ".png\",\"text\":%s}\n", number, quoted);
    return atomic_write(lines, line, (size_t)n, e);
}

static bool write_folder(const Arguments *a, const ShapesOptions *o, uint8_t *rgb, Error *e) {
    char caption[SHAPES_CAPTION], path[OS_PATH_SIZE];
    AtomicFile *lines = NULL;
    bool ok = path_make(path, e, "%s/metadata.jsonl", a->out) && begin_folder(a->out, e);
    if (ok && a->jsonl) ok = (lines = atomic_begin(path, e)) != NULL;
    for (int64_t i = 0; ok && i < a->count; i++) {
        shapes_picture(rgb, caption, o, (uint64_t)a->seed, (uint64_t)(a->first + i), a->size);
        ok = write_picture(a, lines, a->first + i, rgb, caption, e);
    }
    if (lines && ok) return atomic_end(lines, e);
    atomic_abort(lines);
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
    code = output_file(c, "--sheet", &a.sheet);
    if (code != GO_ON) return code;
    if (!a.count) a.count = a.out ? 1000 : 48;
    ShapesOptions o = shapes_for(&a);
    uint8_t *rgb = malloc((size_t)3 * (size_t)a.size * (size_t)a.size);
    bool ok = rgb || error_set(&e, ERR_MEMORY, "out of memory for a picture");
    ok = ok && (!a.sheet || atomic_check(a.sheet, &e)) && (!a.out || write_folder(&a, &o, rgb, &e)) &&
         (!a.sheet || write_sheet(&a, &o, &e));
    free(rgb);
    if (!ok) return report(c, &e);
    if (!a.quiet && a.out) printf("%s: %" PRId64 " pictures\n", a.out, a.count);
    if (!a.quiet && a.sheet) printf("%s: written\n", file_shown(a.sheet));
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
