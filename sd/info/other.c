/* other.c: what the readers of other programs' texts share. */
#include "other.h"

#include "sd/text/unicode.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- fields --- */

void other_miss(Other *o, const char *format, ...) {
    size_t n = strlen(o->missing), left = sizeof o->missing - n;
    va_list args;
    if (left < 8) return;
    if (n) n += (size_t)snprintf(o->missing + n, left, "; ");
    va_start(args, format);
    vsnprintf(o->missing + n, sizeof o->missing - n, format, args);
    va_end(args);
    char *valid = utf8_valid(o->missing, strlen(o->missing)); /* it may have been cut within a character */
    if (valid) snprintf(o->missing, sizeof o->missing, "%.*s", (int)utf8_whole(valid, sizeof o->missing - 1), valid);
    free(valid);
}

void other_put(Other *o, const char *key, const char *value) {
    char name[80];
    size_t n = 0;
    if (!value || !*value || o->e->code) return;
    for (size_t i = 0, length = utf8_whole(key, sizeof name - 1); i < length;) {
        uint32_t c;
        bool valid;
        size_t size = utf8_decode((const uint8_t *)key + i, length - i, &c, &valid);
        bool ok = c == ' ' || c == '-' || c == '/' || (unicode_flags(c) & UNICODE_WORD);
        if (ok) memcpy(name + n, key + i, size), n += size;
        else name[n++] = '_';
        i += size;
    }
    name[n] = 0;
    infotext_put(o->read, name, value, o->e);
}

void other_number(Other *o, const char *key, int64_t v) {
    char number[24];
    snprintf(number, sizeof number, "%" PRId64, v);
    other_put(o, key, number);
}

Json *other_parse(Other *o, const char *text) {
    Error own = {0};
    if (!text || text[strspn(text, " \t\r\n")] != '{') return NULL;
    Json *j = json_parse_python("its text", text, strlen(text), &own);
    if (own.code == ERR_MEMORY) error_pass(o->e, &own);
    return j;
}

const char *other_text(const JsonNode *n) {
    return n && (n->type == JSON_STRING || n->type == JSON_NUMBER) ? n->text : NULL;
}

void other_json(Other *o, const char *key, const JsonNode *n) {
    if (n && (n->type == JSON_TRUE || n->type == JSON_FALSE))
        other_put(o, key, n->type == JSON_TRUE ? "True" : "False");
    else other_put(o, key, other_text(n));
}

void other_append(Other *o, char **to, const char *between, const char *text) {
    if (!text || !*text || o->e->code) return;
    size_t n = *to ? strlen(*to) : 0, m = strlen(text);
    char *longer = realloc(*to, n + strlen(between) + m + 1);
    if (!longer) {
        image_texts_no_memory(o->e);
        return;
    }
    if (n) strcpy(longer + n, between), n += strlen(between);
    memcpy(longer + n, text, m + 1);
    *to = longer;
}

void other_prompt(Other *o, const char *text) { other_append(o, &o->read->prompt, "\n", text); }
void other_negative(Other *o, const char *text) { other_append(o, &o->read->negative, "\n", text); }

/* From the last separator on, up to the ending of a weight file. */
static const char *base(const char *file, size_t *n) {
    static const char *const ENDINGS[] = {".safetensors", ".ckpt", ".pt", ".pth", ".bin", ".gguf", ".sft"};
    for (const char *p = file; *p; p++)
        if (*p == '/' || *p == '\\') file = p + 1;
    *n = strlen(file);
    for (size_t i = 0; i < sizeof ENDINGS / sizeof *ENDINGS; i++) {
        size_t m = strlen(ENDINGS[i]);
        if (*n > m && !strcmp(file + *n - m, ENDINGS[i])) {
            *n -= m;
            break;
        }
    }
    return file;
}

void other_model(Other *o, const char *key, const char *file) {
    char name[256];
    size_t n;
    if (!file) return;
    const char *p = base(file, &n);
    snprintf(name, sizeof name, "%.*s", (int)(n < 255 ? n : utf8_whole(p, 255)), p);
    if (*name) other_put(o, key, name);
}

void other_lora(Other *o, const char *name, const char *strength) {
    char tag[400];
    size_t n;
    if (!name) return;
    const char *p = base(name, &n);
    if (!strength) strength = "1";
    snprintf(tag, sizeof tag, "<lora:%.*s:%.*s>", (int)(n < 255 ? n : utf8_whole(p, 255)), p,
             (int)utf8_whole(strength, 20), strength);
    other_append(o, &o->read->prompt, "", tag);
}

bool other_size(Other *o) {
    if (!o->texts->width || !o->texts->height) return false;
    other_number(o, "Size-1", o->texts->width);
    other_number(o, "Size-2", o->texts->height);
    return true;
}

void other_sampler(Other *o, const char *name) {
    const char *schedule;
    if (!name || !*name) return;
    const char *ours = other_sampler_name(name, &schedule);
    if (!ours) other_miss(o, "its sampler '%.60s' is none of sdc's", name);
    other_put(o, "Sampler", ours ? ours : name);
    if (schedule) other_put(o, "Schedule type", schedule);
}

void other_scheduler(Other *o, const char *name) {
    if (!name || !*name) return;
    const char *ours = other_scheduler_name(name);
    if (!ours) other_miss(o, "its schedule '%.60s' is none of sdc's", name);
    other_put(o, "Schedule type", ours ? ours : name);
}
