/* error.h: how failures are reported.
 *
 * Programming errors assert. Everything else that fails (files, requests, memory, devices) reports through an Error: a
 * code and one line that says what is wrong, where, and what to do. The first error sticks: setting another one over it
 * does nothing, so a chain of calls needs no ladder of ifs and still reports the first cause. */
#ifndef SD_TENSOR_ERROR_H
#define SD_TENSOR_ERROR_H

#include <stdbool.h>

typedef enum {
    ERR_NONE = 0,
    ERR_FILE,      /* cannot be opened, read, written */
    ERR_FORMAT,    /* not what it should be: a broken or foreign file */
    ERR_MEMORY,    /* does not fit */
    ERR_DEVICE,    /* a device is missing or failed */
    ERR_ARGUMENT,  /* a request that cannot be met: sizes, names, ranges */
    ERR_NUMERIC,   /* a value that is not finite */
    ERR_CANCELLED, /* the caller asked to stop */
} ErrorCode;

typedef struct {
    ErrorCode code;
    char text[1024]; /* one line without a newline: "FILE: what is wrong; what to do" */
} Error;

/* Sets e, unless it already holds an error; e may be NULL. Control characters in the text become '?', so that it stays
 * one line. Always returns false, for `return error_set(e, ...)`. */
bool error_set(Error *e, ErrorCode code, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Passes another error on: true when there is none, else as error_set. */
bool error_pass(Error *e, const Error *from);

#endif
