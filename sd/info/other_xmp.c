/* other_xmp.c: the text of an element in an XMP packet (ISO 16684-1), as far as generators of pictures use it: an
 * attribute, an element with text, or one with alternatives in languages, of which the first counts. No more of XML is
 * understood than its tags and references. */
#include "other.h"

#include "weights/files/utf8.h"

#include <stdlib.h>
#include <string.h>

/* Undoes references in text[n]; what follows a tag is left out. */
static char *plain(Other *o, const char *text, size_t n) {
    static const char *const NAMES[][2] = {
        {"&amp;", "&"}, {"&lt;", "<"}, {"&gt;", ">"}, {"&quot;", "\""}, {"&apos;", "'"}};
    char *out = malloc(n + 1);
    size_t k = 0;
    for (size_t i = 0; out && i < n;) {
        size_t used = 0;
        for (size_t r = 0; text[i] == '&' && r < 5; r++) {
            size_t m = strlen(NAMES[r][0]);
            if (m <= n - i && !memcmp(text + i, NAMES[r][0], m)) out[k++] = *NAMES[r][1], used = m;
        }
        if (!used && n - i > 3 && text[i] == '&' && text[i + 1] == '#') {
            bool hex = text[i + 2] == 'x';
            char *end;
            unsigned long v = strtoul(text + i + 2 + hex, &end, hex ? 16 : 10);
            if (*end == ';' && end < text + n && v && v < 0x110000 && (v < 0xD800 || v > 0xDFFF) &&
                end - text - (long)i <= 10) {
                k += utf8_encode((uint32_t)v, (uint8_t *)out + k);
                used = (size_t)(end + 1 - text) - i;
            }
        }
        if (!used) out[k++] = text[i], used = 1;
        i += used;
    }
    if (out) out[k] = 0;
    else image_texts_no_memory(o->e);
    return out;
}

/* The text within [p, end): of the innermost first element. */
static char *inner(Other *o, const char *p, const char *end) {
    for (;;) {
        const char *tag = memchr(p, '<', (size_t)(end - p));
        const char *c = p;
        while (c < end && (*c == ' ' || (*c >= '\t' && *c <= '\r'))) c++;
        if (!tag || c != tag) return plain(o, p, (size_t)((tag ? tag : end) - p));
        const char *close = memchr(tag, '>', (size_t)(end - tag));
        if (!close || tag[1] == '/') return NULL;
        p = close + 1;
    }
}

static const char *find(const char *p, const char *end, const char *what) {
    size_t n = strlen(what);
    for (; (size_t)(end - p) >= n && (p = memchr(p, *what, (size_t)(end - p) - n + 1)); p++)
        if (!memcmp(p, what, n)) return p;
    return NULL;
}

char *other_xmp(Other *o, const char *name) {
    const char *xmp = image_text(o->texts, TEXT_XMP);
    if (!xmp) return NULL;
    size_t n = strlen(name);
    const char *all = xmp + strlen(xmp);
    for (const char *p = find(xmp, all, name); p; p = find(p + n, all, name)) {
        if (p == xmp) continue;
        const char *after = p + n;
        if (p[-1] == '<') {
            if (*after != '>' && *after != ' ' && *after != '\n') continue;
            const char *open = find(after, all, ">");
            if (!open) return NULL;
            if (open[-1] == '/') continue;
            const char *end = find(open, all, "</"); /* its own end, unless something lies within it */
            while (end && strncmp(end + 2, name, n)) end = find(end + 2, all, "</");
            return inner(o, open + 1, end ? end : all);
        }
        if ((p[-1] == ' ' || p[-1] == '\n' || p[-1] == '\t') && after[0] == '=' &&
            (after[1] == '"' || after[1] == '\'')) {
            const char *end = memchr(after + 2, after[1], (size_t)(all - after - 2));
            return end ? plain(o, after + 2, (size_t)(end - after - 2)) : NULL;
        }
    }
    return NULL;
}
