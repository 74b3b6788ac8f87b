#include "pcg64.h"

#include "seed_sequence.h"

#include <stddef.h>

/* The upper half of a b. */
static uint64_t upper(uint64_t a, uint64_t b) {
    uint64_t a0 = (uint32_t)a, a1 = a >> 32, b0 = (uint32_t)b, b1 = b >> 32;
    uint64_t middle = a1 * b0 + (a0 * b0 >> 32), other = a0 * b1 + (uint32_t)middle;
    return a1 * b1 + (middle >> 32) + (other >> 32);
}

static Bits128 sum(Bits128 a, Bits128 b) {
    Bits128 s = {a.high + b.high, a.low + b.low};
    s.high += s.low < a.low;
    return s;
}

static void step(Pcg64 *r) {
    static const Bits128 FACTOR = {0x2360ed051fc65da4u, 0x4385df649fccf645u};
    Bits128 s = r->state, product = {upper(s.low, FACTOR.low), s.low * FACTOR.low};
    product.high += s.high * FACTOR.low + s.low * FACTOR.high;
    r->state = sum(product, r->increment);
}

void pcg64_init(Pcg64 *r, uint64_t seed) {
    enum { WORDS = 8, POOL = 4 };
    uint32_t w[WORDS];
    uint64_t v[WORDS / 2];
    seed_sequence(seed, NULL, 0, POOL, w, WORDS);
    for (int i = 0; i < WORDS / 2; i++) v[i] = w[2 * i] | (uint64_t)w[2 * i + 1] << 32;
    r->increment = (Bits128){v[2] << 1 | v[3] >> 63, v[3] << 1 | 1};
    r->state = (Bits128){0, 0};
    step(r);
    r->state = sum(r->state, (Bits128){v[0], v[1]});
    step(r);
}

uint64_t pcg64_next(Pcg64 *r) {
    step(r);
    uint64_t v = r->state.high ^ r->state.low;
    unsigned turn = (unsigned)(r->state.high >> 58);
    return v >> turn | v << ((64 - turn) & 63);
}

double pcg64_uniform(Pcg64 *r) { return (double)(pcg64_next(r) >> 11) * 0x1p-53; }
