/* strips.h: large maps go through memory in pieces, with the bits that they have in one. */
#ifndef SD_NN_STRIPS_H
#define SD_NN_STRIPS_H

#include "layers.h"

/* How many of `rows` rows of tokens go at once where each needs `bytes` and all may need `most`: a multiple of 64,
 * so that little of the kernels' blocks is left empty. most 0: all. */
int64_t row_piece(int64_t rows, size_t bytes, size_t most);

/* How many rows of a map of h rows go at once where each needs `bytes` and all may need `most`: a multiple of `unit`,
 * which 4 divides (convolutions are computed in tiles of 4x4), in about equal strips. most 0: all. */
int64_t strip_rows(int64_t h, size_t bytes, size_t most, int64_t unit);

/* Mean and deviation of x's groups (and x2's, a second source of channels, or NULL): stats F64 [N,groups,2]. */
void norm_stats(Ctx *c, Tensor stats, const Norm *m, Tensor x, const Tensor *x2);
/* Rows [from, to) of act(norm(x, x2)) into y [N,to-from,W,C]. */
void norm_rows(Ctx *c, Tensor y, const Norm *m, Tensor x, const Tensor *x2, Tensor stats, Act act, int64_t from,
               int64_t to);

/* y = epilogue(conv(silu(norm(x, x2)))), 3x3, of y's size. The normalised map is never whole where it would take more
 * than c->strip. y may be neither x nor x2. */
void conv3_normed(Ctx *c, Tensor y, const Conv *m, const Norm *normed, Tensor x, const Tensor *x2, Epilogue e);
/* Rows [from, to) of a convolution of a map of h rows, into y [N,to-from,W,O]; x [N,..,W,I] begins at row `first` of
 * the map and holds the rows from - 1 to `to` that there are. */
void conv3_rows(Ctx *c, Tensor y, const Conv *m, Tensor x, int64_t first, int64_t h, int64_t from, int64_t to,
                Epilogue e);

#endif
