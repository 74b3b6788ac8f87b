/* strips.h: large maps in pieces, to save memory, with the same bits as in one. */
#ifndef SD_NN_STRIPS_H
#define SD_NN_STRIPS_H

#include "layers.h"

/* How many of `rows` rows of tokens to take at once if each needs `bytes` and together they may need `most`: a multiple
 * of 64, so that the kernels' blocks are nearly full, in pieces of about equal size. most 0: all. */
int64_t row_piece(int64_t rows, size_t bytes, size_t most);

/* How many of a map's h rows to take at once if each needs `bytes` and together they may need `most`: a multiple of
 * `unit`, itself a multiple of 4 (convolutions are computed in tiles of 4x4), in strips of about equal height. most 0:
 * all. */
int64_t strip_rows(int64_t h, size_t bytes, size_t most, int64_t unit);

/* stats F64 [N,groups,2]: mean and 1 / sqrt(var + eps) of the groups of x and x2 (a second source, or NULL). */
void norm_stats(Ctx *c, Tensor stats, const Norm *m, Tensor x, const Tensor *x2);
/* Rows [from, to) of act(norm(x, x2)) into y [N,to-from,W,C]. */
void norm_rows(Ctx *c, Tensor y, const Norm *m, Tensor x, const Tensor *x2, Tensor stats, Act act, int64_t from,
               int64_t to);

/* y = epilogue(conv(silu(norm(x, x2)))), 3x3, stride 1. If the normalised map would take more than c->strip, it is made
 * in strips. y is neither x nor x2. */
void conv3_normed(Ctx *c, Tensor y, const Conv *m, const Norm *normed, Tensor x, const Tensor *x2, Epilogue e);
/* Rows [from, to) of the 3x3 convolution of a map of h rows, into y [N,to-from,W,O]. x [N,..,W,I] holds rows of the map
 * from `first` on, at least from - 1 to `to` as far as they exist. */
void conv3_rows(Ctx *c, Tensor y, const Conv *m, Tensor x, int64_t first, int64_t h, int64_t from, int64_t to,
                Epilogue e);

/* Rows [from, to) of a map that is computed from the top down, at the start of buffer [N,rows,W,C]. */
typedef struct {
    Tensor buffer;
    int64_t from, to;
} Window;
/* Rows [from, to), which it must hold. */
Tensor window_rows(const Window *w, int64_t from, int64_t to);
/* Extends it to row `to`; returns the new rows, for the caller to write. */
Tensor window_grow(Window *w, int64_t to);
/* Drops the rows before `from`. */
void window_move(Ctx *c, Window *w, int64_t from);

#endif
