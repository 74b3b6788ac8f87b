/* test_prompt.c: prompts against what the webui's own code made of them (tools/goldens/prompts.py,
 * embeddings.py), answers that can be
 * checked by eye, hostile sizes, and `sdc tokens`. */
#include "tests/harness/cli.h"
#include "tests/weights/files.h"
#include "tests/harness/test.h"

#include "sd/prompt/prompt_internal.h"
#include "weights/files/json.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const PromptOptions PLAIN = {.comments = SD_COMMENTS_KEEP, .steps = 20, .pad = TOKEN_EOS};

static double number(const JsonNode *n) {
    double v = NAN;
    json_double(n, &v);
    return v;
}

static const JsonNode *child(const Json *j, const JsonNode *n, int index) {
    int32_t at = n ? n->child : -1;
    while (at >= 0 && index-- > 0) at = j->nodes[at].next;
    return at < 0 ? NULL : &j->nodes[at];
}

static bool text_is(const JsonNode *n, const char *text, size_t size) {
    return n && n->type == JSON_STRING && strlen(n->text) == size && !memcmp(n->text, text, size);
}

/* Weights of pieces have to be right to the last bit: they decide which pieces are joined. */
static bool same_pieces(const Json *j, const JsonNode *want, const char *text) {
    PromptPieces p = {0};
    bool ok = prompt_attention(&p, text, strlen(text), NULL) && want->count == (int32_t)p.count;
    const JsonNode *w = child(j, want, 0);
    for (size_t i = 0; i < p.count && ok; i++, w = &j->nodes[w->next < 0 ? 0 : w->next])
        ok =
            text_is(child(j, w, 0), p.text.at + p.at[i].from, p.at[i].size) && number(child(j, w, 1)) == p.at[i].weight;
    prompt_pieces_free(&p);
    return ok;
}

static bool same_chunk(const Json *j, const JsonNode *want, const PromptChunk *got) {
    const JsonNode *ids = child(j, want, 0), *weights = child(j, want, 1);
    bool ok = ids->count == got->count && got->ids[0] == TOKEN_BOS && got->weights[0] == 1;
    for (int i = 0; i < PROMPT_CHUNK - 1 && ok; i++) {
        double w = 1;
        int64_t id = TOKEN_EOS;
        if (i < got->count) {
            w = number(child(j, weights, weights->count == 1 ? 0 : i));
            ok = json_int(child(j, ids, i), &id);
        }
        if (fabs(w) > FLT_MAX) w = w < 0 ? -FLT_MAX : FLT_MAX;
        ok = ok && id == got->ids[i + 1] && fabs(w - (double)got->weights[i + 1]) <= 1e-6 * fmax(1, fabs(w));
    }
    return ok;
}

/* Names of embeddings, in the order of the prompt compiler. */
typedef struct {
    struct {
        char name[32];
        PromptWord word;
    } at[32];
    PromptWord words[32];
    int count;
} Names;

static Names names;

static int by_word(const void *a, const void *b) {
    const PromptWord *x = (const void *)((const char *)a + offsetof(Names, at[0].word)),
                     *y = (const void *)((const char *)b + offsetof(Names, at[0].word));
    return prompt_compare_words(x, y);
}

/* Of those that are the same tokens the first counts, as in the webui's sorted lists. */
static void read_names(const Tokenizer *t, const Json *j, const JsonNode *list) {
    for (int32_t i = list->child; i >= 0 && names.count < 32; i = j->nodes[i].next) {
        const char *name = child(j, &j->nodes[i], 0)->text;
        int64_t vectors = 0, n;
        int32_t *ids = NULL;
        bool known = false;
        json_int(child(j, &j->nodes[i], 1), &vectors);
        n = tokenizer_encode(t, TOKENS_OPENAI, name, strlen(name), &ids);
        PromptWord word = {ids, (int)n, (int)vectors};
        for (int k = 0; k < names.count; k++) known |= !prompt_compare_words(&names.at[k].word, &word);
        if (!test_check(n > 0, "%s has tokens", name) || known) {
            free(ids);
            continue;
        }
        snprintf(names.at[names.count].name, sizeof names.at->name, "%s", name);
        names.at[names.count++].word = word;
    }
    qsort(names.at, (size_t)names.count, sizeof *names.at, by_word);
    for (int i = 0; i < names.count; i++) names.words[i] = names.at[i].word;
}

/* The chunk's embeddings, [offset in its text, name] in order. */
static bool same_fixes(const Json *j, const JsonNode *want, const PromptText *got, int64_t chunk) {
    int at = 0;
    for (int64_t i = 0; i < got->fix_count; i++) {
        const PromptFix *f = &got->fixes[i];
        if (f->chunk != chunk) continue;
        const JsonNode *fix = child(j, want, at++), *name = child(j, fix, 1);
        int64_t offset = -1;
        if (!fix || !json_int(child(j, fix, 0), &offset) || offset != f->at - 1) return false;
        if (!text_is(name, names.at[f->word].name, strlen(names.at[f->word].name))) return false;
    }
    return want ? at == want->count : !at;
}

static bool same_text(const Json *j, const JsonNode *want, const PromptText *got, SdEmphasis mode) {
    const JsonNode *chunks = child(j, want, 2);
    int64_t tokens;
    bool ok = text_is(child(j, want, 0), got->text, strlen(got->text)) && chunks->count == got->count;
    ok = ok && json_int(child(j, want, 3), &tokens) && tokens == got->tokens;
    ok = ok && (mode == SD_EMPHASIS_NONE || same_pieces(j, child(j, want, 1), got->text));
    for (int i = 0; i < got->count && ok; i++)
        ok = same_chunk(j, child(j, chunks, i), &got->chunks[i]) &&
             same_fixes(j, child(j, child(j, chunks, i), 2), got, i);
    return ok;
}

/* [name, te, unet, dyn], in the order in which they are added. */
static bool same_loras(const Json *j, const JsonNode *want, const Prompt *p) {
    bool ok = want->count == p->network_count;
    for (int i = 0; ok && i < p->network_count; i++) {
        const PromptNetwork *n = &p->networks[i];
        const JsonNode *lora = child(j, want, i);
        ok = text_is(child(j, lora, 0), n->name, strlen(n->name)) && number(child(j, lora, 1)) == n->text &&
             number(child(j, lora, 2)) == n->unet && number(child(j, lora, 3)) == n->rank;
    }
    return ok;
}

/* What of a line is not as expected; NULL: nothing. */
static const char *difference(const Json *j, const Prompt *p, SdEmphasis mode) {
    const JsonNode *root = &j->nodes[0], *branches = json_get(j, root, "parts"), *texts = json_get(j, root, "texts");
    const JsonNode *networks = json_get(j, root, "networks"), *loras = json_get(j, root, "loras");
    if (!branches || !texts || !networks) return "the original's exception";
    if (branches->count != p->branch_count) return "the number of branches";
    if (networks->count != p->network_count) return "the number of networks";
    for (int i = 0; i < p->branch_count; i++) {
        const JsonNode *branch = child(j, branches, i), *spans = child(j, branch, 1);
        if (number(child(j, branch, 0)) != p->branches[i].weight) return "a branch's weight";
        if (spans->count != p->branches[i].count) return "the number of spans";
        for (int k = 0; k < spans->count; k++) {
            const JsonNode *span = child(j, spans, k);
            int64_t until = 0, text = 0;
            json_int(child(j, span, 0), &until);
            json_int(child(j, span, 1), &text);
            if (until != p->branches[i].spans[k].until) return "a step";
            const JsonNode *want = child(j, texts, (int)text);
            if (!same_text(j, want, &p->texts[p->branches[i].spans[k].text], mode)) return "a text or its tokens";
        }
    }
    if (loras && !same_loras(j, loras, p)) return "what its tags say";
    for (int i = 0; i < p->network_count; i++)
        if (!text_is(child(j, child(j, networks, i), 1), p->networks[i].arguments, strlen(p->networks[i].arguments)))
            return "a network";
    return NULL;
}

static void check_line(const Tokenizer *t, const char *file, int line, const char *text, size_t size) {
    Error e = {0};
    Json *j = json_parse(file, text, size, &e);
    if (!j) {
        test_check(false, "%s:%d is JSON", file, line);
        test_note("%s", e.text);
        return;
    }
    if (json_get(j, j->nodes, "names")) {
        read_names(t, j, json_get(j, j->nodes, "names"));
        json_free(j);
        return;
    }
    const JsonNode *root = &j->nodes[0], *n;
    const char *prompt = json_get(j, root, "prompt")->text;
    PromptOptions o = PLAIN;
    int64_t v;
    o.words = names.words;
    o.word_count = names.count;
    if (json_int(json_get(j, root, "steps"), &v)) o.steps = (int)v;
    if (json_int(json_get(j, root, "hires"), &v)) o.hires_steps = (int)v;
    o.old_schedules = json_get(j, root, "old") != NULL;
    o.negative = json_get(j, root, "negative") != NULL;
    if ((n = json_get(j, root, "emphasis")))
        o.emphasis = n->text[0] == 'I'   ? SD_EMPHASIS_IGNORE
                     : n->text[2] == 'n' ? SD_EMPHASIS_NONE
                                         : SD_EMPHASIS_NO_NORM;
    Prompt p;
    bool ok = prompt_compile(&p, t, prompt, &o, &e);
    const char *what = NULL;
    if (ok) what = difference(j, &p, o.emphasis);
    else if (!json_get(j, root, "error")) what = e.text;
    else if (e.code != ERR_ARGUMENT || !*e.text) what = "the error";
    char name[96];
    snprintf(name, sizeof name, "%s:%d %.60s", file, line, prompt);
    for (char *c = name; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 127) *c = '?';
    if (!test_check(!what, "%s", name)) test_note("differs: %s", what);
    prompt_free(&p);
    json_free(j);
}

static void golden(const Tokenizer *t, const char *name, int least) {
    const char *dir = getenv("SDC_GOLDEN");
    char path[512];
    snprintf(path, sizeof path, "%s/%s", dir && *dir ? dir : "tests/golden", name);
    char *file = test_read(path, NULL);
    if (!test_check(file != NULL, "%s", path)) return;
    int number_of = 1, prompts = 0;
    for (char *line = file, *end; (end = strchr(line, '\n')); line = end + 1, number_of++)
        if (*line == '{') check_line(t, name, number_of, line, (size_t)(end - line)), prompts++;
    test_check(prompts >= least, "%d golden prompts", prompts);
    free(file);
}

/* "1:a|2:b" from the spans of the first branch */
static void check_schedule(const Tokenizer *t, const char *prompt, int steps, int hires, const char *want) {
    PromptOptions o = {.steps = steps, .hires_steps = hires, .pad = TOKEN_EOS};
    Prompt p;
    char got[512] = "";
    bool ok = prompt_compile(&p, t, prompt, &o, NULL);
    for (int i = 0; ok && i < p.branches[0].count; i++) {
        const PromptSpan *span = &p.branches[0].spans[i];
        size_t n = strlen(got);
        snprintf(got + n, sizeof got - n, "%s%d:%s", i ? "|" : "", span->until, p.texts[span->text].text);
    }
    if (!test_check(!strcmp(got, want), "schedule of %s", prompt)) test_note("got %s", got);
    prompt_free(&p);
}

static void schedules(const Tokenizer *t) {
    check_schedule(t, "a [b:3]", 10, 0, "3:a |10:a b");
    check_schedule(t, "a [[[b]]:2]", 10, 0, "2:a |10:a [[b]]");
    check_schedule(t, "[(a:2):3]", 10, 0, "3:|10:(a:2)");
    check_schedule(t, "a [b : c : 1] d", 10, 0, "1:a b  d|10:a  c  d");
    check_schedule(t, "a[b:[c:d:2]:1]e", 10, 0, "1:abe|2:ace|10:ade");
    check_schedule(t, "a [unbalanced", 10, 0, "10:a [unbalanced");
    check_schedule(t, "a [b:.5] c", 10, 0, "5:a  c|10:a b c");
    check_schedule(t, "((a][:b:c [d:3]", 10, 0, "3:((a][:b:c |10:((a][:b:c d");
    check_schedule(t, "[fe|||]male", 5, 0, "1:female|2:male|3:male|4:male|5:female");
    check_schedule(t, "a [b:.5] c", 10, 10, "10:a b c");
    check_schedule(t, "a [b:1.5] c", 10, 10, "5:a  c|10:a b c");
    check_schedule(t, "photo (a|b), [c:d:5]", 10, 0, "10:photo (a|b), [c:d:5]");
    /* a sampler of second order calls twice a step: fractions keep their place, steps count calls */
    check_schedule(t, "[a:b:0.5] [c:d:5]", 20, 0, "5:a c|10:a d|20:b d");
}

static void calls(const Tokenizer *t) {
    Prompt p;
    prompt_compile(&p, t, "[a:b:10]", &PLAIN, NULL);
    const PromptBranch *branch = p.branches;
    bool ok = true;
    for (int call = 0; call <= 20; call++) ok &= !strcmp(prompt_at(&p, branch, call)->text, call <= 10 ? "a" : "b");
    test_check(ok, "a switch at step 10 leaves 11 calls to the first text");
    test_check(!strcmp(prompt_at(&p, branch, 21)->text, "a"), "calls beyond the schedule get its first text");
    prompt_free(&p);
    prompt_compile(&p, t, "[a|b]", &PLAIN, NULL);
    ok = !strcmp(prompt_at(&p, p.branches, 0)->text, "a") && !strcmp(prompt_at(&p, p.branches, 1)->text, "a") &&
         !strcmp(prompt_at(&p, p.branches, 2)->text, "b") && p.text_count == 2 && p.branches[0].count == 20;
    test_check(ok, "an alternation gives its first text to calls 0 and 1; equal texts are kept once");
    prompt_free(&p);
}

static void networks(const Tokenizer *t) {
    Prompt p;
    Error e = {0};
    bool ok =
        prompt_compile(&p, t, "a <lora:x:0.5> <lyco:y:0.5:0.25> <lora:z:unet=2> <no:1> b<lora:w:te=.1>", &PLAIN, &e);
    ok = ok && p.network_count == 4 && !strcmp(p.texts[0].text, "a     b");
    test_check(ok, "tags are taken out");
    static const double WANT[4][2] = {{.5, .5}, {1, 2}, {.1, .1}, {.5, .25}};
    for (int i = 0; ok && i < 4; i++) ok = p.networks[i].text == WANT[i][0] && p.networks[i].unet == WANT[i][1];
    test_check(ok && !strcmp(p.networks[3].name, "y"), "the multipliers of tags; those of each spelling together");
    prompt_free(&p);
    ok = prompt_compile(&p, t, "<lora:x:1:2:8><lora:y:dyn=4><lora:x:0.5:te=0.25><lora:y>", &PLAIN, &e) &&
         p.network_count == 4;
    ok = ok && p.networks[0].text == .25 && p.networks[0].unet == .25 && !p.networks[0].rank && !p.networks[1].rank;
    test_check(ok, "a network named twice has what the last tag says");
    prompt_free(&p);
    ok = prompt_compile(&p, t, "<lora:x:1:2:8><lora:y:dyn=4>", &PLAIN, &e) && p.networks[0].rank == 8;
    test_check(ok && p.networks[1].rank == 4, "dyn, by place and by name");
    prompt_free(&p);
    static const struct {
        const char *prompt, *says;
    } IGNORED[] = {
        {"a <lora:x:1:lbw=OUTALL:te=1> <lora:y:foo=1>", "<lora:x:1:lbw=OUTALL:te=1>: 'lbw=OUTALL' has no effect"},
        {"<lyco:x:1:1:1:7:8>", "<lora:x:1:1:1:7:8>: '7' has no effect"},
        {"a <LORA:x:1> b", "<LORA:x:1>: is no tag"},
        {"<lora:x:1:0.5:4><lora:y:te=1:unet=2:dyn=3> <:x> <3", NULL}};
    for (size_t i = 0; i < sizeof IGNORED / sizeof *IGNORED; i++) {
        ok = prompt_compile(&p, t, IGNORED[i].prompt, &PLAIN, &e);
        bool same =
            IGNORED[i].says ? p.ignored && !strncmp(p.ignored, IGNORED[i].says, strlen(IGNORED[i].says)) : !p.ignored;
        test_check(ok && same, "%s: %s", IGNORED[i].prompt, p.ignored ? p.ignored : "nothing is ignored");
        prompt_free(&p);
    }
    test_check(!prompt_compile(&p, t, "<lora:x:1:1:0>", &PLAIN, &e) && strstr(e.text, "dyn"), "dyn 0: %s", e.text);
    prompt_free(&p);
    e = (Error){0};
    test_check(!prompt_compile(&p, t, "<lora:x:much>", &PLAIN, &e) && strstr(e.text, "'much'"),
               "a multiplier that is no number is named: %s", e.text);
    prompt_free(&p);
}

static void padding(const Tokenizer *t) {
    PromptOptions o = {.steps = 1};
    Prompt p;
    bool ok = prompt_compile(&p, t, "cat", &o, NULL);
    const int32_t *ids = ok ? p.texts[0].chunks[0].ids : NULL;
    test_check(ok && ids[1] == 2368 && ids[2] == TOKEN_EOS && !ids[3] && !ids[76],
               "padding with 0 after one end token");
    prompt_free(&p);
}

/* --- sizes --- */

/* Seconds of work, whatever else the machine does. */
#if !defined __OPTIMIZE__
#define SLOW_BUILD true
#else
#define SLOW_BUILD TEST_SANITIZED
#endif

static void check_large(const Tokenizer *t, const char *unit, int repeat, const char *middle, const char *tail) {
    size_t n = strlen(unit), m = strlen(middle), k = strlen(tail), at = 0;
    char *text = malloc((size_t)repeat * (n + k) + m + 1);
    if (!text) return;
    for (int i = 0; i < repeat; i++, at += n) memcpy(text + at, unit, n);
    memcpy(text + at, middle, m);
    at += m;
    for (int i = 0; i < repeat; i++, at += k) memcpy(text + at, tail, k);
    text[at] = 0;
    Prompt p;
    Error e = {0};
    double start = test_seconds();
    bool ok = prompt_compile(&p, t, text, &PLAIN, &e);
    double seconds = test_seconds() - start;
    prompt_free(&p);
    free(text);
    const double most = SLOW_BUILD ? 60 : 1;
    if (!test_check(ok && seconds < most, "%d times '%s' %s '%s': %.2f s", repeat, unit, middle, tail, seconds))
        test_note("%s", e.text);
}

static void sizes(const Tokenizer *t) {
    static const struct {
        const char *unit, *middle, *tail;
        int repeat;
    } LARGE[] = {
        {"(", "cat", ")", 100000},     {"[", "cat", "]", 100000},  {"([", "cat", "])", 100000},
        {"(", "", "", 1 << 20},        {"[a|", "", "", 349525},    {":", "", "", 1 << 20},
        {",", "", "", 1 << 20},        {")", "", "", 1 << 20},     {"(a", "", ")", 300000},
        {"(a", "", "", 524288},        {"(a)", "", "", 349525},    {"\\(", "", "", 524288},
        {" BREAK", "", "", 1000},      {"<lora:", "", "", 174762}, {": ", "", "", 524288},
        {"(:", "x", ":1.1)", 100000},  {"[a:", "", ":2]", 170000}, {"a AND ", "", "", 20000},
        {"[[a]:", "b", ":0.5]", 9000}, {" ", "", "", 1 << 20},
    };
    for (size_t i = 0; i < sizeof LARGE / sizeof *LARGE; i++)
        check_large(t, LARGE[i].unit, LARGE[i].repeat, LARGE[i].middle, LARGE[i].tail);
    /* twenty texts of a megabyte are too many */
    char *text = malloc((1 << 20) + 256);
    if (!text) return;
    memset(text, ',', 1 << 20);
    snprintf(text + (1 << 20), 256, "[a|b|c|d|e|f|g|h|i|j|k|l|m|n|o|p|q|r|s|t]");
    Prompt p;
    Error e = {0};
    test_check(!prompt_compile(&p, t, text, &PLAIN, &e) && e.code == ERR_ARGUMENT, "too many texts: %s", e.text);
    prompt_free(&p);
    free(text);
    test_check(
        prompt_compile(&p, t, "((((((((((cat:9999999999):9999999999):9999999999):9999999999))))))", &PLAIN, &e) &&
            p.heaviest > 1e39 && p.texts[0].chunks[0].weights[1] == FLT_MAX,
        "a weight too large for a float saturates");
    prompt_free(&p);
}

static const Tokenizer *tokenizer;

static bool compile(Error *e) {
    Prompt p;
    bool ok = prompt_compile(&p, tokenizer, "<lora:x:1> a [b:(c:1.2):0.5] [d|e], \\( (f BREAK g AND h :2", &PLAIN, e);
    prompt_free(&p);
    return ok;
}

static void command(void) {
    cli_works("\"until\":10|\"weight\":-0.5", "tokens --json --steps 20 -p '[a:(b:1.3):0.5] AND c :-0.5'");
    cli_works("{\"prompts\":[{\"weight\":1,\"schedule\":[{\"until\":20,\"text\":\"a "
              "(cat:1.5)\",\"chunks\":[{\"ids\":[320,2368],\"weights\":[1,1.5]}]}]}]}",
              "tokens --json -p 'a (cat:1.5)'");
    cli_works("{\"prompts\":[{\"weight\":1,\"schedule\":[{\"until\":20,\"text\":\"\",\"chunks\":[{\"ids\":[],"
              "\"weights\":[]}]}]}]}",
              "tokens --json -p ''");
    cli_works("2/75|cat", "tokens -p 'a (cat:1.5)'");
    cli_works("<lora:x:1>", "tokens --negative -p 'a <lora:x:1>'");
    cli_fails(2, "1..2", "tokens -p '(a:1..2)'");
    cli_fails(2, "-p", "tokens");
}

SUITE(prompt, .seconds = 3) {
    Tokenizer *t = tokenizer_new();
    if (!test_check(t != NULL, "a tokenizer")) return;
    golden(t, "prompts.txt", 170);
    golden(t, "embeddings.txt", 109);
    for (int i = 0; i < names.count; i++) free((void *)(uintptr_t)names.at[i].word.ids);
    names.count = 0;
    schedules(t);
    calls(t);
    networks(t);
    padding(t);
    sizes(t);
    tokenizer = t;
    faults_every("a prompt", compile);
    if (cli_begin()) command();
    else test_skip("sdc tokens: no program");
    tokenizer_free(t);
}
