/* linear.c: y = epilogue(x w^T + b), by blocks of one picture's rows and of outputs.
 *
 * Loops, from the outside: pieces of K (at most PRODUCT_K: the block's part of x stays in the second cache), panels of
 * 32 outputs (widened once into scratch, first cache), pictures, rows. So the weights of a block are read once for all
 * pictures, with the same product call for each.
 *
 * How the work is cut depends on the layer and on the rows of one picture, never on the batch or the threads. A block
 * is tall enough that widening a panel costs 1 % of using it, and there are enough blocks that 8 threads stay busy. */
#include "kernels.h"

#include "panel.h"

typedef struct {
    Tensor y, x, x2; /* x2.data NULL: none */
    const Weight *w;
    Finish finish;
    int64_t rows, columns, row_blocks;
} Linear;

static void block(void *arg, int64_t index, void *scratch) {
    const Linear *l = arg;
    int64_t row = index % l->row_blocks * l->rows, column = index / l->row_blocks * l->columns;
    int64_t m = min64(l->rows, l->y.n[1] - row), end = min64(column + l->columns, l->y.n[2]);
    bool in_place = l->finish.e.residual && l->finish.e.residual->data == l->y.data;
    int64_t done = 0; /* of K */
    for (int source = 0; source < (l->x2.data ? 2 : 1); source++) {
        Tensor x = source ? l->x2 : l->x;
        int64_t piece = part_size(x.n[2], PRODUCT_K, 1);
        for (int64_t k = 0; k < x.n[2]; k += piece) {
            int64_t kk = min64(piece, x.n[2] - k);
            for (int64_t j = column; j < end; j += PANEL) {
                const float *panel = K(panel_of)(scratch, l->w, j, done, kk);
                for (int64_t p = 0; p < l->y.n[0]; p++) K(panel_product)
                (m, kk, at2(x, p, row) + k, x.s[1], panel, at2(l->y, p, row) + j, l->y.s[1], min64(PANEL, end - j),
                 in_place || done > 0);
            }
            done += kk;
        }
    }
    for (int64_t p = 0; p < l->y.n[0]; p++)
        K(finish)(&l->finish, at2(l->y, p, row) + column, l->y.s[1], p, row, m, column, end - column);
}

void K(linear)(Ctx *c, Tensor y, Tensor x, const Tensor *x2, const Weight *w, const Weight *b, Epilogue e) {
    Linear l = {.y = y, .x = x, .w = w, .finish = {b ? b->t.data : NULL, e, &y}};
    if (x2) l.x2 = *x2;
    l.rows = part_size(y.n[1], PRODUCT_ROWS, 12);
    l.row_blocks = (y.n[1] + l.rows - 1) / l.rows;
    l.columns = part_size(y.n[2], l.row_blocks > 4 ? PRODUCT_N : 128, PANEL);
    device_run(c->dev, l.row_blocks * ((y.n[2] + l.columns - 1) / l.columns), block, &l);
}
