/* precision.h: --precision, and --device, which has a say in it. */
#ifndef SD_TOOLS_CLI_PRECISION_H
#define SD_TOOLS_CLI_PRECISION_H

#include "command.h"
#include "sd/sd.h"

/* The precision of one of PRECISION_WORDS (params.h); NULL: f32. */
SdPrecision precision_of(const char *name);
/* Says on standard error where a model computes, and in what, where that is not what was asked for or not the CPU.
 * precision: the option; NULL: it was not given, and what would be faster is said. */
void say_device(const SdModel *m, const char *precision);
/* What is wrong with these two, as an exit code, or GO_ON; NULL: `otherwise`, f32. That a GPU is there is
 * found out now; that it works, when the model is opened. */
int check_device(const Command *c, const char *device, const char *otherwise, const char *precision);

#endif
