/* infotext_read.h: the text of parameters that a picture carries, read as the webui reads it when it is pasted. */
#ifndef SD_INFO_INFOTEXT_READ_H
#define SD_INFO_INFOTEXT_READ_H

#include "tensor/error.h"

#include <stdint.h>

enum { INFOTEXT_PAIRS = 1000 };

typedef struct {
    char *key, *value; /* unquoted; "Size: 512x768" gives "Size-1" and "Size-2", as any value of that form does */
    bool implied;      /* not written there: what the version of the webui that wrote the text did */
} InfoPair;

/* The pairs are in the text's order; a key that comes again keeps its place and takes the later value. */
typedef struct {
    char *prompt, *negative;
    InfoPair *pairs;
    int count;
} InfoRead;

/* Any text can be read: what has no line of parameters at its end is a prompt. False on ERR_MEMORY, and ERR_FORMAT for
 * more than INFOTEXT_PAIRS pairs. Free also after a failure. */
bool infotext_read(const char *text, InfoRead *out, Error *e);
void infotext_read_free(InfoRead *r);

/* The value of a key, case counts; NULL when it is not there. */
const char *infotext_get(const InfoRead *r, const char *key);

/* A value as a number: the whole of it, finite, the same in every locale. 7.0 is an integer. */
bool infotext_int(const char *value, int64_t *out);
bool infotext_double(const char *value, double *out);

#endif
