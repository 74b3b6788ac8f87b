#include "text_states.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool refuse_networks(const Prompt *p, Error *e) {
    if (!p->network_count) return true;
    const PromptNetwork *n = &p->networks[0];
    return error_set(e, ERR_ARGUMENT, "prompt: <%s:%s>: this version cannot load networks; remove the tag", n->kind,
                     n->name);
}

/* What a picture can take: more would only take hours and memory before it failed. */
static bool check_size(const Prompt *p, Error *e) {
    int64_t chunks = 0;
    for (int i = 0; i < p->text_count; i++) chunks += p->texts[i].count;
    if (chunks > SD_PROMPT_CHUNKS)
        return error_set(e, ERR_ARGUMENT, "prompt: %lld chunks of 75 tokens are too many for a picture; %d at most",
                         (long long)chunks, SD_PROMPT_CHUNKS);
    return p->branch_count <= SD_PROMPT_BRANCHES ||
           error_set(e, ERR_ARGUMENT, "prompt: AND joins %d prompts, which are too many for a picture; %d at most",
                     p->branch_count, SD_PROMPT_BRANCHES);
}

static int64_t longest(const Prompt *p, const PromptBranch *branch) {
    int64_t most = 1;
    for (int i = 0; i < branch->count; i++)
        if (p->texts[branch->spans[i].text].count > most) most = p->texts[branch->spans[i].text].count;
    return most;
}

bool text_states_init(TextStates *s, const Tokenizer *t, const char *prompt, const char *negative, PromptOptions o,
                      bool guided, Error *e) {
    *s = (TextStates){.emphasis = o.emphasis, .pad = o.pad};
    for (int i = 0; i < 2; i++) {
        o.negative = i == 0;
        if (!prompt_compile(&s->prompts[i], t, i ? prompt : negative, &o, e) || !check_size(&s->prompts[i], e))
            return false;
    }
    if (!refuse_networks(&s->prompts[1], e)) return false;
    const Prompt *p = &s->prompts[1];
    s->branches = p->branch_count;
    s->guided = guided || p->branch_count != 1 || p->branches[0].weight != 1;
    s->count = s->branches + s->guided;
    s->sides = calloc((size_t)s->count, sizeof *s->sides);
    if (!s->sides) return error_set(e, ERR_MEMORY, "out of memory for prompts");
    int64_t positive = 1;
    for (int i = 0; i < s->count; i++) {
        bool negative_side = s->guided && i == 0;
        Side *side = &s->sides[i];
        side->prompt = &s->prompts[!negative_side];
        side->branch = &side->prompt->branches[negative_side ? 0 : i - s->guided];
        side->chunks = longest(side->prompt, side->branch);
        if (!negative_side && side->chunks > positive) positive = side->chunks;
    }
    s->together = !s->guided || s->sides[0].chunks == positive;
    return true;
}

void text_states_free(TextStates *s) {
    for (int i = 0; i < 2; i++) prompt_free(&s->prompts[i]);
    free(s->sides);
    *s = (TextStates){0};
}

void text_states_place(TextStates *s, Ctx *c, int64_t width) {
    int64_t positive = 1;
    for (int i = 0; i < s->count; i++) {
        Side *side = &s->sides[i];
        side->now = -1;
        side->states = tensor_new(c, 3, SHAPE(side->prompt->text_count, side->chunks * PROMPT_CHUNK, width));
        side->shown = tensor_host(c, side->states);
        if (i >= s->guided && side->chunks > positive) positive = side->chunks;
    }
    int64_t t = positive * PROMPT_CHUNK;
    if (s->together) {
        s->contexts[0] = tensor_new(c, 3, SHAPE(s->count, t, width));
        return;
    }
    s->contexts[0] = tensor_new(c, 3, SHAPE(1, s->sides[0].chunks * PROMPT_CHUNK, width));
    s->contexts[1] = tensor_new(c, 3, SHAPE(s->branches, t, width));
}

/* --- encoding --- */

/* Chunk k of a text; beyond its last, the empty chunk. */
static const PromptChunk *chunk_of(const PromptText *text, int64_t k, const PromptChunk *empty) {
    return k < text->count ? &text->chunks[k] : empty;
}

/* How often a text occurs among a branch's spans: the original encodes them all as one batch, duplicates included. */
static int64_t occurrences(const PromptBranch *branch, int text) {
    int64_t n = 0;
    for (int i = 0; i < branch->count; i++) n += branch->spans[i].text == text;
    return n;
}

static double mean_of(Tensor states) {
    double sum = 0;
    int64_t n = tensor_count(states);
    for (int64_t i = 0; i < n; i++) sum += ((const float *)states.data)[i];
    return sum / (double)n;
}

static bool weigh(Tensor states, const PromptChunk *chunk) {
    bool any = false;
    for (int64_t t = 0; t < PROMPT_CHUNK; t++) {
        float w = chunk->weights[t];
        if (w == 1.0f) continue;
        float *row = (float *)states.data + t * states.s[1];
        for (int64_t i = 0; i < states.n[2]; i++) row[i] *= w;
        any = true;
    }
    return any;
}

/* z *= weights; z *= mean before / mean after, over one chunk of all the branch's spans at once */
static void emphasise(const TextStates *s, const Side *side, int64_t k, const PromptChunk *empty) {
    if (s->emphasis == SD_EMPHASIS_IGNORE || s->emphasis == SD_EMPHASIS_NONE) return;
    double before = 0, after = 0;
    bool any = false;
    for (int pass = 0; pass < 3; pass++) {
        float scale = pass == 2 ? (float)(before / after) : 1.0f;
        if (pass == 2 && (!any || s->emphasis == SD_EMPHASIS_NO_NORM || !isfinite(scale))) break;
        for (int i = 0; i < side->prompt->text_count; i++) {
            int64_t often = occurrences(side->branch, i);
            if (!often) continue;
            Tensor z = tensor_slice(tensor_slice(side->shown, 0, i, 1), 1, k * PROMPT_CHUNK, PROMPT_CHUNK);
            if (pass == 0) before += mean_of(z) * (double)often;
            if (pass == 1) {
                any |= weigh(z, chunk_of(&side->prompt->texts[i], k, empty));
                after += mean_of(z) * (double)often;
            }
            if (pass == 2)
                for (int64_t j = 0; j < tensor_count(z); j++) ((float *)z.data)[j] *= scale;
        }
    }
}

static void encode_chunk(Ctx *c, const Clip *clip, Tensor states, Tensor ids, const PromptChunk *chunk, int skip) {
    int32_t *rows = tensor_host(c, ids).data;
    memcpy(rows, chunk->ids, tensor_bytes(ids));
    clip_rows(clip, rows, PROMPT_CHUNK);
    tensor_push(c, ids);
    clip_forward(c, states, clip, ids, skip);
}

static void encode_side(const TextStates *s, const Side *side, Ctx *c, const Clip *clip, int skip,
                        const PromptChunk *empty) {
    size_t scope = scope_begin(c);
    Tensor ids = tensor_new_typed(c, I32, 2, SHAPE(1, PROMPT_CHUNK));
    for (int64_t k = 0; k < side->chunks; k++)
        for (int text = 0; text < side->prompt->text_count; text++) {
            if (!occurrences(side->branch, text)) continue;
            Tensor row = tensor_slice(side->states, 0, text, 1);
            encode_chunk(c, clip, tensor_slice(row, 1, k * PROMPT_CHUNK, PROMPT_CHUNK), ids,
                         chunk_of(&side->prompt->texts[text], k, empty), skip);
        }
    scope_end(c, scope);
    tensor_pull(c, side->states);
    for (int64_t k = 0; !c->err.code && k < side->chunks; k++) emphasise(s, side, k, empty);
}

/* On the plan backend one chunk is encoded and counts for all. */
static void plan_encode(const TextStates *s, Ctx *c, const Clip *clip, int skip) {
    double chunks = 0, before = c->flops;
    size_t scope = scope_begin(c);
    Tensor ids = tensor_new_typed(c, I32, 2, SHAPE(1, PROMPT_CHUNK));
    Tensor row = tensor_slice(tensor_slice(s->sides[0].states, 0, 0, 1), 1, 0, PROMPT_CHUNK);
    clip_forward(c, row, clip, ids, skip);
    scope_end(c, scope);
    for (int i = 0; i < s->count; i++) {
        const Side *side = &s->sides[i];
        for (int text = 0; text < side->prompt->text_count; text++)
            if (occurrences(side->branch, text)) chunks += (double)side->chunks;
    }
    c->flops += (c->flops - before) * (chunks - 1);
}

void text_states_encode(TextStates *s, Ctx *c, const Clip *clip, int skip) {
    PromptChunk empty = {.ids = {TOKEN_BOS, TOKEN_EOS}};
    for (int t = 0; t < PROMPT_CHUNK; t++) {
        empty.weights[t] = 1.0f;
        if (t > 1) empty.ids[t] = s->pad;
    }
    if (ctx_plans(c)) plan_encode(s, c, clip, skip);
    else
        for (int i = 0; i < s->count; i++) encode_side(s, &s->sides[i], c, clip, skip, &empty);
}

/* --- contexts --- */

/* A side's context from a text's states, padded with the last token's (reconstruct_multicond_batch). */
static void fill(float *to, int64_t tokens, Tensor row) {
    int64_t width = row.n[2], have = row.n[1];
    const float *from = row.data;
    for (int64_t t = 0; t < tokens; t++)
        memcpy(to + t * width, from + (t < have ? t : have - 1) * width, (size_t)width * sizeof *to);
}

void text_states_switch(TextStates *s, Ctx *c, int call) {
    for (int i = 0; i < s->count; i++) {
        Side *side = &s->sides[i];
        int text = (int)(prompt_at(side->prompt, side->branch, call) - side->prompt->texts);
        side->switched = text != side->now;
        if (!side->switched) continue;
        side->now = text;
        int64_t place;
        Tensor context = s->contexts[text_states_context_of(s, i, &place)];
        fill((float *)tensor_host(c, context).data + place * context.s[0], context.n[1],
             tensor_slice(side->shown, 0, text, 1));
        tensor_push(c, context);
    }
}

int text_states_context_of(const TextStates *s, int side, int64_t *place) {
    int apart = !s->together && side > 0;
    *place = side - apart;
    return apart;
}

int text_states_calls(const TextStates *s) { return s->together ? 1 : 2; }
Tensor text_states_context(const TextStates *s, int i) { return s->contexts[i]; }
