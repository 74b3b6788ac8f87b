/* page_commands.c: tools/cli/commands.c for the page's modules: what the page runs, so that all else is left out. */
#include "tools/cli/commands.h"

const Command *const COMMANDS[] = {&TXT2IMG, &PNG_INFO, &REPLAY, &SAMPLERS, NULL};
