/* output.c: the names of pictures. */
#include "output.h"
#include "sd/text/unicode.h"
#include "tensor/os.h"
#include "weights/atomic_file.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { WORD_LETTERS = 40, MOST_TRIES = 10000 };

static const char *extension(const char *path) {
    const char *base = strrchr(path, '/'), *dot;
    base = base ? base + 1 : path;
    dot = strrchr(base, '.');
    return dot && dot != base ? dot : path + strlen(path);
}

bool output_check(const char *out, bool several, Error *e) {
    char name[OUTPUT_SIZE];
    if (!out) return atomic_check("0.png", e); /* any new name in the current directory */
    if (!several) return atomic_check(out, e);
    OsKind kind =
        os_kind(out); /* o.png itself is never written then, but -o DIR means something else than DIR-SEED.png */
    if (kind != OS_NOTHING && kind != OS_REGULAR) return atomic_check(out, e);
    const char *end = extension(out);
    int n = snprintf(name, sizeof name, "%.*s-%" PRIu64 "%s", (int)(end - out), out, UINT64_MAX, end);
    if (n >= (int)sizeof name) return error_set(e, ERR_FILE, "%.200s...: too long for a name; shorten it", out);
    return atomic_check(name, e);
}

void output_words(char *words, size_t capacity, const char *prompt) {
    Runes text = {0}, lower = {0};
    size_t n = 0, letters = 0, whole = 0; /* whole: bytes of complete words */
    bool gap = false, cut = false;
    size_t length = 0;
    while (length < 16 * WORD_LETTERS && prompt[length]) length++;
    runes_from_utf8(&text, prompt, length);
    unicode_lower(&text, &lower);
    for (size_t i = 0; i < lower.count && !lower.failed; i++) {
        uint8_t utf8[4];
        uint32_t c = lower.at[i];
        unsigned kind = c == 0xFFFD ? 0 : unicode_flags(c) & UNICODE_KIND;
        if (kind != UNICODE_LETTER && kind != UNICODE_NUMBER) {
            if (n) gap = true;
            continue;
        }
        size_t size = utf8_encode(c, utf8);
        if (gap) whole = n;
        cut = letters + gap >= WORD_LETTERS || n + gap + size >= capacity;
        if (cut) break;
        if (gap) words[n++] = '-', letters++;
        gap = false;
        memcpy(words + n, utf8, size);
        n += size, letters++;
    }
    words[cut && whole ? whole : n] = 0;
    runes_free(&text);
    runes_free(&lower);
}

static bool taken(const char *name) {
    OsInfo info;
    return os_info_at(OS_HERE, name, &info);
}

bool output_name(char name[OUTPUT_SIZE], const char *out, bool several, const char *prompt, int64_t seed, Error *e) {
    char words[4 * WORD_LETTERS + 1], stem[OUTPUT_SIZE - 64]; /* leaves room for number and extension */
    int n;
    if (out && !several) {
        n = snprintf(name, OUTPUT_SIZE, "%s", out);
        return n < OUTPUT_SIZE || error_set(e, ERR_FILE, "%.200s...: too long for a name; shorten it", out);
    }
    const char *end = out ? extension(out) : ".png";
    if (out) n = snprintf(stem, sizeof stem, "%.*s-%" PRId64, (int)(end - out), out, seed);
    else {
        output_words(words, sizeof words, prompt);
        n = snprintf(stem, sizeof stem, "%" PRId64 "%s%s", seed, *words ? "-" : "", words);
    }
    if (n >= (int)sizeof stem || strlen(end) > 32)
        return error_set(e, ERR_FILE, "%.200s...: too long for a name; shorten it", out ? out : stem);
    snprintf(name, OUTPUT_SIZE, "%s%s", stem, end);
    for (int i = 1; taken(name); i++) {
        if (i == MOST_TRIES) return error_set(e, ERR_FILE, "%s: exists, as do -1 to -%d; move some away", name, i - 1);
        snprintf(name, OUTPUT_SIZE, "%s-%d%s", stem, i, end);
    }
    return true;
}

bool same_file(const char *a, const char *b) {
    OsInfo x, y;
    return a && b && os_info(a, &x) && os_info(b, &y) && x.device == y.device && x.number == y.number;
}
