/* http.h: HTTP by libmicrohttpd: calls arrive whole, and are answered at once, later, or bit by bit.
 *
 * libmicrohttpd's timeout counts inactivity only, and a suspended connection is not watched. So http_watch, which is
 * called all the time, holds connections to deadlines that bytes now and then do not move, and notices clients that
 * went away while they waited. */
#ifndef SD_TOOLS_SERVER_HTTP_HTTP_H
#define SD_TOOLS_SERVER_HTTP_HTTP_H

#include "call.h"
#include "tensor/error.h"
#include "tensor/os.h"

typedef struct Http Http;

typedef struct {
    OsListener at;
    const char *cert, *key; /* PEM texts; NULL: no TLS */
    int connections;
    size_t most_body; /* bytes of one body; all together: four times as many */
    int spaces_after; /* seconds after which a waiting call gets 200 and spaces until its answer is there */
    void *user;
    /* All are called by threads of libmicrohttpd, never two for one call.
     * begin: the headers are there; false: c->answer is the answer, whatever the body.
     * handle: the body is there, too. Sets c->answer or c->waits or c->stream.
     * ended: nobody waits for c any more; it is freed afterwards. */
    bool (*begin)(void *user, Call *c);
    void (*handle)(void *user, Call *c);
    void (*ended)(void *user, Call *c, int status, size_t sent);
} HttpOptions;

/* Takes o->at.socket over. NULL on error. */
Http *http_start(const HttpOptions *o, Error *e);
/* Stops; calls that wait must have been answered. NULL is fine. */
void http_stop(Http *h);
void http_watch(Http *h);
/* How many connections there are, and calls whose answer has not been sent. */
void http_count(Http *h, int *connections, int *calls);

/* From any thread, for a call whose `ended` has not been called: the answer of a call that waits, which takes a over.
 */
void http_answer(Call *c, Answer *a);

#endif
