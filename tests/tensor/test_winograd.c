/* test_winograd.c: fast convolutions against direct ones, on every table of ops: sizes that no layer has, edges of
 * tiles, padding, up-sampling, epilogues, prepared weights in every width, and parts of a picture. (test_ops.c compares
 * with PyTorch's results.) */
#include "test_winograd.h"

#include "tensor/prepare.h"
#include "tools/ledger/generated.h"
#include "tools/ledger/op_cases.h"
#include "tests/harness/test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The largest difference between two f32 results with errors as in test_ops.c, relative to the RMS of the direct one.
 */
static const double BOUND = 2e-5;

static ThreadPool *device;
static Arena arena;

static void run(const Ops *table, Precision precision, const OpCase *k, const OpData *d, float *out) {
    Ctx c = {.op = table, .precision = precision, .pool = device, .arena = &arena};
    size_t count = (size_t)(d->n[0] * d->n[1] * d->n[2] * d->n[3]);
    memset(out, 0xff, count * sizeof *out);
    op_case_run(&c, k, d, tensor_view(out, F32, 4, d->n));
}

static double difference(const float *a, const float *b, int64_t n) {
    double squares = 0, most = 0;
    for (int64_t i = 0; i < n; i++) {
        double e = fabs((double)a[i] - (double)b[i]);
        squares += (double)b[i] * (double)b[i];
        if (!(e <= most)) most = e;
    }
    return most / sqrt(squares / (double)n);
}

/* A prepared weight gives the same bits as an unprepared one. */
static void check_prepared(const Ops *table, const OpCase *k, const OpData *d, const float *expected, DType type) {
    OpData e = *d;
    int64_t count = tensor_count(d->w.t);
    size_t bytes = weight_prepared_bytes(&d->w, type);
    void *narrow = aligned_alloc(64, ((size_t)count * 4 + 63) / 64 * 64),
         *buffer = aligned_alloc(64, (bytes + 63) / 64 * 64);
    float *out = malloc((size_t)(d->n[0] * d->n[1] * d->n[2] * d->n[3]) * 2 * sizeof *out), *again = out;
    again += d->n[0] * d->n[1] * d->n[2] * d->n[3];
    if (!narrow || !buffer || !out) abort();
    if (type == F32) memcpy(narrow, d->w.t.data, (size_t)count * 4);
    else gen_narrow(narrow, d->w.t.data, count, type);
    e.w.t.data = narrow;
    e.w.t.dtype = type;
    run(table, PRECISION_F32, k, &e, out);
    weight_prepare(&e.w, type, narrow, false, buffer);
    e.w.t.data = NULL;
    run(table, PRECISION_F32, k, &e, again);
    size_t all = (size_t)(again - out) * sizeof *out;
    test_check(!memcmp(out, again, all) && (type != F32 || !memcmp(out, expected, all)),
               "%s %s: prepared %s weights give the same bits", k->name, table->name, dtype_name(type));
    free(narrow);
    free(buffer);
    free(out);
}

static void check(const Ops *table, const OpCase *k, bool fast) {
    OpData d;
    if (!test_check(op_data_make(&d, k), "%s: inputs", k->name)) return;
    d = op_data_slice(&d, 0, d.pictures);
    int64_t n = d.n[0] * d.n[1] * d.n[2] * d.n[3];
    float *a = malloc((size_t)n * sizeof *a), *b = malloc((size_t)n * sizeof *b);
    if (!a || !b) abort();
    run(table, PRECISION_F32, k, &d, a);
    run(table, PRECISION_F32_DIRECT, k, &d, b);
    double error = difference(a, b, n);
    test_check(error <= BOUND && fast == (memcmp(a, b, (size_t)n * sizeof *a) != 0),
               "%s %s: %dx%d, %d to %d channels: %s", k->name, table->name, (int)k->Ho, (int)k->Wo, (int)k->I,
               (int)k->O, fast ? "fast, and as the direct form" : "too small to be fast");
    test_note("largest difference %.2e", error);
    static const DType TYPES[] = {F32, F16, BF16};
    for (int t = 0; fast && t < 3; t++) check_prepared(table, k, &d, a, TYPES[t]);
    op_data_free(&d);
    free(a);
    free(b);
}

/* 16 rows of a picture, computed from just the rows that they see, have the bits of the whole picture; by OpenBLAS,
 * whose kernels for fewer rows may add in another order, its numbers. */
static void check_part(const Ops *table, const OpCase *whole_case, int up) {
    enum { ROWS = 16 };
    const int64_t first = 12 * up; /* a multiple of 4 (enlarged: 8) and of nothing larger */
    OpData d;
    if (!test_check(op_data_make(&d, whole_case), "a picture")) return;
    int64_t row = whole_case->Wo * whole_case->O;
    float *whole = malloc((size_t)(d.pictures * whole_case->Ho * row) * sizeof *whole);
    float *part = malloc((size_t)(ROWS * row) * sizeof *part);
    if (!whole || !part) abort();
    run(table, PRECISION_F32, whole_case, &d, whole);
    OpData e = op_data_slice(&d, 0, 1);
    OpCase k = *whole_case;
    e.in[0] = tensor_slice(e.in[0], 1, first / up - 1, ROWS / up + 2); /* a halo instead of padding */
    e.n[1] = k.Ho = ROWS;
    k.geometry.pad_top = 1 - up, k.geometry.whole_h = whole_case->Ho;
    if (up > 1) k.geometry.up_h = up * (ROWS / up + 2);
    run(table, PRECISION_F32, &k, &e, part);
    if (strcmp(table->name, "openblas"))
        test_check(!memcmp(part, whole + first * row, (size_t)(ROWS * row) * sizeof *part),
                   "%s: a part of %s has the whole one's bits", table->name, whole_case->name);
    else
        test_check(difference(part, whole + first * row, ROWS * row) <= BOUND,
                   "openblas: a part of %s is the whole one's", whole_case->name);
    op_data_free(&d);
    free(whole);
    free(part);
}

void winograd_checks(void) {
#define CASE(name_, h, w, i, o, pt, pl, ho, wo, uh, uw, ...)                                                           \
    {                                                                                                                  \
        .kind = OP_CONV, .xscale = 1, .name = "winograd " name_, .N = 2, .H = h, .W = w, .I = i, .O = o, .k = 3,       \
        .Ho = ho, .Wo = wo, .geometry = {1, pt, pl, uh, uw, 0}, __VA_ARGS__                                            \
    }
    static const struct {
        OpCase k;
        bool fast;
    } CASES[] = {
        {CASE("1x1", 1, 1, 33, 48, 1, 1, 1, 1, 0, 0, .bias = 1), false},
        {CASE("4x4", 4, 4, 48, 33, 1, 1, 4, 4, 0, 0, .bias = 1), false},
        {CASE("5x7", 5, 7, 33, 48, 1, 1, 5, 7, 0, 0, .bias = 1), true},
        {CASE("9x13", 9, 13, 48, 33, 1, 1, 9, 13, 0, 0, .bias = 1, .vector = 1), true},
        {CASE("9x13 residual", 9, 13, 65, 47, 1, 1, 9, 13, 0, 0, .residual = 1), true},
        {CASE("8x8 activation", 8, 8, 32, 32, 1, 1, 8, 8, 0, 0, .bias = 1, .vector = 1, .act = ACT_SILU, .residual = 1),
         true},
        {CASE("no padding", 10, 13, 64, 80, 0, 0, 8, 11, 0, 0, .bias = 1), true},
        {CASE("padding at the end", 10, 13, 64, 64, 0, 0, 11, 14, 0, 0, .bias = 1), true},
        {CASE("padding at the top", 10, 13, 70, 64, 1, 0, 10, 11, 0, 0, .bias = 0), true},
        {CASE("enlarged", 5, 6, 40, 40, 1, 1, 10, 12, 10, 12, .bias = 1), true},
        {CASE("enlarged to odd", 5, 7, 64, 36, 1, 1, 9, 13, 9, 13, .bias = 1), true},
        {CASE("by phases", 17, 13, 40, 33, 1, 1, 34, 26, 34, 26, .bias = 1, .vector = 1), true},
        {CASE("by phases, residual", 24, 16, 65, 47, 1, 1, 48, 32, 48, 32, .residual = 1, .act = ACT_SILU), true},
        {CASE("by phases, no padding", 16, 17, 33, 48, 0, 0, 30, 32, 32, 34, .bias = 1), true},
        {CASE("by phases, padding above", 16, 17, 33, 350, 1, 0, 32, 33, 32, 34, .bias = 1), true},
        {CASE("many outputs", 8, 9, 32, 500, 1, 1, 8, 9, 0, 0, .bias = 1, .vector = 1), true},
        {CASE("many tiles", 45, 37, 96, 352, 1, 1, 45, 37, 0, 0, .bias = 1, .vector = 1, .residual = 1), true},
    };
    static const OpCase PLAIN_ONE = CASE("a picture", 45, 18, 48, 40, 1, 1, 45, 18, 0, 0, .bias = 1);
    static const OpCase ENLARGED = CASE("an enlarged picture", 25, 19, 48, 40, 1, 1, 50, 38, 50, 38, .bias = 1);
    const Ops *tables[4];
    int count = cpu_ops_list(tables, 4);
    Error e = {0};
    device = pool_new(2, &e);
    if (test_check(device && arena_init(&arena, 1 << 20, &e), "two threads"))
        for (int t = 0; t < count; t++) {
            for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++)
                check(tables[t], &CASES[i].k, CASES[i].fast && tables[t]->prepare); /* not OpenBLAS's */
            check_part(tables[t], &PLAIN_ONE, 1);
            check_part(tables[t], &ENLARGED, 2);
        }
    arena_free(&arena);
    pool_free(device);
}
