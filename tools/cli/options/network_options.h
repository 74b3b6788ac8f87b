/* network_options.h: --lora, and what is said about each file before it is used. */
#ifndef SD_TOOLS_CLI_NETWORK_OPTIONS_H
#define SD_TOOLS_CLI_NETWORK_OPTIONS_H

#include "options.h"
#include "sd/sd.h"

#define LORA_HELP                                                                                                      \
    "a LoRA or the like (a file, or PEFT's folder) on top of the model, and how much of it the text encoders and the " \
    "U-Net take (1; the U-Net "                                                                                        \
    "as the text encoders); may be repeated"

typedef struct {
    OptionList lora;
    SdNetwork networks[OPTION_LIST_MOST];
    char *paths;                   /* owns the names, */
    char *files[OPTION_LIST_MOST]; /* and those of files in folders that were named */
} NetworkOptions;

/* Reads the values of --lora; GO_ON, or the exit code. network_options_free in any case. */
int network_options_read(const Command *c, NetworkOptions *n);
void network_options_free(NetworkOptions *n);
/* Whether a path is one of the files. */
bool network_options_name(const NetworkOptions *n, const char *path);
/* The request has these networks. */
void network_options_set(const NetworkOptions *n, SdRequest *r);
/* Checks all of a request, those that its prompt names too, and says on standard error what of each has no place in the
 * model, unless quiet. False with e set: one cannot be used; or m is NULL. */
bool networks_note(const SdModel *m, const SdRequest *r, bool quiet, Error *e);

#endif
