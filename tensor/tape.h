/* tape.h: training. A tape records the ops of a forward pass and runs their backward twins in reverse:
 *
 *     tape_start(t, c);  forward;  tape_stop(t, c);  write tape_gradient(t, c, y);  tape_backward(t, c);
 *
 * Layers know nothing of it: they work in place, share buffers and pass views. The tape follows the memory.
 *
 *  - Gradients live in a shadow of the recorded memory: the gradient of any view is the same view of the shadow, so
 *    slices, reshapes and fused projections need no rules. An op that overwrites y takes y's gradient and leaves none:
 *    going backwards, what is there next is the gradient of what y's memory held before. That makes in-place ops and
 *    reused buffers come out right. A list of spans says where the shadow holds gradients: the first contribution to a
 *    place is written, later ones are added.
 *  - Values that a backward op will need are noted when the op is recorded. Before an op overwrites such a value, the
 *    tape copies it and notes the copy instead. Scopes give nothing back while recording.
 *  - A tensor has a gradient if it was taken from the arena after tape_start: what came before (pictures, the states of
 *    a frozen text encoder) costs none. A parameter has one if Weight.grad is set.
 *
 * Left out: gradients of gradients, and of the 16-bit prepared forms of weights. */
#ifndef SD_TENSOR_TAPE_H
#define SD_TENSOR_TAPE_H

#include "ops.h"

Tape *tape_new(void); /* NULL: out of memory */
void tape_free(Tape *t);

/* Makes every scope of this depth (1: outermost) a segment: it gives its memory back even while recording, and its ops
 * run again when the backward pass reaches it (gradient checkpointing). Less memory, a third more work, the same bits.
 * 0 (the default): none. */
void tape_recompute_at(Tape *t, int depth);

void tape_start(Tape *t, Ctx *c);
/* Stops recording and takes the shadow from the arena. */
void tape_stop(Tape *t, Ctx *c);
/* The gradient of y, for the caller to write the gradient of the loss into. Call it once for each place. data NULL, and
 * c->err: out of memory. */
Tensor tape_gradient(Tape *t, Ctx *c, Tensor y);
/* After tape_backward: the gradient of an input x, which no op wrote. */
Tensor tape_input_gradient(const Tape *t, Tensor x);
/* Adds to Weight.grad of every parameter that the recorded ops used. */
void tape_backward(Tape *t, Ctx *c);

/* The wrappers of ops.c call these before the backend computes. */
void tape_linear(Ctx *c, Tensor y, Tensor x, const Tensor *x2, const Weight *w, const Weight *b, Epilogue e);
void tape_conv2d(Ctx *c, Tensor y, Tensor x, const Weight *w, const Weight *b, Conv2d g, Epilogue e);
void tape_group_norm(Ctx *c, Tensor y, Tensor x, const Tensor *x2, const Weight *w, const Weight *b, Tensor parts,
                     float eps, Act act);
void tape_layer_norm(Ctx *c, Tensor y, Tensor x, const Weight *w, const Weight *b, float eps);
void tape_attention(Ctx *c, Tensor o, Tensor q, Tensor k, Tensor v, int heads, bool causal);
void tape_activation(Ctx *c, Tensor y, Tensor x, Act act);
void tape_geglu(Ctx *c, Tensor y, Tensor x);
void tape_affine(Ctx *c, Tensor y, Tensor x, float scale, float offset);
void tape_add(Ctx *c, Tensor y, Tensor x); /* y += x */
void tape_embedding(Ctx *c, Tensor y, Tensor ids, const Weight *table, const Weight *positions);
void tape_timestep(Ctx *c, Tensor y, Tensor times);
void tape_gaussian(Ctx *c, Tensor z, Tensor moments, Tensor noise, float scale);

#endif
