/* tape.c: recording. See tape.h. */
#include "tape_parts.h"

#include <assert.h>
#include <stdlib.h>

Tape *tape_new(void) { return calloc(1, sizeof(Tape)); }

void tape_free(Tape *t) {
    if (!t) return;
    for (int64_t i = 0; i < t->keeps_capacity; i++) free(t->kept[i]);
    free(t->kept);
    free(t->kept_bytes);
    spans_free(&t->filled);
    free(t->segments);
    free(t->copies);
    free(t->ops);
    free(t->needs);
    free(t);
}

void tape_recompute_at(Tape *t, int depth) { t->recompute_depth = depth; }

bool tape_out_of_memory(Ctx *c) {
    return error_set(&c->err, ERR_MEMORY, "out of memory for the tape of a training step");
}

/* Room for one more element of a list. */
static bool grow(Ctx *c, void **list, int64_t count, int64_t *capacity, size_t size) {
    if (count < *capacity) return true;
    int64_t more = *capacity ? 2 * *capacity : 1024;
    void *p = realloc(*list, (size_t)more * size);
    if (!p) return tape_out_of_memory(c);
    *list = p;
    *capacity = more;
    return true;
}

static TapeOp *push(Ctx *c, Kind kind, Tensor y) {
    Tape *t = c->tape;
    if (!grow(c, (void **)&t->ops, t->count, &t->capacity, sizeof *t->ops)) return NULL;
    t->ops[t->count] = (TapeOp){.kind = kind, .y = y, .copies = t->copied, .copies_end = t->copied};
    t->ops[t->count].segment = t->inside ? t->segment_count : -1;
    return &t->ops[t->count++];
}

/* --- segments --- */

static void begin_scope(Ctx *c) {
    Tape *t = c->tape;
    if (++t->depth != t->recompute_depth || t->inside) return;
    if (!grow(c, (void **)&t->segments, t->segment_count, &t->segments_capacity, sizeof *t->segments)) return;
    t->segments[t->segment_count] = (Segment){.first = t->count, .from = (uintptr_t)c->arena->base + c->arena->used};
    t->inside = true;
}

static bool end_scope(Ctx *c) {
    Tape *t = c->tape;
    if (t->depth-- != t->recompute_depth || !t->inside) return false;
    Segment *s = &t->segments[t->segment_count++];
    s->end = t->count;
    s->to = (uintptr_t)c->arena->base + c->arena->used;
    if (s->to > t->to) t->to = s->to;
    t->inside = false;
    int64_t n = 0; /* values produced inside are produced again: no one else needs them */
    for (int64_t i = 0; i < t->needed; i++)
        if (!t->needs[i].inner) t->needs[n++] = t->needs[i];
    t->needed = n;
    return true;
}

static const ScopeHook SCOPES = {begin_scope, end_scope};

void tape_start(Tape *t, Ctx *c) {
    assert(c->arena->base && c->op->backward);
    t->count = t->needed = t->copied = t->segment_count = t->keeps = 0;
    t->depth = 0;
    t->inside = false;
    t->filled.count = 0;
    t->from = t->to = (uintptr_t)c->arena->base + c->arena->used;
    c->tape = t;
    c->scopes = &SCOPES;
}

static bool overlap(Span a, Span b) { return a.from < b.to && b.from < a.to; }

/* Whether the current value of x was produced in the segment being recorded. */
static bool made_within(const Tape *t, Tensor x) {
    if (!t->inside) return false;
    const Segment *s = &t->segments[t->segment_count];
    if ((uintptr_t)x.data >= s->from) return true;
    for (int64_t i = s->first; i < t->count - 1; i++)
        if (overlap(span_of(t->ops[i].y), span_of(x))) return true;
    return false;
}

/* Memory for a value that outlives its segment. */
static Tensor kept_new(Ctx *c, Tensor like) {
    Tape *t = c->tape;
    int64_t before = t->keeps_capacity, bytes = (int64_t)tensor_bytes(like);
    Tensor copy = tensor_view(NULL, like.dtype, like.nd, like.n);
    if (!grow(c, (void **)&t->kept, t->keeps, &t->keeps_capacity, sizeof *t->kept)) return copy;
    if (before != t->keeps_capacity) {
        int64_t *sizes = realloc(t->kept_bytes, (size_t)t->keeps_capacity * sizeof *sizes);
        if (sizes) t->kept_bytes = sizes;
        for (int64_t i = before; i < t->keeps_capacity; i++) t->kept[i] = NULL;
        for (int64_t i = before; sizes && i < t->keeps_capacity; i++) sizes[i] = 0;
        if (!sizes) return tape_out_of_memory(c), copy;
    }
    int64_t k = t->keeps++;
    if (t->kept_bytes[k] < bytes) {
        free(t->kept[k]);
        t->kept[k] = aligned_alloc(64, (size_t)(bytes + 63) / 64 * 64);
        t->kept_bytes[k] = t->kept[k] ? bytes : 0;
    }
    copy.data = t->kept[k];
    if (!copy.data) tape_out_of_memory(c);
    return copy;
}

/* --- needs --- */

/* Input `slot` of the newest op is x. `back`: the backward pass needs its value; else only running the op again does.
 */
static void need(Ctx *c, int slot, Tensor x, bool back) {
    Tape *t = c->tape;
    TapeOp *r = &t->ops[t->count - 1];
    r->in[slot] = x;
    if (!x.data || (!back && !t->inside)) return;
    if (!grow(c, (void **)&t->needs, t->needed, &t->needs_capacity, sizeof *t->needs)) return;
    bool inner = made_within(t, x);
    r->saved[slot] = x;
    r->before[slot] = t->inside && !inner;
    if (inner && !back) return; /* running the segment again produces it */
    t->needs[t->needed++] = (Need){span_of(x), t->count - 1, slot, inner};
}

static bool same_view(Tensor a, Tensor b) {
    if (a.data != b.data || !tensor_same_shape(a, b)) return false;
    for (int i = 0; i < a.nd; i++)
        if (a.s[i] != b.s[i]) return false;
    return true;
}

static Tensor *saved_of(Tape *t, const Need *n) { return &t->ops[n->op].saved[n->slot]; }

/* The newest op is about to write y: copies the needed values stored there. */
static void before_write(Ctx *c, Tensor y) {
    Tape *t = c->tape;
    Span place = span_of(y);
    for (int64_t i = 0; i < t->needed && !c->err.code; i++) {
        if (!overlap(t->needs[i].place, place)) continue;
        Tensor old = *saved_of(t, &t->needs[i]), copy;
        bool again = t->needs[i].inner;
        assert(old.dtype == F32);
        /* on the way back a segment uses its memory of the arena again: a value that outlives it must not lie there */
        copy = t->recompute_depth && !again ? kept_new(c, old) : tensor_new(c, old.nd, old.n);
        if (again && grow(c, (void **)&t->copies, t->copied, &t->copies_capacity, sizeof *t->copies)) {
            t->copies[t->copied++] = (Copy){old, copy};
            t->ops[t->count - 1].copies_end = t->copied;
        }
        if (c->err.code) return;
        c->op->affine(c, copy, old, 1, 0);
        for (int64_t j = i; j < t->needed; j++)
            if (same_view(*saved_of(t, &t->needs[j]), old)) {
                *saved_of(t, &t->needs[j]) = copy;
                t->needs[j].place = span_of(copy);
            }
    }
}

/* --- ops --- */

static Tensor of(const Tensor *t) { return t ? *t : (Tensor){0}; }

static TapeOp *product(Ctx *c, Kind kind, Tensor y, Tensor x, const Tensor *x2, const Weight *w, const Weight *b,
                       Epilogue e) {
    TapeOp *r = push(c, kind, y);
    if (!r) return NULL;
    assert(e.act == ACT_NONE);
    r->w = w;
    r->b = b;
    r->in_place = e.residual && e.residual->data == y.data;
    need(c, 0, x, w->grad);
    need(c, 1, of(x2), w->grad);
    need(c, SLOT_VECTOR, of(e.vector), false);
    if (r->in_place) need(c, SLOT_OLD, y, false);
    else need(c, SLOT_RESIDUAL, of(e.residual), false);
    return r;
}

void tape_linear(Ctx *c, Tensor y, Tensor x, const Tensor *x2, const Weight *w, const Weight *b, Epilogue e) {
    if (product(c, TAPE_LINEAR, y, x, x2, w, b, e)) before_write(c, y);
}

void tape_conv2d(Ctx *c, Tensor y, Tensor x, const Weight *w, const Weight *b, Conv2d g, Epilogue e) {
    TapeOp *r = product(c, TAPE_CONV2D, y, x, NULL, w, b, e);
    if (!r) return;
    r->g = g;
    before_write(c, y);
}

/* An op with one input, whose value the backward pass needs. */
static TapeOp *unary(Ctx *c, Kind kind, Tensor y, Tensor x) {
    TapeOp *r = push(c, kind, y);
    if (r) need(c, 0, x, true);
    return r;
}

void tape_group_norm(Ctx *c, Tensor y, Tensor x, const Tensor *x2, const Weight *w, const Weight *b, Tensor parts,
                     float eps, Act act) {
    TapeOp *r = unary(c, TAPE_GROUP_NORM, y, x);
    if (!r) return;
    need(c, 1, of(x2), true);
    r->saved[2] = parts; /* memory that only this op writes */
    r->w = w;
    r->b = b;
    r->eps = eps;
    r->act = act;
    before_write(c, y);
}

void tape_layer_norm(Ctx *c, Tensor y, Tensor x, const Weight *w, const Weight *b, float eps) {
    TapeOp *r = unary(c, TAPE_LAYER_NORM, y, x);
    if (!r) return;
    r->w = w;
    r->b = b;
    r->eps = eps;
    before_write(c, y);
}

void tape_attention(Ctx *c, Tensor o, Tensor q, Tensor k, Tensor v, int heads, bool causal) {
    TapeOp *r = unary(c, TAPE_ATTENTION, o, q);
    if (!r) return;
    r->heads = heads;
    r->causal = causal;
    need(c, 1, k, true);
    need(c, 2, v, true);
    before_write(c, o);
    Tape *t = c->tape; /* the output is needed, too; if it is overwritten later, a copy will do */
    if (c->err.code || !grow(c, (void **)&t->needs, t->needed, &t->needs_capacity, sizeof *t->needs)) return;
    r->in[3] = r->saved[3] = o;
    t->needs[t->needed++] = (Need){span_of(o), t->count - 1, 3, t->inside};
}

void tape_activation(Ctx *c, Tensor y, Tensor x, Act act) {
    TapeOp *r = unary(c, TAPE_ACTIVATION, y, x);
    if (!r) return;
    r->act = act;
    before_write(c, y);
}

void tape_geglu(Ctx *c, Tensor y, Tensor x) {
    if (unary(c, TAPE_GEGLU, y, x)) before_write(c, y);
}

void tape_affine(Ctx *c, Tensor y, Tensor x, float scale, float offset) {
    TapeOp *r = push(c, TAPE_AFFINE, y);
    if (!r) return;
    r->scale = scale;
    r->offset = offset;
    need(c, 0, x, false);
    before_write(c, y);
}

void tape_add(Ctx *c, Tensor y, Tensor x) {
    TapeOp *r = push(c, TAPE_ADD, y);
    if (!r) return;
    r->in_place = true;
    need(c, 0, x, false);
    need(c, SLOT_OLD, y, false);
    before_write(c, y);
}

void tape_embedding(Ctx *c, Tensor y, Tensor ids, const Weight *table, const Weight *positions) {
    TapeOp *r = push(c, TAPE_EMBEDDING, y);
    if (!r) return;
    r->saved[0] = ids; /* the caller's, who does not change them */
    r->w = table;
    r->b = positions;
    before_write(c, y);
}

void tape_timestep(Ctx *c, Tensor y, Tensor times) {
    TapeOp *r = push(c, TAPE_TIMESTEP, y);
    if (!r) return;
    r->saved[0] = times; /* the caller's */
    before_write(c, y);
}

void tape_gaussian(Ctx *c, Tensor z, Tensor moments, Tensor noise, float scale) {
    TapeOp *r = unary(c, TAPE_GAUSSIAN, z, moments);
    if (!r) return;
    r->saved[1] = noise; /* the caller's */
    r->scale = scale;
    before_write(c, z);
}
