/* esrgan.h: networks that enlarge pictures: RRDBNet (ESRGAN, BSRGAN, Real-ESRGAN) and SRVGGNetCompact. Sources:
 * xinntao, ESRGAN, RRDBNet_arch.py of both versions; BasicSR, rrdbnet_arch.py, srvgg_arch.py; names also chaiNNer-org,
 * spandrel.
 *
 * RRDBNet: f = first(x); f = f + body(blocks(f)); f = lrelu(up(f read at twice its size)), `ups` times;
 * y = last(lrelu(hr(f))). Compact: y = shuffle(last(prelu(conv(... prelu(first(x)) ...)))) + x read at `scale` times
 * its size. Pixels that are gathered into channels, and channels that become pixels, are moved on the host
 * (UpscalerPixels).
 *
 * Maps are [1,H,W,C]; RGB in 0..1. */
#ifndef SD_MODELS_ESRGAN_H
#define SD_MODELS_ESRGAN_H

#include "nn/denseblock.h"
#include "nn/row_pipeline.h"
#include "weights/checkpoint.h"

enum { ESRGAN_UPS = 4, ESRGAN_BLOCKS = 256, ESRGAN_COLOURS = 3 };

typedef enum {
    ESRGAN_OLD,    /* model.0, model.1.sub.N.RDB1.conv1.0 */
    ESRGAN_MID,    /* conv_first, RRDB_trunk.N.RDB1.conv1 */
    ESRGAN_NEW,    /* conv_first, body.N.rdb1.conv1 */
    ESRGAN_COMPACT /* body.N */
} EsrganNames;

typedef struct {
    EsrganNames names;
    char prefix[48];      /* of all names in the file: "", "params_ema." */
    int channels, growth; /* of the maps, and of a dense block's convolutions */
    int blocks;           /* RRDBs, or convolutions between the first and the last */
    int ups;              /* doublings of RRDBNet */
    int gather;           /* side of the squares of pixels whose colours are the channels of one input: 1, 2, 4 */
    int scale;            /* of the picture */
} EsrganConfig;

typedef struct {
    EsrganConfig config;
    Conv first, body, hr, last, up[ESRGAN_UPS];
    Rrdb *blocks; /* [config.blocks], or of the compact kind: */
    Conv *convs;
    Weight *slopes; /* [config.blocks + 1] */
} Esrgan;

/* What the file's names and shapes say. False, with a line, for a file that holds no such network; one of another
 * upscaler is named. */
bool esrgan_from_shapes(const Checkpoint *c, EsrganConfig *out, Error *e);
/* Names are the file's own. False on ERR_MEMORY; esrgan_free in any case. */
bool esrgan_bind(Esrgan *m, const EsrganConfig *k, WeightList *l);
void esrgan_free(Esrgan *m);

/* Channels of the input, and of the output that the sink is given. */
int esrgan_inputs(const EsrganConfig *k);
int esrgan_outputs(const EsrganConfig *k);
/* How many rows the output has for each of the input's, until its channels become pixels; and how many pixels' sides
 * then are each: output channels are colour, row, column. */
int esrgan_rows(const EsrganConfig *k);
int esrgan_shuffle(const EsrganConfig *k);

typedef struct {
    RowSink rows;                                /* the output's, from the top */
    bool (*done)(void *user, int steps, int of); /* after each block; false: stop with ERR_CANCELLED. May be NULL */
    void *user;
} EsrganSink;

/* The network of x [1,H,W,inputs]. rows: of x at once, a multiple of 4, at least CONV_ROWS_LEAST, or H: the same bits
 * for any number. */
void esrgan_forward(Ctx *c, const Esrgan *m, Tensor x, int64_t rows, const EsrganSink *sink);

#endif
