/* train_random.c: random numbers for training, and the order of its pictures, from a counter: a step's do not depend on
 * earlier draws. */
#include "sd/noise/math64.h"
#include "sd/noise/splitmix.h"
#include "train_internal.h"

uint64_t train_random(uint64_t seed, Purpose purpose, int64_t step, int64_t index) {
    uint64_t x = splitmix_mix(seed + SPLITMIX_STEP * (uint64_t)(purpose + 1));
    x = splitmix_mix(x + SPLITMIX_STEP * (uint64_t)(step + 1));
    return splitmix_mix(x + SPLITMIX_STEP * (uint64_t)(index + 1));
}

double train_uniform(uint64_t seed, Purpose purpose, int64_t step, int64_t index) {
    return splitmix_unit(train_random(seed, purpose, step, index));
}

void train_normal(float *out, int64_t n, uint64_t seed, Purpose purpose, int64_t step) {
    for (int64_t i = 0; i < n; i += 2) { /* Box and Muller */
        double u = train_uniform(seed, purpose, step, i), v = train_uniform(seed, purpose, step, i + 1), s, c;
        double r = sqrt(-2 * log64(1 - u));
        sincos64(2 * 3.14159265358979323846 * v, &s, &c);
        out[i] = (float)(r * c);
        if (i + 1 < n) out[i + 1] = (float)(r * s);
    }
}

int64_t train_picture(const Trainer *t, int64_t step, int64_t i) {
    /* each epoch goes through all pictures in an order of its own */
    int64_t place = step * t->o->batch + i, epoch = place / t->cache.count, at = place % t->cache.count;
    uint64_t n = (uint64_t)t->cache.count, odd = 1;
    while (odd < n) odd <<= 1; /* permute the range of a power of two, until the result is below n */
    uint64_t x = (uint64_t)at, key = train_random(t->o->seed, FOR_PICTURE, epoch, 0);
    do {
        for (int r = 0; r < 3; r++) {
            x = (x * (((key >> 3) | 1) & (odd - 1)) + (key >> 24)) & (odd - 1);
            x ^= x >> (1 + r * 2);
        }
    } while (x >= n);
    return (int64_t)x;
}
