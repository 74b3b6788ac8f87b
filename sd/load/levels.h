/* levels.h: the noise levels of a model: Stable Diffusion's, or those that its checkpoint brings. */
#ifndef SD_LOAD_LEVELS_H
#define SD_LOAD_LEVELS_H

#include "model.h"

/* Fills m->noise_levels and m->own_levels: from the tensor alphas_cumprod (with "ztsnr" rescaled to zero terminal SNR),
 * else from a folder's scheduler_config.json or the YAML beside a single file. ERR_FORMAT, with a line that names the
 * tensor or the key. */
bool model_noise_levels(SdModel *m, Error *e);

#endif
