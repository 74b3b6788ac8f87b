/* test_blocks.c: the layers of nn/ against diffusers' and transformers' modules, on every table of ops.
 *
 * A case of block_cases.h is bound under its own name, filled with generated weights and run; results are
 * channels-last here and transposed for the comparison. */
#include "nn/resblock.h"
#include "nn/transformer.h"
#include "tests/harness/generated.h"
#include "tests/harness/golden.h"
#include "tests/harness/on_gpu.h"
#include "tests/harness/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    Ctx ctx;
    Arena arena;
    WeightList weights;
    Error err;
    const char *name;
} Case;

static Golden *golden;
static ThreadPool *pool;
static const Ops *table;
static Gpu *gpu;                    /* the table's, or NULL */
static double rms_bound, max_bound; /* 0: the golden's own rule */

static Case *begin(Case *c, const char *name) {
    *c = (Case){.name = name, .ctx = {.op = table, .precision = PRECISION_F32_DIRECT, .type = table->type}};
    c->ctx.pool = pool;
    c->weights.err = &c->err;
    bind_enter(&c->weights, "%s.", name);
    if (arena_init_on(&c->arena, table, gpu, 192 << 20, &c->err)) c->arena.poison = true;
    else abort();
    c->ctx.arena = &c->arena;
    return c;
}

/* The input "NAME.part", given flat in torch's order: [N,C,...]. */
static Tensor input(Case *c, const char *part, int nd, const int64_t *n, double scale) {
    char full[96];
    snprintf(full, sizeof full, "%s.%s", c->name, part);
    Tensor t = tensor_new(&c->ctx, nd, n);
    float *host = tensor_host(&c->ctx, t).data;
    int64_t count = tensor_count(t);
    float *flat = malloc((size_t)count * sizeof *flat);
    if (!flat) abort();
    gen_input(flat, full, count, scale, 0);
    if (nd < 4) memcpy(host, flat, (size_t)count * sizeof *flat); /* tokens and vectors already are in this order */
    else to_channels_last(host, flat, n[0], n[nd - 1], n[1] * n[2]);
    free(flat);
    tensor_push(&c->ctx, t);
    return t;
}

static Tensor output(Case *c, int nd, const int64_t *n) {
    gen_fill_all(&c->weights, F32);
    if (gpu) gpu_weights(&c->ctx, &c->weights);
    return tensor_new(&c->ctx, nd, n);
}

static void end(Case *c, Tensor y) {
    char label[96];
    snprintf(label, sizeof label, "block %s %s", c->name, table->name);
    y = tensor_pull(&c->ctx, y);
    if (y.nd == 4) golden_check_picture_within(golden, c->name, y, rms_bound, max_bound, label);
    else if (rms_bound > 0) golden_check_within(golden, c->name, y.data, y.nd, y.n, rms_bound, max_bound, label);
    else golden_check(golden, c->name, y.data, y.nd, y.n, label);
    test_check(c->err.code == ERR_NONE && c->ctx.err.code == ERR_NONE, "%s: no error", label);
    test_note("%s%s", c->err.text, c->ctx.err.text);
    gen_free_all(&c->weights);
    weight_list_free(&c->weights);
    arena_free(&c->arena);
}

/* A copy of x in the arena, for layers that work in place. */
static Tensor copied(Case *c, Tensor x) {
    Tensor y = output(c, x.nd, x.n);
    memcpy(tensor_host(&c->ctx, y).data, tensor_host(&c->ctx, x).data, (size_t)tensor_count(x) * sizeof(float));
    tensor_push(&c->ctx, y);
    return y;
}

static void res_block(const char *name, int64_t n, int64_t h, int64_t w, int64_t in, int64_t in2, int64_t out,
                      int groups, int64_t emb, double scale) {
    Case c;
    ResBlock m = {0};
    bind_resblock(&begin(&c, name)->weights, &m, in + in2, out, emb, groups);
    Tensor x = input(&c, "x", 4, SHAPE(n, h, w, in), scale), x2 = {0}, e = {0};
    if (in2) x2 = input(&c, "x2", 4, SHAPE(n, h, w, in2), scale);
    if (emb) e = input(&c, "emb", 2, SHAPE(n, emb), 1);
    if (in2 && !m.has_skip) { /* only blocks with a skip convolution take two sources: concatenate */
        Tensor both = tensor_new(&c.ctx, 4, SHAPE(n, h, w, in + in2));
        op_affine(&c.ctx, tensor_slice(both, 3, 0, in), x, 1, 0);
        op_affine(&c.ctx, tensor_slice(both, 3, in, in2), x2, 1, 0);
        x = both;
        in2 = 0;
    }
    Tensor y = output(&c, 4, SHAPE(n, h, w, out));
    Tensor shifts = tensor_new(&c.ctx, 2, SHAPE(n, out));
    if (emb) op_activation(&c.ctx, e, e, ACT_SILU); /* done by callers, once for all blocks */
    if (emb) resblock_time_shift(&c.ctx, shifts, &m, e);
    resblock(&c.ctx, y, &m, x, in2 ? &x2 : NULL, emb ? &shifts : NULL);
    end(&c, y);
}

static void spatial(const char *name, int64_t n, int64_t h, int64_t w, int64_t channels, int heads, int groups,
                    int64_t s, int64_t context, int depth, bool linear_projection, double scale) {
    Case c;
    Transformer m = {0};
    int64_t keys = 0;
    bind_transformer(&begin(&c, name)->weights, &m, channels, context, heads, depth, linear_projection, groups, &keys);
    Tensor x = copied(&c, input(&c, "x", 4, SHAPE(n, h, w, channels), scale));
    Tensor made = tensor_new(&c.ctx, 3, SHAPE(n, s, keys));
    transformer_cross_kv(&c.ctx, made, &m, input(&c, "context", 3, SHAPE(n, s, context), 1));
    transformer(&c.ctx, x, &m, made);
    end(&c, x);
    free_transformer(&m);
}

static void block(const char *name, int64_t n, int64_t t, int64_t channels, int heads, int64_t s, int64_t context,
                  double scale) {
    Case c;
    TransformerBlock m = {0};
    Transformer one = {.blocks = &m, .depth = 1};
    bind_transformer_block(&begin(&c, name)->weights, &m, channels, context, heads);
    Tensor x = copied(&c, input(&c, "x", 3, SHAPE(n, t, channels), scale));
    Tensor keys = tensor_new(&c.ctx, 3, SHAPE(n, s, 2 * channels));
    transformer_cross_kv(&c.ctx, keys, &one, input(&c, "context", 3, SHAPE(n, s, context), 1));
    transformer_block(&c.ctx, x, &m, keys);
    end(&c, x);
}

static void vae_attention(const char *name, int64_t n, int64_t h, int64_t w, int64_t channels, int groups,
                          double scale) {
    Case c;
    PixelAttention m = {0};
    bind_pixel_attention(&begin(&c, name)->weights, &m, channels, groups);
    Tensor x = copied(&c, input(&c, "x", 4, SHAPE(n, h, w, channels), scale));
    pixel_attention(&c.ctx, x, &m);
    end(&c, x);
}

/* kind: 'd' the U-Net's way down, 'v' the VAE's, 'u' up */
static void resample(const char *name, char kind, int64_t n, int64_t h, int64_t w, int64_t channels, int64_t to_h,
                     int64_t to_w) {
    Case c;
    Conv m = {0};
    bind_conv(&begin(&c, name)->weights, &m, kind == 'd' ? "op" : "conv", channels, channels, 3);
    Tensor x = input(&c, "x", 4, SHAPE(n, h, w, channels), 1), y = output(&c, 4, SHAPE(n, to_h, to_w, channels));
    if (kind == 'd') conv3(&c.ctx, y, &m, x, PLAIN);
    else if (kind == 'v') conv3_down_right(&c.ctx, y, &m, x);
    else conv3_up(&c.ctx, y, &m, x);
    end(&c, y);
}

static void clip(const char *name, int64_t n, int64_t t, int64_t width, int heads, int64_t mlp, Act act, double scale) {
    Case c;
    ClipLayer m = {0};
    bind_clip_layer(&begin(&c, name)->weights, &m, width, mlp, heads, false);
    Tensor x = copied(&c, input(&c, "x", 3, SHAPE(n, t, width), scale));
    clip_layer(&c.ctx, x, &m, act);
    end(&c, x);
}

/* clang-format off */
static void block_cases(void) {
#define RES_BLOCK(name, n, h, w, i, i2, o, groups, emb, s) res_block(#name, n, h, w, i, i2, o, groups, emb, s);
#define SPATIAL_TRANSFORMER(name, n, h, w, c, heads, groups, s, context, depth, linear_, scale) \
    spatial(#name, n, h, w, c, heads, groups, s, context, depth, linear_, scale);
#define TRANSFORMER_BLOCK(name, n, t, c, heads, s, context, scale) block(#name, n, t, c, heads, s, context, scale);
#define VAE_RES_BLOCK(name, n, h, w, i, o, groups, s) res_block(#name, n, h, w, i, 0, o, groups, 0, s);
#define VAE_ATTENTION(name, n, h, w, c, groups, s) vae_attention(#name, n, h, w, c, groups, s);
#define DOWNSAMPLE(name, n, h, w, c) resample(#name, 'd', n, h, w, c, (h + 1) / 2, (w + 1) / 2);
#define VAE_DOWNSAMPLE(name, n, h, w, c) resample(#name, 'v', n, h, w, c, h / 2, w / 2);
#define UPSAMPLE(name, n, h, w, c, to_h, to_w) resample(#name, 'u', n, h, w, c, to_h, to_w);
#define CLIP_LAYER(name, n, t, c, heads, mlp, act, s) clip(#name, n, t, c, heads, mlp, act, s);
#include "block_cases.h"
}
/* clang-format on */

void gpu_blocks(const Ops *ops, Gpu *on, double rms, double max) {
    table = ops, gpu = on, rms_bound = rms, max_bound = max;
    golden = golden_open("blocks");
    if (golden) block_cases();
    golden_close(golden);
    gpu = NULL, rms_bound = 0;
}

SUITE(blocks, .seconds = 1, .blas = true) {
    const Ops *tables[4];
    int count = cpu_ops_list(tables, 4);
    Error e = {0};
    pool = pool_new(2, &e);
    golden = pool ? golden_open("blocks") : NULL;
    for (int t = 0; golden && t < count; t++) {
        table = tables[t];
        block_cases();
    }
    golden_close(golden);
    pool_free(pool);
}
