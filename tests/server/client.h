/* client.h: `sdc serve` as a process, and a client that sends whatever bytes it is told. */
#ifndef SD_TESTS_SERVER_CLIENT_H
#define SD_TESTS_SERVER_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct {
    pid_t process;
    int port;
    char log[512]; /* the file with its standard error */
} Served;

/* Starts $SDC serve --listen 127.0.0.1:0 with more arguments, which the shell splits. False: it said no address. */
bool serve_start(Served *s, const char *arguments);
/* Sends SIGTERM and waits; the exit code, -1 where it does not end within half a minute (it is then killed). */
int serve_stop(Served *s);
void serve_signal(const Served *s, int number);
int serve_wait(Served *s);

typedef struct {
    int status; /* 0: no reply */
    char *head; /* the header's lines */
    char *body; /* NUL-terminated; chunks are joined */
    size_t size;
    double seconds;
    bool chunked;
} Reply;

int call_open(const Served *s);
void call_close(int socket);
/* Sends a request; body NULL: none. headers: lines that end with \r\n, or "". A body gets its Content-Length, and is
 * application/json unless headers say a Content-Type; "Content-Type: -" : none at all. */
bool call_send(int socket, const char *method, const char *path, const char *headers, const char *body);
bool call_raw(int socket, const void *bytes, size_t size);
Reply call_read(int socket);
/* All of this. */
Reply call(const Served *s, const char *method, const char *path, const char *headers, const char *body);
/* A POST of JSON, whose one %s is the value. */
Reply call_with(const Served *s, const char *path, const char *format, const char *value);
void reply_free(Reply *r);

/* malloc'ed. */
char *base64_of(const uint8_t *bytes, size_t size);
uint8_t *base64_bytes(const char *text, size_t *size);

/* What a path leads to in a reply's JSON: "state.job_count", "images.0", "images.#" (how many), "info:all_seeds.2" (in
 * the string `info`). Scalars as text; "{}" and "[]" for others; NULL: nothing there. One of eight rotating results. */
const char *reply_get(const Reply *r, const char *path);
/* One check: a reply has this status, and all of "path=value|path^beginning|path~part|path!|path-" hold; `!`: there is
 * such a thing; `-`: there is none. */
bool reply_check(const Reply *r, int status, const char *wanted, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* The value of a header, to its line's end; NULL: none. */
const char *reply_header(const Reply *r, const char *name);

#endif
