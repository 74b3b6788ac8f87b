/* commands.h: the subcommands of sdc. Each is in a file of tools/commands/. */
#ifndef SD_TOOLS_CLI_COMMANDS_H
#define SD_TOOLS_CLI_COMMANDS_H

#include "tools/cli/options/options.h"

extern const Command TXT2IMG, IMG2IMG, SHEET, CONVERT, MERGE, INFO, TOKENS, PNG_INFO, REPLAY, TRAIN, BENCH, DIFF,
    MAKE_DATA, JUDGE, SAMPLERS, SCHEDULERS, RECORD, CHECK, VERIFY, SERVE, WORKER, UPSCALE, EXTRACT, GRID, SHOW, EXPLAIN;

/* All of them in the order of the list that `sdc help` prints; NULL ends it. */
extern const Command *const COMMANDS[];

#endif
