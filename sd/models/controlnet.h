/* controlnet.h: a ControlNet, which adds to a U-Net's skip connections what a hint (edges, depth, a pose) asks for.
 *
 *     hint [1,8H,8W,3] ──> hint network ──> [1,H,W,C] ─┐
 *     x [N,H,W,4] ──────> input block 0 ───────────────+──> input blocks 1 ... ──> middle
 *                               │ 1x1                         │ 1x1                  │ 1x1 ("zero convolutions")
 *                            map 0                         map i              map `inputs`
 *
 * The trunk is the first half of a U-Net with weights of its own. Map i, times a weight, is added to what the U-Net's
 * input block i hands to the way up, the last one to its middle's output (UnetHook). Source: lllyasviel, ControlNet,
 * cldm.py; diffusers, ControlNetModel. */
#ifndef SD_MODELS_CONTROLNET_H
#define SD_MODELS_CONTROLNET_H

#include "weights/checkpoint.h"
#include "controlnet_union.h"
#include "unet.h"

enum { MAX_CONTROL_MAPS = MAX_LEVELS * 16 + 1 };

typedef struct {
    UnetConfig unet;       /* of the trunk; out_channels is 0 */
    int hint_levels;       /* resolutions of the hint network: 4, from the picture's to the latents' */
    int hint[MAX_LEVELS];  /* its channels at each: 16, 32, 96, 256 */
    ControlnetUnion kinds; /* of a ControlNet Union */
    bool pools;            /* its maps are their means over the picture: it tells of colours, not of places */
} ControlnetConfig;

typedef struct {
    ControlnetConfig config;
    Unet trunk;
    Conv hint[2 * MAX_LEVELS]; /* [2 hint_levels]: the even ones but the first halve the size */
    Linear *zero;              /* [trunk.inputs], owned */
    Linear middle_out;
    ControlnetUnion kinds; /* kinds.kinds 0: it is of one kind */
} Controlnet;

/* What names and shapes of its file (GIVEN_CONTROL) tell, and a model's U-Net, of which it must be: as many channels,
 * levels and heads. False, with a line that begins with its path and names the model's family, where it is of another
 * one, and for what is not built. One that pools (control_v11e_sd15_shuffle) is known by global_pool_conditions in its
 * folder's config.json, or by "shuffle" in its file's name, as other programs know it: its tensors do not say. */
bool controlnet_from_shapes(const Checkpoint *c, const UnetConfig *of, const char *family, ControlnetConfig *out,
                            Error *e);
/* Pixels per latent along one side: 8. */
int controlnet_factor(const ControlnetConfig *k);
/* Names are those of cldm, under the list's path. */
bool controlnet_bind(Controlnet *m, const ControlnetConfig *k, WeightList *l);
void controlnet_free(Controlnet *m);

/* guide[1,H,W,channels] from hint[1,8H,8W,3] in 0..1: the same for every call. kind: of the hint, in a union. Tap:
 * controlnet_cond_embedding. */
void controlnet_hint(Ctx *c, Tensor guide, const Controlnet *m, Tensor hint, int kind);

typedef struct {
    Tensor x, time_shifts, cross_kv; /* as a U-Net's (UnetInput), made by the trunk */
    Tensor guide;
    const float *scales; /* [trunk.inputs + 1]: each map's weight */
} ControlnetInput;

/* How many maps there are, and the shapes of all of them for x. */
int controlnet_maps(const Controlnet *m);
void controlnet_shapes(const Controlnet *m, Tensor x, int64_t shapes[MAX_CONTROL_MAPS][4]);
/* maps[i] = scales[i] map i; with `add`, maps[i] += that. Taps: those of the trunk, in diffusers' names. */
void controlnet_forward(Ctx *c, Tensor *maps, bool add, const Controlnet *m, const ControlnetInput *in);

#endif
