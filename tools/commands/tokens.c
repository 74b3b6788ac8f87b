/* tokens.c: `sdc tokens -p PROMPT`: what a prompt compiles to: the text at each step, in chunks of 75 tokens with their
 * weights; with a model, for its encoders, whose tokens may differ. */
#include "tools/cli/commands.h"
#include "tools/cli/printable.h"
#include "tools/cli/setting_option.h"
#include "sd/load/model.h"
#include "sd/prompt/prompt.h"
#include "weights/json.h"

#include <stdio.h>
#include <string.h>

typedef struct {
    char *prompt;
    const char *model;
    SdRequest request; /* its emphasis and comments */
    int steps, hires_steps;
    bool negative, json, second_order, old_schedules;
} Arguments;

static bool rows(int i, Option *o) {
    static const char *const NAMES[] = {"emphasis", "comments", NULL};
    return setting_row(NAMES, i, o);
}

static const Option OPTIONS[] = {
    OPTION(TEXT, prompt, 'p', "prompt", "TEXT", "the prompt; @FILE reads it, - reads stdin, @@x is @x"),
    OPTION(STRING, model, 'm', "model", "MODEL", "the model whose text encoders it is for (any of SD 1.x)"),
    OPTION(FLAG, negative, 'n', "negative", NULL, "read it as a negative prompt: no AND, no tags"),
    OPTION_IN(INT, steps, 's', "steps", "N", 1, 1000, "sampling steps, for texts that switch (20)"),
    OPTION_IN(INT, hires_steps, 0, "hires-steps", "N", 1, 1000, "show the second pass, which has N steps"),
    OPTION(FLAG, second_order, 0, "second-order", NULL, "for samplers that call the model twice a step"),
    OPTION(FLAG, old_schedules, 0, "old-schedules", NULL, "switch texts as the webui did before version 1.6"),
    OPTION_ROWS(request, rows),
    OPTION(FLAG, json, 0, "json", NULL, "print JSON"),
    OPTION_END};

/* --- JSON --- */

static void print_chunk_json(const PromptChunk *c) {
    fputs("{\"ids\":[", stdout);
    for (int i = 1; i <= c->count; i++) printf("%s%d", i > 1 ? "," : "", c->ids[i]);
    fputs("],\"weights\":[", stdout);
    for (int i = 1; i <= c->count; i++) printf("%s%.9g", i > 1 ? "," : "", (double)c->weights[i]);
    fputs("]}", stdout);
}

static void print_prompt_json(const char *name, const Prompt *p) {
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
                print_chunk_json(&t->chunks[c]);
            }
            fputs(k + 1 < branch->count ? "]}," : "]}", stdout);
        }
        fputs("]}", stdout);
    }
    putchar(']');
}

/* second: NULL where all encoders read the same */
static void print_json(const Prompt *p, const Prompt *second) {
    putchar('{');
    print_prompt_json("prompts", p);
    if (second) putchar(','), print_prompt_json("prompts_2", second);
    fputs("}\n", stdout);
}

/* --- for people --- */

/* A text on one line, line breaks and tabs as spaces. */
static void print_line(const char *text) {
    for (const char *p = text; *p; p++) putchar(*p == '\n' || *p == '\t' ? ' ' : printable(*p));
    putchar('\n');
}

/* The tokens' spellings, "_" before one that continues a word; runs of equal weight as (run :weight). */
static void print_chunk(const Tokenizer *t, const PromptChunk *c) {
    char spelling[256];
    bool inside = false;
    fputs("   ", stdout);
    for (int i = 1; i <= c->count; i++) {
        float w = c->weights[i];
        bool first = i == 1 || c->weights[i - 1] != w, last = i == c->count || c->weights[i + 1] != w;
        const char *s = tokenizer_token(t, c->ids[i], spelling, sizeof spelling);
        size_t n = strlen(s);
        bool ends = n >= 4 && !strcmp(s + n - 4, "</w>");
        printf(" %s%s%.*s", first && w != 1 ? "(" : "", inside ? "_" : "", (int)(ends ? n - 4 : n), s);
        inside = !ends && c->ids[i] < TOKEN_BOS;
        if (last && w != 1) printf(" :%.5g)", (double)w);
    }
    fputs(c->count ? "\n" : " (empty)\n", stdout);
}

static void print_text(const Prompt *p, const Tokenizer *t) {
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
            for (int64_t c = 0; c < text->count; c++) print_chunk(t, &text->chunks[c]);
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
        if (a->texts[i].count != b->texts[i].count) return false;
        for (int64_t k = 0; k < a->texts[i].count; k++)
            if (memcmp(a->texts[i].chunks[k].ids, b->texts[i].chunks[k].ids, sizeof b->texts[i].chunks[k].ids))
                return false;
    }
    return true;
}

static void print(const Arguments *a, const Tokenizer *t, const Prompt *p, const Prompt *second) {
    if (second && same_tokens(p, second)) second = NULL;
    if (a->json) {
        print_json(p, second);
        return;
    }
    if (second) puts("first text encoder");
    print_text(p, t);
    if (second) puts("second text encoder"), print_text(second, t);
    print_networks(p);
}

/* Which rules each encoder follows; *encoders: how many of them. */
static bool read_rules(const char *path, TokenRules rules[MAX_ENCODERS], int *encoders, Error *e) {
    SdModel *m = sd_open(path, &(SdOptions){.threads = 1}, e);
    for (int i = 0; m && i < m->config.encoders; i++) rules[i] = clip_rules(&m->config.clip[i]);
    if (m) *encoders = m->config.encoders;
    sd_close(m);
    return m != NULL;
}

static int tokens(const Command *c, int argc, char **argv) {
    Arguments a = {.steps = 20};
    int rest = 0, code = options_parse(c, &a, argc, argv, &rest);
    if (code == GO_ON && rest) code = usage_error(c, "unexpected argument '%.60s'; the prompt follows -p", argv[0]);
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
    TokenRules rules[MAX_ENCODERS] = {TOKENS_OPENAI};
    int encoders = 1;
    Tokenizer *t = tokenizer_new();
    bool ok = t || error_set(&e, ERR_MEMORY, "out of memory for the tokenizer");
    ok = ok && (!a.model || read_rules(a.model, rules, &encoders, &e));
    for (int i = 0; ok && i < encoders; i++) {
        o.rules = rules[i];
        ok = prompt_compile(&p[i], t, a.prompt, &o, &e);
    }
    if (ok) print(&a, t, &p[0], encoders > 1 ? &p[1] : NULL);
    for (int i = 0; i < encoders; i++) prompt_free(&p[i]);
    tokenizer_free(t);
    options_free(c, &a);
    return ok ? finish_output() : report(c, &e);
}

const Command TOKENS = {"tokens",
                        tokens,
                        "-p PROMPT [options]",
                        "show what a prompt becomes: texts, tokens, weights",
                        "Tokens are shown as CLIP spells them, \"_\" before one that continues a word. Counts such as "
                        "12/75 are the webui's. "
                        "With -m, two encoders whose tokens differ are shown one after the other. "
                        "A text of steps 1-10 also serves the first model call after them, as in the webui.",
                        OPTIONS};
