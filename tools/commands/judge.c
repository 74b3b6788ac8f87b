/* judge.c: `sdc judge`: how many pictures show what their captions say, kind by kind. Freshly drawn pictures tell how
 * far the judge itself can be trusted, a VAE's reconstructions how much of a shape survives in latents, a model's
 * pictures how well it has learned. */
#include "tools/shapes/judge.h"

#include "tools/cli/commands.h"
#include "tools/cli/output.h"
#include "tools/cli/options/model_options.h"
#include "tools/cli/options/setting_option.h"
#include "tools/shapes/contact.h"
#include "tools/shapes/judge_source.h"
#include "weights/files/atomic_file.h"
#include "weights/files/file_open.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    SdRequest request; /* what the model decides is forgotten until the model is open */
    ModelOptions open;
    const char *model, *sheet;
    int count, size;
    int64_t seed;
    double other_cfg;
    bool built_in, reconstruct, json;
} Arguments;

static const char *const SAMPLING[] = {"steps", "cfg", "sampler", "scheduler", NULL};
static bool settings(int i, Option *o) { return setting_row(SAMPLING, i, o); }

static const Option OPTIONS[] = {
    OPTION(STRING, model, 'm', "model", "MODEL", "judge this model's pictures of captions (drawn pictures)"),
    OPTION(FLAG, built_in, 0, "built-in", NULL, "judge the built-in model"),
    OPTION(FLAG, reconstruct, 0, "reconstruct", NULL, "judge drawn pictures passed through the model's VAE instead"),
    OPTION_IN(INT, count, 'n', "count", "N", 1, 100000, "pictures of each kind (100)"),
    OPTION_ROWS(request, settings),
    OPTION_IN(DOUBLE, other_cfg, 0, "other-cfg", "X", 0, 1000, "judge one and two objects again with this guidance"),
    OPTION_IN(INT, size, 0, "size", "N", 64, 1024, "pixels a side, a multiple of 64 (the model's own)"),
    OPTION_IN(INT64, seed, 0, "seed", "N", 0, 0x1p62, "seed of captions and noise (1000)"),
    OPTION(STRING, sheet, 0, "sheet", "FILE", "write the first pictures of each kind and their verdicts on a PNG"),
    OPTION(FLAG, json, 0, "json", NULL, "print one JSON object per line"),
    OPTION_ROWS(open, model_rows),
    OPTION_END};

/* --- counting --- */

typedef struct {
    int n, background, number, related, relation, all; /* related: pairs */
    int objects, colours, shapes;
} Score;

static void count(Score *s, const Verdict *v, const Scene *scene) {
    s->n++;
    s->background += v->background, s->number += v->number, s->all += v->all;
    s->objects += v->objects, s->colours += v->colours, s->shapes += v->shapes;
    if (scene->kind != SCENE_PAIR) return;
    s->related++;
    s->relation += v->relation;
}

static double percent(int part, int whole) { return whole ? 100.0 * part / whole : 0; }

static void print_score(const char *name, const Score *s, bool json) {
    const struct {
        const char *key;
        double value;
        bool has;
    } COLUMNS[] = {{"background", percent(s->background, s->n), true},
                   {"number", percent(s->number, s->n), true},
                   {"colour", percent(s->colours, s->objects), true},
                   {"shape", percent(s->shapes, s->objects), true},
                   {"relation", percent(s->relation, s->related), s->related > 0},
                   {"all_right", percent(s->all, s->n), true}};
    if (!s->n) return;
    printf(json ? "{\"name\":\"%s\",\"n\":%d" : "%-32s %5d", name, s->n);
    for (size_t i = 0; i < sizeof COLUMNS / sizeof *COLUMNS; i++) {
        if (json && COLUMNS[i].has) printf(",\"%s\":%.2f", COLUMNS[i].key, COLUMNS[i].value);
        if (!json && COLUMNS[i].has) printf(" %10.1f", COLUMNS[i].value);
        if (!json && !COLUMNS[i].has) printf(" %10s", "");
    }
    printf(json ? "}\n" : "\n");
    fflush(stdout);
}

/* --- kinds of captions --- */

typedef enum { ONE, HELD_OUT, TWO, COUNTED, NO_BACKGROUND, KINDS } Kind;

static const char *const KIND_NAMES[KINDS] = {"one object", "one object, held-out pairs", "two objects",
                                              "several alike", "one object, no background named"};

/* The next scene of a kind: plain objects, and a caption that says all that counts. */
static void scene_of(Scene *s, Kind kind, uint64_t seed, uint64_t *index) {
    static const SceneKind OF[KINDS] = {SCENE_SINGLE, SCENE_SINGLE, SCENE_PAIR, SCENE_COUNT, SCENE_SINGLE};
    ShapesOptions o = {.held_out = kind == HELD_OUT, .unnamed = kind == NO_BACKGROUND};
    o.share[OF[kind]] = 1;
    bool wanted;
    do {
        shapes_scene(s, &o, seed + (uint64_t)kind, (*index)++);
        wanted = kind != HELD_OUT || shapes_held_out(s->objects[0].colour, s->objects[0].shape);
        if (kind == TWO) wanted = s->relation != RELATION_AND;
    } while (!wanted);
}

/* --- one kind --- */

enum { SHEET_EACH = 20 };

typedef struct {
    SheetPicture *pictures; /* [capacity] */
    int count, capacity;
} Sheet;

static bool keep(Sheet *sheet, const uint8_t *rgb, const Verdict *v, const char *caption, Error *e) {
    if (sheet->count == sheet->capacity) return true;
    uint8_t *copy = malloc(JUDGE_PIXELS * 3);
    char *label = malloc(SHAPES_CAPTION + 64);
    sheet->pictures[sheet->count++] = (SheetPicture){copy, label};
    if (!copy || !label) return error_set(e, ERR_MEMORY, "out of memory for a sheet");
    memcpy(copy, rgb, JUDGE_PIXELS * 3);
    const char *wrong = v->all                    ? "right"
                        : !v->background          ? "BACKGROUND"
                        : v->colours < v->objects ? "COLOUR"
                        : !v->relation            ? "RELATION"
                        : v->shapes < v->objects  ? "SHAPE"
                                                  : "NUMBER";
    snprintf(label, SHAPES_CAPTION + 64, "%s: %s", wrong, caption);
    return true;
}

/* Scores a->count pictures: total; for TWO also by_relation[3] (upright, sideways, inside); shuffled: each against the
 * next one's caption. */
static bool judge_kind(Source *source, Kind kind, const Arguments *a, Score *total, Score *by_relation, Score *shuffled,
                       Sheet *sheet, Error *e) {
    uint8_t rgb[JUDGE_PIXELS * 3];
    char caption[SHAPES_CAPTION];
    uint64_t index = 0;
    Scene scene, next;
    Sight *sight = malloc(sizeof *sight);
    bool ok = sight || error_set(e, ERR_MEMORY, "out of memory");
    int kept = 0;
    scene_of(&scene, kind, (uint64_t)source->seed, &index);
    for (int64_t i = 0; ok && i < a->count; i++, scene = next) {
        Verdict v;
        scene_of(&next, kind, (uint64_t)source->seed, &index);
        shapes_canonical(caption, &scene);
        ok = source_picture(source, rgb, &scene, caption, i, e);
        if (!ok) break;
        judge_look(sight, rgb);
        judge_scene(&v, sight, &scene);
        count(total, &v, &scene);
        if (kind == TWO) count(&by_relation[scene.relation / 2], &v, &scene);
        if (sheet && kept++ < SHEET_EACH) ok = keep(sheet, rgb, &v, caption, e);
        judge_scene(&v, sight, &next);
        count(shuffled, &v, &next);
    }
    free(sight);
    return ok;
}

static bool judge_all(Source *source, const Arguments *a, Sheet *sheet, Error *e) {
    static const char *const RELATIONS[] = {"  above, below", "  left, right", "  inside"};
    Score shuffled[KINDS] = {0}, held_out[2] = {0};
    bool ok = true;
    if (!a->json)
        printf("%-32s %5s %10s %10s %10s %10s %10s %10s\n", "", "n", "background", "number", "colour", "shape",
               "relation", "all right");
    for (int kind = 0; ok && kind < KINDS; kind++) {
        Score total = {0}, by_relation[3] = {0};
        ok = judge_kind(source, (Kind)kind, a, &total, by_relation, &shuffled[kind], sheet, e);
        if (!ok) break;
        print_score(KIND_NAMES[kind], &total, a->json);
        for (int r = 0; r < 3; r++) print_score(RELATIONS[r] + (a->json ? 2 : 0), &by_relation[r], a->json);
        if (kind <= HELD_OUT) held_out[kind] = total;
    }
    if (!ok) return false;
    print_score("one object, shuffled captions", &shuffled[ONE], a->json);
    print_score("two objects, shuffled captions", &shuffled[TWO], a->json);
    double known = percent(held_out[ONE].all, held_out[ONE].n),
           new = percent(held_out[HELD_OUT].all, held_out[HELD_OUT].n);
    if (known > 0)
        printf(a->json ? "{\"name\":\"held-out pairs, relative\",\"value\":%.4f}\n"
                       : "held-out pairs, relative: %.2f\n",
               new / known);
    if (source->kind == SOURCE_RECONSTRUCTED) {
        double psnr = 10 * log10(255.0 * 255 / (source->squared_error / (double)source->values + 1e-9));
        printf(a->json ? "{\"name\":\"PSNR\",\"value\":%.3f}\n" : "PSNR: %.2f dB\n", psnr);
    }
    return true;
}

/* One and two objects again, with a->other_cfg. */
static bool judge_other(Source *source, const Arguments *a, Error *e) {
    bool ok = true;
    source->request.cfg = a->other_cfg;
    for (int kind = 0; ok && kind < KINDS; kind++) {
        Score total = {0}, by_relation[3] = {0}, shuffled = {0};
        char name[80];
        if (kind != ONE && kind != TWO) continue;
        ok = judge_kind(source, (Kind)kind, a, &total, by_relation, &shuffled, NULL, e);
        snprintf(name, sizeof name, "%s, CFG %g", KIND_NAMES[kind], a->other_cfg);
        if (ok) print_score(name, &total, a->json);
    }
    return ok;
}

/* Whether the command line says how to sample. */
static bool says_sampling(const SdRequest *r) {
    SdRequest fresh = sd_request(NULL);
    params_forget(&fresh);
    return r->steps != fresh.steps || r->cfg != fresh.cfg || r->sampler != fresh.sampler || r->scheduler;
}

static int check(const Command *c, const Arguments *a) {
    bool model = a->model || a->built_in;
    if (a->model && a->built_in) return usage_error(c, "-m and --built-in exclude each other");
    if (a->reconstruct && !model) return usage_error(c, "--reconstruct needs a model: -m or --built-in");
    if ((!model || a->reconstruct) && (a->other_cfg >= 0 || says_sampling(&a->request)))
        return usage_error(
            c, "nothing is sampled: --cfg, --other-cfg, --steps, --sampler and --scheduler need -m or --built-in");
    if (a->reconstruct && a->open.device && strcmp(a->open.device, "cpu"))
        return usage_error(c, "--reconstruct: computes on the CPU; leave --device out");
    int code = model_options_check(c, &a->open);
    return code == GO_ON ? settings_check(c, &a->request) : code;
}

static int judge(const Command *c, int argc, char **argv) {
    Arguments a = {.request = sd_request(NULL), .count = 100, .seed = 1000, .other_cfg = -1};
    Error e = {0};
    int rest = 0;
    params_forget(&a.request);
    int code = options_parse(c, &a, argc, argv, &rest);
    if (code != GO_ON) return code;
    if (rest) return usage_error(c, "'%.60s' is not an option; name the model after -m", argv[0]);
    code = check(c, &a);
    if (code == GO_ON && file_same(a.sheet, a.model))
        code = usage_error(c, "--sheet: %.200s is also an input file; name another file", a.sheet);
    if (code == GO_ON) code = output_file(c, "--sheet", &a.sheet);
    if (code != GO_ON) return code;
    bool drawn = !a.model && !a.built_in;
    if (a.reconstruct) a.open.device = "cpu";
    Source source = {.kind = drawn           ? SOURCE_DRAWN
                             : a.reconstruct ? SOURCE_RECONSTRUCTED
                                             : SOURCE_SAMPLED,
                     .seed = a.seed,
                     .size = a.size};
    Sheet sheet = {.capacity = KINDS * SHEET_EACH};
    bool ok = !a.sheet || atomic_check(a.sheet, &e);
    if (ok && !(sheet.pictures = calloc((size_t)sheet.capacity, sizeof *sheet.pictures)))
        ok = error_set(&e, ERR_MEMORY, "out of memory for a sheet");
    if (ok && !drawn) {
        ok = (source.model = model_options_open(&a.open, a.model, &e)) != NULL;
        SdRequest usual = sd_request(source.model);
        params_adopt(&a.request, &usual);
        source.request = a.request;
    }
    ok = ok && source_begin(&source, &e) && judge_all(&source, &a, a.sheet ? &sheet : NULL, &e) &&
         (a.other_cfg < 0 || judge_other(&source, &a, &e)) &&
         (!a.sheet || contact_sheet(sheet.pictures, sheet.count, JUDGE_SIDE, JUDGE_SIDE, a.sheet, &e));
    for (int i = 0; i < sheet.count; i++) {
        free((void *)(uintptr_t)sheet.pictures[i].rgb);
        free((void *)(uintptr_t)sheet.pictures[i].label);
    }
    free(sheet.pictures);
    source_end(&source);
    sd_close(source.model);
    return ok ? finish_output() : report(c, &e);
}

const Command JUDGE = {
    "judge",
    judge,
    "[-m MODEL | --built-in] [options]",
    "count how many pictures show what their captions say",
    "In percent; nothing in the judge is learned. Without -m freshly drawn pictures are judged, which should give 100. "
    "Colours and shapes are counted by object, a shape only where the colour is right. \"Shuffled\" is each picture "
    "with "
    "the next one's caption: what chance gives.",
    OPTIONS};
