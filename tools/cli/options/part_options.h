/* part_options.h: the options that name parts of a model in files of their own. */
#ifndef SD_TOOLS_CLI_PART_OPTIONS_H
#define SD_TOOLS_CLI_PART_OPTIONS_H

#include "option.h"
#include "sd/sd.h"

/* NULL: the model's own. vae also "none", which says so. */
typedef struct {
    const char *vae, *text_encoder, *text_encoder_2, *unet, *taesd;
} PartOptions;

/* Rows of a PartOptions, for OPTION_ROWS: --vae, --text-encoder, --text-encoder-2, --unet, --taesd. */
bool part_rows(int i, Option *o);
/* Sets the parts of *o. */
void part_options_set(const PartOptions *p, SdOptions *o);
/* Whether one of them is this file. */
bool part_options_name(const PartOptions *p, const char *path);

#endif
