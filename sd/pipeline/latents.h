/* latents.h: latents as the U-Net has them become those of the VAE, and back. The VAE divides by VaeConfig.scale itself
 * (vae_scale); a model with statistics (Playground v2.5) has a mean and a standard deviation for each channel, which
 * are applied here, in f32, as diffusers does (pipelines/stable_diffusion_xl). */
#ifndef SD_PIPELINE_LATENTS_H
#define SD_PIPELINE_LATENTS_H

#include "sd/models/config.h"

/* pixels[count][latent], what vae_decode takes, of planes[latent][count], the U-Net's. */
void latents_to_vae(const VaeConfig *k, float *pixels, const float *planes, int64_t count);
/* A number of that channel of the U-Net's latents in the scale that its family's latents have without statistics. */
float latent_in_scale(const VaeConfig *k, int channel, float x, double scale);
/* The U-Net's, of a number that the VAE's encoder made for that channel. */
float latent_of_vae(const VaeConfig *k, int64_t channel, float z);

#endif
