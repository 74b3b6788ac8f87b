/* folder_parts.h: what the files of folder.h share; for folder*.c only. */
#ifndef SD_TRAIN_FOLDER_PARTS_H
#define SD_TRAIN_FOLDER_PARTS_H

#include "folder.h"

/* The names in the folder, sorted. */
typedef struct {
    char **at;
    bool *used; /* as captions */
    size_t count, capacity;
    bool failed; /* out of memory */
} FolderNames;

bool folder_no_memory(const Folder *f, Error *e);
char *folder_copy(const char *text, size_t size); /* NULL: out of memory */
/* Takes both strings; caption may be NULL. */
bool folder_add_picture(Folder *f, char *name, char *caption, Error *e);
/* Counts a file under a heading. */
bool folder_note(Folder *f, bool skipped, const char *name, const char *what, Error *e);
/* folder's path / name in a new string; NULL: out of memory, with e set. */
char *folder_path(const Folder *f, const char *name, Error *e);
void folder_sort_names(FolderNames *n);
/* Index of a name, or count; the names are sorted. */
size_t folder_find_name(const FolderNames *n, const char *name);
bool folder_is_picture(const char *name);

/* folder_captions.c: the captions beside the pictures; *missing: pictures that have none, whose caption stays NULL. */
bool folder_captions(Folder *f, FolderNames *names, size_t *missing, Error *e);
/* What is worth saying of the captions of pictures that are used. */
bool folder_captions_note(Folder *f, Error *e);

/* folder_lines.c: adds the pictures of a metadata.jsonl, text[size] in UTF-8; path begins messages. */
bool folder_read_lines(Folder *f, const char *path, char *text, size_t size, bool captions, Error *e);
/* Notes names twice in it, and pictures of the folder that are not in it. */
bool folder_lines_note(Folder *f, const FolderNames *names, Error *e);

/* folder_check.c: decodes pictures: those without a caption, or all that are not checked, up to `most` good ones. */
bool folder_check(Folder *f, const FolderOptions *o, bool without_caption, Error *e);
/* Drops pictures that have a reason, and notes what is worth saying of the others. */
bool folder_drop(Folder *f, const FolderOptions *o, Error *e);

#endif
