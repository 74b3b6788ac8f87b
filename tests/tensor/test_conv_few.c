/* test_conv_few.c: convolutions to one to four outputs against sums in double, on every table of ops: sizes that no
 * layer has, strides, padding on some sides, 1x1 filters, epilogues. (PyTorch's results: conv_out and conv_vae_out.) */
#include "test_conv_few.h"

#include "tools/ledger/op_cases.h"
#include "tests/harness/test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The bound of an output's error, relative to the RMS of all. The largest seen was 1.2e-6 (plain C, three, stride 2).
 */
static const double BOUND = 2.4e-6;

static double element(Tensor t, int64_t n, int64_t h, int64_t w, int64_t c) {
    if (h < 0 || h >= t.n[1] || w < 0 || w >= t.n[2]) return 0;
    return ((const float *)t.data)[n * t.s[0] + h * t.s[1] + w * t.s[2] + c];
}

static double expected(const OpCase *k, const OpData *d, int64_t n, int64_t h, int64_t w, int64_t o) {
    const Conv2d *g = &k->geometry;
    double sum = d->b.t.data ? (double)((const float *)d->b.t.data)[o] : 0;
    for (int64_t t = 0; t < k->k * k->k; t++)
        for (int64_t c = 0; c < k->I; c++)
            sum +=
                element(d->in[0], n, h * g->stride + t / k->k - g->pad_top, w * g->stride + t % k->k - g->pad_left, c) *
                (double)((const float *)d->w.t.data)[(o * k->k * k->k + t) * k->I + c];
    if (d->vector.data) sum += (double)((const float *)d->vector.data)[n * d->vector.s[0] + o];
    if (k->act == ACT_SILU) sum /= 1 + exp(-sum);
    return sum + (d->residual.data ? element(d->residual, n, h, w, o) : 0);
}

static void check(const Ops *table, const OpCase *k, ThreadPool *device, Arena *arena) {
    OpData d;
    if (!test_check(op_data_make(&d, k), "%s: inputs", k->name)) return;
    int64_t pictures = d.pictures, count = pictures * k->Ho * k->Wo * k->O, at = 0;
    float *y = malloc((size_t)count * sizeof *y);
    if (!y) abort();
    memset(y, 0xff, (size_t)count * sizeof *y);
    Ctx c = {.op = table, .precision = PRECISION_F32, .pool = device, .arena = arena};
    op_case_run(&c, k, &d, tensor_view(y, F32, 4, SHAPE(pictures, k->Ho, k->Wo, k->O)));
    double worst = 0, squares = 0;
    for (int64_t n = 0; n < pictures; n++)
        for (int64_t h = 0; h < k->Ho; h++)
            for (int64_t w = 0; w < k->Wo; w++)
                for (int64_t o = 0; o < k->O; o++) {
                    double right = expected(k, &d, n, h, w, o), error = fabs((double)y[at++] - right);
                    squares += right * right;
                    if (!(error <= worst)) worst = error;
                }
    worst /= sqrt(squares / (double)count);
    test_check(worst <= BOUND, "%s: a convolution to few outputs, %s", table->name, k->name);
    test_note("largest error %.2e", worst);
    op_data_free(&d);
    free(y);
}

void conv_few_checks(void) {
#define CASE(name_, h, w, i, o, kernel, stride, pt, pl, ho, wo, ...)                                                   \
    {                                                                                                                  \
        .kind = OP_CONV, .xscale = 1, .name = name_, .N = 2, .H = h, .W = w, .I = i, .O = o, .k = kernel, .Ho = ho,    \
        .Wo = wo, .geometry = {stride, pt, pl, 0, 0, 0}, .bias = 1, __VA_ARGS__                                        \
    }
    static const OpCase CASES[] = {
        CASE("one output", 5, 7, 16, 1, 3, 1, 1, 1, 5, 7, .vector = 1),
        CASE("two, one pixel", 1, 1, 48, 2, 3, 1, 1, 1, 1, 1, .residual = 1),
        CASE("three, stride 2", 9, 11, 32, 3, 3, 2, 1, 1, 5, 6, .act = ACT_SILU),
        CASE("four, no padding", 6, 40, 96, 4, 3, 1, 0, 0, 4, 38, .residual = 1),
        CASE("four, padding above", 34, 5, 16, 4, 3, 1, 1, 0, 33, 3, .act = ACT_SILU, .residual = 1),
        CASE("three, 1x1", 7, 3, 64, 3, 1, 1, 0, 0, 7, 3, .vector = 1),
        CASE("four, channels of no vector", 5, 6, 19, 4, 3, 1, 1, 1, 5, 6, .vector = 1),
    };
    const Ops *tables[4];
    int count = cpu_ops_list(tables, 4);
    Arena arena = {0};
    Error e = {0};
    ThreadPool *device = pool_new(2, &e);
    if (test_check(device && arena_init(&arena, 1 << 20, &e), "two threads"))
        for (int t = 0; t < count; t++)
            for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) check(tables[t], &CASES[i], device, &arena);
    arena_free(&arena);
    pool_free(device);
}
