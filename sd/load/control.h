/* control.h: a ControlNet, a T2I-Adapter or an IP-Adapter from its own file, to draw with a model. Its weights are
 * loaded, streamed and released like a model's part: PART_CONTROL of an SdModel that has nothing else but, of an
 * IP-Adapter, a vision encoder as PART_VISION. */
#ifndef SD_LOAD_CONTROL_H
#define SD_LOAD_CONTROL_H

#include "model.h"
#include "sd/models/clip_vision.h"
#include "sd/models/controlnet.h"
#include "sd/models/image_adapter.h"
#include "sd/models/t2i_adapter.h"

struct SdControlNet {
    SdModel m; /* its checkpoint and weights; threads and device are the model's */
    Controlnet net;
    Adapter adapter;    /* in its place; levels 0: none */
    ImageAdapter image; /* in its place; count 0: none */
    ClipVision vision;  /* beside it */
    const SdModel *of;
    bool follows;                /* a ControlLoRA: it has the model's networks on top, too */
    struct SdControlNet **peers; /* the same for the model's further GPUs; [of->peer_count] */
};

/* As sd_open_control, or with `image` as sd_open_ip_adapter, of bytes in memory that must outlive it: one file, with
 * the vision encoder in it. */
SdControlNet *control_open_memory(const char *name, const void *bytes, size_t size, bool image, const SdModel *of,
                                  Error *e);

bool control_is_adapter(const SdControlNet *c); /* a T2I-Adapter */
bool control_is_image(const SdControlNet *c);   /* an IP-Adapter */
/* The webui's name of what looks at an IP-Adapter's picture; NULL for others. */
const char *control_module(const SdControlNet *c);
/* "NAME [HASH]" of an IP-Adapter's vision encoder, as other parts from files of their own are called: the file's name
 * and the first 10 digits of its SHA-256; a folder's name alone; "" of what is no IP-Adapter. ERR_FILE. */
bool control_vision_title(SdControlNet *c, char out[280], Error *e);
/* Whether all numbers of its files are finite, which is looked at only once a drawing's are not. ERR_FORMAT, with the
 * name of the first that is not. */
bool control_finite(const SdControlNet *c, Error *e);
/* Whether a file or folder is an IP-Adapter, or a ControlNet or the like, by its header alone. */
bool control_file_is(const char *path, bool image);
/* Whether an IP-Adapter's file reads what a vision encoder makes, by their headers alone. */
bool control_vision_fits(const char *adapter, const char *vision);
/* The file's name without its directory and extension, and the webui's old hash of it ("" for a folder), 8 digits. */
void control_title(const SdControlNet *c, char out[280]);

#endif
