/* In sd/guide/plain.c: unet(). */
#include "unet.h"

#include <assert.h>
#include <stdlib.h>

static int heads_for(const UnetConfig *k, int64_t channels) {
    return k->heads ? k->heads : (int)(channels / k->head_dim);
}

/* --- layout --- */

static bool lay_out_input(Unet *u) {
    const UnetConfig *k = &u->config;
    u->inputs = k->levels * (k->res_blocks + 1);
    u->input = calloc((size_t)u->inputs, sizeof *u->input);
    if (!u->input) return false;
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
    return true;
}

static bool lay_out_output(Unet *u) {
    const UnetConfig *k = &u->config;
    int n = u->inputs;
    int64_t channels = (int64_t)k->channels * k->mult[k->levels - 1];
    u->outputs = u->inputs;
    u->output = calloc((size_t)u->outputs, sizeof *u->output);
    if (!u->output) return false;
    for (int i = 0, level = k->levels - 1; level >= 0; level--)
        for (int j = 0; j <= k->res_blocks; j++, i++) {
            int64_t wide = (int64_t)k->channels * k->mult[level], skip = u->input[--n].out;
            u->output[i] = (UnetBlock){.kind = UNET_RES,
                                       .level = level,
                                       .index = j,
                                       .in = channels,
                                       .skip = skip,
                                       .out = wide,
                                       .transformer.depth = config_up_depth(k, i),
                                       .up = level && j == k->res_blocks};
            channels = wide;
        }
    return true;
}

static void bind_res(WeightList *l, Unet *u, ResBlock *m, int64_t in, int64_t out) {
    bind_resblock(l, m, in, out, 4 * (int64_t)u->config.channels, u->config.groups);
    m->time_shift_at = u->time_shifts;
    u->time_shifts += out;
}

static void bind_attentions(WeightList *l, Unet *u, Transformer *m, int64_t channels, int depth, bool only_cross) {
    const UnetConfig *k = &u->config;
    bind_transformer(l, m, channels, k->context, heads_for(k, channels), depth, k->linear_projection, only_cross,
                     k->groups, &u->cross_kv);
}

static void bind_block(WeightList *l, Unet *u, UnetBlock *b, bool output) {
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
    bind_res(l, u, &b->res, b->in + b->skip, b->out);
    if (output && !b->res.has_skip)
        error_set(l->err, ERR_FORMAT, "an output block of the U-Net has no skip connection");
    bind_leave(l, mark);
    if (depth) {
        mark = bind_enter(l, "1.");
        bind_attentions(l, u, &b->transformer, b->out, depth, u->config.only_cross[b->level]);
        bind_leave(l, mark);
    }
    if (b->up) bind_conv(l, &b->conv, depth ? "2.conv" : "1.conv", b->out, b->out, 3);
}

static void bind_middle(WeightList *l, Unet *u, int64_t channels) {
    int depth = u->config.middle_depth;
    size_t mark = bind_enter(l, "middle_block."), part = bind_enter(l, "0.");
    if (depth >= 0) bind_res(l, u, &u->middle1, channels, channels);
    bind_leave(l, part);
    if (depth > 0) {
        part = bind_enter(l, "1.");
        bind_attentions(l, u, &u->middle, channels, depth, false);
        bind_leave(l, part);
        bind_enter(l, "2.");
        bind_res(l, u, &u->middle2, channels, channels);
    }
    bind_leave(l, mark);
}

bool unet_bind_encoder(Unet *u, const UnetConfig *config, WeightList *l) {
    *u = (Unet){.config = *config};
    const UnetConfig *k = &u->config;
    int64_t emb = 4 * (int64_t)k->channels, last = (int64_t)k->channels * k->mult[k->levels - 1];
    if (!lay_out_input(u)) return error_set(l->err, ERR_MEMORY, "out of memory for the U-Net's blocks");
    u->time_shifts = unet_has_labels(k) ? 2 * emb : emb;
    if (k->guidance) {
        l->keep_f32 = true;
        bind_linear(l, &u->guidance, "time_embed.cond_proj", k->guidance, k->channels, false, false);
        l->keep_f32 = false;
    }
    bind_linear_f32(l, &u->time1, "time_embed.0", k->channels, emb, false);
    bind_linear_f32(l, &u->time2, "time_embed.2", emb, emb, false);
    if (k->label) {
        bind_linear_f32(l, &u->label1, "label_emb.0.0", k->label, emb, false);
        bind_linear_f32(l, &u->label2, "label_emb.0.2", emb, emb, false);
    }
    if (k->classes) {
        l->keep_f32 = true;
        bind_weight(l, &u->classes, WEIGHT_TABLE, "label_emb.weight", 2, SHAPE(k->classes, emb));
        l->keep_f32 = false;
    }
    for (int i = 0; i < u->inputs; i++) {
        size_t mark = bind_enter(l, "input_blocks.%d.", i);
        bind_block(l, u, &u->input[i], false);
        bind_leave(l, mark);
    }
    bind_middle(l, u, last);
    return l->err->code == ERR_NONE;
}

bool unet_bind(Unet *u, const UnetConfig *config, WeightList *l) {
    const UnetConfig *k = &u->config;
    if (!unet_bind_encoder(u, config, l)) return false;
    if (!lay_out_output(u)) return error_set(l->err, ERR_MEMORY, "out of memory for the U-Net's blocks");
    for (int i = 0; i < u->outputs; i++) {
        size_t mark = bind_enter(l, "output_blocks.%d.", i);
        bind_block(l, u, &u->output[i], true);
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

/* --- what calls share --- */

int64_t unet_width(const Unet *u) { return 4 * (int64_t)u->config.channels; }

bool unet_has_labels(const UnetConfig *k) { return k->label || k->classes; }

void unet_class(Ctx *c, Tensor label, const Unet *u, Tensor id) {
    op_embedding(c, tensor_reshape(label, 3, SHAPE(label.n[0], 1, unet_width(u))), id, &u->classes, NULL);
}

void unet_label(Ctx *c, Tensor label, const Unet *u, Tensor y) {
    size_t scope = scope_begin(c);
    int64_t n = y.n[0], width = unet_width(u);
    Tensor hidden = tensor_new(c, 3, SHAPE(n, 1, width));
    linear(c, hidden, &u->label1, tensor_reshape(y, 3, SHAPE(n, 1, u->config.label)), NULL,
           (Epilogue){.act = ACT_SILU});
    linear(c, tensor_reshape(label, 3, SHAPE(n, 1, width)), &u->label2, hidden, NULL, PLAIN);
    scope_end(c, scope);
}

/* The outer SiLU of silu(time2(silu(time1(sinusoid t))) + label) is the one that every ResBlock's projection starts
 * with. */
void unet_time_shifts(Ctx *c, Tensor time_shifts, const Unet *u, Tensor t, const Tensor *label,
                      const Tensor *guidance) {
    assert(!label == !unet_has_labels(&u->config) && !guidance == !u->config.guidance);
    size_t scope = scope_begin(c);
    int64_t n = t.n[0], width = unet_width(u);
    Tensor sinusoid = tensor_new(c, 3, SHAPE(n, 1, u->config.channels));
    Tensor hidden = tensor_new(c, 3, SHAPE(n, 1, width)), emb = tensor_new(c, 3, SHAPE(n, 1, width));
    Tensor flat = tensor_reshape(emb, 2, SHAPE(n, width));
    op_timestep_embedding(c, tensor_reshape(sinusoid, 2, SHAPE(n, u->config.channels)), t);
    if (guidance)
        linear(c, sinusoid, &u->guidance, tensor_reshape(*guidance, 3, SHAPE(n, 1, u->config.guidance)), NULL,
               (Epilogue){.residual = &sinusoid});
    linear(c, hidden, &u->time1, sinusoid, NULL, (Epilogue){.act = ACT_SILU});
    linear(c, emb, &u->time2, hidden, NULL, PLAIN);
    op_affine(c, tensor_slice(time_shifts, 1, 0, width), flat, 1, 0);
    if (label) {
        Tensor rows = tensor_reshape(*label, 3, SHAPE(n, 1, width));
        op_affine(c, tensor_slice(time_shifts, 1, width, width), *label, 1, 0);
        linear(c, emb, &u->time2, hidden, NULL, (Epilogue){.residual = &rows});
    }
    op_activation(c, flat, flat, ACT_SILU);
    for (int i = 0; i < u->inputs; i++)
        if (u->input[i].kind == UNET_RES) resblock_time_shift(c, time_shifts, &u->input[i].res, flat);
    if (u->config.middle_depth >= 0) resblock_time_shift(c, time_shifts, &u->middle1, flat);
    if (u->config.middle_depth > 0) resblock_time_shift(c, time_shifts, &u->middle2, flat);
    for (int i = 0; i < u->outputs; i++) resblock_time_shift(c, time_shifts, &u->output[i].res, flat);
    scope_end(c, scope);
}

void unet_cross_kv(Ctx *c, Tensor cross_kv, const Unet *u, Tensor context) {
    for (int i = 0; i < u->inputs; i++) transformer_cross_kv(c, cross_kv, &u->input[i].transformer, context);
    if (u->config.middle_depth > 0) transformer_cross_kv(c, cross_kv, &u->middle, context);
    for (int i = 0; i < u->outputs; i++) transformer_cross_kv(c, cross_kv, &u->output[i].transformer, context);
}

/* --- forward --- */

/* How many pictures go through a block at once: large maps go one by one, so that a block's temporaries are those of
 * one picture. */
static int64_t at_once(const Ctx *c, Tensor y) {
    return c->strip && tensor_bytes(y) / (size_t)y.n[0] >= c->strip / 4 ? 1 : y.n[0];
}

/* skip: an output block's second source, or NULL; over: y is the skip connection itself */
static void through_resblock(Ctx *c, Tensor y, const ResBlock *m, Tensor x, const Tensor *skip, bool over,
                             Tensor time_shifts) {
    int64_t some = at_once(c, y);
    for (int64_t p = 0; p < y.n[0]; p += some) {
        Tensor out = tensor_slice(y, 0, p, some), in = tensor_slice(x, 0, p, some), second;
        Tensor shifts = time_shifts.n[0] == 1 ? time_shifts : tensor_slice(time_shifts, 0, p, some);
        if (skip) second = tensor_slice(*skip, 0, p, some);
        if (over) resblock_into_skip(c, out, m, in, &shifts);
        else resblock(c, out, m, in, skip ? &second : NULL, &shifts);
    }
}

static void through_transformer(Ctx *c, Tensor y, const Transformer *m, const CrossKv *kv) {
    int64_t n = y.n[0], some = at_once(c, y);
    for (int64_t p = 0; p < n; p += some) {
        CrossKv part = *kv;
        if (some < n) part.text = tensor_slice(kv->text, 0, p * kv->text.n[0] / n, 1), part.first += p;
        transformer(c, tensor_slice(y, 0, p, some), m, &part);
    }
}

void unet_input_block(Ctx *c, Tensor y, const Unet *u, int i, Tensor x, Tensor time_shifts, const CrossKv *kv) {
    const UnetBlock *b = &u->input[i];
    switch (b->kind) {
    case UNET_CONV_IN:
        conv3(c, y, &b->conv, x, PLAIN);
        tap(c, y, "conv_in");
        break;
    case UNET_RES:
        through_resblock(c, y, &b->res, x, NULL, false, time_shifts);
        tap(c, y, "down_blocks.%d.resnets.%d", b->level, b->index);
        if (b->transformer.depth) {
            through_transformer(c, y, &b->transformer, kv);
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

void unet_input_shape(const Unet *u, int i, Tensor x, int64_t shape[4]) {
    int half = u->input[i].kind == UNET_DOWN;
    shape[0] = x.n[0];
    shape[1] = (x.n[1] + half) >> half;
    shape[2] = (x.n[2] + half) >> half;
    shape[3] = u->input[i].out;
}

void unet_middle(Ctx *c, Tensor y, const Unet *u, Tensor x, Tensor time_shifts, const CrossKv *kv) {
    if (u->config.middle_depth < 0) { /* x is a skip connection, whose place the first output block takes */
        op_affine(c, y, x, 1, 0);
        return;
    }
    if (!u->config.middle_depth) {
        through_resblock(c, y, &u->middle1, x, NULL, false, time_shifts);
        tap(c, y, "mid_block.resnets.0");
        tap(c, y, "mid_block");
        return;
    }
    size_t scope = scope_begin(c);
    Tensor h = tensor_new(c, 4, x.n);
    through_resblock(c, h, &u->middle1, x, NULL, false, time_shifts);
    tap(c, h, "mid_block.resnets.0");
    through_transformer(c, h, &u->middle, kv);
    tap(c, h, "mid_block.attentions.0");
    through_resblock(c, y, &u->middle2, h, NULL, false, time_shifts);
    tap(c, y, "mid_block.resnets.1");
    tap(c, y, "mid_block");
    scope_end(c, scope);
}

/* A skip connection, at [begin, end) of the arena. Above the newest remaining one there is only the block's input. */
typedef struct {
    Tensor map;
    size_t begin, end;
} Skip;

/* An output block's ResBlock. Its output replaces the skip connection, in place if they have the same size. */
static Tensor up(Ctx *c, const UnetBlock *b, Tensor x, const Skip *skip, Tensor time_shifts) {
    if (b->out == b->skip) {
        through_resblock(c, skip->map, &b->res, x, &skip->map, true, time_shifts);
        arena_set_top(c, skip->end);
        return skip->map;
    }
    Tensor above = tensor_new(c, 4, SHAPE(x.n[0], skip->map.n[1], skip->map.n[2], b->out));
    through_resblock(c, above, &b->res, x, &skip->map, false, time_shifts);
    return arena_replace(c, skip->begin, above);
}

/* Enlarges h, which lies at `begin`, to the size of `size` and convolves it. The result takes its place: h moves up. */
static Tensor up_sample(Ctx *c, const UnetBlock *b, Tensor h, size_t begin, Tensor size) {
    const int64_t shape[] = {h.n[0], size.n[1], size.n[2], b->out};
    const size_t end = begin + arena_bytes(tensor_view(NULL, h.dtype, 4, shape));
    Tensor moved = arena_replace(c, end, h);
    const size_t top = arena_top(c);
    arena_set_top(c, begin);
    Tensor y = tensor_new(c, 4, shape);
    arena_set_top(c, top);
    conv3_up(c, y, &b->conv, moved);
    arena_set_top(c, end);
    return y;
}

/* The embeddings of time and label, as time_shifts begin with them. */
void unet_tap_embeddings(Ctx *c, const Unet *u, Tensor time_shifts, int64_t n) {
    int64_t width = unet_width(u);
    tap(c, tensor_repeat(tensor_slice(time_shifts, 1, 0, width), n), "time_embedding");
    if (unet_has_labels(&u->config))
        tap(c, tensor_repeat(tensor_slice(time_shifts, 1, width, width), n),
            u->config.label ? "add_embedding" : "class_embedding");
}

static void run_hook(Ctx *c, const UnetHook *hook, int i, Tensor map) {
    if (hook) hook->add(hook->user, c, i, map);
}

void unet_forward(Ctx *c, Tensor out, const Unet *u, const UnetInput *in) {
    enum { MAX_SKIPS = MAX_LEVELS * 16 };
    Skip skips[MAX_SKIPS];
    assert(u->inputs <= MAX_SKIPS);
    size_t scope = scope_begin(c);
    Tensor time_shifts = in->time_shifts, h = in->x;
    const CrossKv kv = {.text = in->cross_kv,
                        .states = in->states,
                        .images = in->images,
                        .image_count = in->image_count,
                        .listener = in->listener};
    int64_t n = h.n[0];
    unet_tap_embeddings(c, u, time_shifts, n);

    for (int i = 0; i < u->inputs; i++) {
        int64_t shape[4];
        unet_input_shape(u, i, h, shape);
        skips[i].begin = arena_top(c);
        skips[i].map = tensor_new(c, 4, shape);
        skips[i].end = arena_top(c);
        unet_input_block(c, skips[i].map, u, i, h, time_shifts, &kv);
        if (in->hook && in->hook->down) in->hook->down(in->hook->user, c, i, skips[i].map);
        h = skips[i].map;
    }

    Tensor y = tensor_new(c, 4, h.n);
    unet_middle(c, y, u, h, time_shifts, &kv);
    run_hook(c, in->hook, u->inputs, y);
    h = y;

    for (int i = 0, s = u->inputs - 1; i < u->outputs; i++, s--) {
        const UnetBlock *b = &u->output[i];
        int place = u->config.levels - 1 - b->level; /* diffusers counts up_blocks from the deepest level */
        run_hook(c, in->hook, s, skips[s].map);
        h = up(c, b, h, &skips[s], time_shifts);
        tap(c, h, "up_blocks.%d.resnets.%d", place, b->index);
        if (b->transformer.depth) {
            through_transformer(c, h, &b->transformer, &kv);
            tap(c, h, "up_blocks.%d.attentions.%d", place, b->index);
        }
        if (b->up) {
            h = up_sample(c, b, h, skips[s].begin, skips[s - 1].map);
            tap(c, h, "up_blocks.%d.upsamplers.0", place);
        }
        if (b->index == u->config.res_blocks) tap(c, h, "up_blocks.%d", place);
    }
    norm(c, h, &u->norm_out, h, NULL, ACT_NONE);
    tap(c, h, "conv_norm_out");
    op_activation(c, h, h, ACT_SILU);
    conv3(c, out, &u->conv_out, h, PLAIN);
    tap(c, out, "conv_out");
    scope_end(c, scope);
}
