/* cuda_bits.c: in f32, ops on a GPU, or on the shim, have the bits of the CPU's tables: every case of cases.h, with and
 * without Winograd's filtering, with strides, in a batch, in place and with weights of 16 bits, and shapes at the edges
 * of what is computed at once. */
#define _XOPEN_SOURCE 700
#include "cuda_case.h"
#include "cuda_tiles.h"
#include "tensor/half.h"
#include "tests/harness/on_gpu.h"
#include "tests/harness/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static Ctx gpu, cpu;

static void compare(const OpCase *k, const OpData *d, Way way, const float *expected, const char *what) {
    float *y = case_run(&gpu, k, d, way);
    if (y) test_check(case_same(y, expected, d, k->N), "%s %s%s: the CPU's bits", k->name, gpu.op->name, what);
    free(y);
}

/* The case's weights rounded to F16 or BF16, as a file may hold them. */
static void compare_narrow(const OpCase *k, const OpData *d, DType type) {
    int64_t count = tensor_count(d->w.t);
    uint16_t *numbers = malloc((size_t)count * sizeof *numbers);
    if (!numbers) abort();
    const float *from = d->w.t.data;
    for (int64_t i = 0; i < count; i++) numbers[i] = type == F16 ? f32_to_f16(from[i]) : f32_to_bf16(from[i]);
    OpData narrow = *d;
    narrow.w.t.data = numbers, narrow.w.t.dtype = type;
    float *expected = case_run(&cpu, k, &narrow, PLAINLY);
    compare(k, &narrow, PLAINLY, expected, type == F16 ? ", weights in f16" : ", weights in bf16");
    free(expected);
    free(numbers);
}

static void check_case(const OpCase *k, const OpData *d) {
    float *expected = case_run(&cpu, k, d, PLAINLY), *in_place = case_run(&cpu, k, d, IN_PLACE);
    bool direct = gpu.precision == PRECISION_F32_DIRECT, product = k->kind == OP_LINEAR || k->kind == OP_CONV;
    compare(k, d, PLAINLY, expected, direct ? ", direct" : "");
    if (!case_large(k)) {
        if (!direct) compare(k, d, STRIDED, expected, ", with strides");
        if (!direct) compare(k, d, BATCH, expected, ", in a larger batch");
        compare(k, d, IN_PLACE, in_place, direct ? ", direct and in place" : ", in place");
        if (product) compare_narrow(k, d, direct ? BF16 : F16);
    }
    free(expected);
    free(in_place);
}

static void check_cases(Precision precision) {
    gpu.precision = cpu.precision = precision;
    for (int i = 0; i < OP_CASE_COUNT; i++) {
        OpData d;
        if (precision == PRECISION_F32_DIRECT && OP_CASES[i].kind != OP_CONV) continue; /* others do not differ */
        if (case_large(&OP_CASES[i]) && TEST_SANITIZED) continue;
        if (!test_check(op_data_make(&d, &OP_CASES[i]), "%s: inputs", OP_CASES[i].name)) break;
        check_case(&OP_CASES[i], &d);
        op_data_free(&d);
    }
    cuda_tiles_bits(&gpu, &cpu);
}

/* A product that ends in GEGLU. */
static float *run_gated(const Ctx *on, const float *x, const float *numbers, int64_t rows, int64_t k, int64_t out) {
    Ctx c = *on;
    size_t scope = scope_begin(&c);
    Weight w = {.kind = WEIGHT_LINEAR, .t = tensor_view((void *)(uintptr_t)numbers, F32, 2, SHAPE(2 * out, k))};
    Weight b = {.kind = WEIGHT_VECTOR, .t = tensor_view((void *)(uintptr_t)numbers, F32, 1, SHAPE(2 * out))};
    if (c.op->memory) gpu_weight(&c, &w, false), gpu_weight(&c, &b, false);
    Tensor from = gpu_copy(&c, F32, tensor_view((void *)(uintptr_t)x, F32, 3, SHAPE(2, rows, k)));
    Tensor y = tensor_new(&c, 3, SHAPE(2, rows, out));
    op_linear(&c, y, from, NULL, &w, &b, (Epilogue){.act = ACT_GEGLU});
    size_t bytes = (size_t)tensor_count(y) * sizeof(float);
    float *result = malloc(bytes);
    if (!result) abort();
    memcpy(result, tensor_pull(&c, y).data, bytes);
    test_check(!c.err.code, "%s: GEGLU after a product", c.op->name);
    test_note("%s", c.err.text);
    scope_end(&c, scope);
    return result;
}

static void check_gated(int64_t rows, int64_t k, int64_t out) {
    int64_t all = 2 * rows * k + 2 * out * k;
    float *x = malloc((size_t)all * sizeof *x), *weights = x + 2 * rows * k;
    if (!x) abort();
    for (int64_t i = 0; i < all; i++) x[i] = (float)test_uniform(5, (uint64_t)i) * (x + i < weights ? 1.0f : 0.2f);
    float *expected = run_gated(&cpu, x, weights, rows, k, out), *y = run_gated(&gpu, x, weights, rows, k, out);
    test_check(!memcmp(expected, y, (size_t)(2 * rows * out) * sizeof *y), "%s: GEGLU after %dx%d > %d: the CPU's bits",
               gpu.op->name, (int)rows, (int)k, (int)out);
    free(expected);
    free(y);
    free(x);
}

SUITE(cuda_bits, .seconds = 10) {
    enum { ARENA = 192 << 20 };
    if (!gpu_or_skip("cuda_bits")) return;
    static Arena on_gpu, on_cpu;
    Error e = {0};
    Gpu *device = gpu_open(0, &e);
    ThreadPool *pool = pool_new(1, &e);
    const Ops *exact = cpu_ops_exact(&e);
    bool ok = device && pool && exact && arena_init_on(&on_gpu, gpu_ops(device, F32), device, ARENA, &e) &&
              arena_init(&on_cpu, ARENA, &e);
    if (test_check(ok, "a GPU and a CPU's table that promises the same bits")) {
        gpu = (Ctx){.op = gpu_ops(device, F32), .arena = &on_gpu},
        cpu = (Ctx){.op = exact, .pool = pool, .arena = &on_cpu};
        test_check(gpu.op->exact, "%s promises the same bits", gpu.op->name);
        check_cases(PRECISION_F32);
        check_cases(PRECISION_F32_DIRECT);
        check_gated(5, 24, 7);     /* an odd last column */
        check_gated(70, 64, 40);   /* edges of tiles */
        check_gated(9, 1032, 48);  /* pieces of K */
        check_gated(130, 32, 130); /* several tiles */
    } else test_note("%s", e.text);
    arena_free(&on_gpu);
    arena_free(&on_cpu);
    pool_free(pool);
    gpu_close(device);
}
