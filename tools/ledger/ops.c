/* ops.c: every case of cases.h on a table. Convolutions are computed twice where f32 has a faster form than the op's
 * definition, and products twice in `mixed`, where a weight may ask for f32. */
#include "bound.h"
#include "ledger.h"
#include "on_gpu.h"
#include "op_compute.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARENA = 192 << 20 };

Tensor op_case_compute(Ctx *c, const OpCase *k, const OpData *of) {
    OpData d = *of;
    if (c->op->memory) {
        Tensor *in[] = {&d.in[0], &d.in[1], &d.in[2], &d.vector, &d.residual};
        Weight *w[] = {&d.w, &d.b};
        for (int i = 0; i < 5; i++)
            if (in[i]->data)
                *in[i] = gpu_copy(c, in[i]->dtype == I32 || in[i]->nd < 2 ? in[i]->dtype : c->type, *in[i]);
        for (int i = 0; i < 2; i++)
            if (w[i]->t.data) gpu_weight(c, w[i], false);
    }
    Tensor y = tensor_new(c, d.nd, d.n);
    op_case_run(c, k, &d, y);
    return tensor_pull(c, y);
}

typedef struct {
    const Ledger *ledger;
    const LedgerTable *table;
    const Golden *golden;
    Arena arena;
} Walk;

/* first: an earlier result, dense; an equal one is not entered again. Returns this one, malloc'ed. */
static float *enter(Walk *w, const OpCase *k, const OpData *d, Precision precision, const float *first, bool winograd) {
    const LedgerTable *t = w->table;
    Ctx c = {.op = t->op, .precision = precision, .type = t->op->type, .pool = t->pool, .arena = &w->arena};
    char name[96], row[64];
    snprintf(name, sizeof name, "%s%s", k->name, d->w.keep_f32 ? " (f32)" : "");
    snprintf(row, sizeof row, "%s%s", op_kind_name(k->kind), winograd ? " Winograd" : "");
    size_t scope = scope_begin(&c);
    Tensor y = op_case_compute(&c, k, d);
    size_t bytes = (size_t)tensor_count(y) * sizeof(float);
    float *copy = malloc(bytes);
    if (!copy) error_set(&c.err, ERR_MEMORY, "out of memory");
    if (c.err.code) ledger_fail(w->ledger, "ops", row, name, t, &c.err);
    else {
        memcpy(copy, y.data, bytes);
        if (!first || memcmp(first, copy, bytes))
            ledger_enter(w->ledger, "ops", row, name, t, w->golden, k->name,
                         golden_error(w->golden, k->name, copy, d->nd, d->n, op_bound(k, d, t->numbers, winograd)));
    }
    scope_end(&c, scope);
    return copy;
}

static void one_case(Walk *w, const OpCase *k, const OpData *all) {
    OpData d = op_data_slice(all, 0, k->N);
    bool product = k->kind == OP_LINEAR || k->kind == OP_CONV || k->kind == OP_ATTENTION;
    bool mixed = w->table->numbers == NUMBERS_MIXED;
    float *first = enter(w, k, &d, mixed ? PRECISION_F32 : PRECISION_F32_DIRECT, NULL, false), *second = NULL;
    if (mixed && k->kind == OP_LINEAR) {
        d.w.keep_f32 = true;
        second = enter(w, k, &d, PRECISION_F32, NULL, false);
    } else if (!mixed && product && (w->table->gpu || k->kind == OP_CONV))
        second = enter(w, k, &d, PRECISION_F32, first, k->kind == OP_CONV && w->table->numbers == NUMBERS_F32);
    free(first);
    free(second);
}

void ledger_ops(const Ledger *l, const LedgerTable *t, const Golden *golden) {
    Walk w = {.ledger = l, .table = t, .golden = golden};
    Error e = {0};
    if (!arena_init_on(&w.arena, t->op, t->gpu, ARENA, &e)) {
        ledger_fail(l, "ops", "memory", "its arena", t, &e);
        return;
    }
    w.arena.poison = true;
    for (int i = 0; i < OP_CASE_COUNT; i++) {
        const OpCase *k = &OP_CASES[i];
        OpData d;
        if (!ledger_wants(l, op_kind_name(k->kind)) || !op_case_fits(k, t->numbers)) continue;
        if (t->numbers == NUMBERS_MIXED && k->kind != OP_LINEAR && k->kind != OP_ATTENTION) continue; /* f32's own */
        if (op_data_make(&d, k)) one_case(&w, k, &d);
        else {
            error_set(&e, ERR_MEMORY, "out of memory for its inputs");
            ledger_fail(l, "ops", op_kind_name(k->kind), k->name, t, &e);
        }
        op_data_free(&d);
    }
    arena_free(&w.arena);
}
