/* prompt_chunks.c: weighted pieces of text to chunks of 75 tokens (sd_hijack_clip.py, tokenize_line; names of vectors
 * as in textual_inversion.py, find_embedding_at_position). */
#include "prompt_internal.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    PromptText *out;
    size_t capacity, fix_capacity;
    PromptChunk now; /* text only, from index 0 */
    int comma;       /* index of this chunk's last comma; -1: none */
    const PromptOptions *o;
    int64_t most; /* chunks */
    Error *e;
} Chunker;

/* --- words --- */

int prompt_compare_words(const PromptWord *a, const PromptWord *b) {
    if (a->ids[0] != b->ids[0]) return a->ids[0] < b->ids[0] ? -1 : 1;
    if (a->count != b->count) return a->count > b->count ? -1 : 1;
    for (int i = 1; i < a->count; i++)
        if (a->ids[i] != b->ids[i]) return a->ids[i] < b->ids[i] ? -1 : 1;
    return 0;
}

/* The word at the beginning of ids[0..n), n > 0; NULL: none. */
static const PromptWord *find_word(const PromptOptions *o, const int32_t *ids, int64_t n) {
    int low = 0, high = o->word_count;
    while (low < high) {
        int middle = low + (high - low) / 2;
        if (o->words[middle].ids[0] < ids[0]) low = middle + 1;
        else high = middle;
    }
    for (; low < o->word_count && o->words[low].ids[0] == ids[0]; low++) {
        const PromptWord *w = &o->words[low];
        if (w->count <= n && !memcmp(w->ids, ids, (size_t)w->count * sizeof *ids)) return w;
    }
    return NULL;
}

/* --- chunks --- */

/* Adds start, end and padding to the text, and begins a new chunk. */
static bool close_chunk(Chunker *c) {
    PromptText *o = c->out;
    int32_t pad = c->o->pad;
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
        if (pad != TOKEN_EOS) k->ids[end] = pad;
    c->now.count = 0;
    c->comma = -1;
    return true;
}

static bool close_full(Chunker *c) {
    if (!close_chunk(c)) return false;
    c->out->tokens += PROMPT_CAPACITY;
    return true;
}

/* Makes room for the token, which may begin a word. */
static bool make_room(Chunker *c, int32_t id) {
    PromptChunk *now = &c->now;
    if (id == TOKEN_COMMA) c->comma = now->count; /* a comma that does not fit begins the next chunk */
    else if (now->count == PROMPT_CAPACITY && c->comma >= 0 && now->count - c->comma <= PROMPT_BACKTRACK) {
        PromptChunk rest = *now;
        int keep = c->comma + 1 < now->count ? c->comma + 1 : now->count;
        now->count = keep;
        if (!close_full(c)) return false;
        for (int i = keep; i < rest.count; i++, now->count++)
            now->ids[now->count] = rest.ids[i], now->weights[now->count] = rest.weights[i];
    }
    return now->count < PROMPT_CAPACITY || close_full(c);
}

static void put(Chunker *c, int32_t id, float weight) {
    c->now.ids[c->now.count] = id;
    c->now.weights[c->now.count++] = weight;
}

/* The vectors of a word are never parted. */
static bool add_word(Chunker *c, const PromptWord *w, float weight) {
    PromptText *o = c->out;
    if (c->now.count + w->vectors > PROMPT_CAPACITY && !close_full(c)) return false;
    if (!prompt_grow(&o->fixes, &c->fix_capacity, (size_t)o->fix_count, 1, sizeof *o->fixes))
        return prompt_no_memory(c->e);
    o->fixes[o->fix_count++] = (PromptFix){o->count, c->now.count + 1, (int)(w - c->o->words)};
    for (int i = 0; i < w->vectors; i++) put(c, 0, weight);
    return true;
}

static bool add_piece(Chunker *c, const Tokenizer *t, const char *text, size_t size, float weight) {
    int32_t *ids = NULL;
    int64_t n = size ? tokenizer_encode(t, c->o->rules, text, size, &ids) : 0;
    bool ok = n >= 0 || prompt_no_memory(c->e);
    for (int64_t i = 0; i < n && ok;) {
        const PromptWord *w = find_word(c->o, ids + i, n - i);
        ok = make_room(c, ids[i]);
        if (ok && w) ok = add_word(c, w, weight);
        else if (ok) put(c, ids[i], weight);
        i += w ? w->count : 1;
    }
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
    Chunker c = {.out = out, .comma = -1, .o = o, .most = most, .e = e};
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
