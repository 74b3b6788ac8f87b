/* record_find.c: the files that a record names, by name, size and hash. */
#include "record.h"

#include "weights/files/file_open.h"
#include "weights/files/files_below.h"
#include "weights/files/path.h"

#include <stdlib.h>
#include <string.h>

/* One file is looked for in a folder. */
typedef struct {
    const RecordFile *file;
    const char *folder;
    bool by_name; /* only what is called so; else only what is called otherwise */
    char *found;
    Error *e;
} Search;

/* Whether this is the file. What cannot be read is not. */
static bool is_it(const Search *s, const char *path) {
    char hex[65];
    bool folder;
    uint64_t bytes;
    OsInfo info;
    Error own = {0};
    if (!os_info(path, &info) || (info.kind == OS_DIRECTORY) != s->file->folder) return false;
    if (!s->file->folder && (info.kind != OS_REGULAR || info.size != s->file->bytes)) return false;
    return record_hash(path, &folder, &bytes, hex, &own) && !strcmp(hex, s->file->hash);
}

/* False: nothing more is looked at. */
static bool look(Search *s, const char *path, const char *name) {
    if (!strcmp(name, s->file->name) != s->by_name || !is_it(s, path)) return true;
    s->found = text_copy(path, strlen(path));
    if (!s->found) error_set(s->e, ERR_MEMORY, "out of memory for a path");
    return false;
}

static bool look_below(void *user, const char *path, const char *name, Error *e) {
    Search *s = user;
    return (!e || !e->code) && !s->found && look(s, path, name);
}

static bool look_beside(void *user, const char *name) {
    Search *s = user;
    char path[OS_PATH_SIZE];
    Error own = {0};
    return !path_make(path, &own, "%s/%s", s->folder, name) || look(s, path, name);
}

/* A folder is known by a file in it. */
static bool look_below_for_folder(void *user, const char *path, const char *name, Error *e) {
    Search *s = user;
    char folder[OS_PATH_SIZE];
    if ((e && e->code) || s->found) return false;
    if (!record_marks_folder(name, true)) return true;
    if (!path_make(folder, e, "%.*s", (int)(strlen(path) - strlen(name) - 1), path)) return false;
    const char *slash = strrchr(folder, '/');
    return look(s, folder, slash ? slash + 1 : folder);
}

/* A folder may be the place itself. */
static bool search(Search *s, bool below, Error *e) {
    char path[OS_PATH_SIZE];
    s->e = e;
    for (int k = 0; k < 2 && !s->found; k++) {
        s->by_name = k == 0;
        if (s->by_name) {
            if (path_make(path, NULL, "%s/%s", s->folder, s->file->name)) look(s, path, s->file->name);
            if (!s->found && s->file->folder && is_it(s, s->folder)) s->found = text_copy(s->folder, strlen(s->folder));
        }
        if (s->found || (e && e->code)) break;
        if (below)
            files_below(s->folder, "a folder of the record's files",
                        s->file->folder ? look_below_for_folder : look_below, s, e);
        else if (!s->by_name) os_list(s->folder, look_beside, s);
        if (e && e->code) break;
    }
    return !(e && e->code);
}

/* Where the record is. */
static bool own_folder(const Record *r, char out[OS_PATH_SIZE], Error *e) {
    const char *path = r->file->path, *slash = strrchr(path, '/');
    return slash ? path_make(out, e, "%.*s", (int)(slash == path ? 1 : slash - path), path) : path_make(out, e, ".");
}

bool record_find(const Record *r, const RecordFolders *in, const bool wanted[ROLE_COUNT], RecordFound *out, Error *e) {
    char own[OS_PATH_SIZE];
    *out = (RecordFound){calloc(r->file_count + 1, sizeof *out->paths), r->file_count};
    if (!out->paths) return error_set(e, ERR_MEMORY, "%s: out of memory", r->file->path);
    bool ok = own_folder(r, own, e);
    for (size_t i = 0; ok && i < r->file_count; i++) {
        Search s = {.file = &r->files[i]};
        if (!wanted[s.file->role]) continue;
        const char *const places[] = {s.file->role == ROLE_LORA ? in->networks : NULL, in->files, own};
        for (int k = 0; ok && !s.found && k < 3; k++)
            if ((s.folder = places[k])) ok = search(&s, k < 2, e);
        out->paths[i] = s.found;
    }
    return ok;
}

void record_found_free(RecordFound *f) {
    for (size_t i = 0; i < f->count; i++) free(f->paths[i]);
    free(f->paths);
    *f = (RecordFound){0};
}
