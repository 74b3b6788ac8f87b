#define _XOPEN_SOURCE 700
#include "fuzz.h"

#include "tests/harness/harness.h"
#include "tools/cli/commands.h"
#include "weights/files/utf8.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static FuzzTarget *first;

void fuzz_add(FuzzTarget *t) {
    FuzzTarget **at = &first;
    while (*at && strcmp((*at)->name, t->name) < 0) at = &(*at)->next;
    t->next = *at;
    *at = t;
}

FuzzTarget *fuzz_targets(void) { return first; }

bool fuzz_verdict_at(const char *file, int line, bool ok, const Error *e) {
    if (ok != (e->code == ERR_NONE)) fuzz_failed(file, line, "an error exactly when it failed");
    size_t n = strlen(e->text);
    if (ok) return true;
    if (n < 8 || strchr(e->text, '\n') || e->text[n - 1] == ' ') fuzz_failed(file, line, "one line that says why");
    return false;
}

/* --- inputs --- */

FuzzBytes fuzz_part(FuzzBytes *rest) {
    FuzzBytes part = *rest;
    for (size_t i = 0; i + 3 <= rest->size; i++) {
        if (memcmp(rest->p + i, "%%\n", 3) || (i && rest->p[i - 1] != '\n')) continue;
        part.size = i ? i - 1 : 0;
        *rest = (FuzzBytes){rest->p + i + 3, rest->size - i - 3};
        return part;
    }
    *rest = (FuzzBytes){rest->p + rest->size, 0};
    return part;
}

char *fuzz_text(FuzzBytes b) {
    char *text = malloc(b.size + 1);
    if (!text) abort();
    if (b.size) memcpy(text, b.p, b.size);
    text[b.size] = 0;
    return text;
}

FuzzBytes fuzz_weights(FuzzBytes b) {
    uint8_t *file = malloc(b.size + 8);
    if (!file) abort();
    size_t front = b.size && *b.p == '{' ? 8 : 0;
    const uint8_t *end = front ? memchr(b.p, '\n', b.size) : NULL;
    uint64_t header = end ? (uint64_t)(end - b.p) + 1 : b.size;
    for (size_t i = 0; i < front; i++) file[i] = (uint8_t)(header >> 8 * i);
    if (b.size) memcpy(file + front, b.p, b.size);
    return (FuzzBytes){file, b.size + front};
}

void fuzz_weights_free(FuzzBytes b) { free((void *)(uintptr_t)b.p); }

static char folder[HARNESS_DIR];

static void remove_folder(void) { harness_remove_dir(folder); }

const char *fuzz_folder(void) {
    if (*folder) return folder;
    harness_make_dir(folder);
    atexit(remove_folder);
    return folder;
}

static const char *path_of(const char *name) {
    static char paths[4][HARNESS_DIR + 256];
    static unsigned next;
    char *path = paths[next++ & 3];
    snprintf(path, sizeof paths[0], "%s/%s", fuzz_folder(), name);
    return path;
}

const char *fuzz_file(const char *name, FuzzBytes content) {
    const char *path = path_of(name);
    if (!test_write(path, content.p, content.size)) abort();
    return path;
}

void fuzz_remove(const char *name) { remove(path_of(name)); }

void fuzz_utf8(const char *text) {
    char *valid = utf8_valid(text, strlen(text));
    fuzz_require(valid && !strcmp(valid, text));
    free(valid);
}

void fuzz_texts(const ImageTexts *t) {
    fuzz_require(t->size <= IMAGE_TEXT_MOST);
    for (int i = 0; i < t->count; i++) {
        fuzz_require(*t->at[i].text && image_text(t, t->at[i].keyword));
        fuzz_utf8(t->at[i].keyword);
        fuzz_utf8(t->at[i].text);
    }
}

/* --- the program --- */

/* A stream's descriptor, led to a file for a while. */
typedef struct {
    int fd, file, old;
} Capture;

static Capture capture(int fd) {
    Capture c = {.fd = fd, .file = open(path_of(fd == 1 ? ".out" : ".err"), O_RDWR | O_CREAT | O_TRUNC, 0600)};
    c.old = dup(fd);
    if (c.file < 0 || dup2(c.file, fd) < 0) abort();
    return c;
}

static char *captured(Capture c) {
    off_t n = lseek(c.file, 0, SEEK_END);
    char *text = n < 0 ? NULL : malloc((size_t)n + 1);
    if (!text || pread(c.file, text, (size_t)n, 0) != (ssize_t)n) abort();
    text[n] = 0;
    if (c.old < 0) close(c.fd);
    else dup2(c.old, c.fd), close(c.old);
    close(c.file);
    return text;
}

static void check_lines(const FuzzRun *r) {
    fuzz_require(r->code >= EXIT_DONE && r->code <= EXIT_USAGE);
    for (const char *at = r->err, *end; *at; at = end + 1) {
        end = strchr(at, '\n');
        fuzz_require(end && !strncmp(at, "sdc: ", 5));
        if (!end) break;
        for (const char *p = at; p < end; p++) fuzz_require((unsigned char)*p >= ' ' && *p != 127);
    }
    fuzz_require(r->code != EXIT_USAGE || *r->err);
}

FuzzRun fuzz_command(const Command *c, int count, char **words) {
    fflush(stdout);
    fflush(stderr);
    Capture out = capture(1), err = capture(2);
    FuzzRun r = {.code = c->run(c, count, words)};
    fflush(stdout);
    fflush(stderr);
    r.out = captured(out);
    r.err = captured(err);
    check_lines(&r);
    return r;
}

FuzzRun fuzz_sdc(const char *command, ...) {
    enum { WORDS = 12 };
    char *words[WORDS];
    int count = 1;
    const Command *const *c = COMMANDS;
    while (*c && strcmp((*c)->name, command)) c++;
    if (!*c) abort();
    words[0] = (char *)(uintptr_t)command;
    va_list args;
    va_start(args, command);
    while (count < WORDS - 1 && (words[count] = va_arg(args, char *))) count++;
    va_end(args);
    words[count] = NULL;
    return fuzz_command(*c, count, words);
}

void fuzz_sdc_free(FuzzRun *r) {
    free(r->out);
    free(r->err);
}
