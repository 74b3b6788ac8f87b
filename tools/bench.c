/* bench.c: `sdc bench`, of one kernel at a time (bench_kernels.c) or, with -m MODEL, what a picture takes, stage by
 * stage, best of several runs, with the rate that the planned work makes of it. */
#include "commands.h"
#include "bench_kernels.h"
#include "../sd/sd.h"

#include <stdio.h>
#include <string.h>

typedef struct {
    const char *model, *precision;
    int64_t width, height, steps, batch_size, runs, threads;
    double cfg;
    bool kernels;
} Arguments;

#define AT(field) offsetof(Arguments, field)
const Option BENCH_OPTIONS[] = {
    {OPT_STRING, 'm', "model", AT(model), "MODEL", "the model: a file or a folder", 0, 0},
    {OPT_INT, 'W', "width", AT(width), "N", "pixels, a multiple of 8 (512, or the model's own size)", 64, 4096},
    {OPT_INT, 'H', "height", AT(height), "N", "likewise", 64, 4096},
    {OPT_INT, 0, "steps", AT(steps), "N", "steps of a run (3)", 1, 1000},
    {OPT_DOUBLE, 0, "cfg", AT(cfg), "X", "guidance; 1 halves the work (7)", 0, 1000},
    {OPT_INT, 0, "batch-size", AT(batch_size), "N", "pictures made at once (1)", 1, 64},
    {OPT_INT, 0, "runs", AT(runs), "N", "runs, of which the fastest counts (2)", 1, 1000},
    {OPT_INT, 0, "threads", AT(threads), "N", "as many threads (0: as many as there are cores)", 0, 1024},
    {OPT_CHOICE, 0, "precision", AT(precision), "f32|f32-direct", "as for txt2img (f32)", 0, 0},
    {OPT_FLAG, 0, "kernels", AT(kernels), NULL, "no model: each product as a share of this machine's peak", 0, 0},
    {OPT_END, 0, NULL, 0, NULL, NULL, 0, 0}};

static void line(const char *name, double seconds, double flops, size_t peak) {
    printf("  %-12s %10.4f s  %9.2f GFLOP/s  %10.1f MiB of activations\n", name, seconds,
           seconds > 0 ? flops / seconds * 1e-9 : 0, (double)peak * 0x1p-20);
}

static bool measure(const Arguments *a, Error *e) {
    SdOptions options = {.threads = (int)a->threads};
    if (a->precision && !strcmp(a->precision, "f32-direct")) options.precision = SD_F32_DIRECT;
    SdModel *model = sd_open(a->model, &options, e);
    SdRequest r = sd_request(model);
    SdResult best = {0};
    SdPlan plan = {0};
    if (a->width) r.width = (int)a->width;
    if (a->height) r.height = (int)a->height;
    r.prompt = "a photograph of an astronaut riding a horse";
    r.seed = 1, r.steps = (int)a->steps, r.cfg = a->cfg, r.batch_size = (int)a->batch_size, r.keep = true;
    bool ok = model && sd_plan(model, &r, &plan, e);
    for (int run = 0; ok && run < a->runs; run++) {
        SdResult result = {0};
        ok = sd_txt2img(model, &r, &result, e);
        if (!run || result.text_seconds < best.text_seconds) best.text_seconds = result.text_seconds;
        if (!run || result.sample_seconds < best.sample_seconds) best.sample_seconds = result.sample_seconds;
        if (!run || result.decode_seconds < best.decode_seconds) best.decode_seconds = result.decode_seconds;
        sd_free(&result);
    }
    if (ok) {
        printf("%s, %dx%d, %d steps, batch of %d, best of %d\n", a->model, r.width, r.height, r.steps, r.batch_size,
               (int)a->runs);
        line("text", best.text_seconds, plan.text_flops, plan.text_peak);
        line("step", best.sample_seconds / r.steps, plan.step_flops, plan.unet_peak);
        line("decode", best.decode_seconds, plan.decode_flops, plan.decode_peak);
    }
    sd_close(model);
    return ok;
}

int cmd_bench(int argc, char **argv) {
    Arguments a = {.steps = 3, .batch_size = 1, .runs = 2, .cfg = 7};
    Error e = {0};
    int rest = 0, code = options_parse("bench", BENCH_OPTIONS, &a, argc, argv, &rest);
    if (code != OPTIONS_GO_ON) return code;
    if (rest) return usage_error("bench", "'%.60s' is no option", argv[0]);
    if (a.kernels) return bench_kernels((int)a.runs, (int)a.threads, &e) ? finish_output() : report("bench", &e);
    if (!a.model) return usage_error("bench", "no model is built in yet: -m takes a .safetensors file or a folder");
    if (a.width % 8 || a.height % 8) return usage_error("bench", "width and height are multiples of 8");
    if (!measure(&a, &e)) return report("bench", &e);
    return finish_output();
}
