/* bench_kernels.c: `sdc bench --kernels`: this machine's peaks, and every product of SD 1.5 at 512x512 as a share of
 * the peak that was measured in the same turn.
 *
 * On one thread, in seconds of that thread's own time: others on the machine cost caches, not the clock. Each shape is
 * measured in turns, peak then op, and the best turn of each counts. The peak is of independent multiply-adds in
 * registers, in the widest vectors that the compiler was given (AVX-512 and AVX2 have the same on Zen 4). Both halves
 * of classifier-free guidance go in one batch of 2. Weights are f16 and prepared, as from an f16 file. */
#include "bench_kernels.h"
#include "bench_peaks.h"

#include "../tensor/ops.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef enum { LINEAR, ATTENTION, CONV } Kind;

typedef struct {
    const char *name;
    Kind kind;
    int64_t batch, rows, k, o; /* attention: queries, keys, heads x head dimension; conv: side of the output, I, O */
    int64_t heads;             /* conv: stride */
    double count;              /* how often a step has it */
} Shape;

static const Shape SHAPES[] = {
    {"linear 64x64 320-320", LINEAR, 2, 4096, 320, 320, 0, 40},
    {"linear 64x64 320-2560", LINEAR, 2, 4096, 320, 2560, 0, 5},
    {"linear 64x64 1280-320", LINEAR, 2, 4096, 1280, 320, 0, 5},
    {"linear 64x64 960-320", LINEAR, 2, 4096, 960, 320, 0, 1},
    {"linear 32x32 640-640", LINEAR, 2, 1024, 640, 640, 0, 40},
    {"linear 32x32 640-5120", LINEAR, 2, 1024, 640, 5120, 0, 5},
    {"linear 32x32 2560-640", LINEAR, 2, 1024, 2560, 640, 0, 5},
    {"linear 32x32 1920-640", LINEAR, 2, 1024, 1920, 640, 0, 1},
    {"linear 16x16 1280-1280", LINEAR, 2, 256, 1280, 1280, 0, 40},
    {"linear 16x16 1280-10240", LINEAR, 2, 256, 1280, 10240, 0, 5},
    {"linear 16x16 5120-1280", LINEAR, 2, 256, 5120, 1280, 0, 5},
    {"linear 16x16 2560-1280", LINEAR, 2, 256, 2560, 1280, 0, 2},
    {"linear 8x8 1280-1280", LINEAR, 2, 64, 1280, 1280, 0, 8},
    {"linear 8x8 1280-10240", LINEAR, 2, 64, 1280, 10240, 0, 1},
    {"linear 8x8 5120-1280", LINEAR, 2, 64, 5120, 1280, 0, 1},
    {"linear text 768-640", LINEAR, 2, 77, 768, 640, 0, 10},
    {"linear time 1280-1280", LINEAR, 2, 1, 1280, 1280, 0, 12},
    {"attention 64x64 d 40", ATTENTION, 2, 4096, 4096, 320, 8, 5},
    {"attention 32x32 d 80", ATTENTION, 2, 1024, 1024, 640, 8, 5},
    {"attention 16x16 d 160", ATTENTION, 2, 256, 256, 1280, 8, 5},
    {"attention 8x8 d 160", ATTENTION, 2, 64, 64, 1280, 8, 1},
    {"attention 64x64 text", ATTENTION, 2, 4096, 77, 320, 8, 5},
    {"attention 32x32 text", ATTENTION, 2, 1024, 77, 640, 8, 5},
    {"attention 16x16 text", ATTENTION, 2, 256, 77, 1280, 8, 5},
    {"conv stride 2 320", CONV, 2, 32, 320, 320, 2, 1},
    {"conv stride 2 640", CONV, 2, 16, 640, 640, 2, 1},
    {"conv stride 2 1280", CONV, 2, 8, 1280, 1280, 2, 1},
    {"conv 64x64 320-320", CONV, 2, 64, 320, 320, 1, 7},
    {"conv 32x32 640-640", CONV, 2, 32, 640, 640, 1, 6},
    {"conv 16x16 1280-1280", CONV, 2, 16, 1280, 1280, 1, 6},
    {"conv 8x8 1280-1280", CONV, 2, 8, 1280, 1280, 1, 11},
    {"VAE attention d 512", ATTENTION, 1, 4096, 4096, 512, 1, 0},
    {"VAE conv 64x64 512", CONV, 1, 64, 512, 512, 1, 0},
    {"VAE conv 256x256 256", CONV, 1, 256, 256, 256, 1, 0},
    {"CLIP linear 768-3072", LINEAR, 2, 77, 768, 3072, 0, 0},
};

/* --- shapes --- */

typedef struct {
    float *x, *y, *raw; /* raw: numbers of weights */
    void *prepared;
    Arena arena;
} Room;

enum { MOST = 24 << 20 /* numbers in an operand */ };

static double flops_of(const Shape *s) {
    double b = (double)s->batch, n = (double)s->rows;
    if (s->kind == LINEAR) return 2 * b * n * (double)(s->k * s->o);
    if (s->kind == ATTENTION) return 4 * b * n * (double)(s->k * s->o);
    return 2 * b * n * n * 9 * (double)(s->k * s->o);
}

static void run(Ctx *c, const Shape *s, Room *r, const Weight *w) {
    Epilogue none = {0};
    if (s->kind == LINEAR) {
        Tensor x = tensor_view(r->x, F32, 3, SHAPE(s->batch, s->rows, s->k));
        op_linear(c, tensor_view(r->y, F32, 3, SHAPE(s->batch, s->rows, s->o)), x, NULL, w, NULL, none);
    } else if (s->kind == ATTENTION) {
        Tensor q = tensor_view(r->x, F32, 3, SHAPE(s->batch, s->rows, s->o));
        Tensor k = tensor_view(r->raw, F32, 3, SHAPE(s->batch, s->k, s->o));
        op_attention(c, tensor_view(r->y, F32, 3, SHAPE(s->batch, s->rows, s->o)), q, k, k, (int)s->heads, false);
    } else {
        int64_t in = s->rows * s->heads;
        Tensor x = tensor_view(r->x, F32, 4, SHAPE(s->batch, in, in, s->k));
        Conv2d g = {.stride = (int)s->heads, .pad_top = 1, .pad_left = 1};
        op_conv2d(c, tensor_view(r->y, F32, 4, SHAPE(s->batch, s->rows, s->rows, s->o)), x, w, NULL, g, none);
    }
}

static Weight make_weight(const Ops *op, const Shape *s, Room *r) {
    Weight w = {.kind = s->kind == CONV ? WEIGHT_CONV : WEIGHT_LINEAR};
    if (s->kind == CONV) w.t = tensor_view(r->raw, F16, 4, SHAPE(s->o, 3, 3, s->k));
    else w.t = tensor_view(r->raw, F16, 2, SHAPE(s->o, s->k));
    size_t bytes = op->prepared_bytes ? op->prepared_bytes(&w, F16) : 0;
    if (bytes && bytes <= (size_t)MOST * 4) op->prepare(&w, F16, r->raw, true, r->prepared);
    return w;
}

static void measure(const Ops *op, Device *dev, const Shape *s, Room *r, int runs, double *rate, double *top) {
    Ctx c = {.op = op, .dev = dev, .arena = &r->arena};
    if (s->kind == ATTENTION)
        for (int64_t i = 0; i < s->batch * s->k * s->o; i++) r->raw[i] = (float)(i * 7919 % 2048 - 1024) * 0x1p-10f;
    else
        for (int64_t i = 0; i < s->k * s->o * (s->kind == CONV ? 9 : 1); i++)
            ((uint16_t *)r->raw)[i] = (uint16_t)(0x2400 + i * 7919 % 1024);
    Weight w = s->kind == ATTENTION ? (Weight){0} : make_weight(op, s, r);
    *rate = *top = 0;
    for (int i = 0; i < runs; i++) {
        double p = peak_now(), from = thread_seconds(), n = 0, seconds;
        do {
            run(&c, s, r, &w);
            n++;
            seconds = thread_seconds() - from;
        } while (seconds < 0.02);
        double now = n * flops_of(s) / seconds;
        *rate = now > *rate ? now : *rate;
        *top = p > *top ? p : *top;
    }
}

bool bench_kernels(int runs, int threads, Error *e) {
    Device *one = device_new(1, e), *all = device_new(threads, e);
    Room r = {.x = malloc((size_t)MOST * 4), .y = malloc((size_t)MOST * 4)};
    r.raw = malloc((size_t)MOST * 4);
    r.prepared = aligned_alloc(64, (size_t)MOST * 4);
    bool ok = one && all && arena_init(&r.arena, (size_t)64 << 20, e);
    if (ok && (!r.x || !r.y || !r.raw || !r.prepared)) ok = error_set(e, ERR_MEMORY, "out of memory for the operands");
    const Ops *tables[4];
    int count = cpu_ops_list(tables, 4);
    for (int64_t i = 0; ok && i < MOST; i++) r.x[i] = (float)(i * 7919 % 4096 - 2048) * 0x1p-11f;
    Peaks peaks;
    ok = ok && bench_peaks(all, &peaks, e);
    if (ok) {
        const Peak *p = peak_f32(&peaks);
        printf("f32 multiply-adds: one thread %.1f GFLOP/s, %d threads %.1f; copying %.1f GB/s\n", p->one * 1e-9,
               peaks.threads, p->together * 1e-9, peaks.copy_together * 1e-9);
        printf("%-26s%9s", "share of the peak, %", "GFLOP");
        for (int t = 0; t < count; t++) printf("%10s", tables[t]->name);
        printf("\n");
    }
    double seconds[4] = {0}, least[4] = {0};
    for (size_t i = 0; ok && i < sizeof SHAPES / sizeof *SHAPES; i++) {
        const Shape *s = &SHAPES[i];
        printf("%-26s%9.2f", s->name, flops_of(s) * 1e-9);
        for (int t = 0; t < count; t++) {
            double rate, top;
            measure(tables[t], one, s, &r, runs, &rate, &top);
            printf("%10.1f", 100 * rate / top);
            fflush(stdout);
            seconds[t] += s->count * flops_of(s) / rate;
            least[t] += s->count * flops_of(s) / top;
        }
        printf("\n");
    }
    if (ok) {
        printf("%-35s", "one step's, by FLOP");
        for (int t = 0; t < count; t++) printf("%10.1f", 100 * least[t] / seconds[t]);
        printf("\n");
    }
    free(r.x), free(r.y), free(r.raw), free(r.prepared);
    arena_free(&r.arena);
    device_free(one);
    device_free(all);
    return ok;
}
