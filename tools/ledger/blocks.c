/* blocks.c: the layers of nn/ against diffusers' and transformers' modules.
 *
 * A case of block_cases.h is bound under its own name, filled with generated weights and run; results are
 * channels-last here and transposed for the comparison. */
#include "bound.h"
#include "generated.h"
#include "ledger.h"
#include "nn/resblock.h"
#include "nn/transformer.h"
#include "on_gpu.h"
#include "sd/models/taesd.h"
#include "tensor/pieces.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARENA = 192 << 20 };

typedef struct {
    const Ledger *ledger;
    const LedgerTable *table;
    const Golden *golden;
    const char *row;
    bool in_f32; /* it has no products that `mixed` makes in bf16 */
} Walk;

typedef struct {
    const Walk *walk;
    Ctx ctx;
    Arena arena;
    WeightList weights;
    Error err;
    const char *name;
} Case;

/* False, and nothing to end, where its memory cannot be had. */
static bool begin(Case *c, const Walk *w, const char *name) {
    const LedgerTable *t = w->table;
    *c = (Case){.walk = w, .name = name};
    c->ctx = (Ctx){.op = t->op, .precision = PRECISION_F32_DIRECT, .type = t->op->type, .pool = t->pool};
    if (t->numbers == NUMBERS_MIXED) c->ctx.precision = PRECISION_F32;
    c->weights.err = &c->err;
    bind_enter(&c->weights, "%s.", name);
    c->ctx.arena = &c->arena;
    if (!arena_init_on(&c->arena, t->op, t->gpu, ARENA, &c->err)) {
        ledger_fail(w->ledger, "blocks", w->row, name, t, &c->err);
        weight_list_free(&c->weights);
        return false;
    }
    c->arena.poison = true;
    return true;
}

/* The input "NAME.part", given flat in torch's order: [N,C,...]. */
static Tensor input(Case *c, const char *part, int nd, const int64_t *n, double scale) {
    char full[96];
    snprintf(full, sizeof full, "%s.%s", c->name, part);
    Tensor t = tensor_new(&c->ctx, nd, n);
    float *host = tensor_host(&c->ctx, t).data;
    int64_t count = tensor_count(t);
    float *flat = malloc((size_t)count * sizeof *flat);
    if (flat) gen_input(flat, full, count, scale, 0);
    if (!flat) error_set(&c->ctx.err, ERR_MEMORY, "out of memory for inputs");
    else if (nd < 4)
        memcpy(host, flat, (size_t)count * sizeof *flat); /* tokens and vectors already are in this order */
    else to_channels_last(host, flat, n[0], n[nd - 1], n[1] * n[2]);
    free(flat);
    tensor_push(&c->ctx, t);
    return t;
}

static Tensor output(Case *c, int nd, const int64_t *n) {
    if (!gen_fill_all(&c->weights, F32)) error_set(&c->ctx.err, ERR_MEMORY, "out of memory for weights");
    if (c->walk->table->gpu && !c->ctx.err.code) gpu_weights(&c->ctx, &c->weights);
    return tensor_new(&c->ctx, nd, n);
}

static void end(Case *c, Tensor y) {
    const Walk *w = c->walk;
    Bound bound = block_bound(w->table->numbers, c->ctx.precision == PRECISION_F32_DIRECT, w->in_f32);
    if (!c->err.code) y = tensor_pull(&c->ctx, y);
    const Error *e = c->err.code ? &c->err : &c->ctx.err;
    if (e->code) ledger_fail(w->ledger, "blocks", w->row, c->name, w->table, e);
    else
        ledger_enter(w->ledger, "blocks", w->row, c->name, w->table, w->golden, c->name,
                     y.nd == 4 ? golden_error_picture(w->golden, c->name, y, bound)
                               : golden_error(w->golden, c->name, y.data, y.nd, y.n, bound));
    gen_free_all(&c->weights);
    weight_list_free(&c->weights);
    arena_free(&c->arena);
}

/* False, and ended, where the list lacks weights. */
static bool bound(Case *c) {
    if (c->err.code) end(c, (Tensor){0});
    return !c->err.code;
}

/* A copy of x in the arena, for layers that work in place. */
static Tensor copied(Case *c, Tensor x) {
    Tensor y = output(c, x.nd, x.n);
    memcpy(tensor_host(&c->ctx, y).data, tensor_host(&c->ctx, x).data, (size_t)tensor_count(x) * sizeof(float));
    tensor_push(&c->ctx, y);
    return y;
}

static void res_block(const Walk *walk, const char *name, int64_t n, int64_t h, int64_t w, int64_t in, int64_t in2,
                      int64_t out, int groups, int64_t emb, double scale) {
    Case c;
    if (!begin(&c, walk, name)) return;
    ResBlock m = {0};
    bind_resblock(&c.weights, &m, in + in2, out, emb, groups);
    if (!bound(&c)) return;
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

static void spatial(const Walk *walk, const char *name, int64_t n, int64_t h, int64_t w, int64_t channels, int heads,
                    int groups, int64_t s, int64_t context, int depth, bool linear_projection, double scale) {
    Case c;
    if (!begin(&c, walk, name)) return;
    Transformer m = {0};
    int64_t keys = 0;
    bind_transformer(&c.weights, &m, channels, context, heads, depth, linear_projection, false, groups, &keys);
    if (!bound(&c)) {
        free_transformer(&m);
        return;
    }
    Tensor x = copied(&c, input(&c, "x", 4, SHAPE(n, h, w, channels), scale));
    Tensor made = tensor_new(&c.ctx, 3, SHAPE(n, s, keys));
    transformer_cross_kv(&c.ctx, made, &m, input(&c, "context", 3, SHAPE(n, s, context), 1));
    transformer(&c.ctx, x, &m, &(CrossKv){.text = made});
    end(&c, x);
    free_transformer(&m);
}

static void block(const Walk *walk, const char *name, int64_t n, int64_t t, int64_t channels, int heads, int64_t s,
                  int64_t context, double scale) {
    Case c;
    if (!begin(&c, walk, name)) return;
    TransformerBlock m = {0};
    Transformer one = {.blocks = &m, .depth = 1};
    bind_transformer_block(&c.weights, &m, channels, context, heads);
    if (!bound(&c)) return;
    Tensor x = copied(&c, input(&c, "x", 3, SHAPE(n, t, channels), scale));
    Tensor keys = tensor_new(&c.ctx, 3, SHAPE(n, s, 2 * channels));
    transformer_cross_kv(&c.ctx, keys, &one, input(&c, "context", 3, SHAPE(n, s, context), 1));
    transformer_block(&c.ctx, x, &m, &(CrossKv){.text = keys});
    end(&c, x);
}

static void vae_attention(const Walk *walk, const char *name, int64_t n, int64_t h, int64_t w, int64_t channels,
                          int groups, double scale) {
    Case c;
    if (!begin(&c, walk, name)) return;
    PixelAttention m = {0};
    bind_pixel_attention(&c.weights, &m, channels, groups);
    if (!bound(&c)) return;
    Tensor x = copied(&c, input(&c, "x", 4, SHAPE(n, h, w, channels), scale));
    pixel_attention(&c.ctx, x, &m);
    end(&c, x);
}

/* Whether f32 has a faster form of such a convolution than its definition. */
static bool by_winograd(int64_t channels, int64_t h, int64_t w) {
    Weight filters = {.t = tensor_view(NULL, F32, 4, SHAPE(channels, 3, 3, channels))};
    return conv_by_winograd(tensor_view(NULL, F32, 4, SHAPE(1, h, w, channels)), &filters, (Conv2d){.stride = 1});
}

/* kind: 'd' the U-Net's way down, 'v' the VAE's, 'u' up, 'w' up by Winograd's transforms */
static void resample(const Walk *walk, const char *name, char kind, int64_t n, int64_t h, int64_t w, int64_t channels,
                     int64_t to_h, int64_t to_w) {
    Case c;
    if (!begin(&c, walk, name)) return;
    if (kind == 'w') c.ctx.precision = PRECISION_F32;
    Conv m = {0};
    bind_conv(&c.weights, &m, kind == 'd' ? "op" : "conv", channels, channels, 3);
    if (!bound(&c)) return;
    Tensor x = input(&c, "x", 4, SHAPE(n, h, w, channels), 1), y = output(&c, 4, SHAPE(n, to_h, to_w, channels));
    if (kind == 'd') conv3(&c.ctx, y, &m, x, PLAIN);
    else if (kind == 'v') conv3_down_right(&c.ctx, y, &m, x);
    else conv3_up(&c.ctx, y, &m, x);
    end(&c, y);
}

static void taesd(const Walk *walk, const char *name, bool decoder, bool direct, int64_t n, int64_t h, int64_t w,
                  int channels, int levels, double scale) {
    Case c;
    if (!begin(&c, walk, name)) return;
    if (!direct) c.ctx.precision = PRECISION_F32;
    Taesd m;
    TaesdConfig k = {.channels = channels, .latent = 4, .levels = levels};
    for (int i = 0; i < levels; i++) k.blocks[i] = i == (decoder ? levels - 1 : 0) ? 1 : 3;
    (decoder ? taesd_bind_decoder : taesd_bind_encoder)(&m, &k, &c.weights);
    if (!bound(&c)) return;
    int64_t factor = taesd_factor(&k);
    Tensor x = input(&c, "x", 4, SHAPE(n, h, w, decoder ? 4 : 3), scale);
    Tensor y = output(&c, 4, decoder ? SHAPE(n, h * factor, w * factor, 3) : SHAPE(n, h / factor, w / factor, 4));
    if (decoder) taesd_decode(&c.ctx, y, &m, x, 0);
    else taesd_encode(&c.ctx, y, &m, x, 0);
    end(&c, y);
}

static void clip(const Walk *walk, const char *name, int64_t n, int64_t t, int64_t width, int heads, int64_t mlp,
                 Act act, double scale) {
    Case c;
    if (!begin(&c, walk, name)) return;
    ClipLayer m = {0};
    bind_clip_layer(&c.weights, &m, width, mlp, heads, false);
    if (!bound(&c)) return;
    Tensor x = copied(&c, input(&c, "x", 3, SHAPE(n, t, width), scale));
    clip_layer(&c.ctx, x, &m, act);
    end(&c, x);
}

/* clang-format off */
void ledger_blocks(const Ledger *l, const LedgerTable *t, const Golden *golden) {
    Walk w = {l, t, golden, NULL, false};
#define ROW(name, f32) if (w.in_f32 = f32, ledger_wants(l, w.row = name))
#define RES_BLOCK(name, n, h, w_, i, i2, o, groups, emb, s) \
    ROW("ResBlock", true) res_block(&w, #name, n, h, w_, i, i2, o, groups, emb, s);
#define SPATIAL_TRANSFORMER(name, n, h, w_, c, heads, groups, s, context, depth, linear_, scale) \
    ROW("spatial transformer", false) spatial(&w, #name, n, h, w_, c, heads, groups, s, context, depth, linear_, scale);
#define TRANSFORMER_BLOCK(name, n, t_, c, heads, s, context, scale) \
    ROW("transformer block", false) block(&w, #name, n, t_, c, heads, s, context, scale);
#define VAE_RES_BLOCK(name, n, h, w_, i, o, groups, s) \
    ROW("VAE ResBlock", true) res_block(&w, #name, n, h, w_, i, 0, o, groups, 0, s);
#define VAE_ATTENTION(name, n, h, w_, c, groups, s) \
    ROW("VAE attention", false) vae_attention(&w, #name, n, h, w_, c, groups, s);
#define DOWNSAMPLE(name, n, h, w_, c) ROW("down", true) resample(&w, #name, 'd', n, h, w_, c, (h + 1) / 2, (w_ + 1) / 2);
#define VAE_DOWNSAMPLE(name, n, h, w_, c) ROW("VAE down", true) resample(&w, #name, 'v', n, h, w_, c, h / 2, w_ / 2);
#define UPSAMPLE(name, n, h, w_, c, to_h, to_w) \
    ROW("up", true) resample(&w, #name, 'u', n, h, w_, c, to_h, to_w); \
    if (t->numbers == NUMBERS_F32 && by_winograd(c, to_h, to_w)) \
        ROW("up Winograd", true) resample(&w, #name, 'w', n, h, w_, c, to_h, to_w);
#define TAESD(name, decoder, n, h, w_, c, levels, s) \
    ROW("TAESD", true) taesd(&w, #name, decoder, true, n, h, w_, c, levels, s); \
    if (t->numbers == NUMBERS_F32 && by_winograd(c, 16, 16)) \
        ROW("TAESD Winograd", true) taesd(&w, #name, decoder, false, n, h, w_, c, levels, s);
#define TAESD_DECODER(name, n, h, w_, c, levels, s) TAESD(name, true, n, h, w_, c, levels, s)
#define TAESD_ENCODER(name, n, h, w_, c, levels, s) TAESD(name, false, n, h, w_, c, levels, s)
#define CLIP_LAYER(name, n, t_, c, heads, mlp, act, s) ROW("CLIP layer", false) clip(&w, #name, n, t_, c, heads, mlp, act, s);
#include "block_cases.h"
}
/* clang-format on */
