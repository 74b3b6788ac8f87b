/* denseblock.h: ESRGAN's residual in residual dense block. Source: X. Wang et al., "ESRGAN: Enhanced Super-Resolution
 * Generative Adversarial Networks"; BasicSR, rrdbnet_arch.py.
 *
 *     x1 = lrelu(conv1 x), x2 = lrelu(conv2 [x, x1]), ... x4; dense(x) = 0.2 conv5 [x, x1, ..., x4] + x
 *     rrdb(x) = 0.2 dense3(dense2(dense1(x))) + x
 *
 * Nothing is concatenated: x and x1 to x4 are slices of channels of one buffer, which a convolution reads from the
 * first channel on. The buffer is a window of a few rows that moves down the map, so a block takes little memory beside
 * its input, and has the same bits whatever the window's height. */
#ifndef SD_NN_DENSEBLOCK_H
#define SD_NN_DENSEBLOCK_H

#include "layers.h"

enum { DENSE_CONVS = 5, RRDB_BLOCKS = 3 };

typedef struct {
    Conv conv[DENSE_CONVS]; /* 3x3; of x and the growth before it */
    int channels, growth;
} DenseBlock;

typedef struct {
    DenseBlock dense[RRDB_BLOCKS];
} Rrdb;

/* names: of a convolution, with %d for the block, from 1, and %d for the convolution, from 1: "rdb%d.conv%d" */
void bind_rrdb(WeightList *l, Rrdb *m, const char *names, int channels, int growth);
/* rrdb(x), of maps [1,H,W,channels]. x and spare are dense; the result takes the place of one of them and x, spare are
 * exchanged: *x is the result. rows: of a window at once, a multiple of 4, at least CONV_ROWS_LEAST, or H. */
void rrdb(Ctx *c, Tensor *x, Tensor *spare, const Rrdb *m, int64_t rows);

/* x becomes the convolution of x, 3x3 of as many outputs as inputs, through a window of as many rows. */
void conv3_in_place(Ctx *c, Tensor x, const Conv *m, int64_t rows);

enum { CONV_ROWS_LEAST = 24 };

#endif
