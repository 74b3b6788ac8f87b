/* named_files.h: what a picture was made from, as the options of `sdc check` and `sdc replay` name it. */
#ifndef SD_TOOLS_COMMANDS_NAMED_FILES_H
#define SD_TOOLS_COMMANDS_NAMED_FILES_H

#include "tools/cli/options/control_options.h"
#include "tools/cli/options/model_options.h"

/* NULL and none: nothing. */
typedef struct {
    const char *model, *refiner, *hires_model, *image, *background, *mask, *noise, *upscaler, *lora_dir;
    ModelOptions open;
    ControlOptions controls;
} NamedFiles;

/* Rows of a NamedFiles, for OPTION_ROWS; those of `open` are model_rows, which the command adds. */
bool named_files_rows(int i, Option *o);
/* Reads --control and the like, makes "-" standard input, and says what is wrong, as an exit code, or GO_ON. found:
 * what an image prompt needs may be found later. control_options_free in any case. */
int named_files_check(const Command *c, NamedFiles *n, bool found);
/* Whether one of them is `path`. */
bool named_files_name(const NamedFiles *n, const char *path);

#endif
