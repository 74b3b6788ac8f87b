/* inflate.c: Huffman codes and copies from the last 32 KiB (RFC 1951), in a zlib stream (RFC 1950) or a gzip file (RFC
 * 1952). The reader stops anywhere and goes on later, so that pictures are decompressed a row at a time.
 *
 * Codes are canonical: of one length they are consecutive numbers, in the order of their symbols. Those of up to FAST
 * bits are found in a table by the stream's next bits; longer ones by counting through the lengths. */
#include "inflate.h"

#include "crc32.h"

#include <stdlib.h>
#include <string.h>

enum { WINDOW = 32768, LITERALS = 288, DISTANCES = 32, LONGEST = 15, FAST = 9, END = 256 };

typedef struct {
    uint16_t fast[1 << FAST]; /* symbol << 4 | bits; 0: longer than FAST, or no code */
    uint16_t count[LONGEST + 1], symbol[LITERALS];
} Codes;

typedef enum { AT_BLOCK, IN_STORED, IN_CODES, FINISHED } State;

struct Inflate {
    InflateSource *more;
    void *user;
    const uint8_t *p;
    size_t left;
    uint64_t bits;
    int held;   /* bits in `bits` */
    int beyond; /* zero bits that were made up after the end of the input */
    bool gzip, last;
    State state;
    size_t stored;                /* bytes left of a stored block */
    size_t copy_length, copy_far; /* what is left of a copy */
    Codes literals, distances;
    uint64_t total;
    uint32_t a, b, crc; /* Adler-32's two sums; CRC-32 */
    const char *why;
    uint8_t window[WINDOW];
};

/* --- bits --- */

static bool fill_byte(Inflate *s, uint8_t *byte) {
    while (!s->left) {
        s->p = s->more ? s->more(s->user, &s->left) : NULL;
        if (!s->p) {
            s->more = NULL;
            s->left = 0;
            return false;
        }
    }
    *byte = *s->p++;
    s->left--;
    return true;
}

/* Has at least n <= 32 bits; past the end of the input they are zeros, which `drop` finds out. */
static void need(Inflate *s, int n) {
    while (s->held < n) {
        uint8_t byte = 0;
        if (!fill_byte(s, &byte)) s->beyond += 8;
        s->bits |= (uint64_t)byte << s->held;
        s->held += 8;
    }
}

static bool wrong(Inflate *s, const char *why) {
    if (!s->why) s->why = why;
    s->state = FINISHED;
    return false;
}

static bool drop(Inflate *s, int n) {
    s->bits >>= n;
    s->held -= n;
    return s->held >= s->beyond || wrong(s, "its compressed data ends early");
}

static bool take(Inflate *s, int n, uint32_t *v) {
    need(s, n);
    *v = (uint32_t)(s->bits & ((1ull << n) - 1));
    return drop(s, n);
}

/* --- codes --- */

#define BAD "its compressed data is damaged"

/* lengths[n] make a code that is complete, or a single one of one bit, or none at all. */
static bool make_codes(Inflate *s, Codes *c, const uint8_t *lengths, int n) {
    uint16_t first[LONGEST + 2] = {0};
    uint32_t code = 0;
    int left = 1, used = 0;
    memset(c, 0, sizeof *c);
    for (int i = 0; i < n; i++) c->count[lengths[i]]++, used += lengths[i] > 0;
    c->count[0] = 0;
    for (int bits = 1; bits <= LONGEST; bits++) {
        left = 2 * left - c->count[bits];
        if (left < 0) return wrong(s, BAD);
        first[bits + 1] = (uint16_t)(first[bits] + c->count[bits]);
    }
    if (left && !(used <= 1 && used == c->count[1])) return wrong(s, BAD);
    for (int i = 0; i < n; i++)
        if (lengths[i]) c->symbol[first[lengths[i]]++] = (uint16_t)i;
    for (int bits = 1, at = 0; bits <= FAST; bits++, code <<= 1)
        for (int i = 0; i < c->count[bits]; i++, code++, at++) {
            uint32_t reversed = 0;
            for (int k = 0; k < bits; k++) reversed |= (code >> k & 1) << (bits - 1 - k);
            for (; reversed < 1 << FAST; reversed += 1u << bits)
                c->fast[reversed] = (uint16_t)(c->symbol[at] << 4 | bits);
        }
    return true;
}

static bool decode(Inflate *s, const Codes *c, int *symbol) {
    need(s, LONGEST);
    uint16_t entry = c->fast[s->bits & ((1 << FAST) - 1)];
    if (entry) {
        *symbol = entry >> 4;
        return drop(s, entry & 15);
    }
    int code = 0, first = 0, at = 0;
    for (int bits = 1; bits <= LONGEST; bits++) {
        code |= (int)(s->bits >> (bits - 1) & 1);
        int count = c->count[bits];
        if (code - first < count) {
            *symbol = c->symbol[at + code - first];
            return drop(s, bits);
        }
        at += count;
        first = (first + count) << 1;
        code <<= 1;
    }
    return wrong(s, s->beyond ? "its compressed data ends early" : BAD);
}

static bool fixed_codes(Inflate *s) {
    uint8_t lengths[LITERALS];
    for (int i = 0; i < LITERALS; i++) lengths[i] = i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8;
    if (!make_codes(s, &s->literals, lengths, LITERALS)) return false;
    memset(lengths, 5, DISTANCES);
    return make_codes(s, &s->distances, lengths, DISTANCES);
}

static bool own_codes(Inflate *s) {
    static const uint8_t ORDER[19] = {16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};
    uint8_t lengths[LITERALS + DISTANCES] = {0};
    uint32_t literals, distances, count, v;
    if (!take(s, 5, &literals) || !take(s, 5, &distances) || !take(s, 4, &count)) return false;
    literals += 257, distances += 1;
    if (literals > 286 || distances > 30) return wrong(s, BAD);
    for (uint32_t i = 0; i < count + 4; i++) {
        if (!take(s, 3, &v)) return false;
        lengths[ORDER[i]] = (uint8_t)v;
    }
    if (!make_codes(s, &s->literals, lengths, 19)) return false;
    memset(lengths, 0, 19);
    for (uint32_t i = 0; i < literals + distances;) {
        int symbol;
        uint32_t run = 1;
        uint8_t length;
        if (!decode(s, &s->literals, &symbol)) return false;
        length = (uint8_t)symbol;
        if (symbol >= 16) {
            if (!take(s, symbol == 16 ? 2 : symbol == 17 ? 3 : 7, &run)) return false;
            if (symbol == 16 && !i) return wrong(s, BAD);
            run += symbol == 18 ? 11 : 3;
            length = symbol == 16 ? lengths[i - 1] : 0;
        }
        if (run > literals + distances - i) return wrong(s, BAD);
        while (run--) lengths[i++] = length;
    }
    if (!lengths[END]) return wrong(s, BAD);
    return make_codes(s, &s->literals, lengths, (int)literals) &&
           make_codes(s, &s->distances, lengths + literals, (int)distances);
}

/* --- blocks --- */

static bool begin_block(Inflate *s) {
    uint32_t last, kind, n, inverse;
    if (!take(s, 1, &last) || !take(s, 2, &kind)) return false;
    s->last = last;
    s->state = IN_CODES;
    if (kind == 1) return fixed_codes(s);
    if (kind == 2) return own_codes(s);
    if (kind == 3) return wrong(s, BAD);
    if (!drop(s, s->held & 7) || !take(s, 16, &n) || !take(s, 16, &inverse)) return false;
    if ((n ^ inverse) != 0xFFFF) return wrong(s, BAD);
    s->stored = n;
    s->state = IN_STORED;
    return true;
}

static bool end_block(Inflate *s) {
    s->state = s->last ? FINISHED : AT_BLOCK;
    if (!s->last) return true;
    uint32_t sum = 0, v;
    drop(s, s->held & 7);
    for (int i = 0; i < 4; i++) {
        if (!take(s, 8, &v)) return wrong(s, "its compressed data ends early");
        sum = s->gzip ? sum | v << 8 * i : sum << 8 | v;
    }
    if (sum != (s->gzip ? s->crc : s->b << 16 | s->a)) return wrong(s, "its compressed data has a wrong checksum");
    if (s->gzip && (!take(s, 32, &v) || v != (uint32_t)s->total)) return wrong(s, BAD);
    return true;
}

static bool begin_copy(Inflate *s, int symbol) {
    uint32_t extra;
    int code = symbol - 257, bits = code < 8 || code == 28 ? 0 : code / 4 - 1;
    if (code > 28 || !take(s, bits, &extra)) return wrong(s, BAD);
    s->copy_length = code == 28 ? 258 : (code < 8 ? (uint32_t)code : (uint32_t)(4 + code % 4) << bits) + 3 + extra;
    if (!decode(s, &s->distances, &code)) return false;
    bits = code < 4 ? 0 : code / 2 - 1;
    if (code > 29 || !take(s, bits, &extra)) return wrong(s, BAD);
    s->copy_far = (code < 4 ? (uint32_t)code : (uint32_t)(2 + code % 2) << bits) + 1 + extra;
    return s->copy_far <= s->total || wrong(s, BAD);
}

static void check(Inflate *s, const uint8_t *p, size_t n) {
    if (s->gzip) {
        s->crc = crc32_update(s->crc, p, n);
        return;
    }
    while (n) {
        size_t some = n < 5552 ? n : 5552; /* the most before b overflows */
        for (n -= some; some; some--) s->a += *p++, s->b += s->a;
        s->a %= 65521, s->b %= 65521;
    }
}

size_t inflate_read(Inflate *s, uint8_t *out, size_t n) {
    size_t k = 0, checked = 0;
    for (bool ok = true; ok && k < n && s->state != FINISHED;) {
        uint8_t byte;
        if (s->copy_length) {
            byte = s->window[(s->total - s->copy_far) % WINDOW];
            s->copy_length--;
        } else if (s->state == AT_BLOCK) {
            ok = begin_block(s);
            continue;
        } else if (s->state == IN_STORED) {
            uint32_t v;
            if (!s->stored) check(s, out + checked, k - checked), checked = k, ok = end_block(s);
            if (!ok || s->state != IN_STORED || !(ok = take(s, 8, &v))) continue;
            byte = (uint8_t)v;
            s->stored--;
        } else {
            int symbol;
            if (!(ok = decode(s, &s->literals, &symbol))) continue;
            if (symbol == END) check(s, out + checked, k - checked), checked = k, ok = end_block(s);
            else if (symbol > END) ok = begin_copy(s, symbol);
            if (symbol >= END) continue;
            byte = (uint8_t)symbol;
        }
        s->window[s->total++ % WINDOW] = byte;
        out[k++] = byte;
    }
    check(s, out + checked, k - checked);
    return k;
}

/* --- the whole --- */

/* RFC 1952's header: flags for an extra field, a name, a comment and a checksum. */
static bool gzip_header(Inflate *s) {
    uint32_t v[10], n, c;
    for (int i = 0; i < 10; i++)
        if (!take(s, 8, &v[i])) return false;
    if (v[0] != 0x1F || v[1] != 0x8B || v[2] != 8 || v[3] & 0xE0) return wrong(s, BAD);
    if (v[3] & 4) {
        if (!take(s, 16, &n)) return false;
        while (n--)
            if (!take(s, 8, &c)) return false;
    }
    for (uint32_t flag = 8; flag <= 16; flag *= 2)
        for (c = v[3] & flag; c;)
            if (!take(s, 8, &c)) return false;
    return !(v[3] & 2) || take(s, 16, &n);
}

Inflate *inflate_begin(InflateSource *more, void *user, bool gzip) {
    Inflate *s = malloc(sizeof *s);
    if (!s) return NULL;
    memset(s, 0, offsetof(Inflate, window));
    s->more = more, s->user = user, s->gzip = gzip, s->a = 1;
    uint32_t head;
    if (gzip) gzip_header(s);
    else if (take(s, 16, &head)) {
        uint32_t method = head & 0xFF, flags = head >> 8;
        if ((method & 15) != 8 || method > 0x78 || (method << 8 | flags) % 31 || flags & 32) wrong(s, BAD);
    }
    return s;
}

bool inflate_whole(Inflate *s, const char **why) {
    uint8_t more;
    *why = s->why;
    if (*why) return false;
    if (s->state == FINISHED) return true;
    if (inflate_read(s, &more, 1)) *why = "its compressed data holds more than it should";
    else *why = s->why;
    return !*why;
}

void inflate_end(Inflate *s) { free(s); }

typedef struct {
    const uint8_t *p;
    size_t n;
} Piece;

static const uint8_t *one_piece(void *user, size_t *size) {
    Piece *piece = user;
    const uint8_t *p = piece->n ? piece->p : NULL;
    *size = piece->n;
    piece->n = 0;
    return p;
}

bool inflate_string(const uint8_t *in, size_t n, bool gzip, size_t most, char **out, size_t *size, Error *e) {
    Piece piece = {in, n};
    Inflate *s = inflate_begin(one_piece, &piece, gzip);
    size_t capacity = most < 4096 ? most : 4096, k = 0;
    char *text = s ? malloc(capacity + 1) : NULL;
    const char *why = NULL;
    while (text) {
        k += inflate_read(s, (uint8_t *)text + k, capacity - k);
        if (k < capacity || k == most) break;
        capacity = capacity > most / 2 ? most : 2 * capacity;
        char *longer = realloc(text, capacity + 1);
        if (!longer) free(text);
        text = longer;
    }
    bool ok = text && inflate_whole(s, &why), large = !ok && s && !s->why && why;
    inflate_end(s);
    if (ok) {
        text[k] = 0;
        *out = text, *size = k;
        return true;
    }
    free(text);
    if (large) return error_set(e, ERR_FORMAT, "it unfolds to more than %zu MiB", most >> 20);
    return why ? error_set(e, ERR_FORMAT, "%s", why)
               : error_set(e, ERR_MEMORY, "cannot allocate memory to decompress it; free some and try again");
}
