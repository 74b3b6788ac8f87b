#include "kept.h"

#include <stdlib.h>
#include <string.h>

/* Item i goes to the end. */
static void touch(KeptValues *k, int i) {
    KeptItem item = k->at[i];
    memmove(&k->at[i], &k->at[i + 1], (size_t)(k->count - 1 - i) * sizeof item);
    k->at[k->count - 1] = item;
}

static void drop_first(KeptValues *k) {
    free(k->at[0].values);
    k->count--;
    memmove(&k->at[0], &k->at[1], (size_t)k->count * sizeof k->at[0]);
}

const float *kept_values_find(KeptValues *k, const char key[65], size_t count) {
    for (int i = 0; i < k->count; i++) {
        if (strcmp(k->at[i].key, key) || k->at[i].count != count) continue;
        touch(k, i);
        k->found++;
        return k->at[k->count - 1].values;
    }
    k->missed++;
    return NULL;
}

void kept_values_add(KeptValues *k, const char key[65], const float *values, size_t count) {
    const size_t bytes = count * sizeof *values;
    if (bytes > KEPT_BYTES) return;
    while (k->count && (k->count == KEPT_ITEMS || kept_values_bytes(k) + bytes > KEPT_BYTES)) drop_first(k);
    KeptItem *new = &k->at[k->count];
    *new = (KeptItem){.values = malloc(bytes), .count = count};
    if (!new->values) return;
    memcpy(new->key, key, sizeof new->key);
    memcpy(new->values, values, bytes);
    k->count++;
}

void kept_values_drop(KeptValues *k) {
    while (k->count) drop_first(k);
}

size_t kept_values_bytes(const KeptValues *k) {
    size_t bytes = 0;
    for (int i = 0; i < k->count; i++) bytes += k->at[i].count * sizeof(float);
    return bytes;
}
