/* hostile.h: safetensors files that are malicious or broken, made in memory, each with a name. */
#ifndef SD_TESTS_WEIGHTS_HOSTILE_H
#define SD_TESTS_WEIGHTS_HOSTILE_H

#include <stdbool.h>
#include <stddef.h>

typedef struct {
    const char *name;
    const char *words; /* phrases of the error line, separated by '|'; NULL: the file is legal */
    char *bytes;
    size_t size;
} Hostile;

size_t hostile_count(void);
bool hostile_make(size_t i, Hostile *h); /* false without memory; free h->bytes */
/* Writes them all as DIR/NAME.safetensors, to try other programs on; legal ones as ok-NAME. */
bool hostile_write(const char *dir);

#endif
