/* test_gen_request.c: drawn requests, to the smallest model: planned, made, cancelled, read back from the picture's
 * text and made again.
 *
 * What is out of range is refused by its name; a plan that is made is kept to the byte; a picture comes or one line;
 * the text of a picture gives the same settings and the same picture. */
#define _XOPEN_SOURCE 700
#include "cases.h"
#include "gen_model.h"
#include "gen_request.h"
#include "test_gen.h"
#include "sd/info/infotext_request.h"
#include "sd/info/params_json.h"
#include "sd/load/model.h"
#include "weights/files/utf8.h"
#include "tools/ledger/generated.h"
#include "tests/harness/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SIDE = 64,
    MOST_TEXT = 1 << 16, /* bytes of prompts that are drawn, and not only planned */
    CALLS = 60,          /* of a callback that are waited for */
};

typedef struct {
    SdModel *m;
    char model[600], taps[600], noise[600];
    uint8_t image[SIDE * SIDE * 3];
    RequestFiles files;
} State;

typedef struct {
    const State *s;
    GenRequest g;
    int left, calls; /* callbacks until one stops the picture, -1: none does; how many there were */
    bool stopped;
} Case;

/* --- callbacks --- */

static bool count(Case *k, bool limited) {
    k->calls++;
    if (k->left > 0 && --k->left == 0) k->stopped = true;
    if (limited && k->calls > CALLS) k->stopped = true;
    return !k->stopped;
}

static bool progress(void *user, const SdProgress *p) {
    Case *k = user;
    bool ok = p->step >= 0 && p->step <= p->steps && p->picture >= 0 && p->picture < p->pictures && p->seconds >= 0;
    if (!ok) case_fails("progress: step %d of %d, picture %d of %d", p->step, p->steps, p->picture, p->pictures);
    if (k->stopped) case_fails("a callback is called after it stopped the picture");
    return count(k, true);
}

static bool preview(void *user, const SdPicture *p, int step, int steps) {
    Case *k = user;
    if (!p->rgb || p->width != k->g.r.width || p->height != k->g.r.height || step < 0 || step >= steps)
        case_fails("a preview of %dx%d, step %d of %d", p->width, p->height, step, steps);
    return count(k, true);
}

/* --- the text, read back --- */

static bool draw(SdModel *m, const SdRequest *r, SdResult *out, Error *e) {
    return (r->image ? sd_img2img : sd_txt2img)(m, r, out, e);
}

static bool same_number(const Param *p, const SdRequest *a, const SdRequest *b) {
    return param_number(p, a) == param_number(p, b);
}

/* Whether two texts are read alike. They may differ in blanks, which are stripped as prompts are read. */
static bool read_alike(const InfoRead *a, const char *text, Error *e) {
    InfoRead b = {0};
    bool ok = infotext_read(text, &b, e) && !strcmp(a->prompt, b.prompt) && !strcmp(a->negative, b.negative) &&
              a->count == b.count;
    for (int i = 0; ok && i < b.count; i++)
        ok = !strcmp(a->pairs[i].key, b.pairs[i].key) && !strcmp(a->pairs[i].value, b.pairs[i].value);
    infotext_read_free(&b);
    return ok;
}

/* The settings that a picture's text must state are the same; the picture, too, where it is made again. */
static void read_back(Case *k, const SdResult *out, bool again) {
    SdRequest *r = &k->g.r, back = sd_request(NULL), first = *r;
    const Scheduler *was = NULL, *is = NULL;
    InfoRead text = {0};
    SdResult second = {0};
    Error e = {0};
    first.seed = out->pictures[0].seed;
    if (!infotext_read(out->pictures[0].parameters, &text, &e)) case_fails("the text cannot be read: %s", e.text);
    back.noise = r->noise;
    if (!case_failed() && !infotext_request(&text, &back, &e)) case_fails("the text is refused: %s", e.text);
    const Sampler *sampler = request_sampler(&first, &was, &e), *same = request_sampler(&back, &is, &e);
    if (!case_failed() && (sampler != same || (was && was->fill ? was : NULL) != (is && is->fill ? is : NULL)))
        case_fails("another sampler or schedule comes back: %s, %s", back.sampler, back.scheduler);
    for (const Param *p = PARAMS; p < PARAMS + PARAM_COUNT && !case_failed(); p++) {
        bool random = !strcmp(p->name, "variation-seed") && r->variation_seed < 0;
        if (p->type < PARAM_SAMPLER && param_written(p, &first, sampler) && !random && !same_number(p, &first, &back))
            case_fails("%s: %.17g comes back as %.17g", p->name, param_number(p, &first), param_number(p, &back));
    }
    back.image = r->image, back.image_width = r->image_width, back.image_height = r->image_height;
    back.keep = true;
    bool drawn = again && !case_failed() && draw(k->s->m, &back, &second, &e);
    if (again && !case_failed() && !drawn) case_fails("the picture is not made again: %s", e.text);
    const SdPicture *a = out->pictures, *b = second.pictures;
    size_t bytes = (size_t)r->width * (size_t)r->height * 3;
    if (drawn && (a->width != b->width || a->height != b->height || memcmp(a->rgb, b->rgb, bytes)))
        case_fails("the text gives another picture: %s", a->parameters);
    else if (drawn && r->batch_size == 1 && !read_alike(&text, b->parameters, &e))
        case_fails("the text gives another text: %s|and|%s", a->parameters, b->parameters);
    sd_free(&second);
    infotext_read_free(&text);
}

/* Every setting, the same by JSON. */
static void json_back(const SdRequest *r) {
    Error e = {0};
    SdRequest back = sd_request(NULL);
    char *text = params_json(r, &e);
    Json *j = text ? json_parse("settings", text, strlen(text), &e) : NULL;
    back.image = r->image;
    bool odd = r->tap && !utf8_is_valid(r->tap, strlen(r->tap));
    if (odd != !text) case_fails("settings as JSON: %s", text ? "a tap that is not UTF-8" : e.text);
    if (text && (!j || !params_from_json(j, j->nodes, &back, &e))) case_fails("settings as JSON: %s", e.text);
    if (!text) return;
    for (const Param *p = PARAMS; p < PARAMS + PARAM_COUNT && !case_failed(); p++) {
        if (p->of_image && !r->image) continue;
        if (p->type < PARAM_SAMPLER && !same_number(p, r, &back))
            case_fails("%s: %.17g is %.17g in JSON", p->name, param_number(p, r), param_number(p, &back));
        if (p->type != PARAM_PROMPT) continue;
        const char *a = *(const char *const *)((const char *)r + p->at);
        const char *b = *(const char *const *)((const char *)&back + p->at);
        if (strcmp(a ? a : "", b ? b : "")) case_fails("%s: other in JSON", p->name);
    }
    const Scheduler *was = NULL, *is = NULL;
    if (!case_failed() && (request_sampler(r, &was, &e) != request_sampler(&back, &is, &e) ||
                           (was && was->fill ? was : NULL) != (is && is->fill ? is : NULL)))
        case_fails("another sampler or schedule in JSON: %s, %s", back.sampler, back.scheduler);
    json_free(j);
    free(text);
}

/* --- a case --- */

static bool must_fail(const Case *k, const Error *e) {
    size_t n = strlen(k->g.which);
    if (e->code != ERR_ARGUMENT) return case_fails("%s is out of range, but: %s", k->g.which, e->text);
    /* the sizes of a noise's picture are named together; the first row that is wrong is named */
    return !strncmp(e->text, k->g.which, n) ||
           case_fails("%s is out of range, but the line does not begin with it: %s", k->g.which, e->text);
}

static void check_pictures(Case *k, const SdResult *out) {
    const SdRequest *r = &k->g.r;
    bool counts = r->variation_strength == 0; /* else the variation seed does, as in the webui */
    if (out->count != r->batch_size) case_fails("%d pictures, not %d", out->count, r->batch_size);
    for (int i = 0; i < out->count; i++) {
        const SdPicture *p = &out->pictures[i];
        if (p->width != r->width || p->height != r->height || !p->rgb || !p->parameters)
            case_fails("picture %d is %dx%d", i, p->width, p->height);
        else if ((r->seed >= 0 && !i && p->seed != r->seed) || p->seed != out->pictures[0].seed + (counts ? i : 0))
            case_fails("picture %d has the seed %lld", i, (long long)p->seed);
    }
}

static void run_request(Case *k) {
    SdRequest *r = &k->g.r;
    SdModel *m = k->s->m;
    Chance *c = &k->g.chance;
    Error e = {0}, why = {0};
    SdPlan plan;
    SdResult out = {0};
    bool planned = sd_plan(m, r, &plan, &why);
    if (!planned) case_refused("plan", (int)why.code, why.text);
    if (k->g.outside) {
        if (planned) case_fails("%s is out of range, but planned", k->g.which);
        else must_fail(k, &why);
    }
    bool large = (double)r->width * r->height * r->batch_size > SIDE * SIDE * 4;
    size_t text = (k->g.prompt ? strlen(k->g.prompt) : 0) + (k->g.negative ? strlen(k->g.negative) : 0);
    if (planned && (large || text > MOST_TEXT)) {
        case_tally("planned only");
        return;
    }
    double u = chance_between(c, 0, 1);
    k->left = u < 0.15 ? 1 + chance_below(c, 12) : -1;
    if (u < 0.5 || r->steps > 8) r->progress = progress;
    if (u > 0.1 && u < 0.25) r->preview = preview;
    if (r->preview && planned) planned = sd_plan(m, r, &plan, &why);
    r->user = k;
    bool ok = draw(m, r, &out, &e);
    if (ok && !planned) case_fails("there is a picture, but no plan: %s", why.text);
    if (k->stopped && (ok || e.code != ERR_CANCELLED)) case_fails("a callback stopped it, but: %s", e.text);
    if (!ok && (out.count || out.pictures)) case_fails("pictures beside an error: %s", e.text);
    if (!ok) {
        case_refused("request", (int)e.code, e.text);
        case_tally("%s", e.text);
    } else {
        case_tally("works");
        check_pictures(k, &out);
        json_back(r);
        size_t peak = m->kept.arena.peak;
        if (r->keep && peak != plan.activations)
            case_fails("%zu bytes of activations, planned %zu", peak, plan.activations);
        if (!case_failed() && k->g.plain[0] && k->g.plain[1]) read_back(k, &out, r->steps < 9 && chance_of(c, 0.6));
    }
    sd_free(&out);
}

static void run(void *state, uint64_t number) {
    Case k = {.s = state};
    request_draw(&k.g, number, &k.s->files);
    case_says("%s, %dx%d, %d steps, batch %d, %s %s, prompt of %zu bytes: %.300s", k.g.r.image ? "img2img" : "txt2img",
              k.g.r.width, k.g.r.height, k.g.r.steps, k.g.r.batch_size, k.g.r.sampler ? k.g.r.sampler : "-",
              k.g.r.scheduler ? k.g.r.scheduler : "-", k.g.prompt ? strlen(k.g.prompt) : 0,
              k.g.prompt ? k.g.prompt : "");
    run_request(&k);
    remove(k.s->taps);
    request_free(&k.g);
}

static void end(void *state) {
    State *s = state;
    sd_close(s->m);
    remove(s->model);
    remove(s->noise);
    free(s);
}

static void *begin(void) {
    State *s = calloc(1, sizeof *s);
    GenModel g;
    Error e = {0};
    SdResult out = {0};
    if (!s || setenv("XDG_CACHE_HOME", test_path("cache"), 1)) return NULL;
    snprintf(s->model, sizeof s->model, "%s", test_path("smallest.safetensors"));
    snprintf(s->taps, sizeof s->taps, "%s", test_path("taps.safetensors"));
    snprintf(s->noise, sizeof s->noise, "%s", test_path("noise.safetensors"));
    for (size_t i = 0; i < sizeof s->image; i++) s->image[i] = (uint8_t)gen_mixed(7, i);
    s->files = (RequestFiles){.written = s->taps, .noise = s->noise, .image = s->image, .side = SIDE};
    model_smallest(&g);
    if (model_write(&g, s->model, true)) s->m = sd_open(s->model, &(SdOptions){.threads = 1}, &e);
    SdRequest r = sd_request(s->m);
    r.width = r.height = 16, r.steps = 1, r.seed = 3, r.taps = s->noise, r.tap = "noise";
    if (!s->m || !sd_txt2img(s->m, &r, &out, &e)) printf("  %s\n", e.text), end(s), s = NULL;
    sd_free(&out);
    return s;
}

const Cases gen_request = {.name = "request", .names = "requests", .begin = begin, .run = run, .end = end};

SUITE(gen_request, .seconds = 2) { cases_run(&gen_request, cases_first(), cases_count("GEN_REQUESTS", 700)); }
