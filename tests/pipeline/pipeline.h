/* pipeline.h: whole pictures, for the suites of micro and full-size models. */
#ifndef SD_TESTS_PIPELINE_PIPELINE_H
#define SD_TESTS_PIPELINE_PIPELINE_H

#include "tools/ledger/pipeline.h"

/* Opens the model, makes the request's pictures, closes it. device NULL: what SDC_TEST_DEVICE says, else the CPU. */
bool pipeline_run(const char *path, const SdOptions *o, const SdRequest *r, SdResult *out, Error *e);
/* Checks every tensor of a golden against a file of taps made in this precision: in f32-direct by the golden's own
 * rule, in others, whose latents drift apart from step to step, within bounds of their own. */
void pipeline_golden(const char *golden, SdPrecision precision, const char *taps, const char *label);

/* Whether two pictures have the same size and bytes. */
bool pipeline_same_picture(const SdPicture *a, const SdPicture *b);

/* Checks that two files of taps have the same activations, to the bit; the first that differs is named. */
void pipeline_same_taps(const char *a, const char *b, const char *label);

/* The cases of a micro golden (tools/ledger/pipeline.c), by a model of this file on this device, as checks. */
void pipeline_ledger(const char *model, const char *golden, const char *device, SdPrecision precision);

/* test_memory.c: the memory that SD 1.5 needs with an F16 file, with and without a limit. */
void memory_full(const char *model);

#endif
