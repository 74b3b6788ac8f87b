/* picture_options.h: the options of the commands that make pictures, and the checks of them that need no model. */
#ifndef SD_TOOLS_CLI_PICTURE_OPTIONS_H
#define SD_TOOLS_CLI_PICTURE_OPTIONS_H

#include "model_options.h"
#include "options.h"
#include "sd/sd.h"

#include <stdbool.h>

extern const Option TXT2IMG_OPTIONS[], IMG2IMG_OPTIONS[];

typedef struct {
    SdRequest request; /* what the model decides is as params_forget leaves it where no option said it */
    ModelOptions open;
    const char *model, *out, *sheet;
    const char *image; /* img2img's */
    int batch_count;
    bool exact;
} PictureArguments;

/* Reads and checks a command line. GO_ON, or the exit code. options_free in any case. */
int picture_options(const Command *c, PictureArguments *a, int argc, char **argv);

#endif
