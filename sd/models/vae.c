/* In sd/guide/plain.c: vae(). */
#include "vae.h"

#include <assert.h>
#include <stdlib.h>

int vae_factor(const VaeConfig *k) { return 1 << (k->levels - 1); }

/* --- layout --- */

static void bind_middle(WeightList *l, Vae *v, int64_t channels) {
    int groups = v->config.groups;
    size_t mark = bind_enter(l, "mid."), part = bind_enter(l, "block_1.");
    bind_resblock(l, &v->middle1, channels, channels, 0, groups);
    bind_leave(l, part);
    part = bind_enter(l, "attn_1.");
    bind_pixel_attention(l, &v->middle, channels, groups);
    bind_leave(l, part);
    part = bind_enter(l, "block_2.");
    bind_resblock(l, &v->middle2, channels, channels, 0, groups);
    bind_leave(l, mark);
}

/* stored: the level's number in names, counted from the picture's side */
static int64_t bind_level(WeightList *l, Vae *v, VaeLevel *level, int stored, int64_t in, bool resample) {
    const char *half = v->decoder ? "up" : "down";
    level->out = (int64_t)v->config.channels * v->config.mult[stored];
    level->has_resample = resample;
    level->res = calloc((size_t)v->blocks, sizeof *level->res);
    if (!level->res) error_set(l->err, ERR_MEMORY, "out of memory for the VAE's blocks");
    for (int i = 0; level->res && i < v->blocks; i++) {
        size_t mark = bind_enter(l, "%s.%d.block.%d.", half, stored, i);
        bind_resblock(l, &level->res[i], i ? level->out : in, level->out, 0, v->config.groups);
        bind_leave(l, mark);
    }
    size_t mark = bind_enter(l, "%s.%d.", half, stored);
    if (resample)
        bind_conv(l, &level->resample, v->decoder ? "upsample.conv" : "downsample.conv", level->out, level->out, 3);
    bind_leave(l, mark);
    return level->out;
}

bool vae_bind_decoder(Vae *v, const VaeConfig *k, WeightList *l) {
    *v = (Vae){.config = *k, .decoder = true, .blocks = k->res_blocks + 1};
    bind_linear(l, &v->quant, "post_quant_conv", k->latent, k->latent, true, true);
    size_t mark = bind_enter(l, "decoder.");
    int64_t channels = (int64_t)k->channels * k->mult[k->levels - 1];
    bind_conv(l, &v->conv_in, "conv_in", k->latent, channels, 3);
    bind_middle(l, v, channels);
    for (int i = 0; i < k->levels; i++) {
        int stored = k->levels - 1 - i;
        channels = bind_level(l, v, &v->levels[i], stored, channels, stored > 0);
    }
    bind_norm(l, &v->norm_out, "norm_out", channels, k->groups, 1e-6f);
    bind_conv(l, &v->conv_out, "conv_out", channels, 3, 3);
    bind_leave(l, mark);
    return l->err->code == ERR_NONE;
}

bool vae_bind_encoder(Vae *v, const VaeConfig *k, WeightList *l) {
    *v = (Vae){.config = *k, .decoder = false, .blocks = k->res_blocks};
    size_t mark = bind_enter(l, "encoder.");
    int64_t channels = k->channels;
    bind_conv(l, &v->conv_in, "conv_in", 3, channels, 3);
    for (int i = 0; i < k->levels; i++) channels = bind_level(l, v, &v->levels[i], i, channels, i + 1 < k->levels);
    bind_middle(l, v, channels);
    bind_norm(l, &v->norm_out, "norm_out", channels, k->groups, 1e-6f);
    bind_conv(l, &v->conv_out, "conv_out", channels, 2 * (int64_t)k->latent, 3);
    bind_leave(l, mark);
    bind_linear(l, &v->quant, "quant_conv", 2 * (int64_t)k->latent, 2 * (int64_t)k->latent, true, true);
    return l->err->code == ERR_NONE;
}

void vae_free(Vae *v) {
    for (int i = 0; i < MAX_LEVELS; i++) free(v->levels[i].res);
    *v = (Vae){.blocks = 0};
}

/* --- forward --- */

/* Feature maps at 512x512 take a quarter of a gigabyte, so they use the two ends of one block of memory: a stage reads
 * at one end and writes at the other; blocks that keep the number of channels work in place. */
typedef struct {
    Tensor memory;
    bool high;
} Ends;

static Tensor next(Ends *e, Tensor now, int64_t h, int64_t w, int64_t channels) {
    int64_t count = now.n[0] * h * w * channels, at = e->high ? 0 : e->memory.n[0] - count;
    assert(count <= e->memory.n[0]);
    e->high = !e->high;
    return tensor_view(tensor_slice(e->memory, 0, at, count).data, e->memory.dtype, 4, SHAPE(now.n[0], h, w, channels));
}

static bool in_strips(const Vae *v, int level, int strips) {
    return v->decoder ? level >= v->config.levels - strips : level < strips;
}

/* The up-sampling to a level made in strips is done in those strips, not by the level before. */
static bool resamples(const Vae *v, int level, int strips) {
    return v->levels[level].has_resample && !(v->decoder && in_strips(v, level + 1, strips));
}

/* Whether the decoder's last level, whose map is the largest, comes to lie on the map that it is made of (see
 * resblock_strips.c): then that one lies at the high end, and both need no more memory than the larger. */
static bool overlaps(const Vae *v, int64_t n, int strips) {
    int last = v->config.levels - 1;
    return v->decoder && n == 1 && last > 0 && v->levels[last - 1].has_resample && in_strips(v, last, strips);
}

/* Whether for that the map at the low end, which the middle leaves, has to be at the high one. */
static bool moves(const Vae *v, int64_t n, int strips) {
    bool changes = false; /* ends, on its way to the last level */
    for (int i = 0; i + 1 < v->config.levels; i++) {
        bool up = i && v->levels[i - 1].has_resample && !resamples(v, i - 1, strips);
        changes ^= up || v->levels[i].res[0].has_skip;
        changes ^= resamples(v, i, strips);
    }
    return overlaps(v, n, strips) && !changes;
}

/* The most that two successive maps take together, in elements. */
static int64_t most_memory(const Vae *v, int64_t n, int64_t h, int64_t w, int64_t channels, int strips) {
    int64_t now = n * h * w * channels, most = moves(v, n, strips) ? 2 * now : now;
    for (int i = 0; i < v->config.levels; i++) {
        const VaeLevel *level = &v->levels[i];
        bool upwards = i && v->levels[i - 1].has_resample && !resamples(v, i - 1, strips);
        if (upwards) h *= 2, w *= 2;
        int64_t after = n * h * w * level->out;
        if (i + 1 == v->config.levels && overlaps(v, n, strips)) return after > most ? after : most;
        if ((upwards || level->res[0].has_skip) && now + after > most) most = now + after;
        now = after;
        if (resamples(v, i, strips)) {
            h = v->decoder ? 2 * h : h / 2;
            w = v->decoder ? 2 * w : w / 2;
            after = n * h * w * level->out;
            if (now + after > most) most = now + after;
            now = after;
        }
    }
    return most;
}

static void middle(Ctx *c, Tensor h, const Vae *v) {
    resblock(c, h, &v->middle1, h, NULL, NULL);
    pixel_attention(c, h, &v->middle);
    resblock(c, h, &v->middle2, h, NULL, NULL);
    tap(c, h, "mid_block");
}

static Tensor run_blocks(Ctx *c, Ends *ends, const Vae *v, const VaeLevel *level, Tensor h) {
    for (int i = 0; i < v->blocks; i++) {
        Tensor y = level->res[i].has_skip ? next(ends, h, h.n[1], h.n[2], level->out) : h;
        resblock(c, y, &level->res[i], h, NULL, NULL);
        h = y;
    }
    return h;
}

/* up: the convolution of the up-sampling to this level, or NULL */
static Tensor run_strips(Ctx *c, Ends *ends, const Vae *v, const VaeLevel *level, Tensor h, const Conv *up) {
    for (int i = 0; i < v->blocks; i++, up = NULL) {
        int larger = up ? 2 : 1;
        bool apart = up || level->res[i].has_skip;
        Tensor y = apart ? next(ends, h, larger * h.n[1], larger * h.n[2], level->out) : h;
        resblock_strips(c, y, &level->res[i], h, up);
        h = y;
    }
    return h;
}

static Tensor run_level(Ctx *c, Ends *ends, const Vae *v, int i, Tensor h, int strips) {
    const VaeLevel *level = &v->levels[i], *before = i ? level - 1 : NULL;
    const Conv *up = before && before->has_resample && !resamples(v, i - 1, strips) ? &before->resample : NULL;
    h = in_strips(v, i, strips) ? run_strips(c, ends, v, level, h, up) : run_blocks(c, ends, v, level, h);
    if (!resamples(v, i, strips)) return h;
    Tensor y = v->decoder ? next(ends, h, 2 * h.n[1], 2 * h.n[2], level->out)
                          : next(ends, h, h.n[1] / 2, h.n[2] / 2, level->out);
    if (v->decoder) conv3_up(c, y, &level->resample, h);
    else conv3_down_right(c, y, &level->resample, h);
    return y;
}

/* The middle. If the map is at the low end of the block of memory [begin, end), the rest of the block is free. */
static void run_middle(Ctx *c, const Ends *ends, const Vae *v, Tensor h, size_t begin, size_t end) {
    if (!ends->high) arena_set_top(c, begin + arena_bytes(h));
    middle(c, h, v);
    arena_set_top(c, end);
}

/* conv_in .. conv_out of the encoder or decoder; the middle is on the latent's side */
static void run(Ctx *c, Tensor y, const Vae *v, Tensor x, int strips) {
    size_t begin = scope_begin(c);
    int64_t channels = v->conv_in.w.t.n[0], most = most_memory(v, x.n[0], x.n[1], x.n[2], channels, strips);
    Ends ends = {.memory = tensor_new(c, 1, &most),
                 .high = v->decoder}; /* `next` puts the first map at the other end */
    size_t end = arena_top(c);
    Tensor h = next(&ends, x, x.n[1], x.n[2], channels);
    conv3(c, h, &v->conv_in, x, PLAIN);
    tap(c, h, "conv_in");
    if (v->decoder) {
        run_middle(c, &ends, v, h, begin, end);
        if (moves(v, h.n[0], strips)) {
            Tensor low = h;
            h = next(&ends, low, low.n[1], low.n[2], low.n[3]);
            op_affine(c, h, low, 1, 0);
        }
    }
    for (int i = 0; i < v->config.levels; i++) {
        h = run_level(c, &ends, v, i, h, strips);
        tap(c, h, v->decoder ? "up_blocks.%d" : "down_blocks.%d", i);
    }
    if (!v->decoder) run_middle(c, &ends, v, h, begin, end);
    norm(c, h, &v->norm_out, h, NULL, ACT_NONE);
    tap(c, h, "conv_norm_out");
    op_activation(c, h, h, ACT_SILU);
    conv3(c, y, &v->conv_out, h, PLAIN);
    tap(c, y, "conv_out");
    scope_end(c, begin);
}

double vae_scale(const VaeConfig *k) { return k->statistics ? 1 : k->scale; }

void vae_decode_in_strips(Ctx *c, Tensor image, const Vae *v, Tensor z, int strips) {
    size_t scope = scope_begin(c);
    Tensor scaled = tensor_new(c, 4, z.n), x = tensor_new(c, 4, z.n);
    op_affine(c, scaled, z, (float)(1.0 / vae_scale(&v->config)), 0.0f);
    linear(c, tensor_tokens(x), &v->quant, tensor_tokens(scaled), NULL, PLAIN);
    run(c, image, v, x, strips);
    scope_end(c, scope);
}

void vae_encode_in_strips(Ctx *c, Tensor moments, const Vae *v, Tensor image, int strips) {
    size_t scope = scope_begin(c);
    Tensor raw = tensor_new(c, 4, moments.n);
    run(c, raw, v, image, strips);
    linear(c, tensor_tokens(moments), &v->quant, tensor_tokens(raw), NULL, PLAIN);
    scope_end(c, scope);
}

void vae_decode(Ctx *c, Tensor image, const Vae *v, Tensor z) { vae_decode_in_strips(c, image, v, z, 0); }
void vae_encode(Ctx *c, Tensor moments, const Vae *v, Tensor image) { vae_encode_in_strips(c, moments, v, image, 0); }
