/* info_part.h: what a file is that holds one part of a model alone. */
#ifndef SD_LOAD_INFO_PART_H
#define SD_LOAD_INFO_PART_H

#include "sd/sd.h"

/* Fills *out for a U-Net, a VAE, a text encoder or a TAESD alone, or an embedding; false for any other file. */
bool info_of_part(const char *path, SdInfo *out);
/* Adds a word to a list such as SdInfo.dtype, unless it is there. */
void info_add_word(char *list, size_t size, const char *word);

#endif
