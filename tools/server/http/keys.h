/* keys.h: who may call. */
#ifndef SD_TOOLS_SERVER_HTTP_KEYS_H
#define SD_TOOLS_SERVER_HTTP_KEYS_H

#include "call.h"
#include "tensor/error.h"

#include <stdint.h>

enum { KEYS_MOST = 256, KEY_NAME = 64 };

/* Secrets are kept as SHA-256 only. */
typedef struct {
    int count;
    struct {
        char name[KEY_NAME];
        uint8_t pair[32], secret[32]; /* of "NAME:SECRET", as Basic sends it, and of SECRET, as Bearer does */
    } at[KEYS_MOST];
} Keys;

/* Adds the keys of a file: lines NAME:SECRET; empty lines and those that begin with # are passed over. */
bool keys_read(Keys *k, const char *path, Error *e);
/* Adds one; `from` begins the error's line. */
bool keys_add(Keys *k, const char *pair, const char *from, Error *e);
/* The key that a call carries: "Authorization: Basic", "Authorization: Bearer", "api-key". -1: none of ours. Takes the
 * same time whichever key it is. */
int keys_find(const Keys *k, const Call *c);

#endif
