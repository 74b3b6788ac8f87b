/* start.h: the latents that sampling begins with. */
#ifndef SD_PIPELINE_START_H
#define SD_PIPELINE_START_H

#include "generation.h"

/* Whether the request's noise file, if it names one, fits; before anything is computed. */
bool check_noise(const Generation *g, Error *e);
/* Fills g->x, which is allocated, and opens g->noise, which samplers draw from: noise of the seeds, or of the request's
 * noise file; for img2img, the picture's latents with noise of the level at which the schedule is entered. */
bool start_latents(Generation *g, Error *e);

#endif
