/* attention_calls.c: the shares of attention of a U-Net call. An op multiplies them with values, head by head; where
 * token t's values in every head are 1 in column t and 0 elsewhere, what comes out are the shares themselves, as many
 * tokens at a time as a head is wide. So they have the bits of the op that draws the picture, wherever it runs. */
#include "attention_calls.h"

#include "attention_maps.h"

#include <string.h>

static ExpertMaps *maps_of(const Generation *g) { return &g->maps->of[g->now - g->experts]; }

static int heads_of(const MapLayer *l) { return l->of.block->attn2.heads; }
static int64_t width_of(const MapLayer *l) { return l->of.block->attn2.q.w.t.n[0]; }

/* --- while it runs --- */

/* The first token of the last lot. */
static int64_t last_lot(int64_t tokens, int64_t each) { return (tokens - 1) / each * each; }

/* Rows [1,last_lot + tokens,width] in which token t's values, for the lot that begins at token a, are row
 * last_lot - a + t. */
static Tensor make_pick(Ctx *c, int64_t width, int heads, int64_t tokens) {
    int64_t each = width / heads, before = last_lot(tokens, each);
    Tensor pick = tensor_new(c, 3, SHAPE(1, before + tokens, width));
    if (!ctx_plans(c)) {
        float *to = tensor_host(c, pick).data;
        memset(to, 0, (size_t)tensor_count(pick) * sizeof *to);
        for (int64_t i = 0; i < each && i < tokens; i++)
            for (int head = 0; head < heads; head++) to[(before + i) * width + head * each + i] = 1;
    }
    tensor_push(c, pick);
    return pick;
}

/* map [1,T,tokens] = the shares, their mean over heads, of queries q [1,T,C] among keys k [1,tokens,C] */
static void weigh(Ctx *c, Tensor map, Tensor q, Tensor k, const MapLayer *l) {
    size_t scope = scope_begin(c);
    int heads = heads_of(l);
    int64_t tokens = k.n[1], each = q.n[2] / heads, before = last_lot(tokens, each);
    Tensor shares = tensor_new(c, 3, q.n);
    for (int64_t at = 0; at < tokens; at += each) {
        int64_t count = tokens - at < each ? tokens - at : each;
        op_attention(c, shares, q, k, tensor_slice(l->pick, 1, before - at, tokens), heads, false);
        Tensor to = tensor_slice(map, 2, at, count);
        for (int head = 0; head < heads; head++) {
            Tensor from = tensor_slice(shares, 2, head * each, count);
            if (head) op_accumulate(c, to, from, 1.0f / (float)heads);
            else op_affine(c, to, from, 1.0f / (float)heads, 0);
        }
    }
    scope_end(c, scope);
}

static void see(void *user, Ctx *c, const TransformerBlock *b, Tensor q, const CrossKv *kv) {
    const Generation *g = user;
    const ExpertMaps *x = maps_of(g);
    const MapLayer *l = x->layers;
    while (l < x->layers + x->count && l->of.block != b) l++;
    if (l == x->layers + x->count) return;
    int64_t each = q.n[0] / kv->text.n[0];
    Tensor keys = tensor_slice(kv->text, 2, b->cross_kv_at, q.n[2]);
    for (int64_t i = 0; i < q.n[0]; i++) {
        int64_t place = kv->first + i - g->maps->from;
        if (place >= 0)
            weigh(c, tensor_slice(l->map, 0, place, 1), tensor_slice(q, 0, i, 1), tensor_slice(keys, 0, i / each, 1),
                  l);
    }
}

const CrossListener *attention_place(Generation *g, const ControlCall *call, int64_t n) {
    AttentionMaps *m = g->maps;
    if (!m) return NULL;
    ExpertMaps *x = maps_of(g);
    int64_t tokens = text_states_context(&g->now->cond.text, call->context).n[1];
    m->from = call_negative(g, call);
    if (m->from == n) return NULL;
    for (MapLayer *l = x->layers; l < x->layers + x->count; l++) {
        const MapLayer *like = x->layers;
        while (like < l && (width_of(like) != width_of(l) || heads_of(like) != heads_of(l))) like++;
        l->pick = like < l ? like->pick : make_pick(&g->ctx, width_of(l), heads_of(l), tokens);
        l->map = tensor_new(&g->ctx, 3, SHAPE(n - m->from, (int64_t)l->h * l->w, tokens));
    }
    m->listener = (CrossListener){see, g};
    return &m->listener;
}

/* --- afterwards --- */

/* The map [T,tokens] of one picture to its words' sums. */
static void add_map(const MapLayer *l, float *sums, const float *map, int64_t tokens, const TokenWord *of,
                    int64_t count) {
    int64_t pixels = (int64_t)l->h * l->w;
    for (int64_t t = 0; t < count; t++)
        for (int64_t p = 0; of[t].word >= 0 && p < pixels; p++)
            sums[of[t].word * pixels + p] += of[t].share * map[p * tokens + t];
}

static void count_call(int *calls, const TokenWord *of, int64_t count, int words) {
    bool counted[MOST_WORDS] = {false};
    for (int64_t t = 0; t < count; t++)
        if (of[t].word >= 0) counted[of[t].word] = true;
    for (int i = 0; i < words; i++) calls[i] += counted[i];
}

void attention_take(Generation *g, const ControlCall *call, int group) {
    const AttentionMaps *m = g->maps;
    ExpertMaps *x = maps_of(g);
    Ctx *c = &g->ctx;
    const TextStates *s = &g->now->cond.text;
    int64_t words = m->words.count;
    for (MapLayer *l = x->layers; l < x->layers + x->count; l++) {
        Tensor map = tensor_pull(c, l->map);
        if (ctx_plans(c) || c->err.code) return;
        for (int64_t i = 0; i < map.n[0]; i++) {
            int64_t place = m->from + i, side = call->text + place / call->pictures + call->context;
            const Side *of = &s->sides[side];
            const TokenWord *tokens = x->tokens[side * s->prompts[0][1].text_count + of->now];
            int64_t count = of->prompt->texts[of->now].count * PROMPT_CHUNK;
            int64_t first = (group + call->first + place % call->pictures) * words;
            add_map(l, l->sums + first * l->h * l->w, (const float *)map.data + i * map.s[0], map.n[2], tokens, count);
            if (l == x->layers) count_call(x->calls + first, tokens, count, (int)words);
        }
    }
}
