/* pcg64.h: numpy's default generator, PCG64 (XSL-RR with 128 bits of state), seeded as default_rng(seed). Source: M. E.
 * O'Neill 2014, and numpy/random/src/pcg64/pcg64.h. */
#ifndef SD_NOISE_PCG64_H
#define SD_NOISE_PCG64_H

#include <stdint.h>

typedef struct {
    uint64_t high, low;
} Bits128;

typedef struct {
    Bits128 state, increment;
} Pcg64;

void pcg64_init(Pcg64 *r, uint64_t seed);
uint64_t pcg64_next(Pcg64 *r);
/* 0 <= x < 1, in steps of 2^-53: the generator's random(). */
double pcg64_uniform(Pcg64 *r);

#endif
