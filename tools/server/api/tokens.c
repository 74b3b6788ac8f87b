/* tokens.c: how long a prompt is: tokens, and chunks of 75 of them, as the webui counts beside its prompts. */
#include "routes.h"
#include "sd/prompt/prompt.h"

#include <stdlib.h>
#include <string.h>

/* The embeddings' names as tokens, which a prompt has vectors in place of. */
typedef struct {
    const Tokenizer *tokenizer;
    PromptWord *at;
    int count;
    bool failed;
} Words;

static void add_word(void *user, const CatalogEntry *x) {
    Words *w = user;
    int32_t *ids = NULL;
    if (!x->vectors || x->vectors > PROMPT_CAPACITY || w->failed) return;
    int64_t n = tokenizer_encode(w->tokenizer, TOKENS_OPENAI, x->name, strlen(x->name), &ids);
    PromptWord *more = n > 0 ? realloc(w->at, (size_t)(w->count + 1) * sizeof *more) : NULL;
    if (more) {
        w->at = more;
        more[w->count++] = (PromptWord){ids, (int)n, x->vectors};
        return;
    }
    w->failed = n != 0;
    free(ids);
}

static int by_word(const void *a, const void *b) { return prompt_compare_words(a, b); }

static void free_words(Words *w) {
    for (int i = 0; i < w->count; i++) free((int32_t *)(uintptr_t)w->at[i].ids);
    free(w->at);
}

/* The longest of a prompt's texts, where it switches between several. */
static json_t *length_of(const Prompt *p) {
    int64_t tokens = 0, chunks = 1;
    for (int i = 0; i < p->text_count; i++) {
        if (p->texts[i].tokens > tokens) tokens = p->texts[i].tokens;
        if (p->texts[i].count > chunks) chunks = p->texts[i].count;
    }
    return json_pack("{s:I, s:I, s:I}", "tokens", (json_int_t)tokens, "chunks", (json_int_t)chunks, "room",
                     (json_int_t)chunks * PROMPT_CAPACITY);
}

static void tokens(Serve *s, Call *c) {
    static const char *const KEYS[] = {"prompt", "negative_prompt"};
    Fault f = {0};
    Words words = {.tokenizer = s->tokenizer};
    int64_t steps = 20;
    json_t *reply = json_object();
    (void)value_whole("steps", json_object_get(c->json, "steps"), 1, 1000, &steps, &f);
    catalog_each(s->catalog, LIST_EMBEDDINGS, add_word, &words);
    if (words.failed) fault(&f, 500, "", "out of memory");
    if (words.count) qsort(words.at, (size_t)words.count, sizeof *words.at, by_word);
    for (int i = 0; i < 2 && !f.status; i++) {
        const char *text = "";
        Error e = {0};
        Prompt p = {0};
        PromptOptions o = {.negative = i == 1,
                           .rules = TOKENS_OPENAI,
                           .pad = TOKEN_EOS,
                           .steps = (int)steps,
                           .words = words.at,
                           .word_count = words.count};
        if (!value_string(KEYS[i], json_object_get(c->json, KEYS[i]), &text, &f)) break;
        if (strlen(text) > 1 << 20) fault(&f, 422, KEYS[i], "%s: is longer than 1 MiB", KEYS[i]);
        else if (prompt_compile(&p, s->tokenizer, text, &o, &e)) json_object_set_new(reply, KEYS[i], length_of(&p));
        else fault(&f, e.code == ERR_MEMORY ? 500 : 422, KEYS[i], "%s", e.text);
        prompt_free(&p);
    }
    free_words(&words);
    if (!f.status) {
        answer_json(&c->answer, 200, reply);
        return;
    }
    json_decref(reply);
    route_fault(c, &f);
}

const Route TOKEN_ROUTES[] = {
    {"POST", "/v1/tokens", tokens, ROUTE_JSON, "how many tokens and chunks of 75 the prompts are",
     "prompt:s,negative_prompt:s,steps:i"},
    {0},
};
