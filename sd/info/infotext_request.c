/* infotext_request.c: a request from a picture's text. The table of settings has the keys of settings, OTHERS the
 * rest. */
#include "infotext_request.h"

#include "infotext_control.h"
#include "weights/files/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef enum {
    KEY_IGNORED, /* does not change the picture, or is read elsewhere */
    KEY_ONLY,    /* this version has one value only; numbers are compared as numbers */
    KEY_MISSING, /* this version lacks the feature */
    KEY_CIVITAI, /* models by number: the checkpoint is the user's choice, others are missing */
} KeyKind;

static const struct Key {
    const char *key;
    KeyKind kind;
    const char *text; /* KEY_ONLY: the value; KEY_MISSING: the feature */
} OTHERS[] = {{"Model hash", KEY_IGNORED, NULL},
              {"Model", KEY_IGNORED, NULL},
              {"Refiner", KEY_IGNORED, NULL}, /* infotext_refiner */
              {"VAE", KEY_IGNORED, NULL},     /* infotext_part */
              {"VAE hash", KEY_IGNORED, NULL},
              {"Text encoder", KEY_IGNORED, NULL},
              {"Text encoder 2", KEY_IGNORED, NULL},
              {"U-Net", KEY_IGNORED, NULL},
              {"TAESD", KEY_IGNORED, NULL},
              {"Image encoder", KEY_IGNORED, NULL},
              {"Lora hashes", KEY_IGNORED, NULL}, /* SdRequest.network_hashes */
              {"TI hashes", KEY_IGNORED, NULL},   /* infotext_hash */
              {"Precision", KEY_IGNORED, NULL},   /* infotext_precision */
              {"Exact", KEY_IGNORED, NULL},       /* infotext_exact */
              {"Prediction", KEY_IGNORED, NULL},  /* infotext_prediction */
              {"EMA", KEY_IGNORED, NULL},         /* infotext_ema */
              {"Version", KEY_IGNORED, NULL},
              {"User", KEY_IGNORED, NULL},
              {"Batch size", KEY_IGNORED, NULL}, /* a picture does not depend on its batch */
              {"Batch pos", KEY_IGNORED, NULL},
              {"Tiled Diffusion batch size", KEY_IGNORED, NULL}, /* nor on that of its windows */
              {"Tiled Diffusion upscaler", KEY_MISSING, "an enlarged picture"},
              {"Tiled Diffusion scale factor", KEY_MISSING, "an enlarged picture"},
              {"Template", KEY_IGNORED, NULL}, /* what the prompt was made of */
              {"Negative Template", KEY_IGNORED, NULL},
              {"Template Generated Grid", KEY_IGNORED, NULL},
              {"Wildcard prompt", KEY_IGNORED, NULL},
              {"Wildcard negative prompt", KEY_IGNORED, NULL},
              {"File includes", KEY_IGNORED, NULL},
              {"Hashes", KEY_IGNORED, NULL}, /* of models that other keys and the prompt name */
              {"Civitai metadata", KEY_IGNORED, NULL},
              {"Civitai resources", KEY_CIVITAI, NULL},
              {"FP8 weight", KEY_ONLY, "Disable"},
              {"Restore faces", KEY_ONLY, "False"},
              {"Noise Schedule", KEY_ONLY, "Default"},
              {"Token merging ratio", KEY_ONLY, "0"},
              {"NGMS", KEY_ONLY, "0"},
              {"Skip Early CFG", KEY_ONLY, "0"},
              {"SGM noise multiplier", KEY_ONLY, "False"},
              {"Beta schedule alpha", KEY_ONLY, "0.6"},
              {"Beta schedule beta", KEY_ONLY, "0.6"},
              {"Final denoising strength", KEY_IGNORED, NULL}, /* of a loop: the picture says its own */
              {"Denoising curve", KEY_IGNORED, NULL},
              {"Denoising strength change factor", KEY_IGNORED, NULL},
              {"Script", KEY_MISSING, "a grid of pictures"},
              {"Rescale CFG", KEY_ONLY, "0"},
              {"Diffusion in Low Bits", KEY_ONLY, "Automatic"}, /* Forge: the model's own type */
              {"CFG Rescale", KEY_ONLY, "0"},                   /* of extensions: 0 is off */
              {"CFG Rescale φ", KEY_ONLY, "0"},
              {"CFG Rescale phi", KEY_ONLY, "0"},
              {"First pass size-1", KEY_IGNORED, NULL}, /* implies a size of the second */
              {"First pass size-2", KEY_IGNORED, NULL},
              {"Hires checkpoint", KEY_IGNORED, NULL}, /* infotext_hires_model */
              {"Hires refiner", KEY_ONLY, "second pass"}};

static const struct Key *other(const char *key) {
    for (size_t i = 0; i < sizeof OTHERS / sizeof *OTHERS; i++)
        if (!strcmp(OTHERS[i].key, key)) return &OTHERS[i];
    return NULL;
}

static bool unsupported(const char *key, const char *value, Error *e) {
    return error_set(e, ERR_ARGUMENT, "%.80s: %.80s is not supported by this version", key, value);
}

static bool take_civitai(const char *key, const char *value, Error *e) {
    Json *j = json_parse_python(key, value, strlen(value), NULL);
    if (!j || j->nodes->type != JSON_ARRAY) return json_free(j), unsupported(key, value, e);
    bool ok = true;
    for (int32_t i = j->nodes->child; i >= 0 && ok; i = j->nodes[i].next) {
        const JsonNode *type = json_get(j, &j->nodes[i], "type");
        if (!type || type->type != JSON_STRING || strcmp(type->text, "checkpoint"))
            ok = error_set(e, ERR_ARGUMENT, "%s: needs a %.40s, which is not supported by this version", key,
                           type && type->type == JSON_STRING ? type->text : "model of another kind");
    }
    json_free(j);
    return ok;
}

static bool take_other(const struct Key *k, const char *value, Error *e) {
    double number, only;
    if (k->kind == KEY_IGNORED) return true;
    if (k->kind == KEY_CIVITAI) return take_civitai(k->key, value, e);
    if (k->kind == KEY_MISSING)
        return error_set(e, ERR_ARGUMENT, "%s: needs %s, which is not supported by this version", k->key, k->text);
    if (!strcmp(value, k->text)) return true;
    if (infotext_double(value, &number) && infotext_double(k->text, &only) && number == only) return true;
    return unsupported(k->key, value, e);
}

/* --- the table's rows --- */

static bool take_number(const Param *p, const char *key, const char *value, SdRequest *r, Error *e) {
    int64_t whole = 0;
    double number = 0;
    bool ok = p->type == PARAM_DOUBLE ? infotext_double(value, &number) : infotext_int(value, &whole);
    if (!ok)
        return error_set(e, ERR_ARGUMENT, "%s: '%.80s' is not a %s", key, value,
                         p->type == PARAM_DOUBLE ? "number" : "whole number");
    if (p->type != PARAM_DOUBLE) number = (double)whole;
    if (!param_admits(p, number)) {
        if (p->high >= PARAM_MOST)
            return error_set(e, ERR_ARGUMENT, "%s: %.80s is not at least %.10g", key, value, p->low);
        return error_set(e, ERR_ARGUMENT, "%s: %.80s is not in %.10g..%.10g", key, value, p->low, p->high);
    }
    if (p->type == PARAM_INT64) *(int64_t *)((char *)r + p->at) = whole; /* exactly */
    else param_set_number(p, r, number);
    return true;
}

static bool take(const Param *p, const char *key, const char *value, SdRequest *r, Error *e) {
    void *at = (char *)r + p->at;
    const Scheduler *scheduler = NULL;
    int word;
    switch (p->type) {
    case PARAM_BOOL:
    case PARAM_ENUM:
        word = words_find(param_key_words(p), value);
        if (word < 0) return unsupported(key, value, e);
        param_set_number(p, r, word);
        return true;
    case PARAM_SAMPLER:
        if (!sampler_parse(value, &scheduler)) return unsupported(key, value, e);
        *(const char **)at = value;
        return true;
    case PARAM_SCHEDULER: /* old texts have the schedule type in the sampler's name, where Automatic would hide it */
        scheduler = scheduler_find(value);
        if (!scheduler) return unsupported(key, value, e);
        *(const char **)at = scheduler->fill ? value : NULL;
        return true;
    case PARAM_STRING:
    case PARAM_PROMPT: *(const char **)at = value; return true;
    case PARAM_FILE:
        if (*(const char **)at) return true;
        return error_set(e, ERR_ARGUMENT, "%s: needs the file of noise that the picture began with", key);
    default: return take_number(p, key, value, r, e);
    }
}

bool infotext_request(const InfoRead *text, SdRequest *r, Error *e) {
    r->prompt = text->prompt;
    r->negative = text->negative;
    for (int i = 0; i < text->count; i++) {
        const InfoPair *pair = &text->pairs[i];
        const Param *p = param_keyed(pair->key);
        const struct Key *k = other(pair->key);
        /* What a version implies changes how prompts are read, or float16 rounding; comparing pictures will tell. */
        if (!p && !k && (pair->implied || is_control_key(pair->key))) continue; /* infotext_control */
        if (!p && !k) return unsupported(pair->key, pair->value, e);
        if (!(p ? take(p, pair->key, pair->value, r, e) : take_other(k, pair->value, e))) return false;
    }
    const char *enlarger = infotext_get(text, "SD upscale upscaler");
    if (enlarger && !request_tiles(r)) r->sd_upscale = strcmp(enlarger, "None") ? 2 : 1; /* the webui does not say it */
    if (!infotext_refiner(text)) r->refiner_by_steps = false; /* the webui states the option without a refiner, too */
    return true;
}

const char *infotext_refiner(const InfoRead *text) {
    const char *name = infotext_get(text, "Refiner");
    return name && *name ? name : NULL;
}

const char *infotext_hires_model(const InfoRead *text) {
    const char *name = infotext_get(text, "Hires checkpoint");
    return name && *name && strcmp(name, "Use same checkpoint") ? name : NULL;
}

const char *infotext_part(const InfoRead *text, const char *key, const char **hash) {
    const char *name = infotext_get(text, key), *bracket = name ? strrchr(name, '[') : NULL;
    bool vae = !strcmp(key, "VAE");
    *hash = vae ? infotext_get(text, "VAE hash") : bracket ? bracket + 1 : NULL;
    if (vae && name && (!strcmp(name, "None") || !strcmp(name, "Automatic"))) return NULL; /* the webui's words */
    return name && *name ? name : NULL;
}

/* Entry i of a list, and where its name ends: at the colon, or, without one, with it. */
static bool entry_of(const char *list, int i, const char **at, const char **colon, const char **end) {
    for (*at = list ? list : "";; *at = *end, i--) {
        *at += strspn(*at, " ,");
        *end = *at + strcspn(*at, ",");
        if (!**at) return false;
        const char *found = memchr(*at, ':', (size_t)(*end - *at));
        *colon = found ? found : *end;
        if (i <= 0) return true;
    }
}

/* What stands after the colon, without spaces around it. */
static size_t value_of(const char *colon, const char *end, const char **value) {
    *value = colon < end ? colon + 1 : end;
    while (*value < end && **value == ' ') ++*value;
    while (end > *value && end[-1] == ' ') end--;
    return (size_t)(end - *value);
}

bool infotext_hash(const char *list, int i, char name[INFOTEXT_NAME], char hash[INFOTEXT_HASH]) {
    const char *at, *colon, *end, *value;
    if (!entry_of(list, i, &at, &colon, &end)) return false;
    value_of(colon, end, &value);
    snprintf(name, INFOTEXT_NAME, "%.*s", (int)(colon - at), at);
    snprintf(hash, INFOTEXT_HASH, "%.*s", (int)strspn(value, "0123456789abcdefABCDEF"), value);
    return true;
}

bool infotext_brought(const char *list, int i, const char *networks) {
    const char *at, *colon, *end, *value;
    char name[INFOTEXT_NAME], hash[INFOTEXT_HASH];
    if (!entry_of(list, i, &at, &colon, &end)) return false;
    size_t size = value_of(colon, end, &value);
    for (int k = 0; infotext_hash(networks, k, name, hash); k++)
        if (strlen(name) == size && !memcmp(name, value, size)) return true;
    return false;
}

bool infotext_listed(const char *name, const char *listed) {
    for (; *name; name++)
        if (*name != ':' && *name != ',' && *name != *listed++) return false;
    return !*listed;
}

bool infotext_precision(const InfoRead *text, SdPrecision *out, Error *e) {
    const char *value = infotext_get(text, "Precision");
    int word = value ? words_find(PRECISION_WORDS, value) : SD_F32;
    if (word < 0) return unsupported("Precision", value, e);
    *out = (SdPrecision)word;
    return true;
}

bool infotext_prediction(const InfoRead *text, SdPrediction *out, Error *e) {
    const char *value = infotext_get(text, "Prediction");
    int word = value ? words_find(PREDICTION_WORDS, value) : -1;
    if (value && word < 0) return unsupported("Prediction", value, e);
    *out = value ? (SdPrediction)(word + 1) : SD_PREDICTION_MODEL;
    return true;
}

bool infotext_ema(const InfoRead *text) {
    const char *value = infotext_get(text, "EMA");
    return value && !strcmp(value, "True");
}

int infotext_exact(const InfoRead *text) {
    const char *value = infotext_get(text, "Exact");
    return value ? (int)strtol(value, NULL, 10) : 0;
}
