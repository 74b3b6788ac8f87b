/* test_gen_config.c: drawn models, and nearly valid ones, through everything that a model goes through: info, opening,
 * planning, pictures from noise and from a picture, with all the memory and with the least, converting, a training
 * step.
 *
 * A valid one works, or is refused by a name in one line; a spoilt one works or is refused. Nothing ends the program,
 * takes long, leaves a file or a descriptor; what the plan promises is what is used; the converted model makes the same
 * picture; numbers that are not finite are an error. */
#define _XOPEN_SOURCE 700
#include "cases.h"
#include "gen_model.h"
#include "test_gen.h"
#include "sd/load/model.h"
#include "sd/models/vae.h"
#include "sd/sampling/scheduler.h"
#include "sd/sd.h"
#include "sd/train/train.h"
#include "tools/ledger/generated.h"
#include "tests/harness/harness.h"
#include "tests/harness/test.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SIDE = 64 };

typedef struct {
    char dir[600], model[700], plain[700], out[700], taps[700];
    uint8_t image[SIDE * SIDE * 3];
} State;

/* One case. */
typedef struct {
    const State *s;
    GenModel g;
    Chance chance;
    SdModel *m;
    SdRequest r;
    SdResult picture;
    int files;   /* of the model */
    int trained; /* pixels along a side of the pictures that training sees */
} Case;

/* --- files --- */

static int files_in(const char *dir, char *names, size_t size) {
    DIR *d = opendir(dir);
    int n = 0;
    *names = 0;
    for (struct dirent *f; d && (f = readdir(d));) {
        if (*f->d_name == '.' && (!f->d_name[1] || f->d_name[1] == '.')) continue;
        size_t at = strlen(names);
        snprintf(names + at, size - at, " %s", f->d_name);
        n++;
    }
    if (d) closedir(d);
    return n;
}

/* Whether only these files are there; what else is. */
static bool only(const Case *k, int wanted, const char *when) {
    char names[500];
    int n = files_in(k->s->dir, names, sizeof names);
    return n == wanted || case_fails("after %s there are %d files, not %d:%s", when, n, wanted, names);
}

/* --- requests --- */

static void draw_request(Case *k) {
    static const char *const PROMPTS[] = {"a cat", "a (red:1.3) circle", "", "[a|b] AND c :0.5", "a cat BREAK a dog"};
    Chance *c = &k->chance;
    int samplers, schedulers, factor = vae_factor(&k->m->config.vae), most = SIDE / factor;
    const Sampler *sampler = sampler_list(&samplers);
    const Scheduler *scheduler = scheduler_list(&schedulers);
    SdRequest *r = &k->r;
    if (most > 8) most = 8;
    if (most < 1) most = 1;
    *r = sd_request(k->m);
    r->prompt = PROMPTS[chance_below(c, 5)], r->negative = chance_of(c, 0.5) ? "blurry" : NULL;
    do r->sampler = sampler[chance_below(c, samplers)].name;
    while (sampler_find(r->sampler)->flags & SAMPLER_ADAPTIVE); /* hundreds of calls; requests have it */
    if (chance_of(c, 0.4)) r->scheduler = scheduler[chance_below(c, schedulers)].label;
    r->steps = draw_int(c, 1, 2);
    r->width = factor * draw_int(c, 1, most), r->height = factor * draw_int(c, 1, most);
    while (r->width < 8) r->width *= 2;
    while (r->height < 8) r->height *= 2;
    r->seed = chance_below(c, 1000);
    r->cfg = chance_of(c, 0.2) ? 1 : chance_between(c, 0, 12);
    r->batch_size = draw_int(c, 1, 2);
    if (k->m->config.clip[0].layers > 1 && chance_of(c, 0.3)) r->clip_skip = 2;
    r->keep = true;
}

static bool draw(SdModel *m, const SdRequest *r, SdResult *out, Error *e) {
    return (r->image ? sd_img2img : sd_txt2img)(m, r, out, e);
}

static bool same(const SdResult *a, const SdResult *b) {
    bool ok = a->count && a->count == b->count;
    for (int i = 0; ok && i < a->count; i++) {
        const SdPicture *x = &a->pictures[i], *y = &b->pictures[i];
        ok = x->width == y->width && x->height == y->height &&
             !memcmp(x->rgb, y->rgb, (size_t)x->width * (size_t)x->height * 3);
    }
    return ok;
}

/* What a line says after the path that it begins with. */
static const char *after(const char *text, const char *path) {
    size_t n = strlen(path);
    return strncmp(text, path, n) ? text : text + n + strspn(text + n, ": ");
}

/* A valid model must do what was tried, unless the request cannot be met. */
static void refused(Case *k, const char *what, const Error *e) {
    if (!case_refused(what, (int)e->code, e->text)) return;
    bool valid = !k->g.spoilt && k->g.k.unet.in_channels == k->g.k.vae.latent;
    if (valid && e->code != ERR_ARGUMENT) case_fails("%s: a valid model is refused: %s", what, e->text);
    case_tally("%s %s: %s", k->g.spoilt ? "spoilt," : "valid,", what, after(e->text, k->s->model));
}

/* --- what a model goes through --- */

/* The picture, in exactly the memory that the plan says. False when none can be made. */
static bool text_to_image(Case *k) {
    Error e = {0};
    SdPlan plan = {0};
    bool ok = sd_plan(k->m, &k->r, &plan, &e) && sd_txt2img(k->m, &k->r, &k->picture, &e);
    if (!ok) return refused(k, "no picture", &e), false;
    if (k->g.refused || k->g.numeric) return case_fails("there is a picture, although %s", k->g.what);
    if (k->picture.count != k->r.batch_size || !k->picture.pictures[0].parameters)
        return case_fails("%d pictures", k->picture.count);
    if (k->m->kept.arena.peak != plan.activations)
        return case_fails("%zu bytes of activations, planned %zu", k->m->kept.arena.peak, plan.activations);
    return true;
}

static void image_to_image(Case *k) {
    Error e = {0};
    SdPlan plan = {0};
    SdResult out = {0};
    SdRequest r = k->r;
    Chance *c = &k->chance;
    r.image = k->s->image, r.image_width = draw_int(c, 1, SIDE), r.image_height = draw_int(c, 1, SIDE);
    r.strength = chance_between(c, 0, 1), r.steps = draw_int(c, 1, 3);
    r.resize = (SdResize)chance_below(c, 3), r.encode = (SdEncode)chance_below(c, 2);
    r.strength_steps = (SdSteps)chance_below(c, 2);
    bool ok = sd_plan(k->m, &r, &plan, &e) && sd_img2img(k->m, &r, &out, &e);
    if (!ok) refused(k, "no picture from a picture", &e);
    else if (k->m->kept.arena.peak > plan.activations)
        case_fails("img2img: %zu bytes of activations, planned %zu", k->m->kept.arena.peak, plan.activations);
    sd_free(&out);
}

/* In the least memory, and with any number of threads, the picture is the same. */
static void in_little_memory(Case *k) {
    Error e = {0};
    SdPlan plan = {0};
    SdResult out = {0};
    SdRequest r = k->r;
    SdOptions o = {.threads = draw_int(&k->chance, 1, 3)};
    r.keep = false;
    SdModel *m = sd_open(k->s->model, &o, &e);
    bool ok = m && sd_plan(m, &r, &plan, &e);
    sd_close(m);
    o.memory_limit = plan.least;
    m = ok ? sd_open(k->s->model, &o, &e) : NULL;
    ok = m && sd_txt2img(m, &r, &out, &e);
    if (!ok) case_fails("with the least memory: %s", e.text);
    else if (!same(&out, &k->picture)) case_fails("with the least memory there is another picture");
    sd_free(&out);
    sd_close(m);
}

static void in_other_precision(Case *k) {
    Error e = {0};
    SdPlan plan = {0};
    SdResult out = {0};
    SdOptions o = {.threads = 1, .precision = chance_of(&k->chance, 0.5) ? SD_MIXED : SD_F32_DIRECT};
    SdModel *m = sd_open(k->s->model, &o, &e);
    bool ok = m && sd_plan(m, &k->r, &plan, &e) && sd_txt2img(m, &k->r, &out, &e);
    if (!ok) refused(k, "in another precision", &e);
    else if (m->kept.arena.peak != plan.activations)
        case_fails("precision %d: %zu bytes of activations, planned %zu", (int)o.precision, m->kept.arena.peak,
                   plan.activations);
    sd_free(&out);
    sd_close(m);
}

static void convert(Case *k, bool drawn) {
    static const char *const TYPES[] = {NULL, NULL, "f32", "f16", "bf16"};
    const char *type = TYPES[chance_below(&k->chance, 5)];
    const SdConvert how = {.dtype = type, .clamp = chance_of(&k->chance, 0.5)};
    SdConverted done;
    Error e = {0};
    SdResult out = {0};
    if (!sd_convert(k->s->model, k->s->out, &how, &done, &e)) {
        only(k, k->files, "a refused conversion");
        if (k->m) refused(k, "not converted", &e);
        else case_refused("convert", (int)e.code, e.text);
        return;
    }
    if (!k->m) case_fails("is converted, but cannot be opened");
    SdModel *m = sd_open(k->s->out, &(SdOptions){.threads = 1}, &e);
    bool ok = m && (!drawn || draw(m, &k->r, &out, &e));
    if (!m) case_fails("the converted model cannot be opened: %s", e.text);
    else if (!ok && !type) case_fails("the converted model makes no picture: %s", e.text);
    else if (!ok) refused(k, "converted, no picture", &e);
    else if (drawn && !type && !same(&out, &k->picture)) case_fails("the converted model makes another picture");
    sd_free(&out);
    sd_close(m);
    remove(k->s->out);
}

static bool train_picture(void *user, int64_t index, uint8_t *rgb, Error *e) {
    const Case *k = user;
    (void)index, (void)e;
    for (int i = 0; i < k->trained * k->trained * 3; i++) rgb[i] = k->s->image[i % (SIDE * SIDE * 3)];
    return true;
}

static char *train_caption(void *user, int64_t index, Error *e) {
    char *s = malloc(16);
    (void)user;
    if (s) snprintf(s, 16, "%s", index ? "a red circle" : "blue");
    else error_set(e, ERR_MEMORY, "out of memory for a caption");
    return s;
}

static void train(Case *k) {
    Chance *c = &k->chance;
    int factor = vae_factor(&k->g.k.vae), most = SIDE / factor > 4 ? 4 : SIDE / factor;
    TrainData data = {.user = k, .count = 2, .size = factor * draw_int(c, 1, most < 1 ? 1 : most)};
    k->trained = data.size;
    data.picture = train_picture, data.caption = train_caption;
    TrainOptions o = train_options();
    Error e = {0};
    char state[720];
    o.model = k->s->model, o.out = k->s->out;
    o.vae = chance_of(c, 0.25), o.text = chance_of(c, 0.5), o.half = chance_of(c, 0.5);
    o.recompute = chance_of(c, 0.3), o.ema = chance_of(c, 0.5) ? 0 : 0.9;
    o.steps = o.save_every = 1, o.accumulate = draw_int(c, 1, 2), o.batch = o.whole_batch = 2;
    o.crop = factor, o.cache = 2, o.seed = chance_bits(c), o.threads = 1;
    o.min_snr = chance_of(c, 0.3) ? 5 : 0, o.noise_offset = chance_of(c, 0.3) ? 0.1 : 0;
    snprintf(state, sizeof state, "%s.state", k->s->out);
    if (!train_run(&o, &data, &e)) {
        only(k, k->files, "a refused training");
        if (k->m) refused(k, "not trained", &e);
        else case_refused("train", (int)e.code, e.text);
        return;
    }
    if (!k->m) case_fails("is trained, but cannot be opened");
    SdResult out = {0};
    SdModel *m = sd_open(k->s->out, &(SdOptions){.threads = 1}, &e);
    if (!m) case_fails("the trained model cannot be opened: %s", e.text);
    else if (!draw(m, &k->r, &out, &e)) refused(k, "trained, no picture", &e);
    sd_free(&out);
    sd_close(m);
    remove(k->s->out);
    remove(state);
}

/* The decoded numbers of a model's picture, NULL: none can be made. */
static float *numbers(Case *k, const char *path, int64_t *count) {
    Error e = {0};
    SdResult out = {0};
    SdRequest r = k->r;
    r.taps = k->s->taps, r.tap = "image", r.keep = false;
    SdModel *m = sd_open(path, &(SdOptions){.threads = 1}, &e);
    bool ok = m && sd_txt2img(m, &r, &out, &e);
    WeightFile *f = ok ? weight_file_open(r.taps, &e) : NULL;
    const FileTensor *t = f ? weight_file_find(f, "image") : NULL;
    float *v = t ? malloc((size_t)(*count = file_tensor_count(t)) * sizeof *v) : NULL;
    if (v) file_tensor_f32(f, t, v);
    weight_file_close(f);
    sd_free(&out);
    sd_close(m);
    remove(k->s->taps);
    return v;
}

/* A key that changes what is computed has changed it. */
static void differs(Case *k) {
    int64_t a = 0, b = 0;
    if (!model_write(&k->g, k->s->plain, false)) return;
    float *plain = numbers(k, k->s->plain, &a), *spoilt = numbers(k, k->s->model, &b);
    if (plain && spoilt && a == b && !memcmp(plain, spoilt, (size_t)a * sizeof *plain))
        case_fails("the picture does not change, although %s", k->g.what);
    free(plain);
    free(spoilt);
    harness_remove_dir(k->s->plain);
}

/* --- a case --- */

static void run(void *state, uint64_t number) {
    Case *k = calloc(1, sizeof *k);
    Error e = {0};
    SdInfo info;
    if (!k) abort();
    k->s = state;
    if (mkdir(k->s->dir, 0777)) {
        case_fails("%s cannot be made", k->s->dir);
        exit(1);
    }
    model_draw(&k->g, number);
    k->chance = chance_begin(42, number);
    Chance *c = &k->chance;
    k->files = *k->g.yaml ? 2 : 1;
    bool written = model_write(&k->g, k->s->model, true);
    const char *said = k->g.spoilt && *k->g.what ? k->g.what : "valid";
    case_says("%s, %s", k->g.form == FORM_OURS ? "ours" : k->g.form == FORM_FOLDER ? "folder" : "original", said);
    if (!written) case_fails("cannot be written");
    else if (!sd_info(k->s->model, chance_of(c, 0.2), &info, &e)) case_refused("info", (int)e.code, e.text);
    e = (Error){0};
    k->m = sd_open(k->s->model, &(SdOptions){.threads = 1}, &e);
    bool drawn = false;
    if (!k->m) refused(k, "not opened", &e);
    else {
        draw_request(k);
        drawn = text_to_image(k);
        if (drawn) case_tally("%s", k->g.spoilt ? "spoilt, works" : "valid, works");
        if (chance_of(c, 0.7)) image_to_image(k);
        if (drawn && chance_of(c, 0.3)) in_little_memory(k);
        if (drawn && chance_of(c, 0.2)) in_other_precision(k);
        if (drawn && k->g.differs) differs(k);
    }
    if (chance_of(c, k->m ? 0.6 : 0.2)) convert(k, drawn);
    if (chance_of(c, k->m ? 0.5 : 0.2)) train(k);
    sd_free(&k->picture);
    sd_close(k->m);
    only(k, k->files, "all");
    harness_remove_dir(k->s->dir);
    free(k);
}

static void *begin(void) {
    State *s = calloc(1, sizeof *s);
    if (!s || setenv("XDG_CACHE_HOME", test_path("cache"), 1)) return NULL;
    snprintf(s->dir, sizeof s->dir, "%s", test_path("gen"));
    harness_remove_dir(s->dir);
    if (mkdir(s->dir, 0777) || rmdir(s->dir)) return free(s), NULL;
    snprintf(s->model, sizeof s->model, "%s/model.safetensors", s->dir);
    snprintf(s->plain, sizeof s->plain, "%s/plain.safetensors", s->dir);
    snprintf(s->out, sizeof s->out, "%s/out.safetensors", s->dir);
    snprintf(s->taps, sizeof s->taps, "%s/taps.safetensors", s->dir);
    for (size_t i = 0; i < sizeof s->image; i++) s->image[i] = (uint8_t)gen_mixed(7, i);
    return s;
}

const Cases gen_config = {.name = "config", .names = "configurations", .begin = begin, .run = run, .end = free};

SUITE(gen_config, .seconds = 2) { cases_run(&gen_config, cases_first(), cases_count("GEN_CONFIGS", 45)); }
