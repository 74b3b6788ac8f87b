/* control_hint.h: what ControlNets and T2I-Adapters are shown: a picture, or a part of it, made into a hint.
 * Source: Mikubill, sd-webui-controlnet, scripts/controlnet.py. */
#ifndef SD_PIPELINE_CONTROL_HINT_H
#define SD_PIPELINE_CONTROL_HINT_H

#include "sd/pipeline/generation.h"

/* Whose picture and mask an inpainting's hint is made of: the request's, or the control's. */
static inline bool hint_is_request(const SdControl *c) { return c->hint == SD_HINT_INPAINT && !c->image; }

/* Makes k's hints at the picture's own size, which the extension calls pixel-perfect: one, or one for each picture of
 * the batch. With only_masked a control's picture has the part cut out that is drawn. ERR_MEMORY. */
bool hint_take(const Generation *g, Control *k, Error *e);
/* Bytes of all hints and of what they are made of, outside of the arena. */
size_t hint_bytes(const Generation *g);
/* Row `row` of control_rows as its network reads it: pixels in 0..1, or an adapter's blocks of them. What is unknown of
 * an inpainting's hint is -1 to ControlNets (cldm; diffusers' make_inpaint_condition), black to Unions. */
Tensor hint_push(Generation *g, const Control *k, int64_t row);

#endif
