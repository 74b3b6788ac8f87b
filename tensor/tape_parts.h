/* tape_parts.h: what recording (tape.c), the backward pass (tape_back.c) and segments (tape_rerun.c) share. */
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

/* Inputs of a product: x, x2, residual, the old value of y, vector. */
enum { SLOT_RESIDUAL = 2, SLOT_OLD, SLOT_VECTOR, SLOTS };

typedef struct {
    Kind kind;
    bool in_place, causal; /* in_place: the op adds to y, which keeps its gradient */
    bool before[SLOTS];    /* the value is older than the segment: when run again, the op reads saved[] */
    Act act;
    int heads;
    float eps, scale, offset;
    Conv2d g;
    Tensor y, in[SLOTS]; /* data NULL: no such input */
    Tensor saved[SLOTS]; /* where the values of in[] are now; data NULL: not needed */
    const Weight *w, *b;
    int64_t copies, copies_end; /* [copies, copies_end) of Tape.copies are made before the op */
    int64_t segment;            /* -1: none */
} TapeOp;

/* A value that a backward op needs. */
typedef struct {
    Span place;
    int64_t op;
    int slot;
    bool inner; /* produced in the segment being recorded */
} Need;

/* A value about to be overwritten within a segment: copied again when the segment runs again. */
typedef struct {
    Tensor from, to;
} Copy;

/* Ops [first, end), whose memory [from, to) was given back. */
typedef struct {
    int64_t first, end;
    uintptr_t from, to;
} Segment;

struct Tape {
    TapeOp *ops;
    Need *needs;
    Copy *copies;
    Segment *segments;
    void **kept; /* copies that outlive their segment; the next step reuses their memory */
    int64_t *kept_bytes;
    int64_t count, capacity, needed, needs_capacity, copied, copies_capacity, segment_count, segments_capacity, keeps,
        keeps_capacity;
    int recompute_depth, depth; /* scopes at recompute_depth are segments; 0: none */
    bool inside;                /* a segment is being recorded: the last one */
    Spans filled;               /* where the shadow holds gradients, as addresses of the memory it shadows */
    uintptr_t from, to, shadow;
};

static inline Span span_of(Tensor t) {
    int64_t last = 0;
    for (int i = 0; i < t.nd; i++) last += (t.n[i] - 1) * t.s[i];
    uintptr_t at = (uintptr_t)t.data;
    return (Span){at, at + dtype_bytes(t.dtype, last + 1)};
}

bool tape_out_of_memory(Ctx *c);
/* Runs the ops of a segment forward once more (tape_rerun.c). */
void tape_rerun(Tape *t, Ctx *c, const Segment *s);

#endif
