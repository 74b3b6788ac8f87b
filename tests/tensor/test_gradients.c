/* test_gradients.c: the backward op of every case of cases.h, on every table of ops, against torch's autograd in
 * float64 (tools/goldens/gradients.py, which holds autograd to central differences).
 *
 * Each case is recorded on a tape and run backward. Memory is poisoned, so that unwritten gradients show up. Also: the
 * same bits with strided tensors and with other numbers of threads; gradients of parameters accumulate; frozen
 * parameters and inputs from before the tape get none. */
#include "tensor/tape.h"
#include "tests/harness/generated.h"
#include "tests/harness/golden.h"
#include "op_cases.h"
#include "tests/harness/test.h"
#include "test_tape.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static Golden *golden;
static ThreadPool *one, *three;
static Arena arena;

/* The relative error (L2) that gradients of ops may have. If torch's own f32 is off by more, as after a large mean, the
 * golden's rule holds: 4 times torch's error. */
static const double BOUND = 1e-5;

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

enum { PARTS = 7 };

/* The gradients of one run, dense: of inputs, vector, residual, weight, bias. */
typedef struct {
    float *at[PARTS];
    Tensor like[PARTS];
    const char *name[PARTS];
} Gradients;

static void free_gradients(Gradients *g) {
    for (int i = 0; i < PARTS; i++) free(g->at[i]);
}

static bool has_ids(const OpCase *k) { return k->kind == OP_EMBEDDING; }

static Gradients gradients(const Ops *table, ThreadPool *pool, const OpCase *k, const OpData *from, int64_t gap,
                           int times) {
    static const char *const INPUTS[2][3] = {{"x", "x2", ""}, {"q", "k", "v"}};
    Gradients g = {.name = {"", "", "", "vector", "residual", "weight", "bias"}};
    Ctx c = {.op = table, .pool = pool, .arena = &arena};
    OpData d = *from;
    Weight *parameters[2] = {&d.w, &d.b};
    for (int i = 0; i < 3; i++) g.name[i] = INPUTS[k->kind == OP_ATTENTION][i];
    if (has_ids(k)) g.name[5] = "embedding.weight", g.name[6] = "position_embedding.weight";
    for (int i = 0; i < 2; i++)
        if (parameters[i]->t.data) {
            g.like[5 + i] = parameters[i]->t;
            parameters[i]->grad = g.at[5 + i] = calloc((size_t)tensor_count(parameters[i]->t), sizeof(float));
        }
    for (int i = 0; i < times; i++) {
        OpData r = d;
        Tensor *inputs[5] = {&r.in[0], &r.in[1], &r.in[2], &r.vector, &r.residual};
        arena.used = 0;
        Tape *tape = tape_new();
        tape_start(tape, &c);
        for (int p = 0; p < 5; p++)
            if (inputs[p]->data && !(has_ids(k) && p == 0)) *inputs[p] = placed(&c, *inputs[p], p == 3 ? 0 : gap);
        int64_t n[MAX_DIMS], count = 1;
        memcpy(n, r.n, sizeof n);
        n[r.nd - 1] += gap;
        Tensor whole = tensor_new(&c, r.nd, n), y = tensor_slice(whole, r.nd - 1, 0, r.n[r.nd - 1]);
        op_case_run(&c, k, &r, y);
        Tensor end = gap ? tensor_new(&c, r.nd, r.n) : y;
        if (gap) op_affine(&c, end, y, 1, 0);
        tape_stop(tape, &c);
        char name[96];
        for (int p = 0; p < r.nd; p++) count *= r.n[p];
        snprintf(name, sizeof name, "%s.dy", k->name);
        gen_input(tape_gradient(tape, &c, end).data, name, count, 1, 0);
        tape_backward(tape, &c);
        for (int p = 0; p < 5; p++)
            if (inputs[p]->data && !(has_ids(k) && p == 0)) {
                if (!g.at[p]) g.at[p] = malloc((size_t)tensor_count(*inputs[p]) * sizeof(float));
                g.like[p] = view_of(NULL, *inputs[p]);
                pack(g.at[p], tape_input_gradient(tape, *inputs[p]));
            }
        tape_free(tape);
    }
    test_check(!c.err.code, "%s: no error", k->name);
    return g;
}

static void check_golden(const Gradients *g, const OpCase *k, const char *table) {
    for (int p = 0; p < PARTS; p++) {
        if (!g->at[p]) continue;
        char name[128], label[160];
        Tensor like = g->like[p];
        float *channels_first = NULL;
        int nd = like.nd;
        if (like.nd == 4 && p == 5) { /* torch's order */
            channels_first = malloc(tensor_bytes(like));
            to_channels_first(channels_first, g->at[p], like.n[0], like.n[3], like.n[1] * like.n[2]);
            int64_t n[4] = {like.n[0], like.n[3], like.n[1], like.n[2]};
            memcpy(like.n, n, sizeof n);
        }
        snprintf(name, sizeof name, "%s.d%s", k->name, g->name[p]);
        snprintf(label, sizeof label, "gradient %s %s", name, table);
        const float *ours = channels_first ? channels_first : g->at[p];
        GoldenError e = golden_error(golden, name, ours, nd, like.n);
        double rms = fmax(BOUND, e.rms_bound), max = fmax(10 * BOUND, e.max_bound);
        golden_check_within(golden, name, ours, nd, like.n, rms, max, label);
        free(channels_first);
    }
}

static bool same(const Gradients *a, const Gradients *b, float scale, bool parameters) {
    bool ok = true;
    for (int p = parameters ? 5 : 0; p < PARTS; p++)
        for (int64_t i = 0; a->at[p] && i < tensor_count(a->like[p]); i++) ok &= scale * a->at[p][i] == b->at[p][i];
    return ok;
}

static void check_case(const Ops *table, const OpCase *k) {
    OpData all;
    if (!test_check(op_data_make(&all, k), "%s: inputs", k->name)) return;
    OpData d = op_data_slice(&all, 0, k->N);
    Gradients g = gradients(table, three, k, &d, 0, 1), h = gradients(table, one, k, &d, 3, 1);
    check_golden(&g, k, table->name);
    test_check(same(&g, &h, 1, false), "gradient %s %s: the same bits strided, on one thread", k->name, table->name);
    free_gradients(&h);
    if (!has_ids(k)) { /* rows that occur twice are added to one by one */
        h = gradients(table, one, k, &d, 0, 2);
        test_check(same(&g, &h, 2, true), "gradient %s %s: accumulates", k->name, table->name);
        free_gradients(&h);
    }
    free_gradients(&g);
    op_data_free(&all);
}

SUITE(gradients, .seconds = 12, .blas = true) {
    const Ops *tables[4];
    int count = cpu_ops_list(tables, 4);
    Error e = {0};
    one = pool_new(1, &e);
    three = pool_new(3, &e);
    golden = one && three && arena_init(&arena, (size_t)512 << 20, &e) ? golden_open("gradients") : NULL;
    arena.poison = true;
    for (int i = 0; golden && i < OP_CASE_COUNT; i++)
        for (int t = 0; t < count && OP_CASES[i].kind != OP_TIMESTEP; t++) check_case(tables[t], &OP_CASES[i]);
    golden_close(golden);
    arena_free(&arena);
    tape_checks();
    pool_free(one);
    pool_free(three);
}
