/* In sd/guide/plain.c: linear(). */
/* linear.c: y = epilogue(x w^T + b), by blocks of one picture's rows and of outputs.
 *
 * Loops, from the outside in: pieces of K (a block's part of x and the current panel stay in L2), panels of 32 outputs
 * (widened once into scratch), rows. Rows are read where they are. While a block's first panel is multiplied, it
 * prefetches the following rows; during later panels, the numbers of the next one, which come from memory: weights are
 * read once per block of rows. Rows that would share sets of L1, or that come from two sources, are copied next to each
 * other, once for all blocks that a thread takes of them. An element is summed over K in the order of its pieces, which
 * follow from K alone, so its bits do not depend on how rows and outputs are cut. A 16-bit panel is widened between the
 * multiply-adds of the first tile, one of Q8_0 before them.
 *
 * Threads take blocks until none is left: large ones first, then fewer and fewer outputs, so that no thread waits long
 * for another that was held up.
 *
 * The two halves of GEGLU are computed next to each other in scratch and combined there; they are never stored.
 *
 * linear_mixed is the same in products of bf16 (pair.h): x is rounded as it is copied, weights when they are prepared,
 * and a word holds two steps of K. A weight that says keep_f32 is multiplied in f32. */
#include "kernels.h"

#include "pair.h"
#include "panel.h"

#include <assert.h>
#include <string.h>

typedef struct {
    Tensor y, x, x2; /* x2.data NULL: none */
    const Weight *w;
    CpuFinish finish;
    bool pairs;
    int64_t rows, row_blocks, panels; /* panels: of y, in a row block */
    int64_t most;                     /* panels of a block */
    int64_t copied;                   /* bytes of a row block that may be copied whole; else a piece at a time */
    int64_t piece;                    /* of K */
    int threads;
    int64_t taken; /* of the panels of all pictures' row blocks in order */
} CpuLinear;

enum {
    AT_ONCE = 24,     /* rows copied or prefetched at once: two tiles of the widest kernel */
    SOON = 2,         /* rows that y is prefetched ahead of writing */
    SETS = 4096,      /* bytes: rows a multiple of this apart share sets of L1 */
    COPIED = 3 << 20, /* at most so many bytes of a row block are copied whole */
};

/* One block: rows of a picture, the current piece of K, and where x is read. A thread's next block of the same rows
 * finds them copied. */
typedef struct {
    int64_t picture, row, m, k, kk;
    bool copied;        /* all pieces of these rows */
    const uint32_t *x;  /* its rows, `ldx` words apart: where they are, or `packed` */
    uint32_t *packed;   /* [m][words]; NULL: no copy */
    int64_t ldx, words; /* words: per row */
    void *buffer;       /* for a panel */
    bool accumulate;
    int64_t then_column, then_k; /* of the panel after this piece's last one; -1: in `then` */
    PoolShare then;              /* what the thread takes when it comes to the block's last panel */
} Block;

/* Where row r's numbers from k on are; *n: how many of the piece's are contiguous there. */
static const float *source(const CpuLinear *l, const Block *b, int64_t r, int64_t k, int64_t *n) {
    bool second = k >= l->x.n[2];
    Tensor x = second ? l->x2 : l->x;
    int64_t at = second ? k - l->x.n[2] : k;
    *n = min64(b->k + b->kk - k, x.n[2] - at);
    return at2(x, b->picture, b->row + r) + at;
}

static void pack_row(const CpuLinear *l, const Block *b, int64_t r) {
    float line[2 * PRODUCT_K];
    int64_t n;
    const float *from = source(l, b, r, b->k, &n);
    uint32_t *to = b->packed + r * b->words;
    if (n < b->kk) { /* both sources */
        int64_t rest;
        memcpy(line, from, (size_t)n * sizeof *line);
        from = source(l, b, r, b->k + n, &rest);
        memcpy(line + n, from, (size_t)rest * sizeof *line);
        from = line;
    }
    if (l->pairs) pair_row(to, from, b->kk);
    else memcpy(to, from, (size_t)b->kk * sizeof *to);
}

/* Bytes between rows of the source in which the block's piece begins. */
static int64_t apart(const CpuLinear *l, const Block *b) {
    return (b->k < l->x.n[2] ? l->x.s[1] : l->x2.s[1]) * (int64_t)sizeof(float);
}

static bool copies_whole(const CpuLinear *l) { return l->rows * (l->w->t.n[1] + 1) * (l->pairs ? 2 : 4) <= l->copied; }

/* What to prefetch: the next rows from r on. */
static Ahead rows_from(const CpuLinear *l, const Block *b, int64_t r) {
    int64_t n, rows = min64(AT_ONCE, b->m - r);
    if (b->packed && b->copied)
        return ahead_rows(b->packed + r * b->words, rows, b->words * (int64_t)sizeof *b->packed);
    return ahead_rows(source(l, b, r, b->k, &n), rows, apart(l, b));
}

/* Decides where the rows of the piece from b->k on are read. */
static void begin_piece(const CpuLinear *l, Block *b, uint32_t *buffer) {
    int64_t there;
    b->kk = min64(l->piece, l->w->t.n[1] - b->k);
    b->words = l->pairs ? (b->kk + 1) / 2 : b->kk;
    b->x = (const uint32_t *)source(l, b, 0, b->k, &there);
    b->ldx = apart(l, b) / (int64_t)sizeof(float);
    if (copies_whole(l)) buffer += b->m * (l->pairs ? b->k / 2 : b->k);
    b->packed = l->pairs || there < b->kk || apart(l, b) % SETS == 0 ? buffer : NULL;
    if (b->packed) b->x = b->packed, b->ldx = b->words;
}

static int64_t all_panels(const CpuLinear *l) { return l->y.n[0] * l->row_blocks * l->panels; }

static PoolShare take(CpuLinear *l) { return pool_take(&l->taken, all_panels(l), l->panels, 1, l->most, l->threads); }

/* One panel of weights. */
typedef struct {
    const void *at;
    DType type; /* F16 or BF16: the first product widens it into the block's buffer; else F32 */
    Ahead next; /* what to prefetch: the panel after this one, if there is one */
} Panel;

static Panel panel_at(CpuLinear *l, Block *b, int64_t column, int64_t end) {
    size_t bytes;
    const void *place = K(panel_place)(l->w, column, b->k, b->kk, &bytes), *next = NULL;
    Panel p = {place, l->pairs ? F32 : l->w->t.dtype, {0}};
    if (MIXES && l->pairs) p.at = K(pairs_of)(b->buffer, l->w, column, b->k, b->kk);
    else if (!place || (p.type != F16 && p.type != BF16))
        p = (Panel){K(panel_of)(b->buffer, l->w, column, b->k, b->kk), F32, {0}};
    bool last = column + PANEL >= end;
    int64_t at = last ? b->then_column : column + PANEL, k = last ? b->then_k : b->k;
    if (last && at < 0) {
        b->then = take(l);
        if (b->then.n) at = b->then.at % l->panels * PANEL, k = 0;
    }
    if (at >= 0) next = K(panel_place)(l->w, at, k, min64(l->piece, l->w->t.n[1] - k), &bytes);
    p.next = next ? ahead_bytes(next, bytes, b->words) : ahead_bytes(p.at, 0, b->words);
    return p;
}

static void multiply(const CpuLinear *l, const Block *b, Panel *p, int64_t row, int64_t m, float *y, int64_t ldy,
                     int64_t n, Ahead next) {
    const uint32_t *x = b->x + row * b->ldx;
    y += row * ldy;
    if (MIXES && l->pairs) K(pair_product_then)(m, b->words, x, b->ldx, p->at, y, ldy, n, b->accumulate, next);
    else if (p->type == F32)
        K(panel_product_then)(m, b->kk, (const void *)x, b->ldx, p->at, y, ldy, n, b->accumulate, next);
    else {
        K(panel_product_widening)
        (m, b->kk, (const void *)x, b->ldx, p->at, p->type, b->buffer, y, ldy, n, b->accumulate, next);
        p->at = b->buffer, p->type = F32;
    }
}

/* y[m][end - column] (+)= the block's product with outputs [column, end); column: a multiple of PANEL. `fresh`: x has
 * to be copied, or prefetched, first. */
static void outputs(CpuLinear *l, Block *b, int64_t column, int64_t end, float *y, int64_t ldy, bool fresh) {
    for (int64_t j = column; j < end; j += PANEL, y += PANEL, fresh = false) {
        Panel p = panel_at(l, b, j, end);
        int64_t n = min64(PANEL, end - j), most = fresh ? AT_ONCE : b->m;
        for (int64_t i = 0; i < b->m; i += most) {
            int64_t rows = min64(most, b->m - i);
            for (int64_t r = i; fresh && b->packed && !b->copied && r < i + rows; r++) pack_row(l, b, r);
            multiply(l, b, &p, i, rows, y, ldy, n, i + rows < b->m ? rows_from(l, b, i + rows) : p.next);
        }
    }
}

/* y[m][n] = (value + bias) gelu(gate + bias), with rows of value and gate `ld` apart. */
static void gate(const CpuLinear *l, const Block *b, int64_t column, int64_t n, const float *value, const float *gates,
                 int64_t ld) {
    const float *bias = l->finish.bias ? l->finish.bias + column : NULL, *below = bias ? bias + l->y.n[2] : NULL;
    for (int64_t i = 0; i < b->m; i++, value += ld, gates += ld) {
        float *y = at2(l->y, b->picture, b->row + i) + column;
        for (int64_t j = 0; i + SOON < b->m && j < n; j += 16) __builtin_prefetch(y + SOON * l->y.s[1] + j, 1);
        K(geglu_row)(y, value, gates, bias, below, n);
    }
}

/* Outputs [column, end) of the rows of b. */
static void block(CpuLinear *l, Block *b, int64_t column, int64_t end, void *scratch) {
    int64_t all = l->w->t.n[1];
    bool gated = l->finish.e.act == ACT_GEGLU;
    /* for GEGLU: the first panel of the gates, where in it they begin, and the width of each half of a row */
    int64_t first = (l->y.n[2] + column) / PANEL * PANEL, skip = l->y.n[2] + column - first;
    int64_t half = (end - column + 2 * PANEL - 1) / PANEL * PANEL;
    float *halves = (float *)scratch + PRODUCT_K * PANEL, *rows = halves;
    if (gated) rows += l->rows * 2 * (l->most + 1) * PANEL; /* the same place for all blocks */
    b->buffer = scratch;
    float *y = at2(l->y, b->picture, b->row) + column;
    for (b->k = 0; b->k < all; b->k += l->piece) {
        begin_piece(l, b, (uint32_t *)rows);
        b->accumulate = l->finish.in_place || b->k > 0;
        if (gated) {
            b->then_column = first, b->then_k = b->k;
            outputs(l, b, column, end, halves, 2 * half, true);
        }
        bool more = b->k + l->piece < all;
        b->then_column = more ? column : -1, b->then_k = b->k + l->piece;
        if (gated) outputs(l, b, first, l->y.n[2] + end, halves + half, 2 * half, false);
        else outputs(l, b, column, end, y, l->y.s[1], true);
    }
    b->copied = copies_whole(l);
    if (gated) gate(l, b, column, end - column, halves, halves + half + skip, 2 * half);
    else K(finish)(&l->finish, y, l->y.s[1], b->picture, b->row, b->m, column, end - column);
}

static void blocks(void *arg, int64_t index, void *scratch) {
    (void)index;
    CpuLinear *l = arg;
    Block b = {.row = -1};
    for (PoolShare s = take(l); s.n; s = b.then) {
        int64_t picture = s.at / l->panels / l->row_blocks, row = s.at / l->panels % l->row_blocks * l->rows;
        if (b.picture != picture || b.row != row) b = (Block){.picture = picture, .row = row};
        b.m = min64(l->rows, l->y.n[1] - row);
        int64_t column = s.at % l->panels * PANEL;
        block(l, &b, column, min64(column + s.n * PANEL, l->y.n[2]), scratch);
    }
}

/* Pictures whose rows are all equally far apart become one picture with more rows, which leaves fewer partial tiles
 * and, if a picture is one row, reads weights once. No row's bits depend on the rows next to it (panel.h). */
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

/* Bytes that a row takes in scratch: the halves of GEGLU, and a piece of x. */
static int64_t row_bytes(const CpuLinear *l, bool gated) {
    return ((gated ? 2 * (l->most + 1) * PANEL : 0) + PRODUCT_K) * (int64_t)sizeof(float);
}

/* As many rows and outputs at once as there is scratch for, and then copies. */
static void fit_scratch(CpuLinear *l, int64_t scratch, bool gated) {
    enum { LEAST_ROWS = 60 };
    scratch -= PRODUCT_K * PANEL * (int64_t)sizeof(float);
    while (l->most > 1 && LEAST_ROWS * row_bytes(l, gated) > scratch) l->most--;
    l->rows = part_size(l->y.n[1], min64(PRODUCT_ROWS, scratch / row_bytes(l, gated) / 12 * 12), 12);
    l->copied = min64(COPIED, scratch - l->rows * row_bytes(l, gated));
    assert(l->copied >= 0);
}

static void run(Ctx *c, CpuLinear *l, const Tensor *x2) {
    Epilogue *e = &l->finish.e;
    bool gated = e->act == ACT_GEGLU;
    Tensor residual = e->residual ? *e->residual : (Tensor){0};
    if (x2) l->x2 = *x2;
    if (l->y.n[0] > 1 && !e->vector && fold_all(&l->y, &l->x, &l->x2, &residual) && e->residual)
        e->residual = &residual;
    l->piece = part_size(l->w->t.n[1], l->pairs ? 2 * PRODUCT_K : PRODUCT_K, 2);
    l->panels = (l->y.n[2] + PANEL - 1) / PANEL;
    l->most = PRODUCT_N / PANEL / (gated ? 2 : 1);
    fit_scratch(l, (int64_t)pool_scratch(c->pool), gated);
    l->row_blocks = (l->y.n[1] + l->rows - 1) / l->rows;
    l->threads = pool_threads(c->pool);
    pool_run(c->pool, min64(l->threads, all_panels(l)), blocks, l);
}

void K(linear)(Ctx *c, Tensor y, Tensor x, const Tensor *x2, const Weight *w, const Weight *b, Epilogue e) {
    CpuLinear l = {.y = y, .x = x, .w = w, .finish = finish_of(y, b, e)};
    run(c, &l, x2);
}

void K(linear_mixed)(Ctx *c, Tensor y, Tensor x, const Tensor *x2, const Weight *w, const Weight *b, Epilogue e) {
    CpuLinear l = {.y = y, .x = x, .w = w, .finish = finish_of(y, b, e), .pairs = !w->keep_f32};
    run(c, &l, x2);
}
