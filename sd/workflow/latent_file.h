/* latent_file.h: latents in files: sd_encode and sd_decode. */
#ifndef SD_WORKFLOW_LATENT_FILE_H
#define SD_WORKFLOW_LATENT_FILE_H

#include "sd/load/model.h"

/* The latents of a safetensors file, as the U-Net has them, z[n[0]][n[1]][n[2]][n[3]]: its tensor "latents", or
 * ComfyUI's "latent_tensor" in either of its versions. The caller frees *z. ERR_FORMAT, ERR_MEMORY. */
bool latents_read(const char *path, const VaeConfig *vae, float **z, int64_t n[4], Error *e);

#endif
