#include "call.h"

#include "weights/files/utf8.h"

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

json_t *json_lossy(const char *text) {
    char *whole = utf8_valid(text, strlen(text));
    json_t *j = whole ? json_string_nocheck(whole) : NULL;
    free(whole);
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
    return answer_json(a, status, json_pack("{s:o}", "detail", json_lossy(text)));
}

int answer_openai(Answer *a, int status, const char *kind, const char *param, const char *format, ...) {
    char text[900];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return answer_json(a, status,
                       json_pack("{s:{s:o, s:s, s:s?, s:n}}", "error", "message", json_lossy(text), "type", kind,
                                 "param", param, "code"));
}

void answer_as_openai(Answer *a) {
    json_t *j = a->status >= 400 && a->body ? json_loadb(a->body, a->size, 0, NULL) : NULL;
    const char *text = json_string_value(json_object_get(j, "detail"));
    if (text) answer_openai(a, a->status, a->status < 500 ? "invalid_request_error" : "server_error", NULL, "%s", text);
    json_decref(j);
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
