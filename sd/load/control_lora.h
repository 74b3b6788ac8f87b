/* control_lora.h: a ControlLoRA (Stability AI's control-lora files): a ControlNet whose trunk is the U-Net of the model
 * that it draws with, and on top of its weights products of two narrow matrices; or, of a file of differences (a tensor
 * is called "difference"), whole ones. So its SdModel finds what its file
 * lacks in that model's checkpoint (Checkpoint.base), and has an overlay that no request names. Source:
 * comfyanonymous/ComfyUI, comfy/controlnet.py, ControlLora, load_controlnet. */
#ifndef SD_LOAD_CONTROL_LORA_H
#define SD_LOAD_CONTROL_LORA_H

#include "control.h"

/* From here on it has the model's weights where its file has none, or differences. Before its networks are bound. */
void control_lora_rest_on(SdControlNet *c, const SdModel *of);
/* Has it follow the model: its own products on top of the weights, and the networks that are on top of the model now,
 * which come first. A part that is loaded and has others is released. Does nothing to other ControlNets. ERR_FORMAT: a
 * product or difference that fits no weight; ERR_MEMORY. */
bool control_lora_follow(SdControlNet *c, Error *e);
void control_lora_free(SdControlNet *c);

#endif
