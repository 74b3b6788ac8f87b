#include "denseblock.h"

#include "strips.h"

#include <assert.h>
#include <stdio.h>

enum { UNIT = 4, AHEAD = DENSE_CONVS * UNIT }; /* rows that each convolution is ahead of the next, and all of them */

static const Epilogue LEAKY = {.act = ACT_LEAKY_RELU};

void bind_rrdb(WeightList *l, Rrdb *m, const char *names, int channels, int growth) {
    for (int b = 0; b < RRDB_BLOCKS; b++)
        for (int k = 0; k < DENSE_CONVS; k++) {
            char name[64];
            snprintf(name, sizeof name, names, b + 1, k + 1); /* formats are the caller's own */
            m->dense[b].channels = channels, m->dense[b].growth = growth;
            bind_conv(l, &m->dense[b].conv[k], name, channels + k * growth, k + 1 < DENSE_CONVS ? growth : channels, 3);
        }
}

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

static bool are_rows(int64_t rows, int64_t h) { return rows == h || (rows >= CONV_ROWS_LEAST && rows % UNIT == 0); }

/* Convolution k, from 1, of rows [from, to) of a map of h rows, into y; the buffer has the rows around them. */
static void rows_of(Ctx *c, Tensor y, const DenseBlock *m, int k, const Window *buffer, int64_t h, int64_t from,
                    int64_t to, Epilogue e) {
    int64_t first = from ? from - 1 : 0, channels = m->channels + (k - 1) * m->growth;
    Tensor in = tensor_slice(window_rows(buffer, first, least(to + 1, h)), 3, 0, channels);
    conv3_rows(c, y, &m->conv[k - 1], in, first, h, from, to, e);
}

static void dense_block(Ctx *c, Tensor x, const DenseBlock *m, int64_t rows) {
    size_t scope = scope_begin(c);
    int64_t h = x.n[1], width = m->channels + (DENSE_CONVS - 1) * m->growth, done[DENSE_CONVS] = {0};
    Window buffer = {.buffer = tensor_new(c, 4, SHAPE(1, least(rows + AHEAD + 1, h), x.n[2], width))};
    assert(are_rows(rows, h) && x.n[0] == 1);
    for (int64_t from = 0; from < h; from += rows) {
        int64_t to = least(from + rows, h);
        for (int k = 0; k < DENSE_CONVS; k++) { /* 0: x itself */
            int64_t begun = done[k], upto = done[k] = least(to + AHEAD - k * UNIT, h);
            if (upto == begun) continue;
            int64_t at = k ? m->channels + (k - 1) * m->growth : 0;
            Tensor y = k ? window_rows(&buffer, begun, upto) : window_grow(&buffer, upto);
            y = tensor_slice(y, 3, at, k ? m->growth : m->channels);
            if (k) rows_of(c, y, m, k, &buffer, h, begun, upto, LEAKY);
            else op_affine(c, y, tensor_slice(x, 1, begun, upto - begun), 1, 0);
        }
        size_t inner = scope_begin(c);
        Tensor last = tensor_new(c, 4, SHAPE(1, to - from, x.n[2], m->channels));
        rows_of(c, last, m, DENSE_CONVS, &buffer, h, from, to, PLAIN);
        op_accumulate(c, tensor_slice(x, 1, from, to - from), last, 0.2f);
        scope_end(c, inner);
        if (to < h) window_move(c, &buffer, to - 1);
    }
    scope_end(c, scope);
}

void rrdb(Ctx *c, Tensor *x, Tensor *spare, const Rrdb *m, int64_t rows) {
    Tensor y = *spare, inner = *x;
    op_affine(c, y, inner, 1, 0);
    for (int b = 0; b < RRDB_BLOCKS; b++) dense_block(c, inner, &m->dense[b], rows);
    op_accumulate(c, y, inner, 0.2f);
    *x = y, *spare = inner;
}

void conv3_in_place(Ctx *c, Tensor x, const Conv *m, int64_t rows) {
    size_t scope = scope_begin(c);
    int64_t h = x.n[1];
    Window in = {.buffer = tensor_new(c, 4, SHAPE(1, least(rows + 2, h), x.n[2], x.n[3]))};
    assert(are_rows(rows, h) && x.n[0] == 1);
    for (int64_t from = 0; from < h; from += rows) {
        int64_t to = least(from + rows, h), begun = in.to, upto = least(to + 1, h), first = from ? from - 1 : 0;
        if (upto > begun) op_affine(c, window_grow(&in, upto), tensor_slice(x, 1, begun, upto - begun), 1, 0);
        conv3_rows(c, tensor_slice(x, 1, from, to - from), m, window_rows(&in, first, upto), first, h, from, to, PLAIN);
        if (to < h) window_move(c, &in, to - 1);
    }
    scope_end(c, scope);
}
