#include "temporary.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DIGITS = 8, LONGEST = 100, MOST_LISTED = 100000 };

/* ".NAME.sdc-"; a name that would become too long for some system is replaced by its hash (FNV-1a). */
static void prefix(char out[OS_NAME_SIZE - DIGITS], const char *final) {
    uint64_t hash = 14695981039346656037u;
    if (strlen(final) <= LONGEST) {
        snprintf(out, OS_NAME_SIZE - DIGITS, ".%.*s.sdc-", LONGEST, final);
        return;
    }
    for (const char *p = final; *p; p++) hash = (hash ^ (unsigned char)*p) * 1099511628211u;
    snprintf(out, OS_NAME_SIZE - DIGITS, ".%016llx.sdc-", (unsigned long long)hash);
}

static void new_name(char out[OS_NAME_SIZE], const char *final) {
    char front[OS_NAME_SIZE - DIGITS];
    uint32_t number;
    os_random(&number, sizeof number);
    prefix(front, final);
    snprintf(out, OS_NAME_SIZE, "%s%0*x", front, DIGITS, (unsigned)number);
}

static void give_up_name(Temporary *t) {
    os_kept(t->guard);
    t->guard = -1;
    t->name[0] = 0;
}

/* Gives the file a new name: by linking, or by creating it. */
static bool name_it(Temporary *t, const char *final, bool link) {
    for (int attempt = 0; attempt < 100; attempt++) {
        OsInfo info;
        new_name(t->name, final);
        t->guard = os_remove_when_stopped(t->dir, t->name);
        if (link ? os_name_at(t->file, t->dir, t->name) : (t->file = os_create_at(t->dir, t->name)) != OS_NO_FILE) {
            /* Locked before it had a name; or else another writer may have found it unlocked, and removed it. */
            if (link || ((os_own(t->file) || errno) && os_info_at(t->dir, t->name, &info))) return true;
            bool taken = !errno || errno == ENOENT; /* by a writer that cleans up; else it is ours to remove */
            int why = taken ? EEXIST : errno;
            if (!taken) os_remove_at(t->dir, t->name);
            os_close(t->file);
            t->file = OS_NO_FILE;
            errno = why;
        }
        int code = errno;
        give_up_name(t); /* the last one tried is not ours to remove */
        errno = code;
        if (code != EEXIST) break;
    }
    return false;
}

bool temporary_begin(Temporary *t, OsFile dir, const char *final) {
    *t = (Temporary){.dir = dir, .file = os_create_unnamed(dir), .guard = -1};
    t->unnamed = t->file != OS_NO_FILE;
    if (t->unnamed) os_own(t->file);
    return t->unnamed || name_it(t, final, false);
}

/* Some file systems make files without a name, but cannot name them: its bytes then go to one with a name. */
static bool copy(Temporary *t, const char *final) {
    enum { PIECE = 1 << 16 };
    char *piece = malloc(PIECE);
    OsInfo info;
    OsFile whole = t->file;
    uint64_t at = 0;
    int64_t n = 0;
    bool ok = piece && os_file_info(whole, &info) && name_it(t, final, false);
    if (ok) os_copy_permissions(t->file, &info);
    while (ok && (n = os_read(whole, piece, PIECE, at)) > 0)
        ok = os_write(t->file, piece, (size_t)n), at += (uint64_t)n;
    ok = ok && !n && os_flush(t->file);
    int code = errno;
    if (t->file != whole) os_close(whole);
    free(piece);
    errno = code;
    return ok;
}

bool temporary_place(Temporary *t, const char *final) {
    if (t->unnamed && os_name_at(t->file, t->dir, final)) return true;
    if (t->unnamed && !(errno == EEXIST && name_it(t, final, true)) && !copy(t, final)) return false;
    if (!os_replace_at(t->dir, t->name, final)) return false;
    give_up_name(t);
    return true;
}

void temporary_end(Temporary *t) {
    if (t->name[0]) os_remove_at(t->dir, t->name);
    give_up_name(t);
    if (t->file != OS_NO_FILE) os_close(t->file);
    t->file = OS_NO_FILE;
}

typedef struct {
    OsFile dir;
    char front[OS_NAME_SIZE - DIGITS];
    size_t length;
    int left;
} Cleaning;

static bool clean_one(void *cleaning, const char *name) {
    Cleaning *c = cleaning;
    if (!strncmp(name, c->front, c->length) && strspn(name + c->length, "0123456789abcdef") == DIGITS &&
        !name[c->length + DIGITS])
        os_remove_abandoned(c->dir, name);
    return --c->left > 0;
}

void temporary_clean(OsFile dir, const char *path, const char *final) {
    Cleaning c = {.dir = dir, .left = MOST_LISTED};
    prefix(c.front, final);
    c.length = strlen(c.front);
    os_list(path, clean_one, &c);
}
