/* relublock.h: y = relu(conv3(relu(conv2(relu(conv1 x)))) + x), the block of the tiny autoencoders.
 * Source: madebyollin, taesd.py Block, where the number of channels stays the same. */
#ifndef SD_NN_RELUBLOCK_H
#define SD_NN_RELUBLOCK_H

#include "layers.h"

typedef struct {
    Conv conv[3]; /* 3x3 */
} ReluBlock;

/* "conv.0", "conv.2" and "conv.4" under the list's path. */
void bind_relublock(WeightList *l, ReluBlock *m, int64_t channels);
/* x [N,H,W,C] becomes y. */
void relublock(Ctx *c, Tensor x, const ReluBlock *m);
/* The same bits with the maps between the convolutions in windows of a few rows. */
void relublock_strips(Ctx *c, Tensor x, const ReluBlock *m);

#endif
