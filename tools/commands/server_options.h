/* server_options.h: what the command lines of `sdc serve` and `sdc worker` share. */
#ifndef SD_TOOLS_COMMANDS_SERVER_OPTIONS_H
#define SD_TOOLS_COMMANDS_SERVER_OPTIONS_H

#include "tools/cli/options/model_options.h"
#include "tools/server/server.h"

/* The struct of both commands' tables. */
typedef struct {
    ModelOptions open;
    ServerOptions server;
} Arguments;

/* Rows of a ServerOptions, for OPTION_ROWS: --models, --vae-dir, --lora-dir, --upscaler-dir, --controlnet-dir,
 * --image-encoder, --workers, --drain. */
bool server_rows(int i, Option *o);
/* Parses and checks them, and says in a->server how models are opened. GO_ON, or the exit code. */
int server_options_parse(const Command *c, Arguments *a, int argc, char **argv);

#endif
