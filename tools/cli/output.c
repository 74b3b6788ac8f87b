/* output.c: the names of pictures, and what only some formats have. */
#include "output.h"
#include "sd/image/codecs/codecs.h"
#include "sd/text/unicode.h"
#include "tensor/os.h"
#include "weights/files/atomic_file.h"
#include "weights/files/file_open.h"
#include "weights/files/path.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { WORD_LETTERS = 40, MOST_TRIES = 10000 };

int output_file(const Command *c, const char *option, const char **out) {
    static const char *const NAMES[] = {"-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"};
    bool meant = false;
    for (size_t i = 0; *out && i < sizeof NAMES / sizeof *NAMES; i++) meant = meant || !strcmp(*out, NAMES[i]);
    if (!meant) return GO_ON;
    Error e = {0};
    *out = "/dev/stdout";
    if (!os_divert_stdout()) error_set(&e, ERR_FILE, "standard output: cannot be used: %s; open it", strerror(errno));
    else if (atomic_check(*out, &e)) return GO_ON;
    return e.code == ERR_ARGUMENT ? usage_error(c, "%s: %s", option, e.text) : report(c, &e);
}

int output_quality(const Command *c, int said, const char *path) {
    const ImageCodec *codec = path ? image_codec_for(path, NULL) : image_codec_row(0);
    if (!said || !codec || codec->lossy) return GO_ON;
    return usage_error(c,
                       "--quality: counts with JPEG and WebP, and %.200s is a %s; leave it out, or name another file",
                       path ? path : "the picture", codec->name);
}

void input_file(const char **in) {
    if (*in && !strcmp(*in, "-")) *in = "/dev/stdin";
}

static const char *extension(const char *path) {
    const char *base = strrchr(path, '/'), *dot;
    base = base ? base + 1 : path;
    dot = strrchr(base, '.');
    return dot && dot != base ? dot : path + strlen(path);
}

bool output_check(const char *out, bool several, Error *e) {
    char name[OS_PATH_SIZE];
    if (!out) return atomic_check("0.png", e); /* any new name in the current directory */
    OsKind kind = several ? os_kind(out) : OS_NOTHING;
    /* o.png itself is never written then, but -o DIR means something else than DIR-SEED.png */
    if (!several || (kind != OS_NOTHING && kind != OS_REGULAR)) return atomic_check(out, e);
    const char *end = extension(out);
    return path_make(name, e, "%.*s-%" PRId64 "-%d%s", (int)(end - out), out, INT64_MAX, MOST_TRIES, end) &&
           atomic_check(name, e);
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

bool output_free_name(char name[OS_PATH_SIZE], const char *wanted, Error *e) {
    const char *end = extension(wanted);
    int stem = (int)(end - wanted);
    bool ok = path_make(name, e, "%s", wanted);
    for (int i = 1; ok; i++) {
        FilePresence there = file_presence(name, e);
        if (there == FILE_ABSENT) return true;
        ok = there == FILE_PRESENT;
        if (ok && i == MOST_TRIES)
            ok = error_set(e, ERR_FILE, "%s: exists, as do -1 to -%d; move some away", name, i - 1);
        ok = ok && path_make(name, e, "%.*s-%d%s", stem, wanted, i, end);
    }
    return false;
}

bool output_name(char name[OS_PATH_SIZE], const char *out, bool several, const char *prompt, int64_t seed, Error *e) {
    char words[4 * WORD_LETTERS + 1], stem[OS_PATH_SIZE], wanted[OS_PATH_SIZE];
    if (out && !several) return path_make(name, e, "%s", out);
    const char *end = out ? extension(out) : ".png";
    output_words(words, sizeof words, prompt);
    bool ok = out ? path_make(stem, e, "%.*s-%" PRId64, (int)(end - out), out, seed)
                  : path_make(stem, e, "%" PRId64 "%s%s", seed, *words ? "-" : "", words);
    return ok && path_make(wanted, e, "%s%s", stem, end) && output_free_name(name, wanted, e);
}
