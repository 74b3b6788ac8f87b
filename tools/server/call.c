#include "call.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const CALL_HEADER_NAMES[HEADER_COUNT] = {
    [HEADER_HOST] = "Host",
    [HEADER_ORIGIN] = "Origin",
    [HEADER_FETCH_SITE] = "Sec-Fetch-Site",
    [HEADER_AUTHORIZATION] = "Authorization",
    [HEADER_API_KEY] = "api-key",
    [HEADER_TYPE] = "Content-Type",
    [HEADER_IDEMPOTENCY] = "Idempotency-Key",
    [HEADER_PREFLIGHT] = "Access-Control-Request-Method",
};

const char *call_query(const Call *c, const char *name) {
    for (int i = 0; i < c->queries; i++)
        if (!strcmp(c->query[i].name, name)) return c->query[i].value;
    return NULL;
}

json_t *call_json(Call *c) {
    json_t *j = c->json;
    c->json = NULL;
    return j;
}

int answer_bytes(Answer *a, int status, const char *type, char *bytes, size_t size) {
    free(a->body);
    a->body = bytes, a->size = size, a->type = type;
    return a->status = bytes ? status : 500;
}

int answer_text(Answer *a, int status, const char *type, const char *text) {
    char *copy = malloc(strlen(text) + 1);
    if (copy) strcpy(copy, text);
    return answer_bytes(a, status, type, copy, strlen(text));
}

int answer_json(Answer *a, int status, json_t *j) {
    char *text = j ? json_dumps(j, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    json_decref(j);
    return answer_bytes(a, status, "application/json", text, text ? strlen(text) : 0);
}

int answer_detail(Answer *a, int status, const char *format, ...) {
    char text[900];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return answer_json(a, status, json_pack("{s:s?}", "detail", text));
}

int answer_openai(Answer *a, int status, const char *kind, const char *param, const char *format, ...) {
    char text[900];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return answer_json(
        a, status,
        json_pack("{s:{s:s, s:s, s:s?, s:n}}", "error", "message", text, "type", kind, "param", param, "code"));
}

void answer_extra(Answer *a, const char *format, ...) {
    for (size_t i = 0; i < sizeof a->extra / sizeof *a->extra; i++) {
        if (*a->extra[i]) continue;
        va_list args;
        va_start(args, format);
        vsnprintf(a->extra[i], sizeof a->extra[i], format, args);
        va_end(args);
        return;
    }
}

void answer_free(Answer *a) {
    free(a->body);
    *a = (Answer){0};
}

void call_free(Call *c) {
    for (int i = 0; i < HEADER_COUNT; i++) free(c->header[i]);
    for (int i = 0; i < c->queries; i++) free(c->query[i].name), free(c->query[i].value);
    if (c->drop_watch) c->drop_watch(c->watch);
    free(c->body), free(c->prompt);
    json_decref(c->json);
    answer_free(&c->answer);
    *c = (Call){0};
}
