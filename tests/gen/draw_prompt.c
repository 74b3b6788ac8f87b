/* draw_prompt.c: prompts in the webui's language: weights, schedules, alternation, AND, BREAK, networks, comments,
 * escapes; with the mistakes that people make, texts in other scripts, and bytes that are no text. */
#include "gen_request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    Chance *c;
    char *p;
    size_t n, capacity;
    size_t most; /* bytes, after which no new part begins */
    bool plain;
} Text;

static void add_bytes(Text *t, const char *s, size_t n) {
    if (t->n + n + 1 > t->capacity) {
        t->capacity = (t->n + n + 1) * 2;
        t->p = realloc(t->p, t->capacity);
        if (!t->p) abort();
    }
    memcpy(t->p + t->n, s, n);
    t->p[t->n += n] = 0;
}

static void add(Text *t, const char *s) { add_bytes(t, s, strlen(s)); }

#define ONE_OF(t, list) add(t, list[chance_below((t)->c, sizeof list / sizeof *list)])

static void word(Text *t) {
    static const char *const WORDS[] = {"a",          "cat",
                                        "red circle", "masterpiece",
                                        "1girl",      "@_@",
                                        "o_O",        "8k",
                                        ",",          ", ",
                                        ".",          " ",
                                        "  ",         "\n",
                                        "\t",         "_",
                                        "and",        "And",
                                        "BREAKfast",  "ANDy",
                                        "x:1.2",      ":",
                                        "::",         "|",
                                        "||",         "supercalifragilisticexpialidocious",
                                        "don't",      "C++",
                                        "&amp;",      "&#x1F600;",
                                        "<3",         "50%",
                                        "$HOME",      "\"quoted\"",
                                        "'",          "back\\slash",
                                        "Steps: 20"};
    static const char *const SCRIPTS[] = {"\xc3\xa9t\xc3\xa9",
                                          "\xe7\x8c\xab",
                                          "\xd1\x81\xd0\xbe\xd0\xb1\xd0\xb0\xd0\xba\xd0\xb0",
                                          "\xd7\x97\xd7\xaa\xd7\x95\xd7\x9c",
                                          "\xf0\x9f\x90\x88",
                                          "\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x9a\x80",
                                          "e\xcc\x81\xcc\x82\xcc\x83",
                                          "\xc2\xa0",
                                          "\xe2\x80\xae",
                                          "\xef\xbb\xbf",
                                          "\xef\xbc\x88\xef\xbc\x89",
                                          "\xe3\x80\x80",
                                          "\xe2\x80\xa8",
                                          "\xc3\x83\xc2\xa9",
                                          "\xef\xbf\xbd",
                                          "\xf4\x8f\xbf\xbf"};
    static const char *const BYTES[] = {"\xff", "\xc3", "\xed\xa0\x80", "\xc0\xaf", "\xf8\x88\x80\x80\x80",
                                        "\x01", "\x7f", "\x1b[31m",     "\r\n",     "\xe7\x8c"};
    double u = chance_between(t->c, 0, 1);
    if (u < 0.85) ONE_OF(t, WORDS);
    else if (u < 0.99) ONE_OF(t, SCRIPTS);
    else ONE_OF(t, BYTES), t->plain = false;
    if (chance_of(t->c, 0.6)) add(t, " ");
}

static void number(Text *t) {
    static const char *const ODD[] = {"0",    "-1",     "1e999", "1..2",     "..5",   "",
                                      ".",    "1e-999", "inf",   "nan",      "99999", "1.2.3",
                                      "0x10", "+1",     "- 1",   "1,5",      "1_0",   "1e5",
                                      "-0.0", "1 ",     " 2",    "\xd9\xa1", "1%",    "10000000000000000000000"};
    char s[32];
    if (chance_of(t->c, 0.2)) {
        ONE_OF(t, ODD);
        return;
    }
    snprintf(s, sizeof s, chance_of(t->c, 0.3) ? "%.0f" : "%.3g", chance_between(t->c, 0, 2.5));
    add(t, s);
}

static void part(Text *t, int depth);

static void parts(Text *t, int depth) {
    for (int i = 1 + chance_below(t->c, 3); i > 0; i--) part(t, depth);
}

/* One in ten closing brackets is missing or another one. */
static void close(Text *t, const char *bracket) {
    static const char *const OTHERS[] = {"", ")", "]", "))", "\\)", ">"};
    if (chance_of(t->c, 0.1)) ONE_OF(t, OTHERS);
    else add(t, bracket);
}

static void schedule(Text *t, int depth) {
    add(t, "[");
    if (!chance_of(t->c, 0.2)) parts(t, depth);
    add(t, ":");
    if (!chance_of(t->c, 0.2)) parts(t, depth);
    if (!chance_of(t->c, 0.2)) add(t, ":");
    number(t);
    close(t, "]");
}

static void alternation(Text *t, int depth) {
    add(t, "[");
    for (int i = chance_below(t->c, 4); i >= 0; i--) {
        if (!chance_of(t->c, 0.2)) parts(t, depth);
        if (i) add(t, "|");
    }
    close(t, "]");
}

static void network(Text *t) {
    static const char *const TAGS[] = {
        "<lora:x:1>", "<lora:x>",  "<hypernet:a b:0.5>", "<lyco:x:1:2>", "<lora:x:te=1>", "<:>",
        "<lora:",     "<lora::1>", "<lora:x:nan>",       "<wildcard:x>", "<lora:x:1e999>"};
    ONE_OF(t, TAGS);
}

static void part(Text *t, int depth) {
    static const double HOW[] = {12, 2, 1.5, 1, 1, 0.7, 0.5, 0.5, 0.4, 0.5, 0.1};
    static const char *const ESCAPES[] = {"\\(", "\\)", "\\[", "\\]", "\\\\", "\\", "\\:", "\\#", "\\n"};
    static const char *const STRAY[] = {"(", ")", "[", "]", "((", "]]", "<", ">", "()", "[]", "[|]", "(:1)"};
    if (depth > 6 || t->n > t->most) {
        word(t);
        return;
    }
    switch (chance_weighted(t->c, HOW, sizeof HOW / sizeof *HOW)) {
    case 0: word(t); break;
    case 1:
        add(t, "("), parts(t, depth + 1);
        if (chance_of(t->c, 0.7)) add(t, ":"), number(t);
        close(t, ")");
        break;
    case 2: schedule(t, depth + 1); break;
    case 3: alternation(t, depth + 1); break;
    case 4: add(t, "["), parts(t, depth + 1), close(t, "]"); break;
    case 5:
        parts(t, depth + 1), add(t, " AND "), parts(t, depth + 1);
        if (chance_of(t->c, 0.4)) add(t, ":"), number(t);
        break;
    case 6: add(t, " BREAK "); break;
    case 7: add(t, "# "), parts(t, depth + 1), add(t, "\n"); break;
    case 8: ONE_OF(t, STRAY); break;
    case 9: ONE_OF(t, ESCAPES); break;
    case 10: network(t); break;
    }
}

/* Repeats what there is, or a piece, until the text is long. */
static void lengthen(Text *t, size_t size) {
    static const char *const PIECES[] = {"(",
                                         "[",
                                         "a ",
                                         "a, ",
                                         "(a:1.1)",
                                         "[a|b]",
                                         "BREAK ",
                                         " AND a",
                                         "[a:b:0.5]",
                                         "\\",
                                         "#",
                                         "\n",
                                         "\xf0\x9f\x90\x88",
                                         "[[",
                                         "))",
                                         "x",
                                         ",",
                                         "|",
                                         ":",
                                         "<",
                                         "<lora:"};
    char *whole = malloc(t->n + 1);
    if (!whole) abort();
    memcpy(whole, t->p ? t->p : "", t->n + 1);
    const char *piece =
        chance_of(t->c, 0.3) && *whole ? whole : PIECES[chance_below(t->c, sizeof PIECES / sizeof *PIECES)];
    while (t->n + strlen(piece) <= size) add(t, piece);
    free(whole);
}

/* Lines that a reader of the picture's text takes for something else, as the webui's does. */
static bool ambiguous(const char *s) { return strstr(s, "Negative prompt:") != NULL; }

char *prompt_draw(Chance *c, bool *plain) {
    Text t = {.c = c, .plain = true, .most = 40 << chance_below(c, 5)};
    add(&t, "");
    if (!chance_of(c, 0.08)) parts(&t, 0);
    while (t.n < t.most && chance_of(c, 0.7)) parts(&t, 0);
    if (chance_of(c, 0.01)) lengthen(&t, (size_t)1 << (8 + chance_below(c, 8)));
    if (chance_of(c, 0.001)) lengthen(&t, (size_t)(1 << 20) + (size_t)chance_below(c, 2));
    *plain = t.plain && !ambiguous(t.p);
    return t.p;
}
