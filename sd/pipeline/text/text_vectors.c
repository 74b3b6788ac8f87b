/* text_vectors.c: embeddings in prompts become rows of an encoder's input (modules/sd_hijack.py, EmbeddingsWithFixes).
 */
#include "text_vectors.h"

#include "sd/info/infotext_request.h"
#include "sd/load/networks/embedding.h"
#include "sd/load/model_hash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool no_memory(Error *e) { return error_set(e, ERR_MEMORY, "out of memory for the prompts' embeddings"); }

/* Adds what a prompt names. */
static void note_used(TextVectors *v, const Prompt *p) {
    for (int i = 0; i < p->text_count; i++)
        for (int64_t k = 0; k < p->texts[i].fix_count; k++) {
            int word = p->texts[i].fixes[k].word;
            if (v->rows[word] >= 0) continue;
            v->rows[word] = 0;
            v->used[v->count++] = word;
        }
}

static bool read_positions(const SdModel *m, int encoder, float *out, Error *e) {
    const Weight *w = &m->clip[encoder].positions;
    Found f = checkpoint_find(m->checkpoint, w->name);
    int64_t rows = w->t.n[0] < PROMPT_CHUNK ? w->t.n[0] : PROMPT_CHUNK, count = rows * w->t.n[1];
    return (f.tensor && file_tensor_read(f.file, f.tensor, 0, count, F32, out)) ||
           error_set(e, ERR_FORMAT, "%s: %s cannot be read", m->checkpoint->path, w->name);
}

static bool read_encoder(TextVectors *v, const SdModel *m, const Embeddings *all, int encoder, int64_t rows, Error *e) {
    int64_t width = m->config.clip[encoder].width;
    float *to = v->vectors[encoder] = malloc((size_t)(rows * width) * sizeof *to);
    float *positions = v->positions[encoder] = calloc((size_t)(PROMPT_CHUNK * width), sizeof *positions);
    bool ok = (to && positions) || no_memory(e);
    ok = ok && read_positions(m, encoder, positions, e);
    for (int i = 0; ok && i < v->count; i++)
        ok = embedding_read(all, v->used[i], &m->config, encoder, to + v->rows[v->used[i]] * width, e);
    return ok;
}

bool text_vectors_init(TextVectors *v, const SdModel *m, const Embeddings *all, const Prompt (*prompts)[2], Error *e) {
    int64_t rows = 0;
    bool ok = true;
    *v = (TextVectors){0};
    if (!all->word_count) return true;
    v->used = malloc((size_t)all->word_count * sizeof *v->used);
    v->rows = malloc((size_t)all->word_count * sizeof *v->rows);
    if (!v->used || !v->rows) return no_memory(e);
    for (int i = 0; i < all->word_count; i++) v->rows[i] = -1;
    for (int k = 1; k >= 0; k--)
        for (int i = 0; i < m->config.encoders; i++) note_used(v, &prompts[i][k]);
    for (int i = 0; i < v->count; i++) v->rows[v->used[i]] = rows, rows += all->words[v->used[i]].vectors;
    for (int i = 0; ok && rows && i < m->config.encoders; i++) ok = read_encoder(v, m, all, i, rows, e);
    return ok;
}

void text_vectors_free(TextVectors *v) {
    for (int i = 0; i < MAX_ENCODERS; i++) {
        free(v->vectors[i]);
        free(v->positions[i]);
    }
    free(v->used);
    free(v->rows);
    *v = (TextVectors){0};
}

void text_vectors_put(const TextVectors *v, int encoder, int64_t width, const Embeddings *all, const PromptText *text,
                      int64_t chunk, float *rows, bool is[PROMPT_CHUNK]) {
    memset(is, 0, PROMPT_CHUNK * sizeof *is);
    for (int64_t i = 0; i < text->fix_count; i++) {
        const PromptFix *f = &text->fixes[i];
        if (f->chunk != chunk) continue;
        for (int k = 0; k < all->words[f->word].vectors; k++) {
            const float *vector = v->vectors[encoder] + (v->rows[f->word] + k) * width;
            const float *position = v->positions[encoder] + (f->at + k) * width;
            for (int64_t c = 0; c < width; c++) rows[(f->at + k) * width + c] = vector[c] + position[c];
            is[f->at + k] = true;
        }
    }
}

/* Whether a list of hashes has the name. */
static bool is_said(const char *list, const char *name) {
    char listed[INFOTEXT_NAME], hash[INFOTEXT_HASH];
    for (int i = 0; infotext_hash(list, i, listed, hash); i++)
        if (infotext_listed(name, listed)) return true;
    return false;
}

bool text_vectors_hashes(const TextVectors *v, const Embeddings *all, const char *before, char **out, Error *e) {
    enum { DIGITS = 12 };
    size_t n = before ? strlen(before) : 0, room = n + 1;
    *out = NULL;
    for (int i = 0; i < v->count; i++)
        room += all->at[v->used[i]].part ? 0 : strlen(all->at[v->used[i]].name) + DIGITS + 4;
    if (room == 1) return true;
    if (!(*out = malloc(room))) return no_memory(e);
    memcpy(*out, before ? before : "", n + 1);
    for (int i = 0; i < v->count; i++) {
        const Embedding *x = &all->at[v->used[i]];
        char hash[65];
        if (x->part || is_said(before, x->name)) continue;
        if (!cached_sha256(x->path, hash, e)) return false;
        n += (size_t)snprintf(*out + n, room - n, "%s", n ? ", " : "");
        for (const char *p = x->name; *p; p++)
            if (*p != ':' && *p != ',') (*out)[n++] = *p;
        n += (size_t)snprintf(*out + n, room - n, ": %.*s", DIGITS, hash);
    }
    return true;
}
