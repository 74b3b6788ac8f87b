/* chance.h: random numbers by counter: number n of a key is SplitMix64's mixing of key + n * golden ratio. */
#ifndef SD_TOOLS_SHAPES_CHANCE_H
#define SD_TOOLS_SHAPES_CHANCE_H

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    uint64_t key, n;
} Chance;

Chance chance_begin(uint64_t seed, uint64_t index);
uint64_t chance_bits(Chance *d);
int chance_below(Chance *d, int n);                        /* 0..n-1 */
double chance_between(Chance *d, double low, double high); /* uniform */
bool chance_of(Chance *d, double p);
int chance_weighted(Chance *d, const double *weight, int n); /* i with probability weight[i] / their sum */

#endif
