/* tokens.c: `sdc tokens -p PROMPT`: what a prompt compiles to: the text at each step, in chunks of 75 tokens with their
 * weights; with a model, for its encoders, whose tokens may differ. */
#include "tokens_merges.h"
#include "tools/cli/commands.h"
#include "tools/cli/printable.h"
#include "tools/cli/options/setting_option.h"
#include "sd/load/model.h"
#include "sd/prompt/prompt.h"
#include "weights/files/json.h"

#include <stdio.h>
#include <string.h>

typedef struct {
    char *prompt;
    const char *model, *embedding_dir;
    SdRequest request; /* its emphasis and comments */
    int steps, hires_steps;
    bool negative, json, second_order, old_schedules, merges;
} Arguments;

static bool rows(int i, Option *o) {
    static const char *const NAMES[] = {"emphasis", "comments", NULL};
    return setting_row(NAMES, i, o);
}

static const Option OPTIONS[] = {
    OPTION(TEXT, prompt, 'p', "prompt", "TEXT", "the prompt; @FILE reads it, - reads stdin, @@x is @x"),
    OPTION(STRING, model, 'm', "model", "MODEL", "the model whose text encoders it is for (any of SD 1.x)"),
    OPTION(STRING, embedding_dir, 0, "embedding-dir", "DIR", "embeddings that the prompt may name, with -m"),
    OPTION(FLAG, negative, 'n', "negative", NULL, "read it as a negative prompt: no AND, no tags"),
    OPTION_IN(INT, steps, 's', "steps", "N", 1, 1000, "sampling steps, for texts that switch (20)"),
    OPTION_IN(INT, hires_steps, 0, "hires-steps", "N", 1, 1000, "show the second pass, which has N steps"),
    OPTION(FLAG, second_order, 0, "second-order", NULL, "for samplers that call the model twice a step"),
    OPTION(FLAG, old_schedules, 0, "old-schedules", NULL, "switch texts as the webui did before version 1.6"),
    OPTION_ROWS(request, rows),
    OPTION(FLAG, merges, 0, "merges", NULL, "show how the letters of each word are merged, step by step"),
    OPTION(FLAG, json, 0, "json", NULL, "print JSON"),
    OPTION_END};

/* The fix that begins at id i of a text's chunk; NULL: none. */
static const PromptFix *fix_at(const PromptText *text, int64_t chunk, int i) {
    for (int64_t k = 0; k < text->fix_count; k++)
        if (text->fixes[k].chunk == chunk && text->fixes[k].at == i) return &text->fixes[k];
    return NULL;
}

/* --- JSON --- */

/* "embeddings": where each one's vectors begin, counted from the chunk's first id. */
static void print_fixes_json(const Embeddings *all, const PromptText *text, int64_t chunk) {
    const char *before = ",\"embeddings\":[";
    for (int64_t k = 0; k < text->fix_count; k++) {
        const PromptFix *f = &text->fixes[k];
        if (f->chunk != chunk) continue;
        printf("%s{\"at\":%d,\"vectors\":%d,\"name\":", before, f->at - 1, all->words[f->word].vectors);
        json_print(stdout, all->at[f->word].name);
        putchar('}');
        before = ",";
    }
    if (!before[1]) putchar(']');
}

static void print_chunk_json(const Embeddings *all, const PromptText *text, int64_t chunk) {
    const PromptChunk *c = &text->chunks[chunk];
    fputs("{\"ids\":[", stdout);
    for (int i = 1; i <= c->count; i++) printf("%s%d", i > 1 ? "," : "", c->ids[i]);
    fputs("],\"weights\":[", stdout);
    for (int i = 1; i <= c->count; i++) printf("%s%.9g", i > 1 ? "," : "", (double)c->weights[i]);
    putchar(']');
    print_fixes_json(all, text, chunk);
    putchar('}');
}

static void print_prompt_json(const char *name, const Embeddings *all, const Prompt *p) {
    printf("\"%s\":[", name);
    for (int i = 0; i < p->branch_count; i++) {
        const PromptBranch *branch = &p->branches[i];
        printf("%s{\"weight\":%.17g,\"schedule\":[", i ? "," : "", branch->weight);
        for (int k = 0; k < branch->count; k++) {
            const PromptText *t = &p->texts[branch->spans[k].text];
            if (k + 1 < branch->count && branch->spans[k].text == branch->spans[k + 1].text) continue;
            printf("{\"until\":%d,\"text\":", branch->spans[k].until);
            json_print(stdout, t->text);
            fputs(",\"chunks\":[", stdout);
            for (int64_t c = 0; c < t->count; c++) {
                if (c) putchar(',');
                print_chunk_json(all, t, c);
            }
            fputs(k + 1 < branch->count ? "]}," : "]}", stdout);
        }
        fputs("]}", stdout);
    }
    putchar(']');
}

/* second: NULL where all encoders read the same */
static void print_json(const Embeddings *all, const Prompt *p, const Prompt *second) {
    putchar('{');
    print_prompt_json("prompts", all, p);
    if (second) putchar(','), print_prompt_json("prompts_2", all, second);
    fputs("}\n", stdout);
}

/* --- for people --- */

/* A text on one line, line breaks and tabs as spaces. */
static void print_line(const char *text) {
    for (const char *p = text; *p; p++) putchar(*p == '\n' || *p == '\t' ? ' ' : printable(*p));
    putchar('\n');
}

/* The tokens' spellings, "_" before one that continues a word; runs of equal weight as (run :weight); vectors as
 * {NAME}, their places in a chunk that they were moved to as what they are there. */
static void print_chunk(const Tokenizer *t, const Embeddings *all, const PromptText *text, int64_t chunk) {
    const PromptChunk *c = &text->chunks[chunk];
    char spelling[256];
    bool inside = false;
    fputs("   ", stdout);
    for (int i = 1; i <= c->count; i++) {
        float w = c->weights[i];
        const PromptFix *fix = fix_at(text, chunk, i);
        int end = fix ? i + all->words[fix->word].vectors - 1 : i;
        if (end > c->count) end = c->count;
        bool first = i == 1 || c->weights[i - 1] != w, last = end == c->count || c->weights[end + 1] != w;
        if (fix) {
            printf(" %s{%s}", first && w != 1 ? "(" : "", all->at[fix->word].name);
            if (last && w != 1) printf(" :%.5g)", (double)w);
            i = end;
            inside = false;
            continue;
        }
        const char *s = tokenizer_token(t, c->ids[i], spelling, sizeof spelling);
        size_t n = strlen(s);
        bool ends = n >= 4 && !strcmp(s + n - 4, "</w>");
        printf(" %s%s%.*s", first && w != 1 ? "(" : "", inside ? "_" : "", (int)(ends ? n - 4 : n), s);
        inside = !ends && c->ids[i] < TOKEN_BOS;
        if (last && w != 1) printf(" :%.5g)", (double)w);
    }
    fputs(c->count ? "\n" : " (empty)\n", stdout);
}

static void print_text(const Prompt *p, const Tokenizer *t, const Embeddings *all) {
    for (int i = 0; i < p->branch_count; i++) {
        const PromptBranch *branch = &p->branches[i];
        if (p->branch_count > 1) printf("%sAND branch %d, weight %g\n", i ? "\n" : "", i + 1, branch->weight);
        else if (branch->weight != 1) printf("weight %g of the whole prompt\n", branch->weight);
        for (int k = 0, from = 1; k < branch->count; k++) {
            const PromptText *text = &p->texts[branch->spans[k].text];
            if (k + 1 < branch->count && branch->spans[k].text == branch->spans[k + 1].text) continue;
            int until = branch->spans[k].until;
            int64_t places = text->tokens > 75 ? (text->tokens + 74) / 75 * 75 : 75;
            if (from > 1 || k + 1 < branch->count) printf("steps %d-%d, ", from, until);
            printf("%lld/%lld tokens: ", (long long)text->tokens, (long long)places);
            print_line(text->text);
            for (int64_t c = 0; c < text->count; c++) print_chunk(t, all, text, c);
            from = until + 1;
        }
    }
}

static void print_networks(const Prompt *p) {
    for (int i = 0; i < p->network_count; i++)
        printf("<%s:%s>: %g in the text encoder, %g in the U-Net\n", p->networks[i].kind, p->networks[i].name,
               p->networks[i].text, p->networks[i].unet);
}

/* Whether two encoders' tokens of one prompt are the same. */
static bool same_tokens(const Prompt *a, const Prompt *b) {
    for (int i = 0; i < a->text_count; i++) {
        if (a->texts[i].count != b->texts[i].count || a->texts[i].fix_count != b->texts[i].fix_count) return false;
        for (int64_t k = 0; k < a->texts[i].count; k++)
            if (memcmp(a->texts[i].chunks[k].ids, b->texts[i].chunks[k].ids, sizeof b->texts[i].chunks[k].ids))
                return false;
    }
    return true;
}

static void print(const Arguments *a, const Tokenizer *t, const Embeddings *all, const Prompt *p,
                  const Prompt *second) {
    if (second && same_tokens(p, second)) second = NULL;
    if (a->json) {
        print_json(all, p, second);
        return;
    }
    if (second) puts("first text encoder");
    print_text(p, t, all);
    if (second) puts("second text encoder"), print_text(second, t, all);
    print_networks(p);
}

static int tokens(const Command *c, int argc, char **argv) {
    Arguments a = {.steps = 20};
    int rest = 0, code = options_parse(c, &a, argc, argv, &rest);
    if (code == GO_ON && rest) code = usage_error(c, "unexpected argument '%.60s'; the prompt follows -p", argv[0]);
    if (code == GO_ON && a.embedding_dir && !a.model)
        code = usage_error(c, "--embedding-dir: needs the model that they are for; name it with -m");
    if (code == GO_ON && a.merges && (a.json || a.model))
        code = usage_error(c, "--merges: neither with --json nor with -m; leave them out");
    if (code == GO_ON && !a.prompt) code = usage_error(c, "no prompt; give one with -p");
    if (code != GO_ON) {
        options_free(c, &a);
        return code;
    }
    int calls = a.second_order ? 2 : 1;
    PromptOptions o = {.negative = a.negative,
                       .emphasis = a.request.emphasis,
                       .comments = a.request.comments,
                       .pad = TOKEN_EOS,
                       .steps = a.steps * calls,
                       .hires_steps = a.hires_steps * calls,
                       .old_schedules = a.old_schedules};
    Error e = {0};
    Prompt p[MAX_ENCODERS] = {{0}};
    SdModel *m = NULL;
    const Embeddings none = {0}, *all = &none;
    Tokenizer *t = tokenizer_new();
    bool ok = t || error_set(&e, ERR_MEMORY, "out of memory for the tokenizer");
    if (ok && a.model)
        ok = (m = sd_open(a.model, &(SdOptions){.threads = 1, .embedding_dir = a.embedding_dir}, &e)) != NULL;
    if (m) all = &m->embeddings;
    o.words = all->words;
    o.word_count = all->word_count;
    int encoders = m ? m->config.encoders : 1;
    for (int i = 0; ok && i < encoders; i++) {
        o.rules = m ? clip_rules(&m->config.clip[i]) : TOKENS_OPENAI;
        ok = prompt_compile(&p[i], t, a.prompt, &o, &e);
    }
    if (ok && a.merges) ok = tokens_print_merges(t, &p[0]) || error_set(&e, ERR_MEMORY, "out of memory for the words");
    else if (ok) print(&a, t, all, &p[0], encoders > 1 ? &p[1] : NULL);
    for (int i = 0; i < encoders; i++) prompt_free(&p[i]);
    tokenizer_free(t);
    sd_close(m);
    options_free(c, &a);
    return ok ? finish_output() : report(c, &e);
}

const Command TOKENS = {
    "tokens",
    tokens,
    "-p PROMPT [options]",
    "show what a prompt becomes: texts, tokens, weights",
    "Tokens are shown as CLIP spells them, \"_\" before one that continues a word. Counts such as "
    "12/75 are the webui's. "
    "With -m, two encoders whose tokens differ are shown one after the other. Vectors of an embedding are {NAME}. "
    "A text of steps 1-10 also serves the first model call after them, as in the webui. --merges shows for each "
    "different word its pieces before every merge, with the merge's rank, the lowest of which is next; then its "
    "tokens.",
    OPTIONS};
