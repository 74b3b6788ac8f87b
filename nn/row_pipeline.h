/* row_pipeline.h: convolutions after each other, of which only the rows that are still needed are in memory: a chain
 * from a map to a picture many times as large. The same bits for any number of rows at once. */
#ifndef SD_NN_ROW_PIPELINE_H
#define SD_NN_ROW_PIPELINE_H

#include "layers.h"

enum { PIPELINE_STEPS = 8 };

typedef struct {
    const Conv *conv; /* 3x3, */
    bool up;          /* of its input read at twice its size */
    bool leaky;       /* followed by a leaky ReLU */
} PipelineStep;

/* Computes rows [from, to) of a map of [1,H,W,C], from 0 upwards in pieces that begin at multiples of 4, into y. */
typedef void (*RowSource)(Ctx *c, const void *user, Tensor y, int64_t from, int64_t to, int64_t h);
/* Is given rows [from, from + y.n[1]) of the last step's output in order. */
typedef void (*RowSink)(Ctx *c, void *user, Tensor y, int64_t from);

typedef struct {
    int64_t h, w, channels; /* of the source's map */
    RowSource source;
    const void *from;
    PipelineStep steps[PIPELINE_STEPS];
    int count;
    RowSink sink;
    void *to;
} RowPipeline;

/* rows: of the source's map at once, a multiple of 4, at least PIPELINE_ROWS, or all of them */
void row_pipeline(Ctx *c, const RowPipeline *p, int64_t rows);

enum { PIPELINE_ROWS = 8 };

#endif
