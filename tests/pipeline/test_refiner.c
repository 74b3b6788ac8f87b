/* test_refiner.c: a picture that two models draw: micro-SDXL and its refiner, and two models of SD 1. */
#include "pipeline.h"
#include "tests/harness/cli.h"
#include "tests/harness/make_model.h"
#include "tests/harness/test.h"
#include "sd/load/model.h"
#include "tensor/gpu.h"
#include "weights/formats/safetensors.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = 64, MOST_CALLS = 64 };

static SdRequest request(SdModel *refiner, const char *sampler, int steps, double at) {
    SdRequest r = sd_request(NULL);
    r.prompt = "a lovely (cat:1.2)", r.negative = "blurry", r.seed = 42, r.width = r.height = SIDE;
    r.sampler = sampler, r.steps = steps, r.refiner = refiner, r.refiner_switch = at;
    return r;
}

static bool draw(SdModel *m, const SdRequest *r, SdResult *out, Error *e) {
    return (r->image ? sd_img2img : sd_txt2img)(m, r, out, e);
}

static bool equal(const SdResult *a, int i, const SdResult *b, int k) {
    return i < a->count && k < b->count &&
           !memcmp(a->pictures[i].rgb, b->pictures[k].rgb,
                   (size_t)a->pictures[i].width * (size_t)a->pictures[i].height * 3);
}

static SdModel *opened(const char *name, size_t limit, Error *e) {
    SdOptions o = {.threads = 1, .memory_limit = limit, .device = getenv("SDC_TEST_DEVICE")};
    return sd_open(cli_path(name), &o, e);
}

/* --- whose call it is --- */

typedef struct {
    char calls[MOST_CALLS + 1]; /* a letter for each of the U-Net: b, or r for the refiner, which has a level more */
    int count;
} Heard;

static bool hear(void *user, const char *name, int nd, const int64_t *n, const float *values) {
    Heard *h = user;
    if (strstr(name, ".conv_in") && h->count < MOST_CALLS) h->calls[h->count++] = 'b';
    if (strstr(name, ".down_blocks.3.") && h->count) h->calls[h->count - 1] = 'r';
    return (void)nd, (void)n, (void)values, true;
}

/* The letters of each run of equal ones, once. */
static void squeeze(char *s) {
    char *to = s;
    for (const char *p = s; *p; p++)
        if (p == s || *p != p[-1]) *to++ = *p;
    *to = 0;
}

typedef struct {
    const char *sampler;
    int steps, batch;
    double at;
    bool by_steps;
    double strength; /* 0: from noise */
    const char *calls;
} Turn;

static const Turn TURNS[] = {
#include "known_turns.inc"
};

static void turns(SdModel *base, SdModel *refiner) {
    static uint8_t rgb[SIDE * SIDE * 3];
    for (size_t i = 0; i < sizeof TURNS / sizeof *TURNS; i++) {
        const Turn *t = &TURNS[i];
        SdRequest r = request(refiner, t->sampler, t->steps, t->at);
        Heard h = {.count = 0};
        SdResult out = {0};
        Error e = {0};
        r.refiner_by_steps = t->by_steps, r.cfg = 1, r.batch_size = t->batch;
        r.activation = hear, r.user = &h, r.tap = "unet.*";
        if (t->strength > 0) r.image = rgb, r.image_width = r.image_height = SIDE, r.strength = t->strength;
        bool ok = draw(base, &r, &out, &e);
        if (t->batch > 1) squeeze(h.calls);
        test_check(ok && !strcmp(h.calls, t->calls), "%s, %d steps, %g by %s: %s", t->sampler, t->steps, t->at,
                   t->by_steps ? "steps" : "time", t->calls);
        test_note("%s %s", h.calls, e.text);
        sd_free(&out);
    }
}

/* --- what each does --- */

enum { TAPS = 8, MOST_VALUES = 1 << 14 };
typedef struct {
    const char *names[TAPS];
    float values[TAPS][MOST_VALUES];
    int64_t count[TAPS]; /* 0: not heard */
} Kept;

static bool keep(void *user, const char *name, int nd, const int64_t *n, const float *values) {
    Kept *k = user;
    int64_t count = 1;
    for (int i = 0; i < nd; i++) count *= n[i];
    for (int i = 0; i < TAPS; i++) {
        if (!k->names[i] || strcmp(k->names[i], name) || count > MOST_VALUES) continue;
        memcpy(k->values[i], values, (size_t)count * sizeof *values);
        k->count[i] = count;
    }
    return true;
}

static bool kept(const Kept *a, int i, const Kept *b, int k) {
    return a->count[i] && a->count[i] == b->count[k] &&
           !memcmp(a->values[i], b->values[k], (size_t)a->count[i] * sizeof **a->values);
}

static double distance(const Kept *a, int i, const Kept *b, int k) {
    double apart = 0, all = 0;
    if (!a->count[i] || a->count[i] != b->count[k]) return INFINITY;
    for (int64_t j = 0; j < a->count[i]; j++) {
        apart += pow(a->values[i][j] - b->values[k][j], 2);
        all += pow(a->values[i][j], 2);
    }
    return sqrt(apart / all);
}

/* The largest difference of two pictures' bytes; 255 where one is missing. */
static int apart(const SdResult *a, const SdResult *b) {
    int most = 0;
    if (!a->count || !b->count) return 255;
    for (int i = 0; i < SIDE * SIDE * 3; i++) {
        int d = abs(a->pictures[0].rgb[i] - b->pictures[0].rgb[i]);
        if (d > most) most = d;
    }
    return most;
}

static bool write_noise(const char *path, const Kept *k, int i, double sigma, Error *e) {
    float noise[MOST_VALUES];
    for (int64_t j = 0; j < k->count[i]; j++) noise[j] = (float)(k->values[i][j] / sigma);
    FileTensor t = {.name = "noise", .dtype = F32, .nd = 4, .n = {1, 4, SIDE / 8, SIDE / 8}};
    StWriter *w = st_write_begin(path, &t, 1, NULL, 0, e);
    return w && st_write_data(w, noise, (size_t)k->count[i] * sizeof *noise, e) && st_write_end(w, e);
}

/* Six steps whose sigmas fall by the same factor: the first three are the base's own; from there the refiner alone,
 * which begins at the fourth sigma with the latents as noise, comes to the same. */
static void joined(SdModel *base, SdModel *refiner) {
    static Kept both, first, last;
    const double high = 8, low = 0.25, fourth = high * pow(low / high, 3.0 / 5);
    SdRequest r = request(refiner, "Euler", 6, 0.5), alone = request(NULL, "Euler", 6, 0.8);
    SdResult out[3] = {{0}};
    Error e = {0};
    both = (Kept){.names = {"latents.step002", "latents.step005", "text_model.last_hidden_state",
                            "refiner.text_model.last_hidden_state", "refiner.pooled", "unet.step003.add_embedding"}};
    first = (Kept){.names = {"latents.step002", "text_model.last_hidden_state"}};
    last = (Kept){.names = {"latents.step002", "text_model.last_hidden_state", "pooled", "unet.step000.add_embedding"}};
    r.scheduler = alone.scheduler = "Exponential", r.refiner_by_steps = true;
    r.sigma_max = alone.sigma_max = high, r.sigma_min = alone.sigma_min = low;
    r.prompt = alone.prompt = "a cat AND a [dog:bird:2] :0.5", r.original_width = alone.original_width = 96;
    r.aesthetic_score = 7, r.negative_aesthetic_score = 3;
    r.activation = alone.activation = keep;
    r.user = &both, alone.user = &first;
    bool ok = draw(base, &r, &out[0], &e) && draw(base, &alone, &out[1], &e);
    test_check(ok && kept(&both, 0, &first, 0) && kept(&both, 2, &first, 1), "before the switch all is the base's");
    ok = ok && write_noise(cli_path("noise.safetensors"), &both, 0, fourth, &e);
    alone.noise = cli_path("noise.safetensors"), alone.sigma_max = fourth, alone.steps = 3, alone.user = &last;
    alone.prompt = "a cat AND a bird :0.5";
    alone.aesthetic_score = 7, alone.negative_aesthetic_score = 3;
    ok = ok && draw(refiner, &alone, &out[2], &e);
    test_check(ok && distance(&both, 1, &last, 0) < 1e-5, "after it all is the refiner's");
    test_note("%g; %s", distance(&both, 1, &last, 0), e.text);
    test_check(ok && apart(&out[0], &out[2]) <= 1, "and its VAE decodes");
    test_check(ok && both.count[3] > 0 && both.count[4] > 0 && distance(&both, 5, &last, 3) < 1e-6,
               "its texts have taps, and its label is its own");
    for (int i = 0; i < 3; i++) sd_free(&out[i]);
}

/* From the fourth of five steps on torch's refiner, too, is in the base's place. */
static void golden(void) {
    Error e = {0};
    const SdOptions o = {.threads = 1, .precision = SD_F32_DIRECT, .device = getenv("SDC_TEST_DEVICE")};
    SdModel *base = sd_open(cli_path("base.safetensors"), &o, &e);
    SdModel *refiner = sd_open(cli_path("plain.safetensors"), &o, &e);
    SdRequest r = pipeline_request("Euler", 42, SIDE, SIDE);
    SdResult out = {0};
    r.refiner = refiner, r.refiner_switch = 0.6, r.taps = cli_path("taps.safetensors");
    if (!test_check(draw(base, &r, &out, &e), "micro-SDXL refined")) test_note("%s", e.text);
    pipeline_golden("micro_sdxl_refined_64", SD_F32_DIRECT, cli_path("taps.safetensors"), "refined");
    sd_free(&out);
    sd_close(base);
    sd_close(refiner);
}

/* The score beside the negative prompt moves its label alone, and so does the other. */
static void scores(SdModel *refiner) {
    static Kept k[3];
    SdResult out[3] = {{0}};
    Error e = {0};
    bool ok = true;
    for (int i = 0; i < 3; i++) {
        SdRequest r = request(NULL, "Euler", 1, 0.8);
        k[i] = (Kept){.names = {"unet.step000.add_embedding"}};
        if (i == 1) r.aesthetic_score = 9;
        if (i == 2) r.negative_aesthetic_score = 9;
        r.activation = keep, r.user = &k[i];
        ok = draw(refiner, &r, &out[i], &e) && ok;
    }
    size_t row = (size_t)k[0].count[0] / 2, bytes = row * sizeof(float);
    const float *a = k[0].values[0], *b = k[1].values[0], *c = k[2].values[0];
    test_check(ok && row && !memcmp(a, b, bytes) && memcmp(a + row, b + row, bytes) && memcmp(a, c, bytes) &&
                   !memcmp(a + row, c + row, bytes),
               "each score is told beside its own prompt");
    test_note("%s", e.text);
    for (int i = 0; i < 3; i++) sd_free(&out[i]);
}

/* --- the same bits --- */

static void same(SdModel *base, SdModel *refiner) {
    SdRequest r = request(refiner, "DPM++ 2M SDE", 4, 0.5), plain = request(NULL, "DPM++ 2M SDE", 4, 0.8);
    SdResult one[2] = {{0}}, other = {0};
    Error e = {0};
    r.refiner_by_steps = true, r.batch_size = 2;
    bool ok = draw(base, &r, &one[0], &e);
    r.batch_size = 1, r.seed = 43, r.keep = true;
    ok = ok && draw(base, &r, &one[1], &e);
    test_check(ok && equal(&one[0], 1, &one[1], 0), "a batch is its pictures");
    ok = ok && draw(base, &plain, &other, &e); /* the base again, after the refiner */
    sd_free(&other);
    ok = ok && draw(base, &r, &other, &e);
    test_check(ok && equal(&one[1], 0, &other, 0), "kept models draw the same again");
    sd_free(&other);
    plain.seed = 43;
    ok = ok && draw(base, &plain, &other, &e);
    r.refiner_by_steps = false, r.refiner_switch = 1, r.keep = false;
    sd_free(&one[0]);
    ok = ok && draw(base, &r, &one[0], &e);
    test_check(ok && equal(&one[0], 0, &other, 0) && !equal(&one[0], 0, &one[1], 0) &&
                   !strcmp(one[0].pictures[0].parameters, other.pictures[0].parameters),
               "a refiner that never takes over leaves no trace");
    test_note("%s", e.text);
    for (int i = 0; i < 2; i++) sd_free(&one[i]);
    sd_free(&other);
}

/* A GPU, which has an arena of its own size for each stage of each expert, draws the CPU's picture. */
static void on_gpu(SdModel *base, SdModel *refiner) {
    Error e = {0};
    const SdOptions o = {.threads = 1, .device = "cuda"};
    if (!gpu_count() || base->gpu || !sd_exact(base)) return;
    SdModel *there = sd_open(cli_path("base.safetensors"), &o, &e);
    SdModel *refiner_there = sd_open(cli_path("refiner.safetensors"), &o, &e);
    SdRequest r = request(refiner, "Euler", 2, 0.5);
    SdResult here = {0}, out = {0};
    r.refiner_by_steps = true, r.width = r.height = 16;
    bool ok = draw(base, &r, &here, &e);
    r.refiner = refiner_there;
    for (int k = 0; k < 2; k++) {
        ok = ok && draw(there, &r, &out, &e);
        test_check(ok && equal(&here, 0, &out, 0), "a GPU%s draws the same picture", k ? " that keeps both" : "");
        test_note("%s", e.text);
        sd_free(&out);
        r.keep = true;
    }
    sd_free(&here);
    sd_close(there);
    sd_close(refiner_there);
}

typedef struct {
    const SdModel *base, *refiner;
    int previews, both; /* at how many both had weights in memory */
} Seen;

static bool seen(void *user, const SdPicture *p, int step, int steps) {
    Seen *s = user;
    int n[2] = {0};
    for (int i = 0; i < PART_COUNT; i++) n[0] += s->base->loaded[i], n[1] += s->refiner->loaded[i];
    return (void)p, (void)step, (void)steps, s->both += n[0] && n[1], ++s->previews > 0;
}

/* Memory is the larger need of the two, never both; a limit makes the same bytes. */
static void limits(const char *base_name, const char *refiner_name) {
    Error e = {0};
    SdModel *base = opened(base_name, 0, &e), *refiner = opened(refiner_name, 0, &e);
    SdRequest r = request(refiner, "Euler", 4, 0.5), alone = request(NULL, "Euler", 4, 0.8);
    SdPlan plan, of_base, of_refiner, limited = {0};
    SdResult whole = {0}, out = {0};
    Seen s = {.refiner = refiner};
    bool ok = sd_plan(base, &r, &plan, &e) && sd_plan(base, &alone, &of_base, &e) &&
              sd_plan(refiner, &alone, &of_refiner, &e);
    size_t larger = of_base.process > of_refiner.process ? of_base.process : of_refiner.process;
    size_t least = of_base.weights < of_refiner.weights ? of_base.weights : of_refiner.weights;
    const size_t extra = 9 << 20; /* a thread's memory, and the texts of both */
    test_check(ok && plan.process >= larger && plan.process < larger + extra,
               "both need %zu KiB, one alone %zu and %zu", plan.process >> 10, of_base.process >> 10,
               of_refiner.process >> 10);
    test_check(ok && plan.weights < of_base.weights + least, "weights of one at a time");
    ok = ok && draw(base, &r, &whole, &e);
    sd_close(base);
    for (size_t k = 0; ok && k < 3; k++) {
        size_t limit = k < 2 ? plan.least + k * (plan.process - plan.least) / 2 : plan.process;
        base = opened(base_name, limit, &e);
        s.base = base;
        r.preview = k == 1 ? seen : NULL, r.user = &s;
        if (k == 1) limit = 0;
        ok = sd_plan(base, &r, &limited, &e) && draw(base, &r, &out, &e);
        test_check(ok && (!limit || limited.process <= limit) && equal(&whole, 0, &out, 0),
                   "within %zu KiB the same picture%s", limited.process >> 10, limited.streamed ? ", streamed" : "");
        test_note("%s", e.text);
        sd_free(&out);
        sd_close(base);
    }
    test_check(s.previews == 4 && !s.both, "previews by both, whose weights are never in memory together");
    sd_free(&whole), sd_close(refiner);
}

/* --- refused --- */

static void refuse(SdModel *m, const SdRequest *r, const char *words) {
    Error e = {0};
    SdResult out = {0};
    bool ok = draw(m, r, &out, &e);
    if (!test_check(!ok && cli_holds(e.text, words) && !out.count, "refused: %s", words)) test_note("%s", e.text);
    sd_free(&out);
}

static void refusals(SdModel *base, SdModel *refiner) {
    Error e = {0};
    SdModel *sd1 = opened("sd1.safetensors", 0, &e), *damaged = opened("damaged.safetensors", 0, &e);
    SdModel *direct = sd_open(cli_path("refiner.safetensors"), &(SdOptions){.precision = SD_F32_DIRECT}, &e);
    SdRequest r = request(base, "Euler", 2, 0.5);
    if (!test_check(sd1 && damaged && direct, "models")) test_note("%s", e.text);
    refuse(base, &r, "refiner: |base.safetensors: is the model itself");
    r.refiner = sd1;
    refuse(base, &r, "refiner: |sd1.safetensors: its latents are of another kind|SD 1.x cannot refine SDXL");
    r.refiner = direct;
    refuse(base, &r, "was opened for another device or precision");
    r.refiner = damaged;
    refuse(base, &r, "the refiner U-Net's numbers stopped being finite in step 2, first in conv_in");
    r.refiner = refiner, r.refiner_switch = 1.5;
    refuse(base, &r, "refiner switch: 1.5 is not in 0..1");
    r.refiner = NULL, r.refiner_switch = 0.5;
    refuse(base, &r, "refiner-switch: counts only with a refiner");
    r = request(NULL, "Euler", 2, 0.8), r.aesthetic_score = 7;
    refuse(base, &r, "aesthetic-score: counts only with SDXL's refiner, and this is SDXL; leave it out");
    r = request(NULL, "Euler", 2, 0.8), r.target_width = 72;
    refuse(refiner, &r, "target-width: counts only with SDXL's base, and this is SDXL refiner");
    r = request(NULL, "Euler", 2, 0.8), r.crop_top = 1;
    refuse(sd1, &r, "crop-top: counts only with an SDXL model, and this is SD 1.x");
    r = request(refiner, "Euler", 2, 0.5), r.clip_skip = 4;
    refuse(base, &r, "clip skip: 4 is not in");
    sd_close(sd1);
    sd_close(damaged);
    sd_close(direct);
}

/* A model of SD 1 that refines itself leaves the picture as it is. */
static void itself(void) {
    Error e = {0};
    SdModel *base = opened("sd1.safetensors", 0, &e), *again = opened("sd1.safetensors", 0, &e);
    SdRequest r = request(again, "DPM++ 2M Karras", 4, 0.3), alone = request(NULL, "DPM++ 2M Karras", 4, 0.8);
    SdResult a = {0}, b = {0};
    bool ok = draw(base, &r, &a, &e) && draw(base, &alone, &b, &e);
    test_check(ok && equal(&a, 0, &b, 0) && strstr(a.pictures[0].parameters, ", Refiner: sd1 ["),
               "a model of SD 1 that refines itself");
    test_note("%s", e.text);
    sd_free(&a);
    sd_free(&b);
    sd_close(base);
    sd_close(again);
}

/* --- the program --- */

#define ASK "-m base.safetensors -p cat -W 64 -H 64 --steps 4 --seed 3 --threads 1 -q "
#define DRAW "txt2img " ASK

static void program(void) {
    cli_works("", DRAW "--refiner refiner.safetensors --refiner-switch 0.6 -o r.png");
    cli_works("Refiner            |refiner [|Refiner switch at  |0.6", "png-info r.png");
    cli_works("r.png: equal", "replay r.png -m base.safetensors --refiner refiner.safetensors --threads 1 -q");
    cli_fails(1, "r.png: Refiner: needs refiner [|name its file after --refiner", "replay r.png -m base.safetensors");
    cli_works("", DRAW "--refiner refiner.safetensors --refiner-switch 0.5 --refiner-by-steps -o s.png");
    cli_works("s.png: equal", "replay s.png -m base.safetensors --refiner refiner.safetensors --threads 1 -q");
    cli_works("", DRAW "-o b.png");
    cli_fails(1, "b.png: was made without a refiner; leave --refiner out",
              "replay b.png -m base.safetensors --refiner refiner.safetensors");
    cli_fails(2, "--refiner-switch: needs --refiner MODEL", DRAW "--refiner-switch 0.5 -o x.png");
    cli_fails(2, "--taps: refiner.safetensors is also an input file",
              DRAW "--refiner refiner.safetensors -o x.png --taps refiner.safetensors");
    cli_works("", "record " ASK "--refiner refiner.safetensors --tap '*step003*' -o r.record");
    cli_works("r.record: ", "check r.record -m base.safetensors --refiner refiner.safetensors --threads 1");
    cli_works("r.record: ", "check r.record -m base.safetensors --threads 1 -q"); /* it lies beside the record */
    CliRun other = cli("replay r.png -m base.safetensors --refiner damaged.safetensors --threads 1 -q");
    test_check(other.code == 1 && strstr(other.err, "was refined by another model: refiner ["),
               "another refiner shows");
    test_note("%s", other.err);
    cli_free(&other);
}

/* The refiner's VAE has numbers of its own, since it decodes what the refiner drew. */
static void own_vae(void *user, MadeTensors *l) {
    (void)user;
    for (size_t i = 0; i < l->count; i++)
        if (!strncmp(l->at[i].source, "first_stage_model.decoder.", 26))
            l->at[i].source[0] = 'F'; /* another name, other numbers */
}

static void damage(void *user, MadeTensors *l) {
    (void)user;
    for (size_t i = 0; i < l->count; i++)
        if (!strcmp(l->at[i].name, "model.diffusion_model.input_blocks.0.0.weight"))
            l->at[i].values = VALUES_FIRST, l->at[i].value = NAN;
}

static bool make(const char *name, SdConfig k, void (*edit)(void *, MadeTensors *)) {
    return make_model_of(cli_path(name), (MakeModel){.dtype = F32, .edit = edit}, k);
}

SUITE(refiner, .seconds = 6) {
    Error e = {0};
    if (!test_check(cli_begin() && make("base.safetensors", micro_sdxl_config(), NULL) &&
                        make("refiner.safetensors", micro_refiner_config(), own_vae) &&
                        make("plain.safetensors", micro_refiner_config(), NULL) &&
                        make("damaged.safetensors", micro_refiner_config(), damage) &&
                        make("sd1.safetensors", micro_config(), NULL),
                    "models"))
        return;
    program(); /* first, while this process is small */
    SdModel *base = opened("base.safetensors", 0, &e), *refiner = opened("refiner.safetensors", 0, &e);
    if (test_check(base && refiner, "they open")) {
        turns(base, refiner);
        joined(base, refiner);
        scores(refiner);
        same(base, refiner);
        on_gpu(base, refiner);
        refusals(base, refiner);
    } else test_note("%s", e.text);
    sd_close(base);
    sd_close(refiner);
    golden();
    limits("base.safetensors", "refiner.safetensors");
    itself();
}
