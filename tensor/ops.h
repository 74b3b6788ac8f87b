/* ops.h: the op seam. A port to a new machine rewrites one table, `Ops`; everything above it is written once.
 *
 * Layers call the op_* wrappers, never the table. A wrapper checks shapes (a wrong one is a programming error), does
 * nothing if the context holds an error, lets a tape record the op, and calls the backend. Fused forms (epilogues, a
 * second source, up-sampling while reading) are part of an op's contract, and are defined by the plain ops they
 * replace.
 *
 * Order of arguments: context, outputs, inputs, weights, scalars. A pointer to a Tensor may be NULL. */
#ifndef SD_TENSOR_OPS_H
#define SD_TENSOR_OPS_H

#include "ctx.h"
#include "tensor.h"
#include "weight.h"

typedef enum {
    ACT_NONE,
    ACT_SILU,       /* x sigmoid(x) */
    ACT_GELU,       /* x Phi(x), exact erf */
    ACT_QUICK_GELU, /* x sigmoid(1.702 x), CLIP ViT-L */
    ACT_TANH,       /* tanh x */
    ACT_LEAKY_RELU, /* x where it is positive, else x / 5 (a slope of 0.2: ESRGAN's) */
    ACT_GEGLU,      /* op_linear only: y[N,T,C] = value gelu(gate), from a product [N,T,2C] that is value, then gate */
} Act;

/* What happens to a product before it is stored, in this order: + per-picture vector, activation, + residual, ReLU. */
typedef struct {
    const Tensor *vector; /* [N,C], added to every row of picture n (the time embedding), or NULL */
    Act act;
    const Tensor *residual; /* shape of y, or NULL; may be y itself */
    bool relu;              /* at last max(0, .), NaN staying NaN; not while a tape records */
} Epilogue;

typedef struct {
    int stride;
    int pad_top, pad_left; /* rows and columns of zeros before the picture; after it, as many as y's size needs */
    int64_t up_h, up_w;    /* x is read as if resized to up_h x up_w by nearest neighbour; 0: as it is */
    int64_t whole_h; /* full output height when y is only part of it: y starts at a row divisible by 4, x holds the
                      * input rows it needs. 0: y is the whole output */
} Conv2d;

enum { GROUP_NORM_PIXELS = 64 }; /* every backend sums statistics over blocks of this many pixels */

typedef struct BackwardOps BackwardOps;

struct Ops {
    const char *name;
    DType type;            /* of activations */
    bool rows_independent; /* a row's bits do not depend on which rows share the call, so maps may be computed in strips
                            * (ctx.h: strip; of a convolution's output, strips that start at a row divisible by 4) */
    bool exact; /* its f32 results have the bits of the specification (ARCHITECTURE.md, "The same bits"), which are
                 * those of every other such table, on any machine */
    const GpuMemory *memory;     /* NULL: it works in host memory */
    const BackwardOps *backward; /* backward.h; NULL: it cannot train */
    /* What loading does once so that ops need not do it every time: NULL, or as weight_prepared_bytes and
     * weight_prepare in tensor/prepare.h. Ops read a weight's `prepared` form if it has one, else t.data. A table with
     * its own memory prepares every weight into that; `to` is then there. */
    size_t (*prepared_bytes)(const Weight *w, DType type);
    void (*prepare)(Weight *w, DType type, const void *from, bool torch_order, void *to);
    /* y[N,T,O] = epilogue(x[N,T,K] w[O,K]^T + b[O]). With x2 the input is the concatenation of x and x2 along
     * channels (a skip connection), which is never stored. */
    void (*linear)(Ctx *, Tensor y, Tensor x, const Tensor *x2, const Weight *w, const Weight *b, Epilogue);
    /* y[N,Ho,Wo,O] = epilogue(correlation of x[N,H,W,I] with w[O,kh,kw,I] + b[O]) */
    void (*conv2d)(Ctx *, Tensor y, Tensor x, const Weight *w, const Weight *b, Conv2d, Epilogue);
    /* y[N,T,C+C2] = act((x - mean) / sqrt(var + eps) * w + b), mean and biased variance over T x (C+C2)/groups;
     * x2 as in linear. parts: F64 [N,blocks,groups,2], for the partial statistics of blocks of
     * GROUP_NORM_PIXELS pixels. */
    void (*group_norm)(Ctx *, Tensor y, Tensor x, const Tensor *x2, const Weight *w, const Weight *b, Tensor parts,
                       float eps, Act act);
    /* The same in three steps, for maps that are normalised strip by strip (NULL unless rows_independent): the parts of
     * blocks of pixels of x and x2; from all parts of a map of `pixels` pixels and `width` channels per group, stats
     * F64 [N,groups,2] (mean, 1 / sqrt(var + eps)); and y, for any rows of the map. */
    void (*group_sums)(Ctx *, Tensor parts, Tensor x, const Tensor *x2);
    void (*group_stats)(Ctx *, Tensor stats, Tensor parts, int64_t pixels, int64_t width, float eps);
    void (*group_apply)(Ctx *, Tensor y, Tensor x, const Tensor *x2, const Weight *w, const Weight *b, Tensor stats,
                        Act act);
    /* y, x: [N,T,C]; mean and biased variance over C */
    void (*layer_norm)(Ctx *, Tensor y, Tensor x, const Weight *w, const Weight *b, float eps);
    /* o[N,T,h*d] = softmax(q k^T / sqrt(d)) v by head; q [N,T,h*d], k and v [N,S,h*d]. causal: key j only for j <= i.
     * o may be q: a block of queries is read before its outputs are written. */
    void (*attention)(Ctx *, Tensor o, Tensor q, Tensor k, Tensor v, int heads, bool causal);
    /* y, x: any shape, the same for both; y may be x */
    void (*activation)(Ctx *, Tensor y, Tensor x, Act act);
    /* y[N,T,C] = x[..., :C] * gelu(x[..., C:]) */
    void (*geglu)(Ctx *, Tensor y, Tensor x);
    /* y = scale * x + offset; any shape, the same for both, with any strides (scale 1, offset 0: a copy) */
    void (*affine)(Ctx *, Tensor y, Tensor x, float scale, float offset);
    /* y += scale * x; any shape, the same for both, with any strides (x's may be 0); they do not overlap */
    void (*accumulate)(Ctx *, Tensor y, Tensor x, float scale);
    /* y[...,C] = x where it is positive, else slope[C] x; any shape, the same for both; y may be x */
    void (*prelu)(Ctx *, Tensor y, Tensor x, const Weight *slope);
    /* y[N,T,C] = table[ids[N,T]] + positions[T]; ids I32, all rows of the table */
    void (*embedding)(Ctx *, Tensor y, Tensor ids, const Weight *table, const Weight *positions);
    /* y[N,C] = [cos(t f_0), ..., sin(t f_0), ...], f_i = exp(-ln(10000) i / (C/2)); t [N] */
    void (*timestep_embedding)(Ctx *, Tensor y, Tensor t);
    /* For training (NULL without `backward`): z = scale (mean + exp(log variance / 2) noise), with the log variance
     * clamped to -30..20; z, noise [N,H,W,C]; moments [N,H,W,2C]: mean, then log variance */
    void (*gaussian)(Ctx *, Tensor z, Tensor moments, Tensor noise, float scale);
};

void op_linear(Ctx *c, Tensor y, Tensor x, const Tensor *x2, const Weight *w, const Weight *b, Epilogue e);
void op_conv2d(Ctx *c, Tensor y, Tensor x, const Weight *w, const Weight *b, Conv2d g, Epilogue e);
void op_group_norm(Ctx *c, Tensor y, Tensor x, const Tensor *x2, const Weight *w, const Weight *b, int groups,
                   float eps, Act act);
void op_group_sums(Ctx *c, Tensor parts, Tensor x, const Tensor *x2);
void op_group_stats(Ctx *c, Tensor stats, Tensor parts, int64_t pixels, int64_t width, float eps);
void op_group_apply(Ctx *c, Tensor y, Tensor x, const Tensor *x2, const Weight *w, const Weight *b, Tensor stats,
                    Act act);
void op_layer_norm(Ctx *c, Tensor y, Tensor x, const Weight *w, const Weight *b, float eps);
void op_attention(Ctx *c, Tensor o, Tensor q, Tensor k, Tensor v, int heads, bool causal);
void op_activation(Ctx *c, Tensor y, Tensor x, Act act);
void op_geglu(Ctx *c, Tensor y, Tensor x);
void op_affine(Ctx *c, Tensor y, Tensor x, float scale, float offset);
void op_accumulate(Ctx *c, Tensor y, Tensor x, float scale);    /* not while a tape records */
void op_prelu(Ctx *c, Tensor y, Tensor x, const Weight *slope); /* likewise */
void op_embedding(Ctx *c, Tensor y, Tensor ids, const Weight *table, const Weight *positions);
void op_timestep_embedding(Ctx *c, Tensor y, Tensor t);
void op_gaussian(Ctx *c, Tensor z, Tensor moments, Tensor noise, float scale);

/* Replaces everything on the arena from `top` up (ctx.h) with t, which is dense: copies t there and returns the copy,
 * now the last thing on the arena. `top` may be above the current one. Asserts that t's old and new place do not
 * overlap. */
Tensor arena_replace(Ctx *c, size_t top, Tensor t);

/* The backends. */
/* For the widest instruction set of this machine, or SDC_CPU=base|exact|v3|v4|openblas. NULL, with a line in e: this
 * machine or program does not have what SDC_CPU says. */
const Ops *cpu_ops(Error *e);
/* The same, if that table keeps the promise of the same bits (Ops.exact); in place of `base` where it does not, a table
 * that emulates fma, several times slower. NULL, with a line in e: SDC_CPU says openblas, or this program has none. */
const Ops *cpu_ops_exact(Error *e);
/* The table that emulates fma; NULL: this program has none. It is in no list. */
const Ops *cpu_table_emulating(void);
const Ops *plan_ops(void);    /* computes nothing: counts c->flops, and the arena counts bytes */
bool ctx_plans(const Ctx *c); /* whether this is a context of plan_ops: its tensors hold no numbers */

/* The table of the precision `mixed`: linear layers (unless the weight says keep_f32, weight.h) and attention multiply
 * in bf16 and sum in f32. Everything else is as in f32, and so is causal attention, which only text encoders have.
 * NULL: this machine lacks the instructions. */
const Ops *cpu_ops_mixed(void);
/* For tests: all tables of that precision that this machine can run, with the instruction or its twin in C. */
int cpu_ops_mixed_list(const Ops **out, int max);

/* For tests: every CPU table in this program that this machine can run (OpenBLAS' if it is there), the preferred one
 * last. Returns how many, at most 4. */
int cpu_ops_list(const Ops **out, int max);

#endif
