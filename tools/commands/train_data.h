/* train_data.h: the pictures of a training: from a folder, or drawn. */
#ifndef SD_TOOLS_COMMANDS_TRAIN_DATA_H
#define SD_TOOLS_COMMANDS_TRAIN_DATA_H

#include "sd/train/train.h"
#include "tools/shapes/shapes.h"

typedef struct {
    TrainData data;
    ShapesOptions shapes;
    uint64_t seed;
    struct Folder *folder; /* NULL: drawn */
} TrainSource;

/* How pictures are drawn. */
typedef struct {
    double easy, placed, ordered; /* shapes_ease, then ShapesOptions.placed (< 0: as it is) and ordered */
    const char *kinds;            /* ShapesOptions.share as "A,B,C,D,E"; NULL: as it is */
} DrawnOptions;

/* what: "shapes", "shapes:SEED", or a folder, for which `o` must hold its defaults. Pictures are cropped and resized to
 * size x size. */
bool train_source_open(TrainSource *s, const char *what, int size, const DrawnOptions *o, Error *e);
void train_source_close(TrainSource *s);

#endif
