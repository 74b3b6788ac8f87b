/* control.h: a request's ControlNets: their hints and their weights. control_calls.h has what they add to a U-Net call.
 */
#ifndef SD_PIPELINE_CONTROL_H
#define SD_PIPELINE_CONTROL_H

#include "sd/pipeline/generation.h"

/* Whether the request's ControlNets are of this model, and what they say is in range; ERR_ARGUMENT. */
bool control_check(const SdModel *m, const SdRequest *r, Error *e);
/* Makes their hints, at the request's size. control_end in any case. */
bool control_begin(Generation *g, Error *e);
void control_end(Generation *g);

/* How many are at work with the expert at work: the base's alone are. */
int control_count(const Generation *g, const Expert *d);
/* All weights of those of this expert; bytes that they have in memory. */
bool control_load(Generation *g, const Expert *d, bool streamed, Error *e);
void control_release(Generation *g);
size_t control_bytes(const Generation *g, const Expert *d, bool streamed);

/* The weights that the next ops read are this one's, streamed if the U-Net's are; returns what control_leave takes to
 * give way to the U-Net again. */
const WeightSource *control_enter(Generation *g, const Control *k);
void control_leave(Generation *g, const WeightSource *before);
/* Allocates its guide at the bottom of the arena; it is not made yet. */
void control_place(Generation *g, Control *k);
/* Makes its guide current. Its weights must be in memory. */
void control_guide(Generation *g, Control *k);

/* How many hints a guide is made of: windows of the latents, of all pictures or of each; and which one entry i of a
 * U-Net call has, whose first is window call->first of the group. */
int64_t control_rows(const Generation *g, const Control *k);

#endif
