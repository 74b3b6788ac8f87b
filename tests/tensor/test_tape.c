/* test_tape.c: the tape follows memory. Programs that share it give the gradients of programs that do not. */
#include "test_tape.h"

#include "nn/layers.h"
#include "tensor/tape.h"
#include "tools/ledger/generated.h"
#include "tests/harness/test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { N = 2, T = 5, C = 8 };

static Ctx ctx;
static Arena arena;
static Linear layer;
static Norm norm_a;
static float input[N * T * C], grads[4][C * C];

static Tensor fresh(void) { return tensor_new(&ctx, 3, SHAPE(N, T, C)); }

/* x, normed, projected and added to x, activated; twice. shared: all in the memory of x, as layers do it. */
static Tensor plain(Tensor x) {
    for (int i = 0; i < 2; i++) {
        Tensor n = fresh(), y = fresh(), z = fresh();
        norm(&ctx, n, &norm_a, x, NULL, ACT_NONE);
        linear(&ctx, y, &layer, n, NULL, (Epilogue){.residual = &x});
        op_activation(&ctx, z, y, ACT_SILU);
        x = z;
    }
    return x;
}

static Tensor shared(Tensor x) {
    for (int i = 0; i < 2; i++) {
        size_t scope = scope_begin(&ctx);
        Tensor n = fresh();
        norm(&ctx, n, &norm_a, x, NULL, ACT_NONE);
        linear(&ctx, x, &layer, n, NULL, (Epilogue){.residual = &x});
        op_activation(&ctx, x, x, ACT_SILU);
        scope_end(&ctx, scope);
    }
    return x;
}

/* The same with alternating buffers, one of them reused, halves of channels copied one by one, and norms in place. */
static Tensor in_turns(Tensor x) {
    Tensor buffers[3] = {fresh(), fresh(), fresh()};
    for (int i = 0; i < 2; i++) {
        Tensor n = buffers[2], y = buffers[i];
        for (int h = 0; h < 2; h++)
            op_affine(&ctx, tensor_slice(n, 2, h * C / 2, C / 2), tensor_slice(x, 2, h * C / 2, C / 2), 1, 0);
        norm(&ctx, n, &norm_a, n, NULL, ACT_NONE);
        linear(&ctx, y, &layer, n, NULL, (Epilogue){.residual = &x});
        op_activation(&ctx, y, y, ACT_SILU);
        x = y;
    }
    return x;
}

static float *record(Tensor (*program)(Tensor), ThreadPool *pool, bool trained, float *out) {
    ctx = (Ctx){.op = cpu_ops(NULL), .pool = pool, .arena = &arena};
    arena.used = 0;
    Weight *w[4] = {&layer.w, &layer.b, &norm_a.w, &norm_a.b};
    memset(grads, 0, sizeof grads);
    for (int i = 0; i < 4; i++) w[i]->grad = trained ? grads[i] : NULL;
    Tape *tape = tape_new();
    tape_start(tape, &ctx);
    Tensor x = fresh();
    memcpy(x.data, input, sizeof input);
    Tensor y = program(x);
    tape_stop(tape, &ctx);
    gen_input(tape_gradient(tape, &ctx, y).data, "tape.dy", N * T * C, 1, 0);
    tape_backward(tape, &ctx);
    memcpy(out, tape_input_gradient(tape, x).data, sizeof input);
    memcpy(out + N * T * C, grads, sizeof grads);
    tape_free(tape);
    return out;
}

/* A sum in place is added in another order. */
static bool near(const float *a, const float *b, int n) {
    bool ok = true;
    for (int i = 0; i < n; i++) ok &= fabsf(a[i] - b[i]) <= 2e-5f * (1 + fabsf(a[i]));
    return ok;
}

void tape_checks(void) {
    enum { ALL = N * T * C + 4 * C * C };
    Error e = {0};
    ThreadPool *pool = pool_new(2, &e);
    WeightList l = {.err = &e};
    bind_linear(&l, &layer, "tape.linear", C, C, true, false);
    bind_norm(&l, &norm_a, "tape.norm", C, 0, 1e-5f);
    bool ok = pool && arena_init(&arena, 4 << 20, &e) && gen_fill_all(&l, F32);
    if (!test_check(ok, "the tape's programs are set up")) return;
    arena.poison = true;
    gen_input(input, "tape.x", N * T * C, 1, 0);
    static float a[ALL], b[ALL];
    record(plain, pool, true, a);
    record(shared, pool, true, b);
    test_check(near(a, b, ALL), "in place: the gradients of separate memory");
    record(in_turns, pool, true, b);
    test_check(near(a, b, ALL), "alternating buffers, and slices: the same gradients");
    record(shared, pool, false, a);
    record(shared, pool, true, b);
    test_check(!memcmp(a, b, sizeof input), "frozen parameters: the same gradient of the input");
    gen_free_all(&l);
    weight_list_free(&l);
    arena_free(&arena);
    pool_free(pool);
}
