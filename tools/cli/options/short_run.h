/* short_run.h: the options of commands that draw in passing (sdc explain, sdc sheet): a model, a file to write, and the
 * settings that count most. */
#ifndef SD_TOOLS_CLI_SHORT_RUN_H
#define SD_TOOLS_CLI_SHORT_RUN_H

#include "model_options.h"

typedef struct {
    SdRequest request; /* what the model decides is forgotten until the model is open (params_adopt) */
    ModelOptions open;
    const char *model, *out;
} ShortRun;

/* The defaults, seed 1 among them; out: where it goes without -o. */
ShortRun short_run(const char *out);
/* Rows of a ShortRun, for OPTION_ROWS: -m, --width, --height, --steps, --cfg, --sampler, --scheduler. The seed and -o,
 * which each command tells in its words, and model_rows are the command's. */
bool short_run_rows(int i, Option *o);
/* What is wrong with them, as an exit code, or GO_ON. argv: the arguments, of which no prompt's file may be `out`. */
int short_run_check(const Command *c, ShortRun *r, int argc, char **argv);
/* Looks at `out` and opens the model; from now on a signal stops the run. NULL on error: also where an embedding is
 * read from `out`. */
SdModel *short_run_open(const ShortRun *r, Error *e);

#endif
