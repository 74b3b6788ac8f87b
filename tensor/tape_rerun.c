/* tape_rerun.c: runs a segment's ops forward once more, because its memory was given back. Values older than the
 * segment are read where they were kept; everything else is produced again where it was. */
#include "tape_parts.h"

static Tensor input(const TapeOp *r, int slot) { return r->before[slot] ? r->saved[slot] : r->in[slot]; }

/* For an op that adds to y: gives y the value it had before the segment. */
static void restore(Ctx *c, const TapeOp *r) {
    Tensor old = r->saved[SLOT_OLD];
    if (r->in_place && r->before[SLOT_OLD] && old.data != r->y.data) c->op->affine(c, r->y, old, 1, 0);
}

static void product(Ctx *c, const TapeOp *r) {
    Tensor x = input(r, 0), x2 = input(r, 1), vector = input(r, SLOT_VECTOR), residual = input(r, SLOT_RESIDUAL);
    Epilogue e = {.vector = vector.data ? &vector : NULL, .residual = residual.data ? &residual : NULL};
    restore(c, r);
    if (r->in_place) e.residual = &r->y;
    if (r->kind == TAPE_CONV2D) c->op->conv2d(c, r->y, x, r->w, r->b, r->g, e);
    else c->op->linear(c, r->y, x, x2.data ? &x2 : NULL, r->w, r->b, e);
}

static void run(Ctx *c, const TapeOp *r) {
    const Ops *op = c->op;
    Tensor x = input(r, 0), x2 = input(r, 1);
    switch (r->kind) {
    case TAPE_LINEAR:
    case TAPE_CONV2D: product(c, r); break;
    case TAPE_GROUP_NORM:
        op->group_norm(c, r->y, x, x2.data ? &x2 : NULL, r->w, r->b, r->saved[2], r->eps, r->act);
        break;
    case TAPE_LAYER_NORM: op->layer_norm(c, r->y, x, r->w, r->b, r->eps); break;
    case TAPE_ATTENTION: op->attention(c, r->y, x, x2, input(r, 2), r->heads, r->causal); break;
    case TAPE_ACTIVATION: op->activation(c, r->y, x, r->act); break;
    case TAPE_GEGLU: op->geglu(c, r->y, x); break;
    case TAPE_AFFINE: op->affine(c, r->y, x, r->scale, r->offset); break;
    case TAPE_ADD:
        restore(c, r);
        op->backward->add(c, (Into){r->y, true}, x, 1);
        break;
    case TAPE_EMBEDDING: op->embedding(c, r->y, r->saved[0], r->w, r->b); break;
    case TAPE_TIMESTEP: op->timestep_embedding(c, r->y, r->saved[0]); break;
    case TAPE_GAUSSIAN: op->gaussian(c, r->y, x, r->saved[1], r->scale); break;
    }
}

void tape_rerun(Tape *t, Ctx *c, const Segment *s) {
    for (int64_t i = s->first; i < s->end && !c->err.code; i++) {
        const TapeOp *r = &t->ops[i];
        for (int64_t k = r->copies; k < r->copies_end; k++) c->op->affine(c, t->copies[k].to, t->copies[k].from, 1, 0);
        run(c, r);
    }
}
