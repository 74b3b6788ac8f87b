/* mojibake.c: see mojibake.h. */
#include "mojibake.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    uint64_t low, high; /* bit k: the character is in class k */
} ClassSet;

#include "mojibake_tables.inc"

enum { DEEPEST = 8, LATIN1 = -1 };

typedef struct {
    uint8_t *at;
    size_t count, capacity;
} Bytes;

typedef struct {
    Bytes bytes;
    Runes decoded;
    int64_t *budget;
} Repair;

static size_t known(uint32_t c) { return c < 0x10000 ? KNOWN_NUMBERS[KNOWN_PAGES[c >> 6]][c & 63] : 0; }
static bool has(ClassSet s, unsigned k) { return (k < 64 ? s.low >> k : s.high >> (k - 64)) & 1; }
static ClassSet with(ClassSet s, unsigned k) {
    if (k < 64) s.low |= UINT64_C(1) << k;
    else s.high |= UINT64_C(1) << (k - 64);
    return s;
}

static ClassSet classes(uint32_t c) {
    size_t n = known(c);
    if (n) return CLASS_SETS[KNOWN[n].classes];
    unsigned flags = unicode_flags(c);
    ClassSet s = PLAIN;
    if (flags & UNICODE_WORD) s = with(s, CLASS_WORD);
    if (flags & UNICODE_BLANK) s = with(s, CLASS_SPACE);
    return s;
}

static bool is_suspicious(const uint32_t *p, size_t count) {
    for (size_t i = 0; i < count; i++) {
        size_t left = count - i;
        /* Every sequence has a character beyond ASCII among its first three. */
        if (p[i] < 0x80 && (left < 2 || p[i + 1] < 0x80) && (left < 3 || p[i + 2] < 0x80)) continue;
        ClassSet first = classes(p[i]);
        for (size_t k = 0; k < sizeof SUSPICIOUS / sizeof *SUSPICIOUS; k++) {
            size_t length = SUSPICIOUS[k].length, j = 1;
            if (!has(first, SUSPICIOUS[k].classes[0]) || length > left || (SUSPICIOUS[k].anchored && i)) continue;
            while (j < length && has(classes(p[i + j]), SUSPICIOUS[k].classes[j])) j++;
            if (j == length) return true;
        }
    }
    return false;
}

/* The byte of c in a code page; false: it has none. In the sloppy pages U+FFFD is the byte 1A. */
static bool encode_byte(uint32_t c, int page, uint8_t *b) {
    if (page == LATIN1) return *b = (uint8_t)c, c < 0x100;
    if (c < 0x80 && c != 0x1A) return *b = (uint8_t)c, true;
    return (*b = KNOWN[known(c)].code[page]) != 0;
}

static bool encode(const Runes *text, int page, Bytes *out) {
    for (size_t i = 0; i < text->count; i++) /* most pages fail early */
        if (!encode_byte(text->at[i], page, out->at + i)) return false;
    out->count = text->count;
    return true;
}

static bool in(uint8_t b, uint8_t low, uint8_t high) { return b >= low && b <= high; }

/* The length of a sequence at p that would be UTF-8 if its space were the byte A0; 0: none. */
static size_t altered(const uint8_t *p, size_t left) {
#define MIDDLE(b) (in(b, 0x80, 0xBF) && (b) != 0x85 && (b) != 0xA0)
    if (left < 2) return 0;
    uint8_t b = p[0];
    if (p[1] == ' ' && (b == 0xC2 || b == 0xC3 || b == 0xC5 || b == 0xCE || b == 0xD0 || b == 0xD9)) return 2;
    if (left < 3) return 0;
    if ((b == 0xE2 || b == 0xE3) && p[1] == ' ' && MIDDLE(p[2])) return 3;
    if (in(b, 0xE0, 0xE3) && MIDDLE(p[1]) && p[2] == ' ') return 3;
    if (left < 4 || b != 0xF0) return 0;
    int spaces = 0;
    for (int i = 1; i < 4; i++) {
        if (p[i] == ' ') spaces++;
        else if (!in(p[i], 0x80, 0xBF)) return 0;
    }
    return spaces == 1 ? 4 : 0;
#undef MIDDLE
}

/* Whether the space after C3 ends a word ("Ã la", à la) rather than being half a letter. */
static bool ends_word(const uint8_t *p, size_t left) {
    static const char *const endings[] = {" ", "quele", "quela", "quilo", "s "};
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        if (strlen(endings[i]) <= left && !memcmp(p, endings[i], strlen(endings[i]))) return false;
    return true;
}

/* Both of ftfy's passes: where the space ends a word, A0 goes before it. out has room for 3/2 of b. */
static void restore_a0(const Bytes *b, Bytes *out) {
    out->count = 0;
    for (size_t i = 0; i < b->count; i++) {
        out->at[out->count++] = b->at[i];
        if (b->at[i] == 0xC3 && i + 1 < b->count && b->at[i + 1] == ' ' && ends_word(b->at + i + 2, b->count - i - 2))
            out->at[out->count++] = 0xA0;
    }
    for (size_t i = 0; i < out->count;) {
        size_t length = altered(out->at + i, out->count - i);
        for (size_t k = 0; k < length; k++)
            if (out->at[i + k] == ' ') out->at[i + k] = 0xA0;
        i += length ? length : 1;
    }
}

/* The length of a UTF-8 or CESU-8 sequence at p that lost some of its bytes (to 1A, or once '?'); 0: none. */
static size_t lossy(const uint8_t *p, size_t left) {
#define KEPT(b) (in(b, 0x80, 0xBF) || (b) == 0x1A)
#define LOST(b) ((b) == 0x1A || (b) == '?')
    uint8_t b = p[0];
    if (left >= 2 && ((in(b, 0xC2, 0xDF) && p[1] == 0x1A) || (in(b, 0xC2, 0xC3) && p[1] == '?'))) return 2;
    if (left >= 6 && b == 0xED && in(p[1], 0xA0, 0xAF) && p[3] == 0xED && in(p[4], 0xB0, 0xBF)) {
        bool any2 = LOST(p[2]) || in(p[2], 0x80, 0xBF), any5 = LOST(p[5]) || in(p[5], 0x80, 0xBF);
        if ((LOST(p[2]) && any5) || (any2 && LOST(p[5]))) return 6;
    }
    size_t length = in(b, 0xE0, 0xEF) ? 3 : in(b, 0xF0, 0xF4) ? 4 : 0;
    if (length && left >= length) {
        int lost = 0, marks = 0, other = 0;
        for (size_t i = 1; i < length; i++) {
            marks += p[i] == '?';
            lost += LOST(p[i]);
            other += !KEPT(p[i]) && p[i] != '?';
        }
        if (lost && marks <= 1 && !other) return length;
    }
    return b == 0x1A;
#undef KEPT
#undef LOST
}

static void replace_lossy(const Bytes *b, Bytes *out) {
    out->count = 0;
    for (size_t i = 0; i < b->count;) {
        size_t length = lossy(b->at + i, b->count - i);
        if (length) {
            memcpy(out->at + out->count, "\xEF\xBF\xBD", 3);
            out->count += 3;
        } else out->at[out->count++] = b->at[i];
        i += length ? length : 1;
    }
}

/* UTF-8, or with variants also CESU-8's surrogate pairs and Java's C0 80 for U+0000; false: b is neither. In ftfy's
 * patterns '$' also matches before a final line feed, which then passes for the missing byte. */
static bool decode(const Bytes *b, bool variants, Runes *out) {
    out->count = 0;
    for (size_t i = 0; i < b->count;) {
        const uint8_t *p = b->at + i;
        size_t left = b->count - i;
        if (variants && left >= 2 && p[0] == 0xC0 && (p[1] == 0x80 || (left == 2 && p[1] == '\n'))) {
            runes_push(out, 0);
            i += 2;
        } else if (variants && left >= 6 && p[0] == 0xED && in(p[1], 0xA0, 0xAF) && in(p[2], 0x80, 0xBF) &&
                   p[3] == 0xED && in(p[4], 0xB0, 0xBF) && (in(p[5], 0x80, 0xBF) || (left == 6 && p[5] == '\n'))) {
            runes_push(out, 0x10000 + ((p[1] & 0xFu) << 16) + ((p[2] & 0x3Fu) << 10) + ((p[4] & 0xFu) << 6) +
                                (p[5] & 0x3Fu));
            i += 6;
        } else {
            uint32_t c;
            bool ok;
            i += utf8_decode(p, left, &c, &ok);
            if (!ok) return false;
            runes_push(out, c);
        }
    }
    return true;
}

static bool same(const Runes *a, const Runes *b) {
    return a->count == b->count && !memcmp(a->at, b->at, a->count * sizeof *a->at);
}

/* Room for text at one byte a character, and for the two passes over bytes, which may grow it (at most threefold). */
static bool reserve_bytes(Repair *r, size_t count, Runes *text) {
    if (count > SIZE_MAX / 16) return text->failed = true, false;
    size_t need = count * 8 + 16;
    if (need <= r->bytes.capacity) return true;
    uint8_t *p = realloc(r->bytes.at, need);
    if (!p) return text->failed = true, false;
    r->bytes.at = p;
    r->bytes.capacity = need;
    return true;
}

/* Reads text as bytes in this page that were meant as UTF-8, into r->decoded. */
static bool reread(Repair *r, const Runes *text, int page) {
    size_t n = text->count;
    Bytes a = {r->bytes.at, 0, 0}, b = {r->bytes.at + n, 0, 0}, c = {r->bytes.at + 3 * n, 0, 0}, *now = &a;
    if (!encode(text, page, &a)) return false;
    if (page != MACROMAN) {
        bool any = false;
        for (size_t i = 0; i < n && !any; i++) any = altered(a.at + i, n - i);
        if (any) restore_a0(now, &b), now = &b;
    }
    if (page >= 0 && page < SLOPPY_PAGES) {
        bool any = false;
        for (size_t i = 0; i < now->count && !any; i++) any = lossy(now->at + i, now->count - i);
        if (any) replace_lossy(now, &c), now = &c;
    }
    bool variants = memchr(now->at, 0xED, now->count) || memchr(now->at, 0xC0, now->count);
    return decode(now, variants, &r->decoded);
}

static void fix(Repair *r, Runes *text, int depth);

/* The length of a run of sequences at p that look like UTF-8 read as single bytes; 0: none. */
static size_t run_length(const uint32_t *p, size_t left) {
    static const uint8_t first[3] = {CLASS_UTF8_FIRST_OF_2, CLASS_UTF8_FIRST_OF_3, CLASS_UTF8_FIRST_OF_4};
    size_t total = 0;
    for (bool more = true; more;) {
        more = false;
        for (size_t k = 0; k < 3 && !more && total < left; k++) {
            if (!has(classes(p[total]), first[k])) continue;
            size_t j = 1;
            while (j < k + 2 && total + j < left && has(classes(p[total + j]), CLASS_UTF8_CONTINUATION)) j++;
            if (j == k + 2) total += j, more = true;
        }
    }
    return total;
}

static void fix_runs(Repair *r, const Runes *text, Runes *out, int depth) {
    Runes run = {0};
    const uint32_t *p = text->at;
    for (size_t i = 0; i < text->count && !out->failed;) {
        size_t length = 0;
        if (p[i] >= 0x80 && !(i && has(classes(p[i - 1]), CLASS_UTF8_CONTINUATION_STRICT)))
            length = run_length(p + i, text->count - i);
        if (length && length < text->count && depth < DEEPEST && is_suspicious(p + i, length)) {
            run.count = 0;
            runes_append(&run, p + i, length);
            fix(r, &run, depth + 1);
            runes_append(out, run.at, run.count);
            out->failed |= run.failed;
        } else runes_append(out, p + i, length ? length : 1);
        i += length ? length : 1;
    }
    runes_free(&run);
}

/* One repair; false: nothing left to repair. */
static bool fix_once(Repair *r, Runes *text, int depth) {
    uint32_t beyond_ascii = 0;
    for (size_t i = 0; i < text->count; i++) beyond_ascii |= text->at[i] >= 0x80;
    if (!beyond_ascii || text->failed || *r->budget < 0) return false;
    *r->budget -= (int64_t)text->count;
    if (!is_suspicious(text->at, text->count) || !reserve_bytes(r, text->count, text)) return false;
    for (int page = LATIN1; page < CODE_PAGES; page++)
        if (reread(r, text, page)) {
            bool changed = !same(&r->decoded, text);
            runes_swap(&r->decoded, text);
            text->failed |= r->decoded.failed;
            return changed && !text->failed;
        }
    Runes out = {0};
    fix_runs(r, text, &out, depth);
    bool changed = !out.failed && !same(&out, text);
    if (changed) runes_swap(&out, text);
    text->failed |= out.failed;
    runes_free(&out);
    if (changed || text->failed) return changed;
    /* Latin-1 meant as Windows-1252; among other characters, ftfy does the same one by one. */
    for (size_t i = 0; i < text->count; i++) {
        uint32_t c = unicode_from_cp1252(text->at[i]);
        changed |= c != text->at[i];
        text->at[i] = c;
    }
    return changed;
}

static void fix(Repair *r, Runes *text, int depth) {
    while (fix_once(r, text, depth)) continue;
}

void mojibake_fix(Runes *text, int64_t *budget) {
    Repair r = {.budget = budget};
    fix(&r, text, 0);
    free(r.bytes.at);
    runes_free(&r.decoded);
}
