#include "axis.h"

#include "tools/cli/options/option_value.h"
#include "tools/cli/options/setting_option.h"
#include "sd/info/params.h"
#include "weights/files/files_below.h"
#include "sd/text/nearest.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ORDER_MOST = 6 }; /* words: 720 orders */

/* What the webui calls an option where that is not its key in texts, and what a change of it costs. */
static const struct {
    const char *option, *label;
    AxisCost cost;
    bool plain;
} NAMES[] = {{"variation-seed", "Var. seed", COST_NONE, false},
             {"variation-strength", "Var. strength", COST_NONE, false},
             {"cfg", "CFG Scale", COST_NONE, false},
             {"image-cfg", "Image CFG Scale", COST_NONE, false},
             {"sampler", "Sampler", COST_NONE, true},
             {"s-churn", "Sigma Churn", COST_NONE, false},
             {"s-tmin", "Sigma min", COST_NONE, false},
             {"s-tmax", "Sigma max", COST_NONE, false},
             {"s-noise", "Sigma noise", COST_NONE, false},
             {"strength", "Denoising", COST_NONE, false},
             {"mask-weight", "Cond. Image Mask Weight", COST_NONE, false},
             {"discard-next-to-last", "Always discard next-to-last sigma", COST_NONE, false},
             {"rng", "RNG source", COST_NONE, false},
             {"prompt", "Prompt", COST_TEXT, true},
             {"negative", "Negative prompt", COST_TEXT, true},
             {"hires-prompt", "Hires prompt", COST_TEXT, true},
             {"hires-negative", "Hires negative prompt", COST_TEXT, true},
             {"clip-skip", "Clip skip", COST_TEXT, false},
             {"emphasis", "Emphasis", COST_TEXT, false},
             {"comments", "Comments", COST_TEXT, false},
             {"lora-apply", "Lora apply", COST_NETWORK, false},
             {"lora-dir", "Lora folder", COST_NETWORK, false},
             {"refiner", "Refiner checkpoint", COST_MODEL, true},
             {"hires-checkpoint", "Hires checkpoint", COST_MODEL, true},
             {"model", "Checkpoint name", COST_MODEL, true},
             {"vae", "VAE", COST_MODEL, false},
             {"text-encoder", "Text encoder", COST_MODEL, false},
             {"text-encoder-2", "Text encoder 2", COST_MODEL, false},
             {"unet", "U-Net", COST_MODEL, false},
             {"taesd", "TAESD", COST_MODEL, false},
             {"precision", "Precision", COST_MODEL, false},
             {"prediction", "Prediction", COST_MODEL, false},
             {"ema", "EMA", COST_MODEL, false},
             {"batch-count", "n_iter", COST_NONE, false}, /* not of a grid */
             {"image", "Picture", COST_NONE, true},
             {"extend", "Extend", COST_NONE, true},
             {"mask", "Mask", COST_NONE, true}};
enum { NAMES_COUNT = sizeof NAMES / sizeof *NAMES };

static const struct {
    const char *name, *label;
    AxisKind kind;
    AxisCost cost;
    bool plain;
} OWN[] = {{"nothing", "Nothing", AXIS_NOTHING, COST_NONE, true},
           {"size", "Size", AXIS_SIZE, COST_NONE, false},
           {"lora", "LoRA", AXIS_LORA, COST_NETWORK, true},
           {"lora-weight", "LoRA weight", AXIS_LORA_WEIGHT, COST_NETWORK, false},
           {"prompt-sr", "Prompt S/R", AXIS_REPLACE, COST_TEXT, true},
           {"prompt-order", "Prompt order", AXIS_ORDER, COST_TEXT, true}};
enum { OWN_COUNT = sizeof OWN / sizeof *OWN };

/* Whether name[0..n) is this one, without case. */
static bool is_name(const char *name, size_t n, const char *other) {
    char own[64];
    if (!other || n >= sizeof own) return false;
    memcpy(own, name, n);
    own[n] = 0;
    return nearest_same(own, other);
}

/* The option of that name that an axis may have: a setting, a part of the model, a picture to start from. */
static bool find(const Command *c, const char *name, size_t n, Axis *x) {
    for (OptionCursor k = {.next = c->options}; option_next(&k, &x->option);) {
        const Option *o = &x->option;
        const Param *p = param_named(o->name);
        int i = 0;
        while (i < NAMES_COUNT && strcmp(NAMES[i].option, o->name)) i++;
        const char *label = i < NAMES_COUNT ? NAMES[i].label : p && p->key ? p->key : o->name;
        if ((!p && i == NAMES_COUNT) || (p && p->at == offsetof(SdRequest, taps)) ||
            (p && p->at == offsetof(SdRequest, tap)))
            continue;
        if (!is_name(name, n, o->name) && !is_name(name, n, label) &&
            !(p && (is_name(name, n, p->key) || is_name(name, n, p->json))))
            continue;
        snprintf(x->label, sizeof x->label, "%.*s", (int)sizeof x->label - 1, label);
        x->kind = AXIS_OPTION;
        if (i < NAMES_COUNT) x->cost = NAMES[i].cost, x->plain = NAMES[i].plain;
        return true;
    }
    for (int i = 0; i < OWN_COUNT; i++)
        if (is_name(name, n, OWN[i].name) || is_name(name, n, OWN[i].label)) {
            snprintf(x->label, sizeof x->label, "%s", OWN[i].label);
            x->kind = OWN[i].kind, x->cost = OWN[i].cost, x->plain = OWN[i].plain;
            return true;
        }
    return false;
}

static int unknown(const Command *c, const char *given, const char *name, size_t n) {
    char own[64];
    const char *nearest = NULL;
    int least = FAR;
    Option o;
    snprintf(own, sizeof own, "%.*s", (int)(n < 60 ? n : 60), name);
    for (OptionCursor k = {.next = c->options}; option_next(&k, &o);)
        if (param_named(o.name) && is_nearer(o.name, own, &least)) nearest = o.name;
    for (int i = 0; i < NAMES_COUNT; i++)
        if (is_nearer(NAMES[i].label, own, &least)) nearest = NAMES[i].label;
    for (int i = 0; i < OWN_COUNT; i++)
        if (is_nearer(OWN[i].name, own, &least)) nearest = OWN[i].name;
    if (nearest) return usage_error(c, "%s: '%s' is no axis; did you mean %s?", given, own, nearest);
    return usage_error(c, "%s: '%s' is no axis; name a setting's option, model, vae, refiner, lora, prompt-sr ...",
                       given, own);
}

/* --- values --- */

/* "seed=-1" is a random one, drawn once. */
static bool fix_seeds(Axis *x, Error *e) {
    const char *name = x->option.name;
    if (strcmp(name, "seed") && strcmp(name, "variation-seed")) return true;
    for (int i = 0; i < x->values.count; i++) {
        char text[24];
        if (*x->values.at[i] && strcmp(x->values.at[i], "-1")) continue;
        snprintf(text, sizeof text, "%" PRId64, sd_random_seed());
        free(x->values.at[i]);
        if (!(x->values.at[i] = text_copy(text, strlen(text)))) return error_set(e, ERR_MEMORY, "out of memory");
    }
    return true;
}

/* Every order of the words, as Python's permutations has them. */
static bool make_orders(Axis *x, Error *e) {
    int n = x->values.count, count = 1;
    if (n > ORDER_MOST) return error_set(e, ERR_ARGUMENT, "has more than %d words, too many orders", ORDER_MOST);
    for (int i = 2; i <= n; i++) count *= i;
    x->order = x->values;
    x->values = (ValueList){calloc((size_t)count, sizeof(char *)), count};
    if (!x->values.at) return x->values.count = 0, error_set(e, ERR_MEMORY, "out of memory");
    return true;
}

/* The word that stands at place `place` in order `i` of n words. */
static int ordered(int n, int i, int place) {
    bool used[ORDER_MOST] = {false};
    int below = 1;
    for (int k = 2; k < n; k++) below *= k; /* the orders of one word fewer */
    for (int at = 0, word = 0;; at++) {
        int left = i / below;
        i %= below;
        for (word = 0; used[word] || left-- > 0;) word++;
        used[word] = true;
        if (at == place) return word;
        if (n - 1 - at > 1) below /= n - 1 - at;
    }
}

int axis_read(const Command *c, const char *given, const char *text, Axis *x) {
    Error e = {0};
    *x = (Axis){.said = "", .cost = COST_NONE};
    snprintf(x->given, sizeof x->given, "%s", given);
    const char *equals = text ? strchr(text, '=') : NULL;
    size_t n = equals ? (size_t)(equals - text) : text ? strlen(text) : 0;
    while (n && text[n - 1] == ' ') n--;
    if (!text) return values_split("", &x->values, &e) ? GO_ON : report(c, &e);
    if (!find(c, text, n, x)) return unknown(c, given, text, n);
    if (x->kind == AXIS_NOTHING) return axis_read(c, given, NULL, x);
    if (!equals) return usage_error(c, "%s: needs values: %s=VALUE,VALUE,...", given, text);
    x->said = equals + 1;
    OptionKind kind = x->kind == AXIS_OPTION ? x->option.kind : x->kind == AXIS_LORA_WEIGHT ? OPT_DOUBLE : OPT_STRING;
    bool whole = kind == OPT_INT || kind == OPT_INT64;
    bool ok = values_split(x->said, &x->values, &e) &&
              ((!whole && kind != OPT_DOUBLE) || values_ranges(&x->values, whole, &e)) &&
              (x->kind != AXIS_OPTION || fix_seeds(x, &e)) && (x->kind != AXIS_ORDER || make_orders(x, &e));
    if (ok) return GO_ON;
    return e.code == ERR_ARGUMENT ? usage_error(c, "%s: %s", given, e.text) : report(c, &e);
}

void axis_free(Axis *x) {
    values_free(&x->values);
    values_free(&x->order);
}

/* --- setting one --- */

bool axis_option(const Command *c, const char *name, size_t n, Option *o) {
    Axis x = {.said = ""};
    bool found = find(c, name, n, &x) && x.kind == AXIS_OPTION;
    *o = x.option;
    return found;
}

int axis_set_option(const Command *c, const char *given, const Option *o, const char *value, PictureArguments *a) {
    char name[400], text[8] = "";
    snprintf(name, sizeof name, "%.300s: %.40s", given, o->name);
    void *at = (char *)a + o->at;
    if (o->kind != OPT_FLAG) return option_value(c, o, name, value, at);
    snprintf(text, sizeof text, "%.6s", value);
    bool yes = nearest_same(text, "true") || nearest_same(text, "yes") || !strcmp(text, "1");
    if (!yes && !nearest_same(text, "false") && !nearest_same(text, "no") && strcmp(text, "0"))
        return usage_error(c, "%s: '%.60s' is neither true nor false", name, value);
    *(bool *)at = yes;
    return GO_ON;
}

/* The option of a setting, at its place in PictureArguments. */
static Option option_of(const char *name) {
    Option o = setting_option(param_named(name));
    o.at += offsetof(PictureArguments, request);
    return o;
}

static int set_option(const Command *c, const Axis *x, const char *value, PictureArguments *a) {
    int code = axis_set_option(c, x->given, &x->option, value, a);
    return code == GO_ON && !strcmp(x->option.name, "extend") ? picture_options_sides(c, a) : code;
}

static int set_size(const Command *c, const Axis *x, const char *value, PictureArguments *a) {
    char number[12];
    const char *by = strchr(value, 'x');
    if (!by || by - value >= (int)sizeof number)
        return usage_error(c, "%s: '%.60s' is no size; write 512x768", x->given, value);
    const Option width = option_of("width"), height = option_of("height");
    snprintf(number, sizeof number, "%.*s", (int)(by - value), value);
    int code = axis_set_option(c, x->given, &width, number, a);
    return code == GO_ON ? axis_set_option(c, x->given, &height, by + 1, a) : code;
}

static int set_lora(const Command *c, const Axis *x, const char *value, PictureArguments *a) {
    static const Option LORA = OPTION_OF(PictureArguments, LIST, networks.lora, 0, "lora", "FILE", "");
    if (!strcmp(value, "none") || !strcmp(value, "None")) return GO_ON;
    int code = axis_set_option(c, x->given, &LORA, value, a);
    network_options_free(&a->networks); /* of another axis */
    return code == GO_ON ? network_options_read(c, &a->networks) : code;
}

static int set_weight(const Command *c, const Axis *x, const char *value, PictureArguments *a) {
    static const Option WEIGHT = {.kind = OPT_DOUBLE, .name = "lora-weight", .low = -100, .high = 100, .value = "X"};
    double weight = 0;
    if (!a->networks.lora.count) return usage_error(c, "%s: lora-weight needs --lora FILE", x->given);
    int code = option_value(c, &WEIGHT, x->given, value, &weight);
    SdNetwork *last = &a->networks.networks[a->networks.lora.count - 1];
    if (code == GO_ON) last->text = last->unet = weight;
    return code;
}

/* A copy in which `from` is `to` wherever it stands; NULL: out of memory. */
static char *replaced(const char *text, const char *from, const char *to, int *found) {
    size_t n = strlen(from), m = strlen(to), count = 0;
    for (const char *p = text; (p = strstr(p, from)); p += n) count++;
    *found += (int)count;
    char *out = malloc(strlen(text) + count * m + 1), *at = out;
    for (const char *p; out && (p = strstr(text, from)); text = p + n) {
        memcpy(at, text, (size_t)(p - text)), at += p - text;
        memcpy(at, to, m), at += m;
    }
    return out ? strcpy(at, text), out : NULL;
}

static int no_memory(const Command *c) {
    Error e = {0};
    return error_set(&e, ERR_MEMORY, "out of memory for a prompt"), report(c, &e);
}

static int replace(const Command *c, const Axis *x, const char *value, PictureArguments *a) {
    const char *from = x->values.at[0];
    const char **const prompts[] = {&a->request.prompt, &a->request.negative};
    int found = 0;
    if (!*from) return usage_error(c, "%s: prompt-sr: its first value, which is looked for, is empty", x->given);
    for (int i = 0; i < 2; i++) {
        if (!*prompts[i]) continue;
        char *text = replaced(*prompts[i], from, value, &found);
        if (!text) return no_memory(c);
        free((void *)(uintptr_t)*prompts[i]);
        *prompts[i] = text;
    }
    if (!found)
        return usage_error(c, "%s: prompt-sr: '%.60s' is neither in the prompt nor in the negative prompt", x->given,
                           from);
    return GO_ON;
}

/* Puts the words at the places where they stand, in another order. */
static int reorder(const Command *c, const Axis *x, int order, PictureArguments *a) {
    const char *prompt = a->request.prompt ? a->request.prompt : "";
    int n = x->order.count, places[ORDER_MOST];
    const char *at[ORDER_MOST];
    for (int i = 0; i < n; i++) {
        at[i] = strstr(prompt, x->order.at[i]);
        if (!*x->order.at[i] || !at[i])
            return usage_error(c, "%s: prompt-order: '%.60s' is not in the prompt", x->given, x->order.at[i]);
        int k = i;
        for (; k > 0 && at[places[k - 1]] > at[i]; k--) places[k] = places[k - 1];
        places[k] = i;
    }
    size_t size = strlen(prompt) + 1;
    for (int i = 0; i < n; i++) size += strlen(x->order.at[i]);
    char *text = malloc(size), *to = text;
    const char *from = prompt;
    if (!text) return no_memory(c);
    for (int i = 0; i < n; i++) {
        const char *word = x->order.at[ordered(n, order, i)], *place = at[places[i]];
        if (place < from) {
            free(text);
            return usage_error(c, "%s: prompt-order: '%.60s' overlaps another word", x->given, x->order.at[places[i]]);
        }
        memcpy(to, from, (size_t)(place - from)), to += place - from;
        to += sprintf(to, "%s", word);
        from = place + strlen(x->order.at[places[i]]);
    }
    strcpy(to, from);
    free((void *)(uintptr_t)a->request.prompt);
    a->request.prompt = text;
    return GO_ON;
}

int axis_set(const Command *c, const Axis *x, int i, PictureArguments *a) {
    const char *value = x->values.at[i];
    switch (x->kind) {
    case AXIS_OPTION: return set_option(c, x, value, a);
    case AXIS_SIZE: return set_size(c, x, value, a);
    case AXIS_LORA: return set_lora(c, x, value, a);
    case AXIS_LORA_WEIGHT: return set_weight(c, x, value, a);
    case AXIS_REPLACE: return replace(c, x, value, a);
    case AXIS_ORDER: return reorder(c, x, i, a);
    default: return GO_ON;
    }
}

void axis_label(const Axis *x, int i, char *out, size_t size) {
    const char *value = x->values.at[i], *slash = value ? strrchr(value, '/') : NULL;
    if (x->kind == AXIS_NOTHING) *out = 0;
    else if (x->kind == AXIS_ORDER) {
        size_t n = 0;
        for (int k = 0; k < x->order.count && n < size; k++)
            n += (size_t)snprintf(out + n, size - n, "%s%s", k ? ", " : "", x->order.at[ordered(x->order.count, i, k)]);
    } else {
        if (slash && slash[1] &&
            (x->cost == COST_MODEL || x->kind == AXIS_LORA || x->option.at == offsetof(PictureArguments, image)))
            value = slash + 1; /* of a file */
        snprintf(out, size, "%s%s%s", x->plain ? "" : x->label, x->plain ? "" : ": ", value);
    }
}
