/* histogram.h: numbers brought to the distribution of other ones: each becomes the one of the same rank. Source:
 * scikit-image, exposure/histogram_matching.py, with numpy's interp. */
#ifndef SD_IMAGE_HISTOGRAM_H
#define SD_IMAGE_HISTOGRAM_H

#include "tensor/error.h"

#include <stdbool.h>
#include <stdint.h>

/* How many there are of each byte. */
typedef struct {
    int64_t count[256];
} Histogram;

/* map[v] = what byte v becomes, rounded down, where `from` is to have the distribution of `to`, which is not empty. */
void histogram_map(const Histogram *from, const Histogram *to, uint8_t map[256]);
/* The same of values[0], values[step], ..., n of them, each of which becomes a byte's 255th. False on ERR_MEMORY. */
bool histogram_match(double *values, int64_t n, int64_t step, const Histogram *to, Error *e);

#endif
