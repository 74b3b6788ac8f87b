#include "chance.h"

Chance chance_begin(uint64_t seed, uint64_t index) {
    Chance d = {seed, 0};
    d.key = chance_bits(&d) ^ index; /* neighbouring seeds and indices share nothing */
    d.key = chance_bits(&d), d.n = 0;
    return d;
}

/* Steele, Lea and Flood 2014, "Fast splittable pseudorandom number generators". */
uint64_t chance_bits(Chance *d) {
    uint64_t z = d->key + ++d->n * 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

static double chance_unit(Chance *d) { return (double)(chance_bits(d) >> 11) * 0x1p-53; }
int chance_below(Chance *d, int n) { return (int)((chance_bits(d) >> 32) * (uint64_t)n >> 32); }
double chance_between(Chance *d, double low, double high) { return low + (high - low) * chance_unit(d); }
bool chance_of(Chance *d, double p) { return chance_unit(d) < p; }

int chance_weighted(Chance *d, const double *weight, int n) {
    double sum = 0;
    for (int i = 0; i < n; i++) sum += weight[i];
    double u = chance_unit(d) * sum;
    for (int i = 0; i < n - 1; i++) {
        if (u < weight[i]) return i;
        u -= weight[i];
    }
    return n - 1;
}
