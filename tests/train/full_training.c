/* full_training.c: one step of training of SD 1.5's U-Net at 64x64, in segments: every gradient as long as torch's, in
 * less than 20 GB. Slow: a minute on two free cores. */
#define _XOPEN_SOURCE 700
#include "nn/optimiser.h"
#include "sd/models/unet.h"
#include "tensor/tape.h"
#include "tools/ledger/generated.h"
#include "tests/harness/golden.h"
#include "tests/harness/test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { SIDE = 64, LATENT = 4 };

static Tensor given(Ctx *c, const char *name, int nd, const int64_t *n) {
    Tensor t = tensor_new(c, nd, n);
    float *flat = malloc(tensor_bytes(t));
    if (!flat) abort();
    gen_input(flat, name, tensor_count(t), 1, 0);
    if (nd == 4) to_channels_last(t.data, flat, n[0], n[3], n[1] * n[2]);
    else memcpy(t.data, flat, tensor_bytes(t));
    free(flat);
    return t;
}

static bool fill(Parameters *p, WeightList *l, Ctx *c) {
    if (!gen_fill_all(l, F32)) return false;
    float **made = malloc((size_t)l->count * sizeof *made);
    for (int64_t i = 0; made && i < l->count; i++) made[i] = l->w[i]->t.data;
    bool ok = made && parameters_init(p, &l, 1, false, c->op, &c->err);
    for (int64_t i = 0; made && i < l->count; i++) free(made[i]);
    free(made);
    if (ok) parameters_changed(p, c->op, c->pool);
    return ok;
}

static void check(Golden *g, const Parameters *p) {
    int off = 0;
    double worst = 0;
    for (int64_t i = 0; i < p->count; i++) {
        const char *meta = golden_meta(g, p->w[i]->name);
        double squares = 0, rms = 0;
        int64_t n = tensor_count(p->w[i]->t);
        for (int64_t k = 0; k < n; k++) squares += (double)p->w[i]->grad[k] * p->w[i]->grad[k];
        if (!meta || sscanf(meta, "shape=%*s rms=%lf", &rms) != 1) rms = 0;
        double d = fabs(sqrt(squares / (double)n) / rms - 1);
        if (!(d <= worst)) worst = d;
        off += !(d <= 1e-4);
    }
    test_check(off == 0 && p->count == 686, "SD 1.5: 686 gradients are as long as torch's");
    test_note("%d of %d are not; the farthest is off by %.2e of its length", off, (int)p->count, worst);
}

SUITE(full_training, .seconds = 120, .slow = true) {
    Golden *g = golden_open("full_training");
    Arena arena = {0};
    Error e = {0};
    Ctx c = {.op = cpu_ops(NULL), .arena = &arena};
    c.pool = pool_new(0, &e);
    Unet u = {0};
    Parameters p = {0};
    SdConfig k = config_sd1();
    WeightList l = {.err = &e, .path = "model.diffusion_model."};
    Tape *tape = tape_new();
    bool ok = g && c.pool && tape && unet_bind(&u, &k.unet, &l) && fill(&p, &l, &c) &&
              arena_init(&arena, (size_t)8 << 30, &e);
    if (test_check(ok, "SD 1.5's U-Net and its training state are made")) {
        Tensor x = given(&c, "train.full.x", 4, SHAPE(1, SIDE, SIDE, LATENT)), t = tensor_new(&c, 1, SHAPE(1));
        Tensor context = given(&c, "train.full.context", 3, SHAPE(1, 77, 768)), dy = given(&c, "train.full.dy", 4, x.n);
        ((float *)t.data)[0] = 500;
        tape_recompute_at(tape, 2);
        tape_start(tape, &c);
        Tensor shifts = tensor_new(&c, 2, SHAPE(1, u.time_shifts)), keys = tensor_new(&c, 3, SHAPE(1, 77, u.cross_kv));
        Tensor y = tensor_new(&c, 4, x.n);
        unet_time_shifts(&c, shifts, &u, t, NULL, NULL);
        unet_cross_kv(&c, keys, &u, context);
        unet_forward(&c, y, &u, &(UnetInput){.x = x, .time_shifts = shifts, .cross_kv = keys});
        tape_stop(tape, &c);
        memcpy(tape_gradient(tape, &c, y).data, dy.data, tensor_bytes(dy));
        tape_backward(tape, &c);
        check(g, &p);
        adamw_step(&p, c.pool,
                   &(AdamW){.lr = 1e-5, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8, .decay = 0.01, .scale = 1}, 1);
        struct rusage usage = {0};
        getrusage(RUSAGE_SELF, &usage);
        test_check(usage.ru_maxrss < 20 << 20, "a step of SD 1.5 takes less than 20 GB");
        test_note("%.2f GiB; activations %.2f GiB", (double)usage.ru_maxrss / (1 << 20),
                  (double)arena.peak / (1 << 30));
    }
    test_check(!c.err.code && !e.code, "no error");
    test_note("%s%s", c.err.text, e.text);
    parameters_free(&p);
    weight_list_free(&l);
    unet_free(&u);
    tape_free(tape);
    arena_free(&arena);
    pool_free(c.pool);
    golden_close(g);
}
