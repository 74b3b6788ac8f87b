/* picture_options.h: the options of the commands that make pictures, and what can be found wrong with them before the
 * model is opened. */
#ifndef SD_TOOLS_CLI_PICTURE_OPTIONS_H
#define SD_TOOLS_CLI_PICTURE_OPTIONS_H

#include "options.h"
#include "sd/sd.h"

#include <stdbool.h>

extern const Option TXT2IMG_OPTIONS[], IMG2IMG_OPTIONS[];

typedef struct {
    const char *model, *out, *sampler, *scheduler, *rng, *device, *precision, *taps, *tap, *noise, *emphasis, *sheet;
    const char *image, *strength_steps, *resize, *encode; /* img2img's */
    char *prompt, *negative;
    int64_t width, height, steps, seed, batch_size, batch_count, clip_skip, threads;
    int64_t variation_seed, seed_width, seed_height, ensd;
    double cfg, eta, s_churn, s_tmin, s_tmax, s_noise, sigma_min, sigma_max, rho, variation_strength, strength;
    size_t memory_limit;
    bool exact, quiet, discard;
} PictureArguments;

/* Reads and checks a command line. GO_ON, or the exit code. picture_options_free in any case. */
int picture_options(const Command *c, PictureArguments *a, int argc, char **argv);

#endif
