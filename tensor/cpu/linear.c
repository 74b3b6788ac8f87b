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

#include <string.h>

typedef struct {
    Tensor y, x, x2; /* x2.data NULL: none */
    const Weight *w;
    Finish finish;
    int64_t rows, columns, row_blocks, column_blocks;
    bool rows_first;
} Linear;

enum { AT_ONCE = 24 }; /* rows: two tiles of the widest kernel */

/* The block's first panel. Rows of x are copied side by side into `packed` on the way, where they share no sets of the
 * first cache, and asked for before the products of the rows before them. */
static void first_panel(float *packed, const float *x, int64_t ldx, int64_t m, int64_t k, const float *panel, float *y,
                        int64_t ldy, int64_t n, bool accumulate) {
    for (int64_t i = 0; i < m; i += AT_ONCE) {
        int64_t rows = min64(AT_ONCE, m - i), more = min64(AT_ONCE, m - i - rows);
        for (int64_t r = i; r < i + rows; r++) memcpy(packed + r * k, x + r * ldx, (size_t)k * sizeof *x);
        for (int64_t r = i + rows; r < i + rows + more; r++)
            for (int64_t p = 0; p < k; p += 16) __builtin_prefetch(x + r * ldx + p, 0, 2);
        K(panel_product)(rows, k, packed + i * k, k, panel, y + i * ldy, ldy, n, accumulate);
    }
}

static void block(void *arg, int64_t index, void *scratch) {
    const Linear *l = arg;
    int64_t p = index / (l->row_blocks * l->column_blocks), at = index % (l->row_blocks * l->column_blocks);
    int64_t row = (l->rows_first ? at % l->row_blocks : at / l->column_blocks) * l->rows;
    int64_t column = (l->rows_first ? at / l->row_blocks : at % l->column_blocks) * l->columns;
    int64_t m = min64(l->rows, l->y.n[1] - row), end = min64(column + l->columns, l->y.n[2]);
    bool in_place = l->finish.e.residual && l->finish.e.residual->data == l->y.data;
    float *room = scratch, *packed = room + PRODUCT_K * PANEL;
    int64_t done = 0; /* of K */
    for (int source = 0; source < (l->x2.data ? 2 : 1); source++) {
        Tensor x = source ? l->x2 : l->x;
        int64_t piece = part_size(x.n[2], PRODUCT_K, 1);
        for (int64_t k = 0; k < x.n[2]; k += piece) {
            int64_t kk = min64(piece, x.n[2] - k);
            for (int64_t j = column; j < end; j += PANEL) {
                const float *panel = K(panel_of)(room, l->w, j, done, kk);
                float *y = at2(l->y, p, row) + j;
                bool accumulate = in_place || done > 0;
                int64_t n = min64(PANEL, end - j);
                if (j == column)
                    first_panel(packed, at2(x, p, row) + k, x.s[1], m, kk, panel, y, l->y.s[1], n, accumulate);
                else K(panel_product)(m, kk, packed, kk, panel, y, l->y.s[1], n, accumulate);
            }
            done += kk;
        }
    }
    K(finish)(&l->finish, at2(l->y, p, row) + column, l->y.s[1], p, row, m, column, end - column);
}

/* Pictures whose rows follow each other at one distance are one picture of more rows, which leaves fewer edges of tiles
 * and, where a picture is one row, reads the weights once. No row's bits depend on the rows beside it (panel.h). */
static bool fold(Tensor *t) {
    if (t->nd == 4) *t = tensor_tokens(*t);
    if (t->n[1] == 1) t->s[1] = t->s[0];
    if (t->s[0] != t->n[1] * t->s[1]) return false;
    t->n[1] *= t->n[0];
    t->n[0] = 1;
    return true;
}

static bool fold_all(Tensor *y, Tensor *x, Tensor *x2, Tensor *residual) {
    Tensor all[4] = {*y, *x, *x2, *residual};
    for (int i = 0; i < 4; i++)
        if (all[i].data && !fold(&all[i])) return false;
    *y = all[0], *x = all[1], *x2 = all[2], *residual = all[3];
    return true;
}

void K(linear)(Ctx *c, Tensor y, Tensor x, const Tensor *x2, const Weight *w, const Weight *b, Epilogue e) {
    Tensor second = x2 ? *x2 : (Tensor){0}, residual = e.residual ? *e.residual : (Tensor){0};
    if (y.n[0] > 1 && !e.vector && fold_all(&y, &x, &second, &residual) && e.residual) e.residual = &residual;
    Linear l = {.y = y, .x = x, .x2 = second, .w = w, .finish = {b ? b->t.data : NULL, e, &y}};
    l.rows = part_size(y.n[1], PRODUCT_ROWS, 12);
    l.row_blocks = (y.n[1] + l.rows - 1) / l.rows;
    l.columns = part_size(y.n[2], l.row_blocks > 4 ? PRODUCT_N : 128, PANEL);
    l.column_blocks = (y.n[2] + l.columns - 1) / l.columns;
    l.rows_first = y.n[1] < y.n[2];
    device_run(c->dev, y.n[0] * l.row_blocks * l.column_blocks, block, &l);
}
