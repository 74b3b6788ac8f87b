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
/* The rows of `sdc grid`, of a PictureArguments, for OPTION_ROWS. */
bool grid_row(int i, Option *o);

/* Which command's options they are: each has some of its own. */
typedef enum { OF_TXT2IMG = 1, OF_IMG2IMG = 2, OF_RECORD = 4, OF_GRID = 8 } PictureCommand;

enum { RECORD_VALUES = 32, RECORD_MOST_VALUES = 4096 }; /* that a record samples of each activation: usually, at most */

typedef struct {
    PictureCommand of;
    SdRequest request; /* what the model decides is as params_forget leaves it where no option said it */
    ModelOptions open;
    NetworkOptions networks;
    ControlOptions controls;
    const char *model, *refiner, *hires_model, *out, *sheet, *preview;
    const char *attention;                 /* a folder for attention maps */
    unsigned preview_by;                   /* SdPreview, of sheet and preview */
    const char *image;                     /* img2img's, and a record's that is of img2img */
    const char *mask;                      /* of `image` */
    const char *background, *extend;       /* likewise */
    const char *only_encode, *only_decode; /* files of latents */
    const char *prompts;                   /* a file with a prompt on each line */
    bool next_seeds;                       /* each of its lines begins with the next seed */
    int quality;                           /* of JPEG and WebP; 0: the usual one */
    int batch_count;
    int loops;             /* how often img2img's result is drawn on from */
    double final_strength; /* of the last loop; -1: that of the first */
    double loop_factor;    /* by which each loop's is multiplied */
    unsigned loop_curve;   /* how it gets there: LoopCurve */
    int values;            /* a record's, of each activation */
} PictureArguments;

/* Of the webui's script (scripts/loopback.py), in its order. */
typedef enum { LOOP_AGGRESSIVE, LOOP_LINEAR, LOOP_LAZY } LoopCurve;

/* Whether it draws from each picture of a folder. */
bool picture_of_folder(const PictureArguments *a);

/* What no option has set. */
PictureArguments picture_defaults(PictureCommand of);
/* Reads and checks a command line. GO_ON, or the exit code. picture_options_free in any case. */
int picture_options(const Command *c, PictureArguments *a, int argc, char **argv);
/* The parts of that. `a` may be the first member of the command's struct. Reading what lists of options say; */
int picture_options_lists(const Command *c, PictureArguments *a);
/* of them --extend, in place of what an earlier text of it said; */
int picture_options_sides(const Command *c, PictureArguments *a);
/* whether settings can be served, as far as it shows without the model; */
int picture_options_settings(const Command *c, const PictureArguments *a);
/* and whether files that are written are no others. */
int picture_options_files(const Command *c, PictureArguments *a);
/* How many pictures a job makes: with SD upscale, a batch is of tiles. */
int64_t picture_count(const PictureArguments *a);
/* A copy with prompts of its own, of which options may set other values; picture_copy_free. */
bool picture_copy(const PictureArguments *from, PictureArguments *to, Error *e);
void picture_copy_free(PictureArguments *a);
void picture_options_free(PictureArguments *a);

#endif
