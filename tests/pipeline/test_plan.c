/* test_plan.c: planned against actual memory, on networks small enough for every run of the tests. */
#include "sd/models/unet.h"
#include "sd/models/vae.h"
#include "tools/ledger/generated.h"
#include "tests/harness/planned.h"
#include "tests/harness/test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const UnetConfig UNET = {.in_channels = 4,
                                .out_channels = 4,
                                .channels = 32,
                                .levels = 3,
                                .mult = {1, 2, 2},
                                .res_blocks = 2,
                                .depth = {1, 1, 0},
                                .middle_depth = 1,
                                .heads = 2,
                                .context = 12,
                                .groups = 8};
static const VaeConfig VAE = {
    .channels = 32, .levels = 4, .mult = {1, 1, 2, 2}, .res_blocks = 2, .latent = 4, .groups = 8, .scale = 0.18215};

/* The VAE as a whole or, with a strip, with all levels in strips. */
static void forward_decode(Ctx *c, const void *network, Tensor out, const Tensor *in) {
    vae_decode_in_strips(c, out, network, in[0], c->strip ? VAE.levels : 0);
}
static void forward_encode(Ctx *c, const void *network, Tensor out, const Tensor *in) {
    vae_encode_in_strips(c, out, network, in[0], c->strip ? VAE.levels : 0);
}

static Tensor make(const char *name, int nd, const int64_t *n) {
    Tensor t = tensor_view(malloc((size_t)tensor_count(tensor_view(NULL, F32, nd, n)) * 4), F32, nd, n);
    if (!t.data) abort();
    gen_input(t.data, name, tensor_count(t), 1, 0);
    return t;
}

static bool finite_values(Tensor t) {
    const float *v = t.data;
    for (int64_t i = 0; i < tensor_count(t); i++)
        if (!isfinite(v[i])) return false;
    return true;
}

/* Runs on every table. Each picture of the batch must equal the same picture alone and in pieces, and no poison may
 * remain. */
static void check_batch(const char *what, Forward f, const void *network, const int64_t *out_n, const Tensor *in,
                        int inputs) {
    const Ops *tables[4];
    int count = cpu_ops_list(tables, 4);
    for (int t = 0; t < count; t++) {
        char label[96];
        snprintf(label, sizeof label, "%s %lldx%lld %s", what, (long long)out_n[1], (long long)out_n[2],
                 tables[t]->name);
        Tensor all = make("nothing", 4, out_n), single = make("nothing", 4, SHAPE(1, out_n[1], out_n[2], out_n[3]));
        bool same = run_planned(label, tables[t], 0, f, network, all, in), number = finite_values(all);
        for (int64_t p = 0; same && p < out_n[0]; p++) {
            Tensor cut[3];
            for (int i = 0; i < inputs; i++) cut[i] = tensor_slice(in[i], 0, p, 1);
            same = run_planned(label, tables[t], tables[t]->rows_independent ? 1024 : 0, f, network, single, cut) &&
                   !memcmp(single.data, tensor_slice(all, 0, p, 1).data, tensor_bytes(single));
        }
        test_check(number, "%s: finite", label);
        test_check(same, "%s: a picture is the same alone and in pieces as in a batch", label);
        free(all.data);
        free(single.data);
    }
}

static void plan_unet(int64_t h, int64_t w) {
    Error e = {0};
    WeightList l = {.err = &e, .path = "u."};
    Unet u;
    if (test_check(unet_bind(&u, &UNET, &l) && gen_fill_all(&l, F32), "a small U-Net is made")) {
        Tensor in[3] = {make("x", 4, SHAPE(2, h, w, 4)), make("t", 1, SHAPE(2)), make("context", 3, SHAPE(2, 7, 12))};
        for (int i = 0; i < 2; i++) ((float *)in[1].data)[i] = i ? 981 : 1.5f;
        check_batch("small U-Net", forward_unet, &u, SHAPE(2, h, w, 4), in, 3);
        for (int i = 0; i < 3; i++) free(in[i].data);
    }
    gen_free_all(&l);
    weight_list_free(&l);
    unet_free(&u);
}

static void plan_vae(bool decode, int64_t h, int64_t w) {
    Error e = {0};
    WeightList l = {.err = &e, .path = "v."};
    Vae v;
    bool ok = decode ? vae_bind_decoder(&v, &VAE, &l) : vae_bind_encoder(&v, &VAE, &l);
    if (test_check(ok && gen_fill_all(&l, F32), "a small VAE is made")) {
        Tensor in = decode ? make("z", 4, SHAPE(2, h, w, 4)) : make("image", 4, SHAPE(2, 8 * h, 8 * w, 3));
        if (decode) check_batch("small decoder", forward_decode, &v, SHAPE(2, 8 * h, 8 * w, 3), &in, 1);
        else check_batch("small encoder", forward_encode, &v, SHAPE(2, h, w, 8), &in, 1);
        free(in.data);
    }
    gen_free_all(&l);
    weight_list_free(&l);
    vae_free(&v);
}

SUITE(plan, .seconds = 4, .blas = true) {
    static const int64_t SIZES[][2] = {{8, 8}, {5, 3}, {1, 1}, {9, 13}, {36, 20}};
    for (size_t i = 0; i < sizeof SIZES / sizeof *SIZES; i++) {
        plan_unet(SIZES[i][0], SIZES[i][1]);
        plan_vae(true, SIZES[i][0], SIZES[i][1]);
        plan_vae(false, SIZES[i][0], SIZES[i][1]);
    }
}
