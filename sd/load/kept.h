/* kept.h: numbers that an earlier drawing computed from the same input, and a later one needs again: the states of
 * texts, what an IP-Adapter makes of a picture. */
#ifndef SD_LOAD_KEPT_H
#define SD_LOAD_KEPT_H

#include <stdint.h>
#include <stddef.h>

enum { KEPT_ITEMS = 16, KEPT_BYTES = 64 << 20 }; /* at most */

typedef struct {
    char key[65]; /* SHA-256 of the input, in hex */
    float *values;
    size_t count;
} KeptItem;

/* All zero: nothing. The last used comes last. */
typedef struct {
    KeptItem at[KEPT_ITEMS];
    int count;
    int64_t found, missed; /* how often kept_values_find did, and did not */
} KeptValues;

/* The numbers, `count` of them, which last until the next call; NULL: they are not here. */
const float *kept_values_find(KeptValues *k, const char key[65], size_t count);
/* Keeps a copy, and forgets those that were not used for longest. Does nothing where that takes too much. */
void kept_values_add(KeptValues *k, const char key[65], const float *values, size_t count);
void kept_values_drop(KeptValues *k);
size_t kept_values_bytes(const KeptValues *k);

#endif
