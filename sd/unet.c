#include "unet.h"

#include <assert.h>
#include <stdlib.h>

static int heads_for(const UnetConfig *k, int64_t channels) {
    return k->heads ? k->heads : (int)(channels / k->head_dim);
}

/* --- layout --- */

static bool lay_out(Unet *u) {
    const UnetConfig *k = &u->config;
    u->inputs = k->levels * (k->res_blocks + 1);
    u->outputs = k->levels * (k->res_blocks + 1);
    u->input = calloc((size_t)u->inputs, sizeof *u->input);
    u->output = calloc((size_t)u->outputs, sizeof *u->output);
    if (!u->input || !u->output) return false;
    int n = 0;
    int64_t channels = k->channels;
    u->input[n++] = (UnetBlock){.kind = UNET_CONV_IN, .in = k->in_channels, .out = channels};
    for (int level = 0; level < k->levels; level++) {
        int64_t wide = (int64_t)k->channels * k->mult[level];
        for (int i = 0; i < k->res_blocks; i++) {
            u->input[n++] = (UnetBlock){.kind = UNET_RES,
                                        .level = level,
                                        .index = i,
                                        .in = channels,
                                        .out = wide,
                                        .transformer.depth = k->depth[level]};
            channels = wide;
        }
        if (level + 1 < k->levels)
            u->input[n++] = (UnetBlock){.kind = UNET_DOWN, .level = level, .in = channels, .out = channels};
    }
    assert(n == u->inputs);
    for (int i = 0, level = k->levels - 1; level >= 0; level--)
        for (int j = 0; j <= k->res_blocks; j++, i++) {
            int64_t wide = (int64_t)k->channels * k->mult[level], skip = u->input[--n].out;
            u->output[i] = (UnetBlock){.kind = UNET_RES,
                                       .level = level,
                                       .index = j,
                                       .in = channels,
                                       .skip = skip,
                                       .out = wide,
                                       .transformer.depth = k->depth[level],
                                       .up = level && j == k->res_blocks};
            channels = wide;
        }
    return true;
}

static void bind_block(WeightList *l, UnetBlock *b, const UnetConfig *k, int64_t emb, bool output) {
    if (b->kind == UNET_CONV_IN) {
        bind_conv(l, &b->conv, "0", b->in, b->out, 3);
        return;
    }
    if (b->kind == UNET_DOWN) {
        bind_conv(l, &b->conv, "0.op", b->in, b->out, 3);
        return;
    }
    int depth = b->transformer.depth;
    size_t mark = bind_enter(l, "0.");
    bind_resblock(l, &b->res, b->in + b->skip, b->out, emb, k->groups);
    if (output && !b->res.has_skip)
        error_set(l->err, ERR_FORMAT, "an output block of the U-Net has no skip connection");
    bind_leave(l, mark);
    if (depth) {
        mark = bind_enter(l, "1.");
        bind_transformer(l, &b->transformer, b->out, k->context, heads_for(k, b->out), depth, k->linear_projection,
                         k->groups);
        bind_leave(l, mark);
    }
    if (b->up) bind_conv(l, &b->conv, depth ? "2.conv" : "1.conv", b->out, b->out, 3);
}

bool unet_bind(Unet *u, const UnetConfig *config, WeightList *l) {
    *u = (Unet){.config = *config};
    const UnetConfig *k = &u->config;
    int64_t emb = 4 * (int64_t)k->channels, last = (int64_t)k->channels * k->mult[k->levels - 1];
    if (!lay_out(u)) return error_set(l->err, ERR_MEMORY, "out of memory for the U-Net's blocks");
    bind_linear(l, &u->time1, "time_embed.0", k->channels, emb, true, false);
    bind_linear(l, &u->time2, "time_embed.2", emb, emb, true, false);
    for (int i = 0; i < u->inputs; i++) {
        size_t mark = bind_enter(l, "input_blocks.%d.", i);
        bind_block(l, &u->input[i], k, emb, false);
        bind_leave(l, mark);
    }
    size_t mark = bind_enter(l, "middle_block.");
    size_t part = bind_enter(l, "0.");
    bind_resblock(l, &u->middle1, last, last, emb, k->groups);
    bind_leave(l, part);
    part = bind_enter(l, "1.");
    bind_transformer(l, &u->middle, last, k->context, heads_for(k, last), k->middle_depth, k->linear_projection,
                     k->groups);
    bind_leave(l, part);
    part = bind_enter(l, "2.");
    bind_resblock(l, &u->middle2, last, last, emb, k->groups);
    bind_leave(l, mark);
    for (int i = 0; i < u->outputs; i++) {
        mark = bind_enter(l, "output_blocks.%d.", i);
        bind_block(l, &u->output[i], k, emb, true);
        bind_leave(l, mark);
    }
    bind_norm(l, &u->norm_out, "out.0", k->channels, k->groups, 1e-5f /* normalization() in the U-Net */);
    bind_conv(l, &u->conv_out, "out.2", k->channels, k->out_channels, 3);
    return l->err->code == ERR_NONE;
}

void unet_free(Unet *u) {
    for (int i = 0; u->input && i < u->inputs; i++) free_transformer(&u->input[i].transformer);
    for (int i = 0; u->output && i < u->outputs; i++) free_transformer(&u->output[i].transformer);
    free_transformer(&u->middle);
    free(u->input);
    free(u->output);
    *u = (Unet){0};
}

/* --- forward --- */

/* silu(time2(silu(time1(sinusoid t)))), [N,4C]: every ResBlock starts with this SiLU */
static void embed_time(Ctx *c, Tensor emb, const Unet *u, Tensor t) {
    size_t scope = scope_begin(c);
    int64_t n = t.n[0], width = emb.n[1];
    Tensor sinusoid = tensor_new(c, 2, SHAPE(n, u->config.channels));
    Tensor hidden = tensor_new(c, 3, SHAPE(n, 1, width));
    op_timestep_embedding(c, sinusoid, t);
    linear(c, hidden, &u->time1, tensor_reshape(sinusoid, 3, SHAPE(n, 1, u->config.channels)), NULL,
           (Epilogue){.act = ACT_SILU});
    linear(c, tensor_reshape(emb, 3, SHAPE(n, 1, width)), &u->time2, hidden, NULL, PLAIN);
    tap(c, emb, "time_embedding");
    op_activation(c, emb, emb, ACT_SILU);
    scope_end(c, scope);
}

static void down(Ctx *c, Tensor y, const Unet *u, const UnetBlock *b, Tensor x, Tensor emb, Tensor context) {
    switch (b->kind) {
    case UNET_CONV_IN:
        conv3(c, y, &b->conv, x, PLAIN);
        tap(c, y, "conv_in");
        break;
    case UNET_RES:
        resblock(c, y, &b->res, x, NULL, &emb);
        tap(c, y, "down_blocks.%d.resnets.%d", b->level, b->index);
        if (b->transformer.depth) {
            transformer(c, y, &b->transformer, context);
            tap(c, y, "down_blocks.%d.attentions.%d", b->level, b->index);
        }
        if (b->level == u->config.levels - 1 && b->index == u->config.res_blocks - 1)
            tap(c, y, "down_blocks.%d", b->level);
        break;
    case UNET_DOWN:
        conv3(c, y, &b->conv, x, PLAIN);
        tap(c, y, "down_blocks.%d.downsamplers.0", b->level);
        tap(c, y, "down_blocks.%d", b->level);
        break;
    }
}

static void middle(Ctx *c, Tensor y, const Unet *u, Tensor x, Tensor emb, Tensor context) {
    size_t scope = scope_begin(c);
    Tensor h = tensor_new(c, 4, x.n);
    resblock(c, h, &u->middle1, x, NULL, &emb);
    tap(c, h, "mid_block.resnets.0");
    transformer(c, h, &u->middle, context);
    tap(c, h, "mid_block.attentions.0");
    resblock(c, y, &u->middle2, h, NULL, &emb);
    tap(c, y, "mid_block.resnets.1");
    tap(c, y, "mid_block");
    scope_end(c, scope);
}

/* Two buffers take turns on the way up: a block reads one and writes the other. */
typedef struct {
    Tensor memory[2];
    int turn;
} Turns;

static Tensor next(Turns *t, int64_t n, int64_t h, int64_t w, int64_t channels) {
    Tensor flat = t->memory[t->turn ^= 1];
    assert(n * h * w * channels <= flat.n[0]);
    return tensor_view(flat.data, flat.dtype, 4, SHAPE(n, h, w, channels));
}

static int64_t largest_output(const Unet *u, const Tensor *skips) {
    int64_t most = tensor_count(skips[u->inputs - 1]);
    for (int i = 0, s = u->inputs - 1; i < u->outputs; i++, s--) {
        Tensor size = skips[u->output[i].up ? s - 1 : s]; /* an up-sampled output has the next skip's size */
        int64_t count = size.n[0] * size.n[1] * size.n[2] * u->output[i].out;
        if (count > most) most = count;
    }
    return most;
}

void unet_forward(Ctx *c, Tensor out, const Unet *u, Tensor x, Tensor t, Tensor context) {
    enum { MAX_SKIPS = MAX_LEVELS * 16 };
    Tensor skips[MAX_SKIPS];
    assert(u->inputs <= MAX_SKIPS);
    size_t scope = scope_begin(c);
    int64_t n = x.n[0];
    Tensor emb = tensor_new(c, 2, SHAPE(n, 4 * (int64_t)u->config.channels));
    embed_time(c, emb, u, t);

    Tensor h = x;
    for (int i = 0; i < u->inputs; i++) {
        const UnetBlock *b = &u->input[i];
        int half = b->kind == UNET_DOWN;
        skips[i] = tensor_new(c, 4, SHAPE(n, (h.n[1] + half) >> half, (h.n[2] + half) >> half, b->out));
        down(c, skips[i], u, b, h, emb, context);
        h = skips[i];
    }

    int64_t most = largest_output(u, skips);
    Turns turns = {.memory = {tensor_new(c, 1, &most), tensor_new(c, 1, &most)}};
    Tensor y = next(&turns, n, h.n[1], h.n[2], h.n[3]);
    middle(c, y, u, h, emb, context);
    h = y;

    for (int i = 0, s = u->inputs - 1; i < u->outputs; i++, s--) {
        const UnetBlock *b = &u->output[i];
        int place = u->config.levels - 1 - b->level; /* diffusers counts up_blocks from the deepest level */
        y = next(&turns, n, skips[s].n[1], skips[s].n[2], b->out);
        resblock(c, y, &b->res, h, &skips[s], &emb);
        tap(c, y, "up_blocks.%d.resnets.%d", place, b->index);
        if (b->transformer.depth) {
            transformer(c, y, &b->transformer, context);
            tap(c, y, "up_blocks.%d.attentions.%d", place, b->index);
        }
        h = y;
        if (b->up) {
            y = next(&turns, n, skips[s - 1].n[1], skips[s - 1].n[2], b->out);
            conv3_up(c, y, &b->conv, h);
            tap(c, y, "up_blocks.%d.upsamplers.0", place);
            h = y;
        }
        if (b->index == u->config.res_blocks) tap(c, h, "up_blocks.%d", place);
    }
    y = next(&turns, n, h.n[1], h.n[2], h.n[3]);
    norm(c, y, &u->norm_out, h, NULL, ACT_NONE);
    tap(c, y, "conv_norm_out");
    op_activation(c, y, y, ACT_SILU);
    conv3(c, out, &u->conv_out, y, PLAIN);
    tap(c, out, "conv_out");
    scope_end(c, scope);
}
