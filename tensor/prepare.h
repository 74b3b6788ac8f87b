/* prepare.h: the layouts in which the CPU's kernels read weights, made once when a model is loaded.
 *
 *   WEIGHT_PANELS   a WEIGHT_LINEAR as [O/32][K][32]: the panels of a product (tensor/cpu/panel.h)
 *   WEIGHT_FILTERS  a 3x3 WEIGHT_CONV as [O/16][I][9][16]: what Winograd's transform reads, 16 outputs a vector;
 *                   direct convolution gathers its panels from it
 *
 *   WEIGHT_PAIRS    a WEIGHT_LINEAR rounded to bf16, as [O/32][K/2][32][2]: panels of pairs (tensor/cpu/pair.h), for
 *                   the tables of `mixed` only, which make them themselves
 *
 * The others keep the file's width. Outputs that do not exist are zeros. All tables of the CPU share these layouts, and
 * results are the same bits with and without a prepared form. Left out: weights of other kinds and kernels, which are
 * used as they lie. */
#ifndef SD_TENSOR_PREPARE_H
#define SD_TENSOR_PREPARE_H

#include "weight.h"

enum { PANEL_OUTPUTS = 32, FILTER_OUTPUTS = 16 };

/* Bytes of the prepared form of a weight of w's kind and shape with numbers of `type`; 0: it has none. */
size_t weight_prepared_bytes(const Weight *w, DType type);
/* Makes it from `from`, [O,K] or, for a convolution, torch's [O,I,kh,kw] or else compute order [O,kh,kw,I]; any
 * alignment. `to`: 64-byte aligned. Points w at it. */
void weight_prepare(Weight *w, DType type, const void *from, bool torch_order, void *to);

#endif
