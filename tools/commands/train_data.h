/* train_data.h: where training's pictures come from: a folder, or drawn. */
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

/* What drawn pictures are to be: shapes_ease's degree, ShapesOptions.placed (< 0: as that leaves it) and ordered,
 * shares of the kinds as "A,B,C,D,E" (NULL: likewise). */
typedef struct {
    double easy, placed, ordered;
    const char *kinds;
} DrawnOptions;

/* what: "shapes", "shapes:SEED", or a folder, of which the options say nothing. Pictures are cut and resized to size x
 * size. */
bool train_source_open(TrainSource *s, const char *what, int size, const DrawnOptions *o, Error *e);
void train_source_close(TrainSource *s);

#endif
