/* known_answers.h: whole networks with generated weights, against numbers that other implementations computed
 * (CompVis's own code, Hugging Face's, open_clip's), as printed: six decimals. */
#ifndef SD_TESTS_HARNESS_KNOWN_ANSWERS_H
#define SD_TESTS_HARNESS_KNOWN_ANSWERS_H

#include "tensor/ctx.h"

void known_answers_tiny(void); /* U-Nets of 32 and 64 channels */
void known_answers_vae(void);  /* the VAE of SD 1.x and 2.x */
void known_answers_full(void); /* SD 1.x and 2.x: text encoders and U-Nets. Up to 4 GB */

/* The plan against reality: the arena's peak and the memory's addresses. */
void plan_checks(void);

/* The micro model's encoder, stage by stage. */
void micro_checks(void);

/* Checkpoints in every layout, loaded; eps that no output shows. */
void layout_checks(void);
void eps_checks(void);

/* A network to run: in[0..3] and out are its own business. */
typedef void (*Forward)(Ctx *c, const void *network, Tensor out, const Tensor *in);

/* Plans, reserves exactly that much, runs, in pieces of `strip` bytes (ctx.h); one check that the peak is what the plan
 * said.
 * False when that fails. */
bool run_planned(const char *label, const Ops *table, size_t strip, Forward f, const void *network, Tensor out,
                 const Tensor *in);

/* full_pipeline.c: pictures from full-size files. */
void full_pipeline(void);

#endif
