/* precision.h: --precision and --device, which decide together what a model computes in. */
#ifndef SD_TOOLS_CLI_PRECISION_H
#define SD_TOOLS_CLI_PRECISION_H

#include "command.h"
#include "sd/sd.h"

/* The precision of one of PRECISION_WORDS (params.h); NULL: f32. */
SdPrecision precision_of(const char *name);
/* Says on standard error where a model computes, unless on the CPU, and in what, unless as requested. precision: the
 * option; NULL: not given, so that a faster one is suggested. */
void say_device(const SdModel *m, const char *precision);
/* Checks both, and reports what is wrong: an exit code, or GO_ON. device NULL: `otherwise`; precision NULL: f32.
 * Whether a GPU exists is checked here; whether it works, when the model is opened. */
int check_device(const Command *c, const char *device, const char *otherwise, const char *precision);

#endif
