/* link.h: a connection to Redis that comes back. */
#ifndef SD_TOOLS_SERVER_REDIS_LINK_H
#define SD_TOOLS_SERVER_REDIS_LINK_H

#include "tensor/error.h"

#include <hiredis/hiredis.h>

/* "redis://[USER:PASSWORD@]HOST[:PORT][/DB]" */
typedef struct {
    char host[256], user[64], password[256];
    int port, db;
} LinkAddress;

/* A password that the address lacks comes from SDC_REDIS_PASSWORD. */
bool link_address(LinkAddress *a, const char *url, Error *e);

typedef struct {
    const LinkAddress *to;
    bool hasty;            /* waits half a second for each reply, not five */
    redisContext *context; /* NULL: not connected */
    double next, pause;    /* when it is tried again */
    char said[200];        /* the last trouble that was told */
} Link;

/* Whether there is a connection, made now if need be. Failures are told once, and tried again a little later. */
bool link_up(Link *l);
void link_down(Link *l);
/* A command as redisCommand's, and its reply, which the caller frees; NULL: there is no connection, or Redis cannot
 * serve now (LOADING, OOM, READONLY ...), and the connection is closed. An error of another kind is a reply. */
redisReply *link_ask(Link *l, const char *format, ...);
redisReply *link_ask_list(Link *l, int count, const char **words, const size_t *sizes);
/* Without its reply: whether it was served. */
bool link_do(Link *l, const char *format, ...);
/* Sends a command whose reply link_hear brings: of a connection that listens to channels. */
bool link_say(Link *l, const char *format, ...);
/* What a channel brings, waiting up to `seconds`: the reply, which the caller frees; NULL: nothing, or no connection.
 */
redisReply *link_hear(Link *l, double seconds);

/* Whether a reply is an error that begins so. */
bool link_is_error(const redisReply *r, const char *begins);
/* The string of a reply, or of element i; NULL: it is none. */
const char *link_string(const redisReply *r);
const redisReply *link_at(const redisReply *r, size_t i);

#endif
