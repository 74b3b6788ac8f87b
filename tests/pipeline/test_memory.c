/* test_memory.c: pictures under a memory limit. The micro model, from what it needs with everything at once down to its
 * minimum: the same picture in every mode, within the memory that the plan promised; one byte less is refused. */
#include "sd/sd.h"
#include "tests/harness/cli.h"
#include "tools/ledger/generated.h"
#include "tests/harness/make_model.h"
#include "pipeline.h"
#include "tests/harness/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = 256, LIMITS = 16, MAX_PLANS = 32 };

typedef struct {
    const char *model, *label;
    SdPrecision precision;
    SdRequest request;
    SdResult whole;          /* without a limit */
    SdPlan plans[MAX_PLANS]; /* made so far: the same ones need no second picture */
    int count;
    bool split, strips, streamed, ahead; /* modes seen so far */
} Case;

static bool make(const Case *k, int threads, size_t limit, SdPlan *plan, SdResult *out, Error *e) {
    SdOptions o = {.threads = threads, .precision = k->precision, .memory_limit = limit};
    SdModel *m = sd_open(k->model, &o, e);
    bool ok = sd_plan(m, &k->request, plan, e) &&
              (!out || (k->request.image ? sd_img2img : sd_txt2img)(m, &k->request, out, e));
    sd_close(m);
    return ok;
}

static bool same(const SdResult *a, const SdResult *b) {
    bool ok = a->count && a->count == b->count;
    for (int i = 0; ok && i < a->count; i++)
        ok = !memcmp(a->pictures[i].rgb, b->pictures[i].rgb,
                     (size_t)a->pictures[i].width * (size_t)a->pictures[i].height * 3);
    return ok;
}

static bool same_plan(const SdPlan *a, const SdPlan *b) {
    return a->weights == b->weights && a->activations == b->activations && a->unet_pictures == b->unet_pictures &&
           a->vae_strips == b->vae_strips && a->streamed == b->streamed && !a->read_ahead == !b->read_ahead;
}

static void under(Case *k, int threads, size_t limit) {
    SdPlan plan = {0};
    SdResult out = {0};
    Error e = {0};
    bool ok = make(k, threads, limit, &plan, NULL, &e);
    test_check(ok && plan.process <= limit, "%s, %d threads, %zu KiB: planned within it", k->label, threads,
               limit >> 10);
    for (int i = 0; i < k->count; i++)
        if (same_plan(&plan, &k->plans[i])) return;
    if (k->count < MAX_PLANS) k->plans[k->count++] = plan;
    ok = make(k, threads, limit, &plan, &out, &e);
    test_check(ok && same(&out, &k->whole) && same_plan(&plan, &k->plans[k->count - 1]),
               "%s, %d threads, %zu KiB: the same picture", k->label, threads, limit >> 10);
    test_note("takes %zu KiB; %d a U-Net call, %d levels in strips%s. %s", plan.process >> 10, plan.unet_pictures,
              plan.vae_strips, plan.streamed ? ", streamed" : "", e.text);
    k->split |= plan.unet_pictures < 2 * k->request.batch_size;
    k->strips |= plan.vae_strips > 0;
    k->streamed |= plan.streamed;
    k->ahead |= plan.read_ahead > 0;
    sd_free(&out);
}

static void refused(Case *k, size_t limit) {
    SdPlan plan;
    SdResult out = {0};
    Error e = {0};
    char least[64], most[64];
    bool ok = make(k, 1, limit, &plan, &out, &e);
    snprintf(least, sizeof least, "or %zu MiB with every saving", (plan.least + (1 << 20) - 1) >> 20);
    snprintf(most, sizeof most, "the limit is %zu MiB", limit >> 20);
    test_check(!ok && e.code == ERR_MEMORY && strstr(e.text, least) && strstr(e.text, most) && !out.count,
               "%s: one byte below the minimum is refused, with the numbers", k->label);
    test_note("%s", e.text);
    sd_free(&out);
}

static void check(Case *k) {
    SdPlan all = {0}, plan;
    Error e = {0};
    k->count = 0;
    if (!test_check(make(k, 1, 0, &all, &k->whole, &e), "%s: a picture", k->label)) test_note("%s", e.text);
    under(k, 1, all.process);
    for (int i = 1; i < LIMITS; i++) under(k, 1, all.process - (size_t)i * (all.process - all.least) / LIMITS);
    under(k, 1, all.least + (256 << 10));             /* weights are read ahead */
    for (int threads = 1; threads <= 3; threads += 2) /* each thread has memory of its own */
        if (make(k, threads, 0, &plan, NULL, &e)) under(k, threads, plan.least);
    refused(k, all.least - 1);
    sd_free(&k->whole);
}

static bool seen(void *user, const SdPicture *p, int step, int steps) {
    (void)p, (void)steps;
    *(int *)user += step >= 0;
    return true;
}

static void requests(const char *model, SdPrecision precision, const char *label) {
    static uint8_t rgb[SIDE * SIDE * 3];
    for (int i = 0; i < SIDE * SIDE * 3; i++) rgb[i] = (uint8_t)gen_mixed(7, (uint64_t)i);
    char name[96];
    Case k = {.model = model, .label = name, .precision = precision};
    k.request = pipeline_request("Euler", 42, SIDE / 2, SIDE / 2);
    k.request.steps = 1, k.request.batch_size = 12;
    snprintf(name, sizeof name, "%s, twelve small pictures", label);
    check(&k);
    test_check(k.split, "%s: U-Net calls are split", name);
    if (precision == SD_MIXED) return; /* plans as f32 does; its pieces were all seen */
    k.request = pipeline_request("Euler", 42, SIDE - 8, SIDE - 40);
    k.request.image = rgb, k.request.image_width = k.request.image_height = SIDE;
    k.request.steps = 3, k.request.strength = 0.5;
    snprintf(name, sizeof name, "%s, from a picture", label);
    check(&k);
    int previews = 0;
    k.request = pipeline_request("Euler", 42, SIDE, SIDE);
    k.request.steps = 2, k.request.preview = seen, k.request.user = &previews;
    k.request.negative = "one, two, three, four, five, six, seven, eight, nine, ten, eleven, twelve, thirteen, "
                         "fourteen, fifteen, sixteen, seventeen, eighteen, nineteen, twenty, twenty-one, twenty-two, "
                         "twenty-three, twenty-four, twenty-five, twenty-six, twenty-seven, twenty-eight, twenty-nine";
    snprintf(name, sizeof name, "%s, uneven prompts and previews", label);
    check(&k);
    test_check(previews > 0, "%s: previews are shown", name);
    test_check(k.strips && k.streamed && k.ahead,
               "%s: the VAE runs strip by strip, weights are streamed, and read ahead", label);
}

static bool told(void *user, const char *name, int nd, const int64_t *n, const float *values) {
    size_t bytes = sizeof *values, *most = user;
    (void)name;
    for (int i = 0; i < nd; i++) bytes *= (size_t)n[i];
    if (bytes > *most) *most = bytes;
    return true;
}

/* A listener's copy of the largest activation is planned, if it is told of that one. */
static void listener(const char *model) {
    SdOptions o = {.threads = 1};
    SdRequest r = pipeline_request("Euler", 42, SIDE, SIDE);
    SdPlan file = {0}, all = {0}, few = {0};
    SdResult out = {0};
    Error e = {0};
    size_t most = 0, image = SIDE * SIDE * 3 * sizeof(float);
    SdModel *m = sd_open(model, &o, &e);
    r.steps = 2, r.user = &most, r.taps = "not made";
    bool ok = m && sd_plan(m, &r, &file, &e);
    r.taps = NULL, r.activation = told;
    ok = ok && sd_plan(m, &r, &all, &e) && sd_txt2img(m, &r, &out, &e);
    r.tap = "unet.step001.conv_in";
    ok = ok && sd_plan(m, &r, &few, &e);
    test_check(ok && most > image && all.process == file.process + most + image && few.process == file.process,
               "a listener's copies are planned");
    test_note("%zu, with copies %zu, of the first %zu; the largest is %zu. %s", file.process, all.process, few.process,
              most, e.text);
    sd_free(&out);
    sd_close(m);
}

/* The peak memory that a run's last line reports, or 0 when it failed. */
static size_t peak_told(const CliRun *run) {
    const char *at = run->out ? strstr(run->out, "peak memory ") : NULL;
    size_t bytes = at && !run->code ? (size_t)strtol(at + 12, NULL, 10) << 20 : 0;
    if (!bytes) test_note("%s%s", run->out, run->err);
    return bytes;
}

/* Runs the program; returns what it takes at most, or 0. */
static size_t run_program(const char *model, const char *options, const char *out) {
    CliRun run = cli("txt2img -m %s -p 'a lovely cat' -n 'blurry' --steps 1 --seed 42 --threads 2 %s -o %s", model,
                     options, out);
    size_t bytes = peak_told(&run);
    cli_free(&run);
    return bytes;
}

static bool same_file(const char *a, const char *b) {
    size_t m, n;
    char *x = test_read(cli_path(a), &m), *y = test_read(cli_path(b), &n);
    bool ok = x && y && m == n && !memcmp(x, y, m);
    free(x);
    free(y);
    return ok;
}

/* The peak memory that the program reports against its limit. */
static void measured(const char *model) {
    SdOptions o = {.threads = 2};
    SdRequest r = pipeline_request("Euler", 42, 512, 512);
    SdPlan plan = {0};
    Error e = {0};
    SdModel *m = sd_open(model, &o, &e);
    bool ok = sd_plan(m, &r, &plan, &e) && cli_begin();
    sd_close(m);
    const size_t limits[] = {plan.process, (plan.process + plan.least) / 2, plan.least};
    for (int i = 0; ok && i < 3; i++) {
        char options[96], out[32];
        snprintf(options, sizeof options, "-W 512 -H 512 --memory-limit %zu", limits[i]);
        snprintf(out, sizeof out, "p%d.png", i);
        size_t bytes = run_program(model, options, out);
        bool within = bytes <= limits[i] || TEST_SANITIZED; /* the sanitizer has memory of its own */
        test_check(bytes && within && same_file("p0.png", out), "the program stays within %zu MiB", limits[i] >> 20);
        test_note("%zu MiB", bytes >> 20);
    }
}

/* The built-in model, which lies in the program: its pages are given back like a mapped file's. */
static void built_in(void) {
    SdOptions o = {.threads = 2};
    SdPlan plan = {0};
    Error e = {0};
    if (!sd_builtin()) return;
    SdModel *m = sd_open(NULL, &o, &e);
    SdRequest r = sd_request(m);
    r.prompt = "a red circle";
    bool ok = m && sd_plan(m, &r, &plan, &e) && cli_begin();
    sd_close(m);
    test_check(ok && plan.least < 24 << 20, "the built-in model draws in less than 24 MiB");
    test_note("%zu bytes; %s", plan.least, e.text);
    CliRun run = cli("txt2img -p 'a red circle' --seed 1 --threads 2 --memory-limit %zu -o least.png", plan.least);
    size_t bytes = peak_told(&run);
    test_check(bytes && (bytes <= plan.least || TEST_SANITIZED), "and stays within its least");
    test_note("%zu of %zu bytes", bytes, plan.least);
    cli_free(&run);
    cli_works("", "txt2img -p 'a red circle' --seed 1 --threads 2 -q -o normal.png");
    test_check(same_file("normal.png", "least.png"), "with the same picture");
}

/* SD 1.5 at 512x512 from an F16 file. */
void memory_full(const char *model) {
    SdOptions o = {.threads = 2};
    SdRequest r = sd_request(NULL);
    SdPlan plan = {0};
    Error e = {0};
    SdModel *m = sd_open(model, &o, &e);
    r.prompt = "a lovely cat", r.negative = "blurry";
    bool ok = sd_plan(m, &r, &plan, &e) && cli_begin();
    sd_close(m);
    if (!test_check(ok, "the full model is planned")) test_note("%s", e.text);
    if (!ok) return;
    test_check(plan.unet_peak - plan.lasting <= 80000000, "the U-Net's own activations stay within 80 MB");
    test_note("%zu bytes, and %zu of texts, keys and values", plan.unet_peak - plan.lasting, plan.lasting);
    char limit[64];
    size_t normal = run_program(model, "", "normal.png");
    test_check(normal && normal <= plan.weights + 250000000,
               "512x512 needs at most 250 MB more than the U-Net's weights");
    test_note("%zu MiB, weights %zu MiB, planned %zu MiB", normal >> 20, plan.weights >> 20, plan.process >> 20);
    size_t limited = run_program(model, "--memory-limit 900M", "limited.png");
    test_check(limited && limited <= (size_t)900 << 20 && same_file("normal.png", "limited.png"),
               "512x512 under 900 MiB: the same picture");
    test_note("%zu MiB", limited >> 20);
    snprintf(limit, sizeof limit, "--memory-limit %zu", plan.least);
    size_t least = run_program(model, limit, "least.png");
    test_check(least && least <= plan.least && same_file("normal.png", "least.png"),
               "512x512 under its minimum: the same picture");
    test_note("%zu of %zu MiB", least >> 20, plan.least >> 20);
}

/* Calls of several sizes on one model, with and without `keep`: each makes the picture that a fresh model makes. */
static void kept(const char *path) {
    static const struct {
        int side;
        bool keep;
    } CALLS[] = {{64, true}, {128, true}, {64, true}, {96, false}, {64, true}, {64, true}};
    Error e = {0};
    SdModel *m = sd_open(path, &(SdOptions){.threads = 2}, &e);
    int right = 0;
    for (int i = 0; m && i < 6; i++) {
        SdRequest r = pipeline_request("Euler", 42 + (uint64_t)i, CALLS[i].side, CALLS[i].side);
        SdResult alone = {0}, among = {0};
        r.steps = 2;
        bool ok = pipeline_run(path, &(SdOptions){.threads = 2}, &r, &alone, &e);
        r.keep = CALLS[i].keep;
        right += ok && sd_txt2img(m, &r, &among, &e) && same(&alone, &among);
        sd_free(&alone);
        sd_free(&among);
    }
    sd_close(m);
    test_check(right == 6, "calls with and without keep on one model: the same pictures as on fresh models");
    test_note("%d of 6; %s", right, e.text);
}

static void kind(DType type, SdPrecision precision, const char *label) {
    char path[1024];
    snprintf(path, sizeof path, "%s", test_path("memory.safetensors"));
    if (!make_micro_model(path, type)) return;
    requests(path, precision, label);
    if (precision == SD_F32) measured(path), kept(path), listener(path);
}

SUITE(memory, .seconds = 20) {
    built_in();
    kind(F16, SD_F32, "f32 of F16");
    kind(F16, SD_MIXED, "mixed of F16");
}

SUITE(memory_direct, .seconds = 20) { kind(F32, SD_F32_DIRECT, "f32-direct of F32"); }
