/* names.h: what a weight is called in other layouts. The names of the original single file are the project's own. */
#ifndef SD_WEIGHTS_NAMES_H
#define SD_WEIGHTS_NAMES_H

#include <stdbool.h>
#include <stddef.h>

/* A single-file key to a diffusers folder: the part ("unet", "vae", "text_encoder") and the key in that part's file.
 * res_blocks: ResBlocks per level of the U-Net's way down (SD: 2); levels: its levels; vae_levels: the VAE's. False for
 * a key that has no place there. Source: the tables of diffusers, loaders/single_file_utils.py. */
bool name_to_diffusers(const char *key, int res_blocks, int levels, int vae_levels, char *part, size_t part_size,
                       char *out, size_t out_size);

/* Other spellings of a key that files in use have, by number from 0; false when there are no more: the text encoder
 * without "text_model.", and the names of the VAE's attention in early diffusers folders (query, key, value,
 * proj_attn). */
bool name_variant(const char *key, int number, char *out, size_t out_size);

#endif
