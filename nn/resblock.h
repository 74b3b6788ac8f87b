/* resblock.h: y = skip(x) + conv2(silu(norm2(conv1(silu(norm1(x))) + emb)))
 *
 * One block for the U-Net (with a time embedding, eps 1e-5) and for the VAE (without, eps 1e-6). skip is the identity
 * if the number of channels stays the same, else a 1x1 convolution.
 * Source: CompVis, openaimodel.py ResBlock; model.py ResnetBlock. */
#ifndef SD_NN_RESBLOCK_H
#define SD_NN_RESBLOCK_H

#include "layers.h"

typedef struct {
    Norm norm1, norm2;
    Conv conv1, conv2;
    Linear emb, skip;
    bool has_emb, has_skip;
    int64_t time_shift_at; /* where this block begins in the time_shifts of all blocks */
} ResBlock;

/* emb 0: a VAE block, with the VAE's names and eps. */
void bind_resblock(WeightList *l, ResBlock *m, int64_t in, int64_t out, int64_t emb, int groups);

/* The block's own channels of time_shifts [D,time_shifts], what it adds to every pixel for the time; from emb [D,E],
 * already through SiLU. */
void resblock_time_shift(Ctx *c, Tensor time_shifts, const ResBlock *m, Tensor emb);
/* y [N,H,W,out] from x [N,H,W,C]; y may be x if there is no skip convolution. x2: a second source of channels (then
 * C + C2 = in), or NULL. time_shifts: [1,time_shifts] for all pictures or [N,time_shifts] for each; NULL in the VAE. */
void resblock(Ctx *c, Tensor y, const ResBlock *m, Tensor x, const Tensor *x2, const Tensor *time_shifts);
/* The same with y as the second source: the result replaces it. */
void resblock_into_skip(Ctx *c, Tensor y, const ResBlock *m, Tensor x, const Tensor *time_shifts);
/* The VAE's, strip by strip (resblock_strips.c). x [N,H,W,C]; or, with `up`, [N,H/2,W/2,..], which is first up-sampled
 * and convolved by `up`. y is x if there is neither `up` nor a skip convolution; else they do not overlap. */
void resblock_strips(Ctx *c, Tensor y, const ResBlock *m, Tensor x, const Conv *up);

#endif
