/* gradients.c: the backward op of every case of cases.h, against torch's autograd in float64
 * (tools/goldens/gradients.py, which holds autograd to central differences). */
#include "bound.h"
#include "generated.h"
#include "ledger.h"
#include "op_gradients.h"
#include "tensor/tape.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARENA = 512 << 20 };

static Tensor view_of(float *data, Tensor like) { return tensor_view(data, F32, like.nd, like.n); }

/* A tensor from the arena with the values of t and, if gap is set, unused elements after each row. */
static Tensor placed(Ctx *c, Tensor t, int64_t gap) {
    int64_t n[MAX_DIMS];
    memcpy(n, t.n, sizeof n);
    n[t.nd - 1] += gap;
    Tensor to = tensor_slice(tensor_new(c, t.nd, n), t.nd - 1, 0, t.n[t.nd - 1]);
    c->op->affine(c, to, t, 1, 0);
    return to;
}

static void pack(float *to, Tensor t) {
    Tensor dense = view_of(to, t);
    int64_t rows = tensor_count(t) / t.n[t.nd - 1], width = t.n[t.nd - 1];
    for (int64_t r = 0; r < rows; r++) {
        int64_t at = 0, rest = r;
        for (int i = t.nd - 2; i >= 0; i--) at += rest % t.n[i] * t.s[i], rest /= t.n[i];
        memcpy((float *)dense.data + r * width, (float *)t.data + at, (size_t)width * sizeof(float));
    }
}

void op_gradients_free(OpGradients *g) {
    for (int i = 0; i < GRADIENT_PARTS; i++) free(g->at[i]);
}

static bool has_ids(const OpCase *k) { return k->kind == OP_EMBEDDING; }

/* The gradient of an input, dense, in place of an earlier run's. */
static void take(OpGradients *g, Ctx *c, int part, Tensor gradient) {
    if (!g->at[part]) g->at[part] = malloc((size_t)tensor_count(gradient) * sizeof(float));
    g->like[part] = view_of(NULL, gradient);
    if (g->at[part]) pack(g->at[part], gradient);
    else error_set(&c->err, ERR_MEMORY, "out of memory for gradients");
}

static void record_once(OpGradients *g, Ctx *c, const OpCase *k, const OpData *d, int64_t gap) {
    OpData r = *d;
    Tensor *inputs[5] = {&r.in[0], &r.in[1], &r.in[2], &r.vector, &r.residual};
    Tape *tape = tape_new();
    if (!tape) {
        error_set(&c->err, ERR_MEMORY, "out of memory for a tape");
        return;
    }
    c->arena->used = 0;
    tape_start(tape, c);
    for (int p = 0; p < 5; p++)
        if (inputs[p]->data && !(has_ids(k) && p == 0)) *inputs[p] = placed(c, *inputs[p], p == 3 ? 0 : gap);
    int64_t n[MAX_DIMS], count = 1;
    memcpy(n, r.n, sizeof n);
    n[r.nd - 1] += gap;
    Tensor whole = tensor_new(c, r.nd, n), y = tensor_slice(whole, r.nd - 1, 0, r.n[r.nd - 1]);
    op_case_run(c, k, &r, y);
    Tensor end = gap ? tensor_new(c, r.nd, r.n) : y;
    if (gap) op_affine(c, end, y, 1, 0);
    tape_stop(tape, c);
    char name[96];
    for (int p = 0; p < r.nd; p++) count *= r.n[p];
    snprintf(name, sizeof name, "%s.dy", k->name);
    Tensor dy = tape_gradient(tape, c, end);
    if (!c->err.code) gen_input(dy.data, name, count, 1, 0);
    if (!c->err.code) tape_backward(tape, c);
    for (int p = 0; !c->err.code && p < 5; p++)
        if (inputs[p]->data && !(has_ids(k) && p == 0)) take(g, c, p, tape_input_gradient(tape, *inputs[p]));
    tape_free(tape);
}

OpGradients op_gradients(const Ops *table, ThreadPool *pool, Arena *arena, const OpCase *k, const OpData *from,
                         int64_t gap, int times) {
    static const char *const INPUTS[2][3] = {{"x", "x2", ""}, {"q", "k", "v"}};
    OpGradients g = {.name = {"", "", "", "vector", "residual", "weight", "bias"}};
    Ctx c = {.op = table, .pool = pool, .arena = arena};
    OpData d = *from;
    Weight *parameters[2] = {&d.w, &d.b};
    for (int i = 0; i < 3; i++) g.name[i] = INPUTS[k->kind == OP_ATTENTION][i];
    if (has_ids(k)) g.name[5] = "embedding.weight", g.name[6] = "position_embedding.weight";
    for (int i = 0; i < 2; i++)
        if (parameters[i]->t.data) {
            g.like[5 + i] = parameters[i]->t;
            parameters[i]->grad = g.at[5 + i] = calloc((size_t)tensor_count(parameters[i]->t), sizeof(float));
            if (!g.at[5 + i]) error_set(&c.err, ERR_MEMORY, "out of memory for gradients");
        }
    for (int i = 0; !c.err.code && i < times; i++) record_once(&g, &c, k, &d, gap);
    g.err = c.err;
    return g;
}

void op_gradients_enter(const Ledger *l, const LedgerTable *t, const Golden *golden, const OpCase *k,
                        const OpGradients *g) {
    char row[64];
    snprintf(row, sizeof row, "%s", op_kind_name(k->kind));
    if (g->err.code) ledger_fail(l, "backward", row, k->name, t, &g->err);
    for (int p = 0; !g->err.code && p < GRADIENT_PARTS; p++) {
        if (!g->at[p]) continue;
        char name[128];
        snprintf(name, sizeof name, "%s.d%s", k->name, g->name[p]);
        Tensor like = view_of(g->at[p], g->like[p]);
        bool filters = like.nd == 4 && p == 5; /* in torch's order */
        ledger_enter(l, "backward", row, name, t, golden, name,
                     filters ? golden_error_picture(golden, name, like, op_gradient_bound())
                             : golden_error(golden, name, g->at[p], like.nd, like.n, op_gradient_bound()));
    }
}

bool ledger_has_gradients(const LedgerTable *t) { return t->op->backward && t->numbers == NUMBERS_F32; }

void ledger_gradients(const Ledger *l, const LedgerTable *t, const Golden *golden) {
    Arena arena = {0};
    Error e = {0};
    if (!ledger_has_gradients(t)) return;
    if (!arena_init_on(&arena, t->op, t->gpu, ARENA, &e)) {
        ledger_fail(l, "backward", "memory", "its arena", t, &e);
        return;
    }
    arena.poison = true;
    for (int i = 0; i < OP_CASE_COUNT; i++) {
        const OpCase *k = &OP_CASES[i];
        OpData all;
        if (!op_kind_trains(k->kind) || !ledger_wants(l, op_kind_name(k->kind))) continue;
        if (op_data_make(&all, k)) {
            OpData d = op_data_slice(&all, 0, k->N);
            OpGradients g = op_gradients(t->op, t->pool, &arena, k, &d, 0, 1);
            op_gradients_enter(l, t, golden, k, &g);
            op_gradients_free(&g);
        } else {
            error_set(&e, ERR_MEMORY, "out of memory for its inputs");
            ledger_fail(l, "backward", op_kind_name(k->kind), k->name, t, &e);
        }
        op_data_free(&all);
    }
    arena_free(&arena);
}
