/* infotext.c: the "parameters" text of AUTOMATIC1111's webui (modules/processing.py, create_infotext; quoting in
 * modules/infotext_utils.py).
 *
 *   prompt
 *   Negative prompt: negative
 *   Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: 42, Size: 512x512, ..., Version: sd.c
 *
 * Which pairs there are, and in which order, is in the table of settings (params.c). Numbers are written as Python's
 * str() would, but whole ones without ".0", and never by the locale. */
#include "infotext.h"
#include "info_writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The ASCII characters that Python's str.strip() removes: the information separators, too. */
static bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r') || (c >= 0x1C && c <= 0x1F); }

/* Adds a row's pair; "Size-1" and the row after it make "Size: 512x768". */
static void add_param(InfoWriter *t, const Param *p, const SdRequest *r, const Sampler *sampler,
                      const Scheduler *scheduler) {
    const void *at = (const char *)r + p->at;
    bool webui_time = sampler->space == SPACE_TIME && !(sampler->flags & SAMPLER_DIFFUSERS);
    const char *key = p->key_time && webui_time ? p->key_time : p->key;
    char value[INFO_NUMBER], name[40];
    size_t n = strlen(key);
    if (n > 2 && !strcmp(key + n - 2, "-2")) return; /* written with its first half */
    switch (p->type) {
    case PARAM_INT: snprintf(value, sizeof value, "%d", *(const int *)at); break;
    case PARAM_INT64: snprintf(value, sizeof value, "%lld", (long long)*(const int64_t *)at); break;
    case PARAM_DOUBLE: info_number(*(const double *)at, value); break;
    case PARAM_BOOL:
    case PARAM_ENUM: words_get(param_key_words(p), (int)param_number(p, r), value, sizeof value); break;
    case PARAM_SAMPLER:
        if (p->of_hires) sampler = sampler_parse(*(const char *const *)at, &scheduler);
        if (sampler) info_pair(t, key, sampler->name);
        return;
    case PARAM_SCHEDULER:
        if (p->of_hires) scheduler = scheduler_find(*(const char *const *)at);
        info_pair(t, key, scheduler ? scheduler->label : "Automatic");
        return;
    case PARAM_STRING:
    case PARAM_PROMPT: info_pair(t, key, *(const char *const *)at); return;
    default: snprintf(value, sizeof value, "file"); break;
    }
    if (n > 2 && !strcmp(key + n - 2, "-1")) {
        size_t used = strlen(value);
        snprintf(name, sizeof name, "%.*s", (int)(n - 2), key);
        snprintf(value + used, sizeof value - used, "x%.0f", param_number(p + 1, r));
        key = name;
    }
    info_pair(t, key, value);
}

char *infotext(const SdRequest *r, const Sampler *sampler, const Scheduler *scheduler, const InfoField *fields,
               Error *e) {
    InfoWriter t = {.p = NULL};
    const char *prompt = r->prompt ? r->prompt : "";
    while (is_space(*prompt)) prompt++; /* the webui strips the whole text */
    if (*prompt) info_add(&t, prompt), info_add(&t, "\n");
    if (r->negative && *r->negative) info_add(&t, "Negative prompt: "), info_add(&t, r->negative), info_add(&t, "\n");
    for (int place = 1; place <= PLACE_END; place++) {
        for (const InfoField *f = fields; f && f->key; f++)
            if (f->place == place) info_pair(&t, f->key, f->value);
        for (const Param *p = PARAMS; p < PARAMS + PARAM_COUNT; p++)
            if (p->place == place && param_written(p, r, sampler)) add_param(&t, p, r, sampler, scheduler);
    }
    if (t.failed) {
        free(t.p);
        error_set(e, ERR_MEMORY, "out of memory while writing a picture's text");
        return NULL;
    }
    return t.p;
}
