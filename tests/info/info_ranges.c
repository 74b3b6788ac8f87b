/* info_ranges.c: every row of the table of settings refuses what is below and above its range, from a program that uses
 * the library and on the command line, with its own name; and the table is well formed. */
#include "tests/harness/cli.h"
#include "tests/harness/test.h"
#include "test_info.h"
#include "sd/info/params.h"

#include <float.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "clip skip:", as the library's messages begin. */
static const char *spoken(const Param *p, char *out, size_t size) {
    snprintf(out, size, "%s:", p->name);
    for (char *c = out; *c; c++) *c = *c == '-' ? ' ' : *c;
    return out;
}

static void refused(const Param *p, double v) {
    SdRequest r = sd_request(NULL);
    Error e = {0};
    char name[64], option[64];
    if (strstr(p->name, "seed-")) r.seed_width = r.seed_height = 64;
    param_set_number(p, &r, v);
    spoken(p, name, sizeof name);
    if (param_number(p, &r) != v && v == v) test_check(false, "%s %.17g can be set", name, v);
    test_check(!params_check(&r, &e) && e.code == ERR_ARGUMENT && !strncmp(e.text, name, strlen(name)),
               "a request of %s %.17g is refused", name, v);
    test_note("%s", e.text);
    if (p->type == PARAM_ENUM || p->in_extend || !isfinite(v) || fabs(v) > 1e6) return;
    CliRun c = cli("%s --%s %.17g", p->of_image ? "img2img" : "txt2img", p->name, v);
    snprintf(option, sizeof option, "sdc: --%s: ", p->name);
    bool named = !strncmp(c.err, option, strlen(option));
    test_check(c.code == 2 && named && !*c.out, "--%s %.17g is refused", p->name, v);
    test_note("exit %d: %s", c.code, c.err);
    cli_free(&c);
}

static void ranges(const Param *p) {
    bool whole = p->type == PARAM_INT || p->type == PARAM_INT64;
    SdRequest r = sd_request(NULL);
    Error e = {0};
    if (p->type == PARAM_ENUM) {
        refused(p, words_count(p->value));
        refused(p, INT_MAX);
        refused(p, UINT_MAX); /* -1 */
        return;
    }
    if (!whole && p->type != PARAM_DOUBLE) return;
    double below = whole ? p->low - 1 : p->low > 0 ? p->low / 2 : p->low - 0.5;
    refused(p, below == p->standard ? below - 1 : below);
    if (p->high < PARAM_MOST) refused(p, whole ? p->high + 1 : p->high * 1.25);
    static const double EXTREMES[] = {INT_MIN, INT_MAX, -0x1p63, -INFINITY, INFINITY, NAN, -1e-320, DBL_MAX, -DBL_MAX};
    int first = p->type == PARAM_INT64 ? 2 : 0, end = !whole ? 9 : first ? 3 : 2; /* what its type can hold */
    for (int i = first; i < end; i++)
        if (!param_admits(p, EXTREMES[i])) refused(p, EXTREMES[i]);
    bool ok = true;
    for (int i = 0; i < 3; i++) { /* the ends and the default */
        double v = i == 0 ? p->low : i == 2 ? p->standard : p->high < PARAM_MOST ? p->high : 1e15;
        r = sd_request(NULL);
        if (strstr(p->name, "seed-")) r.seed_width = r.seed_height = 64;
        if (p->of_hires && strcmp(p->name, "hires-width") && strcmp(p->name, "hires-height")) r.hires_scale = 1;
        if (p->of_windows) r.tiled_diffusion = SD_TILED_MULTIDIFFUSION;
        if (p->of_tiles && strcmp(p->name, "sd-upscale")) r.sd_upscale = 1;
        param_set_number(p, &r, v);
        if (i < 2 || !strstr(p->name, "seed-")) ok = ok && params_check(&r, &e);
    }
    test_check(ok, "the ends of --%s's range, and its default, are taken", p->name);
    test_note("%s", e.text);
}

static void together(void) {
    static const struct {
        const char *words;
        SdRequest r;
    } CASES[] = {{"size: 16384x16384 is more than 16777216 pixels", {.width = 16384, .height = 16384}},
                 {"seed width: 16384 with seed height 16384 is more than 16777216 pixels",
                  {.seed_width = 16384, .seed_height = 16384}},
                 {"seed width: 64 needs a seed height", {.seed_width = 64}},
                 {"seed: 9223372036854775807 leaves no room", {.seed = INT64_MAX, .batch_size = 2}},
                 {"variation seed: 9223372036854775807 leaves no room", {.variation_seed = INT64_MAX, .batch_size = 2}},
                 {"sampler: no 'Eulr'; did you mean 'Euler'", {.sampler = "Eulr"}},
                 {"scheduler: no 'Karas'; did you mean 'Karras'", {.scheduler = "Karas"}}};
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        const SdRequest *c = &CASES[i].r;
        SdRequest r = sd_request(NULL);
        Error e = {0};
        if (c->width) r.width = c->width, r.height = c->height;
        if (c->seed) r.seed = c->seed;
        if (c->variation_seed) r.variation_seed = c->variation_seed;
        if (c->batch_size) r.batch_size = c->batch_size;
        if (c->sampler) r.sampler = c->sampler;
        r.seed_width = c->seed_width, r.seed_height = c->seed_height, r.scheduler = c->scheduler;
        test_check(!params_check(&r, &e) && !strncmp(e.text, CASES[i].words, strlen(CASES[i].words)), "refused: %s",
                   CASES[i].words);
        test_note("%s", e.text);
    }
    SdRequest r = sd_request(NULL);
    const Scheduler *scheduler = NULL;
    char *longest = malloc((1 << 20) + 2);
    r.sampler = NULL;
    const Sampler *s = request_sampler(&r, &scheduler, NULL);
    test_check(s && !strcmp(s->name, "Euler a") && params_check(&r, NULL), "no sampler: the default one");
    if (longest) {
        Error e = {0};
        memset(longest, 'a', (1 << 20) + 1);
        longest[(1 << 20) + 1] = 0;
        r.negative = longest + 1;
        bool fits = params_check(&r, NULL);
        r.negative = longest;
        test_check(fits && !params_check(&r, &e) && strstr(e.text, "negative: ") == e.text,
                   "prompts of 1 MiB, not more");
        test_note("%s", e.text);
    }
    free(longest);
}

/* Names are there and belong to one row; halves of a size stand together. */
static void table(void) {
    for (int i = 0; i < PARAM_COUNT; i++) {
        const Param *p = &PARAMS[i];
        size_t n = p->key ? strlen(p->key) : 0;
        bool ok =
            p->name && *p->name && p->help && *p->help && p->json && *p->json && (p->value || p->type == PARAM_BOOL);
        ok = ok && (!p->key || (p->place > 0 && p->place < PLACE_END)) && param_named(p->name) == p;
        ok = ok && (!p->key || param_keyed(p->key) == p);
        for (int k = 0; k < i; k++) ok = ok && strcmp(p->json, PARAMS[k].json) && p->at != PARAMS[k].at;
        if (n > 2 && !strcmp(p->key + n - 2, "-1")) {
            const char *next = i + 1 < PARAM_COUNT ? p[1].key : NULL;
            ok = ok && next && strlen(next) == n && !strncmp(next, p->key, n - 1) && next[n - 1] == '2' &&
                 p->counts == p[1].counts;
        }
        if (p->type == PARAM_ENUM && p->key_words) ok = ok && words_count(p->key_words) == words_count(p->value);
        test_check(ok, "row %s of the table of settings", p->name);
    }
    static const char WORDS[] = "nv,cuda|cpu";
    char word[8];
    test_check(words_find(WORDS, "nv") == 0 && words_find(WORDS, "cuda") == 0 && words_find(WORDS, "cpu") == 1 &&
                   words_find(WORDS, "cp") == -1 && words_find(WORDS, "") == -1 && words_count(WORDS) == 2 &&
                   !strcmp(words_get(WORDS, 0, word, sizeof word), "nv") &&
                   !strcmp(words_get(WORDS, 1, word, sizeof word), "cpu") &&
                   !strcmp(words_get(WORDS, 2, word, sizeof word), ""),
               "lists of words");
}

void info_ranges(void) {
    table();
    together();
    if (!test_check(cli_begin(), "the program is there")) return;
    for (int i = 0; i < PARAM_COUNT; i++) ranges(&PARAMS[i]);
}
