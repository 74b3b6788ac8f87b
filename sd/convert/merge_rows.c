/* merge_rows.c: the numbers of a merged tensor, a piece at a time on every thread. */
#include "merge_internal.h"
#include "merge_math.h"

#include "tensor/half.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PIECE = 1 << 15, PIECES = 8 /* computed at once, written in order */, MERGED_CHANNELS = 4 };

typedef struct {
    int64_t first, count, not_finite;
    Error e;
    double beyond; /* a number that the new type cannot hold; 0: none */
    double a[PIECE], b[PIECE], c[PIECE];
    double raw[PIECE]; /* as wide as the widest type */
} Piece;

typedef struct {
    const Merge *m;
    const MergeRow *row;
    Piece *pieces;
} Pieces;

static bool read(double *out, Piece *p, const StateTensor *t, int64_t first, int64_t count) {
    if (!state_read(t, first, count, p->raw, &p->e)) return false;
    merge_widen(out, p->raw, t->type, count);
    return true;
}

/* a becomes the sum. */
static void sum(const Merge *m, const MergeRow *r, double *a, const double *b, const double *c, int64_t n) {
    double ratio = m->how->ratio;
    if (m->how->mode == SD_MERGE_WEIGHTED) merge_weighted(a, a, r->a->type, b, r->b->type, ratio, n);
    else merge_difference(a, a, r->a->type, b, r->b->type, r->c ? c : NULL, r->c ? r->c->type : F32, ratio, n);
}

/* The first four of an output's input channels, as far as they lie in the piece; B has no others. */
static bool sum_channels(const Merge *m, const MergeRow *r, Piece *p) {
    int64_t taps = r->a->n[2] * r->a->n[3], each = r->a->n[1] * taps, merged = MERGED_CHANNELS * taps;
    for (int64_t at = 0; at < p->count;) {
        int64_t output = (p->first + at) / each, inside = (p->first + at) % each;
        int64_t left = each - inside < p->count - at ? each - inside : p->count - at;
        int64_t n = inside < merged ? (merged - inside < left ? merged - inside : left) : 0;
        if (n && (!read(p->b, p, r->b, output * merged + inside, n) ||
                  (r->c && !read(p->c, p, r->c, output * merged + inside, n))))
            return false;
        sum(m, r, p->a + at, p->b, p->c, n);
        at += left;
    }
    return true;
}

/* Counts what is not finite, and finds what becomes infinite only by narrowing. */
static void look(Piece *p, const MergeRow *r, const double *v) {
    for (int64_t i = 0; i < p->count; i++) {
        if (!isfinite(v[i])) p->not_finite++;
        else if (r->type == F16 && r->sum != F16 && fabs(v[i]) >= 65520 && !p->beyond) p->beyond = v[i];
    }
}

static void compute(void *arg, int64_t index, void *scratch) {
    const Pieces *all = arg;
    const MergeRow *r = all->row;
    Piece *p = &all->pieces[index];
    p->not_finite = 0;
    p->beyond = 0;
    if (r->kind == ROW_KEEP && r->type == r->a->type) { /* any type, as it is */
        state_read(r->a, p->first, p->count, p->raw, &p->e);
        if (p->e.code || !merge_has_type(r->type)) return;
        merge_widen(p->a, p->raw, r->type, p->count);
        look(p, r, p->a);
        return;
    }
    if (!read(p->a, p, r->a, p->first, p->count)) return;
    if (r->kind == ROW_SUM) {
        if (!read(p->b, p, r->b, p->first, p->count) || (r->c && !read(p->c, p, r->c, p->first, p->count))) return;
        sum(all->m, r, p->a, p->b, p->c, p->count);
    } else if (r->kind == ROW_SUM_4) {
        if (!sum_channels(all->m, r, p)) return;
        merge_narrow(p->raw, p->a, r->sum, p->count); /* into A's tensor, of A's type */
        merge_widen(p->a, p->raw, r->sum, p->count);
    }
    if (r->kind == ROW_CHANGED) merge_changed(all->m, r, p->first, p->count, p->a, scratch);
    look(p, r, p->a);
    merge_narrow(p->raw, p->a, r->type, p->count);
}

static bool finish(Merge *m, const MergeRow *r, const Piece *p, StWriter *w, Error *e) {
    if (p->e.code) return error_set(e, p->e.code, "%s", p->e.text);
    if (p->beyond)
        return error_set(e, ERR_FORMAT, "%s: %s holds %.7g, more than F16 can (65504); leave --half out", m->out,
                         r->a->name, p->beyond);
    if (p->not_finite && !m->done->not_finite) snprintf(m->done->tensor, sizeof m->done->tensor, "%.190s", r->a->name);
    m->done->not_finite += p->not_finite;
    return st_write_data(w, p->raw, dtype_bytes(r->type, p->count), e);
}

bool merge_write_row(Merge *m, const MergeRow *row, StWriter *w, Error *e) {
    Pieces all = {m, row, calloc(PIECES, sizeof *all.pieces)};
    if (!all.pieces) return error_set(e, ERR_MEMORY, "%s: out of memory for merging", m->out);
    int64_t total = state_elements(row->a);
    bool ok = true;
    for (int64_t at = 0; ok && at < total;) {
        int count = 0;
        for (; count < PIECES && at < total; count++) {
            Piece *p = &all.pieces[count];
            p->first = at;
            p->count = total - at < PIECE ? total - at : PIECE;
            at += p->count;
        }
        pool_run(m->models[0]->pool, count, compute, &all);
        for (int i = 0; ok && i < count; i++) ok = finish(m, row, &all.pieces[i], w, e);
    }
    free(all.pieces);
    state_drop(row->a);
    if (row->b) state_drop(row->b);
    if (row->c) state_drop(row->c);
    return ok;
}
