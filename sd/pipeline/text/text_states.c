#include "text_states.h"

#include "weights/files/sha256.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

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

/* A side's prompt as an encoder reads it. */
static const Prompt *prompt_for(const TextStates *s, const Side *side, int encoder) {
    return &s->prompts[encoder][side->prompt - s->prompts[0]];
}

static int64_t longest(const TextStates *s, const Side *side) {
    int64_t most = 1;
    for (int k = 0; k < s->encoders; k++)
        for (int i = 0; i < side->branch->count; i++) {
            int64_t chunks = prompt_for(s, side, k)->texts[side->branch->spans[i].text].count;
            if (chunks > most) most = chunks;
        }
    return most;
}

bool text_states_init(TextStates *s, const SdModel *m, const Embeddings *all, const char *prompt, const char *negative,
                      PromptOptions o, bool guided, Error *e) {
    const SdConfig *k = &m->config;
    *s = (TextStates){.emphasis = o.emphasis, .encoders = k->encoders, .embeddings = all};
    o.words = all->words;
    o.word_count = all->word_count;
    for (int i = 0; i < 2 * s->encoders; i++) {
        Prompt *p = &s->prompts[i / 2][i % 2];
        o.negative = i % 2 == 0;
        o.rules = clip_rules(&k->clip[i / 2]);
        if (!prompt_compile(p, m->tokenizer, o.negative ? negative : prompt, &o, e) || !check_size(p, e)) return false;
    }
    const Prompt *p = &s->prompts[0][1];
    if (!text_vectors_init(&s->vectors, m, all, (const Prompt(*)[2])s->prompts, e)) return false;
    s->branches = p->branch_count;
    s->guided = guided || p->branch_count != 1 || p->branches[0].weight != 1;
    s->count = s->branches + s->guided;
    s->sides = calloc((size_t)s->count, sizeof *s->sides);
    if (!s->sides) return error_set(e, ERR_MEMORY, "out of memory for prompts");
    int64_t positive = 1;
    for (int i = 0; i < s->count; i++) {
        bool negative_side = s->guided && i == 0;
        Side *side = &s->sides[i];
        side->prompt = &s->prompts[0][!negative_side];
        side->branch = &side->prompt->branches[negative_side ? 0 : i - s->guided];
        side->chunks = longest(s, side);
        if (!negative_side && side->chunks > positive) positive = side->chunks;
    }
    s->together = !s->guided || s->sides[0].chunks == positive;
    return true;
}

void text_states_free(TextStates *s) {
    for (int i = 0; i < 2 * MAX_ENCODERS; i++) prompt_free(&s->prompts[i / 2][i % 2]);
    text_vectors_free(&s->vectors);
    free(s->sides);
    *s = (TextStates){0};
}

void text_states_zero_empty(TextStates *s) {
    const Prompt *negative = &s->prompts[0][0];
    bool empty = s->guided;
    for (int i = 0; empty && i < negative->text_count; i++) empty = !*negative->texts[i].text;
    if (empty) s->sides[0].zero = true;
}

void text_states_place(TextStates *s, Ctx *c, int64_t width, int64_t pooled) {
    int64_t positive = 1;
    s->width = width, s->pooled = pooled;
    for (int i = 0; i < s->count; i++) {
        Side *side = &s->sides[i];
        int64_t texts = side->prompt->text_count;
        side->states = tensor_new(c, 3, SHAPE(texts, side->chunks * PROMPT_CHUNK, width));
        side->shown = tensor_host(c, side->states);
        if (pooled) side->pooled = tensor_new(c, 2, SHAPE(texts, pooled));
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

void text_states_forget(TextStates *s) {
    for (int i = 0; i < s->count; i++) s->sides[i].now = -1;
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

/* states [1,T,width], rows of a wider tensor */
static float *row_of(Tensor states, int64_t t) { return (float *)states.data + t * states.s[1]; }

static double mean_of(Tensor states) {
    double sum = 0;
    for (int64_t t = 0; t < states.n[1]; t++)
        for (int64_t i = 0; i < states.n[2]; i++) sum += row_of(states, t)[i];
    return sum / (double)tensor_count(states);
}

static void scale_by(Tensor states, float scale) {
    for (int64_t t = 0; t < states.n[1]; t++)
        for (int64_t i = 0; i < states.n[2]; i++) row_of(states, t)[i] *= scale;
}

static bool weigh(Tensor states, const PromptChunk *chunk) {
    bool any = false;
    for (int64_t t = 0; t < PROMPT_CHUNK; t++) {
        float w = chunk->weights[t];
        if (w == 1.0f) continue;
        for (int64_t i = 0; i < states.n[2]; i++) row_of(states, t)[i] *= w;
        any = true;
    }
    return any;
}

/* What one pass over the texts needs to know. */
typedef struct {
    TextStates *s;
    Ctx *c;
    const Clip *clip;
    int encoder;
    int64_t at; /* channels of a context before the encoder's own */
    int skip;
    KeptValues *made; /* NULL: none */
    PromptChunk empty;
} Encoding;

/* Chunk k of a text as the encoder reads it. */
static const PromptChunk *encoder_chunk(const Encoding *n, const Side *side, int text, int64_t k) {
    return chunk_of(&prompt_for(n->s, side, n->encoder)->texts[text], k, &n->empty);
}

/* The encoder's channels of chunk k of a text. */
static Tensor chunk_states(const Encoding *n, Tensor states, int text, int64_t k) {
    Tensor row = tensor_slice(tensor_slice(states, 0, text, 1), 1, k * PROMPT_CHUNK, PROMPT_CHUNK);
    return tensor_slice(row, 2, n->at, n->clip->config.width);
}

/* z *= weights; z *= mean before / mean after, over one chunk of all the branch's spans at once */
static void emphasise(const Encoding *n, const Side *side, int64_t k) {
    SdEmphasis emphasis = n->s->emphasis;
    if (emphasis == SD_EMPHASIS_IGNORE || emphasis == SD_EMPHASIS_NONE) return;
    double before = 0, after = 0;
    bool any = false;
    for (int pass = 0; pass < 3; pass++) {
        float scale = pass == 2 ? (float)(before / after) : 1.0f;
        if (pass == 2 && (!any || emphasis == SD_EMPHASIS_NO_NORM || !isfinite(scale))) break;
        for (int i = 0; i < side->prompt->text_count; i++) {
            int64_t often = occurrences(side->branch, i);
            if (!often) continue;
            Tensor z = chunk_states(n, side->shown, i, k);
            if (pass == 0) before += mean_of(z) * (double)often;
            if (pass == 1) {
                any |= weigh(z, encoder_chunk(n, side, i, k));
                after += mean_of(z) * (double)often;
            }
            if (pass == 2) scale_by(z, scale);
        }
    }
}

/* The encoder's ids of a chunk: after the first end token, its own padding (sd_hijack_clip.py, process_tokens). */
static void ids_for(const Clip *clip, int32_t *ids, const PromptChunk *chunk) {
    memcpy(ids, chunk->ids, sizeof chunk->ids);
    int64_t end = clip_end(ids, PROMPT_CHUNK);
    if (clip->config.pad != TOKEN_EOS)
        for (int64_t i = end + 1; i < PROMPT_CHUNK; i++) ids[i] = clip->config.pad;
}

/* rows [1,77,width]: those of chunk k of a text that are vectors */
static void place_vectors(const Encoding *n, Tensor rows, const PromptText *text, int64_t k, bool is[PROMPT_CHUNK]) {
    Tensor host = tensor_host(n->c, rows);
    memset(host.data, 0, tensor_bytes(host));
    text_vectors_put(&n->s->vectors, n->encoder, n->clip->config.width, n->s->embeddings, text, k, host.data, is);
    tensor_push(n->c, rows);
}

/* Chunk k of a text; both NULL on the plan backend. ids I32 [1,77]; pooled [1,pooled] or NULL */
static void encode_chunk(const Encoding *n, Tensor states, Tensor ids, const PromptChunk *chunk, const PromptText *text,
                         int64_t k, const Tensor *pooled) {
    Ctx *c = n->c;
    bool whole = n->clip->config.width == n->s->width; /* else the encoder's channels are part of wider rows */
    size_t scope = scope_begin(c);
    int64_t end = 0;
    if (chunk) {
        int32_t *rows = tensor_host(c, ids).data;
        ids_for(n->clip, rows, chunk);
        end = clip_end(rows, PROMPT_CHUNK);
        clip_rows(n->clip, rows, PROMPT_CHUNK);
        tensor_push(c, ids);
    }
    Tensor own = whole ? states : tensor_new(c, 3, states.n);
    bool is[PROMPT_CHUNK], any = n->s->vectors.count > 0;
    ClipVectors vectors = {.is = is};
    if (any) {
        vectors.rows = tensor_new(c, 3, states.n);
        if (text) place_vectors(n, vectors.rows, text, k, is);
    }
    clip_forward(c, own, n->clip, ids, any ? &vectors : NULL, n->skip, pooled, &end);
    if (!whole) op_affine(c, states, own, 1, 0);
    scope_end(c, scope);
}

static void encode_side(const Encoding *n, Side *side) {
    Ctx *c = n->c;
    size_t scope = scope_begin(c);
    Tensor ids = tensor_new_typed(c, I32, 2, SHAPE(1, PROMPT_CHUNK));
    if (n->at) tensor_push(c, side->states); /* a GPU's arena may be a new one since the encoder before */
    for (int64_t k = 0; k < side->chunks; k++)
        for (int text = 0; text < side->prompt->text_count; text++) {
            if (!occurrences(side->branch, text)) continue;
            Tensor pooled;
            bool pools = k == 0 && n->clip->config.pooled;
            if (pools) pooled = tensor_slice(side->pooled, 0, text, 1);
            encode_chunk(n, chunk_states(n, side->states, text, k), ids, encoder_chunk(n, side, text, k),
                         &prompt_for(n->s, side, n->encoder)->texts[text], k, pools ? &pooled : NULL);
        }
    scope_end(c, scope);
    tensor_pull(c, side->states); /* with what was pushed of other encoders */
    if (n->clip->config.pooled) tensor_pull(c, side->pooled);
    for (int64_t k = 0; !c->err.code && k < side->chunks; k++) emphasise(n, side, k);
}

/* --- states that an earlier call made --- */

/* Adds all that a chunk's states depend on. */
static void hash_chunk(const Encoding *n, const Side *side, int text, int64_t k, float *rows, Sha256 *sha) {
    const PromptChunk *chunk = encoder_chunk(n, side, text, k);
    const int64_t width = n->clip->config.width;
    int32_t ids[PROMPT_CHUNK];
    bool is[PROMPT_CHUNK] = {false};
    ids_for(n->clip, ids, chunk);
    sha256_update(sha, ids, sizeof ids);
    sha256_update(sha, chunk->weights, sizeof chunk->weights);
    if (!n->s->vectors.count) return;
    memset(rows, 0, (size_t)(PROMPT_CHUNK * width) * sizeof *rows);
    text_vectors_put(&n->s->vectors, n->encoder, width, n->s->embeddings,
                     &prompt_for(n->s, side, n->encoder)->texts[text], k, rows, is);
    sha256_update(sha, rows, (size_t)(PROMPT_CHUNK * width) * sizeof *rows);
    sha256_update(sha, is, sizeof is);
}

static bool hash_side(const Encoding *n, const Side *side, char key[65]) {
    const int64_t what[] = {n->encoder, n->skip, (int64_t)n->s->emphasis, side->chunks, n->clip->config.width};
    float *rows = n->s->vectors.count ? malloc((size_t)(PROMPT_CHUNK * n->clip->config.width) * sizeof *rows) : NULL;
    unsigned char digest[32];
    Sha256 sha;
    if (n->s->vectors.count && !rows) return false;
    sha256_init(&sha);
    sha256_update(&sha, what, sizeof what);
    for (int text = 0; text < side->prompt->text_count; text++) {
        int64_t often = occurrences(side->branch, text);
        sha256_update(&sha, &often, sizeof often);
        for (int64_t k = 0; often && k < side->chunks; k++) hash_chunk(n, side, text, k, rows, &sha);
    }
    sha256_final(&sha, digest);
    sha256_hex(digest, key);
    free(rows);
    return true;
}

/* Copies the encoder's states and pooled vectors of a side's texts to `values`, or, where `from` is not NULL, from
 * there; NULL both: neither. How many numbers they are. */
static size_t pass_side(const Encoding *n, const Side *side, float *values, const float *from) {
    const size_t width = (size_t)n->clip->config.width, pooled = n->clip->config.pooled ? (size_t)n->s->pooled : 0;
    size_t at = 0;
    for (int text = 0; text < side->prompt->text_count; text++) {
        if (!occurrences(side->branch, text)) continue;
        for (int64_t t = 0; t < side->chunks * PROMPT_CHUNK; t++, at += width) {
            float *row = row_of(chunk_states(n, side->shown, text, t / PROMPT_CHUNK), t % PROMPT_CHUNK);
            if (values) memcpy(values + at, row, width * sizeof *row);
            if (from) memcpy(row, from + at, width * sizeof *row);
        }
        float *one = pooled ? (float *)tensor_host(n->c, side->pooled).data + (size_t)text * pooled : NULL;
        if (pooled && values) memcpy(values + at, one, pooled * sizeof *one);
        if (pooled && from) memcpy(one, from + at, pooled * sizeof *one);
        at += pooled;
    }
    return at;
}

static void make_side(const Encoding *n, Side *side) {
    char key[65];
    bool keeps = n->made && hash_side(n, side, key);
    size_t count = keeps ? pass_side(n, side, NULL, NULL) : 0;
    const float *there = keeps ? kept_values_find(n->made, key, count) : NULL;
    if (there) {
        pass_side(n, side, NULL, there);
        return;
    }
    encode_side(n, side);
    float *values = keeps && !n->c->err.code ? malloc(count * sizeof *values) : NULL;
    if (!values) return;
    pass_side(n, side, values, NULL);
    kept_values_add(n->made, key, values, count);
    free(values);
}

/* The states of a text that is left out as if it were nothing. */
static void zero_side(const Encoding *n, Side *side) {
    Tensor pooled = tensor_host(n->c, side->pooled);
    memset(side->shown.data, 0, tensor_bytes(side->shown));
    if (n->s->pooled) memset(pooled.data, 0, tensor_bytes(pooled));
}

/* On the plan backend one chunk is encoded and counts for all. */
static void plan_encode(const Encoding *n) {
    Ctx *c = n->c;
    const TextStates *s = n->s;
    double chunks = 0, firsts = 0, before = c->flops, both, first;
    size_t scope = scope_begin(c);
    Tensor ids = tensor_new_typed(c, I32, 2, SHAPE(1, PROMPT_CHUNK)), pooled;
    if (n->clip->config.pooled) pooled = tensor_slice(s->sides[0].pooled, 0, 0, 1);
    encode_chunk(n, chunk_states(n, s->sides[0].states, 0, 0), ids, NULL, NULL, 0, NULL);
    both = c->flops - before;
    first = 0;
    if (n->clip->config.pooled) {
        encode_chunk(n, chunk_states(n, s->sides[0].states, 0, 0), ids, NULL, NULL, 0, &pooled);
        first = c->flops - before - 2 * both;
    }
    scope_end(c, scope);
    for (int i = 0; i < s->count; i++) {
        const Side *side = &s->sides[i];
        for (int text = 0; text < side->prompt->text_count; text++)
            if (occurrences(side->branch, text) && !side->zero) chunks += (double)side->chunks, firsts++;
    }
    c->flops = before + chunks * both + firsts * first;
}

void text_states_encode(TextStates *s, Ctx *c, const Clip *clips, int encoder, int skip, KeptValues *made) {
    Encoding n = {.s = s,
                  .c = c,
                  .clip = &clips[encoder],
                  .encoder = encoder,
                  .skip = skip,
                  .made = made,
                  .empty = {.ids = {TOKEN_BOS}}};
    for (int i = 0; i < encoder; i++) n.at += clips[i].config.width;
    for (int t = 0; t < PROMPT_CHUNK; t++) {
        n.empty.weights[t] = 1.0f;
        if (t) n.empty.ids[t] = TOKEN_EOS;
    }
    if (ctx_plans(c)) {
        plan_encode(&n);
        return;
    }
    for (int i = 0; i < s->count; i++)
        if (s->sides[i].zero) zero_side(&n, &s->sides[i]);
        else make_side(&n, &s->sides[i]);
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
