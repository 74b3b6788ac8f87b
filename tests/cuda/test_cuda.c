/* test_cuda.c: the ops on a GPU: a real one in a build with CUDA, else the shim (cuda/shim/shim.h), if it could be
 * compiled.
 *
 * Every case of cases.h, in every 16-bit type, is compared with PyTorch's result, and must give the same bits with
 * strides, for each picture of a batch as alone, and in place. F32 is in cuda_bits.c. */
#define _XOPEN_SOURCE 700
#include "cuda_case.h"
#include "cuda_tiles.h"
#include "tests/harness/golden.h"
#include "tests/harness/on_gpu.h"
#include "tools/ledger/bound.h"
#include "tests/harness/test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static Arena arena;
static Gpu *gpu;
static Precision precision;
static bool made_up;                          /* the shim, where time is short */
static bool other_path;                       /* products use the path that this GPU would not choose by itself */
static int on_tensor_cores[OP_EMBEDDING + 1]; /* how many cases of each kind are computed differently there */

enum { TYPES = 3 };
static LedgerTable tables[TYPES]; /* f32, f16, bf16 */

static Ctx on(const Ops *table) {
    return (Ctx){.op = table, .precision = precision, .type = table->type, .arena = &arena};
}

static void check_case(Golden *golden, const LedgerTable *t, const OpCase *k, const OpData *d) {
    const Ops *table = t->op;
    char label[128];
    OpData first = op_data_slice(d, 0, k->N);
    Ctx c = on(table);
    float *plain = case_run(&c, k, d, PLAINLY), *other;
    snprintf(label, sizeof label, "%s %s", k->name, table->name);
    Bound bound = op_bound(k, d, t->numbers, false);
    golden_check_within(golden, k->name, plain, first.nd, first.n, bound, label);
    if (table->type == BF16 ||
        case_large(k)) { /* BF16 differs only in how numbers are read; large cases are like small ones */
        free(plain);
        return;
    }
    if (table->type == F16 && !other_path) { /* the plain kernels, which those for tensor cores hide */
        c.precision = PRECISION_F32_DIRECT;
        other = case_run(&c, k, d, PLAINLY);
        c.precision = PRECISION_F32;
        on_tensor_cores[k->kind] += !case_same(plain, other, d, k->N);
        golden_check_within(golden, k->name, other, first.nd, first.n, bound, label);
        free(other);
    }
    other = case_run(&c, k, d, STRIDED);
    test_check(case_same(plain, other, d, k->N), "%s with strides: the same bits", label);
    free(other);
    other = case_run(&c, k, d, BATCH);
    test_check(case_same(plain, other, d, k->N), "%s in a larger batch: the same bits", label);
    free(other);
    other = case_run(&c, k, d, IN_PLACE);
    if (other) test_check(case_same(plain, other, d, k->N), "%s in place: the same bits", label);
    free(other);
    free(plain);
}

/* BF16's kernels differ from F16's in how numbers are read, which small cases show; a real GPU has instructions for it.
 */
static bool sampled(DType type) { return made_up && type == BF16; }

/* A product that ends in GEGLU, or the two ops. The GPU's results for the pictures from `first` on. */
static float *run_gated(const Ops *table, Tensor x, const float *numbers, int64_t out, int64_t first, bool two_ops) {
    Ctx c = on(table);
    size_t scope = scope_begin(&c);
    int64_t k = x.n[2];
    Weight w = {.kind = WEIGHT_LINEAR, .t = tensor_view((void *)(uintptr_t)numbers, F32, 2, SHAPE(2 * out, k))};
    Weight b = {.kind = WEIGHT_VECTOR, .t = tensor_view((void *)(uintptr_t)numbers, F32, 1, SHAPE(2 * out))};
    gpu_weight(&c, &w, false);
    gpu_weight(&c, &b, false);
    Tensor from = gpu_copy(&c, table->type, tensor_slice(x, 0, first, x.n[0] - first));
    Tensor y = tensor_new(&c, 3, SHAPE(from.n[0], x.n[1], out));
    if (two_ops) {
        Tensor both = tensor_new(&c, 3, SHAPE(from.n[0], x.n[1], 2 * out));
        op_linear(&c, both, from, NULL, &w, &b, (Epilogue){0});
        op_geglu(&c, y, both);
    } else op_linear(&c, y, from, NULL, &w, &b, (Epilogue){.act = ACT_GEGLU});
    size_t bytes = (size_t)tensor_count(y) * sizeof(float);
    float *result = malloc(bytes);
    if (!result) abort();
    memcpy(result, tensor_pull(&c, y).data, bytes);
    test_check(!c.err.code, "%s: GEGLU after a product", table->name);
    test_note("%s", c.err.text);
    scope_end(&c, scope);
    return result;
}

/* GEGLU in a product's registers: in f32 the bits of the two ops, in 16 bits as close as any product; the same alone.
 */
static void check_gated(int64_t rows, int64_t k, int64_t out) {
    int64_t count = 2 * rows * out, all = 2 * rows * k + 2 * out * k;
    float *numbers = malloc((size_t)all * sizeof *numbers);
    if (!numbers) abort();
    for (int64_t i = 0; i < all; i++) numbers[i] = (float)(i * 7919 % 4099 - 2049) * 0x1p-14f;
    const float *weights = numbers + 2 * rows * k;
    Tensor x = tensor_view(numbers, F32, 3, SHAPE(2, rows, k));
    for (int64_t i = 0; i < 2 * rows * k; i++) numbers[i] *= 8;
    precision = PRECISION_F32_DIRECT;
    float *expected = run_gated(gpu_ops(gpu, F32), x, weights, out, 0, true);
    double square = 0;
    for (int64_t i = 0; i < count; i++) square += (double)expected[i] * (double)expected[i];
    double rms = sqrt(square / (double)count);
    for (int t = other_path ? 2 : 0; t < 2 * TYPES; t += other_path ? 2 : 1) {
        const Ops *table = tables[t / 2].op;
        Bound bound = gpu_bound(tables[t / 2].numbers);
        if (t % 2 && sampled(table->type)) continue;
        precision = t % 2 ? PRECISION_F32_DIRECT : PRECISION_F32;
        float *y = run_gated(table, x, weights, out, 0, false), *alone = run_gated(table, x, weights, out, 1, false);
        double errors = 0, worst = 0;
        for (int64_t i = 0; i < count; i++) {
            double d = fabs((double)y[i] - (double)expected[i]) / rms;
            errors += d * d;
            worst = d > worst || isnan(d) ? d : worst;
        }
        errors = sqrt(errors / (double)count);
        test_check(t / 2 ? errors <= bound.rms && worst <= bound.max : errors == 0,
                   "%s: GEGLU after %dx%d > %d%s: error %.1e, at most %.1e", table->name, (int)rows, (int)k, (int)out,
                   t % 2 ? ", plainly" : "", errors, worst);
        test_check(!memcmp(alone, y + count / 2, (size_t)(count / 2) * sizeof *y),
                   "%s: GEGLU after %dx%d > %d: the same bits alone", table->name, (int)rows, (int)k, (int)out);
        free(y);
        free(alone);
    }
    precision = PRECISION_F32;
    free(expected);
    free(numbers);
}

static void check_tiles(const LedgerTable *t) {
    if (!sampled(t->op->type)) cuda_tiles(gpu, &arena, t->op->type, gpu_bound(t->numbers));
}

static void check_cases(const LedgerTable *t, bool products_alone) {
    Golden *golden = golden_open("ops");
    for (int i = 0; golden && i < OP_CASE_COUNT; i++) {
        OpData d;
        if (!op_case_fits(&OP_CASES[i], t->numbers)) continue;
        OpKind kind = OP_CASES[i].kind;
        if (products_alone && kind != OP_LINEAR && kind != OP_CONV && kind != OP_ATTENTION) continue;
        if (case_large(&OP_CASES[i]) && (sampled(t->op->type) || (made_up && TEST_SANITIZED))) continue;
        if (!test_check(op_data_make(&d, &OP_CASES[i]), "%s: inputs", OP_CASES[i].name)) break;
        check_case(golden, t, &OP_CASES[i], &d);
        op_data_free(&d);
    }
    golden_close(golden);
}

static void check_all_gated(void) {
    check_gated(5, 24, 7);      /* an odd last column */
    check_gated(70, 64, 40);    /* edges of tiles */
    check_gated(9, 1032, 48);   /* K split */
    check_gated(77, 2048, 20);  /* a text of SDXL */
    check_gated(1030, 32, 130); /* the larger tiles */
}

static bool begin(void) {
    Error e = {0};
    gpu = gpu_open(0, &e);
    bool ok = gpu && arena_init_on(&arena, gpu_ops(gpu, F32), gpu, 192 << 20, &e);
    if (!test_check(ok, "a GPU opens")) test_note("%s", e.text);
    made_up = ok && gpu_is_shim(gpu);
    if (ok) ledger_gpu_tables(tables, gpu);
    return ok;
}

static void end(void) {
    arena_free(&arena);
    gpu_close(gpu);
}

SUITE(cuda, .seconds = 25) {
    if (!gpu_or_skip("cuda") || !begin()) return;
    printf("  cuda: goldens of ops and blocks through cuda/ on %s\n", gpu_name(gpu));
    for (int t = 1; t < TYPES; t++) {
        check_cases(&tables[t], false);
        check_blocks(&tables[t]);
    }
    check_all_gated();
    for (int t = 1; t < TYPES; t++) check_tiles(&tables[t]);
    for (int i = 0; i <= OP_EMBEDDING; i++) {
        bool has = i == OP_LINEAR || i == OP_CONV || i == OP_ATTENTION;
        test_check(has == (on_tensor_cores[i] > 4), "%d cases of kind %d went to tensor cores", on_tensor_cores[i], i);
    }
    end();
}

/* Products and attention of compute capability 9.0 on the shim; on a real GPU with 9.0, those without wgmma. */
SUITE(cuda_hopper, .seconds = 40) {
    if (!gpu_or_skip("cuda_hopper") || !begin()) return;
    end();
    setenv(made_up ? "SDC_SHIM_ARCH" : "SDC_CUDA", made_up ? "90" : "mma", 1);
    other_path = true;
    if (!begin()) return;
    for (int t = 1; t < TYPES; t++) {
        check_cases(&tables[t], true);
        check_tiles(&tables[t]);
    }
    check_all_gated();
    end();
}
