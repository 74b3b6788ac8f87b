/* controlnet_union.h: what a ControlNet Union has beside a ControlNet: one network for several kinds of hints, which is
 * told the kind in two places.
 *
 *     guide [1,H,W,C] ─ mean over pixels ─ + row of the kind ─ layers ─ linear ──> added to every pixel of the guide
 *     a one for the kind, zeros for the others ─ sinusoids ─ linear ─ SiLU ─ linear ──> added to the label's embedding
 *
 * The layers are attention's and MLPs over hints and latents, in whose file each attends over the batch, not over them
 * (nn.MultiheadAttention gets [N,tokens,C] and takes N for the tokens). A batch that is one picture's latents for each
 * half of guidance has N equal rows, so that a token attends to itself; so it does here for any batch. Source:
 * xinsir6/ControlNetPlus, models/controlnet_union.py; diffusers, ControlNetUnionModel. */
#ifndef SD_MODELS_CONTROLNET_UNION_H
#define SD_MODELS_CONTROLNET_UNION_H

#include "nn/transformer.h"
#include "weights/checkpoint.h"
#include "config.h"

enum { UNION_LAYERS = 4 };

typedef struct {
    int kinds; /* of hints: 6, or ProMax' 8; 0: it is no union */
    int count; /* of layers: 1 */
    int64_t channels, label;
    Weight rows; /* [channels,kinds] */
    ClipLayer layers[UNION_LAYERS];
    Linear out, label1, label2;
} ControlnetUnion;

/* What names and shapes tell; kinds is 0 where the file is of another ControlNet. False, with a line that begins with
 * its path, for what is not built. channels: of the trunk. */
bool controlnet_union_from_shapes(const Checkpoint *c, const UnetConfig *trunk, ControlnetUnion *out, Error *e);
void controlnet_union_bind(ControlnetUnion *m, WeightList *l); /* its configuration is set */

/* guide += what the layers make of it and of the kind (0..kinds-1). */
void controlnet_union_guide(Ctx *c, Tensor guide, const ControlnetUnion *m, int kind);
/* label[1,label] += the kind's embedding. */
void controlnet_union_label(Ctx *c, Tensor label, const ControlnetUnion *m, int kind);

#endif
