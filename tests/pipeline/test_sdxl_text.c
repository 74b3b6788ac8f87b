/* test_sdxl_text.c: texts with two encoders, by the webui's rules (sd_models_xl.py, sd_hijack_clip.py,
 * sd_hijack_open_clip.py): each encoder's tokens, chunks, emphasis and layer, the pooled vector, an empty negative
 * prompt. On micro-SDXL; that its networks are right is for the goldens. */
#include "sd/pipeline/generation.h"
#include "tests/harness/test.h"
#include "tools/ledger/made_model.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST = 32, SECOND = 48, POOLED = 40, ROW = 77, TEXTS = 8, STEPS = 3 };

/* What a run showed: the first activation of each name. Rows of two texts: the negative prompt, the prompt. */
typedef struct {
    float first[TEXTS * ROW * FIRST], second[TEXTS * ROW * SECOND];
    float pooled[TEXTS * POOLED];
    float label[STEPS][2]; /* the last text's, of each step */
    int64_t rows, tokens;  /* of first, second */
    uint8_t pixels[64 * 64 * 3];
} Shown;

static SdModel *model;

static void take(float *to, size_t room, int nd, const int64_t *n, const float *values) {
    size_t count = 1;
    for (int i = 0; i < nd; i++) count *= (size_t)n[i];
    if (count * sizeof *to <= room) memcpy(to, values, count * sizeof *to);
}

static bool hear(void *user, const char *name, int nd, const int64_t *n, const float *values) {
    Shown *s = user;
    int step;
    if (!strcmp(name, "text_model.last_hidden_state")) {
        s->rows = n[0], s->tokens = n[1];
        take(s->first, sizeof s->first, nd, n, values);
    } else if (!strcmp(name, "text_model_2.last_hidden_state")) take(s->second, sizeof s->second, nd, n, values);
    else if (!strcmp(name, "pooled")) take(s->pooled, sizeof s->pooled, nd, n, values);
    else if (sscanf(name, "unet.step%d.add_embedding", &step) == 1 && strstr(name, "add_embedding") && step < STEPS)
        memcpy(s->label[step], values + (n[0] - 1) * n[1], sizeof s->label[step]);
    return true;
}

static SdRequest request(const char *prompt, const char *negative) {
    SdRequest r = sd_request(model);
    r.prompt = prompt, r.negative = negative;
    r.sampler = "Euler", r.seed = 3, r.steps = 1;
    r.keep = true; /* memory of the runs before, with their numbers in it */
    return r;
}

/* NULL when out of memory or when the run fails. */
static Shown *run(SdRequest r) {
    Error e = {0};
    SdResult result = {0};
    Shown *s = calloc(1, sizeof *s);
    if (!s) return NULL;
    r.activation = hear, r.user = s;
    bool ok = test_check(sd_txt2img(model, &r, &result, &e), "a picture of '%.40s'", r.prompt);
    test_note("%s", e.text);
    if (ok) memcpy(s->pixels, result.pictures[0].rgb, sizeof s->pixels);
    sd_free(&result);
    if (ok) return s;
    free(s);
    return NULL;
}

static Shown *run_texts(const char *prompt, const char *negative) { return run(request(prompt, negative)); }

static bool same(const float *a, const float *b, size_t count) { return !memcmp(a, b, count * sizeof *a); }
static bool zeros(const float *a, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (a[i] != 0) return false; /* a NaN, too */
    return true;
}
static double mean(const float *a, size_t count) {
    double sum = 0;
    for (size_t i = 0; i < count; i++) sum += (double)a[i];
    return sum / (double)count;
}

/* Text k's rows. */
static const float *first(const Shown *s, int64_t k) { return s->first + k * s->tokens * FIRST; }
static const float *second(const Shown *s, int64_t k) { return s->second + k * s->tokens * SECOND; }
static const float *pooled(const Shown *s, int64_t k) { return s->pooled + k * POOLED; }

static void check_empty(void) {
    Shown *a = run_texts("a cat", ""), *b = run_texts("", " "), *none = run_texts("a cat", NULL);
    SdRequest r = request("a cat", "[:b:0.5]");
    r.steps = STEPS;
    Shown *c = run(r);
    if (a && b && c && none) {
        test_check(zeros(first(a, 0), ROW * FIRST) && zeros(second(a, 0), ROW * SECOND) && zeros(pooled(a, 0), POOLED),
                   "an empty negative prompt is zeros");
        test_check(same(a->first, none->first, 2 * ROW * FIRST) && same(a->pooled, none->pooled, 2 * POOLED),
                   "so is one that is not given");
        test_check(!zeros(first(b, 1), FIRST) && !zeros(second(b, 1), SECOND) && !zeros(pooled(b, 1), POOLED),
                   "an empty prompt is not");
        test_check(same(first(b, 0), first(b, 1), ROW * FIRST) && same(second(b, 0), second(b, 1), ROW * SECOND) &&
                       same(pooled(b, 0), pooled(b, 1), POOLED),
                   "nor a blank negative, which has the empty text's states");
        test_check(same(first(c, 0), first(b, 1), ROW * FIRST) && same(pooled(c, 0), pooled(b, 1), POOLED),
                   "nor one that is empty at first");
    }
    free(a), free(b), free(c), free(none);
}

static bool multiplied(const float *a, const float *b, float by, int count) {
    for (int i = 0; i < count; i++)
        if (a[i] != b[i] * by) return false;
    return true;
}

/* (x:1.5): states move, each encoder's mean stays, and the pooled vector does not notice. */
static void check_emphasis(void) {
    enum { A = 1, CAT = 2 };
    SdRequest r = request("a (cat:1.5)", "a dog");
    r.emphasis = SD_EMPHASIS_NO_NORM;
    Shown *plain = run_texts("a cat", "a dog"), *heavy = run_texts("a (cat:1.5)", "a dog"), *loose = run(r);
    if (plain && heavy && loose) {
        double is[2] = {mean(first(heavy, 1), ROW * FIRST), mean(second(heavy, 1), ROW * SECOND)},
               was[2] = {mean(first(plain, 1), ROW * FIRST), mean(second(plain, 1), ROW * SECOND)};
        test_check(fabs(is[0] / was[0] - 1) < 1e-4 && fabs(is[1] / was[1] - 1) < 1e-4,
                   "each encoder's mean is restored");
        test_note("%g, not %g; %g, not %g", is[0], was[0], is[1], was[1]);
        test_check(multiplied(first(loose, 1) + CAT * FIRST, first(plain, 1) + CAT * FIRST, 1.5f, FIRST) &&
                       multiplied(second(loose, 1) + CAT * SECOND, second(plain, 1) + CAT * SECOND, 1.5f, SECOND),
                   "both encoders' states of a token have its weight");
        test_check(same(first(loose, 1) + A * FIRST, first(plain, 1) + A * FIRST, FIRST) &&
                       same(second(loose, 1) + A * SECOND, second(plain, 1) + A * SECOND, SECOND),
                   "those of others have not");
        test_check(same(pooled(plain, 1), pooled(heavy, 1), POOLED) && same(pooled(plain, 1), pooled(loose, 1), POOLED),
                   "the pooled vector has no weights");
    }
    free(plain), free(heavy), free(loose);
}

/* The second encoder decodes what the first one reads as it stands, and may need fewer chunks for it. */
static void check_tokens(void) {
    static const char LONG[] =
        "< &amp; < &amp; < &amp; < &amp; < &amp; < &amp; < &amp; < &amp; < &amp; < &amp; < &amp; "
        "< &amp; < &amp; < &amp; < &amp; < &amp; < &amp; < &amp; < &amp; < &amp;";
    static const char ENDS[] =
        "<|endoftext|> <|endoftext|> <|endoftext|> <|endoftext|> <|endoftext|> <|endoftext|> "
        "<|endoftext|> <|endoftext|> <|endoftext|> <|endoftext|> <|endoftext|> <|endoftext|> <|endoftext|>";
    Shown *ends = run_texts(ENDS, ENDS);
    if (ends) test_check(ends->tokens == 2 * ROW, "a text that is longer for the second encoder has its chunks");
    free(ends);
    Shown *a = run_texts("<3 &amp; cat", "a"), *b = run_texts("<3 & cat", "a"), *c = run_texts(LONG, LONG),
          *empty = run_texts("", " ");
    if (a && b && c && empty) {
        test_check(same(second(a, 1), second(b, 1), ROW * SECOND) && same(pooled(a, 1), pooled(b, 1), POOLED),
                   "open_clip's encoder decodes references");
        test_check(!same(first(a, 1), first(b, 1), ROW * FIRST), "Hugging Face's does not, after a <");
        test_check(c->tokens == 2 * ROW, "both have as many chunks as the longer one needs");
        test_check(same(second(c, 1) + ROW * SECOND, second(empty, 1), ROW * SECOND), "the other's are empty");
    }
    free(a), free(b), free(c), free(empty);
}

static void check_chunks(void) {
    Shown *both = run_texts("a cat BREAK a dog", "x BREAK y"), *cat = run_texts("a cat", "x"),
          *dog = run_texts("a dog", "y");
    if (both && cat && dog) {
        test_check(both->tokens == 2 * ROW, "BREAK begins a chunk for both encoders");
        test_check(same(first(both, 1), first(cat, 1), ROW * FIRST) &&
                       same(first(both, 1) + ROW * FIRST, first(dog, 1), ROW * FIRST) &&
                       same(second(both, 1), second(cat, 1), ROW * SECOND) &&
                       same(second(both, 1) + ROW * SECOND, second(dog, 1), ROW * SECOND),
                   "each chunk is encoded by itself");
        test_check(same(pooled(both, 1), pooled(cat, 1), POOLED) && same(pooled(both, 0), pooled(cat, 0), POOLED),
                   "the pooled vector is the first chunk's");
    }
    free(both), free(cat), free(dog);
}

/* The label follows the text as it switches: "until step 1" is calls 0 and 1. */
static void check_switch(void) {
    Shown *s[3];
    const char *const prompts[] = {"[cat:dog:1]", "cat", "dog"};
    for (int i = 0; i < 3; i++) {
        SdRequest r = request(prompts[i], "");
        r.steps = STEPS;
        s[i] = run(r);
    }
    if (s[0] && s[1] && s[2]) {
        test_check(!same(s[1]->label[0], s[2]->label[0], 2), "labels differ with the text");
        for (int i = 0; i < STEPS; i++)
            test_check(same(s[0]->label[i], s[i < 2 ? 1 : 2]->label[i], 2), "the label of step %d is its text's", i);
    }
    for (int i = 0; i < 3; i++) free(s[i]);
}

static void check_layer(void) {
    SdRequest r = request("a cat", "a");
    Shown *plain = run(r);
    r.clip_skip = 3;
    test_check(strstr(sd_ignored(model, &r), "clip skip: counts with this model only beside") != NULL,
               "clip skip without the setting for SDXL is said to be ignored");
    Shown *ignored = run(r);
    r.sdxl_clip_l_skip = true, r.clip_skip = 1;
    test_check(!*sd_ignored(model, &r), "with it, nothing is");
    Shown *last = run(r);
    r.clip_skip = 2;
    Shown *usual = run(r);
    if (plain && ignored && last && usual) {
        size_t size = sizeof plain->pixels;
        test_check(!memcmp(plain->pixels, ignored->pixels, size), "clip skip is ignored");
        test_check(!memcmp(plain->pixels, usual->pixels, size), "clip skip 2 is SDXL's own layer");
        test_check(!same(first(plain, 1), first(last, 1), ROW * FIRST) &&
                       same(second(plain, 1), second(last, 1), ROW * SECOND) &&
                       same(pooled(plain, 1), pooled(last, 1), POOLED),
                   "it chooses the first encoder's layer, and nothing of the second's");
    }
    free(plain), free(ignored), free(last), free(usual);
}

/* What other families have: whether clip skip is ignored, and the first sigma of Align Your Steps that tells tables
 * apart (Sabour et al. 2024). */
static void check_family(const char *name, SdConfig k, bool skips, float sigma) {
    Error e = {0};
    size_t size;
    void *bytes = made_model(&k, F16, &size, &e);
    SdModel *m = bytes ? sd_open_memory(name, bytes, size, NULL, &e) : NULL;
    if (test_check(m != NULL, "%s opens", name)) {
        SdRequest r = sd_request(m);
        Generation g;
        r.clip_skip = 2, r.steps = 11, r.scheduler = "Align Your Steps";
        test_check(!*sd_ignored(m, &r) == skips, "%s: clip skip is%s ignored", name, skips ? " not" : "");
        bool ok = generation_begin(&g, m, &r, NULL, &e);
        test_check(ok && g.points.values[1] == sigma, "%s: its table of Align Your Steps", name);
        generation_end(&g);
        r.sdxl_clip_l_skip = k.unet.label != 0;
        test_check(!r.sdxl_clip_l_skip || !*sd_ignored(m, &r) == (k.encoders > 1), "%s: the setting for CLIP-L", name);
    }
    test_note("%s", e.text);
    sd_close(m);
    free(bytes);
}

SUITE(sdxl_text, .seconds = 4) {
    Error e = {0};
    size_t size;
    SdConfig k = micro_sdxl_config();
    void *bytes = made_model(&k, F32, &size, &e);
    model = bytes ? sd_open_memory("micro-SDXL", bytes, size, NULL, &e) : NULL;
    if (!test_check(model != NULL, "micro-SDXL opens")) return;
    check_empty();
    check_emphasis();
    check_tokens();
    check_chunks();
    check_switch();
    check_layer();
    sd_close(model);
    free(bytes);
    check_family("SD 1", micro_config(), true, 6.475f);
    check_family("SD 2", micro_sd2_config(), false, 6.475f);
    check_family("SDXL", micro_sdxl_config(), false, 6.315f);
    check_family("SDXL's refiner", micro_refiner_config(), false, 6.315f);
}
