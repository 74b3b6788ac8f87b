/* call.h: a request and its answer, whatever carries them (http.c does). */
#ifndef SD_TOOLS_SERVER_HTTP_CALL_H
#define SD_TOOLS_SERVER_HTTP_CALL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum { CALL_PATH = 512, CALL_QUERIES = 16, CALL_HEADERS = 8 };

/* The headers that a call knows. */
typedef enum {
    HEADER_HOST,
    HEADER_ORIGIN,
    HEADER_FETCH_SITE,
    HEADER_AUTHORIZATION,
    HEADER_API_KEY,
    HEADER_TYPE,
    HEADER_IDEMPOTENCY,
    HEADER_PREFLIGHT,
    HEADER_COUNT
} CallHeader;
extern const char *const CALL_HEADER_NAMES[HEADER_COUNT];

typedef struct Call Call;

/* More of an answer whose length is not known yet. */
typedef enum { STREAM_GO_ON, STREAM_END } StreamStep;

/* What a call is answered with. */
typedef struct {
    int status; /* 0: not yet */
    char *body; /* owned */
    size_t size;
    const char *type;   /* a constant */
    char extra[3][240]; /* more headers, "Name: value"; "": none */
} Answer;

struct Call {
    char method[12], path[CALL_PATH]; /* the path without what stands before /sdapi, doubled or last slashes */
    char *header[HEADER_COUNT];       /* NULL: not sent */
    struct {
        char *name, *value;
    } query[CALL_QUERIES];
    int queries;
    char *body; /* NUL-terminated; NULL: none */
    size_t size;
    json_t *json; /* of the body; NULL: none, or not JSON, or taken over (call_json) */
    char *prompt; /* for the log; NULL: it is not wanted there */
    int key;      /* whose call it is: an index of keys.h; -1: nobody's, where there are none */
    double began;
    char origin[160];  /* that the answer may be shown to; "": none */
    const char *route; /* its pattern, for the log and metrics; NULL: unknown */

    Answer answer;
    bool waits;  /* the answer comes later (http_answer) */
    bool events; /* it is a stream of events, and so are the spaces before it */
    /* A stream of events in place of an answer: called now and then, with the place and room for what is new. */
    StreamStep (*stream)(Call *c, char *to, size_t room, size_t *size);
    void *watch; /* the stream's own, which drop_watch frees */
    void (*drop_watch)(void *watch);
    void *work;    /* the job that the call waits for (jobs.h) */
    void *carrier; /* http.c's */
};

/* The value of a query's name; NULL: none. */
const char *call_query(const Call *c, const char *name);

/* The body, which the caller owns from now on. (Two threads must not share it: its counts of references are not made
 * for that.) */
json_t *call_json(Call *c);

/* A string; what of it is not UTF-8, as where a line was cut within a character, becomes U+FFFD. */
json_t *json_lossy(const char *text);

/* Answers. Each sets c->answer and returns its status. */
int answer_json(Answer *a, int status, json_t *j); /* takes j over; NULL: out of memory, 500 */
int answer_detail(Answer *a, int status, const char *format, ...) __attribute__((format(printf, 3, 4)));
int answer_text(Answer *a, int status, const char *type, const char *text);
int answer_bytes(Answer *a, int status, const char *type, char *bytes, size_t size); /* takes bytes over */
/* OpenAI's form of an error; param may be NULL. */
int answer_openai(Answer *a, int status, const char *kind, const char *param, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
/* An error that answer_detail made, in OpenAI's form. Anything else stays as it is. */
void answer_as_openai(Answer *a);
void answer_extra(Answer *a, const char *format, ...) __attribute__((format(printf, 2, 3)));
void answer_free(Answer *a);
void call_free(Call *c);

#endif
