/* bench_kernels.c: see bench_kernels.h.
 *
 * On one thread, in that thread's processor time: other programs cost cache, not clock. For each shape the peak and the
 * op are measured alternately, and the best of each counts. Weights are f16 and prepared, as from an f16 file. A
 * convolution of more than 16 GFLOP is cut to fewer rows: kernels handle rows alike, and the VAE's would take minutes.
 */
#include "bench_kernels.h"
#include "bench_peaks.h"

#include "tensor/large.h"
#include "tensor/ops.h"
#include "tensor/os.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    float *x, *k, *y;  /* operands: input or queries, keys and values, output */
    uint16_t *weights; /* f16 */
    void *prepared;
    size_t prepared_size;
    Arena arena;
} Buffers;

static const double MOST_FLOPS = 16e9;

/* The shape to measure. */
static CallShape cut(const Call *call) {
    CallShape s = call->shape;
    double flops = call->flops / (double)call->count;
    if (s.kind != CALL_CONV || flops <= MOST_FLOPS) return s;
    int64_t rows = (int64_t)((double)s.rows * MOST_FLOPS / flops);
    rows = rows < 32 ? 32 : rows / 32 * 32;
    if (rows >= s.rows) return s;
    s.in_rows = s.up ? rows / 2 : rows * s.stride;
    s.rows = rows;
    return s;
}

static double flops_of(const CallShape *s) {
    double y = (double)(s->batch * s->rows * s->cols * s->out);
    if (s->kind == CALL_ATTENTION) return 4 * y * (double)s->in;
    return 2 * y * (double)(s->in + s->in2) * (s->kind == CALL_CONV ? (double)(s->kernel * s->kernel) : 1);
}

static int64_t inputs_of(const CallShape *s) {
    if (s->kind == CALL_CONV) return s->batch * s->in_rows * s->in_cols * s->in;
    return s->batch * s->rows * (s->kind == CALL_ATTENTION ? s->out : s->in + s->in2);
}
static int64_t outputs_of(const CallShape *s) { return s->batch * s->rows * s->cols * s->out; }
static int64_t keys_of(const CallShape *s) { return s->kind == CALL_ATTENTION ? s->batch * s->in * s->out : 0; }
static int64_t weights_of(const CallShape *s) {
    if (s->kind == CALL_CONV) return s->out * s->kernel * s->kernel * s->in;
    return s->kind == CALL_LINEAR ? s->out * (s->in + s->in2) : 0;
}

static Weight weight_of(const CallShape *s, void *numbers) {
    Weight w = {.kind = s->kind == CALL_CONV ? WEIGHT_CONV : WEIGHT_LINEAR, .keep_f32 = s->keep_f32};
    if (s->kind == CALL_CONV) w.t = tensor_view(numbers, F16, 4, SHAPE(s->out, s->kernel, s->kernel, s->in));
    else w.t = tensor_view(numbers, F16, 2, SHAPE(s->out, s->in + s->in2));
    return w;
}

static void run(Ctx *c, const CallShape *s, Buffers *r, const Weight *w) {
    Epilogue none = {0};
    if (s->kind == CALL_LINEAR) {
        Tensor x = tensor_view(r->x, F32, 3, SHAPE(s->batch, s->rows, s->in));
        Tensor x2 = tensor_view(r->x + tensor_count(x), F32, 3, SHAPE(s->batch, s->rows, s->in2));
        Tensor y = tensor_view(r->y, F32, 3, SHAPE(s->batch, s->rows, s->out));
        op_linear(c, y, x, s->in2 ? &x2 : NULL, w, NULL, none);
    } else if (s->kind == CALL_ATTENTION) {
        Tensor q = tensor_view(r->x, F32, 3, SHAPE(s->batch, s->rows, s->out));
        Tensor k = tensor_view(r->k, F32, 3, SHAPE(s->batch, s->in, s->out));
        Tensor y = tensor_view(r->y, F32, 3, SHAPE(s->batch, s->rows, s->out));
        op_attention(c, y, q, k, k, (int)s->heads, s->causal);
    } else {
        Tensor x = tensor_view(r->x, F32, 4, SHAPE(s->batch, s->in_rows, s->in_cols, s->in));
        Conv2d g = {.stride = (int)s->stride, .pad_top = (int)s->pad, .pad_left = (int)s->pad};
        if (s->up) g.up_h = s->rows, g.up_w = s->cols;
        op_conv2d(c, tensor_view(r->y, F32, 4, SHAPE(s->batch, s->rows, s->cols, s->out)), x, w, NULL, g, none);
    }
}

static double rate_of_peak(const Ops *op, ThreadPool *one, Precision precision, const CallShape *s, Buffers *r,
                           int runs) {
    Ctx c = {.op = op, .precision = precision, .type = op->type, .pool = one, .arena = &r->arena};
    Weight w = weight_of(s, r->weights);
    bool weighted = s->kind != CALL_ATTENTION;
    size_t bytes = weighted && op->prepared_bytes ? op->prepared_bytes(&w, F16) : 0;
    if (bytes && bytes <= r->prepared_size) op->prepare(&w, F16, r->weights, true, r->prepared);
    double rate = 0, top = 0;
    for (int i = 0; i < runs; i++) {
        double peak = peak_now(), from = os_thread_clock(), n = 0, seconds;
        do {
            run(&c, s, r, &w);
            n++;
            seconds = os_thread_clock() - from;
        } while (seconds < 0.02);
        double now = n * flops_of(s) / seconds;
        rate = now > rate ? now : rate;
        top = peak > top ? peak : top;
    }
    return rate / top;
}

static int64_t more(int64_t a, int64_t b) { return a > b ? a : b; }

static float *numbers(int64_t n) {
    float *x = large_new((size_t)more(n, 1) * sizeof *x);
    for (int64_t i = 0; x && i < n; i++) x[i] = (float)(i * 7919 % 4096 - 2048) * 0x1p-11f;
    return x;
}

/* Operands for the largest call, on pages like those of a model and its arena. */
static bool make_buffers(Buffers *r, const Record *record, Error *e) {
    int64_t in = 0, out = 0, keys = 0, weights = 0;
    for (int i = 0; i < record->count; i++) {
        if (!call_is_product(&record->calls[i].shape)) continue;
        CallShape s = cut(&record->calls[i]);
        in = more(in, inputs_of(&s)), out = more(out, outputs_of(&s));
        keys = more(keys, keys_of(&s)), weights = more(weights, weights_of(&s));
    }
    r->prepared_size = ((size_t)weights * 4 + 8192) / 64 * 64; /* including the padding of panels and filters */
    r->x = numbers(in), r->y = numbers(out), r->k = numbers(keys);
    r->weights = large_new((size_t)weights * sizeof *r->weights);
    r->prepared = large_new(r->prepared_size);
    for (int64_t i = 0; r->weights && i < weights; i++) r->weights[i] = (uint16_t)(0x2400 + i * 7919 % 1024);
    if (r->x && r->y && r->k && r->weights && r->prepared) return arena_init(&r->arena, (size_t)64 << 20, e);
    return error_set(e, ERR_MEMORY, "out of memory for the operands");
}

/* Of a stage; seconds are in units of FLOP at peak. */
typedef struct {
    double flops, seconds[MOST_TABLES];
} Sums;

bool bench_kernels(const Record *r, Precision precision, bool mixed, int runs,
                   void (*seen)(const Kernels *k, const Kernel *one), Kernels *out, Error *e) {
    const Ops *tables[MOST_TABLES];
    Sums all[SD_STAGE_DECODE + 1] = {0}, linear[SD_STAGE_DECODE + 1] = {0};
    Buffers buffers = {0};
    ThreadPool *one = pool_new(1, e);
    *out = (Kernels){.at = calloc((size_t)r->count, sizeof *out->at),
                     .table_count = cpu_ops_list(tables, MOST_TABLES - 1)};
    if (mixed && cpu_ops_mixed()) tables[out->table_count++] = cpu_ops_mixed();
    for (int t = 0; t < out->table_count; t++) out->tables[t] = tables[t]->name;
    bool ok = one && make_buffers(&buffers, r, e);
    if (ok && !out->at) ok = error_set(e, ERR_MEMORY, "out of memory");
    for (int i = 0; ok && i < r->count; i++) {
        const Call *call = &r->calls[i];
        if (!call_is_product(&call->shape)) continue;
        Kernel *kernel = &out->at[out->count++];
        CallShape s = cut(call);
        kernel->call = call;
        all[s.stage].flops += call->flops;
        if (s.kind == CALL_LINEAR) linear[s.stage].flops += call->flops;
        for (int t = 0; t < out->table_count; t++) {
            kernel->share[t] = rate_of_peak(tables[t], one, precision, &s, &buffers, runs);
            all[s.stage].seconds[t] += call->flops / kernel->share[t];
            if (s.kind == CALL_LINEAR) linear[s.stage].seconds[t] += call->flops / kernel->share[t];
        }
        if (seen) seen(out, kernel);
    }
    for (int i = 0; i <= SD_STAGE_DECODE; i++)
        for (int t = 0; ok && t < out->table_count; t++) {
            if (all[i].flops > 0) out->whole[i][t] = all[i].flops / all[i].seconds[t];
            if (linear[i].flops > 0) out->linear[i][t] = linear[i].flops / linear[i].seconds[t];
        }
    large_free(buffers.x), large_free(buffers.y), large_free(buffers.k);
    large_free(buffers.weights), large_free(buffers.prepared);
    arena_free(&buffers.arena);
    pool_free(one);
    return ok;
}

void kernels_free(Kernels *k) {
    free(k->at);
    *k = (Kernels){0};
}
