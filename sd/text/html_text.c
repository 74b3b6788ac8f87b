/* html_text.c: see html_text.h. */
#include "html_text.h"

#include <string.h>

#include "html_entities.inc"

enum { WITH_SEMICOLON = 1, WITHOUT = 2, CAPITALS = 4, LONGEST_NAME = 32, LONGEST_CLOSED = 24 };

static bool is_digit(uint32_t c) { return c - '0' < 10; }
static bool is_alnum(uint32_t c) { return is_digit(c) || (c | 32) - 'a' < 26; }
static int hex_value(uint32_t c) {
    return is_digit(c) ? (int)(c - '0') : (c | 32) - 'a' < 6 ? (int)((c | 32) - 'a') + 10 : -1;
}

/* The characters of a name, up to three, fewer are 0-terminated; NULL: unknown in these ways. */
static const uint32_t *entity(const uint32_t *name, size_t length, unsigned ways) {
    char text[LONGEST_NAME + 1];
    if (length > LONGEST_NAME) return NULL;
    for (size_t i = 0; i < length; i++) {
        if (!is_alnum(name[i])) return NULL;
        text[i] = (char)name[i];
    }
    text[length] = 0;
    size_t low = 0, high = sizeof ENTITIES / sizeof *ENTITIES;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = strcmp(ENTITIES[middle].name, text);
        if (!order) return ENTITIES[middle].flags & ways ? ENTITIES[middle].text : NULL;
        if (order < 0) low = middle + 1;
        else high = middle;
    }
    return NULL;
}

static void push_text(Runes *out, const uint32_t text[3]) {
    for (int i = 0; i < 3 && text[i]; i++) runes_push(out, text[i]);
}

/* Reads the number after "&#" at p; returns its characters without a semicolon (0: there is none). */
static size_t read_number(const uint32_t *p, size_t count, uint32_t *value) {
    size_t i = count && (p[0] | 32) == 'x', start = i;
    uint32_t base = i ? 16 : 10, v = 0;
    for (; i < count; i++) {
        int digit = hex_value(p[i]);
        if (digit < 0 || (uint32_t)digit >= base) break;
        if (v < 0x110000) v = v * base + (uint32_t)digit;
    }
    *value = v;
    return i > start ? i : 0;
}

/* The character of a numeric reference; false: HTML drops it. */
static bool number_character(uint32_t v, uint32_t *c) {
    *c = v;
    if (!v || v > 0x10FFFF || (v >= 0xD800 && v < 0xE000)) return *c = 0xFFFD, true;
    if (v >= 0x80 && v < 0xA0) return *c = unicode_from_cp1252(v), true;
    bool control = v < 9 || v == 0xB || (v >= 0xE && v < 0x20) || v == 0x7F;
    return !control && !(v >= 0xFDD0 && v < 0xFDF0) && (v & 0xFFFE) != 0xFFFE;
}

void html_unescape(const Runes *in, Runes *out) {
    out->count = 0;
    out->failed |= in->failed;
    const uint32_t *p = in->at;
    for (size_t i = 0; i < in->count;) {
        runes_push(out, p[i]);
        if (p[i++] != '&' || i == in->count) continue;
        if (p[i] == '#') {
            uint32_t value, c;
            size_t taken = read_number(p + i + 1, in->count - i - 1, &value);
            if (!taken) continue;
            i += taken + 1;
            i += i < in->count && p[i] == ';';
            out->count -= !out->failed;
            if (number_character(value, &c)) runes_push(out, c);
            continue;
        }
        size_t length = 0;
        for (; length < LONGEST_NAME && i + length < in->count; length++) {
            uint32_t c = p[i + length];
            if (c == '\t' || c == '\n' || c == '\f' || c == ' ' || c == '<' || c == '&' || c == '#' || c == ';') break;
        }
        if (!length) continue;
        bool closed = i + length < in->count && p[i + length] == ';';
        const uint32_t *text = entity(p + i, length, closed ? WITH_SEMICOLON : WITHOUT);
        size_t used = length + closed;
        /* Otherwise the longest known name at the start of the text, which then has no semicolon. */
        for (size_t x = closed ? length : length - 1; !text && x > 1; x--)
            if ((text = entity(p + i, x, WITHOUT))) used = x;
        if (!text) continue;
        out->count -= !out->failed;
        push_text(out, text);
        i += used;
        size_t rest = length + closed - used; /* not looked at again: the pattern consumed it */
        runes_append(out, p + i, rest);
        i += rest;
    }
}

/* The characters of the closed reference "&...;" at p[0..length); false: it stays as it is. */
static bool closed_reference(const uint32_t *p, size_t length, uint32_t text[3]) {
    text[0] = text[1] = text[2] = 0;
    size_t inside = length - 2;
    bool numeric = inside && p[1] == '#';
    inside -= numeric;
    if (!inside || inside > LONGEST_CLOSED) return false;
    if (!numeric) {
        const uint32_t *known = entity(p + 1, inside, WITH_SEMICOLON | CAPITALS);
        if (known) memcpy(text, known, 3 * sizeof *text);
        return known != NULL;
    }
    uint32_t value;
    if (read_number(p + 2, inside, &value) != inside || value == ';') return false;
    if (!number_character(value, text)) text[0] = 0;
    return true;
}

void html_unescape_closed(const Runes *in, Runes *out) {
    out->count = 0;
    out->failed |= in->failed;
    for (size_t i = 0; i < in->count;) {
        const uint32_t *p = in->at + i;
        size_t most = in->count - i, length = 1;
        uint32_t text[3];
        if (*p == '&') {
            length += length < most && p[length] == '#';
            for (size_t k = 0; k < LONGEST_CLOSED && length < most && is_alnum(p[length]); k++) length++;
            if (length < most && p[length] == ';' && closed_reference(p, length + 1, text)) {
                push_text(out, text);
                i += length + 1;
                continue;
            }
        }
        runes_append(out, p, length);
        i += length;
    }
}

/* References never overlap (each starts with its only '&' and ends with its only ';'), so their order does not matter,
 * and each can be replaced as soon as its semicolon is written. */
void html_unescape_closed_fully(const Runes *in, Runes *out) {
    out->count = 0;
    out->failed |= in->failed;
    for (size_t i = 0; i < in->count; i++) {
        runes_push(out, in->at[i]);
        /* A semicolon can itself come from a reference ("&semi;") and close the next. */
        while (!out->failed && out->count > 2 && out->at[out->count - 1] == ';') {
            size_t start = out->count - 1;
            for (size_t k = 0; k < LONGEST_CLOSED && start && is_alnum(out->at[start - 1]); k++) start--;
            start -= start && out->at[start - 1] == '#';
            if (!start || out->at[start - 1] != '&') break;
            uint32_t text[3];
            start--;
            if (!closed_reference(out->at + start, out->count - start, text)) break;
            out->count = start;
            push_text(out, text);
        }
    }
}
