/* In sd/guide/plain.c: tokenize(). */
/* text_clean.c: see text_clean.h. */
#include "text_clean.h"

#include <string.h>

#include "html_text.h"
#include "mojibake.h"

enum { LONGEST_SEGMENT = 1000000, FAITHFUL_ROUNDS = 8, MOST_ROUNDS = 64 };

static bool contains(const uint32_t *p, size_t count, uint32_t c) {
    for (size_t i = 0; i < count; i++)
        if (p[i] == c) return true;
    return false;
}

/* Whether every step but that for references leaves the text alone. */
static bool is_plain(const Runes *r) {
    for (size_t i = 0; i < r->count; i++)
        if ((r->at[i] < ' ' && r->at[i] != '\n' && r->at[i] != '\t') || r->at[i] > '~') return false;
    return true;
}

static bool is_removed(uint32_t c) {
    return c < 9 || c == 0xB || (c >= 0xE && c < 0x20) || c == 0x7F || (c >= 0x206A && c < 0x2070) || c == 0xFEFF ||
           (c >= 0xFFF9 && c < 0xFFFD);
}

static uint32_t straight_quote(uint32_t c) {
    if (c == 0x2BC || (c >= 0x2018 && c <= 0x201B)) return '\'';
    return c >= 0x201C && c <= 0x201F ? '"' : c;
}

/* C1 controls, ligatures and widths, quotes, line breaks: each maps single characters, so one pass does all. */
static void map_characters(const Runes *in, Runes *out) {
    out->count = 0;
    out->failed |= in->failed;
    for (size_t i = 0; i < in->count; i++) {
        uint32_t c = unicode_from_cp1252(in->at[i]);
        const uint16_t *folded = unicode_fold(c);
        if (folded) {
            for (int k = 0; k < 3 && folded[k]; k++) runes_push(out, straight_quote(folded[k]));
        } else if (c == '\r') {
            if (i + 1 == in->count || in->at[i + 1] != '\n') runes_push(out, '\n');
        } else runes_push(out, c == 0x2028 || c == 0x2029 ? '\n' : straight_quote(c));
    }
}

/* The length of a terminal escape at p: ESC [, digits and semicolons, a letter. */
static size_t escape_length(const uint32_t *p, size_t left) {
    if (left < 3 || p[0] != 0x1B || p[1] != '[') return 0;
    size_t i = 2;
    while (i < left && (p[i] == ';' || unicode_flags(p[i]) & UNICODE_DECIMAL)) i++;
    return i < left && (p[i] | 32) - 'a' < 26 ? i + 1 : 0;
}

/* Escapes are removed in one pass: what closes the gap is not looked at again. */
static void remove_controls(Runes *r) {
    size_t kept = 0;
    for (size_t i = 0; i < r->count;) {
        size_t escape = escape_length(r->at + i, r->count - i);
        if (!escape && !is_removed(r->at[i])) r->at[kept++] = r->at[i];
        i += escape ? escape : 1;
    }
    r->count = kept;
}

static void fix_segment(Runes *text, bool references, int64_t *budget) {
    Runes before = {0}, other = {0};
    for (int round = 0; round < MOST_ROUNDS && !text->failed; round++) {
        before.count = 0;
        runes_append(&before, text->at, text->count);
        if (references && contains(text->at, text->count, '&')) {
            html_unescape_closed_fully(text, &other);
            if (round < FAITHFUL_ROUNDS && !is_plain(&other)) html_unescape_closed(text, &other);
            runes_swap(text, &other);
        }
        mojibake_fix(text, budget);
        map_characters(text, &other);
        remove_controls(&other);
        unicode_compose(&other, text);
        text->failed |= before.failed | other.failed;
        if (text->count == before.count &&
            (!text->count || !memcmp(text->at, before.at, text->count * sizeof *text->at)))
            break;
    }
    runes_free(&before);
    runes_free(&other);
}

static void fix_text(const Runes *in, Runes *out) {
    Runes segment = {0};
    bool references = true;
    int64_t budget = 6 * (int64_t)in->count + (1 << 20);
    for (size_t i = 0; i < in->count && !out->failed;) {
        size_t end = i;
        bool plain = true;
        while (end < in->count && end - i < LONGEST_SEGMENT) {
            uint32_t c = in->at[end++];
            if (c == '<') references = false;
            if (c < ' ' || c > '~' || c == '&') plain &= c == '\n';
            if (c == '\n') break;
        }
        if (plain) runes_append(out, in->at + i, end - i);
        else {
            segment.count = 0;
            runes_append(&segment, in->at + i, end - i);
            fix_segment(&segment, references, &budget);
            runes_append(out, segment.at, segment.count);
            out->failed |= segment.failed;
        }
        i = end;
    }
    runes_free(&segment);
}

/* Removes white space at both ends and makes each run of it one space. */
static void clean_space(const Runes *in, Runes *out) {
    out->count = 0;
    out->failed |= in->failed;
    size_t start = 0, end = in->count;
    while (start < end && unicode_flags(in->at[start]) & UNICODE_BLANK) start++;
    while (end > start && unicode_flags(in->at[end - 1]) & UNICODE_BLANK) end--;
    for (size_t i = start; i < end; i++) {
        if (!(unicode_flags(in->at[i]) & UNICODE_SPACE)) runes_push(out, in->at[i]);
        else if (out->count && !(unicode_flags(in->at[i - 1]) & UNICODE_SPACE)) runes_push(out, ' ');
    }
}

bool text_fix(const char *text, size_t size, Runes *out) {
    Runes raw = {0};
    out->count = 0;
    runes_from_utf8(&raw, text, size);
    out->failed |= raw.failed;
    fix_text(&raw, out);
    runes_free(&raw);
    return !out->failed;
}

static bool clean(const char *text, size_t size, int unescapes, Runes *out) {
    Runes other = {0};
    text_fix(text, size, out);
    for (int pass = 0; pass < unescapes; pass++) {
        html_unescape(out, &other);
        runes_swap(out, &other);
    }
    clean_space(out, &other);
    unicode_lower(&other, out);
    runes_free(&other);
    return !out->failed;
}

bool text_clean(const char *text, size_t size, Runes *out) { return clean(text, size, 2, out); }
bool text_clean_references_kept(const char *text, size_t size, Runes *out) { return clean(text, size, 0, out); }
