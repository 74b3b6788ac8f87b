/* layers.h: layers with weights, over the op table. Each is bound once (names, shapes) and runs anywhere.
 *
 * Forward functions take context, output, module, inputs. The caller allocates outputs; temporaries come from the arena
 * within a scope, so that a layer leaves nothing there but its output. */
#ifndef SD_NN_LAYERS_H
#define SD_NN_LAYERS_H

#include "tensor/ops.h"
#include "bind.h"

typedef struct {
    Weight w, b;
    bool bias;
} Linear; /* w [O,K], b [O] */

typedef struct {
    Weight w, b;
    bool bias;
} Conv; /* w [O,kh,kw,I], b [O] */

typedef struct {
    Weight w, b;
    int groups; /* 0: layer norm */
    float eps;
} Norm; /* w, b [C] */

/* NAME.weight and NAME.bias under the list's path. pointwise: torch holds it as a 1x1 convolution [O,K,1,1]. */
void bind_linear(WeightList *l, Linear *m, const char *name, int64_t in, int64_t out, bool bias, bool pointwise);
/* The same, with a bias and a weight that says keep_f32 (weight.h). */
void bind_linear_f32(WeightList *l, Linear *m, const char *name, int64_t in, int64_t out, bool pointwise);
void bind_conv(WeightList *l, Conv *m, const char *name, int64_t in, int64_t out, int size);
void bind_conv_plain(WeightList *l, Conv *m, const char *name, int64_t in, int64_t out, int size); /* without a bias */
void bind_norm(WeightList *l, Norm *m, const char *name, int64_t channels, int groups, float eps);

/* y[N,T,O] = epilogue(x[N,T,K] w^T + b); x2: a second source of channels, or NULL */
void linear(Ctx *c, Tensor y, const Linear *m, Tensor x, const Tensor *x2, Epilogue e);
/* 3x3, padded with zeros on all sides, or where sides meet (Ctx.wrap) with what lies on the opposite one, in a copy of
 * the map; y's size decides the stride (1 or 2) */
void conv3(Ctx *c, Tensor y, const Conv *m, Tensor x, Epilogue e);
/* The VAE encoder's: 3x3, stride 2, padded on the right and at the bottom only */
void conv3_down_right(Ctx *c, Tensor y, const Conv *m, Tensor x);
/* The convolution's bias, or NULL */
const Weight *conv_bias(const Conv *m);
/* Nearest neighbour to y's size, then 3x3 */
void conv3_up(Ctx *c, Tensor y, const Conv *m, Tensor x);
/* y = act(norm(x, x2)): [N,H,W,C] or [N,T,C]; without x2, y may be x */
void norm(Ctx *c, Tensor y, const Norm *m, Tensor x, const Tensor *x2, Act act);

static const Epilogue PLAIN = {0};

#endif
