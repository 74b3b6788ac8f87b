/* test_attention.c: attention maps: numbers against diffusers' attention scores (tools/goldens/micro_attention.py), the
 * words that they are of, and that pictures are the same with them, and they the same in every mode. */
#include "sd/sd.h"
#include "tensor/gpu.h"
#include "tests/harness/golden.h"
#include "tests/harness/make_model.h"
#include "tests/harness/test.h"
#include "pipeline.h"
#include "weights/files/utf8.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = 64, LATENT = SIDE / 8, MOST = 8, MOST_PICTURES = 2 };

/* --- against diffusers --- */

typedef struct {
    const Golden *golden;
    int layers;
} Told;

static bool check_layer(Told *t, const SdAttention *a, const SdAttentionLayer *l) {
    golden_check(t->golden, l->name, l->values, 4, SHAPE(a->pictures, a->word_count, l->height, l->width), l->name);
    t->layers++;
    return true;
}

static bool compare(void *user, const SdAttention *a) {
    static const char *const WORDS[] = {"a", "lovely", "catgirlish", "3"};
    Told *t = user;
    bool same = a->word_count == 4;
    for (int i = 0; same && i < 4; i++) same = !strcmp(a->words[i].text, WORDS[i]) && !a->words[i].again;
    test_check(same, "words are those of the prompt, without its comma");
    for (int i = 0; same && i < a->layer_count; i++) check_layer(t, a, &a->layers[i]);
    return same && check_layer(t, a, &a->all);
}

static void against_golden(const char *name, SdConfig k, int width, int height) {
    const char *path = test_path("model.safetensors"), *at = NULL;
    char tensor[160];
    int stored = 0;
    Error e = {0};
    SdResult out = {0};
    Golden *g = golden_open(name);
    Told t = {.golden = g};
    test_check(make_model_of(path, (MakeModel){.dtype = F32}, k), "a model is written");
    SdRequest r = pipeline_request("Euler", 42, width, height);
    r.prompt = "a lovely catgirlish, 3", r.steps = 3, r.attention = compare, r.user = &t;
    bool ok = g && pipeline_run(path, &(SdOptions){.threads = 1, .precision = SD_F32_DIRECT}, &r, &out, &e);
    while (g && golden_next(g, &at, tensor)) stored++;
    test_check(ok && stored && t.layers == stored, "%s: every layer is told", name);
    test_note("%d of %d; %s", t.layers, stored, e.text);
    sd_free(&out);
    golden_close(g);
}

/* --- requests --- */

typedef struct {
    bool ok, exact;
    char text[1100]; /* the error's */
    int words, pictures, layers, w, h;
    char word[MOST][16];
    int prompt[MOST], again[MOST];
    float all[MOST_PICTURES][MOST][LATENT * LATENT];
    uint8_t rgb[MOST_PICTURES][SIDE * SIDE * 3];
    SdPlan plan;
} Drawn;

static bool keep(void *user, const SdAttention *a) {
    Drawn *d = user;
    size_t n = (size_t)a->all.width * (size_t)a->all.height;
    d->words = a->word_count, d->pictures = a->pictures, d->layers = a->layer_count;
    d->w = a->all.width, d->h = a->all.height;
    if (a->word_count > MOST || a->pictures > MOST_PICTURES || n > LATENT * LATENT) return false;
    for (int i = 0; i < a->word_count; i++) {
        snprintf(d->word[i], sizeof d->word[i], "%s", a->words[i].text);
        d->prompt[i] = a->words[i].prompt, d->again[i] = a->words[i].again;
        for (int p = 0; p < a->pictures; p++)
            memcpy(d->all[p][i], a->all.values + (size_t)(p * a->word_count + i) * n, n * sizeof(float));
    }
    return true;
}

static bool enough(void *user, const SdAttention *a) { return (void)user, (void)a, false; }

static Drawn *draw(const char *model, SdOptions o, void (*change)(SdRequest *r)) {
    Drawn *d = calloc(1, sizeof *d);
    Error e = {0};
    SdResult out = {0};
    o.threads = 1;
    SdModel *m = sd_open(model, &o, &e);
    SdRequest r = pipeline_request("Euler", 42, SIDE, SIDE);
    r.prompt = "a cat, a (red:1.3) hat", r.steps = 2, r.attention = keep, r.user = d;
    if (change) change(&r);
    if (d) d->exact = sd_exact(m);
    bool ok = d && sd_plan(m, &r, &d->plan, &e) && (r.image ? sd_img2img : sd_txt2img)(m, &r, &out, &e);
    for (int i = 0; ok && i < out.count && i < MOST_PICTURES; i++)
        memcpy(d->rgb[i], out.pictures[i].rgb, (size_t)out.pictures[i].width * (size_t)out.pictures[i].height * 3);
    if (d) d->ok = ok, snprintf(d->text, sizeof d->text, "%s", e.text);
    sd_free(&out);
    sd_close(m);
    return d;
}

static bool same_picture(const Drawn *a, const Drawn *b) {
    return a->ok && b->ok && !memcmp(a->rgb[0], b->rgb[0], sizeof a->rgb[0]);
}

static bool same_maps(const Drawn *a, const Drawn *b) {
    return a->ok && b->ok && a->words == b->words && !memcmp(a->all[0], b->all[0], sizeof a->all[0]);
}

static bool has_words(const Drawn *d, const char *const *words, int count) {
    bool same = d->ok && d->words == count;
    for (int i = 0; same && i < count; i++) same = !strcmp(d->word[i], words[i]);
    return same;
}

static double sum_of(const float *map) {
    double sum = 0;
    for (int i = 0; i < LATENT * LATENT; i++) sum += map[i];
    return sum / (LATENT * LATENT);
}

static void off(SdRequest *r) { r->attention = NULL; }
static void two_pictures(SdRequest *r) { r->batch_size = 2; }
static void half_size(SdRequest *r) { r->width = r->height = SIDE / 2; }
static void adaptive(SdRequest *r) { half_size(r), r->sampler = "DPM adaptive", r->batch_size = 2; }
static void adaptive_alone(SdRequest *r) { half_size(r), r->sampler = "DPM adaptive", r->seed = 43; }
static void unguided(SdRequest *r) { r->cfg = 1; }
static void long_negative(SdRequest *r) { r->negative = "blurry BREAK low quality"; }
static void long_prompt(SdRequest *r) { r->prompt = "a cat BREAK a (red:1.3) hat", r->negative = "blurry"; }
static void joined(SdRequest *r) { r->prompt = "a cat AND a dog"; }
static void switching(SdRequest *r) { r->prompt = "a [cat:dog:1] hat", r->steps = 4; }
static void larger(SdRequest *r) { half_size(r), r->hires_scale = 2, r->hires_steps = 2, r->hires_prompt = "a dog"; }
static void larger_off(SdRequest *r) { larger(r), r->attention = NULL; }
static void no_words(SdRequest *r) { r->prompt = ", ( ) !"; }
static void cancels(SdRequest *r) { r->attention = enough; }
static void masked(SdRequest *r) {
    static uint8_t picture[SIDE * SIDE * 3], mask[SIDE * SIDE];
    memset(mask, 255, sizeof mask / 2);
    r->image = picture, r->image_width = r->image_height = r->mask_width = r->mask_height = SIDE;
    r->mask = mask, r->only_masked = true;
}

/* A word of 141 bytes, cut. */
static bool look_at_letters(void *user, const SdAttention *a) {
    const char *text = a->words[0].text;
    return ((Drawn *)user)->words = a->word_count == 1 && strlen(text) == 119 && utf8_is_valid(text, 119), true;
}

static void long_word(SdRequest *r) {
    static char text[144] = "a";
    for (int i = 0; i < 70; i++) memcpy(text + 1 + 2 * i, "\xC3\xA9", 3);
    half_size(r), r->prompt = text, r->steps = 1, r->attention = look_at_letters;
}

static void modes(const char *model) {
    static const char *const WORDS[] = {"a", "cat", "a", "red", "hat"};
    Drawn *want = draw(model, (SdOptions){0}, NULL), *bare = draw(model, (SdOptions){0}, off);
    test_check(has_words(want, WORDS, 5) && want->again[2] == 1 && !want->again[0], "words, and which of one spelling");
    test_note("%d: %s %s %s; %s", want->words, want->word[0], want->word[1], want->word[2], want->text);
    double all = 0, least = 1;
    for (int i = 0; i < want->words; i++) all += sum_of(want->all[0][i]), least = fmin(least, sum_of(want->all[0][i]));
    test_check(least > 0 && all > 0.02 && all < 1, "they draw part of the attention");
    test_note("%g, the least %g", all, least);
    test_check(same_picture(want, bare), "the picture is the same without");
    test_check(bare->plan.process < want->plan.process, "the plan counts the maps");
    Drawn *two = draw(model, (SdOptions){0}, two_pictures);
    test_check(two->pictures == 2 && same_maps(want, two) && memcmp(two->all[0], two->all[1], sizeof *two->all),
               "the first of two pictures' are those of one");
    Drawn *small = draw(model, (SdOptions){.memory_limit = two->plan.least}, two_pictures);
    test_check(same_maps(want, small) && same_picture(want, small) && small->plan.streamed &&
                   !memcmp(two->all[1], small->all[1], sizeof *two->all),
               "the least memory: the same");
    test_note("%s", small->text);
    Drawn *own = draw(model, (SdOptions){0}, adaptive), *alone = draw(model, (SdOptions){0}, adaptive_alone);
    test_check(own->ok && alone->ok && !memcmp(own->all[1], alone->all[0], sizeof *own->all),
               "pictures that are sampled one by one have their own");
    Drawn *plain = draw(model, (SdOptions){0}, unguided);
    test_check(plain->ok && plain->words == 5 && !same_maps(plain, want), "they need no negative prompt");
    Drawn *apart = draw(model, (SdOptions){0}, long_negative), *chunks = draw(model, (SdOptions){0}, long_prompt);
    test_check(has_words(apart, WORDS, 5) && sum_of(apart->all[0][1]) > 0, "a longer negative prompt has none");
    test_check(has_words(chunks, WORDS, 5) && sum_of(chunks->all[0][4]) > 0, "words in the second chunk have theirs");
    test_note("%s; %s", apart->text, chunks->text);
    if (gpu_count() && want->exact) {
        Drawn *gpu = draw(model, (SdOptions){.device = "cuda"}, two_pictures);
        test_check(same_maps(want, gpu) && same_picture(want, gpu), "a GPU's are the same");
        test_note("%s", gpu->text);
        free(gpu);
    }
    free(want), free(bare), free(two), free(small), free(own), free(alone), free(plain), free(apart), free(chunks);
}

static void prompts(const char *model) {
    static const char *const JOINED[] = {"a", "cat", "a", "dog"}, *const SWITCHING[] = {"a", "cat", "hat", "dog"};
    Drawn *both = draw(model, (SdOptions){0}, joined);
    test_check(has_words(both, JOINED, 4) && both->prompt[2] == 1 && !both->again[2], "AND: each prompt's words");
    test_check(both->ok && memcmp(both->all[0][0], both->all[0][2], sizeof both->all[0][0]), "have maps of their own");
    Drawn *turns = draw(model, (SdOptions){0}, switching);
    test_check(has_words(turns, SWITCHING, 4), "of prompts that switch each word once");
    for (int i = 0; i < 4; i++)
        test_check(turns->ok && sum_of(turns->all[0][i]) > 0.002 && sum_of(turns->all[0][i]) < 0.5,
                   "%s: the mean of its own calls", SWITCHING[i]);
    Drawn *second = draw(model, (SdOptions){0}, larger), *bare = draw(model, (SdOptions){0}, larger_off);
    test_check(second->ok && second->words == 2 && !strcmp(second->word[1], "dog") && second->w == LATENT &&
                   same_picture(second, bare),
               "hires fix: those of the second drawing");
    test_note("%d words, %d wide; %s", second->words, second->w, second->text);
    Drawn *cut = draw(model, (SdOptions){0}, long_word);
    test_check(cut->ok && cut->words == 1, "a long word is cut between letters");
    test_note("%s", cut->text);
    free(both), free(turns), free(second), free(bare), free(cut);
}

static void refusals(const char *model) {
    static const struct {
        void (*change)(SdRequest *r);
        const char *says;
    } CASES[] = {{no_words, "attention maps: the prompt has no words"},
                 {masked, "attention maps: are of whole pictures"},
                 {cancels, "stopped"}};
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        Drawn *d = draw(model, (SdOptions){0}, CASES[i].change);
        test_check(!d->ok && strstr(d->text, CASES[i].says), "refused: %s", CASES[i].says);
        test_note("%s", d->text);
        free(d);
    }
}

SUITE(attention, .seconds = 4, .blas = true) {
    char model[1024];
    snprintf(model, sizeof model, "%s", test_path("model.safetensors"));
    against_golden("micro_attention_sdxl", micro_sdxl_config(), SIDE, SIDE);
    against_golden("micro_attention", micro_config(), 104, 72);
    modes(model);
    prompts(model);
    refusals(model);
}
