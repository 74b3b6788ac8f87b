/* bench_report.c: see bench_report.h. */
#include "bench_report.h"
#include "weights/files/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *stage_name(int64_t stage) {
    return stage == SD_STAGE_TEXT     ? "text"
           : stage == SD_STAGE_SAMPLE ? "step"
           : stage == STAGE_REFINED   ? "refiner"
                                      : "decode";
}

/* NULL: a stage that is not measured (encoding, before a U-Net that sees a picture beside the latent). */
static const Stage *stage_of(const Report *r, int64_t stage) {
    for (int i = 0; i < r->stage_count; i++)
        if (r->stages[i].stage == stage) return &r->stages[i];
    return NULL;
}

/* How many times the record holds a stage. */
static double times_of(const Report *r, int64_t stage) {
    double runs = r->recorded;
    if (stage == STAGE_REFINED) return runs * r->refined;
    return stage == SD_STAGE_SAMPLE   ? runs * (r->recorded_steps - r->refined)
           : stage == SD_STAGE_DECODE ? runs * r->batch
                                      : runs;
}

/* The peak of the type that most products compute in. */
static double peak_of_products(const Report *r) {
    const Peak *p = peak_named(&r->peaks, r->products);
    return (p ? p : peak_named(&r->peaks, "f32"))->together;
}

/* What a call's rate is a share of. In `mixed`, most linear layers and attention multiply bf16. */
static double peak_of(const Report *r, const CallShape *s) {
    const Peak *bf16 = r->mixed && s->kind != CALL_CONV && !s->keep_f32 ? peak_named(&r->peaks, "bf16") : NULL;
    if (!call_is_product(s)) return r->peaks.copy_together;
    return bf16 ? bf16->together : peak_of_products(r);
}

/* --- for people --- */

static void peaks_of_gpu(const Report *r) {
    printf("peaks of %s\n", r->device);
    for (int i = 0; i < r->peaks.count; i++)
        printf("  %-4s %-12s%14.1f  GFLOP/s\n", r->peaks.of[i].name, r->peaks.of[i].isa,
               r->peaks.of[i].together * 1e-9);
    printf("  %-17s%14.1f  GB/s\n", "copying", r->peaks.copy_together * 1e-9);
}

void report_peaks(const Peaks *p) {
    printf("peaks                 one thread  %2d threads\n", p->threads);
    for (int i = 0; i < p->count; i++)
        printf("  %-4s %-12s%10.1f%12.1f  GFLOP/s\n", p->of[i].name, p->of[i].isa, p->of[i].one * 1e-9,
               p->of[i].together * 1e-9);
    printf("  %-17s%10.1f%12.1f  GB/s\n", "copying", p->copy_one * 1e-9, p->copy_together * 1e-9);
}

static void report_kernels_begin(const Kernels *k) {
    printf("one thread, share of its f32 peak, %%\n%-7s%-37s%6s%9s", "", "", "calls", "GFLOP");
    for (int t = 0; t < k->table_count; t++) printf("%10s", k->tables[t]);
    printf("\n");
}

void report_kernel(const Kernels *k, const Kernel *one) {
    char name[96];
    const Call *call = one->call;
    if (one == k->at) report_kernels_begin(k);
    call_name(&call->shape, name, sizeof name);
    printf("%-7s%-37s%6lld%9.3f", stage_name(call->shape.stage), name, (long long)call->count,
           call->flops / (double)call->count * 1e-9);
    for (int t = 0; t < k->table_count; t++) printf("%10.1f", 100 * one->share[t]);
    printf("\n");
    fflush(stdout);
}

void report_kernels_end(const Kernels *k) {
    static const SdStage ORDER[] = {SD_STAGE_TEXT, SD_STAGE_SAMPLE, SD_STAGE_DECODE};
    for (int i = 0; i < 6; i++) {
        SdStage stage = ORDER[i / 2];
        printf("%-7s%-52s", stage_name(stage), i % 2 ? "all products, by FLOP" : "linear layers, by FLOP");
        for (int t = 0; t < k->table_count; t++)
            printf("%10.1f", 100 * (i % 2 ? k->whole[stage][t] : k->linear[stage][t]));
        printf("\n");
    }
}

static int by_seconds(const void *a, const void *b) {
    const Call *x = *(const Call *const *)a, *y = *(const Call *const *)b;
    if (x->shape.stage != y->shape.stage) return (x->shape.stage > y->shape.stage) - (x->shape.stage < y->shape.stage);
    return (x->seconds < y->seconds) - (x->seconds > y->seconds);
}

/* All products of one kind in a stage. */
static void report_kind(const Report *r, const Stage *s, CallKind kind, const char *name) {
    double seconds = 0, flops = 0, at_peak = 0, calls = 0, each = times_of(r, s->stage);
    for (int i = 0; i < r->record.count; i++) {
        const Call *c = &r->record.calls[i];
        if (c->shape.stage != s->stage || c->shape.kind != kind) continue;
        calls += (double)c->count, seconds += c->seconds, flops += c->flops;
        at_peak += c->flops / peak_of(r, &c->shape);
    }
    if (calls == 0) return;
    printf("%-7s%-37s%6.4g%11.6f%8.1f%11.1f%8.1f\n", s->name, name, calls / each, seconds / each,
           100 * seconds / each / s->seconds, flops / seconds * 1e-9, 100 * at_peak / seconds);
}

/* Calls in place, by stage, then by seconds. */
static void report_calls(const Report *r) {
    const Call **sorted = malloc((size_t)r->record.count * sizeof(Call *) + 1);
    if (!sorted) return;
    for (int i = 0; i < r->record.count; i++) sorted[i] = &r->record.calls[i];
    qsort(sorted, (size_t)r->record.count, sizeof *sorted, by_seconds);
    printf("in place, %s; products as a share of the %s peak%s, others of the copying peak\n",
           r->threads ? "all threads" : "by the GPU's clock, one at a time", r->products,
           r->mixed ? " (convolutions, text, shortcuts) or the bf16 peak" : "");
    printf("%-7s%-37s%6s%11s%8s%11s%8s\n", "", "", "calls", "seconds", "time %", "G/s", "share %");
    for (int i = 0; i < r->record.count; i++) {
        const Call *c = sorted[i];
        char name[96];
        bool product = call_is_product(&c->shape);
        const Stage *s = stage_of(r, c->shape.stage);
        if (!s) continue;
        double each = times_of(r, c->shape.stage), rate = (product ? c->flops : c->bytes) / c->seconds;
        call_name(&c->shape, name, sizeof name);
        printf("%-7s%-37s%6.4g%11.6f%8.1f%11.1f%8.1f\n", s->name, name, (double)c->count / each, c->seconds / each,
               100 * c->seconds / each / s->seconds, rate * 1e-9, 100 * rate / peak_of(r, &c->shape));
    }
    for (int i = 0; i < r->stage_count; i++) {
        report_kind(r, &r->stages[i], CALL_LINEAR, "all linear layers");
        report_kind(r, &r->stages[i], CALL_ATTENTION, "all attention");
        report_kind(r, &r->stages[i], CALL_CONV, "all convolutions");
    }
    free(sorted);
}

void report_text(const Report *r) {
    if (!r->whole) return; /* kernels were printed as they were measured */
    if (r->threads) report_peaks(&r->peaks);
    else peaks_of_gpu(r);
    report_calls(r);
    printf("%s, %dx%d, batch of %d%s, %s (%s), ", r->model, r->width, r->height, r->batch,
           r->guided ? "" : " without guidance", r->precision, r->table);
    if (r->threads) printf("%d threads, median of %d\n", r->threads, r->runs);
    else printf("median of %d\n", r->runs);
    for (int i = 0; i < r->stage_count; i++) {
        const Stage *s = &r->stages[i];
        double rate = s->flops / s->seconds;
        printf("  %-8s%10.5f s%10.1f GFLOP/s%8.1f %% of the %s peak%10.1f MiB of activations\n", s->name, s->seconds,
               rate * 1e-9, 100 * rate / peak_of_products(r), r->products, (double)s->arena * 0x1p-20);
    }
    printf("  picture %10.5f s, the whole call, %d steps\n", r->picture, r->steps);
    printf("  memory  %10.1f MiB at the peak of the process, weights at once %.1f\n", (double)r->rss * 0x1p-20,
           (double)r->weights * 0x1p-20);
    if (r->loaded)
        printf("  loading %10.5f s, the U-Net's %.1f MiB from the cached file: %.2f x copying them once (%.5f s)\n",
               r->loading, (double)r->loaded * 0x1p-20, r->loading / r->copying, r->copying);
    if (!r->threads) printf("  GPU    %10.1f MiB of its memory taken at the peak\n", (double)r->gpu * 0x1p-20);
}

/* --- JSON --- */

static void json_string(const char *key, const char *s) {
    printf("\"%s\": ", key);
    json_print(stdout, s);
    printf(", ");
}

static void json_shape(const CallShape *s) {
    char name[96];
    call_name(s, name, sizeof name);
    printf("{\"stage\": \"%s\", \"name\": \"%s\", \"batch\": %lld, ", stage_name(s->stage), name, (long long)s->batch);
}

static void json_calls(const Report *r) {
    bool any = false;
    printf(",\n \"calls\": [");
    for (int i = 0; i < r->record.count; i++) {
        const Call *c = &r->record.calls[i];
        double each = times_of(r, c->shape.stage);
        if (!stage_of(r, c->shape.stage)) continue;
        printf("%s\n  ", any ? "," : "");
        any = true;
        json_shape(&c->shape);
        printf("\"count\": %.6g, \"seconds\": %.6g, \"flop\": %.9g, \"bytes\": %.9g, \"share\": %.4g}",
               (double)c->count / each, c->seconds / each, c->flops / each, c->bytes / each,
               (call_is_product(&c->shape) ? c->flops : c->bytes) / c->seconds / peak_of(r, &c->shape));
    }
    printf("]");
}

static void json_kernels(const Kernels *k) {
    printf(",\n \"kernels\": [");
    for (int i = 0; i < k->count; i++) {
        const Call *c = k->at[i].call;
        printf("%s\n  ", i ? "," : "");
        json_shape(&c->shape);
        printf("\"count\": %lld, \"flop\": %.9g, \"share\": {", (long long)c->count, c->flops);
        for (int t = 0; t < k->table_count; t++)
            printf("%s\"%s\": %.4g", t ? ", " : "", k->tables[t], k->at[i].share[t]);
        printf("}}");
    }
    printf("]");
}

void report_json(const Report *r) {
    const Peaks *p = &r->peaks;
    printf("{");
    json_string("model", r->model);
    json_string("precision", r->precision);
    json_string("table", r->table);
    json_string("device", r->device);
    printf(
        "\"width\": %d, \"height\": %d, \"batch\": %d, \"guided\": %s, \"steps\": %d, \"runs\": %d, \"threads\": %d,\n"
        " \"peaks\": [",
        r->width, r->height, r->batch, r->guided ? "true" : "false", r->steps, r->runs, r->threads);
    for (int i = 0; i < p->count; i++)
        printf("%s{\"name\": \"%s\", \"isa\": \"%s\", \"one\": %.6g, \"together\": %.6g}", i ? ", " : "", p->of[i].name,
               p->of[i].isa, p->of[i].one, p->of[i].together);
    printf("],\n \"copy\": {\"one\": %.6g, \"together\": %.6g}", p->copy_one, p->copy_together);
    if (r->whole) {
        printf(",\n \"stages\": {");
        for (int i = 0; i < r->stage_count; i++)
            printf("%s\n  \"%s\": {\"seconds\": %.6g, \"fastest\": %.6g, \"flop\": %.9g, \"arena\": %zu}", i ? "," : "",
                   r->stages[i].name, r->stages[i].seconds, r->stages[i].fastest, r->stages[i].flops,
                   r->stages[i].arena);
        printf("},\n \"picture\": {\"seconds\": %.6g, \"steps\": %d}", r->picture, r->steps);
        if (r->loaded)
            printf(",\n \"loading\": {\"unet\": %.6g, \"copy\": %.6g, \"bytes\": %zu}", r->loading, r->copying,
                   r->loaded);
        printf(",\n \"memory\": {\"weights\": %zu, \"peak_rss\": %zu, \"gpu\": %zu}", r->weights, r->rss, r->gpu);
        json_calls(r);
    }
    if (r->kernels.count) json_kernels(&r->kernels);
    printf("}\n");
}
