/* torture_calls.c: calls of libsd in this process, with the Nth allocation failing: a status, everything released, and
 * the same call again gives what it must. Suite `torture_calls` takes some N, `torture_calls_all` all of them. */
#define _XOPEN_SOURCE 700
#include "torture.h"
#include "sd/sd.h"
#include "sd/train/train.h"
#include "tests/harness/faults.h"
#include "tests/harness/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const SdOptions ONE_THREAD = {.threads = 1};

/* --- calls --- */

static uint8_t start[8 * 8 * 3];

static SdRequest request(void) {
    SdRequest r = sd_request(NULL);
    r.prompt = "a (cat:1.2) [dog:bird:0.5] BREAK x", r.negative = "y";
    r.width = r.height = 8;
    r.steps = 2;
    r.seed = 1;
    r.batch_size = 2;
    return r;
}

/* What a call makes, for a comparison: the pictures and their texts, or a file's bytes. */
typedef struct {
    char *bytes;
    size_t size;
} Made;

static void made_of(Made *m, const SdResult *r) {
    for (int i = 0; i < r->count; i++) {
        const SdPicture *p = &r->pictures[i];
        size_t n = (size_t)p->width * (size_t)p->height * 3, text = strlen(p->parameters);
        m->bytes = realloc(m->bytes, m->size + n + text);
        if (!m->bytes) abort();
        memcpy(m->bytes + m->size, p->rgb, n);
        memcpy(m->bytes + m->size + n, p->parameters, text);
        m->size += n + text;
    }
}

typedef bool Call(SdModel *m, Made *made, Error *e);

static bool pictures(SdModel *m, const SdRequest *r, Made *made, Error *e) {
    SdResult result = {0};
    bool ok = (r->image ? sd_img2img : sd_txt2img)(m, r, &result, e);
    faults_fail(-1);
    if (ok) made_of(made, &result);
    sd_free(&result);
    return ok;
}

static bool txt2img(SdModel *m, Made *made, Error *e) {
    SdRequest r = request();
    return pictures(m, &r, made, e);
}

static bool kept(SdModel *m, Made *made, Error *e) {
    SdRequest r = request();
    r.keep = true;
    return pictures(m, &r, made, e);
}

static bool img2img(SdModel *m, Made *made, Error *e) {
    SdRequest r = request();
    r.image = start, r.image_width = r.image_height = 8;
    r.strength = 0.7;
    return pictures(m, &r, made, e);
}

static bool taps(SdModel *m, Made *made, Error *e) {
    char path[1024];
    SdRequest r = request();
    snprintf(path, sizeof path, "%s", test_path("calls.taps"));
    r.taps = path;
    return pictures(m, &r, made, e);
}

static bool plan(SdModel *m, Made *made, Error *e) {
    SdRequest r = request();
    SdPlan p = {0};
    (void)made;
    return sd_plan(m, &r, &p, e);
}

static bool opened(const char *name, Error *e) {
    SdModel *own = sd_open(torture_input(name), &ONE_THREAD, e);
    sd_close(own);
    return own != NULL;
}

static bool open_file(SdModel *m, Made *made, Error *e) {
    (void)m, (void)made;
    return opened("m.safetensors", e);
}

static bool open_folder(SdModel *m, Made *made, Error *e) {
    (void)m, (void)made;
    return opened("folder", e);
}

static bool info(SdModel *m, Made *made, Error *e) {
    (void)m, (void)made;
    SdInfo i;
    return sd_info(torture_input("m.safetensors"), true, &i, e);
}

static void made_of_file(Made *made, const char *path) {
    faults_fail(-1);
    made->bytes = test_read(path, &made->size);
}

static bool convert(SdModel *m, Made *made, Error *e) {
    (void)m;
    char out[1024];
    snprintf(out, sizeof out, "%s", test_path("calls.safetensors"));
    bool ok = sd_convert(torture_input("m.safetensors"), out, &(SdConvert){.dtype = "f32"}, NULL, e);
    if (ok) made_of_file(made, out);
    return ok;
}

static bool train_picture(void *user, int64_t index, uint8_t *rgb, Error *e) {
    (void)user, (void)e;
    memset(rgb, (int)(40 * index + 40), 16 * 16 * 3);
    return true;
}

static char *train_caption(void *user, int64_t index, Error *e) {
    (void)user;
    char *text = malloc(40);
    if (text) snprintf(text, 40, "a picture, %d", (int)index);
    else error_set(e, ERR_MEMORY, "out of memory for a caption");
    return text;
}

static bool trained(const char *name, TrainOptions o, Made *made, Error *e) {
    char model[1024], out[1024];
    snprintf(model, sizeof model, "%s", torture_input("m.safetensors"));
    snprintf(out, sizeof out, "%s", test_path(name));
    TrainData data = {.count = 2, .size = 16, .picture = train_picture, .caption = train_caption};
    o.model = model, o.out = out;
    o.steps = o.threads = 1;
    o.overwrite = true;
    bool ok = train_run(&o, &data, e);
    if (ok) made_of_file(made, out);
    return ok;
}

static bool train(SdModel *m, Made *made, Error *e) {
    (void)m;
    TrainOptions o = train_options();
    o.batch = o.accumulate = 2;
    return trained("calls-trained.safetensors", o, made, e);
}

static bool train_vae(SdModel *m, Made *made, Error *e) {
    (void)m;
    TrainOptions o = train_options();
    o.batch = o.whole_batch = 1, o.crop = 8;
    o.vae = o.recompute = true;
    o.text = false;
    return trained("calls-vae.safetensors", o, made, e);
}

/* --- the loop --- */

static bool same(const Made *a, const Made *b) {
    return a->size == b->size && (!a->size || !memcmp(a->bytes, b->bytes, a->size));
}

static void clear(Made *m) {
    free(m->bytes);
    *m = (Made){0};
}

/* What is wrong with allocation n failing, or NULL; *end: it has fewer. */
static const char *one(Call *call, bool model, long n, const Made *want, bool *end, Error *e) {
    Made first = {0}, again = {0};
    Error second = {0};
    const char *wrong = NULL;
    *e = (Error){0};
    faults_watch();
    SdModel *m = model ? sd_open(torture_input("m.safetensors"), &ONE_THREAD, e) : NULL;
    faults_fail(n);
    bool ok = call(m, &first, e);
    bool fired = faults_fired();
    faults_fail(-1);
    *end = !fired && ok;
    if (ok && !same(&first, want)) wrong = "success, but something else is made";
    if (!ok && e->code != ERR_MEMORY) wrong = "not ERR_MEMORY";
    if (!ok && e->code == ERR_MEMORY && !strstr(e->text, "memory")) wrong = "a line without the word memory";
    if (!call(m, &again, &second)) wrong = "the same call fails again", *e = second;
    else if (!same(&again, want)) wrong = "the same call makes something else";
    clear(&first);
    clear(&again);
    sd_close(m);
    if (faults_end() && !wrong) wrong = "not everything is released";
    return wrong;
}

static void every(const char *what, Call *call, bool model, bool all) {
    Error e = {0};
    Made want = {0};
    SdModel *m = model ? sd_open(torture_input("m.safetensors"), &ONE_THREAD, &e) : NULL;
    bool end = !test_check(call(m, &want, &e), "%s works", what);
    sd_close(m);
    long tried = 0, bad = 0, n = 0;
    for (; !end && n < 100000; n += all ? 1 : 1 + n / 3, tried++) {
        const char *wrong = one(call, model, n, &want, &end, &e);
        if (!wrong) continue;
        bad++;
        printf("         %s, allocation %ld fails: %s: %s\n", what, n, wrong, e.text);
    }
    test_check(!bad && n, "%s: %ld failing allocations below %ld", what, tried, n);
    clear(&want);
}

static void run(bool all) {
    if (!faults_possible()) {
        test_skip("linked without --wrap");
        return;
    }
    if (!torture_begin()) return;
    char cache[1024];
    snprintf(cache, sizeof cache, "%s", test_path("cache"));
    setenv("XDG_CACHE_HOME", cache, 1);
    every("sd_open", open_file, false, all);
    every("sd_open of a folder", open_folder, false, all);
    every("sd_info", info, false, all);
    every("sd_plan", plan, true, all);
    every("sd_txt2img", txt2img, true, all);
    every("sd_txt2img, kept", kept, true, all);
    every("sd_txt2img with taps", taps, true, all);
    every("sd_img2img", img2img, true, all);
    every("sd_convert", convert, false, all);
    every("training", train, false, all);
    every("training of a VAE", train_vae, false, all);
}

SUITE(torture_calls, .seconds = 1) { run(false); }
SUITE(torture_calls_all, .seconds = 100, .slow = true) { run(true); }
