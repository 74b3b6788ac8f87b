/* test_training_sdxl.c: what micro-SDXL's U-Net is told in training, against torch (tools/goldens/training.py): both
 * encoders' states, the pooled vector, the sizes of pictures in a folder; zeros for a caption that is dropped; a run
 * that is stopped and resumed, and from files of other formats. */
#include "sd/image/codecs/png.h"
#include "sd/train/train_internal.h"
#include "tests/harness/golden.h"
#include "tests/harness/make_model.h"
#include "tests/harness/test.h"
#include "tools/commands/train_data.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { SIDE = 64, PICTURES = 2, POOLED = 40, CONTEXT = 80, LABEL = POOLED + 6 * SIZE_WIDTH };

/* In the order of their names. */
static const struct {
    int width, height;
    const char *caption;
} DATA[PICTURES] = {{96, 64, "a lovely cat"}, {80, 160, "blurry, low quality"}};

static bool make_data(const char *folder) {
    bool ok = !mkdir(folder, 0777);
    for (int i = 0; ok && i < PICTURES; i++) {
        int w = DATA[i].width, h = DATA[i].height;
        char name[1100];
        Error e = {0};
        uint8_t *rgb = malloc((size_t)(w * h * 3));
        for (int k = 0; rgb && k < w * h * 3; k++) rgb[k] = (uint8_t)(k * 7 + k / w);
        snprintf(name, sizeof name, "%s/%d.png", folder, i);
        uint8_t *file = NULL;
        size_t size = 0;
        ok = rgb && png_encode(rgb, w, h, NULL, 0, &file, &size, &e) && test_write(name, file, size);
        free(file);
        snprintf(name, sizeof name, "%s/%d.txt", folder, i);
        ok = ok && test_write(name, DATA[i].caption, strlen(DATA[i].caption));
        free(rgb);
    }
    return ok;
}

/* --- what is told --- */

static bool zeros(const float *x, int64_t n) {
    for (int64_t i = 0; i < n; i++)
        if (x[i] != 0) return false;
    return true;
}

/* One step's two pictures, with the captions that this seed drops. */
static void step(Trainer *t, const Golden *g) {
    Ctx *c = &t->ctx;
    Tensor ids[MAX_ENCODERS], label;
    size_t scope = scope_begin(c);
    for (int k = 0; k < 2; k++) {
        ids[k] = tensor_new_typed(c, I32, 2, SHAPE(PICTURES, TRAIN_TOKENS));
        for (int64_t i = 0; i < PICTURES; i++)
            train_put_ids(t, (int32_t *)ids[k].data + i * TRAIN_TOKENS, k, train_picture(t, t->step, i), i);
    }
    Tensor states = train_states(t, ids, 0, &label);
    if (!test_check(!c->err.code, "states of a step")) test_note("%s", c->err.text);
    for (int64_t i = 0; i < PICTURES && !c->err.code; i++) {
        char name[2][32];
        int64_t picture = train_picture(t, t->step, i);
        const float *context = (float *)states.data + i * states.s[0], *y = (float *)label.data + i * label.s[0];
        for (int k = 0; k < 2; k++) snprintf(name[k], sizeof name[k], k ? "sizes.%d" : "pooled.%d", (int)picture);
        golden_check(g, name[1], y + POOLED, 1, SHAPE(LABEL - POOLED), name[1]);
        if (train_uniform(t->o->seed, FOR_DROPOUT, t->step, i) < t->o->caption_dropout)
            test_check(zeros(context, TRAIN_TOKENS * CONTEXT) && zeros(y, POOLED), "a dropped caption is zeros");
        else {
            golden_check(g, name[0], y, 1, SHAPE(POOLED), name[0]);
            snprintf(name[0], sizeof name[0], "context.%d", (int)picture);
            golden_check(g, name[0], context, 2, SHAPE(TRAIN_TOKENS, CONTEXT), name[0]);
        }
    }
    scope_end(c, scope);
}

static void told(const char *model, TrainSource *source) {
    enum { ARENA = 64 << 20, SEEDS = 4 };
    Error e = {0};
    TrainOptions o = train_options();
    SdModel *m = sd_open(model, &(SdOptions){.threads = 1}, &e);
    Trainer t = {.o = &o, .d = &source->data, .m = m};
    Golden *g = golden_open("micro_sdxl_told");
    int kept = 0, drops = 0;
    o.text = false, o.batch = PICTURES, o.caption_dropout = 0.5;
    bool ok = m && g && model_load(m, PART_TEXT, &e) && model_load(m, PART_TEXT_2, &e) &&
              model_load(m, PART_ENCODER, &e) && arena_init(&t.arena, ARENA, &e) && train_cache_init(&t, &e) &&
              train_ids(&t, "", t.empty, &e);
    if (ok) t.ctx = (Ctx){.op = m->ops, .precision = PRECISION_F32, .pool = m->pool, .arena = &t.arena};
    ok = ok && train_cache_fill(&t, &e);
    for (o.seed = 0; ok && o.seed < SEEDS; o.seed++) {
        for (int64_t i = 0; i < PICTURES; i++)
            *(train_uniform(o.seed, FOR_DROPOUT, 0, i) < o.caption_dropout ? &drops : &kept) += 1;
        step(&t, g);
    }
    test_check(ok && kept && drops, "captions are told, and dropped");
    test_note("%s", e.text);
    train_cache_free(&t.cache);
    arena_free(&t.arena);
    golden_close(g);
    sd_close(m);
}

/* --- a run --- */

static bool until_second(void *user, const TrainProgress *p) { return (void)user, p->step != 2; }

static bool same_file(const char *a, const char *b) {
    size_t n = 0, m = 0;
    char *x = test_read(a, &n), *y = test_read(b, &m);
    bool same = x && y && n == m && !memcmp(x, y, n);
    free(x);
    free(y);
    return same;
}

/* Four steps at once, and two and two with another number of threads. */
static void resumed(const char *model, TrainSource *source) {
    char path[2][1024], state[2][1100];
    TrainOptions o = train_options();
    Error e = {0}, stop = {0};
    for (int i = 0; i < 2; i++) {
        snprintf(path[i], sizeof path[i], "%s", test_path(i ? "parts.safetensors" : "whole.safetensors"));
        snprintf(state[i], sizeof state[i], "%s.state", path[i]);
    }
    o.model = model, o.text = false, o.steps = 4, o.batch = 2, o.caption_dropout = 0.3, o.threads = 2, o.warmup = 1;
    o.out = path[0];
    bool ok = train_run(&o, &source->data, &e);
    o.out = path[1], o.progress = until_second;
    ok = ok && !train_run(&o, &source->data, &stop) && stop.code == ERR_CANCELLED;
    o.resume = true, o.threads = 1, o.progress = NULL;
    ok = ok && train_run(&o, &source->data, &e);
    test_check(ok && same_file(path[0], path[1]) && same_file(state[0], state[1]),
               "SDXL's training, stopped and resumed, ends in the same bytes");
    test_note("%s %s", stop.text, e.text);
    test_check(!same_file(path[0], model), "and has learned");
}

/* A step from a file in another order or in blocks ends in the bytes that it does from the same numbers in F32 as torch
 * keeps them; what is not trained (the encoders, the VAE) goes into the new file as it was. */
static void from_formats(const char *model, TrainSource *source) {
    static const struct {
        const char *name;
        SdConvert how;
    } FROM[] = {{"compute order", {.dtype = "f32"}},
                {"Q8_0 in compute order", {.dtype = "q8_0"}},
                {"Q8_0 in GGUF", {.dtype = "q8_0", .format = "gguf"}}};
    char made[1024], plain[1024], path[2][1024];
    snprintf(made, sizeof made, "%s", test_path("made"));
    snprintf(plain, sizeof plain, "%s", test_path("plain.safetensors"));
    for (int i = 0; i < 2; i++) snprintf(path[i], sizeof path[i], "%s", test_path(i ? "of_plain" : "of_made"));
    for (size_t k = 0; k < sizeof FROM / sizeof *FROM; k++) {
        TrainOptions o = train_options();
        Error e = {0};
        o.text = false, o.steps = 1, o.batch = 1, o.threads = 2, o.overwrite = true;
        bool ok = sd_convert(model, made, &FROM[k].how, NULL, &e) &&
                  sd_convert(made, plain, &(SdConvert){.dtype = "f32", .layout = "single"}, NULL, &e);
        for (int i = 0; ok && i < 2; i++) {
            o.model = i ? plain : made, o.out = path[i];
            ok = train_run(&o, &source->data, &e);
        }
        test_check(ok && same_file(path[0], path[1]), "trained from %s: the model of the same numbers", FROM[k].name);
        test_note("%s", e.text);
    }
}

SUITE(training_sdxl, .seconds = 2) {
    char model[1024], folder[1024];
    Error e = {0};
    TrainSource source;
    const FolderOptions o = {.size = SIDE, .captions = true, .most = 1000};
    snprintf(model, sizeof model, "%s", test_path("sdxl.safetensors"));
    snprintf(folder, sizeof folder, "%s", test_path("data"));
    bool ok = make_model_of(model, (MakeModel){.dtype = F32}, micro_sdxl_config()) && make_data(folder) &&
              train_source_open(&source, folder, &o, true, &(DrawnOptions){.placed = -1}, &e);
    if (!test_check(ok, "a model and pictures")) {
        test_note("%s", e.text);
        return;
    }
    told(model, &source);
    resumed(model, &source);
    from_formats(model, &source);
    train_source_close(&source);
}
