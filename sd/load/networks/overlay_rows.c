/* overlay_rows.c: the changed rows of a weight. */
#include "overlay_internal.h"

#include "tensor/half.h"
#include "tensor/row_ops.h"
#include "tensor/thread_pool.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A row with all that a change of it needs, so that what is left of a thread's scratch decides how many are made. */
int64_t overlay_most_rows(const OverlaySource *s) {
    int64_t most = (int64_t)(SCRATCH_BYTES / 4 / sizeof(float)) / s->columns;
    return most > OVERLAY_ROWS ? OVERLAY_ROWS : most < 1 ? 1 : most;
}

float overlay_round(DType type, float x) {
    return type == F16 ? f16_to_f32(f32_to_f16(x)) : type == BF16 ? bf16_to_f32(f32_to_bf16(x)) : x;
}

/* --- DoRA --- */

/* Which norms the magnitudes replace: those of inputs (the webui, LyCORIS), [1,I,...], or of outputs (PEFT's, [O] or
 * [1,O,1,1]; LyCORIS' wd_on_out, [O,1,...]). */
static bool by_columns(const Delta *d) {
    const FileTensor *t = d->module->part[NET_DORA];
    return !d->module->of_outputs && t->nd > 1 && t->n[0] == 1 && file_tensor_count(t) == d->columns / d->taps;
}

float overlay_scale(const Delta *d) {
    return d->role == NET_ROLES || d->role == NET_UP_BIAS ? (float)d->module->scale : 1;
}

/* What the module adds, before it is scaled. */
static void own_tile(const Change *c, int64_t column, int64_t columns, float *out) {
    const Delta *d = c->d;
    bool bias = d->role != NET_ROLES;
    if (!bias) OVERLAY_KINDS[d->module->kind].tile(c, column, columns, out);
    for (int64_t r = 0; bias && r < c->rows; r++)
        file_tensor_read(d->network->file, d->module->part[d->role], c->first + r, 1, F32, out + r * TILE);
}

/* The same scaled; before DoRA. */
static void scaled_tile(const Change *c, int64_t column, int64_t columns, float *out) {
    const Delta *d = c->d;
    float scale = overlay_scale(d);
    own_tile(c, column, columns, out);
    for (int64_t r = 0; r < c->rows; r++)
        for (int64_t k = 0; k < columns; k++) {
            float x = overlay_round(d->round, out[r * TILE + k]);
            out[r * TILE + k] = scale == 1 ? x : overlay_round(d->round, x * scale);
        }
}

static int64_t tile_width(const Delta *d, int64_t column) {
    return d->columns - column < TILE ? d->columns - column : TILE;
}

/* The rows' norms into norms[rows], or their squares added to those of the inputs, norms[columns / taps]. */
static void add_norms(const Change *c, double *squares, bool columns_too) {
    const Delta *d = c->d;
    Room room = c->room;
    float *tile = room_take(&room, c->rows * TILE);
    Change inner = *c;
    inner.room = room;
    for (int64_t at = 0, n; at < d->columns; at += n) {
        n = tile_width(d, at);
        scaled_tile(&inner, at, n, tile);
        for (int64_t r = 0; r < c->rows; r++)
            for (int64_t k = 0; k < n; k++) {
                double v = (double)(c->w[r * c->stride + at + k] + tile[r * TILE + k]);
                squares[columns_too ? (at + k) / d->taps : r] += v * v;
            }
    }
}

/* w becomes w + multiplier ((w + change) magnitude / norm - w). */
static void decompose(const Change *c, float *w, const float *magnitudes, const float *norms, int64_t at, int64_t n,
                      const float *tile, bool columns_too) {
    const Delta *d = c->d;
    for (int64_t r = 0; r < c->rows; r++)
        for (int64_t k = 0; k < n; k++) {
            float *to = &w[r * c->stride + at + k];
            int64_t i = columns_too ? (at + k) / d->taps : r;
            float v = overlay_round(d->round, *to + tile[r * TILE + k]);
            float change = overlay_round(d->round, v * overlay_round(d->round, magnitudes[i] / norms[i])) - *to;
            change = overlay_round(d->round, overlay_round(d->round, change) * d->multiplier);
            *to = overlay_round(d->round, *to + change);
        }
}

/* --- one change --- */

static void add_tile(const Change *c, float *w, int64_t at, int64_t n, float *tile) {
    const Delta *d = c->d;
    if (d->round == F32) {
        const RowOps *ops = cpu_row_ops();
        own_tile(c, at, n, tile);
        for (int64_t r = 0; r < c->rows; r++)
            ops->add_scaled(&w[r * c->stride + at], &tile[r * TILE], n, overlay_scale(d), d->multiplier);
        return;
    }
    scaled_tile(c, at, n, tile);
    for (int64_t r = 0; r < c->rows; r++)
        for (int64_t k = 0; k < n; k++) {
            float *to = &w[r * c->stride + at + k];
            *to = overlay_round(d->round, *to + overlay_round(d->round, tile[r * TILE + k] * d->multiplier));
        }
}

static void add_change(Change *c, float *w) {
    const Delta *d = c->d;
    const NetworkModule *m = d->module;
    const OverlayKind *kind = &OVERLAY_KINDS[m->kind];
    const FileTensor *dora = d->role != NET_ROLES ? NULL : m->part[NET_DORA];
    bool columns_too = dora && by_columns(d);
    float *magnitudes = NULL, *norms = d->norms;
    if (kind->begin && d->role == NET_ROLES) kind->begin(c);
    if (dora) {
        int64_t count = columns_too ? d->columns / d->taps : c->rows;
        magnitudes = room_take(&c->room, count);
        file_tensor_read(d->network->file, dora, columns_too ? 0 : c->first, count, F32, magnitudes);
    }
    if (dora && !columns_too) {
        double *squares = room_take_doubles(&c->room, OVERLAY_ROWS);
        norms = room_take(&c->room, OVERLAY_ROWS);
        memset(squares, 0, (size_t)c->rows * sizeof *squares);
        add_norms(c, squares, false);
        for (int64_t r = 0; r < c->rows; r++) norms[r] = (float)sqrt(squares[r]);
    }
    float *tile = room_take(&c->room, c->rows * TILE);
    for (int64_t at = 0, n; at < d->columns; at += n) {
        n = tile_width(d, at);
        if (!dora) {
            add_tile(c, w, at, n, tile);
            continue;
        }
        scaled_tile(c, at, n, tile);
        decompose(c, w, magnitudes, norms, at, n, tile, columns_too);
    }
}

/* The rows of this weight that a change is of. */
static bool overlap(const Delta *d, int64_t *first, int64_t *rows) {
    int64_t end = *first + *rows, last = d->first + d->rows;
    if (*first < d->first) *first = d->first;
    *rows = (end < last ? end : last) - *first;
    return *rows > 0;
}

/* The rows of a weight after the first d.count changes, out[rows * columns]. */
static void make_rows(Deltas d, const OverlaySource *s, int64_t first, int64_t rows, float *out, Room room) {
    s->rows(s->user, first, rows, out);
    for (int i = 0; i < d.count; i++) {
        int64_t from = first, n = rows;
        if (!overlap(&d.at[i], &from, &n)) continue;
        float *w = out + (from - first) * s->columns;
        Change c = {.d = &d.at[i],
                    .before = {d.at, i},
                    .source = s,
                    .first = from - d.at[i].first,
                    .rows = n,
                    .w = w,
                    .stride = s->columns,
                    .other_rows = make_rows,
                    .room = room};
        add_change(&c, w);
    }
}

/* --- thin changes alone: each in one pass --- */

/* What a change makes of rows that lie whole in it. */
static void change_rows(const Delta *d, const Product *p, ThinChange c, int64_t first, Room room) {
    /* numbers of b, and at least TILE columns of it; not all of its rows in the same place of a cache */
    enum { CACHED = 1 << 14, APART = 16 };
    int64_t most = CACHED / p->limit > TILE ? CACHED / p->limit : TILE;
    float *a = room_take(&room, c.rows * p->rank), *b = room_take(&room, p->limit * (most + APART));
    product_left(p, first - d->first, c.rows, a);
    c.a = a, c.b = b, c.lda = p->rank, c.ldb = most + APART, c.count = p->limit, c.scale = overlay_scale(d),
    c.factor = d->multiplier;
    for (int64_t at = 0; at < d->columns; at += c.columns) {
        ThinChange tile = c;
        tile.columns = c.columns = d->columns - at < most ? d->columns - at : most;
        tile.in = (const char *)c.in + dtype_bytes(c.from, at);
        tile.out = (char *)c.out + dtype_bytes(c.to, at);
        product_right(p, 0, p->limit, at, tile.columns, b, c.ldb);
        cpu_row_ops()->change(&tile);
    }
}

float *overlay_rows(Deltas d, const OverlaySource *s, int64_t first, int64_t rows, void *scratch) {
    Room room = {scratch};
    float *out = room_take(&room, rows * s->columns);
    make_rows(d, s, first, rows, out, room);
    return out;
}

/* Whether all changes of these rows are such, of whole rows. */
static bool all_thin(Deltas d, const OverlaySource *s, int64_t first, int64_t rows) {
    Product p;
    bool all = s->stored != NULL;
    for (int i = 0; all && i < d.count; i++) {
        const Delta *one = &d.at[i];
        all = overlay_is_thin(one, &p) && one->columns == s->columns && first >= one->first &&
              first + rows <= one->first + one->rows;
    }
    return all;
}

void overlay_rows_as(Deltas d, const OverlaySource *s, int64_t first, int64_t rows, DType type, void *out,
                     void *scratch) {
    Room room = {scratch};
    float *wide = room_take(&room, rows * s->columns);
    if (!all_thin(d, s, first, rows)) {
        make_rows(d, s, first, rows, wide, room);
        cpu_row_ops()->narrow(out, wide, type, rows * s->columns);
        return;
    }
    const void *in = (const char *)s->stored + dtype_bytes(s->type, first * s->columns);
    ThinChange c = {.in = in, .from = s->type, .rows = rows, .ld = s->columns};
    for (int i = 0; i < d.count; i++, c.in = wide, c.from = F32) {
        Product p;
        bool last = i + 1 == d.count;
        c.to = last ? type : F32, c.out = last ? out : wide;
        overlay_is_thin(&d.at[i], &p);
        change_rows(&d.at[i], &p, c, first, room);
    }
}

/* --- what needs the whole weight --- */

static bool make_norms(Deltas d, int index, const OverlaySource *s, void *scratch) {
    Delta *one = &d.at[index];
    int64_t inputs = one->columns / one->taps, most = overlay_most_rows(s);
    double *squares = calloc((size_t)inputs, sizeof *squares);
    one->norms = malloc((size_t)inputs * sizeof *one->norms);
    bool ok = squares && one->norms;
    for (int64_t at = 0, n; ok && at < one->rows; at += n) {
        n = one->rows - at < most ? one->rows - at : most;
        Room room = {scratch};
        float *w = room_take(&room, n * s->columns);
        make_rows((Deltas){d.at, index}, s, one->first + at, n, w, room);
        Change c = {.d = one,
                    .before = {d.at, index},
                    .source = s,
                    .first = at,
                    .rows = n,
                    .w = w,
                    .stride = s->columns,
                    .other_rows = make_rows,
                    .room = room};
        if (OVERLAY_KINDS[one->module->kind].begin) OVERLAY_KINDS[one->module->kind].begin(&c);
        add_norms(&c, squares, true);
    }
    for (int64_t i = 0; ok && i < inputs; i++) one->norms[i] = (float)sqrt(squares[i]);
    if (!ok) free(one->norms), one->norms = NULL;
    free(squares);
    return ok;
}

bool overlay_begin(Deltas d, const OverlaySource *s, void *scratch) {
    for (int i = 0; i < d.count; i++) {
        Delta *one = &d.at[i];
        const OverlayKind *kind = &OVERLAY_KINDS[one->module->kind];
        if (one->role != NET_ROLES) continue;
        if (kind->prepare && !one->rotations && !kind->prepare(one)) return false;
        if (one->module->part[NET_DORA] && by_columns(one) && !one->norms && !make_norms(d, i, s, scratch))
            return false;
    }
    return true;
}
