/* jpeg_scan.c: the entropy-coded data of a JPEG (ITU-T T.81, annexes F and G). Decoders fill what is missing with grey
 * and say nothing; here each code is read as the decoder would, so that a file that ends early is found. Of a
 * progressive JPEG it must be known which coefficients are not zero, since refinements have a bit for each: 8 bytes a
 * block. */
#include "jpeg_scan.h"

#include <stdlib.h>
#include <string.h>

#define CUT "its pixels end early"
#define BAD "its compressed data is damaged"
#define CODES "its Huffman tables are damaged"

static bool wrong(const char **why, const char *what) {
    *why = what;
    return false;
}

/* --- codes --- */

static bool make_codes(JpegCodes *c, const uint8_t *count, const uint8_t *symbol, size_t n, const char **why) {
    int32_t code = 0;
    int at = 0;
    memset(c, 0, sizeof *c);
    memset(c->fast, 0xFF, sizeof c->fast);
    memcpy(c->symbol, symbol, n);
    for (int bits = 1; bits <= 16; bits++) {
        c->offset[bits] = at - code;
        for (int i = 0; i < count[bits - 1]; i++, code++, at++) {
            if (code >= 1 << bits) return wrong(why, CODES);
            for (int k = 0; bits <= 8 && k < 1 << (8 - bits); k++)
                c->fast[code << (8 - bits) | k] = (int16_t)(bits << 8 | c->symbol[at]);
        }
        c->limit[bits] = code << (16 - bits);
        code <<= 1;
    }
    c->defined = true;
    return true;
}

bool jpeg_codes(JpegScans *s, const uint8_t *p, size_t n, const char **why) {
    while (n) {
        size_t codes = 0;
        for (size_t i = 1; i <= 16 && i < n; i++) codes += p[i];
        if (n < 17 || codes > 256 || codes > n - 17 || p[0] >> 4 > 1 || (p[0] & 15) > 3) return wrong(why, CODES);
        if (!make_codes((p[0] >> 4 ? s->ac : s->dc) + (p[0] & 15), p + 1, p + 17, codes, why)) return false;
        p += 17 + codes, n -= 17 + codes;
    }
    return true;
}

/* --- bits --- */

typedef struct {
    const uint8_t *p, *end;
    uint32_t bits; /* the next ones, from the top */
    int held, beyond;
} Bits;

static void fill(Bits *b) {
    while (b->held <= 24) {
        uint32_t byte = 0;
        bool stuffed = b->end - b->p > 1 && b->p[0] == 0xFF && !b->p[1];
        if (b->p < b->end && (*b->p != 0xFF || stuffed)) byte = *b->p, b->p += 1 + stuffed;
        else b->beyond += 8; /* a marker, or the end of the file */
        b->bits |= byte << (24 - b->held);
        b->held += 8;
    }
}

static bool drop(Bits *b, int n) {
    b->bits = n < 32 ? b->bits << n : 0;
    b->held -= n;
    return b->held >= b->beyond;
}

static bool skip(Bits *b, int n) {
    fill(b);
    return drop(b, n);
}

/* -1: no such code, or no bits left. */
static int decode(Bits *b, const JpegCodes *c) {
    fill(b);
    int fast = c->fast[b->bits >> 24];
    if (fast >= 0) return drop(b, fast >> 8) ? fast & 255 : -1;
    int32_t code = (int32_t)(b->bits >> 16);
    int length = 9;
    while (length <= 16 && code >= c->limit[length]) length++;
    if (length > 16) return -1;
    int symbol = c->symbol[(code >> (16 - length)) + c->offset[length]];
    return drop(b, length) ? symbol : -1;
}

static int bit(Bits *b) {
    fill(b);
    int v = (int)(b->bits >> 31);
    return drop(b, 1) ? v : -1;
}

/* --- blocks --- */

typedef struct {
    int first, last, high, low; /* coefficients; successive approximation */
    int count;
    JpegComponent *component[4];
    const JpegCodes *dc[4], *ac[4];
    int64_t zero_blocks; /* left of a run of blocks without more coefficients */
} Scan;

static bool baseline_block(Bits *b, const JpegCodes *dc, const JpegCodes *ac) {
    int size = decode(b, dc);
    if (size < 0 || size > 15 || !skip(b, size)) return false;
    for (int k = 1; k < 64; k++) {
        int v = decode(b, ac);
        if (v < 0) return false;
        if (!(v & 15) && v != 0xF0) return true;
        k += v >> 4;
        if (k > 63 || !skip(b, v & 15)) return false;
    }
    return true;
}

/* A run of blocks that end here: 2^r and r bits more. */
static bool begin_zeros(Bits *b, Scan *s, int r) {
    int64_t run = 0;
    for (int i = 0; i < r; i++) {
        int v = bit(b);
        if (v < 0) return false;
        run = 2 * run + v;
    }
    s->zero_blocks = (1 << r) + run;
    return true;
}

static bool first_block(Bits *b, Scan *s, const JpegCodes *ac, uint64_t *sent) {
    if (s->zero_blocks) return s->zero_blocks--, true;
    for (int k = s->first; k <= s->last; k++) {
        int v = decode(b, ac);
        if (v < 0) return false;
        if (!(v & 15) && v < 0xF0) return begin_zeros(b, s, v >> 4) && (s->zero_blocks--, true);
        k += v >> 4;
        if (!(v & 15)) continue;
        if (k > 63 || !skip(b, v & 15)) return false;
        *sent |= 1ull << k;
    }
    return true;
}

/* Each coefficient that is not zero so far has a bit of its own, between the codes of those that become so now. */
static bool refine_block(Bits *b, Scan *s, const JpegCodes *ac, uint64_t *sent) {
    int k = s->first;
    while (k <= s->last && !s->zero_blocks) {
        int v = decode(b, ac), zeros = v >> 4;
        if (v < 0 || (v & 15) > 1) return false;
        if (!(v & 15) && v < 0xF0) {
            if (!begin_zeros(b, s, zeros)) return false;
            break;
        }
        if (v & 15 && bit(b) < 0) return false;
        for (; k <= s->last; k++) {
            if (*sent >> k & 1) {
                if (bit(b) < 0) return false;
            } else if (!zeros--) {
                if (v & 15) *sent |= 1ull << k;
                k++;
                break;
            }
        }
    }
    if (!s->zero_blocks) return true;
    for (; k <= s->last; k++)
        if (*sent >> k & 1 && bit(b) < 0) return false;
    s->zero_blocks--;
    return true;
}

static bool block(Bits *b, Scan *s, int which, int64_t x, int64_t y, bool progressive) {
    const JpegComponent *c = s->component[which];
    if (!progressive) return baseline_block(b, s->dc[which], s->ac[which]);
    uint64_t *sent = c->sent + y * c->stride + x;
    if (s->first) return (s->high ? refine_block : first_block)(b, s, s->ac[which], sent);
    if (s->high) return bit(b) >= 0;
    int size = decode(b, s->dc[which]);
    return size >= 0 && size <= 15 && skip(b, size);
}

/* A single component has its blocks in rows; several have MCUs with h x v blocks of each. */
static bool unit(Bits *b, Scan *s, const JpegScans *j, int64_t index) {
    const JpegComponent *c = s->component[0];
    if (s->count == 1) return block(b, s, 0, index % c->wide, index / c->wide, j->progressive);
    int64_t mx = index % j->mcus_wide, my = index / j->mcus_wide;
    for (int i = 0; i < s->count; i++) {
        c = s->component[i];
        for (int k = 0; k < c->h * c->v; k++)
            if (!block(b, s, i, mx * c->h + k % c->h, my * c->v + k / c->h, j->progressive)) return false;
    }
    return true;
}

/* --- scans --- */

bool jpeg_frame(JpegScans *s, const uint8_t *p, bool progressive, const char **why) {
    int h = 1, v = 1, blocks = 0;
    *why = NULL;
    s->height = p[1] << 8 | p[2], s->width = p[3] << 8 | p[4];
    s->count = p[5], s->progressive = progressive;
    for (int i = 0; i < s->count; i++) {
        JpegComponent *c = &s->component[i];
        c->id = p[6 + 3 * i], c->h = p[7 + 3 * i] >> 4, c->v = p[7 + 3 * i] & 15;
        if (c->h < 1 || c->h > 4 || c->v < 1 || c->v > 4) return wrong(why, "its header is damaged");
        h = c->h > h ? c->h : h, v = c->v > v ? c->v : v;
        blocks += c->h * c->v;
        memset(c->missing, -1, sizeof c->missing);
    }
    if (blocks > 40) return wrong(why, "its header is damaged");
    s->mcus_wide = (s->width + 8 * h - 1) / (8 * h), s->mcus_high = (s->height + 8 * v - 1) / (8 * v);
    for (int i = 0; i < s->count; i++) {
        JpegComponent *c = &s->component[i];
        c->wide = ((s->width * c->h + h - 1) / h + 7) / 8, c->high = ((s->height * c->v + v - 1) / v + 7) / 8;
        c->stride = s->mcus_wide * c->h;
        if (progressive) c->sent = calloc((size_t)(c->stride * s->mcus_high * c->v), sizeof *c->sent);
        if (progressive && !c->sent) return false;
    }
    return true;
}

/* Which bits the scan brings of which coefficients, and whether its tables are there. */
static bool open_scan(JpegScans *j, Scan *s, const uint8_t *p, size_t n) {
    if (n < 6 || p[0] < 1 || p[0] > 4 || n != 4 + 2 * (size_t)p[0]) return false;
    s->count = p[0];
    const uint8_t *end = p + 1 + 2 * s->count;
    s->first = end[0], s->last = end[1], s->high = end[2] >> 4, s->low = end[2] & 15;
    if (!j->progressive) s->first = 0, s->last = 63, s->high = s->low = 0; /* as decoders do */
    if (s->first > s->last || s->last > 63 || (!s->first && j->progressive && s->last) || (s->first && s->count > 1))
        return false;
    for (int i = 0; i < s->count; i++) {
        int k = 0, dc = p[2 + 2 * i] >> 4, ac = p[2 + 2 * i] & 15;
        while (k < j->count && j->component[k].id != p[1 + 2 * i]) k++;
        if (k == j->count || dc > 3 || ac > 3) return false;
        JpegComponent *c = s->component[i] = &j->component[k];
        s->dc[i] = &j->dc[dc], s->ac[i] = &j->ac[ac];
        bool needs_dc = !s->first && !s->high, needs_ac = s->last > 0;
        if ((needs_dc && !s->dc[i]->defined) || (needs_ac && !s->ac[i]->defined)) return false;
        for (k = s->first; k <= s->last; k++) c->missing[k] = (int8_t)s->low;
    }
    return true;
}

size_t jpeg_scan(JpegScans *j, const uint8_t *p, size_t n, const uint8_t *data, size_t size, const char **why) {
    Scan s = {0};
    Bits b = {.p = data, .end = data + size};
    if (!open_scan(j, &s, p, n)) return wrong(why, "its scans make no sense");
    const JpegComponent *c = s.component[0];
    int64_t units = s.count == 1 ? c->wide * c->high : j->mcus_wide * j->mcus_high;
    for (int64_t i = 0; i < units; i++) {
        if (j->restart && i && i % j->restart == 0) {
            if (b.end - b.p < 2 || b.p[0] != 0xFF || (b.p[1] & 0xF8) != 0xD0)
                return wrong(why, b.end - b.p < 2 ? CUT : BAD);
            b = (Bits){.p = b.p + 2, .end = b.end};
            s.zero_blocks = 0;
        }
        if (!unit(&b, &s, j, i)) return wrong(why, b.held < b.beyond ? CUT : BAD);
    }
    return (size_t)(b.p - data); /* each block has a bit at least */
}

bool jpeg_any(const JpegScans *s) {
    for (int i = 0; i < s->count; i++)
        if (s->component[i].missing[0] < 0) return false;
    return s->count > 0;
}

bool jpeg_all(const JpegScans *s) {
    for (int i = 0; i < s->count; i++)
        for (int k = 0; k < 64; k++)
            if (s->component[i].missing[k]) return false;
    return s->count > 0;
}

void jpeg_scans_free(JpegScans *s) {
    for (int i = 0; i < 4; i++) free(s->component[i].sent);
    *s = (JpegScans){0};
}
