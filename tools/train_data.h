/* train_data.h: where training's pictures come from: a folder, or drawn. */
#ifndef SD_TRAIN_DATA_H
#define SD_TRAIN_DATA_H

#include "../sd/train.h"
#include "shapes.h"

typedef struct {
    TrainData data;
    ShapesOptions shapes;
    uint64_t seed;
    struct Folder *folder; /* NULL: drawn */
} TrainSource;

/* what: "shapes", "shapes:SEED", or a folder. Pictures are cut and resized to size x size. */
bool train_source_open(TrainSource *s, const char *what, int size, double easy, const char *kinds, Error *e);
void train_source_close(TrainSource *s);

#endif
