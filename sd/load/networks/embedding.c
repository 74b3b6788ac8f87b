/* embedding.c: a folder of embeddings (modules/textual_inversion/textual_inversion.py, EmbeddingDatabase). */
#include "embedding.h"

#include "embedding_file.h"
#include "weights/files/files_below.h"
#include "sd/image/codecs/codecs.h"
#include "sd/models/clip.h"
#include "tensor/os.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    Embeddings *out;
    size_t capacity;
    const SdConfig *k;
    const Tokenizer *t;
    const char *top; /* what the caller named */
    Error *e;
} Reader;

static bool no_memory(const Reader *r) {
    return error_set(r->e, ERR_MEMORY, "%s: out of memory for embeddings", r->top);
}

/* Says why prompts cannot name it. */
static bool skip(Embedding *m, const char *format, ...) __attribute__((format(printf, 2, 3)));
static bool skip(Embedding *m, const char *format, ...) {
    char line[300];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    free(m->skipped);
    return (m->skipped = text_copy(line, strlen(line))) != NULL;
}

/* --- one file --- */

static bool fits(const SdConfig *k, const EmbeddingFile *f) {
    bool same = f->parts == k->encoders;
    for (int i = 0; same && i < f->parts; i++) same = f->width[i] == k->clip[i].width;
    return same;
}

/* What is wrong with what was read. */
static bool judge(const Reader *r, Embedding *m, const EmbeddingFile *f) {
    const SdConfig *k = r->k;
    if (!m->id_count) return skip(m, "its name has no tokens; name it otherwise");
    if (!fits(k, f)) {
        char is[48], wanted[48];
        snprintf(is, sizeof is, f->parts > 1 ? "%lld and %lld" : "%lld", (long long)f->width[0],
                 (long long)f->width[1]);
        snprintf(wanted, sizeof wanted, k->encoders > 1 ? "%d and %d" : "%d", k->clip[0].width, k->clip[1].width);
        return skip(m, "its vectors are %s wide, those of %s are %s", is, k->family, wanted);
    }
    if (f->vectors > PROMPT_CAPACITY)
        return skip(m, "its %lld vectors are more than the %d places of a chunk", (long long)f->vectors,
                    PROMPT_CAPACITY);
    m->vectors = (int)f->vectors;
    return true;
}

/* The reason of an error's line, which begins with the path. */
static const char *reason(const char *path, const Error *e) {
    size_t n = strlen(path);
    return !strncmp(e->text, path, n) && !strncmp(e->text + n, ": ", 2) ? e->text + n + 2 : e->text;
}

/* Adds one, with its name's tokens; it owns the strings. NULL: out of memory. */
static Embedding *add(Reader *r, char *name, char *path, char *part) {
    Embeddings *s = r->out;
    if (!name || !path || !list_grow(&s->at, &r->capacity, (size_t)s->count, sizeof *s->at)) {
        free(name), free(path), free(part);
        no_memory(r);
        return NULL;
    }
    Embedding *m = &s->at[s->count];
    *m = (Embedding){.number = s->count++, .name = name, .path = path, .part = part};
    int64_t n = tokenizer_encode(r->t, clip_rules(&r->k->clip[0]), name, strlen(name), &m->ids);
    m->id_count = n > 0 ? (int)n : 0;
    return n >= 0 || no_memory(r) ? m : NULL;
}

static bool take_file(void *user, const char *path, const char *name, Error *e) {
    Reader *r = user;
    EmbeddingFile f = {0};
    Error own = {0};
    if (r->out->count == FILES_MOST)
        return error_set(e, ERR_FILE, "%s: holds more than %d embeddings; name fewer", r->top, FILES_MOST);
    bool picture = image_has_ending(name, "png|webp|jxl|avif"), unread = picture && !image_has_ending(name, "png");
    if (!picture && !image_has_ending(name, "pt|bin|safetensors")) return true;
    char *own_name = text_copy(name, file_stem(name));
    if (!own_name) return no_memory(r);
    if (picture && image_has_ending(own_name, "preview")) return free(own_name), true;
    bool ok = unread || embedding_file_read(path, &f, &own);
    bool nothing = ok && !unread && !f.parts; /* no embedding but a picture */
    if (own.code == ERR_MEMORY || nothing) {
        free(own_name);
        embedding_file_free(&f);
        return nothing || error_pass(e, &own);
    }
    if (f.picture && f.name) free(own_name), own_name = f.name, f.name = NULL;
    Embedding *m = add(r, own_name, text_copy(path, strlen(path)), NULL);
    bool kept = m != NULL;
    if (kept && unread) kept = skip(m, "embeddings in pictures of this format are not read; save it as PNG");
    else if (kept && !ok) kept = skip(m, "%.250s", reason(path, &own));
    else if (kept) kept = judge(r, m, &f);
    embedding_file_free(&f);
    return kept || no_memory(r);
}

/* --- what networks bring along --- */

static bool copy_own(Reader *r, const Embeddings *own) {
    for (int number = 0; number < own->count; number++) { /* in the order in which they were read */
        const Embedding *x = own->at;
        while (x->number != number) x++;
        Embedding *m = add(r, text_copy(x->name, strlen(x->name)), text_copy(x->path, strlen(x->path)), NULL);
        if (!m || (x->skipped && !skip(m, "%s", x->skipped))) return no_memory(r);
        m->vectors = x->vectors;
    }
    return true;
}

static bool is_named(const Embeddings *own, const char *name) {
    for (int i = 0; i < own->word_count; i++)
        if (!strcmp(own->at[i].name, name)) return true;
    return false;
}

/* Tensor number i is the first of its embedding's. */
static bool is_first(const WeightFile *f, size_t i, size_t size) {
    for (size_t k = 0; k < i; k++)
        if (!strncmp(f->tensors[k].name, f->tensors[i].name, size)) return false;
    return true;
}

static bool take_bundled(Reader *r, const WeightFile *f, const Embeddings *own) {
    enum { BEGIN = sizeof NETWORK_EMBEDDED - 1 };
    for (size_t i = 0; i < f->count; i++) {
        const char *key = f->tensors[i].name,
                   *dot = strncmp(key, NETWORK_EMBEDDED, BEGIN) ? NULL : strchr(key + BEGIN, '.');
        size_t size = dot ? (size_t)(dot + 1 - key) : 0;
        if (!dot || dot == key + BEGIN || !is_first(f, i, size)) continue;
        char *part = text_copy(key, size);
        Embedding *m =
            part ? add(r, text_copy(key + BEGIN, size - 1 - BEGIN), text_copy(f->path, strlen(f->path)), part) : NULL;
        EmbeddingFile x = {0};
        Error e = {0};
        if (!m) return no_memory(r);
        bool kept = is_named(own, m->name) ? skip(m, "another embedding has its name and counts")
                    : embedding_file_part(f, part, &x, &e)
                        ? judge(r, m, &x)
                        : e.code != ERR_MEMORY && skip(m, "%.250s", reason(f->path, &e));
        embedding_file_free(&x);
        if (!kept) return no_memory(r);
    }
    return true;
}

/* --- the list --- */

static PromptWord word_of(const Embedding *m) { return (PromptWord){m->ids, m->id_count, m->vectors}; }

/* Those that can be named first, by their words; of equal ones, in the order of reading. */
static int by_word(const void *a, const void *b) {
    const Embedding *x = a, *y = b;
    if (!x->skipped != !y->skipped) return x->skipped ? 1 : -1;
    PromptWord v, w;
    int order = x->skipped ? 0 : (v = word_of(x), w = word_of(y), prompt_compare_words(&v, &w));
    return order ? order : x->number - y->number;
}

/* The last of [i, end) that has the name of number i. */
static int last_of_name(const Embedding *at, int i, int end) {
    int last = i;
    for (int k = i + 1; k < end; k++)
        if (!strcmp(at[k].name, at[i].name)) last = k;
    return last;
}

/* Of embeddings [first, end), which are the same tokens, one counts: the webui puts each at the end of a list, in place
 * of one of the same name, and takes the list's first. */
static bool choose(Embedding *at, int first, int end) {
    int chosen = first;
    while (last_of_name(at, chosen, end) != chosen) chosen++;
    for (int i = first; i < end; i++) {
        int last = last_of_name(at, i, end);
        if (i != chosen &&
            !(last != i ? skip(&at[i], "%.200s has the same name and counts", at[last].path)
                        : skip(&at[i], "its name is the tokens of %.200s, which counts", at[chosen].path)))
            return false;
    }
    return true;
}

static bool settle(Reader *r) {
    Embeddings *s = r->out;
    int named = 0;
    if (!s->count) return true;
    qsort(s->at, (size_t)s->count, sizeof *s->at, by_word);
    while (named < s->count && !s->at[named].skipped) named++;
    for (int first = 0, end; first < named; first = end) {
        PromptWord word = word_of(&s->at[first]);
        for (end = first + 1; end < named; end++) {
            PromptWord other = word_of(&s->at[end]);
            if (prompt_compare_words(&word, &other)) break;
        }
        if (end > first + 1 && !choose(s->at, first, end)) return no_memory(r);
    }
    qsort(s->at, (size_t)s->count, sizeof *s->at, by_word);
    s->words = malloc(((size_t)named + 1) * sizeof *s->words);
    if (!s->words) return no_memory(r);
    while (s->word_count < named && !s->at[s->word_count].skipped) {
        s->words[s->word_count] = word_of(&s->at[s->word_count]);
        s->word_count++;
    }
    return true;
}

bool embeddings_open(Embeddings *out, const char *path, const SdConfig *k, const Tokenizer *t, Error *e) {
    *out = (Embeddings){0};
    if (!path) return true;
    Reader r = {.out = out, .k = k, .t = t, .top = path, .e = e};
    const char *slash = strrchr(path, '/');
    bool ok = os_kind(path) == OS_REGULAR ? take_file(&r, path, slash ? slash + 1 : path, e)
                                          : files_below(path, "a folder of embeddings", take_file, &r, e);
    return ok && settle(&r);
}

bool embeddings_with(Embeddings *out, const Embeddings *own, const Network *networks, int count, const SdConfig *k,
                     const Tokenizer *t, Error *e) {
    Reader r = {.out = out, .k = k, .t = t, .top = "networks", .e = e};
    *out = (Embeddings){0};
    bool ok = copy_own(&r, own);
    for (int i = 0; ok && i < count; i++) ok = !networks[i].embedded || take_bundled(&r, networks[i].file, own);
    return ok && settle(&r);
}

void embeddings_free(Embeddings *s) {
    for (int i = 0; i < s->count; i++) {
        free(s->at[i].name);
        free(s->at[i].path);
        free(s->at[i].part);
        free(s->at[i].ids);
        free(s->at[i].skipped);
    }
    free(s->at);
    free(s->words);
    *s = (Embeddings){0};
}

static bool has_word(const int32_t *ids, int64_t count, const Embedding *m) {
    for (int64_t i = 0; m->id_count && i + m->id_count <= count; i++)
        if (!memcmp(ids + i, m->ids, (size_t)m->id_count * sizeof *ids)) return true;
    return false;
}

int embeddings_missed(const Embeddings *s, const SdConfig *k, const Tokenizer *t, const char *text, int from) {
    int32_t *ids = NULL;
    int found = -1, i = from > s->word_count ? from : s->word_count;
    if (i >= s->count || !text) return -1;
    int64_t count = tokenizer_encode(t, clip_rules(&k->clip[0]), text, strlen(text), &ids);
    for (; found < 0 && i < s->count; i++) {
        PromptWord word = word_of(&s->at[i]);
        bool other = false;
        for (int w = 0; w < s->word_count && !other; w++) other = !prompt_compare_words(&s->words[w], &word);
        if (!other && has_word(ids, count, &s->at[i])) found = i;
    }
    free(ids);
    return found;
}

bool embedding_read(const Embeddings *s, int i, const SdConfig *k, int encoder, float *numbers, Error *e) {
    const Embedding *m = &s->at[i];
    EmbeddingFile f = {0};
    WeightFile *network = m->part ? weight_file_open(m->path, e) : NULL;
    bool ok = !m->part ? embedding_file_read(m->path, &f, e) : network && embedding_file_part(network, m->part, &f, e);
    weight_file_close(network);
    if (ok && (!fits(k, &f) || f.vectors != m->vectors))
        ok = error_set(e, ERR_FORMAT, "%s: was changed while it was in use; open the model again", m->path);
    if (ok) memcpy(numbers, f.numbers[encoder], (size_t)(f.vectors * f.width[encoder]) * sizeof *numbers);
    embedding_file_free(&f);
    return ok;
}
