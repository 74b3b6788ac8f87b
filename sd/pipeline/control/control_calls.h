/* control_calls.h: what ControlNets add to a U-Net call. */
#ifndef SD_PIPELINE_CONTROL_CALLS_H
#define SD_PIPELINE_CONTROL_CALLS_H

#include "sd/pipeline/generation.h"
#include "sd/models/controlnet.h"

/* The pictures of a call: some of the group for each of some texts of a context. */
typedef struct {
    int context;
    int text, texts;     /* of the context */
    int first, pictures; /* of the group: windows of its pictures */
    int group;           /* the batch's number of its first picture */
} ControlCall;
/* How many of a call's pictures are the negative prompt's, which come first. One text at a time is planned as if it
 * were another's, which takes more. */
int64_t call_negative(const Generation *g, const ControlCall *call);

typedef struct {
    Tensor maps[MAX_CONTROL_MAPS]; /* the sum of all ControlNets at work; of pictures from `from` on */
    int64_t from;                  /* those before it, the negative prompt's, get nothing */
    const Generation *g;           /* adapters add by themselves */
    const ControlCall *call;
    UnetHook hook;
} ControlMaps;

/* Allocates the maps for a call of the U-Net on x. False: no ControlNet is at work in it. */
bool control_maps(Generation *g, ControlMaps *k, const ControlCall *call, Tensor x);
/* Fills them. */
void control_fill(Generation *g, ControlMaps *k, const ControlCall *call, Tensor x);
/* The image prompts that a call's cross attentions read; returns how many. */
int control_images(const Generation *g, const ControlCall *call, ImageStates out[SD_MOST_CONTROLS]);
/* The share of the sampling that is done, as ControlNets' starts and ends count it. Recordings of U-Net calls with
 * others at work are forgotten. */
void control_advance(Generation *g, double done);

#endif
