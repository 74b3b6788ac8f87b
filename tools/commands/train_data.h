/* train_data.h: the pictures of a training: from a folder, or drawn. */
#ifndef SD_TOOLS_COMMANDS_TRAIN_DATA_H
#define SD_TOOLS_COMMANDS_TRAIN_DATA_H

#include "sd/train/folder.h"
#include "sd/train/train.h"
#include "tools/shapes/shapes.h"

#include <stdio.h>

typedef struct {
    TrainData data;
    ShapesOptions shapes;
    uint64_t seed;
    Folder *folder; /* NULL: drawn */
} TrainSource;

/* How pictures are drawn. */
typedef struct {
    double easy, placed, ordered; /* shapes_ease, then ShapesOptions.placed (< 0: as it is) and ordered */
    const char *kinds;            /* ShapesOptions.share as "A,B,C,D,E"; NULL: as it is */
} DrawnOptions;

/* what: "shapes", "shapes:SEED", or a folder, for which `o` must hold its defaults; strict: a picture that would be
 * skipped is an error. Pictures are cropped and resized to size x size. */
bool train_source_open(TrainSource *s, const char *what, const FolderOptions *folder, bool strict,
                       const DrawnOptions *o, Error *e);
void train_source_close(TrainSource *s);
/* Prints what was found in a folder: pictures, what was skipped and why, captions; all: more names. */
void train_source_tell(const TrainSource *s, FILE *to, bool all);
/* Warns of what was skipped, and of nothing else. */
void train_source_warn(const TrainSource *s);

#endif
