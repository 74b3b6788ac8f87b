/* draw_request.c: each row of the table of settings is left alone, or gets a usual value, one near an end of its range,
 * or one outside of it. */
#include "gen_request.h"
#include "sd/info/params.h"
#include "weights/files/utf8.h"

#include <ctype.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char **string_at(const Param *p, SdRequest *r) { return (const char **)(void *)((char *)r + p->at); }

static char *keep(GenRequest *g, const char *s) {
    if (g->name_count == 4) return g->names[3];
    char *name = g->names[g->name_count++];
    snprintf(name, sizeof g->names[0], "%s", s);
    return name;
}

/* --- numbers --- */

static bool is(const Param *p, const char *name) { return !strcmp(p->name, name); }

static double usual(Chance *c, const Param *p) {
    double high = param_high(p);
    if (is(p, "width") || is(p, "height")) return 8 * (1 + chance_below(c, 8));
    if (is(p, "steps")) return 1 + chance_below(c, 7);
    if (is(p, "batch-size")) return 1 + chance_below(c, 3);
    if (p->type == PARAM_INT64) return (double)(chance_bits(c) >> (11 + chance_below(c, 50)));
    if (p->type == PARAM_DOUBLE && high > 10 && chance_of(c, 0.5))
        return exp(chance_between(c, log(p->low > 0 ? p->low : 1e-3), log(high)));
    double most = high - p->low > 40 && chance_of(c, 0.8) ? p->low + 40 : high < 0x1p50 ? high : 0x1p50;
    double v = chance_between(c, p->low, most);
    return p->type == PARAM_DOUBLE ? v : floor(v + 0.5);
}

/* At and near the ends, and the default. */
static double near(Chance *c, const Param *p) {
    double high = param_high(p), one = p->type == PARAM_DOUBLE ? 0 : 1;
    if (high >= PARAM_MOST) high = 0x1p53;
    switch (chance_below(c, 5)) {
    case 0: return p->low;
    case 1: return high;
    case 2: return one > 0 ? p->low + one : nextafter(p->low, high);
    case 3: return one > 0 ? high - one : nextafter(high, p->low);
    default: return p->standard;
    }
}

static double outside(Chance *c, const Param *p) {
    static const double ODD[] = {NAN, INFINITY, -INFINITY, 1e300, -1e300, DBL_MIN, -DBL_MIN, -0.0};
    double high = param_high(p);
    if (p->type == PARAM_DOUBLE && chance_of(c, 0.6)) return ODD[chance_below(c, sizeof ODD / sizeof *ODD)];
    if (p->type == PARAM_DOUBLE) return chance_of(c, 0.5) ? nextafter(p->low, -1e9) : nextafter(high, 1e9);
    if (p->type == PARAM_ENUM) return high + 1 + chance_below(c, 1000);
    if (p->type == PARAM_BOOL) return 1;
    if (chance_of(c, 0.3)) return chance_of(c, 0.5) ? INT32_MIN : high < INT32_MAX ? INT32_MAX : p->low;
    return chance_of(c, 0.5) || high >= PARAM_MOST ? p->low - 1 - chance_below(c, 3) : high + 1 + chance_below(c, 3);
}

static void draw_number(GenRequest *g, const Param *p, double kind) {
    Chance *c = &g->chance;
    double v = kind < 0.78 ? usual(c, p) : kind < 0.97 ? near(c, p) : outside(c, p);
    param_set_number(p, &g->r, v);
}

/* The first setting that is out of its range, by what the table says. */
static void find_outside(GenRequest *g) {
    for (const Param *p = PARAMS; p < PARAMS + PARAM_COUNT; p++) {
        double v = param_number(p, &g->r);
        const char *s = p->type == PARAM_PROMPT ? *string_at(p, &g->r) : NULL;
        size_t size = s ? strlen(s) : 0;
        bool text = size <= (size_t)p->high && utf8_is_valid(s ? s : "", size);
        if (p->type < PARAM_SAMPLER ? (v >= p->low && v <= param_high(p)) || v == p->standard : !s || text) continue;
        g->outside = true;
        snprintf(g->which, sizeof g->which, "%s", p->name);
        for (char *c = g->which; *c; c++) *c = *c == '-' ? ' ' : *c;
        return;
    }
}

/* --- names --- */

static void change_case(Chance *c, char *s) {
    for (; *s; s++) *s = (char)(chance_of(c, 0.5) ? toupper((unsigned char)*s) : tolower((unsigned char)*s));
}

static const char *scheduler_name(Chance *c) {
    int n;
    const Scheduler *s = scheduler_list(&n);
    return s[chance_below(c, n)].label;
}

static const char *sampler_name(Chance *c) {
    int n, aliases = 0;
    const Sampler *s = sampler_list(&n);
    s += chance_below(c, n);
    while (s->aliases[aliases]) aliases++;
    return aliases && chance_of(c, 0.2) ? s->aliases[chance_below(c, aliases)] : s->name;
}

static void draw_name(GenRequest *g, const Param *p, double kind) {
    static const char *const ODD[] = {"",    " ",         "Euler  a",        "DPM++ 2M Karas", "\xff\xfe", "%s%n",
                                      "nan", "Automatic", "Euler a Euler a", "a\nb",           "_ka",      "Karras"};
    Chance *c = &g->chance;
    bool sampler = p->type == PARAM_SAMPLER;
    char name[400];
    snprintf(name, sizeof name, "%s", sampler ? sampler_name(c) : scheduler_name(c));
    if (sampler && chance_of(c, 0.15)) {
        size_t n = strlen(name);
        snprintf(name + n, sizeof name - n, " %s", scheduler_name(c));
    }
    if (chance_of(c, 0.1)) change_case(c, name);
    if (kind > 0.97) snprintf(name, sizeof name, "%s", ODD[chance_below(c, sizeof ODD / sizeof *ODD)]);
    if (kind > 0.995) memset(name, 'D', sizeof name - 1), name[sizeof name - 1] = 0;
    *string_at(p, &g->r) = kind > 0.95 && kind < 0.96 ? NULL : keep(g, name);
}

static void draw_file(GenRequest *g, const Param *p, const RequestFiles *files) {
    double u = chance_between(&g->chance, 0, 1);
    const char *file = is(p, "noise") ? files->noise : is(p, "taps") ? files->written : NULL;
    if (u < 0.9) return;
    *string_at(p, &g->r) = u < 0.98 && file ? file : u < 0.985 ? "" : "/nothing/here.safetensors";
}

static void draw_string(GenRequest *g, const Param *p) {
    static const char *const GLOBS[] = {"",   "*",     "image",         "latents.*", "*.step00?.*",
                                        "**", "noise", "unet.*conv_in", "[a-z]",     "\xff"};
    *string_at(p, &g->r) = GLOBS[chance_below(&g->chance, sizeof GLOBS / sizeof *GLOBS)];
}

/* --- all rows --- */

void request_draw(GenRequest *g, uint64_t number, const RequestFiles *files) {
    Chance *c = &g->chance;
    *g = (GenRequest){.r = sd_request(NULL), .chance = chance_begin(77, number), .plain = {true, true}};
    SdRequest *r = &g->r;
    r->width = r->height = 16, r->steps = 2, r->seed = 1;
    if (chance_of(c, 0.4)) {
        r->image = files->image;
        r->image_width = 1 + chance_below(c, files->side), r->image_height = 1 + chance_below(c, files->side);
    }
    for (const Param *p = PARAMS; p < PARAMS + PARAM_COUNT; p++) {
        static const char *const OFTEN[] = {"width", "height", "steps", "sampler", "scheduler", "seed", "strength"};
        double likely = 0.2, kind = chance_between(c, 0, 1);
        for (size_t i = 0; i < sizeof OFTEN / sizeof *OFTEN; i++)
            if (is(p, OFTEN[i])) likely = 0.8;
        if (p->of_hires || p->of_tiles || p->of_windows) continue; /* suites hires, tiles, windows */
        if (p->type == PARAM_PROMPT) {
            char *s = chance_of(c, 0.8) ? prompt_draw(c, &g->plain[is(p, "negative")]) : NULL;
            if (is(p, "negative")) g->negative = s;
            else g->prompt = s;
            *string_at(p, r) = s;
            continue;
        }
        if (p->of_refiner) continue;                        /* there is none */
        if (!chance_of(c, likely) || p->of_sizes) continue; /* the models here are told no sizes */
        if (p->type < PARAM_SAMPLER) draw_number(g, p, kind);
        else if (p->type == PARAM_SAMPLER || p->type == PARAM_SCHEDULER) draw_name(g, p, kind);
        else if (p->type == PARAM_FILE) draw_file(g, p, files);
        else if (p->type == PARAM_STRING) draw_string(g, p);
    }
    if (!r->seed_width != !r->seed_height && chance_of(c, 0.9)) r->seed_height = r->seed_width;
    r->keep = chance_of(c, 0.7);
    find_outside(g);
}

void request_free(GenRequest *g) {
    free(g->prompt);
    free(g->negative);
}
