/* seed_sequence.c: M. O'Neill's seed_seq, as in numpy.random.SeedSequence: words are hashed into a pool, each cell of
 * the pool is mixed with every other, and words that did not fit are mixed into all cells. */
#include "seed_sequence.h"

#include <assert.h>

enum { MOST_POOL = 32, MOST_WORDS = MOST_POOL + 10 };

/* v as little-endian 32-bit words, at least one; returns how many. */
static int put_words(uint32_t *out, uint64_t v) {
    out[0] = (uint32_t)v;
    out[1] = (uint32_t)(v >> 32);
    return out[1] ? 2 : 1;
}

static uint32_t hash(uint32_t v, uint32_t *constant, uint32_t factor) {
    v ^= *constant;
    *constant *= factor;
    v *= *constant;
    return v ^ (v >> 16);
}

static uint32_t mix(uint32_t x, uint32_t y) {
    uint32_t r = x * 0xca01f9ddu - y * 0x4973f715u;
    return r ^ (r >> 16);
}

void seed_sequence(uint64_t entropy, const uint64_t *spawn, int spawns, int pool, uint32_t *out, int count) {
    assert(spawns >= 0 && spawns <= 4 && pool >= 2 && pool <= MOST_POOL);
    uint32_t words[MOST_WORDS] = {0}, cell[MOST_POOL], h = 0x43b0d7e5u;
    int n = put_words(words, entropy);
    if (spawns) n = pool; /* zero-padded: a key must not look like more entropy */
    for (int i = 0; i < spawns; i++) n += put_words(words + n, spawn[i]);
    for (int i = 0; i < pool; i++) cell[i] = hash(i < n ? words[i] : 0, &h, 0x931e8875u);
    for (int from = 0; from < pool; from++)
        for (int to = 0; to < pool; to++)
            if (from != to) cell[to] = mix(cell[to], hash(cell[from], &h, 0x931e8875u));
    for (int i = pool; i < n; i++)
        for (int to = 0; to < pool; to++) cell[to] = mix(cell[to], hash(words[i], &h, 0x931e8875u));
    h = 0x8b51f9ddu;
    for (int i = 0; i < count; i++) out[i] = hash(cell[i % pool], &h, 0x58f38dedu);
}
