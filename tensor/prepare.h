/* prepare.h: the layouts in which the CPU's kernels read weights, made once, when a model is loaded.
 *
 *   WEIGHT_PANELS   a WEIGHT_LINEAR as [O/32][K][32]: the panels of a product (tensor/cpu/panel.h)
 *   WEIGHT_FILTERS  a 3x3 WEIGHT_CONV as [O/16][I][9][16]: what Winograd's transform reads, 16 outputs a vector;
 *                   direct convolution gathers its panels from it
 *   WEIGHT_PAIRS    a WEIGHT_LINEAR rounded to bf16, as [O/32][K/2][32][2]: panels of pairs (tensor/cpu/pair.h), for
 *                   the tables of `mixed` only, which make them themselves
 *
 * The first two keep the file's width. Of Q8_0 (q8.h), whose blocks lie along the inputs, they hold blocks for all
 * outputs of a panel or of a vector together: their F16 scales, then the bytes in the layout's order:
 *
 *   WEIGHT_PANELS   [O/32][K/32] of scales [32], bytes [32 of K][32]
 *   WEIGHT_FILTERS  [O/16][I/32] of scales [9][16], bytes [32 of I][9][16]
 *
 * Outputs past the last are zeros. All the CPU's tables share these layouts, and
 * results have the same bits with and without a prepared form. Left out: weights of other kinds and kernel sizes, which
 * are used as they are. */
#ifndef SD_TENSOR_PREPARE_H
#define SD_TENSOR_PREPARE_H

#include "q8.h"
#include "weight.h"

enum { PANEL_OUTPUTS = 32, FILTER_OUTPUTS = 16 };

/* Bytes of the scales of such a block of Q8_0, and of all of it. */
enum {
    Q8_PANEL_SCALES = 2 * PANEL_OUTPUTS,
    Q8_PANEL_BYTES = Q8_PANEL_SCALES + Q8_NUMBERS * PANEL_OUTPUTS,
    Q8_FILTER_SCALES = 2 * 9 * FILTER_OUTPUTS,
    Q8_FILTER_BYTES = Q8_FILTER_SCALES + Q8_NUMBERS * 9 * FILTER_OUTPUTS,
};

/* Bytes of the prepared form of a weight of w's kind and shape with numbers of `type`; 0: there is none. */
size_t weight_prepared_bytes(const Weight *w, DType type);
/* Makes it in `to` (64-byte aligned) and points w at it. `from` (any alignment) is [O,K]; a convolution's is torch's
 * [O,I,kh,kw] (torch_order) or compute order [O,kh,kw,I]. Q8_0 is never in torch's order. */
void weight_prepare(Weight *w, DType type, const void *from, bool torch_order, void *to);

#endif
