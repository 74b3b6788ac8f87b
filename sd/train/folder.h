/* folder.h: a folder of captioned pictures, read whole before anything is learned from it.
 *
 * Every picture is decoded once, so that a damaged one shows before the first step and not at step 700. A picture that
 * cannot be used is skipped and named; what is wrong with a caption is an error, because only the user can mend it.
 *
 *   pictures   files with the ending of a picture, in capitals or not, directly in the folder, in the order of their
 *              names; whether one can be read is decided by its content. Hidden files (.x, __x, Thumbs.db, desktop.ini)
 *              are passed over.
 *   captions   of a.png: a.txt, else a.caption; UTF-8, all lines, without the white space at the end. Or:
 *   metadata.jsonl   if there is one, it alone says which pictures are used, with which captions, in its order: lines
 *              {"file_name": "a.png", "text": "..."}, names relative to the folder and within it; UTF-16 with its mark,
 *              too.
 *
 * Other trainers differ: kohya's sd-scripts (library/train_util.py) read the first line of a caption only, refuse an
 * empty one, take the folder's name for a missing one, drop transparency instead of laying the picture on white, read
 * DIR/10_name as ten times the pictures of class `name`, and ignore metadata.jsonl; datasets' imagefolder
 * (train_text_to_image.py) also walks through subfolders, and refuses pictures that metadata.jsonl does not name. */
#ifndef SD_TRAIN_FOLDER_H
#define SD_TRAIN_FOLDER_H

#include "tensor/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    char *name;          /* relative to the folder */
    char *caption;       /* NULL: none is needed */
    char *reason;        /* why it is not used; NULL: it is */
    const char *warning; /* what is left out of it, though it is read; NULL: nothing */
    int width, height;
    bool checked, transparent;
} FolderPicture;

/* One thing to tell: how many files, and the first of their names. */
enum { FOLDER_NAMES = 20, FOLDER_NOTES = 32 };
typedef struct {
    char *what;   /* "WebP pictures are not read; save it as PNG or JPEG", "empty captions" */
    bool skipped; /* pictures that are not used because of it */
    int64_t count;
    char *names[FOLDER_NAMES];
} FolderNote;

typedef struct {
    bool captions;                                              /* whether they are needed */
    int size;                                                   /* pixels a side, that pictures are brought to */
    int64_t most;                                               /* pictures after so many are not looked at */
    int threads;                                                /* 0: one for each core */
    bool (*progress)(void *user, int64_t checked, int64_t all); /* false: stop; may be NULL */
    void *user;
} FolderOptions;

typedef struct Folder {
    char *path;
    FolderPicture *at; /* those that are used; then those after `most`, which are not checked */
    size_t count, checked, capacity;
    int64_t skipped; /* pictures */
    FolderNote notes[FOLDER_NOTES];
    int note_count;
    bool lines; /* captions are from metadata.jsonl */
} Folder;

/* Reads the folder. Errors: ERR_FILE, ERR_FORMAT, ERR_MEMORY; ERR_CANCELLED: progress stopped it. NULL on error. */
Folder *folder_open(const char *path, const FolderOptions *o, Error *e);
void folder_close(Folder *f); /* NULL is fine */
/* Picture `index`, cropped and resized to rgb[size][size][3]. */
bool folder_picture(const Folder *f, size_t index, int size, uint8_t *rgb, Error *e);
/* What that cuts off on the left and above, once the picture is scaled. */
void folder_crop(const Folder *f, size_t index, int size, int *left, int *top);

#endif
