/* test_tokenizer.c: the golden prompts, text that is broken, large or strange, the vocabulary, and the merging of words
 * against the plain algorithm it stands for. */
#include "tests/harness/test.h"

#include "sd/text/bpe.h"
#include "sd/text/text_clean.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void check_rules(const Tokenizer *t, TokenRules rules, const char *text, size_t size, const int32_t *want,
                        int64_t count, const char *name) {
    int32_t *ids = NULL;
    int64_t n = tokenizer_encode(t, rules, text, size, &ids);
    bool ok = n == count && (!n || !memcmp(ids, want, (size_t)n * sizeof *ids));
    test_check(ok, "tokens of %s", name);
    if (!ok) {
        char line[512] = "";
        for (int64_t i = 0; i < n && strlen(line) < 480; i++)
            snprintf(line + strlen(line), sizeof line - strlen(line), " %d", ids[i]);
        test_note("got %lld ids:%s", (long long)n, line);
    }
    free(ids);
}

static void check_ids(const Tokenizer *t, const char *text, size_t size, const int32_t *want, int64_t count,
                      const char *name) {
    check_rules(t, TOKENS_OPENAI, text, size, want, count, name);
}

/* Where Hugging Face's tokenizer and open_clip's differ: by transformers' tokenization_clip.py (4.x) and open_clip's
 * tokenizer.py with ftfy 6.3.1, run in Python. */
static void rules_differ(const Tokenizer *t) {
    static const struct {
        const char *text;
        int32_t hugging_face[12], open_clip[12]; /* 0-terminated */
    } ROWS[] = {
        {"a photo of a cat", {320, 1125, 539, 320, 2368}, {320, 1125, 539, 320, 2368}},
        {"a <3 &amp; b", {320, 283, 274, 261, 6259, 282, 321}, {320, 283, 274, 261, 321}},
        {"&lt;b&gt; &amp; c", {283, 321, 285, 261, 322}, {283, 321, 285, 261, 322}},
        {"&copy cat", {261, 4509, 2368}, {5811, 2368}},
        {"<b>&nbsp;x", {283, 321, 29, 261, 6459, 4393, 282, 343}, {283, 321, 285, 343}},
        {"a <|endoftext|> b", {320, 49407, 321}, {320, 27, 347, 40786, 4160, 91, 285, 321}},
        {"a <end_of_text> b", {320, 283, 806, 318, 539, 318, 4160, 285, 321}, {320, 49407, 321}},
        {"<START_OF_TEXT>", {283, 1572, 318, 539, 318, 4160, 285}, {49406}},
        {"P&EACUTE;REZ &amp;amp; &lt", {43167, 15192, 261, 261, 3333}, {43167, 15192, 261, 283}},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++)
        for (int k = 0; k < 2; k++) {
            const int32_t *want = k ? ROWS[i].open_clip : ROWS[i].hugging_face;
            char name[80];
            int64_t count = 0;
            while (want[count]) count++;
            snprintf(name, sizeof name, "'%.40s' by %s", ROWS[i].text, k ? "open_clip" : "Hugging Face");
            check_rules(t, k ? TOKENS_OPEN_CLIP : TOKENS_HUGGING_FACE, ROWS[i].text, strlen(ROWS[i].text), want, count,
                        name);
        }
}

static unsigned hex_digit(char c) { return (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10); }

static void golden(const Tokenizer *t) {
    const char *dir = getenv("SDC_GOLDEN");
    char path[512];
    snprintf(path, sizeof path, "%s/tokens.txt", dir && *dir ? dir : "tests/golden");
    char *file = test_read(path, NULL);
    if (!test_check(file != NULL, "%s", path)) return;
    char *text = malloc(strlen(file) + 1);
    int32_t *ids = malloc((strlen(file) + 1) * sizeof *ids);
    int number = 1, prompts = 0;
    for (char *line = file, *end; *line && text && ids; line = end + 1, number++) {
        if (!(end = strchr(line, '\n'))) break;
        *end = 0;
        if (*line == '#') continue;
        size_t size = 0;
        char *p = line + (*line == '-');
        for (; *p && *p != ' '; p += 2) text[size++] = (char)(hex_digit(p[0]) << 4 | hex_digit(p[1]));
        int64_t count = 0;
        while (*p == ' ') ids[count++] = (int32_t)strtol(p, &p, 10);
        text[size] = 0;
        char name[96];
        snprintf(name, sizeof name, "tokens.txt:%d '%.40s'", number, text);
        for (char *c = name; *c; c++)
            if ((unsigned char)*c < ' ' || *c == 127) *c = '?';
        check_ids(t, text, size, ids, count, name);
        prompts++;
    }
    test_check(prompts >= 450, "%d golden prompts", prompts);
    free(text);
    free(ids);
    free(file);
}

/* What the pattern and the merging make of text that the clean-up would change. */
static void without_clean_up(const Tokenizer *t) {
    static const struct {
        const char *text;
        int count;
        int32_t ids[4];
    } known[] = {
        {"&amp;", 3, {261, 6259, 282}},
        {"cafe\xCC\x81", 3, {4979, 136, 479}},
        {"<|endoftext|>", 1, {TOKEN_EOS}},
        {"<|startoftext|>", 1, {TOKEN_BOS}},
        {",", 1, {TOKEN_COMMA}},
        {" \t\n", 0, {0}},
        {"", 0, {0}},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        Runes r = {0};
        int32_t *ids = NULL;
        runes_from_utf8(&r, known[i].text, strlen(known[i].text));
        int64_t n = tokenizer_encode_clean(t, TOKENS_OPENAI, &r, &ids);
        test_check(n == known[i].count && (!n || !memcmp(ids, known[i].ids, (size_t)n * sizeof *ids)),
                   "tokens without clean-up, %d", (int)i);
        free(ids);
        runes_free(&r);
    }
}

static void check_text(const char *name, bool (*step)(const char *, size_t, Runes *), const char *in,
                       const char *want) {
    Runes r = {0};
    char out[256];
    size_t n = 0;
    bool ok = step(in, strlen(in), &r);
    for (size_t i = 0; ok && i < r.count && n + 5 < sizeof out; i++) n += utf8_encode(r.at[i], (uint8_t *)out + n);
    out[n] = 0;
    if (!test_check(ok && !strcmp(out, want), "%s of '%s'", name, in)) test_note("got '%s'", out);
    runes_free(&r);
}

static void clean_up(void) {
    static const char *const fixed[][2] = {
        {"sch\u00c3\u00b6n", "sch\u00f6n"},
        {"voil\u00c3 le travail", "voil\u00e0 le travail"},
        {"\u00e2\u20ac\u0153 like this \u00e2\u20ac\ufffd", "\" like this \ufffd"},
        {"l\u2019\u00c3\u00a9t\u00c3\u00a9", "l'\u00e9t\u00e9"},
        {"P&EACUTE;REZ &amp;amp; &lt", "P\u00c9REZ & &lt"},
        {"<&eacute;", "<&eacute;"},
        {"\ufb02ubberi\ufb01c\u2026", "flubberific\u2026"},
        {"\uff2c\uff2f\uff35\uff24\u3000\uff76\uff9e", "LOUD \u30ac"},
        {"a\r\nb\rc\u2028d", "a\nb\nc\nd"},
        {"\033[36;44mblue\033[0m\a", "blue"},
        {"e\u0301\u0323", "\u1eb9\u0301"},
    };
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++) check_text("repair", text_fix, fixed[i][0], fixed[i][1]);
    static const char *const cleaned[][2] = {
        {"  A \t\u3000B\n", "a b"},
        {"&lt &amp;lt;b&copy", "< <b\u00a9"},
        {"\u039f\u0394\u039f\u03a3 \u03a3\u0391", "\u03bf\u03b4\u03bf\u03c2 \u03c3\u03b1"},
        {"\u0130", "i\u0307"},
    };
    for (size_t i = 0; i < sizeof cleaned / sizeof *cleaned; i++)
        check_text("clean text", text_clean, cleaned[i][0], cleaned[i][1]);
}

static void broken(const Tokenizer *t) {
    static const char *const same[][2] = {
        {"a\xFF"
         "b",
         "a\uFFFD"
         "b"},
        {"\xC0\x80", "\uFFFD\uFFFD"},
        {"\xE2\x82", "\uFFFD"},
        {"\xE2\x82x", "\uFFFDx"},
        {"\xED\xA0\x80", "\uFFFD\uFFFD\uFFFD"},
        {"\xF0\x9F\x98", "\uFFFD"},
        {"\xF4\x90\x80\x80", "\uFFFD\uFFFD\uFFFD\uFFFD"},
    };
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        int32_t *ids = NULL;
        int64_t n = tokenizer_encode(t, TOKENS_OPENAI, same[i][1], strlen(same[i][1]), &ids);
        char name[32];
        snprintf(name, sizeof name, "broken UTF-8, %d", (int)i);
        check_ids(t, same[i][0], strlen(same[i][0]), ids, n, name);
        free(ids);
    }
    int32_t *ids = NULL;
    int64_t n = tokenizer_encode(t, TOKENS_OPENAI, "ab", 2, &ids);
    check_ids(t, "a\0b\0", 4, ids, n, "a NUL inside a word");
    free(ids);
}

static void vocabulary(const Tokenizer *t) {
    static const struct {
        int32_t id;
        const char *text;
    } known[] = {{0, "!"},
                 {256, "!</w>"},
                 {267, ",</w>"},
                 {94, "\u00A1"},
                 {188, "\u0100"},
                 {255, "\u0143"},
                 {320, "a</w>"},
                 {512, "in"},
                 {2368, "cat</w>"},
                 {49405, "jekyll</w>"},
                 {49406, "<|startoftext|>"},
                 {49407, "<|endoftext|>"},
                 {-1, ""},
                 {49408, ""}};
    char buf[512];
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        test_check(!strcmp(tokenizer_token(t, known[i].id, buf, sizeof buf), known[i].text), "spelling of token %d",
                   (int)known[i].id);
    test_check(!strcmp(tokenizer_token(t, 2368, buf, 5), "cat<") && !strcmp(tokenizer_token(t, 2368, buf, 1), ""),
               "spelling cut to the buffer");

    enum { SLOTS = 1 << 18 };
    char **seen = calloc(SLOTS, sizeof *seen);
    bool distinct = seen != NULL;
    size_t longest = 0;
    for (int32_t id = 0; id < TOKEN_COUNT && distinct; id++) {
        const char *text = tokenizer_token(t, id, buf, sizeof buf);
        uint32_t h = 2166136261u;
        for (const char *c = text; *c; c++) h = (h ^ (unsigned char)*c) * 16777619u;
        uint32_t slot = h % SLOTS;
        for (; seen[slot] && distinct; slot = (slot + 1) % SLOTS) distinct = strcmp(seen[slot], text) != 0;
        distinct = distinct && *text && (seen[slot] = malloc(strlen(text) + 1));
        if (distinct) strcpy(seen[slot], text);
        if (strlen(text) > longest) longest = strlen(text);
    }
    test_check(distinct && longest < sizeof buf - 1, "all %d tokens have a spelling of their own", TOKEN_COUNT);
    for (size_t i = 0; seen && i < SLOTS; i++) free(seen[i]);
    free(seen);

    /* A merge comes after those that make its halves: the heap relies on it. */
    bool ordered = true;
    long merges = 0;
    for (int32_t b = 0; b < TOKEN_BOS && ordered; b += 7)
        for (int32_t a = 0; a < 2048; a++) {
            int32_t merged = bpe_pair(t, a, b);
            merges += merged >= 0;
            ordered = ordered && (merged < 0 || (merged > a && merged > b && merged < TOKEN_BOS));
        }
    test_check(ordered && merges > 1000, "merges come after their halves (%ld looked at)", merges);
}

/* Tokens spell the cleaned text: joined, with "</w>" as the end of a word, they give it back. */
static void round_trips(const Tokenizer *t) {
    static const char *const texts[] = {"a photograph of an astronaut riding a horse",
                                        "masterpiece , best quality , 8 k",
                                        "don 't stop",
                                        "( ( ( ! ? ) ) )",
                                        "supercalifragilisticexpialidocious",
                                        "x y z 1 2 3 4",
                                        "jekyll and hyde"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        int32_t *ids = NULL;
        int64_t n = tokenizer_encode(t, TOKENS_OPENAI, texts[i], strlen(texts[i]), &ids);
        char out[256] = "", token[128];
        for (int64_t k = 0; k < n; k++) {
            tokenizer_token(t, ids[k], token, sizeof token);
            char *end = strstr(token, "</w>");
            if (end) strcpy(end, k + 1 < n ? " " : "");
            strcat(out, token);
        }
        test_check(!strcmp(out, texts[i]), "tokens spell '%s'", texts[i]);
        free(ids);
    }
}

/* The definition: look for the pair of lowest rank, merge all its occurrences from left to right, start again. */
static size_t merge_plainly(const Tokenizer *t, int32_t *ids, size_t count) {
    for (;;) {
        int32_t best = INT32_MAX, a = -1, b = -1;
        for (size_t i = 0; i + 1 < count; i++) {
            int32_t merged = bpe_pair(t, ids[i], ids[i + 1]);
            if (merged >= 0 && merged < best) best = merged, a = ids[i], b = ids[i + 1];
        }
        if (a < 0) return count;
        size_t kept = 0;
        for (size_t i = 0; i < count; kept++) {
            bool here = i + 1 < count && ids[i] == a && ids[i + 1] == b;
            ids[kept] = here ? best : ids[i];
            i += here ? 2 : 1;
        }
        count = kept;
    }
}

static void merging(const Tokenizer *t) {
    static const char *const alphabets[] = {
        "a", "ab", "aeinrst", "abcdefghijklmnopqrstuvwxyz", "!-=.", "\xE3\x81\x82\x83", ""};
    enum { KINDS = sizeof alphabets / sizeof *alphabets, WORDS = 600, LONGEST = 200 };
    BpeWork w = {0};
    uint64_t index = 0;
    for (int kind = 0; kind < KINDS; kind++) {
        int wrong = 0;
        size_t letters = strlen(alphabets[kind]);
        for (int k = 0; k < WORDS; k++) {
            size_t count = 1 + (size_t)((test_uniform(7, index++) + 1) / 2 * (k % 8 ? 24 : LONGEST));
            int32_t plain[LONGEST + 1];
            if (!bpe_reserve(&w, count)) break;
            for (size_t i = 0; i < count; i++) {
                double u = (test_uniform(7, index++) + 1) / 2;
                int byte = letters ? (unsigned char)alphabets[kind][(size_t)(u * (double)letters)] : (int)(u * 256);
                plain[i] = bpe_byte((uint8_t)byte) + (i + 1 == count ? BPE_END : 0);
            }
            memcpy(w.ids, plain, count * sizeof *plain);
            size_t want = merge_plainly(t, plain, count), got = bpe_merge(t, &w, count);
            wrong += got != want || memcmp(plain, w.ids, got * sizeof *plain);
        }
        test_check(!wrong, "the heap merges as the definition does: letters '%s', %d words",
                   kind == 5 ? "kana" : alphabets[kind], WORDS);
    }
    bpe_free(&w);
}

/* A megabyte of what would be slow if anything were quadratic. A release build takes under
 * half a second for each; the bound leaves room for sanitizers and valgrind, and quadratic time would be minutes. */
static void large(const Tokenizer *t) {
    static const struct {
        const char *name, *start, *repeated;
    } kinds[] = {
        {"one letter", "", "a"},
        {"a word", "", "theofandinwithred"},
        {"letters", "", NULL},
        {"bytes", "", NULL},
        {"marks", "", "\xCC\x81\xCC\xA3\xCC\x88"},
        {"a mark", "a", "\xCC\x81"},
        {"digits", "", "7"},
        {"references", "", "&amp;"},
        {"nested references", "&", "amp;"},
        {"nested references after a letter", "\xC3\xA9&", "amp;"},
        {"references that close others", "", "&semi"},
        {"a long number", "&#", "1"},
        {"open references", "", "&amp"},
        {"mojibake", "", "\xC3\x83\xC2\xA9"},
        {"mojibake in sound text", "", "\xC3\x83\xC2\xA9 \xE4\xB8\xAD"},
        {"lost bytes", "", "\xC3\xA2\xE2\x82\xAC\xEF\xBF\xBD"},
        {"sigmas", "", "\xCE\xA3"},
        {"escapes", "", "\033[1"},
        {"Hangul", "", "\xED\x95\x9C"},
        {"NULs", "", ""},
        {"line feeds", "", "\n"},
        {"end tokens", "", "<|endoftext|>"},
    };
    enum { SIZE = 1 << 20, MOST_SECONDS = 10 };
    char *text = malloc(SIZE);
    for (size_t k = 0; text && k < sizeof kinds / sizeof *kinds; k++) {
        size_t start = strlen(kinds[k].start), length = kinds[k].repeated ? strlen(kinds[k].repeated) : 0;
        memcpy(text, kinds[k].start, start);
        for (size_t i = start; i < SIZE; i++) {
            double u = kinds[k].repeated ? 0 : (test_uniform(3, i) + 1) / 2;
            text[i] = length   ? kinds[k].repeated[(i - start) % length]
                      : k == 2 ? (char)('a' + (int)(u * 26))
                               : (char)(int)(u * 256);
        }
        if (kinds[k].repeated && !length) memset(text, 0, SIZE);
        double began = test_seconds();
        int32_t *ids = NULL;
        int64_t n = tokenizer_encode(t, TOKENS_OPENAI, text, SIZE, &ids);
        double seconds = test_seconds() - began;
        test_check(n >= 0 && n <= SIZE && seconds < MOST_SECONDS, "a megabyte of %s: %lld tokens in %.2f s",
                   kinds[k].name, (long long)n, seconds);
        free(ids);
    }
    free(text);
}

SUITE(tokenizer, .seconds = 2) {
    Tokenizer *t = tokenizer_new();
    if (!test_check(t != NULL, "tokenizer_new")) return;
    golden(t);
    rules_differ(t);
    without_clean_up(t);
    clean_up();
    broken(t);
    vocabulary(t);
    round_trips(t);
    merging(t);
    large(t);
    tokenizer_free(t);
}
