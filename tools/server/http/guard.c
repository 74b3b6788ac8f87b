#include "guard.h"

#include <stdio.h>
#include <string.h>

static bool same_word(const char *a, size_t n, const char *b) {
    size_t i = 0;
    for (; i < n && b[i]; i++) {
        char x = a[i], y = b[i];
        if (x >= 'A' && x <= 'Z') x |= 32;
        if (y >= 'A' && y <= 'Z') y |= 32;
        if (x != y) return false;
    }
    return i == n && !b[i];
}

static bool in_list(const char *list, const char *word, size_t n) {
    for (const char *p = list; p && *p; p += strspn(p, ", ")) {
        size_t length = strcspn(p, ", ");
        char item[256];
        snprintf(item, sizeof item, "%.*s", (int)length, p);
        if (same_word(word, n, item)) return true;
        p += length;
    }
    return false;
}

/* --- Host: a page whose own name leads to this machine (DNS rebinding) must not reach us --- */

static bool is_address(const char *host, size_t n) {
    if (n > 2 && *host == '[') return true;
    size_t digits = strspn(host, "0123456789.");
    return digits == n && n > 0;
}

static bool host_allowed(const Guard *g, const char *header) {
    if (!header || g->any_host) return true; /* no browser leaves it out */
    size_t n = *header == '[' ? strcspn(header, "]") : strcspn(header, ":");
    if (*header == '[' && header[n]) n++;
    return is_address(header, n) || same_word(header, n, "localhost") || same_word(header, n, g->listen) ||
           in_list(g->hosts, header, n);
}

/* --- Origin --- */

static bool origin_is_ours(const char *origin, const char *host) {
    const char *p = strstr(origin, "://");
    return p && host && same_word(p + 3, strlen(p + 3), host);
}

static bool origin_allowed(const Guard *g, Call *c) {
    const char *origin = c->header[HEADER_ORIGIN], *site = c->header[HEADER_FETCH_SITE];
    if (!origin) return !site || strcmp(site, "cross-site") != 0 || !strcmp(c->path, "/");
    if (in_list(g->origins, origin, strlen(origin))) {
        snprintf(c->origin, sizeof c->origin, "%s", origin);
        return true;
    }
    return origin_is_ours(origin, c->header[HEADER_HOST]);
}

static void preflight(Call *c) {
    answer_text(&c->answer, 204, "application/json", "");
    answer_extra(&c->answer, "Allow: GET, HEAD, POST, DELETE, OPTIONS");
    if (!*c->origin) return;
    answer_extra(&c->answer, "Access-Control-Allow-Methods: GET, POST, DELETE, OPTIONS");
    answer_extra(&c->answer, "Access-Control-Allow-Headers: authorization, content-type, api-key, idempotency-key");
}

bool guard_call(const Guard *g, Call *c, bool open) {
    if (!host_allowed(g, c->header[HEADER_HOST]))
        return answer_detail(&c->answer, 403, "Host: this name is not the server's; start it with --hosts NAME"), false;
    if (!origin_allowed(g, c))
        return answer_detail(&c->answer, 403, "Origin: pages from there may not call; start the server with --origins"),
               false;
    if (!strcmp(c->method, "OPTIONS")) return preflight(c), false;
    if (!g->keys->count || open) return true;
    c->key = keys_find(g->keys, c);
    if (c->key >= 0) return true;
    answer_detail(&c->answer, 401, "Not authenticated");
    answer_extra(&c->answer, "WWW-Authenticate: Basic realm=\"sdc\"");
    return false;
}

bool guard_json(Call *c) {
    const char *type = c->header[HEADER_TYPE];
    size_t n = type ? strcspn(type, "; ") : 0;
    if (type ? same_word(type, n, "application/json") || (n > 5 && same_word(type + n - 5, 5, "+json"))
             : !c->header[HEADER_ORIGIN])
        return true;
    answer_detail(&c->answer, 415, "Content-Type: application/json is wanted");
    return false;
}
