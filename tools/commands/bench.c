/* bench.c: `sdc bench -m MODEL`: the peaks of this machine or of a GPU; the time of each stage of a picture, as medians
 * of several runs after one that is not counted; every op of those runs as a share of the peaks; memory. On a GPU steps
 * are replayed from a recording: ops are timed in a run of their own, and a step's time is the median of replayed ones.
 * With --kernels the model's products, one by one (bench_kernels.c). */
#include "tools/cli/commands.h"
#include "tools/cli/output.h"
#include "weights/files/atomic_file.h"
#include "weights/files/file_open.h"
#include "weights/files/json_text.h"
#include "tools/bench/bench_ladder.h"
#include "tools/bench/bench_report.h"
#include "tools/cli/options/part_options.h"
#include "tools/cli/precision.h"
#include "sd/info/params.h"
#include "sd/load/weights.h"
#include "tensor/os.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const char *model, *refiner, *precision, *device, *arena;
    int width, height, steps, batch_size, runs, threads;
    double cfg;
    bool kernels, ladder, json;
    PartOptions parts;
} Arguments;

static const Option OPTIONS[] = {
    OPTION(STRING, model, 'm', "model", "MODEL", "the model: a file or a folder (the built-in one)"),
    OPTION(STRING, refiner, 0, "refiner", "MODEL", "a second model, which takes the last half of the steps (none)"),
    OPTION_IN(INT, width, 'W', "width", "N", 64, 4096, "pixels, a multiple of 8 (512, or the model's own size)"),
    OPTION_IN(INT, height, 'H', "height", "N", 64, 4096, "pixels, a multiple of 8"),
    OPTION_IN(INT, steps, 0, "steps", "N", 1, 1000, "steps per run (3; on a GPU 20)"),
    OPTION_IN(DOUBLE, cfg, 0, "cfg", "X", 0, 1000, "guidance scale; 1 halves the work (7)"),
    OPTION_IN(INT, batch_size, 0, "batch-size", "N", 1, 64, "pictures made together (1)"),
    OPTION_IN(INT, runs, 0, "runs", "N", 1, 1000,
              "runs, of which the median counts (1; on a GPU 5); of kernels the best (3)"),
    OPTION(STRING, device, 0, "device", "cpu|cuda[:N]", "where to compute (cpu)"),
    OPTION_IN(INT, threads, 0, "threads", "N", 0, SD_MOST_THREADS, "threads to use (0: one for each core)"),
    OPTION(CHOICE, precision, 0, "precision", PRECISION_WORDS, "as for txt2img (f32)"),
    OPTION(FLAG, kernels, 0, "kernels", NULL,
           "measure the model's products instead (without -m SD 1.x's), one by one on one thread"),
    OPTION(FLAG, ladder, 0, "ladder", NULL,
           "measure one convolution and one attention instead, from three loops to the kernels, on one thread"),
    OPTION(STRING, arena, 0, "arena", "FILE",
           "write the planned use of memory instead, op by op, as CSV; - is standard output"),
    OPTION(FLAG, json, 0, "json", NULL, "print JSON"),
    OPTION_ROWS(parts, part_rows),
    OPTION_END};

static Precision precision_of_ops(const Arguments *a) {
    return a->precision && !strcmp(a->precision, "f32-direct") ? PRECISION_F32_DIRECT : PRECISION_F32;
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void summarise(Stage *s, double *seconds, int runs) {
    qsort(seconds, (size_t)runs, sizeof *seconds, compare);
    s->fastest = seconds[0];
    s->seconds = 0.5 * (seconds[(runs - 1) / 2] + seconds[runs / 2]);
}

/* What is noted during a run. */
typedef struct {
    Record *record; /* of calls, each in the current stage */
    const SdModel *m;
    size_t gpu;            /* peak use of the GPU's memory */
    double before, *steps; /* steps: seconds of each step from `first` on; NULL: not wanted */
    int step_count, first;
    int refined;     /* steps from this one on are the refiner's; 0: none */
    double spent[2]; /* in steps of the model and of its refiner */
} Watch;

enum { FIRST_PLAYED = 3, RECORDED_STEPS = 3 };

static bool follow(void *user, const SdProgress *p) {
    Watch *w = user;
    bool steps = p->stage == SD_STAGE_SAMPLE, refines = steps && w->refined && p->step >= w->refined;
    w->record->stage = refines ? STAGE_REFINED : (int64_t)p->stage;
    if (w->m->gpu && gpu_used(w->m->gpu) > w->gpu) w->gpu = gpu_used(w->m->gpu);
    if (!steps) return true;
    if (p->step) w->spent[w->refined && p->step > w->refined] += p->seconds - w->before;
    if (w->steps && p->step >= w->first) w->steps[w->step_count++] = p->seconds - w->before;
    w->before = p->seconds;
    return true;
}

/* One run. seconds[i * stride]: of stage i; then of the whole picture. */
static bool measure_run(SdModel *m, const SdRequest *r, double *seconds, int stride, Error *e) {
    kept_values_drop(&m->made); /* or the texts of the run before are not encoded again */
    if (r->refiner) kept_values_drop(&r->refiner->made);
    Watch *w = r->user;
    SdResult result = {0};
    double from = os_clock();
    int i = 0;
    w->spent[0] = w->spent[1] = 0;
    if (!sd_txt2img(m, r, &result, e)) return false;
    seconds[i++ * stride] = result.text_seconds;
    seconds[i++ * stride] = w->refined ? w->spent[0] / w->refined : result.sample_seconds / r->steps;
    if (w->refined) seconds[i++ * stride] = w->spent[1] / (r->steps - w->refined);
    seconds[i++ * stride] = result.decode_seconds / r->batch_size;
    seconds[i * stride] = os_clock() - from;
    sd_free(&result);
    return true;
}

/* The U-Net, whose file the run before has read. It stays loaded. */
static bool measure_loading(SdModel *m, Report *out, Error *e) {
    size_t bytes = model_part_bytes(m, PART_UNET, false);
    if (m->gpu || m->memory_limit) return true;
    model_release(m, PART_UNET);
    if (!bench_first_copy(m->pool, bytes, &out->copying, e)) return false;
    double from = os_clock();
    if (!model_load(m, PART_UNET, e)) return false;
    out->loading = os_clock() - from;
    out->loaded = bytes;
    return true;
}

/* The first run, like txt2img, releases each part after its stage and so measures memory. The others keep all parts,
 * after a run of one step that touches all their memory. */
static bool measure_runs(SdModel *m, SdRequest *r, Report *out, double *seconds, Error *e) {
    Watch watch = {.record = &out->record, .m = m, .first = r->steps > FIRST_PLAYED ? FIRST_PLAYED + 1 : 1};
    double *steps = seconds + (STAGES + 1) * out->runs, unseen[STAGES + 1];
    SdModel *models[] = {m, r->refiner};
    if (r->refiner) watch.refined = r->steps - out->refined;
    Stage whole;
    r->progress = follow, r->user = &watch;
    if (!measure_run(m, r, unseen, 1, e)) return false;
    out->rss = os_peak_memory(), out->gpu = watch.gpu;
    if (!measure_loading(m, out, e)) return false;
    bool tiny = r->vae_decoder == SD_VAE_TAESD;
    for (int i = 0; i < 2; i++)
        for (int part = 0; models[i] && part < PART_COUNT; part++) {
            bool idle = part == PART_ENCODER || part == PART_TAESD_ENCODER ||
                        part == (tiny ? (int)PART_DECODER : (int)PART_TAESD_DECODER);
            if (!idle && !model_load(models[i], (Part)part, e)) return false;
        }
    r->keep = true;
    int all = r->steps;
    if (!r->refiner) r->steps = 1;
    if (!measure_run(m, r, unseen, 1, e)) return false;
    r->steps = all;
    if (m->gpu) watch.steps = steps;
    for (int i = 0; i < 2 && !m->gpu; i++)
        if (models[i]) models[i]->ops = &out->record.ops;
    for (int run = 0; run < out->runs; run++)
        if (!measure_run(m, r, seconds + run, out->runs, e)) return false;
    for (int i = 0; i < out->stage_count; i++) summarise(&out->stages[i], seconds + i * out->runs, out->runs);
    summarise(&whole, seconds + out->stage_count * out->runs, out->runs);
    out->picture = whole.seconds;
    if (!m->gpu) return true;
    summarise(&out->stages[1], steps, watch.step_count);
    watch.steps = NULL;
    r->steps = out->recorded_steps;
    m->ops = &out->record.ops;
    return measure_run(m, r, unseen, 1, e) && record_collect(&out->record, e);
}

/* What is planned of each stage; own: of the model alone, refiner: of its refiner alone, or NULL. */
static void plan_stages(Report *out, const SdPlan *own, const SdPlan *refiner) {
    const SdPlan *last = refiner ? refiner : own;
    int n = 0;
    out->stages[n++] = (Stage){"text", SD_STAGE_TEXT, .flops = own->text_flops, .arena = own->text_peak};
    out->stages[n++] = (Stage){"step", SD_STAGE_SAMPLE, .flops = own->step_flops, .arena = own->unet_peak};
    if (refiner) {
        out->stages[0].flops += refiner->text_flops;
        if (refiner->text_peak > own->text_peak) out->stages[0].arena = refiner->text_peak;
        out->stages[n++] = (Stage){"refiner", STAGE_REFINED, .flops = refiner->step_flops, .arena = refiner->unet_peak};
    }
    out->stages[n++] =
        (Stage){"decode", SD_STAGE_DECODE, .flops = last->decode_flops / out->batch, .arena = last->decode_peak};
    out->stage_count = n;
}

/* refiner: NULL: none */
static bool measure(const Arguments *a, SdModel *m, SdModel *refiner, Report *out, Error *e) {
    SdRequest r = sd_request(m);
    SdPlan own = {0}, second = {0}, plan = {0};
    int runs = a->runs ? a->runs : m->gpu ? 5 : 1;
    const Ops *real = m->ops;
    double *seconds = calloc((size_t)((STAGES + 1 + out->steps) * runs), sizeof *seconds);
    r.width = out->width, r.height = out->height, r.cfg = a->cfg, r.batch_size = out->batch;
    r.prompt = "a photograph of an astronaut riding a horse", r.seed = 1, r.steps = out->steps;
    bool ok = seconds || error_set(e, ERR_MEMORY, "out of memory");
    ok = ok && sd_plan(m, &r, &own, e) && (!refiner || sd_plan(refiner, &r, &second, e));
    if (refiner) {
        out->refined = out->steps / 2;
        r.refiner = refiner, r.refiner_by_steps = true;
        r.refiner_switch = (double)(out->steps - out->refined) / out->steps;
    }
    ok = ok && sd_plan(m, &r, &plan, e) && record_init(&out->record, real, m->gpu, e);
    plan_stages(out, &own, refiner ? &second : NULL);
    out->whole = true, out->runs = runs, out->table = real->name, out->weights = plan.weights;
    out->recorded = m->gpu ? 1 : runs;
    out->recorded_steps = m->gpu && out->steps > RECORDED_STEPS ? RECORDED_STEPS : out->steps;
    ok = ok && measure_runs(m, &r, out, seconds, e);
    m->ops = real;
    if (refiner) refiner->ops = real;
    free(seconds);
    return ok && (m->gpu ? bench_gpu_peaks(m->gpu, &out->peaks, e) : bench_peaks(m->pool, &out->peaks, e));
}

static bool measure_kernels(const Arguments *a, const SdConfig *k, Report *out, Error *e) {
    ThreadPool *all = pool_new(a->threads, e);
    out->runs = a->runs ? a->runs : 3;
    out->table = "all";
    bool ok = all && bench_peaks(all, &out->peaks, e) &&
              record_plan(&out->record, k, out->width, out->height, out->batch, out->guided, e);
    if (ok && !a->json) report_peaks(&out->peaks);
    ok = ok && bench_kernels(&out->record, precision_of_ops(a), out->mixed, out->runs, a->json ? NULL : report_kernel,
                             &out->kernels, e);
    if (ok && !a->json) report_kernels_end(&out->kernels);
    pool_free(all);
    return ok;
}

/* "op,stage,bytes,name": every op of the text encoder, of one step and of the decoder, and what is in use while it
 * runs. */
static bool write_arena(const Arguments *a, const SdConfig *k, Report *out, Error *e) {
    static const char *const STAGE_NAMES[] = {
        [SD_STAGE_TEXT] = "text", [SD_STAGE_SAMPLE] = "step", [SD_STAGE_DECODE] = "decode"};
    const Record *r = &out->record;
    JsonText t = {0};
    char name[128];
    if (!record_plan(&out->record, k, out->width, out->height, out->batch, out->guided, e)) return false;
    json_text(&t, "op,stage,bytes,name\n");
    for (int i = 0; i < r->moment_count; i++) {
        call_name(&r->calls[r->moments[i].call].shape, name, sizeof name);
        json_text(&t, "%d,%s,%zu,\"%s\"\n", i, STAGE_NAMES[r->moments[i].stage], r->moments[i].used, name);
    }
    bool ok = json_text_write(&t, a->arena, e);
    free(t.p);
    return ok;
}

static bool bench(const Arguments *a, Error *e) {
    SdOptions options = {.threads = a->threads, .precision = precision_of(a->precision), .device = a->device};
    bool published = a->kernels && !a->model; /* SD 1.x's sizes; no model */
    part_options_set(&a->parts, &options);
    SdModel *m = published ? NULL : sd_open(a->model, &options, e);
    SdModel *refiner = m && a->refiner ? sd_open(a->refiner, &options, e) : NULL;
    SdConfig k = m ? m->config : config_sd1();
    SdRequest r = sd_request(m);
    Report out = {.model = a->model    ? a->model
                           : published ? k.family
                                       : "built-in model",
                  .precision = a->precision ? a->precision : "f32"};
    out.width = a->width ? a->width : r.width, out.height = a->height ? a->height : r.height;
    out.batch = a->batch_size, out.guided = a->cfg != 1;
    out.device = m ? sd_device(m) : "cpu";
    out.steps = a->steps ? a->steps : m && m->gpu ? 20 : 3;
    bool gpu = m && m->gpu, mixed = options.precision == SD_MIXED;
    out.products = options.precision == SD_F16 || (gpu && mixed) ? "f16"
                   : options.precision == SD_BF16                ? "bf16"
                                                                 : "f32";
    out.mixed = !gpu && mixed && sd_has_mixed();
    if (m && mixed) say_device(m, a->precision);
    if (a->arena) {
        bool written = m && write_arena(a, &k, &out, e);
        record_free(&out.record);
        return sd_close(refiner), sd_close(m), written;
    }
    bool ok = (m || published) && (!a->refiner || refiner) &&
              (a->kernels ? measure_kernels(a, &k, &out, e) : measure(a, m, refiner, &out, e));
    out.threads = out.peaks.threads;
    if (ok) (a->json ? report_json : report_text)(&out);
    kernels_free(&out.kernels);
    record_free(&out.record);
    sd_close(refiner);
    sd_close(m);
    return ok;
}

/* Prints them as a table, or a JSON object a line. */
static bool climb(const Arguments *a, Error *e) {
    Rung rungs[RUNGS];
    if (!bench_ladder(a->runs ? a->runs : 3, rungs, e)) return false;
    if (!a->json) printf("%-14s %10s %8s  %9s  %s\n", "one thread", "GFLOP/s", "of peak", "error", "what");
    for (int i = 0; i < RUNGS; i++) {
        const Rung *r = &rungs[i];
        if (a->json)
            printf("{\"name\":\"%s\",\"gflops\":%.2f,\"share\":%.4f,\"error\":%.3e}\n", r->name, 1e-9 * r->rate,
                   r->share, r->error);
        else printf("%-14s %10.2f %7.1f%%  %9.2e  %s\n", r->name, 1e-9 * r->rate, 1e2 * r->share, r->error, r->what);
    }
    return true;
}

static int run(const Command *c, int argc, char **argv) {
    Arguments a = {.batch_size = 1, .cfg = 7};
    Error e = {0};
    int rest = 0, code = options_parse(c, &a, argc, argv, &rest);
    if (code != GO_ON) return code;
    if (rest) return usage_error(c, "'%.60s' is not an option", argv[0]);
    if (a.ladder && (a.model || a.refiner || a.kernels || a.device || a.width || a.height || a.steps || a.threads ||
                     a.precision || a.arena))
        return usage_error(c, "--ladder: only --runs and --json go with it; leave the others out");
    if (a.ladder) return climb(&a, &e) ? finish_output() : report(c, &e);
    if (a.arena && (a.refiner || a.kernels || a.json || a.runs))
        return usage_error(c, "--arena: computes nothing; leave --refiner, --kernels, --json and --runs out");
    if (a.arena && (file_same(a.arena, a.model) || part_options_name(&a.parts, a.arena)))
        return usage_error(c, "--arena: %.200s is also an input file; name another file", a.arena);
    if (a.arena && (code = output_file(c, "--arena", &a.arena)) != GO_ON) return code;
    if (a.refiner && (a.kernels || (a.device && strcmp(a.device, "cpu"))))
        return usage_error(c, "--refiner: its steps are measured on the processor, without --kernels; leave %s out",
                           a.kernels ? "--kernels" : "--device");
    if (a.refiner && a.steps == 1) return usage_error(c, "--steps 1: leaves none to the refiner; give two or more");
    if (a.kernels && a.device) return usage_error(c, "--kernels: measures the processor; leave --device out");
    if (a.device && strchr(a.device, ',')) return usage_error(c, "--device: one at a time");
    code = check_device(c, a.device, "cpu", a.precision);
    if (code != GO_ON) return code;
    if (a.width % 8) return usage_error(c, "--width: %d is not a multiple of 8", a.width);
    if (a.height % 8) return usage_error(c, "--height: %d is not a multiple of 8", a.height);
    return bench(&a, &e) ? finish_output() : report(c, &e);
}

const Command BENCH = {
    "bench",
    run,
    "[-m MODEL] [options]",
    "measure this machine, and how long a picture takes on it",
    "Prints the machine's peaks (multiply-adds in registers, copying); every distinct op of the runs, timed in place, "
    "with "
    "its share of the stage's time and of the peak (Winograd convolutions may exceed it); and the wall time of each "
    "stage: text encoder, one step, decoding one picture. Of two runs before those that count the first measures "
    "memory "
    "and the second, of one step, warms it up. --ladder shows what each idea behind the kernels is worth: plain C "
    "first, then the ops. --kernels measures CPU time of the thread, which other programs disturb "
    "less.\n"
    "--device cuda measures a GPU: its peaks by instruction, every op by the GPU's own clock in a separate run, a step "
    "as "
    "replayed from a recording, and the GPU memory used.",
    OPTIONS};
