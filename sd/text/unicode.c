/* unicode.c: strings of code points, character classes, lower case, normal form C. */
#include "unicode.h"

#include <stdlib.h>
#include <string.h>

#include "unicode_tables.inc"

bool runes_reserve(Runes *r, size_t extra) {
    if (r->failed) return false;
    if (extra <= r->capacity - r->count) return true;
    const size_t most = SIZE_MAX / sizeof *r->at / 2;
    if (extra > most || r->count > most - extra) return r->failed = true, false;
    size_t need = r->count + extra, capacity = r->capacity < 16 ? 16 : r->capacity * 2;
    if (capacity < need) capacity = need;
    uint32_t *p = realloc(r->at, capacity * sizeof *p);
    if (!p) return r->failed = true, false;
    r->at = p;
    r->capacity = capacity;
    return true;
}

void runes_push(Runes *r, uint32_t c) {
    if (r->count < r->capacity || runes_reserve(r, 1)) r->at[r->count++] = c;
}

void runes_append(Runes *r, const uint32_t *p, size_t count) {
    if (!count || !runes_reserve(r, count)) return;
    memcpy(r->at + r->count, p, count * sizeof *p);
    r->count += count;
}

void runes_free(Runes *r) {
    free(r->at);
    *r = (Runes){0};
}

void runes_swap(Runes *a, Runes *b) {
    Runes t = *a;
    *a = *b;
    *b = t;
}

void runes_from_utf8(Runes *r, const char *text, size_t size) {
    const uint8_t *p = (const uint8_t *)text;
    for (size_t i = 0; i < size && !r->failed;) {
        uint32_t c;
        bool ok;
        i += utf8_decode(p + i, size - i, &c, &ok);
        runes_push(r, c);
    }
}

static size_t record(uint32_t c) { return c < 0x110000 ? RECORD_NUMBERS[RECORD_BLOCKS[c >> 7] * 128u + (c & 127)] : 0; }

unsigned unicode_flags(uint32_t c) { return RECORDS[record(c)].flags; }

const uint16_t *unicode_fold(uint32_t c) {
    if (c < FOLDED[0][0]) return NULL;
    size_t low = 0, high = sizeof FOLDED / sizeof *FOLDED;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (FOLDED[middle][0] == c) return FOLDED[middle] + 1;
        if (FOLDED[middle][0] < c) low = middle + 1;
        else high = middle;
    }
    return NULL;
}

uint32_t unicode_from_cp1252(uint32_t c) {
    static const uint16_t map[32] = {0x20AC, 0x81,   0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021,
                                     0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, 0x8D,   0x017D, 0x8F,
                                     0x90,   0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014,
                                     0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0x9D,   0x017E, 0x0178};
    return c >= 0x80 && c < 0xA0 ? map[c - 0x80] : c;
}

/* A capital sigma is final when a cased letter precedes it and none follows, skipping ignorables. No scan passes
 * another sigma, which is cased itself, so all scans together are linear. */
static bool sigma_is_final(const Runes *r, size_t i) {
    size_t j = i;
    while (j > 0 && unicode_flags(r->at[j - 1]) & UNICODE_IGNORABLE) j--;
    if (!j || !(unicode_flags(r->at[j - 1]) & UNICODE_CASED)) return false;
    for (j = i + 1; j < r->count && unicode_flags(r->at[j]) & UNICODE_IGNORABLE;) j++;
    return j == r->count || !(unicode_flags(r->at[j]) & UNICODE_CASED);
}

void unicode_lower(const Runes *in, Runes *out) {
    out->count = 0;
    runes_reserve(out, in->count);
    for (size_t i = 0; i < in->count; i++) {
        uint32_t c = in->at[i];
        if (c == 0x3A3) runes_push(out, sigma_is_final(in, i) ? 0x3C2 : 0x3C3);
        else if (c == 0x130) runes_push(out, 'i'), runes_push(out, 0x307);
        else runes_push(out, c + (uint32_t)RECORDS[record(c)].lower);
    }
    out->failed |= in->failed;
}

enum { HANGUL = 0xAC00, HANGUL_COUNT = 11172, LEAD = 0x1100, VOWEL = 0x1161, TAIL = 0x11A7, VOWELS = 21, TAILS = 28 };

static void push_decomposed(Runes *out, uint32_t c) {
    if (c < 0xC0) {
        runes_push(out, c);
        return;
    }
    if (c - HANGUL < HANGUL_COUNT) {
        uint32_t i = c - HANGUL;
        runes_push(out, LEAD + i / (VOWELS * TAILS));
        runes_push(out, VOWEL + i / TAILS % VOWELS);
        if (i % TAILS) runes_push(out, TAIL + i % TAILS);
        return;
    }
    size_t low = 0, high = sizeof SPLIT_CODES / sizeof *SPLIT_CODES;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (SPLIT_CODES[middle] < c) low = middle + 1;
        else high = middle;
    }
    if (low < sizeof SPLIT_CODES / sizeof *SPLIT_CODES && SPLIT_CODES[low] == c)
        runes_append(out, SPLIT_DATA + SPLIT_STARTS[low], (size_t)(SPLIT_STARTS[low + 1] - SPLIT_STARTS[low]));
    else runes_push(out, c);
}

/* The composition of a and b; 0: there is none. */
static uint32_t joined(uint32_t a, uint32_t b) {
    if (b < 0x300) return 0;
    if (a - LEAD < 19 && b - VOWEL < VOWELS) return HANGUL + ((a - LEAD) * VOWELS + (b - VOWEL)) * TAILS;
    if (a - HANGUL < HANGUL_COUNT && (a - HANGUL) % TAILS == 0 && b - TAIL - 1 < TAILS - 1) return a + (b - TAIL);
    size_t low = 0, high = sizeof JOINED / sizeof *JOINED / 3;
    while (low < high) {
        size_t middle = (low + high) / 2;
        const uint32_t *p = JOINED + middle * 3;
        if (p[0] == a && p[1] == b) return p[2];
        if (p[0] < a || (p[0] == a && p[1] < b)) low = middle + 1;
        else high = middle;
    }
    return 0;
}

static unsigned combining(uint32_t c) { return c < 0x300 ? 0 : RECORDS[record(c)].combining; }

/* Sorts a run of marks by combining class, stably: by insertion if short, else by counting, so that a megabyte of marks
 * takes linear time. spare has room for the run. */
static void sort_marks(uint32_t *p, size_t count, uint32_t *spare) {
    if (count <= 24) {
        for (size_t i = 1; i < count; i++) {
            uint32_t c = p[i];
            size_t j = i;
            for (; j && combining(p[j - 1]) > combining(c); j--) p[j] = p[j - 1];
            p[j] = c;
        }
        return;
    }
    size_t starts[257] = {0};
    for (size_t i = 0; i < count; i++) starts[combining(p[i]) + 1]++;
    for (size_t k = 1; k < 257; k++) starts[k] += starts[k - 1];
    for (size_t i = 0; i < count; i++) spare[starts[combining(p[i])]++] = p[i];
    memcpy(p, spare, count * sizeof *p);
}

static void order_marks(Runes *r) {
    uint32_t *spare = NULL;
    size_t capacity = 0;
    for (size_t i = 0; i < r->count;) {
        size_t end = i;
        while (end < r->count && combining(r->at[end])) end++;
        if (end - i > 24 && end - i > capacity) {
            free(spare);
            capacity = r->count - i; /* enough for all later runs */
            if (!(spare = malloc(capacity * sizeof *spare))) {
                r->failed = true;
                return;
            }
        }
        if (end - i > 1) sort_marks(r->at + i, end - i, spare);
        i = end + 1;
    }
    free(spare);
}

void unicode_compose(const Runes *in, Runes *out) {
    out->count = 0;
    out->failed |= in->failed;
    uint32_t all = 0;
    for (size_t i = 0; i < in->count; i++) all |= in->at[i] >= 0x300;
    if (!all) {
        runes_append(out, in->at, in->count);
        return;
    }
    for (size_t i = 0; i < in->count; i++) push_decomposed(out, in->at[i]);
    order_marks(out);
    if (out->failed) return;
    uint32_t *p = out->at;
    size_t kept = 0, starter = SIZE_MAX;
    unsigned last = 0; /* class of the last mark kept since the starter */
    for (size_t i = 0; i < out->count; i++) {
        uint32_t c = p[i], whole = 0;
        unsigned class = combining(c);
        bool open = starter != SIZE_MAX && (kept == starter + 1 || (class && last < class));
        if (open && (whole = joined(p[starter], c))) {
            p[starter] = whole;
            continue;
        }
        if (!class) starter = kept;
        last = class;
        p[kept++] = c;
    }
    out->count = kept;
}
