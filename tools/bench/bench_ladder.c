/* bench_ladder.c: see bench_ladder.h. The first rungs are plain C of a few lines each, compiled as the rest of this
 * folder is, for any machine; the later ones are the ops of tensor/cpu on the widest vectors that there are. */
#include "bench_ladder.h"

#include "bench_peaks.h"
#include "tensor/half.h"
#include "tensor/large.h"
#include "tensor/ops.h"
#include "tensor/os.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    SIDE = 32,
    CHANNELS = 128,
    TAPS = 9,
    ROWS = SIDE * SIDE,
    INPUTS = TAPS * CHANNELS,
    OUTPUTS = 128,
    BLOCK_K = 384, /* of a row of the picture and of the weights: with BLOCK of each, what the first cache holds */
    BLOCK = 4,
    PANEL = 16,
    QUERIES = 1024,
    HEAD = 64,
};

typedef struct {
    float *picture;        /* [32][32][128] */
    float *x;              /* [1024][1152]: under each pixel's window, the nine neighbours' channels */
    float *w, *panels;     /* [128][1152]; the same as [8][1152][16] */
    uint16_t *half;        /* w, which F16 holds exactly */
    float *y, *want;       /* [1024][128] */
    float *q, *k, *scores; /* [1024][64], keys and values, [1024] */
    void *prepared;
    Weight weight; /* half, prepared, as loading does once */
    Arena arena;
    ThreadPool *one;
    const Ops *op;
} Work;

/* 1. y[i][j] = sum over k of x[i][k] w[j][k], as it is written. */
static void three_loops(const Work *a) {
    for (int i = 0; i < ROWS; i++)
        for (int j = 0; j < OUTPUTS; j++) {
            float sum = 0;
            for (int k = 0; k < INPUTS; k++) sum += a->x[i * INPUTS + k] * a->w[j * INPUTS + k];
            a->y[i * OUTPUTS + j] = sum;
        }
}

/* 2. Four rows by four outputs at once: each number that is fetched serves four sums, which do not wait for each other;
 * and pieces of K that stay in the cache. */
static void blocked(const Work *a) {
    memset(a->y, 0, ROWS * OUTPUTS * sizeof *a->y);
    for (int from = 0; from < INPUTS; from += BLOCK_K)
        for (int j = 0; j < OUTPUTS; j += BLOCK)
            for (int i = 0; i < ROWS; i += BLOCK) {
                float sum[BLOCK][BLOCK] = {{0}};
                for (int k = from; k < from + BLOCK_K; k++)
                    for (int r = 0; r < BLOCK; r++)
                        for (int c = 0; c < BLOCK; c++)
                            sum[r][c] += a->x[(i + r) * INPUTS + k] * a->w[(j + c) * INPUTS + k];
                for (int r = 0; r < BLOCK; r++)
                    for (int c = 0; c < BLOCK; c++) a->y[(i + r) * OUTPUTS + j + c] += sum[r][c];
            }
}

/* 3. The weights are copied once so that sixteen outputs lie side by side: the inner loop reads memory in order, and
 * the compiler can make vectors of it, of the width that every machine has. */
static void panels(const Work *a) {
    for (int p = 0; p < OUTPUTS / PANEL; p++)
        for (int i = 0; i < ROWS; i += BLOCK) {
            float sum[BLOCK][PANEL] = {{0}};
            const float *w = a->panels + p * INPUTS * PANEL;
            for (int k = 0; k < INPUTS; k++, w += PANEL)
                for (int r = 0; r < BLOCK; r++) {
                    float v = a->x[(i + r) * INPUTS + k];
                    for (int c = 0; c < PANEL; c++) sum[r][c] += v * w[c];
                }
            for (int r = 0; r < BLOCK; r++) memcpy(a->y + (i + r) * OUTPUTS + p * PANEL, sum[r], sizeof sum[r]);
        }
}

static void by_op(const Work *a, Precision precision) {
    Work *m = (Work *)(uintptr_t)a;
    Ctx c = {.op = a->op, .precision = precision, .type = F32, .pool = a->one, .arena = &m->arena};
    op_conv2d(&c, tensor_view(a->y, F32, 4, SHAPE(1, SIDE, SIDE, OUTPUTS)),
              tensor_view(a->picture, F32, 4, SHAPE(1, SIDE, SIDE, CHANNELS)), &a->weight, NULL,
              (Conv2d){.stride = 1, .pad_top = 1, .pad_left = 1}, (Epilogue){0});
}

/* 4. The widest vectors, multiply-adds, and no copy of the picture: each window is read where it lies. */
static void vectors(const Work *a) { by_op(a, PRECISION_F32_DIRECT); }

/* 5. F(4x4, 3x3): a quarter of the multiplications. */
static void winograd(const Work *a) { by_op(a, PRECISION_F32); }

/* The scores of a query are stored, then turned into shares, then used. */
static void stored_attention(const Work *a) {
    for (int t = 0; t < QUERIES; t++) {
        float most = -INFINITY, sum = 0;
        for (int s = 0; s < QUERIES; s++) {
            float dot = 0;
            for (int c = 0; c < HEAD; c++) dot += a->q[t * HEAD + c] * a->k[s * HEAD + c];
            a->scores[s] = dot / sqrtf(HEAD);
            if (a->scores[s] > most) most = a->scores[s];
        }
        for (int s = 0; s < QUERIES; s++) sum += a->scores[s] = expf(a->scores[s] - most);
        for (int c = 0; c < HEAD; c++) {
            float mean = 0;
            for (int s = 0; s < QUERIES; s++) mean += a->scores[s] / sum * a->k[s * HEAD + c];
            a->y[t * HEAD + c] = mean;
        }
    }
}

/* 6. Blocks of keys stream past blocks of queries; maximum, sum and mean are corrected as they go, and no score is
 * kept. */
static void streaming_attention(const Work *a) {
    Work *m = (Work *)(uintptr_t)a;
    Ctx c = {.op = a->op, .type = F32, .pool = a->one, .arena = &m->arena};
    Tensor q = tensor_view(a->q, F32, 3, SHAPE(1, QUERIES, HEAD)),
           k = tensor_view(a->k, F32, 3, SHAPE(1, QUERIES, HEAD));
    op_attention(&c, tensor_view(a->y, F32, 3, SHAPE(1, QUERIES, HEAD)), q, k, k, 1, false);
}

static const struct {
    const char *name, *what;
    void (*run)(const Work *a);
    bool attention;
} STEPS[RUNGS] = {
    {"naive", "three loops", three_loops, false},
    {"blocked", "4 x 4 sums at once, in pieces of K", blocked, false},
    {"panels", "weights side by side, the compiler's vectors", panels, false},
    {"vectors", "the widest vectors, fused multiply-adds", vectors, false},
    {"winograd", "a quarter of the multiplications", winograd, false},
    {"stored scores", "attention: each query's scores in memory", stored_attention, true},
    {"streaming", "attention: blocks of keys stream past", streaming_attention, true},
};

static void fill(float *x, size_t n, uint32_t seed) {
    for (size_t i = 0; i < n; i++) x[i] = (float)((i * 2654435761u + seed * 40503u) % 4096) * 0x1p-11f - 1;
}

static void fill_windows(const Work *a) {
    for (int i = 0; i < ROWS; i++)
        for (int k = 0; k < INPUTS; k++) {
            int y = i / SIDE + k / CHANNELS / 3 - 1, x = i % SIDE + k / CHANNELS % 3 - 1;
            bool inside = y >= 0 && y < SIDE && x >= 0 && x < SIDE;
            a->x[i * INPUTS + k] = inside ? a->picture[(y * SIDE + x) * CHANNELS + k % CHANNELS] : 0;
        }
}

static bool make(Work *a, Error *e) {
    const size_t sizes[] = {ROWS * CHANNELS, ROWS * INPUTS,  OUTPUTS * INPUTS, OUTPUTS * INPUTS, ROWS * OUTPUTS,
                            ROWS * OUTPUTS,  QUERIES * HEAD, QUERIES * HEAD,   QUERIES};
    float **const at[] = {&a->picture, &a->x, &a->w, &a->panels, &a->y, &a->want, &a->q, &a->k, &a->scores};
    bool ok = true;
    for (size_t i = 0; i < sizeof at / sizeof *at; i++) ok = (*at[i] = large_new(sizes[i] * sizeof(float))) && ok;
    a->half = large_new(OUTPUTS * INPUTS * sizeof *a->half);
    a->op = cpu_ops(e);
    a->one = pool_new(1, e);
    if (!ok || !a->half) error_set(e, ERR_MEMORY, "out of memory for the ladder");
    if (e->code || !arena_init(&a->arena, (size_t)64 << 20, e)) return false;
    fill(a->picture, ROWS * CHANNELS, 1);
    fill(a->q, QUERIES * HEAD, 2);
    fill(a->k, QUERIES * HEAD, 3);
    for (int i = 0; i < OUTPUTS * INPUTS; i++) {
        a->half[i] = (uint16_t)(0x2400 + i * 7919 % 1024 + (i % 3 ? 0 : 0x8000)); /* 2^-6.. of both signs */
        a->w[i] = f16_to_f32(a->half[i]);
        a->panels[(i / INPUTS / PANEL * INPUTS + i % INPUTS) * PANEL + i / INPUTS % PANEL] = a->w[i];
    }
    fill_windows(a);
    a->weight = (Weight){.kind = WEIGHT_CONV, .t = tensor_view(a->half, F16, 4, SHAPE(OUTPUTS, 3, 3, CHANNELS))};
    size_t bytes = a->op->prepared_bytes ? a->op->prepared_bytes(&a->weight, F16) : 0;
    if (bytes && !(a->prepared = large_new(bytes))) return error_set(e, ERR_MEMORY, "out of memory for the ladder");
    if (bytes) a->op->prepare(&a->weight, F16, a->half, false, a->prepared);
    return true;
}

static double apart(const float *x, const float *want, int n) {
    double most = 0, square = 0;
    for (int i = 0; i < n; i++) {
        most = fmax(most, fabs((double)x[i] - want[i]));
        square += (double)want[i] * want[i];
    }
    return most / sqrt(square / n);
}

static void measure(Work *a, int i, int runs, Rung *out) {
    int numbers = STEPS[i].attention ? QUERIES * HEAD : ROWS * OUTPUTS;
    double flops = STEPS[i].attention ? 4.0 * QUERIES * QUERIES * HEAD : 2.0 * ROWS * INPUTS * OUTPUTS, top = 0;
    *out = (Rung){.name = STEPS[i].name, .what = STEPS[i].what};
    for (int r = 0; r < runs; r++) {
        double peak = peak_now(), from = os_thread_clock(), seconds;
        int n = 0;
        do STEPS[i].run(a), n++, seconds = os_thread_clock() - from;
        while (seconds < 0.05);
        out->rate = fmax(out->rate, n * flops / seconds);
        top = fmax(top, peak);
    }
    out->share = out->rate / top;
    if (!i || STEPS[i].attention != STEPS[i - 1].attention) memcpy(a->want, a->y, (size_t)numbers * sizeof *a->y);
    out->error = apart(a->y, a->want, numbers);
}

bool bench_ladder(int runs, Rung out[RUNGS], Error *e) {
    Work a = {0};
    bool ok = make(&a, e);
    for (int i = 0; ok && i < RUNGS; i++) measure(&a, i, runs, &out[i]);
    void *all[] = {a.picture, a.x, a.w, a.panels, a.half, a.y, a.want, a.q, a.k, a.scores, a.prepared};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) large_free(all[i]);
    arena_free(&a.arena);
    pool_free(a.one);
    return ok;
}
