/* test_bench.c: `sdc bench`: its list of a model's calls against the plan, its JSON, and kernels of one call each. */
#include "sd/sd.h"
#include "tools/bench/bench_kernels.h"
#include "weights/files/json.h"
#include "tests/harness/cli.h"
#include "tests/harness/make_model.h"
#include "tests/harness/test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool same(double a, double b) { return fabs(a - b) <= 1e-9 * fabs(b); }

static double flops_of(const Record *r, SdStage stage) {
    double sum = 0;
    for (int i = 0; i < r->count; i++)
        if (r->calls[i].shape.stage == (int64_t)stage) sum += r->calls[i].flops;
    return sum;
}

/* What is recorded is what a request would do. */
static void lists(SdConfig k) {
    Error e = {0};
    size_t size;
    void *bytes = made_model(&k, F16, &size, &e);
    SdModel *m = bytes ? sd_open_memory(k.family, bytes, size, NULL, &e) : NULL;
    for (int guided = 0; m && guided < 2; guided++) {
        SdRequest r = sd_request(m);
        SdPlan plan;
        Record record = {0};
        r.width = 72, r.height = 104, r.batch_size = 2, r.cfg = guided ? 7 : 1;
        r.negative = "a"; /* SDXL encodes no empty one */
        bool ok = sd_plan(m, &r, &plan, &e) && record_plan(&record, &k, 72, 104, 2, guided, &e);
        test_check(ok && same(flops_of(&record, SD_STAGE_TEXT), plan.text_flops) &&
                       same(flops_of(&record, SD_STAGE_SAMPLE), plan.step_flops) &&
                       same(flops_of(&record, SD_STAGE_DECODE), plan.decode_flops / 2),
                   "bench: the recorded calls of %s are those of the plan, %s guidance", k.family,
                   guided ? "with" : "without");
        test_note("text %g, planned %g; step %g, planned %g; %s", flops_of(&record, SD_STAGE_TEXT), plan.text_flops,
                  flops_of(&record, SD_STAGE_SAMPLE), plan.step_flops, e.text);
        record_free(&record);
    }
    if (!test_check(m != NULL, "bench: %s opens", k.family)) test_note("%s", e.text);
    sd_close(m);
    free(bytes);
}

/* Full-size networks at 512x512, one text, one picture: what torch counts (tools/bench/bench_flops.py). */
static void counts(void) {
    static const struct {
        SdConfig (*config)(void);
        double text, step, decode;
    } TORCH[] = {
        {config_sd1, 13298503680., 803273441280., 2514518933504.},
        {config_sd2, 45127233536., 804257464320., 2514518933504.},
        {config_sdxl, 110053401600., 1588778762240., 2514518933504.},
        {config_sdxl_refiner, 97863106560., 1619279216640., 2514518933504.},
    };
    for (size_t i = 0; i < sizeof TORCH / sizeof *TORCH; i++) {
        Error e = {0};
        Record record = {0};
        SdConfig k = TORCH[i].config();
        double width = 4 * k.unet.channels;
        double again = k.unet.label ? 2 * width * width : 0; /* the time's second layer without its label, for a tap */
        bool ok = record_plan(&record, &k, 512, 512, 1, false, &e);
        test_check(ok && same(flops_of(&record, SD_STAGE_TEXT), TORCH[i].text) &&
                       same(flops_of(&record, SD_STAGE_SAMPLE), TORCH[i].step + again) &&
                       same(flops_of(&record, SD_STAGE_DECODE), TORCH[i].decode),
                   "bench: torch counts as much for %s", k.family);
        test_note("text %.12g, step %.12g, decode %.12g %s", flops_of(&record, SD_STAGE_TEXT),
                  flops_of(&record, SD_STAGE_SAMPLE), flops_of(&record, SD_STAGE_DECODE), e.text);
        record_free(&record);
    }
}

/* Calls of fewer pictures are planned as often as they are made. */
static void small_calls(const char *model) {
    Error e = {0};
    SdPlan whole = {0}, least = {0};
    SdModel *m = sd_open(model, NULL, &e);
    SdRequest r = sd_request(m);
    r.width = r.height = 256, r.batch_size = 37;
    bool ok = m && sd_plan(m, &r, &whole, &e);
    sd_close(m);
    m = ok ? sd_open(model, &(SdOptions){.memory_limit = whole.least}, &e) : NULL;
    ok = m && sd_plan(m, &r, &least, &e) && least.unet_pictures < whole.unet_pictures;
    test_check(ok && same(least.step_flops, whole.step_flops), "plan: small calls of the U-Net take as much in all");
    test_note("%d and %d pictures, %g and %g; %s", whole.unet_pictures, least.unet_pictures, whole.step_flops,
              least.step_flops, e.text);
    sd_close(m);
}

/* One call of each kind of product, the list's first. */
static void kernels(void) {
    Error e = {0};
    SdConfig k = micro_config();
    Record record = {0};
    Kernels found = {0};
    bool have[3] = {0}, ok = record_plan(&record, &k, 64, 64, 1, true, &e);
    int count = 0;
    for (int i = 0; ok && i < record.count; i++) {
        CallShape s = record.calls[i].shape;
        if (!call_is_product(&s) || have[s.kind]) continue;
        have[s.kind] = true;
        record.calls[count++] = record.calls[i];
    }
    record.count = count;
    ok = ok && count == 3 && bench_kernels(&record, PRECISION_F32, true, 1, NULL, &found, &e) && found.count == count;
    for (int i = 0; ok && i < count; i++)
        for (int t = 0; t < found.table_count; t++)
            ok = ok && found.at[i].share[t] > 0 && isfinite(found.at[i].share[t]);
    test_check(ok, "bench: kernels of every kind have a rate in every table");
    test_note("%d of %d kernels; %s", found.count, count, e.text);
    kernels_free(&found);
    record_free(&record);
}

static double number(const Json *j, const JsonNode *at, const char *key) {
    double v;
    return json_double(json_get(j, at, key), &v) ? v : NAN;
}

static bool is_string(const JsonNode *n, const char *text) {
    return n && n->type == JSON_STRING && (!text || !strcmp(n->text, text));
}

/* Sum of `key` over the calls of a stage; NAN where one lacks it. */
static double sum(const Json *j, const JsonNode *calls, const char *stage, const char *key) {
    double all = 0;
    for (int32_t i = calls->child; i >= 0; i = j->nodes[i].next)
        if (is_string(json_get(j, &j->nodes[i], "stage"), stage)) all += number(j, &j->nodes[i], key);
    return all;
}

static bool peaks_are_there(const Json *j, bool gpu) {
    const JsonNode *peaks = json_get(j, &j->nodes[0], "peaks"), *copy = json_get(j, &j->nodes[0], "copy");
    bool ok = peaks && peaks->type == JSON_ARRAY && peaks->count >= (gpu ? 2 : 1);
    for (int32_t i = ok ? peaks->child : -1; i >= 0; i = j->nodes[i].next)
        ok = ok && is_string(json_get(j, &j->nodes[i], "isa"), NULL) &&
             number(j, &j->nodes[i], "together") > (gpu ? 1e7 : 1e8) && (gpu || number(j, &j->nodes[i], "one") > 1e8);
    return ok && number(j, copy, "together") > 1e7 && (gpu || number(j, copy, "one") > 1e7);
}

void bench_json(const char *device, bool guided, int steps, int runs, const char *command) {
    static const char *const STAGES[] = {"text", "step", "decode"};
    Error e = {0};
    CliRun r = cli("bench --json %s", command);
    Json *j = r.code ? NULL : json_parse("bench", r.out, strlen(r.out), &e);
    if (test_check(j, "bench --json: is JSON: %s", command)) {
        bool gpu = strcmp(device, "cpu") != 0;
        const JsonNode *root = &j->nodes[0], *picture = json_get(j, root, "picture");
        const JsonNode *calls = json_get(j, root, "calls"), *memory = json_get(j, root, "memory");
        const JsonNode *on = json_get(j, root, "device");
        test_check(number(j, root, "width") == 64 && number(j, root, "steps") == steps &&
                       number(j, root, "runs") == runs && is_string(json_get(j, root, "model"), NULL) &&
                       (gpu || number(j, root, "threads") == 2) && is_string(json_get(j, root, "precision"), "f32") &&
                       on && on->type == JSON_STRING && !strncmp(on->text, device, strlen(device)),
                   "bench --json: says what was asked");
        test_check(peaks_are_there(j, gpu), "bench --json: peaks");
        test_check(number(j, memory, "weights") > 1e6 && number(j, memory, "peak_rss") > 1e6 &&
                       (number(j, memory, "gpu") > 1e6) == gpu,
                   "bench --json: memory");
        double all = 0;
        for (int i = 0; calls && calls->type == JSON_ARRAY && i < 3; i++) {
            const JsonNode *stage = json_get(j, json_get(j, root, "stages"), STAGES[i]);
            double seconds = number(j, stage, "seconds"), inside = sum(j, calls, STAGES[i], "seconds");
            all += seconds;
            test_check(seconds > 0 && number(j, stage, "fastest") <= seconds && number(j, stage, "arena") > 0 &&
                           inside > 0 && sum(j, calls, STAGES[i], "share") > 0,
                       "bench --json: seconds of %s", STAGES[i]);
            double flops = sum(j, calls, STAGES[i], "flop"), planned = number(j, stage, "flop");
            /* what is made once for all steps is in the plan's step, and in half of ours */
            test_check(i == 1 ? flops <= planned * 1.000001 && flops > 0.9 * planned : same(flops, planned),
                       "bench --json: the calls of %s do the planned work%s", STAGES[i], guided ? "" : ", unguided");
            test_note("%g, planned %g", flops, planned);
        }
        test_check(number(j, picture, "steps") == steps && number(j, picture, "seconds") > 0.5 * all,
                   "bench --json: a whole picture");
        test_check(calls && calls->count > 50, "bench --json: calls");
    }
    test_note("%s %s", r.err, e.text);
    json_free(j);
    cli_free(&r);
}

/* The calls of a step do what the model's own plan says; keys and values of texts, made once, are in the plan's. */
static void step_of(const Json *j, const char *stage, const char *model) {
    Error e = {0};
    SdPlan plan = {0};
    SdModel *m = sd_open(cli_path(model), NULL, &e);
    SdRequest r = sd_request(m);
    r.width = r.height = 64;
    bool ok = m && sd_plan(m, &r, &plan, &e);
    const JsonNode *root = &j->nodes[0], *calls = json_get(j, root, "calls");
    double planned = number(j, json_get(j, json_get(j, root, "stages"), stage), "flop");
    double done = sum(j, calls, stage, "flop");
    test_check(ok && same(planned, plan.step_flops) && done <= planned * 1.000001 && done > 0.8 * planned,
               "bench --refiner: a step of %s", model);
    test_note("%g, planned %g, its own plan %g %s", done, planned, plan.step_flops, e.text);
    sd_close(m);
}

static void refined(void) {
    Error e = {0};
    CliRun r = cli("bench --json -m sdxl.safetensors --refiner refiner.safetensors -W 64 -H 64 --steps 4 --threads 2");
    Json *j = r.code ? NULL : json_parse("bench", r.out, strlen(r.out), &e);
    if (test_check(j, "bench --refiner: is JSON")) {
        const JsonNode *stages = json_get(j, &j->nodes[0], "stages");
        step_of(j, "step", "sdxl.safetensors");
        step_of(j, "refiner", "refiner.safetensors");
        test_check(stages->count == 4 && number(j, json_get(j, stages, "refiner"), "seconds") > 0 &&
                       number(j, json_get(j, stages, "step"), "seconds") > 0,
                   "bench --refiner: seconds of both models' steps");
    }
    test_note("%s %s", r.err, e.text);
    json_free(j);
    cli_free(&r);
    cli_fails(2, "--refiner: its steps are measured on the processor", "bench --refiner refiner.safetensors --kernels");
    cli_fails(2, "--steps 1: leaves none to the refiner",
              "bench -m sdxl.safetensors --refiner refiner.safetensors --steps 1");
    cli_fails(1, "none.safetensors: ", "bench -m sdxl.safetensors --refiner none.safetensors");
}

SUITE(bench, .seconds = 3) {
    MakeModel spec = {.size = MODEL_MICRO, .dtype = F16};
    if (!test_check(cli_begin() && make_model(cli_path("micro.safetensors"), spec) &&
                        make_model_of(cli_path("sdxl.safetensors"), spec, micro_sdxl_config()) &&
                        make_model_of(cli_path("refiner.safetensors"), spec, micro_refiner_config()),
                    "bench: models are made"))
        return;
    lists(micro_config());
    lists(micro_sd2_config());
    lists(micro_sdxl_config());
    lists(micro_refiner_config());
    counts();
    small_calls(cli_path("micro.safetensors"));
    kernels();
    refined();
    bench_json("cpu", true, 2, 3, "-m micro.safetensors -W 64 -H 64 --steps 2 --runs 3 --threads 2");
}
