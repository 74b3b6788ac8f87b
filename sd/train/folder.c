/* folder.c: the names in a folder, and the order in which it is read. See folder.h. */
#include "folder_parts.h"

#include "sd/image/codecs/codecs.h"
#include "sd/image/image.h"
#include "sd/image/resize.h"
#include "tensor/os.h"
#include "weights/files/file_open.h"
#include "weights/files/text_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char LINES[] = "metadata.jsonl", OTHER[] = "other files, which are not read";

static bool is_hidden(const char *name) {
    return *name == '.' || !strncmp(name, "__", 2) || !strcmp(name, "Thumbs.db") || !strcmp(name, "ehthumbs.db") ||
           !strcmp(name, "desktop.ini") || !strcmp(name, "Desktop.ini") || !strcmp(name, "Icon\r");
}

/* --- names --- */

static bool add_name(void *user, const char *name) {
    FolderNames *n = user;
    if (is_hidden(name)) return true;
    if (n->count == n->capacity) {
        size_t capacity = n->capacity ? 2 * n->capacity : 256;
        char **at = realloc(n->at, capacity * sizeof *at);
        if (!at) return !(n->failed = true);
        n->at = at, n->capacity = capacity;
    }
    char *copy = folder_copy(name, strlen(name));
    if (!copy) return !(n->failed = true);
    n->at[n->count++] = copy;
    return true;
}

static bool list(const Folder *f, FolderNames *n, Error *e) {
    if (!os_list(f->path, add_name, n))
        return error_set(e, ERR_FILE, "%s: cannot be opened as a folder: %s; name a folder of pictures", f->path,
                         strerror(errno));
    n->used = n->failed ? NULL : calloc(n->count + 1, sizeof *n->used);
    if (!n->used) return folder_no_memory(f, e);
    folder_sort_names(n); /* the same order on every machine */
    return true;
}

static void names_free(FolderNames *n) {
    for (size_t i = 0; i < n->count; i++) free(n->at[i]);
    free(n->at);
    free(n->used);
}

/* --- reading it --- */

static bool read_lines(Folder *f, const FolderOptions *o, Error *e) {
    static const FileWanted WANTED = {.most = 1 << 30, .advice = "it holds the captions of the folder's pictures"};
    size_t size;
    char *path = folder_path(f, LINES, e), *text = path ? text_file_read(path, &WANTED, &size, e) : NULL;
    bool ok = text && folder_read_lines(f, path, text, size, o->captions, e);
    if (ok && !f->count) ok = error_set(e, ERR_FORMAT, "%s: names no pictures; add a line for each", path);
    free(text);
    free(path);
    return ok;
}

/* The files that are neither pictures nor captions; folders are not looked into. */
static bool note_others(Folder *f, const FolderNames *n, Error *e) {
    for (size_t i = 0; i < n->count; i++) {
        const char *name = n->at[i];
        if (folder_is_picture(name) || n->used[i] || !strcmp(name, LINES)) continue;
        char *path = folder_path(f, name, e);
        if (!path) return false;
        bool folder = os_kind(path) == OS_DIRECTORY, named = false;
        free(path);
        size_t length = strlen(name);
        for (size_t k = 0; folder && f->lines && !named && k < f->count; k++)
            named = !strncmp(f->at[k].name, name, length) && f->at[k].name[length] == '/';
        const char *what = folder                                   ? "folders, which are not looked into"
                           : !image_has_ending(name, "txt|caption") ? OTHER
                           : f->lines ? "captions beside metadata.jsonl, which alone counts"
                                      : "captions without a picture";
        if (!named && !folder_note(f, false, name, what, e)) return false;
    }
    return true;
}

/* Says what is in the folder instead of pictures. */
static bool no_pictures(Folder *f, const FolderNames *names, Error *e) {
    for (int i = 0; i < f->note_count; i++)
        if (f->notes[i].skipped)
            return error_set(e, ERR_FORMAT, "%s: none of its %lld pictures can be used: %s: %s", f->path,
                             (long long)f->skipped, f->notes[i].names[0], f->notes[i].what);
    if (!note_others(f, names, e)) return false;
    for (int i = 0; i < f->note_count; i++)
        if (strstr(f->notes[i].what, "folders"))
            return error_set(e, ERR_FILE, "%s: contains no pictures but folders, which are not looked into; name %s/%s",
                             f->path, f->path, f->notes[i].names[0]);
    return error_set(e, ERR_FILE, "%s: contains no pictures; name a folder of PNG, JPEG, WebP, BMP or GIF files",
                     f->path);
}

/* Good pictures that lack a caption are an error, which names the first of them. */
static bool check_missing(const Folder *f, Error *e) {
    char list[400] = "";
    size_t missing = 0, at = 0;
    for (size_t i = 0; i < f->count; i++) {
        if (f->at[i].caption || f->at[i].reason) continue;
        if (missing++ < 3 && at < sizeof list)
            at += (size_t)snprintf(list + at, sizeof list - at, "%s%.100s", missing > 1 ? ", " : "", f->at[i].name);
    }
    if (!missing) return true;
    return error_set(e, ERR_FILE,
                     "%s: %zu picture%s no caption: %s%s; write a .txt beside each (an empty one for no words), or a "
                     "metadata.jsonl",
                     f->path, missing, missing > 1 ? "s have" : " has", list, missing > 3 ? ", ..." : "");
}

static bool read_names(Folder *f, const FolderOptions *o, FolderNames *names, Error *e) {
    for (size_t i = 0; i < names->count; i++) {
        const char *name = names->at[i];
        if (folder_is_picture(name) && !folder_add_picture(f, folder_copy(name, strlen(name)), NULL, e)) return false;
    }
    size_t missing = 0;
    if (o->captions && !folder_captions(f, names, &missing, e)) return false;
    return !missing || (folder_check(f, o, true, e) && check_missing(f, e));
}

static bool read_folder(Folder *f, const FolderOptions *o, FolderNames *names, Error *e) {
    if (!list(f, names, e)) return false;
    f->lines = folder_find_name(names, LINES) < names->count;
    if (f->lines ? !read_lines(f, o, e) || !folder_lines_note(f, names, e) : !read_names(f, o, names, e)) return false;
    if (!folder_check(f, o, false, e) || !folder_drop(f, o, e)) return false;
    if (!f->count) return no_pictures(f, names, e);
    return !o->captions || (folder_captions_note(f, e) && note_others(f, names, e));
}

Folder *folder_open(const char *path, const FolderOptions *o, Error *e) {
    Folder *f = calloc(1, sizeof *f);
    FolderNames names = {0};
    bool ok = f && (f->path = folder_copy(path, strlen(path)));
    if (!ok) error_set(e, ERR_MEMORY, "%s: out of memory", path);
    ok = ok && read_folder(f, o, &names, e);
    names_free(&names);
    if (ok) return f;
    folder_close(f);
    return NULL;
}

void folder_close(Folder *f) {
    if (!f) return;
    for (size_t i = 0; i < f->count; i++) free(f->at[i].name), free(f->at[i].caption), free(f->at[i].reason);
    for (int i = 0; i < f->note_count; i++) {
        for (int k = 0; k < FOLDER_NAMES; k++) free(f->notes[i].names[k]);
        free(f->notes[i].what);
    }
    free(f->at);
    free(f->path);
    free(f);
}

bool folder_picture(const Folder *f, size_t index, int size, uint8_t *rgb, Error *e) {
    Image image;
    char *path = folder_path(f, f->at[index].name, e);
    bool ok = path && image_read(path, IMAGE_WHITE, &image, e);
    free(path);
    if (!ok) return false;
    if (image.width == size && image.height == size) memcpy(rgb, image.rgb, (size_t)size * (size_t)size * 3);
    else ok = resize_picture(image.rgb, image.width, image.height, rgb, size, size, SD_RESIZE_CROP, e);
    image_free(&image);
    return ok;
}

void folder_crop(const Folder *f, size_t index, int size, int *left, int *top) {
    resize_cut(f->at[index].width, f->at[index].height, size, size, left, top);
}
