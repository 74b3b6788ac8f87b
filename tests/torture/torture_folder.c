/* torture_folder.c: what a folder holds. */
#define _XOPEN_SOURCE 700
#include "torture.h"
#include "tests/harness/test.h"
#include "weights/files/sha256.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#ifdef __APPLE__
#define st_mtim st_mtimespec
#endif

const Seen *folder_find(const Folder *f, const char *name) {
    for (int i = 0; i < f->count; i++)
        if (!strcmp(f->at[i].name, name)) return &f->at[i];
    return NULL;
}

void folder_free(Folder *f) {
    free(f->at);
    *f = (Folder){0};
}

void folder_add(Folder *f, const Seen *s) {
    Seen *more = realloc(f->at, (size_t)(f->count + 1) * sizeof *more);
    if (!more) abort();
    f->at = more;
    f->at[f->count++] = *s;
}

/* Of a .csv: each line without its last column, and what follows the last line. lines: the state after each line, as
 * more files; or NULL. */
static void hash(const char *path, Seen *is, Folder *lines) {
    size_t size = 0, n = strlen(is->name);
    char *text = test_read(path, &size), *line = text;
    unsigned char digest[32];
    Sha256 s;
    sha256_init(&s);
    bool csv = text && n > 4 && !strcmp(is->name + n - 4, ".csv");
    for (char *end; csv && (end = strchr(line, '\n')); line = end + 1) {
        *end = 0;
        char *last = strrchr(line, ',');
        sha256_update(&s, line, last ? (size_t)(last - line) : strlen(line));
        sha256_update(&s, "\n", 1);
        Sha256 now = s;
        sha256_final(&now, digest);
        sha256_hex(digest, is->hash);
        if (lines) folder_add(lines, is);
    }
    if (text) sha256_update(&s, line, size - (size_t)(line - text));
    sha256_final(&s, digest);
    sha256_hex(digest, is->hash);
    free(text);
}

void folder_lines(Folder *f, const char *path, const char *name) {
    char full[1024];
    Seen s = {0};
    snprintf(full, sizeof full, "%s/%s", path, name);
    snprintf(s.name, sizeof s.name, "%s", name);
    hash(full, &s, f);
}

bool folder_has(const Folder *f, const Seen *s) {
    for (int i = 0; i < f->count; i++)
        if (!strcmp(f->at[i].name, s->name) && !strcmp(f->at[i].hash, s->hash)) return true;
    return false;
}

static void look(Folder *f, const char *root, const char *below, const Folder *known) {
    char path[1400];
    snprintf(path, sizeof path, "%s/%s", root, below);
    DIR *d = opendir(path);
    for (struct dirent *e; d && (e = readdir(d));) {
        struct stat st;
        Seen s = {0};
        if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..")) continue;
        snprintf(s.name, sizeof s.name, "%s%s%.120s", below, *below ? "/" : "", e->d_name);
        snprintf(path, sizeof path, "%s/%s", root, s.name);
        if (lstat(path, &st)) continue;
        if (S_ISDIR(st.st_mode)) {
            look(f, root, s.name, known);
            continue;
        }
        s.inode = (uint64_t)st.st_ino, s.size = (uint64_t)st.st_size;
        s.changed = (int64_t)st.st_mtim.tv_sec * 1000000000 + (int64_t)st.st_mtim.tv_nsec;
        const Seen *old = known ? folder_find(known, s.name) : NULL;
        if (old && old->inode == s.inode && old->size == s.size && old->changed == s.changed)
            memcpy(s.hash, old->hash, sizeof s.hash);
        else hash(path, &s, NULL);
        folder_add(f, &s);
    }
    if (d) closedir(d);
}

void folder_look(Folder *f, const char *path, const Folder *known) {
    *f = (Folder){0};
    look(f, path, "", known);
}
