#include "link.h"

#include "tensor/os.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAUSE_LEAST 0.1
#define PAUSE_MOST 2.0
static const struct timeval PATIENCE = {5, 0}, HASTE = {0, 500000};

bool link_address(LinkAddress *a, const char *url, Error *e) {
    const char *p = strncmp(url, "redis://", 8) ? NULL : url + 8, *at = p ? strrchr(p, '@') : NULL;
    int used = 0;
    *a = (LinkAddress){.port = 6379};
    if (at) {
        size_t user = strcspn(p, ":@");
        if (user >= sizeof a->user || at - p - (long)user > (long)sizeof a->password) p = NULL;
        else {
            snprintf(a->user, sizeof a->user, "%.*s", (int)user, p);
            if (p[user] == ':')
                snprintf(a->password, sizeof a->password, "%.*s", (int)(at - p) - (int)user - 1, p + user + 1);
            p = at + 1;
        }
    }
    if (p) {
        size_t n = *p == '[' ? strcspn(p, "]") + 1 : strcspn(p, ":/");
        if (!n || n >= sizeof a->host || (*p == '[' && p[n - 1] != ']')) p = NULL;
        else {
            snprintf(a->host, sizeof a->host, "%.*s", (int)(*p == '[' ? n - 2 : n), p + (*p == '['));
            p += n;
            if (*p == ':' && sscanf(p, ":%5d%n", &a->port, &used) == 1) p += used;
            if (*p == '/' && sscanf(p, "/%4d%n", &a->db, &used) == 1) p += used;
            if (*p == '/' && !p[1]) p++;
            if (*p || a->port < 1 || a->port > 65535 || a->db < 0) p = NULL;
        }
    }
    if (!p)
        return error_set(e, ERR_ARGUMENT,
                         "--redis: is no redis://HOST, redis://HOST:PORT/DB or redis://:PASSWORD@HOST");
    const char *secret = getenv("SDC_REDIS_PASSWORD");
    if (!*a->password && secret && strlen(secret) < sizeof a->password) strcpy(a->password, secret);
    return true;
}

void link_down(Link *l) {
    if (l->context) redisFree(l->context);
    l->context = NULL;
}

/* It did not work: tells why, if that is new, and waits before the next time. */
static void trouble(Link *l, const char *reason) {
    char why[190]; /* the reason may be the connection's */
    snprintf(why, sizeof why, "%s", *reason ? reason : "no connection");
    link_down(l);
    l->pause = l->pause > 0 ? 2 * l->pause : PAUSE_LEAST;
    if (l->pause > PAUSE_MOST) l->pause = PAUSE_MOST;
    l->next = os_clock() + l->pause;
    if (!strcmp(l->said, why)) return;
    snprintf(l->said, sizeof l->said, "%s", why);
    fprintf(stderr, "sdc: Redis at %.100s:%d: %s; it is tried again\n", l->to->host, l->to->port, why);
}

static bool greet(Link *l, const char *format, const char *a, const char *b) {
    redisReply *r = redisCommand(l->context, format, a, b);
    bool ok = r && r->type != REDIS_REPLY_ERROR;
    char why[190];
    snprintf(why, sizeof why, "%s", r && r->str ? r->str : l->context->errstr);
    if (r) freeReplyObject(r);
    return ok || (trouble(l, why), false);
}

bool link_up(Link *l) {
    char db[16];
    if (l->context) return true;
    if (os_clock() < l->next) return false;
    struct timeval patience = l->hasty ? HASTE : PATIENCE;
    l->context = redisConnectWithTimeout(l->to->host, l->to->port, patience);
    if (!l->context || l->context->err) return trouble(l, l->context ? l->context->errstr : "out of memory"), false;
    redisSetTimeout(l->context, patience);
    snprintf(db, sizeof db, "%d", l->to->db);
    if (*l->to->password && *l->to->user && !greet(l, "AUTH %s %s", l->to->user, l->to->password)) return false;
    if (*l->to->password && !*l->to->user && !greet(l, "AUTH %s", l->to->password, NULL)) return false;
    if (l->to->db && !greet(l, "SELECT %s", db, NULL)) return false;
    if (!greet(l, "PING", NULL, NULL)) return false;
    l->pause = 0, *l->said = 0;
    return true;
}

static redisReply *check(Link *l, redisReply *r) {
    static const char *const WAIT[] = {"LOADING", "OOM",    "READONLY",    "MISCONF",
                                       "BUSY ",   "NOAUTH", "CLUSTERDOWN", "MASTERDOWN"};
    if (!r) return trouble(l, l->context->errstr), NULL;
    for (size_t i = 0; i < sizeof WAIT / sizeof *WAIT; i++)
        if (link_is_error(r, WAIT[i])) {
            trouble(l, r->str);
            freeReplyObject(r);
            return NULL;
        }
    return r;
}

redisReply *link_ask(Link *l, const char *format, ...) {
    va_list args;
    if (!link_up(l)) return NULL;
    va_start(args, format);
    redisReply *r = redisvCommand(l->context, format, args);
    va_end(args);
    return check(l, r);
}

redisReply *link_ask_list(Link *l, int count, const char **words, const size_t *sizes) {
    return link_up(l) ? check(l, redisCommandArgv(l->context, count, words, sizes)) : NULL;
}

bool link_do(Link *l, const char *format, ...) {
    va_list args;
    if (!link_up(l)) return false;
    va_start(args, format);
    redisReply *r = redisvCommand(l->context, format, args);
    va_end(args);
    r = check(l, r);
    bool ok = r && r->type != REDIS_REPLY_ERROR;
    if (r) freeReplyObject(r);
    return ok;
}

bool link_say(Link *l, const char *format, ...) {
    va_list args;
    int done = 0;
    if (!link_up(l)) return false;
    va_start(args, format);
    bool ok = redisvAppendCommand(l->context, format, args) == REDIS_OK;
    va_end(args);
    while (ok && !done) ok = redisBufferWrite(l->context, &done) == REDIS_OK;
    return ok || (trouble(l, l->context->errstr), false);
}

redisReply *link_hear(Link *l, double seconds) {
    void *r = NULL;
    if (!l->context) return NULL;
    if (redisReaderGetReply(l->context->reader, &r) != REDIS_OK) return trouble(l, l->context->errstr), NULL;
    if (r || !os_readable(l->context->fd, seconds)) return r;
    if (redisBufferRead(l->context) != REDIS_OK || redisReaderGetReply(l->context->reader, &r) != REDIS_OK)
        return trouble(l, l->context->errstr), NULL;
    return r;
}

bool link_is_error(const redisReply *r, const char *begins) {
    return r && r->type == REDIS_REPLY_ERROR && !strncmp(r->str, begins, strlen(begins));
}

const char *link_string(const redisReply *r) {
    return r && (r->type == REDIS_REPLY_STRING || r->type == REDIS_REPLY_STATUS) ? r->str : NULL;
}

const redisReply *link_at(const redisReply *r, size_t i) {
    return r && r->type == REDIS_REPLY_ARRAY && i < r->elements ? r->element[i] : NULL;
}
