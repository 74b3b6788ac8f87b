/* plan.h: what a request takes, known before it runs. */
#ifndef SD_PIPELINE_PLAN_H
#define SD_PIPELINE_PLAN_H

#include "generation.h"

/* Runs every wanted stage on the plan backend; fills g->plan with exact bytes and FLOPs; gives each stage the fastest
 * mode with which the whole process fits the memory limit; decides whether the request is kept; allocates the arena and
 * sets the context up for running. ERR_MEMORY, with what is needed and what there is, when nothing fits. */
bool plan_memory(Generation *g, Error *e);

/* For work without a Generation: what the process takes beside weights, activations and pictures, and what it may have
 * in memory. least: with the least scratch, not with what its threads have now. */
size_t plan_process(const SdModel *m, bool least);
size_t plan_limit(const SdModel *m);

#endif
