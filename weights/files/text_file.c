/* text_file.c: see text_file.h. */
#include "text_file.h"
#include "file_open.h"
#include "utf8.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { SHOWN = 4 }; /* bytes of a fault that the message quotes */

static size_t line_of(const char *bytes, size_t at) {
    size_t line = 1;
    for (size_t i = 0; i < at; i++) line += bytes[i] == '\n';
    return line;
}

/* The bytes at a fault, as "E9 20". */
static const char *quote(const char *bytes, size_t left, char out[3 * SHOWN + 1]) {
    static const char HEX[] = "0123456789ABCDEF";
    size_t n = 0;
    for (size_t i = 0; i < left && i < SHOWN; i++) {
        uint8_t b = (uint8_t)bytes[i];
        if (n) out[n++] = ' ';
        out[n++] = HEX[b >> 4];
        out[n++] = HEX[b & 15];
    }
    out[n] = 0;
    return out;
}

/* Where the first bytes stand that are not UTF-8, or a NUL; size: nowhere. */
static size_t first_fault(const char *text, size_t size) {
    const char *nul = memchr(text, 0, size);
    return utf8_good(text, nul ? (size_t)(nul - text) : size);
}

/* Text in UTF-16 without a mark: mostly, every second byte is 0. */
static const char *guess(const char *bytes, size_t size) {
    size_t zero[2] = {0}, looked = size < 4096 ? size : 4096;
    for (size_t i = 0; i < looked; i++) zero[i & 1] += !bytes[i];
    if (zero[1] > looked / 4 && !zero[0]) return "it looks like UTF-16 LE without its mark";
    if (zero[0] > looked / 4 && !zero[1]) return "it looks like UTF-16 BE without its mark";
    return "a text file has none";
}

static bool not_text(const char *bytes, size_t size, size_t at, const char *name, Error *e) {
    char quoted[3 * SHOWN + 1];
    size_t line = line_of(bytes, at);
    if (!bytes[at])
        return error_set(e, ERR_FORMAT, "%s: a NUL at byte %zu, in line %zu: %s; save it as UTF-8", name, at, line,
                         guess(bytes, size));
    return error_set(e, ERR_FORMAT, "%s: not UTF-8 at byte %zu, in line %zu: %s; save it as UTF-8", name, at, line,
                     quote(bytes + at, size - at, quoted));
}

/* bytes[2..size) into out, which has room for 3 bytes for every two. */
static bool from_utf16(char *out, size_t *out_size, const char *bytes, size_t size, const char *name, Error *e) {
    const uint8_t *p = (const uint8_t *)bytes;
    bool big = p[0] == 0xFE;
    size_t n = 0;
    for (size_t i = 2, taken; i < size; i += taken) {
        uint32_t c;
        const char *why;
        char quoted[3 * SHOWN + 1];
        taken = utf16_decode(p + i, size - i, big, &c, &why);
        if (!taken)
            return error_set(e, ERR_FORMAT, "%s: UTF-16 %s with %s at byte %zu: %s; save it as UTF-8", name,
                             big ? "BE" : "LE", why, i, quote(bytes + i, size - i, quoted));
        n += utf8_encode(c, (uint8_t *)out + n);
    }
    *out_size = n;
    return true;
}

static bool begins_with(const char *bytes, size_t size, const char *mark, size_t length) {
    return size >= length && !memcmp(bytes, mark, length);
}

char *text_decode(const char *bytes, size_t size, const char *name, bool only_utf8, size_t *out_size, Error *e) {
    size_t n = 0, at;
    if (begins_with(bytes, size, "\xFF\xFE\0\0", 4) || begins_with(bytes, size, "\0\0\xFE\xFF", 4)) {
        error_set(e, ERR_FORMAT, "%s: is UTF-32; save it as UTF-8", name);
        return NULL;
    }
    bool wide = begins_with(bytes, size, "\xFF\xFE", 2) || begins_with(bytes, size, "\xFE\xFF", 2);
    if (wide && only_utf8) {
        error_set(e, ERR_FORMAT, "%s: is UTF-16, where UTF-8 is wanted; save it as UTF-8", name);
        return NULL;
    }
    size_t mark = begins_with(bytes, size, "\xEF\xBB\xBF", 3) ? 3 : 0, room = wide ? size / 2 * 3 : size;
    char *out = room < SIZE_MAX - 1 ? malloc(room + 1) : NULL;
    bool ok = out || error_set(e, ERR_MEMORY, "%s: out of memory for its text; free some and try again", name);
    if (ok && wide) ok = from_utf16(out, &n, bytes, size, name, e);
    if (ok && !wide) {
        at = first_fault(bytes, size);
        ok = at == size || not_text(bytes, size, at, name, e);
        if (ok) memcpy(out, bytes + mark, n = size - mark);
    }
    if (!ok) {
        free(out);
        return NULL;
    }
    out[n] = 0;
    if (out_size) *out_size = n;
    return out;
}

bool text_check(const char *text, const char *name, Error *e) {
    size_t size = strlen(text), at = first_fault(text, size);
    char quoted[3 * SHOWN + 1];
    return at == size || error_set(e, ERR_ARGUMENT, "%s: not UTF-8 at byte %zu: %s; give the text in UTF-8", name, at,
                                   quote(text + at, size - at, quoted));
}

char *text_file_read(const char *path, const FileWanted *wanted, size_t *size, Error *e) {
    size_t n;
    char *bytes = file_read(path, wanted, &n, e),
         *text = bytes ? text_decode(bytes, n, file_shown(path), false, size, e) : NULL;
    free(bytes);
    return text;
}

size_t text_newlines(char *text, size_t size) {
    size_t n = 0;
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '\r' && i + 1 < size && text[i + 1] == '\n') continue;
        text[n++] = text[i] == '\r' ? '\n' : text[i];
    }
    text[n] = 0;
    return n;
}
