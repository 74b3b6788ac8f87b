/* pipeline.h: whole pictures, for the suites of micro and full-size models. */
#ifndef SD_TESTS_PIPELINE_PIPELINE_H
#define SD_TESTS_PIPELINE_PIPELINE_H

#include "sd/sd.h"

/* The goldens' request: "a lovely cat", 5 steps, CFG 7, torch's CPU noise. */
SdRequest pipeline_request(const char *sampler, int64_t seed, int width, int height);
/* What pipeline_run opens models with: f32, unless a test sets another. */
extern SdPrecision pipeline_precision;
extern const char *pipeline_device; /* NULL: the CPU */
/* Opens the model, makes the request's pictures, closes it. */
bool pipeline_run(const char *path, int threads, const SdRequest *r, SdResult *out, Error *e);
/* Checks every tensor of a golden against a file of taps: in f32-direct by the golden's own rule, in f32 within
 * PIPELINE_F32; 16-bit types, whose latents drift apart from step to step, within bounds of their own. */
void pipeline_golden(const char *golden, const char *taps, const char *label);

/* test_memory.c: the memory that SD 1.5 needs with an F16 file, with and without a limit. */
void memory_full(const char *model);

#endif
