/* infotext_read.h: reads the parameters that a picture carries as the webui does when they are pasted. */
#ifndef SD_INFO_INFOTEXT_READ_H
#define SD_INFO_INFOTEXT_READ_H

#include "tensor/error.h"

#include <stdint.h>

enum { INFOTEXT_PAIRS = 1000 };

typedef struct {
    char *key, *value; /* unquoted; "Size: 512x768" gives "Size-1" and "Size-2", as any value of that form does */
    bool implied;      /* not in the text: follows from the version of the webui that wrote it */
} InfoPair;

/* Pairs in the text's order; a repeated key keeps its first place and takes its last value. */
typedef struct {
    char *prompt, *negative;
    InfoPair *pairs;
    int count;
} InfoRead;

/* Reads any text: one without a line of parameters at its end is a prompt. False with ERR_MEMORY, or with ERR_FORMAT
 * for more than INFOTEXT_PAIRS pairs. infotext_read_free also after a failure. */
bool infotext_read(const char *text, InfoRead *out, Error *e);
void infotext_read_free(InfoRead *r);

/* Sets a key's value as the text would; `out` begins as all zero. False as above. */
bool infotext_put(InfoRead *r, const char *key, const char *value, Error *e);
/* The text that infotext_read would read so, but for what is implied; NULL on ERR_MEMORY. */
char *infotext_join(const InfoRead *r, Error *e);

/* The value of a key, whose case matters; NULL: no such key. */
const char *infotext_get(const InfoRead *r, const char *key);

/* The whole value as a finite number, the same in every locale; false: it is none. 7.0 is an integer. */
bool infotext_int(const char *value, int64_t *out);
bool infotext_double(const char *value, double *out);

#endif
