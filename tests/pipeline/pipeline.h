/* pipeline.h: whole pictures in tests, shared by the micro and the full-size suite. */
#ifndef SD_TESTS_PIPELINE_PIPELINE_H
#define SD_TESTS_PIPELINE_PIPELINE_H

#include "sd/sd.h"

/* The goldens' request: "a lovely cat", 5 steps, CFG 7, torch's CPU noise. */
SdRequest pipeline_request(const char *sampler, int64_t seed, int width, int height);
/* The precision that pipeline_run opens models with: f32 unless a test says otherwise. */
extern SdPrecision pipeline_precision;
extern const char *pipeline_device; /* NULL: the CPU */
/* Opens, makes, closes. */
bool pipeline_run(const char *path, int threads, const SdRequest *r, SdResult *out, Error *e);
/* One check for each tensor of a golden against a file of taps: by the golden's rule in f32-direct, within PIPELINE_F32
 * in f32; 16-bit types, in which latents drift apart from step to step, within bounds of theirs. */
void pipeline_golden(const char *golden, const char *taps, const char *label);

/* test_memory.c: the memory that SD 1.5 takes from an F16 file, with and without a limit. */
void memory_full(const char *model);

#endif
