/* pipeline.h: whole pictures, for the suites of micro and full-size models. */
#ifndef SD_TESTS_PIPELINE_PIPELINE_H
#define SD_TESTS_PIPELINE_PIPELINE_H

#include "sd/sd.h"

/* The goldens' request: "a lovely cat", 5 steps, CFG 7, torch's CPU noise. */
SdRequest pipeline_request(const char *sampler, int64_t seed, int width, int height);
/* Opens the model, makes the request's pictures, closes it. device NULL: what SDC_TEST_DEVICE says, else the CPU. */
bool pipeline_run(const char *path, const SdOptions *o, const SdRequest *r, SdResult *out, Error *e);
/* Checks every tensor of a golden against a file of taps made in this precision: in f32-direct by the golden's own
 * rule, in others, whose latents drift apart from step to step, within bounds of their own. */
void pipeline_golden(const char *golden, SdPrecision precision, const char *taps, const char *label);

/* test_memory.c: the memory that SD 1.5 needs with an F16 file, with and without a limit. */
void memory_full(const char *model);

#endif
