/* bench.c: `sdc bench`, of one kernel at a time (bench_kernels.c) or, with -m MODEL, what a picture takes, stage by
 * stage: the median of several runs after one that is not counted, with the rate that the planned work makes of it. */
#define _XOPEN_SOURCE 700
#include "commands.h"
#include "bench_kernels.h"
#include "bench_peaks.h"
#include "../sd/sd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

typedef struct {
    const char *model, *precision;
    int64_t width, height, steps, batch_size, runs, threads;
    double cfg;
    bool kernels, json;
} Arguments;

#define AT(field) offsetof(Arguments, field)
const Option BENCH_OPTIONS[] = {
    {OPT_STRING, 'm', "model", AT(model), "MODEL", "the model: a file or a folder", 0, 0},
    {OPT_INT, 'W', "width", AT(width), "N", "pixels, a multiple of 8 (512, or the model's own size)", 64, 4096},
    {OPT_INT, 'H', "height", AT(height), "N", "likewise", 64, 4096},
    {OPT_INT, 0, "steps", AT(steps), "N", "steps of a run (3)", 1, 1000},
    {OPT_DOUBLE, 0, "cfg", AT(cfg), "X", "guidance; 1 halves the work (7)", 0, 1000},
    {OPT_INT, 0, "batch-size", AT(batch_size), "N", "pictures made at once (1)", 1, 64},
    {OPT_INT, 0, "runs", AT(runs), "N", "runs, after one that is not counted; their median counts (1)", 1, 1000},
    {OPT_INT, 0, "threads", AT(threads), "N", "as many threads (0: as many as there are cores)", 0, 1024},
    {OPT_CHOICE, 0, "precision", AT(precision), "f32|f32-direct", "as for txt2img (f32)", 0, 0},
    {OPT_FLAG, 0, "kernels", AT(kernels), NULL, "no model: each product as a share of this machine's peak", 0, 0},
    {OPT_FLAG, 0, "json", AT(json), NULL, "the same for programs to read", 0, 0},
    {OPT_END, 0, NULL, 0, NULL, NULL, 0, 0}};

enum { MOST_RUNS = 1000 };

typedef struct {
    const char *name;
    double seconds[MOST_RUNS];
    double flops;
    size_t arena;
} Stage;

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(const Stage *s, int runs) {
    return runs % 2 ? s->seconds[runs / 2] : 0.5 * (s->seconds[runs / 2 - 1] + s->seconds[runs / 2]);
}

static void print(const Arguments *a, const SdRequest *r, const Stage *stage, const Peaks *peaks) {
    const Peak *f32 = peak_f32(peaks);
    struct rusage use;
    long most = getrusage(RUSAGE_SELF, &use) ? 0 : use.ru_maxrss;
    int runs = (int)a->runs;
    if (a->json) {
        printf("{\"width\": %d, \"height\": %d, \"batch\": %d, \"threads\": %d, \"runs\": %d,\n \"peaks\": [", r->width,
               r->height, r->batch_size, peaks->threads, runs);
        for (int i = 0; i < peaks->count; i++)
            printf("%s{\"name\": \"%s\", \"isa\": \"%s\", \"one\": %.6g, \"together\": %.6g}", i ? ", " : "",
                   peaks->of[i].name, peaks->of[i].isa, peaks->of[i].one, peaks->of[i].together);
        printf("],\n \"copy\": {\"one\": %.6g, \"together\": %.6g},\n \"stages\": {", peaks->copy_one,
               peaks->copy_together);
        for (int i = 0; i < 3; i++)
            printf("%s\n  \"%s\": {\"seconds\": %.6g, \"fastest\": %.6g, \"flop\": %.9g, \"arena\": %zu}", i ? "," : "",
                   stage[i].name, median(&stage[i], runs), stage[i].seconds[0], stage[i].flops, stage[i].arena);
        printf("},\n \"peak_rss\": %lld}\n", (long long)most * 1024);
        return;
    }
    for (int i = 0; i < peaks->count; i++)
        printf("%s %-10s one thread %8.1f GFLOP/s, %d threads %8.1f\n", peaks->of[i].name, peaks->of[i].isa,
               peaks->of[i].one * 1e-9, peaks->threads, peaks->of[i].together * 1e-9);
    printf("copying         one thread %8.1f GB/s,    %d threads %8.1f\n", peaks->copy_one * 1e-9, peaks->threads,
           peaks->copy_together * 1e-9);
    printf("%s, %dx%d, batch of %d, median of %d\n", a->model ? a->model : "built-in model", r->width, r->height,
           r->batch_size, runs);
    for (int i = 0; i < 3; i++) {
        double rate = stage[i].flops / median(&stage[i], runs);
        printf("  %-8s%10.4f s%10.1f GFLOP/s, %5.1f %% of the f32 peak%10.1f MiB of activations\n", stage[i].name,
               median(&stage[i], runs), rate * 1e-9, 100 * rate / f32->together, (double)stage[i].arena * 0x1p-20);
    }
    printf("  peak memory of the process %.1f MiB\n", (double)most / 1024);
}

static bool measure(const Arguments *a, Stage *stage, Error *e) {
    SdOptions options = {.threads = (int)a->threads};
    if (a->precision && !strcmp(a->precision, "f32-direct")) options.precision = SD_F32_DIRECT;
    Device *all = device_new((int)a->threads, e);
    SdModel *model = sd_open(a->model, &options, e);
    SdRequest r = sd_request(model);
    SdPlan plan = {0};
    Peaks peaks;
    if (a->width) r.width = (int)a->width;
    if (a->height) r.height = (int)a->height;
    r.prompt = "a photograph of an astronaut riding a horse";
    r.seed = 1, r.steps = (int)a->steps, r.cfg = a->cfg, r.batch_size = (int)a->batch_size, r.keep = true;
    bool ok = model && all && sd_plan(model, &r, &plan, e) && bench_peaks(all, &peaks, e);
    for (int run = -1; ok && run < a->runs; run++) {
        SdResult result = {0};
        ok = sd_txt2img(model, &r, &result, e);
        double text = result.text_seconds, sample = result.sample_seconds, decode = result.decode_seconds;
        sd_free(&result);
        if (run < 0) continue;
        stage[0].seconds[run] = text;
        stage[1].seconds[run] = sample / r.steps;
        stage[2].seconds[run] = decode / r.batch_size;
    }
    stage[0].flops = plan.text_flops, stage[0].arena = plan.text_peak, stage[0].name = "text";
    stage[1].flops = plan.step_flops, stage[1].arena = plan.unet_peak, stage[1].name = "step";
    stage[2].flops = plan.decode_flops / r.batch_size, stage[2].arena = plan.decode_peak, stage[2].name = "decode";
    for (int i = 0; i < 3; i++) qsort(stage[i].seconds, (size_t)a->runs, sizeof(double), compare);
    if (ok) print(a, &r, stage, &peaks);
    sd_close(model);
    device_free(all);
    return ok;
}

static bool measure_model(const Arguments *a, Error *e) {
    Stage *stage = calloc(3, sizeof *stage);
    bool ok = stage ? measure(a, stage, e) : error_set(e, ERR_MEMORY, "out of memory");
    free(stage);
    return ok;
}

int cmd_bench(int argc, char **argv) {
    Arguments a = {.steps = 3, .batch_size = 1, .runs = 1, .cfg = 7};
    Error e = {0};
    int rest = 0, code = options_parse("bench", BENCH_OPTIONS, &a, argc, argv, &rest);
    if (code != OPTIONS_GO_ON) return code;
    if (rest) return usage_error("bench", "'%.60s' is no option", argv[0]);
    if (a.kernels) return bench_kernels((int)a.runs, (int)a.threads, &e) ? finish_output() : report("bench", &e);
    if (a.width % 8 || a.height % 8) return usage_error("bench", "width and height are multiples of 8");
    if (!measure_model(&a, &e)) return report("bench", &e);
    return finish_output();
}
