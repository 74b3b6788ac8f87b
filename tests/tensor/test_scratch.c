/* test_scratch.c: products, convolutions and attention with the least scratch: the same bits as with all of it, and no
 * byte beyond what pool_set_scratch allowed is touched. On the widest vectors and the narrowest. */
#include "tests/harness/test.h"
#include "tools/ledger/op_cases.h"

#include <stdlib.h>
#include <string.h>

enum { WIDEST_HEAD = 160, GUARD = 0xa5, BEYOND = 512 << 10 }; /* wider heads need more: sd/load/scratch.c */

typedef struct {
    size_t limit;
    bool touched;
} Beyond;

static void fill(void *arg, int64_t i, void *scratch) {
    const Beyond *b = arg;
    (void)i;
    memset((char *)scratch + b->limit, GUARD, BEYOND);
}

static void look(void *arg, int64_t i, void *scratch) {
    Beyond *b = arg;
    const unsigned char *p = scratch;
    (void)i;
    for (size_t at = b->limit; at < b->limit + BEYOND; at++) b->touched |= p[at] != GUARD;
}

static bool cuts(const OpCase *k) {
    return k->kind == OP_LINEAR || k->kind == OP_CONV || (k->kind == OP_ATTENTION && k->d <= WIDEST_HEAD);
}

static void check(Ctx *c, const OpCase *k) {
    OpData d;
    if (!test_check(op_data_make(&d, k), "%s: inputs", k->name)) return;
    size_t bytes = sizeof(float);
    for (int i = 0; i < d.nd; i++) bytes *= (size_t)d.n[i];
    float *whole = malloc(bytes), *cut = malloc(bytes);
    Beyond b = {.limit = SCRATCH_LEAST};
    if (!whole || !cut) abort();
    memset(whole, 0xff, bytes), memset(cut, 0xff, bytes);
    pool_set_scratch(c->pool, SCRATCH_FASTEST, &c->err);
    op_case_run(c, k, &d, tensor_view(whole, F32, d.nd, d.n));
    pool_set_scratch(c->pool, b.limit, &c->err);
    pool_run(c->pool, 1, fill, &b);
    op_case_run(c, k, &d, tensor_view(cut, F32, d.nd, d.n));
    pool_run(c->pool, 1, look, &b);
    test_check(!memcmp(whole, cut, bytes) && !b.touched, "%s %s%s: with little scratch, the same", k->name, c->op->name,
               c->precision == PRECISION_F32 ? "" : ", direct");
    test_note("%s", b.touched ? "it took more" : "other bits");
    op_data_free(&d);
    free(whole);
    free(cut);
}

SUITE(scratch, .seconds = 2) {
    const Ops *tables[4];
    int count = cpu_ops_list(tables, 4);
    const int step = count > 1 ? count - 1 : 1;
    Arena arena = {0};
    Error e = {0};
    ThreadPool *pool = pool_new(1, &e);
    if (test_check(pool && arena_init(&arena, 1 << 22, &e), "a thread"))
        for (int t = 0; t < count; t += step) /* the widest vectors, and the narrowest */
            for (int i = 0; tables[t]->rows_independent && i < OP_CASE_COUNT; i++) {
                Ctx c = {.op = tables[t], .pool = pool, .arena = &arena};
                if (!cuts(&OP_CASES[i])) continue;
                check(&c, &OP_CASES[i]);
                c.precision = PRECISION_F32_DIRECT;
                if (OP_CASES[i].kind == OP_CONV) check(&c, &OP_CASES[i]);
            }
    arena_free(&arena);
    pool_free(pool);
}
