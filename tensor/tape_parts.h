/* tape_parts.h: what recording (tape.c) and the way back (tape_back.c) share. */
#ifndef SD_TENSOR_TAPE_PARTS_H
#define SD_TENSOR_TAPE_PARTS_H

#include "backward.h"
#include "spans.h"
#include "tape.h"

typedef enum {
    TAPE_LINEAR,
    TAPE_CONV2D,
    TAPE_GROUP_NORM,
    TAPE_LAYER_NORM,
    TAPE_ATTENTION,
    TAPE_ACTIVATION,
    TAPE_GEGLU,
    TAPE_AFFINE,
    TAPE_ADD,
    TAPE_EMBEDDING,
    TAPE_TIMESTEP,
    TAPE_GAUSSIAN,
} Kind;

/* Inputs of products: x, x2, residual, what y held, vector. */
enum { SLOT_RESIDUAL = 2, SLOT_OLD, SLOT_VECTOR, SLOTS };

typedef struct {
    Kind kind;
    bool in_place, causal; /* in_place: y was added to, and keeps its gradient */
    bool before[SLOTS];    /* the value is older than the segment: run again, the op finds it in saved[] */
    Act act;
    int heads;
    float eps, scale, offset;
    Conv2d g;
    Tensor y, in[SLOTS]; /* data NULL: no such input */
    Tensor saved[SLOTS]; /* where the values of in[] are now; data NULL: not needed */
    const Weight *w, *b;
    int64_t copies, copies_end; /* Copy's that come before the op */
    int64_t segment;            /* -1: none */
} TapeOp;

/* A value that some op needs. */
typedef struct {
    Span place;
    int64_t op;
    int slot;
    bool inner; /* made within the segment that is being recorded */
} Need;

/* A value that was about to be overwritten within a segment: copied anew whenever that runs again. */
typedef struct {
    Tensor from, to;
} Copy;

/* Ops [first, end), whose memory [from, ..) was given back. */
typedef struct {
    int64_t first, end;
    uintptr_t from, to;
} Segment;

struct Tape {
    TapeOp *ops;
    Need *needs;
    Copy *copies;
    Segment *segments;
    void **kept; /* copies that outlive their segment; used again by the next step */
    int64_t *kept_bytes;
    int64_t count, room, needed, needs_room, copied, copies_room, cut, segments_room, keeps, keeps_room;
    int cut_depth, depth; /* scopes of that depth are segments; 0: none */
    bool inside;          /* the last segment is being recorded */
    Spans filled;         /* where the shadow holds gradients, in terms of the memory that it shadows */
    uintptr_t from, to, shadow;
};

static inline Span span_of(Tensor t) {
    int64_t last = 0;
    for (int i = 0; i < t.nd; i++) last += (t.n[i] - 1) * t.s[i];
    uintptr_t at = (uintptr_t)t.data;
    return (Span){at, at + dtype_bytes(t.dtype, last + 1)};
}

bool tape_out_of_memory(Ctx *c);
/* tape_again.c: the ops of a segment once more, forward. */
void tape_again(Tape *t, Ctx *c, const Segment *s);

#endif
