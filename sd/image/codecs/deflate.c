/* In sd/guide/plain.c: write_png(). */
/* deflate.c: LZ77 and Huffman codes (RFC 1951) in a zlib stream (RFC 1950).
 *
 * The input becomes tokens: literal bytes, or matches (length, distance) in the last 32 KiB, found through chains of
 * positions that share three bytes. A match waits one byte for a longer one ("lazy", with the limits of zlib's level
 * 6). Every 32768 tokens make a block with its own codes: the shortest whose lengths are at most 15 bits, which
 * package-merge finds exactly (L. Larmore, D. Hirschberg 1990).
 *
 * Left out: stored blocks and fixed codes. Pictures gain nothing from them; pure noise grows by 1 part in 1000. */
#include "deflate.h"

#include <stdlib.h>
#include <string.h>

enum {
    WINDOW = 32768,
    MIN_MATCH = 3,
    MAX_MATCH = 258,
    HASH_BITS = 15,
    TOKENS = 32768,
    LITERALS = 286, /* bytes, end of block, 29 length codes */
    DISTANCES = 30,
    END = 256,
    MAX_CHAIN = 128, /* these four are zlib's level 6: candidates tried, */
    GOOD = 8,        /* a quarter of them after a match this long, */
    LAZY = 16,       /* none after one this long, */
    NICE = 128,      /* and a match this long ends the search */
    TOO_SHORT = 5,   /* shorter or equal matches are chance in a filtered picture and spoil the literals' code */
};

/* The least length and distance of each code, and the extra bits that follow it (RFC 1951, 3.2.5). */
static const uint16_t LENGTH_BASE[29] = {3,  4,  5,  6,  7,  8,  9,  10, 11,  13,  15,  17,  19,  23, 27,
                                         31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258};
static const uint8_t LENGTH_BITS[29] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2,
                                        2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0};
static const uint16_t DISTANCE_BASE[30] = {1,    2,    3,    4,    5,    7,    9,    13,    17,    25,
                                           33,   49,   65,   97,   129,  193,  257,  385,   513,   769,
                                           1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577};
/* distance code c has c / 2 - 1 extra bits; below 4 none */

typedef struct {
    uint8_t *p;
    size_t n, capacity;
    bool failed; /* out of memory: later writes do nothing */
    uint64_t bits;
    int pending; /* bits not yet written, fewer than 8 between calls */
} Writer;

static void put_byte(Writer *w, uint8_t b) {
    if (w->failed) return;
    if (w->n == w->capacity) {
        size_t capacity = w->capacity ? w->capacity * 2 : 65536;
        uint8_t *p = capacity > w->capacity ? realloc(w->p, capacity) : NULL;
        if (!p) {
            w->failed = true;
            return;
        }
        w->p = p, w->capacity = capacity;
    }
    w->p[w->n++] = b;
}

static void put_bits(Writer *w, uint32_t value, int count) {
    w->bits |= (uint64_t)value << w->pending;
    for (w->pending += count; w->pending >= 8; w->pending -= 8, w->bits >>= 8) put_byte(w, (uint8_t)w->bits);
}

/* Huffman codes */

typedef struct {
    uint32_t freq;
    int symbol;
} Leaf;

static int by_freq(const void *a, const void *b) {
    const Leaf *x = a, *y = b;
    if (x->freq != y->freq) return x->freq < y->freq ? -1 : 1;
    return x->symbol - y->symbol;
}

/* The code lengths of at most `limit` bits for n symbols that have the least sum of freq * length; 0 for symbols that
 * do not occur. At least two symbols get a code, so that the code is complete. Package-merge: each level's list is the
 * leaves merged with pairs of the level below; the first 2m - 2 items of the top list are the solution, and each leaf
 * among them or inside their packages makes its symbol's code one bit longer. */
static void code_lengths(const uint32_t *freq, int n, int limit, uint8_t *length) {
    Leaf leaf[LITERALS];
    bool is_leaf[15][2 * LITERALS];
    uint64_t list[2][2 * LITERALS];
    int size[15], m = 0;
    for (int i = 0; i < n; i++)
        if (freq[i]) leaf[m++] = (Leaf){freq[i], i};
    for (int i = 0; i < n && m < 2; i++)
        if (!freq[i]) leaf[m++] = (Leaf){1, i};
    qsort(leaf, (size_t)m, sizeof *leaf, by_freq);
    memset(length, 0, (size_t)n);

    for (int level = 0, below = 0; level < limit; level++) {
        uint64_t *now = list[level & 1], *before = list[~level & 1];
        int a = 0, b = 0, k = 0;
        for (int packages = below / 2; a < m || b < packages; k++) {
            uint64_t package = b < packages ? before[2 * b] + before[2 * b + 1] : UINT64_MAX;
            is_leaf[level][k] = a < m && leaf[a].freq <= package;
            if (is_leaf[level][k]) now[k] = leaf[a++].freq;
            else now[k] = package, b++;
        }
        size[level] = below = k;
    }
    int take = 2 * m - 2;
    for (int level = limit - 1; level >= 0 && take > 0; level--) {
        int leaves = 0;
        for (int k = 0; k < take && k < size[level]; k++) leaves += is_leaf[level][k];
        for (int k = 0; k < leaves; k++) length[leaf[k].symbol]++;
        take = 2 * (take - leaves);
    }
}

/* The canonical codes of these lengths, with their bits reversed, since deflate sends a code's first bit first. */
static void codes(const uint8_t *length, int n, uint16_t *code) {
    uint32_t next = 0;
    for (int bits = 1; bits <= 15; bits++, next <<= 1) {
        for (int i = 0; i < n; i++) {
            if (length[i] != bits) continue;
            uint32_t reversed = 0;
            for (int b = 0; b < bits; b++) reversed |= (next >> b & 1) << (bits - 1 - b);
            code[i] = (uint16_t)reversed;
            next++;
        }
    }
}

/* Blocks */

typedef struct {
    const uint8_t *in;
    size_t n;
    Writer w;
    int tokens;
    uint32_t literal_freq[LITERALS], distance_freq[DISTANCES];
    uint32_t token[TOKENS]; /* length << 16 | distance; a literal is its byte << 16, distance 0 */
    int64_t head[1 << HASH_BITS], chain[WINDOW];
} Deflate;

static int length_code(int length) {
    int c = 28;
    while (LENGTH_BASE[c] > length) c--;
    return c;
}

static int distance_code(int distance) {
    int c = 29;
    while (DISTANCE_BASE[c] > distance) c--;
    return c;
}

/* The lengths of both codes, run-length coded by a third code (RFC 1951, 3.2.7). */
static void put_header(Writer *w, const uint8_t *literal, const uint8_t *distance) {
    static const uint8_t ORDER[19] = {16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};
    uint8_t all[LITERALS + DISTANCES], item[LITERALS + DISTANCES], extra[LITERALS + DISTANCES], length[19];
    uint16_t code[19];
    uint32_t freq[19] = {0};
    int literals = LITERALS, distances = DISTANCES, items = 0, lengths = 19;
    while (literals > 257 && !literal[literals - 1]) literals--;
    while (distances > 1 && !distance[distances - 1]) distances--;
    memcpy(all, literal, (size_t)literals);
    memcpy(all + literals, distance, (size_t)distances);
    for (int i = 0, run; i < literals + distances; i += run) {
        uint8_t v = all[i];
        for (run = 1; i + run < literals + distances && all[i + run] == v && run < 138; run++) {}
        if (v == 0 && run >= 11) item[items] = 18, extra[items] = (uint8_t)(run - 11);
        else if (v == 0 && run >= 3) item[items] = 17, extra[items] = (uint8_t)(run - 3);
        else if (i > 0 && all[i - 1] == v && run >= 3) {
            if (run > 6) run = 6;
            item[items] = 16, extra[items] = (uint8_t)(run - 3);
        } else item[items] = v, extra[items] = 0, run = 1;
        freq[item[items++]]++;
    }
    code_lengths(freq, 19, 7, length);
    codes(length, 19, code);
    while (lengths > 4 && !length[ORDER[lengths - 1]]) lengths--;
    put_bits(w, (uint32_t)literals - 257, 5);
    put_bits(w, (uint32_t)distances - 1, 5);
    put_bits(w, (uint32_t)lengths - 4, 4);
    for (int i = 0; i < lengths; i++) put_bits(w, length[ORDER[i]], 3);
    for (int i = 0; i < items; i++) {
        put_bits(w, code[item[i]], length[item[i]]);
        if (item[i] >= 16) put_bits(w, extra[i], item[i] == 16 ? 2 : item[i] == 17 ? 3 : 7);
    }
}

static void put_block(Deflate *d, bool last) {
    Writer *w = &d->w;
    uint8_t literal[LITERALS], distance[DISTANCES];
    uint16_t literal_code[LITERALS], distance_codes[DISTANCES];
    d->literal_freq[END] = 1;
    code_lengths(d->literal_freq, LITERALS, 15, literal);
    code_lengths(d->distance_freq, DISTANCES, 15, distance);
    codes(literal, LITERALS, literal_code);
    codes(distance, DISTANCES, distance_codes);
    put_bits(w, last, 1);
    put_bits(w, 2, 2); /* dynamic codes */
    put_header(w, literal, distance);
    for (int i = 0; i < d->tokens; i++) {
        int value = (int)(d->token[i] >> 16), far = (int)(d->token[i] & 0xFFFF);
        if (!far) {
            put_bits(w, literal_code[value], literal[value]);
            continue;
        }
        int l = length_code(value), k = distance_code(far);
        put_bits(w, literal_code[257 + l], literal[257 + l]);
        put_bits(w, (uint32_t)(value - LENGTH_BASE[l]), LENGTH_BITS[l]);
        put_bits(w, distance_codes[k], distance[k]);
        put_bits(w, (uint32_t)(far - DISTANCE_BASE[k]), k < 4 ? 0 : k / 2 - 1);
    }
    put_bits(w, literal_code[END], literal[END]);
    d->tokens = 0;
    memset(d->literal_freq, 0, sizeof d->literal_freq);
    memset(d->distance_freq, 0, sizeof d->distance_freq);
}

static void put_token(Deflate *d, int value, int distance) {
    if (d->tokens == TOKENS) put_block(d, false);
    d->token[d->tokens++] = (uint32_t)value << 16 | (uint32_t)distance;
    d->literal_freq[distance ? 257 + length_code(value) : value]++;
    if (distance) d->distance_freq[distance_code(distance)]++;
}

/* Matches */

/* Enters position `at` in the chain of its three bytes; returns the previous position there, or -1. */
static int64_t enter(Deflate *d, size_t at) {
    if (d->n - at < MIN_MATCH) return -1;
    const uint8_t *p = d->in + at;
    uint32_t h = ((uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2]) * 0x9E3779B1u >> (32 - HASH_BITS);
    int64_t before = d->head[h];
    d->chain[at % WINDOW] = before;
    d->head[h] = (int64_t)at;
    return before;
}

/* The longest match for `at` in the chain that begins at `from`, if longer than `least`; else 0. */
static int longest(const Deflate *d, size_t at, int64_t from, int least, int *distance) {
    const uint8_t *p = d->in + at;
    int best = least < MIN_MATCH - 1 ? MIN_MATCH - 1 : least, found = 0;
    int most = d->n - at < MAX_MATCH ? (int)(d->n - at) : MAX_MATCH;
    int tries = least >= GOOD ? MAX_CHAIN / 4 : MAX_CHAIN;
    if (best >= most) return 0;
    for (; from >= 0 && (int64_t)at - from < WINDOW && tries > 0; from = d->chain[from % WINDOW], tries--) {
        const uint8_t *q = d->in + from;
        if (q[best] != p[best] || q[0] != p[0] || q[1] != p[1]) continue;
        int length = 2;
        while (length < most && p[length] == q[length]) length++;
        if (length <= best) continue;
        found = best = length;
        *distance = (int)((int64_t)at - from);
        if (length >= NICE || length == most) break;
    }
    return found <= TOO_SHORT ? 0 : found;
}

static void tokenize(Deflate *d) {
    int waiting = 0, waiting_distance = 0; /* the match at the previous byte; 0: none */
    bool pending = false;                  /* the previous byte is not written yet */
    for (size_t at = 0; at < d->n;) {
        int distance = 0, length = 0;
        int64_t from = enter(d, at);
        if (waiting < LAZY) length = longest(d, at, from, waiting, &distance);
        if (waiting && waiting >= length) {
            put_token(d, waiting, waiting_distance);
            for (int k = 2; k < waiting; k++) enter(d, ++at);
            at++, waiting = 0, pending = false;
            continue;
        }
        if (pending) put_token(d, d->in[at - 1], 0);
        waiting = length, waiting_distance = distance, pending = true, at++;
    }
    if (pending) put_token(d, d->in[d->n - 1], 0);
    put_block(d, true);
}

static uint32_t adler32(const uint8_t *p, size_t n) {
    uint32_t a = 1, b = 0;
    while (n) {
        size_t some = n < 5552 ? n : 5552; /* the most before b overflows */
        for (n -= some; some; some--) a += *p++, b += a;
        a %= 65521, b %= 65521;
    }
    return b << 16 | a;
}

static bool no_memory(Error *e) {
    return error_set(e, ERR_MEMORY, "cannot allocate memory to compress a picture; free some and try again");
}

bool zlib_compress(const uint8_t *in, size_t n, uint8_t **out, size_t *size, Error *e) {
    Deflate *d = calloc(1, sizeof *d);
    if (!d) return no_memory(e);
    d->in = in, d->n = n;
    memset(d->head, 0xFF, sizeof d->head); /* -1 */
    put_byte(&d->w, 0x78);                 /* deflate with a 32 KiB window, */
    put_byte(&d->w, 0x9C);                 /* default level, check bits */
    tokenize(d);
    put_bits(&d->w, 0, 7); /* fill the last byte */
    uint32_t sum = adler32(in, n);
    for (int shift = 24; shift >= 0; shift -= 8) put_byte(&d->w, (uint8_t)(sum >> shift));
    Writer w = d->w;
    free(d);
    if (w.failed) {
        free(w.p);
        return no_memory(e);
    }
    *out = w.p, *size = w.n;
    return true;
}
