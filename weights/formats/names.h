/* names.h: what a weight is called in other layouts. The project itself uses the names of the original single file. */
#ifndef SD_WEIGHTS_FORMATS_NAMES_H
#define SD_WEIGHTS_FORMATS_NAMES_H

#include <stdbool.h>
#include <stddef.h>

/* From a single file's key to a diffusers folder: the part ("unet", "vae", "text_encoder", "text_encoder_2";
 * "controlnet", of a folder of its own) and the key in that part's file. res_blocks: ResBlocks per level of the U-Net's
 * way down (SD: 2); levels: its levels; vae_levels: the VAE's, or those of a ControlNet's hint network. False for a key
 * that a folder does not have. Source: the tables of diffusers, loaders/single_file_utils.py. */
bool name_to_diffusers(const char *key, int res_blocks, int levels, int vae_levels, char *part, size_t part_size,
                       char *out, size_t out_size);

/* Spelling number 0, 1, ... of a key in use besides its own; false past the last. These are the text encoder's without
 * "text_model.", and those of the VAE's attention in early diffusers folders (query, key, value, proj_attn). */
bool name_variant(const char *key, int number, char *out, size_t out_size);

/* What the moving average of a U-Net's weight is called: "model_ema.", then the name after "model." without dots. False
 * for any other key. Source: CompVis, ldm/modules/ema.py. */
bool name_to_ema(const char *key, char *out, size_t out_size);

/* An open_clip encoder's name without its prefix under Hugging Face's, and the opposite. The fused projection, which
 * Hugging Face has in three, becomes "[...]self_attn.in_proj_weight" or "..._bias". False for a name that the other
 * does not have. Source: transformers, convert_clip_original_pytorch_to_hf.py. */
bool name_open_to_clip(const char *name, char *out, size_t out_size);
bool name_clip_to_open(const char *name, char *out, size_t out_size);

#endif
