/* control.h: a ControlNet or a T2I-Adapter from its own file, to draw with a model. Its weights are loaded, streamed
 * and released like a model's part: PART_CONTROL of an SdModel that has nothing else. */
#ifndef SD_LOAD_CONTROL_H
#define SD_LOAD_CONTROL_H

#include "model.h"
#include "sd/models/controlnet.h"
#include "sd/models/t2i_adapter.h"

struct SdControlNet {
    SdModel m; /* its checkpoint and weights; threads and device are the model's */
    Controlnet net;
    Adapter adapter; /* in its place; levels 0: none */
    const SdModel *of;
    struct SdControlNet **peers; /* the same for the model's further GPUs; [of->peer_count] */
};

bool control_is_adapter(const SdControlNet *c);
/* The file's name without its directory and extension, and the webui's old hash of it ("" for a folder), 8 digits. */
void control_title(const SdControlNet *c, char out[280]);

#endif
