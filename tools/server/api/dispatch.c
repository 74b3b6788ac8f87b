#include "dispatch.h"

#include "stamp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const Route *const ROUTES[] = {WEBUI_ROUTES,     WEBUI_LISTS,   EXTRA_ROUTES,  CONTROL_ROUTES, DESCRIBE_ROUTES,
                               PHOTOSHOP_ROUTES, NATIVE_ROUTES, TOKEN_ROUTES,  CARD_ROUTES,    STYLE_ROUTES,
                               OPENAI_ROUTES,    PAGE_ROUTES,   HEALTH_ROUTES, OPENAPI_ROUTES, NULL};

static bool leads_to(const Route *r, const char *path) {
    size_t n = strlen(r->path);
    return !strncmp(r->path, path, n) && (!path[n] || (r->flags & ROUTE_BELOW && path[n] == '/'));
}

/* The route of a call; *known: whether its path has one of another method. */
static const Route *find(const Call *c, const Route **known) {
    const char *method = !strcmp(c->method, "HEAD") ? "GET" : c->method;
    *known = NULL;
    for (const Route *const *table = ROUTES; *table; table++)
        for (const Route *r = *table; r->path; r++) {
            if (!leads_to(r, c->path)) continue;
            *known = r;
            if (!strcmp(r->method, method)) return r;
        }
    return NULL;
}

bool dispatch_begin(void *user, Call *c) {
    Serve *s = user;
    const Route *known, *r = find(c, &known);
    c->route = known ? known->path : NULL;
    bool in = guard_call(&s->guard, c, r && r->flags & ROUTE_OPEN);
    if (!in && known && known->flags & ROUTE_OPENAI) answer_as_openai(&c->answer);
    return in;
}

static bool read_body(const Route *r, Call *c) {
    if (!(r->flags & ROUTE_JSON)) return true;
    if (!c->size) return c->json = json_object(), c->json != NULL;
    if (!guard_json(c)) return false;
    json_error_t where;
    c->json = json_loadb(c->body, c->size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &where);
    if (!c->json) return answer_detail(&c->answer, 422, "the body is no JSON: %.150s", where.text), false;
    if (json_is_null(c->json) || (json_is_string(c->json) && !*json_string_value(c->json))) {
        json_decref(c->json);
        c->json = json_object();
    }
    if (!json_is_object(c->json)) return answer_detail(&c->answer, 422, "the body is not a JSON object"), false;
    free(c->body); /* a large one is a picture */
    c->body = NULL, c->size = 0;
    return true;
}

void dispatch_handle(void *user, Call *c) {
    const Route *known, *r = find(c, &known);
    if (!known) answer_detail(&c->answer, 404, "Not Found");
    else if (!r) {
        answer_detail(&c->answer, 405, "Method Not Allowed");
        answer_extra(&c->answer, "Allow: %s", known->method);
    } else if (read_body(r, c)) {
        const Serve *s = user;
        const char *prompt = s->o->log_prompts ? json_string_value(json_object_get(c->json, "prompt")) : NULL;
        c->prompt = prompt ? malloc(strlen(prompt) + 1) : NULL;
        if (c->prompt) strcpy(c->prompt, prompt);
        r->handle(user, c);
    }
    if (known && known->flags & ROUTE_OPENAI && !c->waits) answer_as_openai(&c->answer);
}

/* One line of JSON; nothing of what was asked for, unless that was wanted. */
static void log_line(const Serve *s, const Call *c, int status, size_t sent) {
    char time[STAMP_SIZE];
    json_t *line = json_pack("{s:s, s:s, s:s, s:i, s:f, s:I}", "time", stamp_iso(stamp_now(), time), "method",
                             c->method, "path", c->route ? c->route : "unknown", "status", status, "seconds",
                             os_clock() - c->began, "bytes", (json_int_t)sent);
    if (line && c->key >= 0) json_object_set_new(line, "key", json_string(s->keys.at[c->key].name));
    if (line && c->prompt) json_object_set_new(line, "prompt", json_string(c->prompt));
    char *text = line ? json_dumps(line, JSON_COMPACT | JSON_REAL_PRECISION(6)) : NULL;
    if (text) fprintf(stderr, "%s\n", text);
    free(text);
    json_decref(line);
}

void dispatch_ended(void *user, Call *c, int status, size_t sent) {
    Serve *s = user;
    jobs_gone(s->jobs, c, s->o->keep_orphans);
    s->calls[status >= 100 && status < 600 ? status / 100 : 0]++;
    if (!s->o->quiet) log_line(s, c, status, sent);
}
