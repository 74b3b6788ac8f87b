/* folder_parts.c: what the files of folder.h share. See folder_parts.h. */
#include "folder_parts.h"

#include "sd/image/codecs/codecs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool folder_no_memory(const Folder *f, Error *e) { return error_set(e, ERR_MEMORY, "%s: out of memory", f->path); }

char *folder_copy(const char *text, size_t size) {
    char *copy = malloc(size + 1);
    if (!copy) return NULL;
    memcpy(copy, text, size);
    copy[size] = 0;
    return copy;
}

char *folder_path(const Folder *f, const char *name, Error *e) {
    size_t a = strlen(f->path), b = strlen(name);
    char *path = malloc(a + b + 2);
    if (path) snprintf(path, a + b + 2, "%s/%s", f->path, name);
    else folder_no_memory(f, e);
    return path;
}

bool folder_add_picture(Folder *f, char *name, char *caption, Error *e) {
    if (f->count == f->capacity) {
        size_t capacity = f->capacity ? 2 * f->capacity : 256;
        FolderPicture *at = realloc(f->at, capacity * sizeof *at);
        if (at) f->at = at, f->capacity = capacity;
    }
    if (!name || f->count == f->capacity) return free(name), free(caption), folder_no_memory(f, e);
    f->at[f->count++] = (FolderPicture){.name = name, .caption = caption};
    return true;
}

bool folder_note(Folder *f, bool skipped, const char *name, const char *what, Error *e) {
    int i = 0;
    while (i < f->note_count && (f->notes[i].skipped != skipped || strcmp(f->notes[i].what, what))) i++;
    if (i >= FOLDER_NOTES - 2) { /* the last two headings are for all others */
        what = skipped ? "other reasons" : "others";
        i = FOLDER_NOTES - 2;
        while (i < f->note_count && f->notes[i].skipped != skipped) i++;
    }
    FolderNote *n = &f->notes[i];
    if (i == f->note_count) {
        *n = (FolderNote){.what = folder_copy(what, strlen(what)), .skipped = skipped};
        if (!n->what) return folder_no_memory(f, e);
        f->note_count++;
    }
    if (n->count < FOLDER_NAMES && !(n->names[n->count] = folder_copy(name, strlen(name))))
        return folder_no_memory(f, e);
    n->count++;
    return true;
}

/* Endings of every format that the table of codecs knows, and of others that people have. */
bool folder_is_picture(const char *name) {
    const ImageCodec *c;
    for (int i = 0; (c = image_codec_row(i)); i++)
        if (image_has_ending(name, c->endings)) return true;
    return image_has_ending(name,
                            "jpe|jfif|apng|dib|avifs|tga|svg|ico|ppm|pgm|pnm|exr|hdr|jp2|j2k|dng|cr2|nef|arw|qoi");
}

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

void folder_sort_names(FolderNames *n) {
    if (n->count) qsort(n->at, n->count, sizeof *n->at, by_name);
}

size_t folder_find_name(const FolderNames *n, const char *name) {
    size_t low = 0, high = n->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(n->at[middle], name);
        if (!order) return middle;
        if (order < 0) low = middle + 1;
        else high = middle;
    }
    return n->count;
}
