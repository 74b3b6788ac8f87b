/* prompt_chunks.c: weighted pieces of text to chunks of 75 tokens (sd_hijack_clip.py, tokenize_line). */
#include "prompt_internal.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    PromptText *out;
    size_t capacity;
    PromptChunk now; /* text only, from index 0 */
    int comma;       /* index of this chunk's last comma; -1: none */
    TokenRules rules;
    int32_t pad;
    int64_t most; /* chunks */
    Error *e;
} Chunker;

/* Adds start, end and padding to the text, and begins a new chunk. */
static bool close_chunk(Chunker *c) {
    PromptText *o = c->out;
    if (o->count == c->most)
        return error_set(c->e, ERR_ARGUMENT, "prompt: makes more than %d chunks of %d tokens; shorten it",
                         PROMPT_MOST_CHUNKS, PROMPT_CAPACITY);
    if (!prompt_grow(&o->chunks, &c->capacity, (size_t)o->count, 1, sizeof *o->chunks)) return prompt_no_memory(c->e);
    PromptChunk *k = &o->chunks[o->count++];
    k->count = c->now.count;
    k->ids[0] = TOKEN_BOS;
    k->weights[0] = 1;
    for (int i = 1; i < PROMPT_CHUNK; i++) {
        bool text = i <= k->count;
        k->ids[i] = text ? c->now.ids[i - 1] : TOKEN_EOS;
        k->weights[i] = text ? c->now.weights[i - 1] : 1;
    }
    /* Padding with another id replaces everything after the first end token, even one in the text. */
    int end = 1;
    while (k->ids[end] != TOKEN_EOS) end++;
    while (++end < PROMPT_CHUNK)
        if (c->pad != TOKEN_EOS) k->ids[end] = c->pad;
    c->now.count = 0;
    c->comma = -1;
    return true;
}

static bool add(Chunker *c, int32_t id, float weight) {
    PromptChunk *now = &c->now;
    if (id == TOKEN_COMMA) c->comma = now->count; /* a comma that does not fit begins the next chunk */
    else if (now->count == PROMPT_CAPACITY && c->comma >= 0 && now->count - c->comma <= PROMPT_BACKTRACK) {
        PromptChunk rest = *now;
        int keep = c->comma + 1 < now->count ? c->comma + 1 : now->count;
        now->count = keep;
        if (!close_chunk(c)) return false;
        c->out->tokens += PROMPT_CAPACITY;
        for (int i = keep; i < rest.count; i++, now->count++)
            now->ids[now->count] = rest.ids[i], now->weights[now->count] = rest.weights[i];
    }
    if (now->count == PROMPT_CAPACITY) {
        if (!close_chunk(c)) return false;
        c->out->tokens += PROMPT_CAPACITY;
    }
    now->ids[now->count] = id;
    now->weights[now->count++] = weight;
    return true;
}

static bool add_piece(Chunker *c, const Tokenizer *t, const char *text, size_t size, float weight) {
    int32_t *ids = NULL;
    int64_t n = size ? tokenizer_encode(t, c->rules, text, size, &ids) : 0;
    bool ok = n >= 0 || prompt_no_memory(c->e);
    for (int64_t i = 0; i < n && ok; i++) ok = add(c, ids[i], weight);
    free(ids);
    return ok;
}

/* NaN (zero times infinity, from absurd weights) counts as zero. */
static float to_float(double w) {
    if (isnan(w)) return 0;
    return w > FLT_MAX ? FLT_MAX : w < -FLT_MAX ? -FLT_MAX : (float)w;
}

bool prompt_chunks(PromptText *out, const Tokenizer *t, const PromptPieces *pieces, const PromptOptions *o,
                   int64_t most, double *heaviest, Error *e) {
    Chunker c = {.out = out, .comma = -1, .rules = o->rules, .pad = o->pad, .most = most, .e = e};
    bool ok = true;
    for (size_t i = 0; i < pieces->count && ok; i++) {
        const PromptPiece *p = &pieces->at[i];
        const char *text = pieces->text.at + p->from;
        if (o->emphasis != SD_EMPHASIS_NONE && p->size == 5 && !memcmp(text, "BREAK", 5) && p->weight == -1) {
            ok = close_chunk(&c);
            out->tokens += PROMPT_CAPACITY;
            continue;
        }
        bool plain = o->emphasis == SD_EMPHASIS_IGNORE || o->emphasis == SD_EMPHASIS_NONE;
        if (!plain && p->size && !(fabs(p->weight) <= *heaviest))
            *heaviest = isnan(p->weight) ? INFINITY : fabs(p->weight);
        ok = add_piece(&c, t, text, p->size, plain ? 1 : to_float(p->weight));
    }
    out->tokens += c.now.count;
    if (ok && (c.now.count || !out->count)) ok = close_chunk(&c);
    if (!ok) return false;
    PromptChunk *exact = realloc(out->chunks, (size_t)out->count * sizeof *exact);
    if (!exact) return prompt_no_memory(e);
    out->chunks = exact; /* a prompt may have thousands of texts with a chunk each */
    return true;
}
