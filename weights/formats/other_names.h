/* other_names.h: what other programs change in a file of weights, undone when it is opened. */
#ifndef SD_WEIGHTS_FORMATS_OTHER_NAMES_H
#define SD_WEIGHTS_FORMATS_OTHER_NAMES_H

#include "weight_file.h"

/* ComfyUI-GGUF (tools/convert.py) stores a convolution of SD and SDXL whose rows are not whole blocks as rows of 256
 * numbers, and its shape as integers under this key and the tensor's name; gguf.c keeps them as "320,4,3,3". */
#define SHAPE_KEY "comfy.gguf.orig_shape."

/* Gives such tensors their shapes. False: ERR_FORMAT, a shape that has not the tensor's number of elements. */
bool shapes_undone(WeightFile *f, Error *e);
/* `stable-diffusion.cpp --convert-name` (src/name_conversion.cpp) calls the layers of open_clip's encoders as Hugging
 * Face does, but leaves their fused projections, and begins SDXL's with "cond_stage_model.1.": they get open_clip's
 * names, and SDXL's first encoder its prefix. diffusers' converter (scripts/convert_diffusers_to_original_stable_
 * diffusion.py) numbers blocks by threes whether a level has two of them or one (BK-SDM small and tiny): numbers
 * without gaps. False: ERR_MEMORY, or ERR_FORMAT for two tensors of one name. */
bool names_undone(WeightFile *f, Error *e);

#endif
