/* cuda_kinds.c: made-up GPUs of other kinds, with less shared memory or without bf16 in tensor cores. What they cannot
 * do one way must be computed another way, with the same results up to rounding. Also: sums that do not fit into a
 * GPU's memory for them. */
#define _XOPEN_SOURCE 700
#include "tensor/ops.h"
#include "tests/harness/on_gpu.h"
#include "tests/harness/test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 2050, K = 24, WIDE = 160, TOKENS = 9, HEAD = 512, MANY_ROWS = 8200, MANY_K = 8, MANY = 515 };

static Arena arena;
static Gpu *gpu;

static float number(int64_t i) { return (float)(i * 7919 % 4099 - 2049) * 0x1p-11f; }

static Tensor made(Ctx *c, const int64_t *n, int64_t first) {
    Tensor t = tensor_new(c, 3, n);
    float *host = tensor_host(c, t).data;
    for (int64_t i = 0; i < tensor_count(t); i++) host[i] = number(first + i);
    tensor_push(c, t);
    return t;
}

static void product(Ctx *c, Tensor *y, int64_t pictures, int64_t rows, int64_t k, int64_t outputs, bool more) {
    static float w[WIDE * K + MANY * 2 * MANY_K];
    int64_t depth = more ? 2 * k : k;
    for (int64_t i = 0; i < outputs * depth; i++) w[i] = number(i + 17);
    Weight weight = {.kind = WEIGHT_LINEAR, .t = tensor_view(w, F32, 2, SHAPE(outputs, depth))};
    Weight bias = {.kind = WEIGHT_VECTOR, .t = tensor_view(w, F32, 1, SHAPE(outputs))};
    gpu_weight(c, &weight, false);
    gpu_weight(c, &bias, false);
    Tensor x = made(c, SHAPE(pictures, rows, k), 0), second, residual, vector;
    Epilogue e = {0};
    if (more) {
        second = made(c, SHAPE(pictures, rows, k), 11);
        residual = made(c, SHAPE(pictures, rows, outputs), 3);
        vector = made(c, SHAPE(1, pictures, outputs), 7);
        vector = tensor_view(vector.data, vector.dtype, 2, SHAPE(pictures, outputs));
        e.residual = &residual, e.vector = &vector;
    }
    *y = tensor_new(c, 3, SHAPE(pictures, rows, outputs));
    op_linear(c, *y, x, more ? &second : NULL, &weight, &bias, e);
}

static void linear(Ctx *c, Tensor *y) { product(c, y, 1, ROWS, K, WIDE, false); }

/* Two pictures, each with more than half of the sums that fit, unpaired, from two sources. */
static void many_sums(Ctx *c, Tensor *y) { product(c, y, 2, MANY_ROWS, MANY_K, MANY, true); }

static void attention(Ctx *c, Tensor *y) {
    Tensor q = made(c, SHAPE(1, TOKENS, HEAD), 0), k = made(c, SHAPE(1, TOKENS, HEAD), 5);
    *y = tensor_new(c, 3, SHAPE(1, TOKENS, HEAD));
    op_attention(c, *y, q, k, k, 1, false);
}

static float *run(void (*op)(Ctx *, Tensor *), DType type, Precision precision, int64_t *count) {
    Ctx c = {.op = gpu_ops(gpu, type), .precision = precision, .type = type, .arena = &arena};
    size_t scope = scope_begin(&c);
    Tensor y;
    op(&c, &y);
    Tensor host = tensor_pull(&c, y);
    *count = tensor_count(y);
    float *copy = malloc((size_t)*count * sizeof *copy);
    if (!copy) abort();
    memcpy(copy, host.data, (size_t)*count * sizeof *copy);
    test_check(!c.err.code, "%s: no error", gpu_name(gpu));
    test_note("%s", c.err.text);
    scope_end(&c, scope);
    return copy;
}

static void compare(const char *arch, const char *what, void (*op)(Ctx *, Tensor *), DType type, double bound) {
    int64_t count = 0;
    float *y = run(op, type, PRECISION_F32, &count), *want = run(op, F32, PRECISION_F32_DIRECT, &count);
    double error = 0, square = 0;
    for (int64_t i = 0; i < count; i++) {
        error += (double)(y[i] - want[i]) * (double)(y[i] - want[i]);
        square += (double)want[i] * (double)want[i];
    }
    error = sqrt(error / square);
    test_check(error <= bound, "a GPU of %s: %s in %s: error %.1e", arch, what, type == F16 ? "f16" : "bf16", error);
    free(y);
    free(want);
}

SUITE(cuda_kinds, .seconds = 5) {
    if (!gpu_or_skip("cuda_kinds")) return;
    static const char *const ARCHS[] = {"75", "86", "90"};
    for (size_t i = 0; i < sizeof ARCHS / sizeof *ARCHS; i++) {
        Error e = {0};
        setenv("SDC_SHIM_ARCH", ARCHS[i], 1);
        gpu = gpu_open(0, &e);
        if (gpu && !gpu_is_shim(gpu)) {
            gpu_close(gpu);
            test_skip("cuda_kinds: other kinds of GPUs need the stand-in");
            break;
        }
        bool ok = gpu && arena_init_on(&arena, gpu_ops(gpu, F32), gpu, 80 << 20, &e);
        if (!test_check(ok, "a GPU of %s opens", ARCHS[i])) test_note("%s", e.text);
        for (int narrow = 0; ok && narrow < 2; narrow++) {
            DType type = narrow ? BF16 : F16;
            compare(ARCHS[i], "a wide product", linear, type, narrow ? 1e-2 : 1e-3);
            compare(ARCHS[i], "attention of a wide head", attention, type, narrow ? 1e-2 : 1e-3);
        }
        if (ok && i > 0) compare(ARCHS[i], "more sums than there is room for", many_sums, F16, 1e-3);
        arena_free(&arena);
        gpu_close(gpu);
    }
    unsetenv("SDC_SHIM_ARCH");
}
