/* tap_measure.h: what a record keeps of an activation, found while its numbers pass by. */
#ifndef SD_TOOLS_COMMANDS_TAP_MEASURE_H
#define SD_TOOLS_COMMANDS_TAP_MEASURE_H

#include "record.h"
#include "weights/files/sha256.h"

typedef struct {
    const char *name;
    int64_t count, seen;
    int kept, next; /* sampled values: how many, and which comes next, at `place` */
    int64_t place;
    Sha256 sha;
    double squares;
    float values[RECORD_MOST_VALUES];
} TapMeasure;

/* Sampled value i of k is element tap_place(name, i, k, count): one in each k-th of the activation, chosen by its name
 * and i, so that tiles' and pictures' edges are met in some. In Python:
 *
 *     u = int.from_bytes(hashlib.sha256(f"{name}:{i}".encode()).digest()[:8], "little")
 *     begin, end = i * count // k, (i + 1) * count // k
 *     place = begin + u % (end - begin)
 *
 * 1 <= k <= count. */
int64_t tap_place(const char *name, int i, int k, int64_t count);

/* The name must live until the end. most: sampled values, of a smaller activation all. */
void tap_measure_begin(TapMeasure *m, const char *name, int64_t count, int most);
void tap_measure_add(TapMeasure *m, const float *values, int64_t n);
/* After all numbers: their digest; returns their norm. */
double tap_measure_end(TapMeasure *m, unsigned char digest[32]);

#endif
