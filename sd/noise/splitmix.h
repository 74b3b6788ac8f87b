/* splitmix.h: the finaliser of splitmix64, which turns a counter into random numbers. Source: Steele, Lea and Flood
 * 2014, "Fast splittable pseudorandom number generators". */
#ifndef SD_NOISE_SPLITMIX_H
#define SD_NOISE_SPLITMIX_H

#include <stdint.h>

#define SPLITMIX_STEP 0x9E3779B97F4A7C15u /* between the counter's values */

static inline uint64_t splitmix_mix(uint64_t x) {
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9u;
    x = (x ^ x >> 27) * 0x94D049BB133111EBu;
    return x ^ x >> 31;
}

static inline double splitmix_unit(uint64_t bits) { return (double)(bits >> 11) * 0x1p-53; } /* [0,1) */

#endif
