#include "image_adapter.h"

#include "config_detect.h"

#include <stdio.h>
#include <stdlib.h>

enum { HEAD = 64 }; /* channels of a head of the resampler */

/* --- from a file --- */

static int size(const Checkpoint *c, const char *name, int dim) {
    char key[160];
    snprintf(key, sizeof key, KEY_CONTROL "%s", name);
    return file_tensor_size(checkpoint_find(c, key).tensor, dim);
}

static bool check_kind(const Checkpoint *c, const char *path, Error *e) {
    static const struct {
        const char *name, *is;
    } OTHERS[] = {{"ip_adapter.0.to_k_lora.down.weight", "an IP-Adapter FaceID"},
                  {"ip_adapter.1.to_q_lora.down.weight", "an IP-Adapter FaceID"},
                  {"image_proj.perceiver_resampler.latents", "an IP-Adapter FaceID"},
                  {"image_proj.proj.2.weight", "an IP-Adapter FaceID"}};
    bool full = size(c, "image_proj.proj.3.weight", 0);
    for (size_t i = 0; i < sizeof OTHERS / sizeof *OTHERS - full; i++)
        if (size(c, OTHERS[i].name, 0))
            return error_set(e, ERR_FORMAT, "%s: is %s, which is not supported by this version; use base, plus or full",
                             path, OTHERS[i].is);
    return true;
}

int image_adapter_features(const Checkpoint *c, bool *states) {
    bool resamples = size(c, "image_proj.latents", 1) > 0, full = size(c, "image_proj.proj.3.weight", 0) > 0;
    *states = resamples || full;
    return size(c,
                resamples ? "image_proj.proj_in.weight"
                : full    ? "image_proj.proj.0.weight"
                          : "image_proj.proj.weight",
                1);
}

bool image_adapter_from_shapes(const Checkpoint *c, const UnetConfig *of, const char *family, ImageAdapterConfig *k,
                               Error *e) {
    const char *path = checkpoint_path(c, GIVEN_CONTROL), *is;
    char name[64];
    *k = (ImageAdapterConfig){.context = size(c, "ip_adapter.1.to_k_ip.weight", 1)};
    is = family_of_context(k->context);
    if (!check_kind(c, path, e)) return false;
    if (k->context != of->context)
        return error_set(e, ERR_FORMAT,
                         "%s: is an IP-Adapter of %s (tokens %d wide), but the model is %s (%d); name one of %s", path,
                         *is ? is : "another family", k->context, family, of->context, family);
    k->features = image_adapter_features(c, &k->states);
    k->resamples = size(c, "image_proj.latents", 1) > 0;
    if (k->resamples) {
        k->tokens = size(c, "image_proj.latents", 1);
        k->width = size(c, "image_proj.latents", 2);
        k->heads = size(c, "image_proj.layers.0.0.to_q.weight", 0) / HEAD;
        k->mlp = size(c, "image_proj.layers.0.1.1.weight", 0);
        do {
            snprintf(name, sizeof name, "image_proj.layers.%d.0.to_q.weight", k->depth);
        } while (size(c, name, 0) && k->depth++ < 64);
    } else if (k->states) {
        return k->features ||
               error_set(e, ERR_FORMAT, "%s: is no IP-Adapter that is supported; name another file", path);
    } else {
        k->tokens = size(c, "image_proj.proj.weight", 0) / k->context;
    }
    bool ok = k->tokens >= 1 && k->tokens <= 1024 && k->features &&
              (!k->resamples || (k->width && k->heads >= 1 && k->mlp && k->depth));
    return ok || error_set(e, ERR_FORMAT, "%s: is no IP-Adapter that is supported; name another file", path);
}

static void bind_resampler(WeightList *l, ImageAdapter *m) {
    const ImageAdapterConfig *k = &m->config;
    int64_t width = k->width, inner = (int64_t)k->heads * HEAD;
    bind_weight(l, &m->queries, WEIGHT_VECTOR, "latents", 3, SHAPE(1, k->tokens, width));
    bind_linear(l, &m->proj_in, "proj_in", k->features, width, true, false);
    for (int i = 0; i < k->depth; i++) {
        ResamplerLayer *r = &m->layers[i];
        size_t mark = bind_enter(l, "layers.%d.", i);
        bind_norm(l, &r->norm1, "0.norm1", width, 0, 1e-5f);
        bind_norm(l, &r->norm2, "0.norm2", width, 0, 1e-5f);
        bind_linear(l, &r->q, "0.to_q", width, inner, false, false);
        bind_linear(l, &r->kv, "0.to_kv", width, 2 * inner, false, false);
        bind_linear(l, &r->out, "0.to_out", inner, width, false, false);
        bind_norm(l, &r->ff_norm, "1.0", width, 0, 1e-5f);
        bind_linear(l, &r->ff_in, "1.1", width, k->mlp, false, false);
        bind_linear(l, &r->ff_out, "1.3", k->mlp, width, false, false);
        bind_leave(l, mark);
    }
    bind_linear(l, &m->proj_out, "proj_out", width, k->context, true, false);
    bind_norm(l, &m->norm, "norm_out", k->context, 0, 1e-5f);
}

bool image_adapter_bind(ImageAdapter *m, const ImageAdapterConfig *k, const Unet *of, WeightList *l) {
    int count = unet_cross_blocks(of, NULL);
    CrossBlock *blocks = malloc((size_t)(count + 1) * sizeof *blocks);
    *m = (ImageAdapter){.config = *k, .count = count, .cross_kv = of->cross_kv};
    m->keys = calloc((size_t)count + 1, sizeof *m->keys);
    m->layers = calloc((size_t)k->depth + 1, sizeof *m->layers);
    bool ok = (blocks && m->keys && m->layers) || error_set(l->err, ERR_MEMORY, "out of memory for an IP-Adapter");
    if (ok) {
        size_t mark = bind_enter(l, "image_proj.");
        if (k->resamples) bind_resampler(l, m);
        else if (k->states) {
            bind_linear(l, &m->first, "proj.0", k->features, k->features, true, false);
            bind_linear(l, &m->second, "proj.2", k->features, k->context, true, false);
            bind_norm(l, &m->norm, "proj.3", k->context, 0, 1e-5f);
        } else {
            bind_linear(l, &m->proj, "proj", k->features, (int64_t)k->tokens * k->context, true, false);
            bind_norm(l, &m->norm, "norm", k->context, 0, 1e-5f);
        }
        bind_leave(l, mark);
        unet_cross_blocks(of, blocks);
    }
    for (int i = 0; ok && i < count; i++) { /* numbered among all attentions, of which every second is a cross one */
        int64_t width = blocks[i].block->attn2.k.w.t.n[0];
        size_t mark = bind_enter(l, "ip_adapter.%d.", 2 * i + 1);
        m->keys[i].at = blocks[i].block->cross_kv_at;
        bind_linear(l, &m->keys[i].k, "to_k_ip", k->context, width, false, false);
        bind_linear(l, &m->keys[i].v, "to_v_ip", k->context, width, false, false);
        bind_leave(l, mark);
    }
    free(blocks);
    return ok && l->err->code == ERR_NONE;
}

void image_adapter_free(ImageAdapter *m) {
    free(m->keys);
    free(m->layers);
    *m = (ImageAdapter){0};
}

/* --- forward --- */

/* x += attention of the queries x to the states and to themselves */
static void attend(Ctx *c, Tensor x, const ResamplerLayer *r, Tensor states, int heads) {
    size_t scope = scope_begin(c);
    int64_t n = x.n[0], queries = x.n[1], seen = states.n[1], inner = (int64_t)heads * HEAD;
    Tensor both = tensor_new(c, 3, SHAPE(n, seen + queries, x.n[2])), own = tensor_new(c, 3, x.n);
    norm(c, tensor_slice(both, 1, 0, seen), &r->norm1, states, NULL, ACT_NONE);
    norm(c, own, &r->norm2, x, NULL, ACT_NONE);
    op_affine(c, tensor_slice(both, 1, seen, queries), own, 1, 0);
    Tensor kv = tensor_new(c, 3, SHAPE(n, seen + queries, 2 * inner)), q = tensor_new(c, 3, SHAPE(n, queries, inner));
    linear(c, q, &r->q, own, NULL, PLAIN);
    linear(c, kv, &r->kv, both, NULL, PLAIN);
    op_attention(c, q, q, tensor_slice(kv, 2, 0, inner), tensor_slice(kv, 2, inner, inner), heads, false);
    linear(c, x, &r->out, q, NULL, (Epilogue){.residual = &x});
    scope_end(c, scope);
}

static void feed_forward(Ctx *c, Tensor x, const ResamplerLayer *r) {
    size_t scope = scope_begin(c);
    Tensor hidden = tensor_new(c, 3, SHAPE(x.n[0], x.n[1], r->ff_in.w.t.n[0])), normed = tensor_new(c, 3, x.n);
    norm(c, normed, &r->ff_norm, x, NULL, ACT_NONE);
    linear(c, hidden, &r->ff_in, normed, NULL, (Epilogue){.act = ACT_GELU});
    linear(c, x, &r->ff_out, hidden, NULL, (Epilogue){.residual = &x});
    scope_end(c, scope);
}

static void resample(Ctx *c, Tensor tokens, const ImageAdapter *m, Tensor features) {
    const ImageAdapterConfig *k = &m->config;
    int64_t n = features.n[0];
    Tensor states = tensor_new(c, 3, SHAPE(n, features.n[1], k->width));
    Tensor x = tensor_new(c, 3, SHAPE(n, k->tokens, k->width));
    linear(c, states, &m->proj_in, features, NULL, PLAIN);
    op_affine(c, x, tensor_repeat(tensor_view(m->queries.t.data, F32, 3, SHAPE(1, k->tokens, k->width)), n), 1, 0);
    for (int i = 0; i < k->depth; i++) {
        attend(c, x, &m->layers[i], states, k->heads);
        feed_forward(c, x, &m->layers[i]);
    }
    linear(c, tokens, &m->proj_out, x, NULL, PLAIN);
}

void image_adapter_tokens(Ctx *c, Tensor tokens, const ImageAdapter *m, Tensor features) {
    size_t scope = scope_begin(c);
    int64_t n = features.n[0];
    if (m->config.resamples) resample(c, tokens, m, features);
    else if (m->config.states) {
        Tensor hidden = tensor_new(c, 3, features.n);
        linear(c, hidden, &m->first, features, NULL, (Epilogue){.act = ACT_GELU});
        linear(c, tokens, &m->second, hidden, NULL, PLAIN);
    } else
        linear(c, tensor_reshape(tokens, 3, SHAPE(n, 1, tokens.n[1] * tokens.n[2])), &m->proj, features, NULL, PLAIN);
    norm(c, tokens, &m->norm, tokens, NULL, ACT_NONE);
    scope_end(c, scope);
}

void image_adapter_kv(Ctx *c, Tensor kv, const ImageAdapter *m, Tensor tokens) {
    for (int i = 0; i < m->count; i++) {
        int64_t width = m->keys[i].k.w.t.n[0];
        linear(c, tensor_slice(kv, 2, m->keys[i].at, width), &m->keys[i].k, tokens, NULL, PLAIN);
        linear(c, tensor_slice(kv, 2, m->keys[i].at + width, width), &m->keys[i].v, tokens, NULL, PLAIN);
    }
}
