/* attacks.h: files of weights that attack whoever reads them, made in memory, each with the words of its refusal. */
#ifndef SD_TESTS_WEIGHTS_ATTACKS_H
#define SD_TESTS_WEIGHTS_ATTACKS_H

#include <stdbool.h>
#include <stddef.h>

typedef struct {
    const char *name;
    const char *words; /* phrases of the error line, separated by '|'; NULL: a list of tensors is read */
    char *bytes;       /* for the caller to free */
    size_t size;
} Attack;

/* Number i; false past the last. */
bool attack_torch(size_t i, Attack *a); /* archives, and pickles in archives */
bool attack_gguf(size_t i, Attack *a);

#endif
