#include "params_json.h"

#include "info_writer.h"
#include "weights/files/utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_setting(const Param *p) { return p->json && p->type != PARAM_FILE; }

/* --- writing --- */

static void add_value(InfoWriter *t, const Param *p, const SdRequest *r) {
    const void *at = (const char *)r + p->at;
    const char *s = p->type >= PARAM_SAMPLER ? *(const char *const *)at : NULL;
    char value[INFO_NUMBER];
    switch (p->type) {
    case PARAM_BOOL: info_add(t, *(const bool *)at ? "true" : "false"); return;
    case PARAM_INT64: snprintf(value, sizeof value, "%lld", (long long)*(const int64_t *)at); break;
    case PARAM_ENUM: info_json(t, words_get(p->value, (int)param_number(p, r), value, sizeof value)); return;
    case PARAM_SAMPLER: info_json(t, s ? s : p->text ? p->text : ""); return;
    case PARAM_SCHEDULER: info_json(t, s ? s : "Automatic"); return;
    case PARAM_PROMPT: info_json(t, s ? s : ""); return;
    case PARAM_STRING:
        if (s) info_json(t, s);
        else info_add(t, "null");
        return;
    default: info_number(param_number(p, r), value); break;
    }
    info_add(t, value);
}

/* A prompt's bytes are checked as a request is (params_check); a glob's are not. */
static bool is_text(const Param *p, const SdRequest *r) {
    const char *s = p->type == PARAM_STRING ? *(const char *const *)((const char *)r + p->at) : NULL;
    return !s || utf8_is_valid(s, strlen(s));
}

char *params_json(const SdRequest *r, Error *e) {
    InfoWriter t = {.p = NULL};
    for (const Param *p = PARAMS; p < PARAMS + PARAM_COUNT; p++) {
        if (!is_setting(p) || !param_has_owner(p, r)) continue;
        if ((p->of_hires || p->of_tiles) && p->type >= PARAM_SAMPLER &&
            !*(const char *const *)((const char *)r + p->at))
            continue;
        if (!is_text(p, r)) {
            free(t.p);
            error_set(e, ERR_ARGUMENT, "%s: is not UTF-8; convert it", p->name);
            return NULL;
        }
        info_add(&t, t.p ? "," : "{");
        info_json(&t, p->json);
        info_add(&t, ":");
        add_value(&t, p, r);
    }
    info_add(&t, "}");
    if (!t.failed) return t.p;
    free(t.p);
    error_set(e, ERR_MEMORY, "out of memory while writing settings");
    return NULL;
}

/* --- reading --- */

static const Param *setting(const char *key) {
    for (const Param *p = PARAMS; p < PARAMS + PARAM_COUNT; p++)
        if (is_setting(p) && !strcmp(p->json, key)) return p;
    return NULL;
}

static bool wrong(const JsonNode *n, const char *wanted, Error *e) {
    return error_set(e, ERR_ARGUMENT, "%.60s: is not %s", n->key, wanted);
}

static bool take_number(const Param *p, const JsonNode *n, SdRequest *r, Error *e) {
    int64_t whole = 0;
    double number = 0;
    if (p->type == PARAM_DOUBLE ? !json_double(n, &number) : !json_int(n, &whole))
        return wrong(n, p->type == PARAM_DOUBLE ? "a number" : "a whole number", e);
    if (p->type != PARAM_DOUBLE) number = (double)whole;
    if (!param_admits(p, number)) return error_set(e, ERR_ARGUMENT, "%s: %.10g is outside its range", p->json, number);
    if (p->type == PARAM_INT64) *(int64_t *)((char *)r + p->at) = whole; /* exactly */
    else param_set_number(p, r, number);
    return true;
}

static bool take(const Param *p, const JsonNode *n, SdRequest *r, Error *e) {
    const char **text = (const char **)((char *)r + p->at);
    if (p->type < PARAM_BOOL) return take_number(p, n, r, e);
    if (p->type == PARAM_BOOL) {
        if (n->type != JSON_TRUE && n->type != JSON_FALSE) return wrong(n, "true or false", e);
        param_set_number(p, r, n->type == JSON_TRUE);
        return true;
    }
    if (p->type == PARAM_STRING && n->type == JSON_NULL) return *text = NULL, true;
    if (n->type != JSON_STRING) return wrong(n, "a string", e);
    if (p->type == PARAM_ENUM) {
        int word = words_find(p->value, n->text);
        if (word < 0) return error_set(e, ERR_ARGUMENT, "%s: '%.60s' must be one of %s", p->json, n->text, p->value);
        param_set_number(p, r, word);
        return true;
    }
    const Scheduler *scheduler = NULL;
    if (p->type == PARAM_SAMPLER && !sampler_parse(n->text, &scheduler))
        return error_set(e, ERR_ARGUMENT, "%s: '%.60s' is not supported by this version", p->json, n->text);
    *text = n->text;
    if (p->type != PARAM_SCHEDULER) return true;
    scheduler = scheduler_find(n->text);
    if (!scheduler) return error_set(e, ERR_ARGUMENT, "%s: '%.60s' is not supported by this version", p->json, n->text);
    if (!scheduler->fill) *text = NULL; /* Automatic */
    return true;
}

/* A row whose picture, mask, extension, hires fix or SD upscale is not there, once all of the settings are. */
static bool no_owner(const Param *p, const SdRequest *r, Error *e) {
    if (p->of_mask && !r->mask)
        return error_set(e, ERR_ARGUMENT, "%s: is for inpainting, and there is no mask", p->json);
    if (p->of_extend)
        return error_set(e, ERR_ARGUMENT, "%s: is for pictures that are extended, and this one is not", p->json);
    if (p->of_windows) return error_set(e, ERR_ARGUMENT, "%s: is for tiled diffusion, and there is none", p->json);
    if (p->of_tiles) return error_set(e, ERR_ARGUMENT, "%s: is for SD upscale, and there is none", p->json);
    if (p->of_hires) return error_set(e, ERR_ARGUMENT, "%s: is for hires fix, and there is none", p->json);
    return error_set(e, ERR_ARGUMENT, "%s: is for img2img, and there is no picture", p->json);
}

bool params_from_json(const Json *j, const JsonNode *object, SdRequest *r, Error *e) {
    if (!object || object->type != JSON_OBJECT) return error_set(e, ERR_ARGUMENT, "the settings are not a JSON object");
    for (int32_t i = object->child; i >= 0; i = j->nodes[i].next) {
        const JsonNode *n = &j->nodes[i];
        const Param *p = setting(n->key);
        if (!p) return error_set(e, ERR_ARGUMENT, "%.60s: is not a setting of this version", n->key);
        if (!take(p, n, r, e)) return false;
    }
    for (int32_t i = object->child; i >= 0; i = j->nodes[i].next) {
        const Param *p = setting(j->nodes[i].key);
        if (!param_has_owner(p, r)) return no_owner(p, r, e);
    }
    return true;
}
