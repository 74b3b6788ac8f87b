/* pieces.h: how sums are cut, and which form a convolution takes. Part of what makes every table that promises the same
 * bits (ops.h: exact) compute them: rules of a layer and one picture's size only. */
#ifndef SD_TENSOR_PIECES_H
#define SD_TENSOR_PIECES_H

#include "ops.h"

enum {
    PRODUCT_K = 320,        /* longest piece of K of a product */
    ATTENTION_KEYS = 128,   /* of a block of attention */
    ROW_LANES = 16,         /* of a sum over a row */
    FEW_OUTPUTS = 4,        /* most outputs of a convolution that is summed in lanes */
    FEW_TAPS = 9,           /* most taps of one */
    WINOGRAD_CHANNELS = 64, /* of a block of Winograd's sums */
    WINO_OUT = 4,           /* rows and columns of outputs of a tile */
    WINO_IN = 6,            /* of inputs of F(4x4, 3x3) */
    WINO_POINTS = WINO_IN * WINO_IN,
    WINO_UP_IN = 5, /* of F(4x4, 2x2) */
    WINO_UP_POINTS = WINO_UP_IN * WINO_UP_IN,
};

/* Cuts `total` into the fewest equal parts of at most `most`, all but the last a multiple of `unit`. */
static inline int64_t part_size(int64_t total, int64_t most, int64_t unit) {
    int64_t parts = (total + most - 1) / most;
    int64_t size = parts > 0 ? (total + parts - 1) / parts : 1;
    return (size + unit - 1) / unit * unit;
}

/* A convolution's pieces of K are whole taps, or some channels of one. */
typedef struct {
    int64_t taps, channels;
} ConvPieces;

static inline ConvPieces conv_pieces(const Weight *w) {
    int64_t channels = part_size(w->t.n[3], PRODUCT_K, 1), taps = channels == w->t.n[3] ? PRODUCT_K / channels : 1;
    ConvPieces p = {part_size(w->t.n[1] * w->t.n[2], taps < 1 ? 1 : taps, 1), channels};
    return p;
}

/* Whether a convolution's outputs are so few that each is summed over channels in ROW_LANES lanes. */
static inline bool conv_is_few(const Weight *w, Conv2d g) {
    return w->t.n[0] <= FEW_OUTPUTS && w->t.n[1] * w->t.n[2] <= FEW_TAPS && w->t.n[3] % ROW_LANES == 0 && !g.up_h;
}

/* Multiplications per pair of channels of one picture by F(4x4, 3x3), including those of the filters' transform; and by
 * F(4x4, 2x2), for a picture enlarged to twice its size. */
static inline int64_t winograd_cost(int64_t rows, int64_t columns) {
    return WINO_POINTS * ((rows + WINO_OUT - 1) / WINO_OUT * ((columns + WINO_OUT - 1) / WINO_OUT)) + 100;
}
static inline int64_t winograd_cost_up(int64_t rows, int64_t columns) {
    int64_t unit = 2 * WINO_OUT;
    return 4 * (WINO_UP_POINTS * ((rows + unit - 1) / unit * ((columns + unit - 1) / unit)) + 70);
}

/* Whether Winograd's filtering can compute this convolution, and faster than the direct form. All parts of a picture
 * that are 8x8 or larger are computed the same way. */
static inline bool conv_by_winograd(Tensor y, const Weight *w, Conv2d g) {
    int64_t rows = g.whole_h ? g.whole_h : y.n[1];
    bool fewer = winograd_cost(rows, y.n[2]) < 8 * rows * y.n[2]; /* than the direct form */
    return w->t.n[1] == 3 && w->t.n[2] == 3 && g.stride == 1 && w->t.n[3] >= 32 && fewer;
}

/* Whether it goes by phases, F(4x4, 2x2): if the picture is read at exactly twice its size and that is less work. */
static inline bool winograd_by_phases(Tensor y, Tensor x, Conv2d g) {
    int64_t rows = g.whole_h ? g.whole_h : y.n[1];
    return g.up_h == 2 * x.n[1] && g.up_w == 2 * x.n[2] && winograd_cost_up(rows, y.n[2]) < winograd_cost(rows, y.n[2]);
}

#endif
