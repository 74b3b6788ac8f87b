/* prompt_networks.c: tags of extra networks, <lora:NAME:te:unet> and the like (modules/extra_networks.py and the Lora
 * extension's extra_networks_lora.py). */
#include "prompt_internal.h"
#include "sd/text/unicode.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The end of the word at text[at]. */
static size_t word_end(const char *text, size_t size, size_t at) {
    while (at < size) {
        unsigned flags;
        size_t next = prompt_next(text, size, at, &flags);
        if (!(flags & UNICODE_WORD)) break;
        at = next;
    }
    return at;
}

static char *copy(const char *text, size_t size) {
    char *s = malloc(size + 1);
    if (!s) return NULL;
    memcpy(s, text, size);
    s[size] = 0;
    return s;
}

static bool multiplier(const PromptNetwork *n, const char *text, size_t size, double *out, Error *e) {
    size_t from = prompt_skip_space(text, size, 0), to = prompt_trim(text, from, size);
    if (prompt_number(text + from, to - from, true, out) && *out - *out == 0) return true;
    return error_set(e, ERR_ARGUMENT, "<%s:%.100s>: '%.*s' is not a number; write <%s:NAME:0.8>", n->kind, n->arguments,
                     (int)(size < 40 ? size : 40), text, n->kind);
}

/* Python's int(): digits, perhaps with a sign. */
static bool read_rank(PromptNetwork *n, const char *text, size_t size, Error *e) {
    size_t from = prompt_skip_space(text, size, 0), to = prompt_trim(text, from, size);
    double rank;
    bool whole = prompt_number(text + from, to - from, false, &rank) && !memchr(text + from, '.', to - from);
    if (whole && rank >= 1 && rank <= 1 << 20) return n->rank = (int)rank, true;
    return error_set(e, ERR_ARGUMENT, "<%s:%.100s>: dyn, the rank to be used, is '%.*s' and not 1 or more", n->kind,
                     n->arguments, (int)(size < 40 ? size : 40), text);
}

/* The first that is so is kept. */
__attribute__((format(printf, 2, 3))) static void ignored(Prompt *p, const char *format, ...) {
    char text[200];
    va_list args;
    if (p->ignored) return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    p->ignored = copy(text, strlen(text));
}

/* NAME, te, unet and dyn by position, or but for the first by name; unet defaults to te. Others are ignored, as in the
 * webui. */
static bool read_arguments(Prompt *all, PromptNetwork *n, Error *e) {
    const char *unet = NULL, *text = NULL, *dyn = NULL;
    size_t unet_size = 0, text_size = 0, dyn_size = 0;
    int position = 0;
    bool unet_named = false, text_named = false, dyn_named = false;
    for (const char *p = n->arguments;; p++) {
        size_t size = strcspn(p, ":");
        const char *equals = memchr(p, '=', size);
        if (equals && !memchr(equals + 1, '=', (size_t)(p + size - equals - 1))) { /* "a=b=c" is positional */
            size_t key = (size_t)(equals - p);
            bool known = (key == 2 && !memcmp(p, "te", 2)) || (key == 4 && !memcmp(p, "unet", 4)) ||
                         (key == 3 && !memcmp(p, "dyn", 3));
            if (!known)
                ignored(all, "<%s:%.100s>: '%.*s' has no effect; te=, unet= and dyn= have", n->kind, n->arguments,
                        (int)(size < 40 ? size : 40), p);
            if (key == 2 && !memcmp(p, "te", 2)) text = equals + 1, text_size = size - 3, text_named = true;
            if (key == 4 && !memcmp(p, "unet", 4)) unet = equals + 1, unet_size = size - 5, unet_named = true;
            if (key == 3 && !memcmp(p, "dyn", 3)) dyn = equals + 1, dyn_size = size - 4, dyn_named = true;
        } else {
            if (position == 0 && !(n->name = copy(p, size))) return prompt_no_memory(e);
            if (position == 1 && !text_named) text = p, text_size = size;
            if (position == 2 && !unet_named) unet = p, unet_size = size;
            if (position == 3 && !dyn_named) dyn = p, dyn_size = size;
            if (position++ == 4)
                ignored(all, "<%s:%.100s>: '%.*s' has no effect; a tag has a name and three numbers", n->kind,
                        n->arguments, (int)(size < 40 ? size : 40), p);
        }
        p += size;
        if (!*p) break;
    }
    if (!n->name)
        return error_set(e, ERR_ARGUMENT, "<%s:%.100s>: names no file; write <%s:NAME:0.8>", n->kind, n->arguments,
                         n->kind);
    n->text = 1;
    if (text && !multiplier(n, text, text_size, &n->text, e)) return false;
    n->unet = n->text;
    return (!unet || multiplier(n, unet, unet_size, &n->unet, e)) && (!dyn || read_rank(n, dyn, dyn_size, e));
}

static bool add(Prompt *p, size_t *capacity, const char *kind, bool respelled, const char *arguments, size_t size,
                Error *e) {
    size_t count = (size_t)p->network_count;
    if (!prompt_grow(&p->networks, capacity, count, 1, sizeof *p->networks)) return prompt_no_memory(e);
    PromptNetwork *n = &p->networks[p->network_count++];
    *n = (PromptNetwork){.kind = copy(kind, strlen(kind)), .arguments = copy(arguments, size), .respelled = respelled};
    if (!n->kind || !n->arguments) return prompt_no_memory(e);
    return read_arguments(p, n, e);
}

static bool same_spelling(const PromptNetwork *a, const PromptNetwork *b) {
    return a->respelled == b->respelled && !strcmp(a->kind, b->kind);
}

/* The webui keeps a list for each spelling (extra_networks.py, parse_prompt), and the networks that it loads by the
 * names in tags (Lora's networks.py, load_networks), so that a name has one set of multipliers. */
static bool settle(Prompt *p, Error *e) {
    int count = p->network_count, at = 0;
    if (!count) return true;
    PromptNetwork *sorted = malloc((size_t)count * sizeof *sorted);
    bool *taken = calloc((size_t)count, sizeof *taken), ok = sorted && taken;
    for (int i = 0; ok && i < count; i++)
        for (int k = i; !taken[i] && k < count; k++)
            if (k == i || (!taken[k] && same_spelling(&p->networks[i], &p->networks[k]))) {
                if (k > i) taken[k] = true;
                sorted[at++] = p->networks[k];
            }
    if (ok) memcpy(p->networks, sorted, (size_t)count * sizeof *sorted);
    free(sorted);
    free(taken);
    for (int i = 0; ok && i < count; i++)
        for (int k = count - 1; k > i; k--) {
            PromptNetwork *n = &p->networks[i];
            const PromptNetwork *last = &p->networks[k];
            if (strcmp(n->kind, last->kind) || strcmp(n->name, last->name)) continue;
            n->text = last->text, n->unet = last->unet, n->rank = last->rank;
            break;
        }
    return ok || prompt_no_memory(e);
}

bool prompt_networks(Prompt *p, const char *text, size_t size, PromptBuffer *out, Error *e) {
    size_t from = 0, capacity = 0;
    for (size_t at = 0; at < size;) {
        const char *open = memchr(text + at, '<', size - at), *close = NULL;
        size_t start = open ? (size_t)(open - text) : size;
        if (!open) break;
        size_t word = start + 1, colon = word_end(text, size, word);
        at = start + 1;
        if (colon == word || colon == size || text[colon] != ':') continue;
        close = memchr(text + colon + 1, '>', size - colon - 1);
        if (!close) break; /* no later tag is closed either */
        size_t end = (size_t)(close - text), length = colon - word;
        if (end == colon + 1) continue;
        const char *kind = NULL;
        if (length == 4 && (!memcmp(text + word, "lora", 4) || !memcmp(text + word, "lyco", 4))) kind = "lora";
        if (length == 8 && !memcmp(text + word, "hypernet", 8)) kind = "hypernet";
        if (!prompt_append(out, text + from, start - from)) return prompt_no_memory(e);
        if (!kind)
            ignored(p, "%.*s: is no tag of a network, and is left out",
                    (int)(end + 1 - start < 100 ? end + 1 - start : 100), text + start);
        bool respelled = kind && text[word + 1] == 'y' && length == 4;
        if (kind && p->network_count == PROMPT_MOST_NETWORKS)
            return error_set(e, ERR_ARGUMENT, "prompt: names more than %d networks; name fewer", PROMPT_MOST_NETWORKS);
        if (kind && !add(p, &capacity, kind, respelled, text + colon + 1, end - colon - 1, e)) return false;
        at = from = end + 1;
    }
    return (prompt_append(out, text + from, size - from) || prompt_no_memory(e)) && settle(p, e);
}
