#include "chance.h"

#include "sd/noise/splitmix.h"

Chance chance_begin(uint64_t seed, uint64_t index) {
    Chance d = {seed, 0};
    d.key = chance_bits(&d) ^ index; /* neighbouring seeds and indices share nothing */
    d.key = chance_bits(&d), d.n = 0;
    return d;
}

uint64_t chance_bits(Chance *d) { return splitmix_mix(d->key + ++d->n * SPLITMIX_STEP); }

static double chance_unit(Chance *d) { return splitmix_unit(chance_bits(d)); }
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
