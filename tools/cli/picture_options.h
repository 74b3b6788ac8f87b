/* picture_options.h: the options of the commands that make pictures, and the checks of them that need no model. */
#ifndef SD_TOOLS_CLI_PICTURE_OPTIONS_H
#define SD_TOOLS_CLI_PICTURE_OPTIONS_H

#include "control_options.h"
#include "model_options.h"
#include "network_options.h"
#include "options.h"
#include "sd/sd.h"

#include <stdbool.h>

extern const Option TXT2IMG_OPTIONS[], IMG2IMG_OPTIONS[], RECORD_OPTIONS[];

enum { RECORD_VALUES = 32, RECORD_MOST_VALUES = 4096 }; /* that a record samples of each activation: usually, at most */

typedef struct {
    SdRequest request; /* what the model decides is as params_forget leaves it where no option said it */
    ModelOptions open;
    NetworkOptions networks;
    ControlOptions controls;
    const char *model, *refiner, *out, *sheet, *preview;
    unsigned preview_by; /* SdPreview, of sheet and preview */
    const char *image;   /* img2img's, and a record's that is of img2img */
    const char *mask;    /* of `image` */
    int batch_count;
    int values; /* a record's, of each activation */
} PictureArguments;

/* Reads and checks a command line. GO_ON, or the exit code. picture_options_free in any case. */
int picture_options(const Command *c, PictureArguments *a, int argc, char **argv);
void picture_options_free(const Command *c, PictureArguments *a);

#endif
