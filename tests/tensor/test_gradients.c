/* test_gradients.c: the backward op of every case of cases.h (tools/ledger/gradients.c), on every table of ops, against
 * torch's autograd in float64.
 *
 * Memory is poisoned, so that unwritten gradients show up. Also: the same bits with strided tensors and with other
 * numbers of threads; gradients of parameters accumulate; frozen parameters and inputs from before the tape get none.
 */
#include "tests/harness/golden.h"
#include "tests/harness/ledger_checks.h"
#include "tests/harness/test.h"
#include "tools/ledger/op_gradients.h"
#include "few_cases.h"
#include "test_tape.h"

static Golden *golden;
static ThreadPool *one, *three;
static Arena arena;

static bool same(const OpGradients *a, const OpGradients *b, float scale, bool parameters) {
    bool ok = true;
    for (int p = parameters ? 5 : 0; p < GRADIENT_PARTS; p++)
        for (int64_t i = 0; a->at[p] && i < tensor_count(a->like[p]); i++) ok &= scale * a->at[p][i] == b->at[p][i];
    return ok;
}

static void check_case(const LedgerTable *t, const OpCase *k) {
    const Ops *table = t->op;
    Ledger checks = ledger_checks();
    OpData all;
    if (!test_check(op_data_make(&all, k), "%s: inputs", k->name)) return;
    OpData d = op_data_slice(&all, 0, k->N);
    OpGradients g = op_gradients(table, three, &arena, k, &d, 0, 1), h;
    op_gradients_enter(&checks, t, golden, k, &g);
    bool whole = few_case(k) == CASE_WHOLE;
    if (whole) {
        h = op_gradients(table, one, &arena, k, &d, 3, 1);
        test_check(same(&g, &h, 1, false), "gradient %s %s: the same bits strided, on one thread", k->name,
                   table->name);
        op_gradients_free(&h);
    }
    if (whole && k->kind != OP_EMBEDDING) { /* rows that occur twice are added to one by one */
        h = op_gradients(table, one, &arena, k, &d, 0, 2);
        test_check(same(&g, &h, 2, true), "gradient %s %s: accumulates", k->name, table->name);
        op_gradients_free(&h);
    }
    op_gradients_free(&g);
    op_data_free(&all);
}

SUITE(gradients, .seconds = 12, .blas = true) {
    LedgerTable tables[LEDGER_TABLES];
    int count = ledger_tables(tables);
    Error e = {0};
    one = pool_new(1, &e);
    three = pool_new(3, &e);
    golden = one && three && arena_init(&arena, (size_t)512 << 20, &e) ? golden_open("gradients") : NULL;
    arena.poison = true;
    for (int i = 0; golden && i < OP_CASE_COUNT; i++)
        for (int t = 0; t < count && op_kind_trains(OP_CASES[i].kind) && few_case(&OP_CASES[i]) != CASE_LEFT_OUT; t++)
            if (ledger_has_gradients(&tables[t])) check_case(&tables[t], &OP_CASES[i]);
    golden_close(golden);
    arena_free(&arena);
    tape_checks();
    pool_free(one);
    pool_free(three);
}
