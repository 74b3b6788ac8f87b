/* test_ops.c: every case of cases.h, on every table of ops that this machine can run.
 *
 * Each is compared with PyTorch's result, and must give the same bits with strided inputs and outputs, one picture at a
 * time, with other numbers of threads, in place, with 16-bit weights as with the same values in f32, and with prepared
 * weights. Outputs are poisoned first, and surrounded by sentinels. */
#include "tools/ledger/generated.h"
#include "tests/harness/golden.h"
#include "tools/ledger/bound.h"
#include "tools/ledger/op_cases.h"
#include "tests/harness/test.h"
#include "weights/formats/blocks.h"
#include "test_math.h"
#include "few_cases.h"
#include "test_conv_few.h"
#include "test_winograd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_TABLES = 4, GUARD = 64 /* floats on each side of an output */ };

static const uint32_t SENTINEL = 0x7fc0dead; /* a NaN, so that computing with it shows up as well */

static Arena arena; /* for what ops take themselves */
static ThreadPool *one, *three;

static Precision precision;
static bool by_winograd, mixed; /* the current case, in this precision */
enum { FEW_WINOGRAD = 5, FEW_Q8 = 20 };
static int q8_cases;                        /* with rows of whole blocks */
static int winograd_cases, winograd_tables; /* OpenBLAS's table has no such convolutions */

/* Memory for an output of the given shape, all sentinels. gap: elements left alone after each row and each picture */
typedef struct {
    uint32_t *memory;
    int64_t size;
    Tensor t;
} Guarded;

static Tensor spread(void *data, DType type, int nd, const int64_t *n, int64_t gap) {
    Tensor t = tensor_view(data, type, nd, n);
    for (int i = nd - 2; i >= 0; i--) t.s[i] = t.s[i + 1] * t.n[i + 1] + (i == nd - 2 || i == 0 ? gap : 0);
    return t;
}

static Guarded guarded(int nd, const int64_t *n, int64_t gap) {
    Guarded g = {.t = spread(NULL, F32, nd, n, gap)};
    g.size = g.t.s[0] * g.t.n[0] + 2 * GUARD;
    g.memory = malloc((size_t)g.size * 4);
    for (int64_t i = 0; i < g.size; i++) g.memory[i] = SENTINEL;
    g.t.data = g.memory + GUARD;
    return g;
}

/* Rows are all dimensions but the last. */
static int64_t row_offset(Tensor t, int64_t row) {
    int64_t offset = 0;
    for (int i = t.nd - 2; i >= 0; i--) {
        offset += row % t.n[i] * t.s[i];
        row /= t.n[i];
    }
    return offset;
}

static int64_t rows_of(Tensor t) { return tensor_count(t) / t.n[t.nd - 1]; }

static void copy_rows(Tensor out, Tensor in) {
    int64_t n = in.n[in.nd - 1];
    for (int64_t r = 0; r < rows_of(in); r++)
        memcpy((float *)out.data + row_offset(out, r), (float *)in.data + row_offset(in, r), (size_t)n * 4);
}

static bool same_bits(Tensor a, Tensor b) {
    int64_t n = a.n[a.nd - 1];
    for (int64_t r = 0; r < rows_of(a); r++)
        if (memcmp((float *)a.data + row_offset(a, r), (float *)b.data + row_offset(b, r), (size_t)n * 4)) return false;
    return true;
}

/* Whether all of the tensor's own elements were written, and nothing else. */
static bool intact(const Guarded *g) {
    int64_t n = g->t.n[g->t.nd - 1], untouched = 0;
    for (int64_t i = 0; i < g->size; i++) untouched += g->memory[i] == SENTINEL;
    for (int64_t r = 0; r < rows_of(g->t); r++) {
        const uint32_t *p = (const uint32_t *)g->t.data + row_offset(g->t, r);
        for (int64_t i = 0; i < n; i++)
            if (p[i] == SENTINEL) return false;
    }
    return untouched == g->size - tensor_count(g->t);
}

static void run(const Ops *table, ThreadPool *pool, const OpCase *k, const OpData *d, Tensor y) {
    Ctx c = {.op = table, .precision = precision, .pool = pool, .arena = &arena};
    op_case_run(&c, k, d, y);
    test_check(c.err.code == ERR_NONE && arena.used == 0, "%s %s leaves the arena as it was", k->name, table->name);
}

/* --- the properties --- */

static void check_one_golden(Golden *g, const OpCase *k, const OpData *d, const Guarded *y, const char *label) {
    Bound bound = op_bound(k, d, mixed ? NUMBERS_MIXED : NUMBERS_F32, by_winograd);
    golden_check_within(g, k->name, y->t.data, d->nd, d->n, bound, label);
}

static Guarded check_golden(Golden *golden, const Ops *table, const OpCase *k, const OpData *all) {
    OpData d = op_data_slice(all, 0, k->N);
    Guarded y = guarded(d.nd, d.n, 0);
    run(table, one, k, &d, y.t);
    char label[128];
    snprintf(label, sizeof label, "%s %s%s", k->name, table->name, by_winograd ? " Winograd" : "");
    check_one_golden(golden, k, &d, &y, label);
    test_check(intact(&y), "%s writes its output and nothing else", label);
    return y;
}

static void check_strided(const Ops *table, const OpCase *k, const OpData *all, Tensor expected) {
    OpData d = op_data_slice(all, 0, k->N);
    Tensor *inputs[MAX_INPUTS + 2] = {&d.in[0], &d.in[1], &d.in[2], &d.vector, &d.residual};
    void *memory[MAX_INPUTS + 2] = {0};
    for (int i = 0; i < MAX_INPUTS + 2; i++) {
        if (!inputs[i]->data || inputs[i]->nd < 2) continue;
        Guarded g = guarded(inputs[i]->nd, inputs[i]->n, 3 + 2 * i);
        g.t.dtype = inputs[i]->dtype;
        copy_rows(g.t, *inputs[i]);
        *inputs[i] = g.t;
        memory[i] = g.memory;
    }
    Guarded y = guarded(d.nd, d.n, 5);
    run(table, one, k, &d, y.t);
    test_check(intact(&y) && same_bits(y.t, expected), "%s %s with gaps between rows gives the same bits", k->name,
               table->name);
    for (int i = 0; i < MAX_INPUTS + 2; i++) free(memory[i]);
    free(y.memory);
}

static void check_batch(const Ops *table, const OpCase *k, const OpData *all, Tensor expected) {
    Guarded y = guarded(all->nd, all->n, 0);
    run(table, three, k, all, y.t);
    bool same = same_bits(expected, tensor_slice(y.t, 0, 0, k->N));
    test_check(intact(&y) && same, "%s %s: a larger batch on 3 threads gives the same bits", k->name, table->name);
    same = true;
    for (int64_t p = 0; p < all->pictures; p++) {
        OpData d = op_data_slice(all, p, 1);
        Guarded alone = guarded(d.nd, d.n, 0);
        run(table, one, k, &d, alone.t);
        same &= same_bits(alone.t, tensor_slice(y.t, 0, p, 1));
        free(alone.memory);
    }
    test_check(same, "%s %s: each picture alone gives the same bits", k->name, table->name);
    free(y.memory);
}

/* With the residual in place of the output, or an input if the op's contract allows it. */
static void check_in_place(Golden *golden, const Ops *table, const OpCase *k, const OpData *all, Tensor expected) {
    bool product = k->kind == OP_LINEAR || k->kind == OP_CONV;
    bool elementwise = k->kind == OP_GROUP_NORM || k->kind == OP_LAYER_NORM || k->kind == OP_ACTIVATION ||
                       k->kind == OP_AFFINE || k->kind == OP_PRELU;
    if (product ? !k->residual || k->act != ACT_NONE : !elementwise || k->C2) return;
    OpData d = op_data_slice(all, 0, k->N);
    Guarded y = guarded(d.nd, d.n, 0);
    Tensor *source = product ? &d.residual : &d.in[0];
    copy_rows(y.t, *source);
    *source = y.t;
    run(table, three, k, &d, y.t);
    char label[128];
    snprintf(label, sizeof label, "%s %s%s in place", k->name, table->name, by_winograd ? " Winograd" : "");
    if (product) check_one_golden(golden, k, &d, &y, label);
    else test_check(same_bits(y.t, expected), "%s", label);
    test_check(intact(&y), "%s: writes nothing else", label);
    free(y.memory);
}

/* 16-bit weights are widened: the same bits as with the rounded values in f32. */
static void check_half_weights(const Ops *table, const OpCase *k, const OpData *all, DType type) {
    OpData d = op_data_slice(all, 0, k->N), e = d;
    Weight *narrow[2] = {&d.w, k->kind == OP_EMBEDDING ? &d.b : NULL}, *wide[2] = {&e.w, &e.b};
    void *memory[4] = {0};
    for (int i = 0; i < 2 && narrow[i]; i++) {
        int64_t n = tensor_count(narrow[i]->t);
        void *h = memory[2 * i] = malloc((size_t)n * 2);
        float *f = memory[2 * i + 1] = malloc((size_t)n * 4);
        gen_narrow(h, narrow[i]->t.data, n, type);
        table_widen(f, h, n, type);
        narrow[i]->t.data = h;
        narrow[i]->t.dtype = type;
        wide[i]->t.data = f;
    }
    Guarded a = guarded(d.nd, d.n, 0), b = guarded(d.nd, d.n, 0);
    run(table, one, k, &d, a.t);
    run(table, one, k, &e, b.t);
    test_check(intact(&a) && same_bits(a.t, b.t), "%s %s with %s weights", k->name, table->name, dtype_name(type));
    free(a.memory);
    free(b.memory);
    for (int i = 0; i < 4; i++) free(memory[i]);
}

/* A prepared form gives the same bits as the weight it was made from, in any order and width. */
static void check_prepared(const Ops *table, const OpCase *k, const OpData *all, DType type) {
    OpData d = op_data_slice(all, 0, k->N), e = d;
    int64_t n = tensor_count(d.w.t), outputs = d.w.t.n[0], taps = k->kind == OP_CONV ? k->k * k->k : 1;
    size_t bytes = table->prepared_bytes ? table->prepared_bytes(&d.w, type) : 0;
    if (!bytes) return;
    float *channels_first = malloc((size_t)n * 4);
    void *rows = malloc((size_t)n * 4), *torch = malloc((size_t)n * 4);
    void *prepared[2] = {aligned_alloc(64, (bytes + 63) / 64 * 64), aligned_alloc(64, (bytes + 63) / 64 * 64)};
    to_channels_first(channels_first, d.w.t.data, outputs, n / outputs / taps, taps);
    gen_narrow(rows, d.w.t.data, n, type);
    gen_narrow(torch, channels_first, n, type);
    memset(prepared[0], 0xff, bytes);
    memset(prepared[1], 0xff, bytes);
    d.w.t.data = rows;
    d.w.t.dtype = type;
    Guarded a = guarded(d.nd, d.n, 0), b = guarded(d.nd, d.n, 0);
    run(table, one, k, &d, a.t);
    table->prepare(&e.w, type, rows, false, prepared[0]);
    table->prepare(&e.w, type, torch, true, prepared[1]);
    e.w.t.data = NULL;
    run(table, three, k, &e, b.t);
    bool same = !memcmp(prepared[0], prepared[1], bytes);
    test_check(same && intact(&b) && same_bits(a.t, b.t), "%s %s with prepared %s weights", k->name, table->name,
               dtype_name(type));
    void *memory[] = {channels_first, rows, torch, prepared[0], prepared[1], a.memory, b.memory};
    for (size_t i = 0; i < sizeof memory / sizeof *memory; i++) free(memory[i]);
}

/* Weights in blocks of Q8_0, as they are and prepared: the same bits as with their numbers in f32. */
static void check_q8(const Ops *table, const OpCase *k, const OpData *all) {
    OpData d = op_data_slice(all, 0, k->N), e = d;
    int64_t n = tensor_count(d.w.t), row = d.w.t.n[d.w.t.nd - 1];
    if (row % Q8_NUMBERS) return;
    q8_cases++;
    size_t bytes = table->prepared_bytes ? table->prepared_bytes(&d.w, Q8_0) : 0;
    uint8_t *blocks = malloc(dtype_bytes(Q8_0, n)), *prepared = aligned_alloc(64, (bytes + 64) / 64 * 64);
    float *wide = malloc((size_t)n * sizeof *wide);
    if (!blocks || !prepared || !wide) abort();
    for (int64_t i = 0; i < n / Q8_NUMBERS; i++) {
        quantise_q8_0((const float *)d.w.t.data + i * Q8_NUMBERS, blocks + i * Q8_BYTES);
        block_f32(Q8_0, blocks + i * Q8_BYTES, wide + i * Q8_NUMBERS);
    }
    d.w.t = tensor_view(blocks, Q8_0, d.w.t.nd, d.w.t.n);
    e.w.t.data = wide;
    Guarded a = guarded(d.nd, d.n, 0), b = guarded(d.nd, d.n, 0);
    run(table, three, k, &e, a.t);
    run(table, one, k, &d, b.t);
    test_check(intact(&b) && same_bits(a.t, b.t), "%s %s with Q8_0 weights", k->name, table->name);
    if (bytes) {
        memset(prepared, 0xff, bytes);
        table->prepare(&d.w, Q8_0, blocks, false, prepared);
        d.w.t.data = NULL;
        run(table, three, k, &d, b.t);
        test_check(intact(&b) && same_bits(a.t, b.t), "%s %s with prepared Q8_0 weights", k->name, table->name);
    }
    void *memory[] = {blocks, prepared, wide, a.memory, b.memory};
    for (size_t i = 0; i < sizeof memory / sizeof *memory; i++) free(memory[i]);
}

/* The plan's arithmetic, counted separately: 2 per multiply-add. */
static void check_plan(const OpCase *k, const OpData *all) {
    double expected = 0, n = (double)k->N;
    if (k->kind == OP_LINEAR) expected = 2 * n * (double)(k->T * k->O * (k->K + k->K2));
    if (k->kind == OP_CONV) expected = 2 * n * (double)(k->Ho * k->Wo * k->O * k->k * k->k * k->I);
    if (k->kind == OP_ATTENTION) expected = 4 * n * (double)(k->heads * k->T * k->S * k->d);
    OpData d = op_data_slice(all, 0, k->N);
    Arena nothing = {0};
    Ctx c = {.op = plan_ops(), .arena = &nothing};
    op_case_run(&c, k, &d, tensor_view(NULL, F32, d.nd, d.n));
    int64_t blocks = (k->T + GROUP_NORM_PIXELS - 1) / GROUP_NORM_PIXELS;
    size_t bytes = k->kind == OP_GROUP_NORM ? ((size_t)(k->N * blocks * k->groups) * 16 + 63) / 64 * 64 : 0;
    test_check(c.flops == expected && nothing.peak == bytes && nothing.used == 0, "%s planned", k->name);
}

static void check_properties(Golden *golden, const Ops *table, const OpCase *k, const OpData *d) {
    Guarded y = check_golden(golden, table, k, d);
    if (few_case(k) == CASE_ONCE) {
        free(y.memory);
        return;
    }
    check_strided(table, k, d, y.t);
    check_batch(table, k, d, y.t);
    check_in_place(golden, table, k, d, y.t);
    if (k->kind == OP_LINEAR || k->kind == OP_CONV || k->kind == OP_EMBEDDING) {
        check_half_weights(table, k, d, F16);
        check_half_weights(table, k, d, BF16);
        for (DType type = F32; type <= BF16; type++) check_prepared(table, k, d, type);
        check_q8(table, k, d);
    }
    free(y.memory);
}

/* Whether f32 computes this case differently from f32-direct. */
static bool differs(const Ops *table, const OpCase *k, const OpData *all) {
    OpData d = op_data_slice(all, 0, k->N);
    Guarded fast = guarded(d.nd, d.n, 0), direct = guarded(d.nd, d.n, 0);
    precision = PRECISION_F32;
    run(table, one, k, &d, fast.t);
    precision = PRECISION_F32_DIRECT;
    run(table, one, k, &d, direct.t);
    bool same = same_bits(fast.t, direct.t);
    free(fast.memory);
    free(direct.memory);
    return !same;
}

/* GEGLU at the end of a product gives the bits of the two ops that define it. */
static void check_gated(const Ops *table, int64_t rows, int64_t in, int64_t out, bool bias) {
    Weight w = {.kind = WEIGHT_LINEAR, .t = tensor_view(NULL, F32, 2, SHAPE(2 * out, in))};
    Weight b = {.kind = WEIGHT_VECTOR, .t = tensor_view(NULL, F32, 1, SHAPE(2 * out))};
    float *x = malloc((size_t)(2 * rows * in) * 4), *wide = malloc((size_t)(4 * rows * out) * 4);
    w.t.data = malloc((size_t)(2 * out * in) * 4);
    b.t.data = malloc((size_t)(2 * out) * 4);
    for (int64_t i = 0; i < 2 * rows * in; i++) x[i] = (float)test_uniform(1, (uint64_t)i);
    for (int64_t i = 0; i < 2 * out * in; i++) ((float *)w.t.data)[i] = (float)test_uniform(2, (uint64_t)i) * 0.2f;
    for (int64_t i = 0; i < 2 * out; i++) ((float *)b.t.data)[i] = (float)test_uniform(3, (uint64_t)i);
    Tensor from = tensor_view(x, F32, 3, SHAPE(2, rows, in)), both = tensor_view(wide, F32, 3, SHAPE(2, rows, 2 * out));
    Guarded y = guarded(3, SHAPE(2, rows, out), 5), expected = guarded(3, SHAPE(2, rows, out), 0);
    Ctx c = {.op = table, .precision = precision, .pool = three, .arena = &arena};
    op_linear(&c, y.t, from, NULL, &w, bias ? &b : NULL, (Epilogue){.act = ACT_GEGLU});
    op_linear(&c, both, from, NULL, &w, bias ? &b : NULL, (Epilogue){0});
    op_geglu(&c, expected.t, both);
    test_check(intact(&y) && same_bits(y.t, expected.t), "%s: GEGLU after a product %dx%d-%d%s", table->name, (int)rows,
               (int)in, (int)(2 * out), bias ? "" : " without bias");
    void *memory[] = {x, wide, w.t.data, b.t.data, y.memory, expected.memory};
    for (size_t i = 0; i < sizeof memory / sizeof *memory; i++) free(memory[i]);
}

static void check_gates(const Ops *table) {
    check_gated(table, 70, 64, 256, true);
    check_gated(table, 5, 321, 40, true); /* the gates begin within a panel */
    check_gated(table, 1, 33, 7, false);
    check_gated(table, 300, 320, 336, true); /* several blocks */
}

/* Two tables give the same bits. */
static void check_twins(const Ops *a, const Ops *b, const OpCase *k, const OpData *all) {
    OpData d = op_data_slice(all, 0, k->N);
    Guarded x = guarded(d.nd, d.n, 0), y = guarded(d.nd, d.n, 0);
    run(a, one, k, &d, x.t);
    run(b, one, k, &d, y.t);
    test_check(same_bits(x.t, y.t), "%s: %s and %s give the same bits", k->name, a->name, b->name);
    free(x.memory);
    free(y.memory);
}

/* All tables that promise the same bits give them, the one that emulates fma among them. */
static void check_exact(const Ops *const *tables, int count, const OpCase *k, const OpData *d) {
    const Ops *first = cpu_table_emulating();
    for (int t = 0; t < count; t++) {
        if (!tables[t]->exact) continue;
        if (first) check_twins(first, tables[t], k, d);
        first = tables[t];
    }
}

/* The tables of `mixed`: the ops that multiply in bf16. */
static void mixed_checks(Golden *golden) {
    const Ops *tables[MAX_TABLES];
    int count = cpu_ops_mixed_list(tables, MAX_TABLES);
    precision = PRECISION_F32;
    mixed = true;
    for (int i = 0; i < OP_CASE_COUNT; i++) {
        const OpCase *k = &OP_CASES[i];
        OpData d;
        if ((k->kind != OP_LINEAR && k->kind != OP_ATTENTION) || few_case(k) == CASE_LEFT_OUT) continue;
        if (!test_check(op_data_make(&d, k), "%s: inputs", k->name)) break;
        for (int t = 0; t < count; t++) check_properties(golden, tables[t], k, &d);
        d.w.keep_f32 = true;
        for (int t = 0; t < count && k->kind == OP_LINEAR; t++) check_properties(golden, tables[t], k, &d);
        d.w.keep_f32 = false;
        for (int t = 2; t < count; t++) check_twins(tables[t - 1], tables[t], k, &d); /* the instruction and its twin */
        op_data_free(&d);
    }
    if (!cpu_ops_mixed()) test_skip("bf16 instructions: this machine has none; their twins in C ran");
    for (int t = 0; t < count; t++) check_gates(tables[t]);
    mixed = false;
}

SUITE(ops, .seconds = 55, .blas = true) {
    math_checks();
    winograd_checks();
    conv_few_checks();
    const Ops *tables[MAX_TABLES];
    int count = cpu_ops_list(tables, MAX_TABLES);
    Error e = {0};
    one = pool_new(1, &e);
    three = pool_new(3, &e);
    bool ready = one && three && arena_init(&arena, 8 << 20, &e);
    Golden *golden = ready ? golden_open("ops") : NULL;
    arena.poison = true;
    for (int i = 0; golden && i < OP_CASE_COUNT; i++) {
        const OpCase *k = &OP_CASES[i];
        OpData d;
        if (few_case(k) == CASE_LEFT_OUT) continue;
        if (!test_check(op_data_make(&d, k), "%s: inputs", k->name)) break;
        check_plan(k, &d);
        for (int t = 0; t < count; t++) {
            precision = PRECISION_F32_DIRECT;
            check_properties(golden, tables[t], k, &d);
            if (!differs(tables[t], k, &d)) continue;
            winograd_tables |= 1 << t;
            precision = PRECISION_F32;
            by_winograd = true;
            check_properties(golden, tables[t], k, &d);
            by_winograd = false;
            winograd_cases++;
        }
        for (precision = PRECISION_F32; precision <= PRECISION_F32_DIRECT; precision++)
            check_exact(tables, count, k, &d);
        op_data_free(&d);
    }
    int by_transforms = test_few() ? FEW_WINOGRAD : 9;
    test_check(!golden ||
                   (winograd_tables && winograd_cases == by_transforms * __builtin_popcount((unsigned)winograd_tables)),
               "%d cases went by Winograd's transforms, %d on each table that has them", winograd_cases, by_transforms);
    if (golden) mixed_checks(golden);
    test_check(!golden || q8_cases >= (test_few() ? FEW_Q8 : 39) * count, "%d cases with Q8_0 weights", q8_cases);
    precision = PRECISION_F32;
    for (int t = 0; golden && t < count;
         t++) /* OpenBLAS' table sums such a product by our kernels, others by its own */
        if (strcmp(tables[t]->name, "openblas")) check_gates(tables[t]);
#ifdef SDC_OPENBLAS
    bool blas = false;
    for (int t = 0; t < count; t++) blas = blas || !strcmp(tables[t]->name, "openblas");
    if (!blas) test_skip("OpenBLAS' table: the library is not there");
#endif
    golden_close(golden);
    arena_free(&arena);
    pool_free(one);
    pool_free(three);
}
