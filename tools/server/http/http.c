#include "http.h"

#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Seconds. */
enum { HEADER_TIME = 20, IDLE_TIME = 75, BODY_TIME = 180, WRITE_TIME = 600, SPACE_EVERY = 15 };
#define STREAM_EVERY 0.1      /* seconds after which a stream is asked for more */
enum { DISCARDED = 1 << 20 }; /* bytes of a refused body that are read so that the client sees the answer */

typedef enum { PHASE_HEADERS, PHASE_BODY, PHASE_WAIT, PHASE_WRITE, PHASE_IDLE } Phase;

typedef struct Connection {
    struct Connection *next, **link;
    intptr_t socket;
    Phase phase;
    double since;
    bool cut;
} Connection;

typedef struct Exchange {
    Call call;
    struct Exchange *next, **link;
    Http *http;
    struct MHD_Connection *mhd;
    Connection *at;
    size_t capacity, given; /* of the body; given: bytes that arrived */
    bool refused, handled, queued;
    bool suspended, aborted; /* under the lock */
    bool spaces, space_due;  /* under the lock: 200 and spaces go out until the answer is there */
    double space_at;
    size_t sent;
    int status;
} Exchange;

struct Http {
    HttpOptions o;
    struct MHD_Daemon *daemon;
    OsLock *lock;
    Connection *connections;
    Exchange *exchanges;
    int count;
    size_t bodies; /* bytes of all */
    bool stops;
};

static Exchange *exchange_of(const Call *c) { return c->carrier; }

static void phase(Http *h, Connection *at, Phase p) {
    os_lock(h->lock);
    if (at) at->phase = p, at->since = os_clock();
    os_unlock(h->lock);
}

/* Whether nobody reads the answer any more. With the lock. */
static bool dead(const Exchange *x) { return x->aborted || x->http->stops; }

/* --- waking --- */

static void wake(Exchange *x) { /* with the lock */
    if (!x->suspended) return;
    x->suspended = false;
    MHD_resume_connection(x->mhd);
}

void http_answer(Call *c, Answer *a) {
    Exchange *x = exchange_of(c);
    os_lock(x->http->lock);
    answer_free(&c->answer);
    c->answer = *a;
    if (!c->answer.status) c->answer.status = 500;
    *a = (Answer){0};
    wake(x);
    os_unlock(x->http->lock);
}

/* --- answers --- */

static void headers(struct MHD_Response *r, const Exchange *x, const char *type, bool spaces) {
    const Call *c = &x->call;
    MHD_add_response_header(r, "Content-Type", type ? type : "application/json");
    MHD_add_response_header(r, "X-Content-Type-Options", "nosniff");
    MHD_add_response_header(r, "Cache-Control", "no-store");
    if (*c->origin) {
        MHD_add_response_header(r, "Access-Control-Allow-Origin", c->origin);
        MHD_add_response_header(r, "Vary", "Origin");
    }
    for (size_t i = 0; !spaces && i < sizeof c->answer.extra / sizeof *c->answer.extra; i++) {
        char line[sizeof c->answer.extra[i]];
        strcpy(line, c->answer.extra[i]);
        char *colon = strchr(line, ':');
        if (!colon) continue;
        *colon = 0;
        MHD_add_response_header(r, line, colon + 1 + (colon[1] == ' '));
    }
}

static enum MHD_Result queue(Exchange *x, int status, struct MHD_Response *r) {
    if (!r) return MHD_NO;
    enum MHD_Result done = MHD_queue_response(x->mhd, (unsigned)status, r);
    MHD_destroy_response(r);
    x->queued = true, x->status = status;
    phase(x->http, x->at, x->call.stream || x->spaces ? PHASE_WAIT : PHASE_WRITE);
    return done;
}

static enum MHD_Result respond(Exchange *x) {
    Answer *a = &x->call.answer;
    static char nothing[] = "{\"detail\":\"out of memory\"}";
    bool empty = !a->body;
    struct MHD_Response *r = MHD_create_response_from_buffer(
        empty ? (a->status == 204 ? 0 : sizeof nothing - 1) : a->size, empty ? nothing : a->body,
        empty ? MHD_RESPMEM_PERSISTENT : MHD_RESPMEM_MUST_FREE);
    if (r) x->sent = a->size, a->body = NULL, headers(r, x, a->type, false);
    return queue(x, a->status, r);
}

/* Waits for http_answer, or for http_watch to ask a stream again. With the lock. */
static void suspend(Exchange *x) {
    x->suspended = true;
    MHD_suspend_connection(x->mhd);
}

/* An error in a stream that has begun is an event of it. */
static void as_event(Answer *a) {
    static const char FORM[] = "event: error\ndata: %s\n\n";
    char *text = a->body ? malloc(a->size + sizeof FORM) : NULL;
    if (!text) return;
    int n = snprintf(text, a->size + sizeof FORM, FORM, a->body);
    free(a->body);
    a->body = text, a->size = (size_t)n;
}

static ssize_t read_spaces(Exchange *x, char *to, size_t room) {
    Answer *a = &x->call.answer;
    ssize_t n = 0;
    os_lock(x->http->lock);
    if (dead(x)) n = MHD_CONTENT_READER_END_WITH_ERROR;
    else if (a->status) {
        if (!x->sent && x->call.events && a->status >= 400) as_event(a);
        if (x->at && x->at->phase == PHASE_WAIT) x->at->phase = PHASE_WRITE, x->at->since = os_clock();
        size_t left = a->size - x->sent;
        if (left > room) left = room;
        if (a->body && left) memcpy(to, a->body + x->sent, left);
        x->sent += a->body ? left : 0;
        n = a->body && left ? (ssize_t)left : MHD_CONTENT_READER_END_OF_STREAM;
    } else if (x->space_due) {
        n = x->call.events ? 3 : 1; /* a comment, or a space */
        memcpy(to, x->call.events ? ":\n\n" : " ", (size_t)n);
        x->space_due = false;
    } else suspend(x);
    os_unlock(x->http->lock);
    return n;
}

static ssize_t reader(void *cls, uint64_t at, char *to, size_t room) {
    Exchange *x = cls;
    size_t size = 0;
    (void)at;
    if (x->spaces) return read_spaces(x, to, room);
    os_lock(x->http->lock);
    bool aborted = dead(x);
    os_unlock(x->http->lock);
    if (aborted) return MHD_CONTENT_READER_END_WITH_ERROR;
    StreamStep step = x->call.stream(&x->call, to, room, &size);
    x->sent += size;
    if (size) return (ssize_t)size;
    if (step == STREAM_END) return MHD_CONTENT_READER_END_OF_STREAM;
    os_lock(x->http->lock);
    if (!dead(x)) suspend(x);
    os_unlock(x->http->lock);
    return 0;
}

static enum MHD_Result begin_stream(Exchange *x, const char *type) {
    struct MHD_Response *r = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 16 << 10, reader, x, NULL);
    if (r) headers(r, x, type, true);
    return queue(x, 200, r);
}

/* The call is whole, or was woken. */
static enum MHD_Result go_on(Exchange *x) {
    if (x->call.stream) return begin_stream(x, "text/event-stream");
    os_lock(x->http->lock);
    bool aborted = dead(x), answered = x->call.answer.status != 0;
    if (answered) x->spaces = false; /* none has been sent yet */
    bool spaces = x->spaces;
    if (!aborted && !spaces && !answered) suspend(x);
    os_unlock(x->http->lock);
    if (aborted) return MHD_NO;
    if (spaces) return begin_stream(x, x->call.events ? "text/event-stream" : "application/json");
    return answered ? respond(x) : MHD_YES;
}

/* --- calls --- */

/* "/sdapi/v1/x" of "//sdapi/v1//x/" and "/some/prefix/sdapi/v1/x". */
static void tidy_path(const char *url, char *out, size_t size) {
    size_t n = 0;
    const char *webui = strstr(url, "/sdapi/");
    for (const char *p = webui ? webui : url; *p && n + 1 < size; p++)
        if (*p != '/' || !n || out[n - 1] != '/') out[n++] = *p;
    while (n > 1 && out[n - 1] == '/') n--;
    out[n] = 0;
    if (!n) strcpy(out, "/");
}

static char *copy(const char *s) {
    char *p = s ? malloc(strlen(s) + 1) : NULL;
    if (p) strcpy(p, s);
    return p;
}

static enum MHD_Result add_query(void *user, enum MHD_ValueKind kind, const char *name, const char *value) {
    Call *c = user;
    (void)kind;
    if (c->queries == CALL_QUERIES) return MHD_NO;
    char *n = copy(name), *v = copy(value ? value : "");
    if (!n || !v) return free(n), free(v), MHD_NO;
    c->query[c->queries].name = n, c->query[c->queries++].value = v;
    return MHD_YES;
}

static Exchange *begin(Http *h, struct MHD_Connection *mhd, const char *url, const char *method) {
    Exchange *x = calloc(1, sizeof *x);
    if (!x) return NULL;
    const union MHD_ConnectionInfo *at = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    Call *c = &x->call;
    x->http = h, x->mhd = mhd, x->at = at ? at->socket_context : NULL;
    c->carrier = x, c->began = os_clock(), c->key = -1;
    snprintf(c->method, sizeof c->method, "%s", method);
    tidy_path(url, c->path, sizeof c->path);
    for (int i = 0; i < HEADER_COUNT; i++) {
        const char *value = MHD_lookup_connection_value(mhd, MHD_HEADER_KIND, CALL_HEADER_NAMES[i]);
        c->header[i] = copy(value);
        if (value && !c->header[i]) return call_free(c), free(x), NULL; /* an Origin must not be overlooked */
    }
    MHD_get_connection_values(mhd, MHD_GET_ARGUMENT_KIND, add_query, c);
    os_lock(h->lock);
    x->next = h->exchanges, x->link = &h->exchanges;
    if (x->next) x->next->link = &x->next;
    h->exchanges = x;
    os_unlock(h->lock);
    phase(h, x->at, PHASE_BODY);
    const char *length = MHD_lookup_connection_value(mhd, MHD_HEADER_KIND, "Content-Length");
    double size = length ? strtod(length, NULL) : 0;
    x->refused = !h->o.begin(h->o.user, c);
    if (!x->refused && size > (double)h->o.most_body) {
        x->refused = true;
        answer_detail(&c->answer, 413, "the body is larger than %zu bytes", h->o.most_body);
    }
    return x;
}

static size_t declared(Exchange *x) {
    const char *length = MHD_lookup_connection_value(x->mhd, MHD_HEADER_KIND, "Content-Length");
    return length ? (size_t)strtoull(length, NULL, 10) : 0;
}

/* Room for so many bytes more; false: the call is refused. */
static bool make_room(Exchange *x, size_t size) {
    Http *h = x->http;
    Call *c = &x->call;
    if (c->size + size > h->o.most_body)
        return answer_detail(&c->answer, 413, "the body is larger than %zu bytes", h->o.most_body), false;
    if (c->size + size <= x->capacity) return true;
    size_t want = x->capacity ? x->capacity * 2 : 4096;
    if (want < c->size + size) want = c->size + size;
    if (want > h->o.most_body) want = h->o.most_body;
    os_lock(h->lock);
    bool fits = h->bodies - x->capacity + want <= 4 * h->o.most_body;
    if (fits) h->bodies += want - x->capacity;
    os_unlock(h->lock);
    char *more = fits ? realloc(c->body, want + 1) : NULL;
    if (fits) x->capacity = want;
    if (more) return c->body = more, true;
    answer_extra(&c->answer, "Retry-After: 5");
    return answer_detail(&c->answer, 503, "no memory for the body now; try again"), false;
}

static enum MHD_Result take(Exchange *x, const char *bytes, size_t *size) {
    Call *c = &x->call;
    x->given += *size;
    if (!x->refused) x->refused = !make_room(x, *size);
    if (!x->refused) {
        memcpy(c->body + c->size, bytes, *size);
        c->size += *size;
        c->body[c->size] = 0;
    } else if (x->given > x->http->o.most_body + DISCARDED) return MHD_NO;
    *size = 0;
    return MHD_YES;
}

static enum MHD_Result access_handler(void *user, struct MHD_Connection *mhd, const char *url, const char *method,
                                      const char *version, const char *bytes, size_t *size, void **state) {
    Http *h = user;
    Exchange *x = *state;
    (void)version;
    if (!x) {
        *state = x = begin(h, mhd, url, method);
        if (!x) return MHD_NO;
        return x->refused && declared(x) > DISCARDED ? respond(x) : MHD_YES;
    }
    if (*size) return take(x, bytes, size);
    if (x->queued) return MHD_YES;
    if (!x->refused && !x->handled) {
        x->handled = true;
        phase(h, x->at, PHASE_WAIT);
        h->o.handle(h->o.user, &x->call);
        if (!x->call.waits && !x->call.stream && !x->call.answer.status)
            answer_detail(&x->call.answer, 500, "no answer");
    }
    return go_on(x);
}

static void completed(void *user, struct MHD_Connection *mhd, void **state, enum MHD_RequestTerminationCode why) {
    Http *h = user;
    Exchange *x = *state;
    (void)mhd, (void)why;
    if (!x) return;
    *state = NULL;
    h->o.ended(h->o.user, &x->call, x->status, x->sent);
    os_lock(h->lock);
    *x->link = x->next;
    if (x->next) x->next->link = x->link;
    h->bodies -= x->capacity;
    if (x->at) x->at->phase = PHASE_IDLE, x->at->since = os_clock();
    os_unlock(h->lock);
    call_free(&x->call);
    free(x);
}

/* --- connections --- */

static void connection(void *user, struct MHD_Connection *mhd, void **context,
                       enum MHD_ConnectionNotificationCode what) {
    Http *h = user;
    Connection *at = *context;
    os_lock(h->lock);
    if (what == MHD_CONNECTION_NOTIFY_STARTED && (at = calloc(1, sizeof *at))) {
        *at = (Connection){.next = h->connections,
                           .link = &h->connections,
                           .socket = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd,
                           .phase = PHASE_HEADERS,
                           .since = os_clock()};
        if (at->next) at->next->link = &at->next;
        h->connections = *context = at;
        h->count++;
    } else if (what == MHD_CONNECTION_NOTIFY_CLOSED && at) {
        *at->link = at->next;
        if (at->next) at->next->link = at->link;
        h->count--;
        free(at);
        *context = NULL;
    }
    os_unlock(h->lock);
}

static bool too_late(const Connection *at, double now) {
    static const int TIMES[] = {
        [PHASE_HEADERS] = HEADER_TIME, [PHASE_BODY] = BODY_TIME, [PHASE_WRITE] = WRITE_TIME, [PHASE_IDLE] = IDLE_TIME};
    return at->phase != PHASE_WAIT && now - at->since > TIMES[at->phase];
}

void http_watch(Http *h) {
    double now = os_clock();
    os_lock(h->lock);
    for (Connection *at = h->connections; at; at = at->next)
        if (!at->cut && too_late(at, now)) at->cut = true, os_socket_cut(at->socket);
    for (Exchange *x = h->exchanges; x; x = x->next) {
        if (!x->suspended || x->aborted) continue;
        if (x->at && os_peer_gone(x->at->socket)) x->aborted = true, wake(x);
        else if (x->call.stream && now - x->space_at > STREAM_EVERY) x->space_at = now, wake(x);
        else if (!x->call.stream && !x->call.answer.status && now - x->space_at > SPACE_EVERY &&
                 now - x->call.began > h->o.spaces_after)
            x->spaces = x->space_due = true, x->space_at = now, wake(x);
    }
    os_unlock(h->lock);
}

void http_count(Http *h, int *connections, int *calls) {
    os_lock(h->lock);
    *connections = h->count, *calls = 0;
    for (const Exchange *x = h->exchanges; x; x = x->next) *calls += 1;
    os_unlock(h->lock);
}

/* --- beginning and end --- */

static void silent(void *user, const char *format, va_list args) { (void)user, (void)format, (void)args; }

Http *http_start(const HttpOptions *o, Error *e) {
    enum { HTTP_THREADS = 2 };
    Http *h = calloc(1, sizeof *h);
    if (h) h->o = *o, h->lock = os_lock_new();
    if (!h || !h->lock) {
        os_socket_close(o->at.socket);
        free(h);
        error_set(e, ERR_MEMORY, "out of memory for the server");
        return NULL;
    }
    struct MHD_OptionItem tls[] = {{MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)o->key},
                                   {MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(uintptr_t)o->cert},
                                   {MHD_OPTION_END, 0, NULL}};
    unsigned flags = MHD_USE_AUTO_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
    h->daemon = MHD_start_daemon(
        flags | (o->key ? MHD_USE_TLS : 0), 0, NULL, NULL, access_handler, h, MHD_OPTION_EXTERNAL_LOGGER, silent, NULL,
        MHD_OPTION_LISTEN_SOCKET, (int)o->at.socket, MHD_OPTION_NOTIFY_COMPLETED, completed, h,
        MHD_OPTION_NOTIFY_CONNECTION, connection, h, MHD_OPTION_CONNECTION_LIMIT, (unsigned)o->connections,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_TIME, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)64 << 10,
        MHD_OPTION_THREAD_POOL_SIZE, (unsigned)HTTP_THREADS, MHD_OPTION_ARRAY, o->key ? tls : &tls[2], MHD_OPTION_END);
    if (h->daemon) return h;
    os_socket_close(o->at.socket);
    os_lock_free(h->lock);
    free(h);
    error_set(e, ERR_FILE,
              o->key ? "libmicrohttpd: does not start; check --tls-cert and --tls-key, which are PEM files"
                     : "libmicrohttpd: does not start; lower --connections");
    return NULL;
}

void http_stop(Http *h) {
    if (!h) return;
    os_lock(h->lock);
    h->stops = true; /* libmicrohttpd does not stop while a connection is suspended */
    for (Exchange *x = h->exchanges; x; x = x->next) wake(x);
    os_unlock(h->lock);
    MHD_stop_daemon(h->daemon);
    os_lock_free(h->lock);
    free(h);
}
