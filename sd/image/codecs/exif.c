/* exif.c: a TIFF header, a directory of entries, and a second directory that one of them points to. Every offset is
 * checked against the end of the data; each directory is visited once, so loops do no harm. */
#include "exif.h"

#include "weights/files/utf8.h"

#include <stdlib.h>
#include <string.h>

enum { ORIENTATION = 0x0112, EXIF_DIRECTORY = 0x8769, USER_COMMENT = 0x9286, CODE = 8, ENTRY = 12 };
enum { BYTE = 1, ASCII = 2, SHORT = 3, UNDEFINED = 7 };

typedef struct {
    const uint8_t *p;
    size_t size;
    bool big;
} Tiff;

static uint32_t get(const Tiff *t, size_t at, int bytes) {
    uint32_t v = 0;
    for (int i = 0; i < bytes; i++) v = v << 8 | t->p[at + (size_t)(t->big ? i : bytes - 1 - i)];
    return v;
}

static bool open_tiff(Tiff *t, const uint8_t *p, size_t size) {
    if (size >= 6 && !memcmp(p, "Exif\0\0", 6)) p += 6, size -= 6;
    if (size < 8 || (memcmp(p, "II", 2) && memcmp(p, "MM", 2))) return false;
    *t = (Tiff){p, size, *p == 'M'};
    return get(t, 2, 2) == 42;
}

/* The offset of the entry with this tag in the directory at `at`; 0: none. */
static size_t find(const Tiff *t, size_t at, uint32_t tag) {
    if (at < 8 || at > t->size - 2) return 0;
    size_t count = get(t, at, 2);
    for (size_t i = 0; i < count; i++) {
        size_t entry = at + 2 + i * ENTRY;
        if (entry + ENTRY > t->size) return 0;
        if (get(t, entry, 2) == tag) return entry;
    }
    return 0;
}

int exif_orientation(const uint8_t *exif, size_t size) {
    Tiff t;
    if (!open_tiff(&t, exif, size)) return 1;
    size_t entry = find(&t, get(&t, 4, 4), ORIENTATION);
    if (!entry || get(&t, entry + 2, 2) != SHORT || get(&t, entry + 4, 4) != 1) return 1;
    uint32_t v = get(&t, entry + 8, 2);
    return v >= 1 && v <= 8 ? (int)v : 1;
}

/* The value of an entry: it lies in the entry itself when four bytes hold it. NULL: it lies outside. */
static const uint8_t *value_of(const Tiff *t, size_t entry, size_t *size) {
    uint32_t type = get(t, entry + 2, 2);
    if (type != ASCII && type != UNDEFINED && type != BYTE) return NULL;
    *size = get(t, entry + 4, 4);
    size_t at = *size > 4 ? get(t, entry + 8, 4) : entry + 8;
    return at <= t->size && *size <= t->size - at ? t->p + at : NULL;
}

/* Whether UTF-16 is big-endian: zero bytes are the high halves of Latin letters. */
static bool is_big(const uint8_t *p, size_t size) {
    size_t even = 0, odd = 0;
    for (size_t i = 0; i + 1 < size; i += 2) even += !p[i], odd += !p[i + 1];
    return even >= odd;
}

/* out has room for 3 bytes for every 2; returns how many it took. */
static size_t from_utf16(uint8_t *out, const uint8_t *p, size_t size) {
    bool big = is_big(p, size);
    size_t n = 0;
    if (size >= 2 && ((p[0] == 0xFE && p[1] == 0xFF) || (p[0] == 0xFF && p[1] == 0xFE)))
        big = p[0] == 0xFE, p += 2, size -= 2;
    for (size_t i = 0; i + 1 < size;) {
        uint32_t c;
        const char *why;
        size_t taken = utf16_decode(p + i, size - i, big, &c, &why);
        if (!c) break; /* cameras pad the field with zeros */
        n += utf8_encode(taken ? c : 0xFFFD, out + n);
        i += taken ? taken : 2;
    }
    return n;
}

/* UTF-16 has zero bytes wherever there is a blank or a letter of English, UTF-8 none before its end. */
static bool is_utf16(const uint8_t *p, size_t size) {
    while (size && !p[size - 1]) size--;
    return memchr(p, 0, size) || !utf8_is_valid(p, size);
}

static bool add_comment(const uint8_t *p, size_t size, ImageTexts *out, Error *e) {
    static const char SETS[][CODE + 1] = {"UNICODE", "ASCII\0\0", "JIS\0\0\0\0", "\0\0\0\0\0\0\0"};
    size_t set = 0;
    while (set < 4 && (size < CODE || memcmp(p, SETS[set], CODE))) set++;
    if (set < 4) p += CODE, size -= CODE;
    if (set == 0 && is_utf16(p, size)) {
        uint8_t *text = malloc(3 * (size / 2) + 1);
        if (!text) return image_texts_no_memory(e);
        bool ok = image_texts_add(out, TEXT_USER_COMMENT, sizeof TEXT_USER_COMMENT - 1, text, from_utf16(text, p, size),
                                  TEXT_UTF8, e);
        free(text);
        return ok;
    }
    for (size_t i = 0; set == 2 && i < size && p[i]; i++)
        if (p[i] > 126 || p[i] == 27)
            return error_set(e, ERR_FORMAT, "its EXIF comment is in JIS, which is not read; save it as Unicode");
    return image_texts_add(out, TEXT_USER_COMMENT, sizeof TEXT_USER_COMMENT - 1, p, size, TEXT_BYTES, e);
}

bool exif_texts(const uint8_t *exif, size_t size, ImageTexts *out, Error *e) {
    static const struct {
        uint32_t tag;
        const char *keyword;
    } FIELDS[] = {{0x010E, TEXT_DESCRIPTION}, {0x010F, TEXT_MAKE}, {0x0110, TEXT_MODEL}, {0x0131, TEXT_SOFTWARE}};
    Tiff t;
    size_t n;
    if (!open_tiff(&t, exif, size)) return true;
    if (!image_texts_fit(out, size, e)) return false;
    for (size_t i = 0; i < sizeof FIELDS / sizeof *FIELDS; i++) {
        size_t entry = find(&t, get(&t, 4, 4), FIELDS[i].tag);
        const uint8_t *p = entry ? value_of(&t, entry, &n) : NULL;
        if (p && !image_texts_add(out, FIELDS[i].keyword, strlen(FIELDS[i].keyword), p, n, TEXT_BYTES, e)) return false;
    }
    size_t link = find(&t, get(&t, 4, 4), EXIF_DIRECTORY);
    size_t entry = find(&t, get(&t, 4, 4), USER_COMMENT); /* Pillow writes it here where a program says so */
    if (link) link = find(&t, get(&t, link + 8, 4), USER_COMMENT);
    if (link) entry = link;
    const uint8_t *p = entry ? value_of(&t, entry, &n) : NULL;
    return !p || add_comment(p, n, out, e);
}
