/* tape.h: training. A tape records the ops of a forward pass and runs their backward twins in reverse.
 *
 * Layers know nothing of it: they work in place, share buffers and pass views, and the tape follows the memory.
 *   Gradients  live in a shadow of the recorded memory: the gradient of any view is the same view of the shadow, so
 * that slices, reshapes and fused projections need no rule. An op that overwrites y takes y's gradient and leaves none
 * behind: going backwards, what is then there is the gradient of what y's memory held before. So in-place ops and
 * buffers used in turns come out right. Which parts hold gradients at present is kept as a list of spans: the first
 * contribution to a place is written, only later ones are added. Values     that a backward op will need are noted when
 * the op is recorded. Before an op overwrites such a value, the tape copies it and notes the copy instead. Scopes give
 * nothing back while recording. A tensor has a gradient when it was taken from the arena after tape_start. So what
 * comes from before (pictures, the states of a frozen text encoder) costs none. Parameters have one where Weight.grad
 * points to memory.
 *
 *   tape_start(t, c);  forward;  tape_stop(t, c);  fill tape_gradient(t, y);  tape_backward(t, c);
 * Left out: gradients of gradients, and of the 16-bit prepared forms of weights. */
#ifndef SD_TENSOR_TAPE_H
#define SD_TENSOR_TAPE_H

#include "ops.h"

Tape *tape_new(void); /* NULL when memory is out */
void tape_free(Tape *t);

/* Scopes of that depth (1: outermost) give their memory back also while recording, and their ops are run again when the
 * way back comes to them: less memory, a third more work, the same bits. 0, as it begins: none. */
void tape_cut(Tape *t, int depth);

void tape_start(Tape *t, Ctx *c);
/* Ends recording; takes the shadow from the arena. */
void tape_stop(Tape *t, Ctx *c);
/* The gradient of y, for the caller to write the loss's into. Each place once. */
Tensor tape_gradient(Tape *t, Tensor y);
/* What tape_backward found for an input x, which no op wrote. */
Tensor tape_shown(const Tape *t, Tensor x);
/* Adds to Weight.grad of every parameter that was used. */
void tape_backward(Tape *t, Ctx *c);

/* What the wrappers of ops.c call before the backend computes. */
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
