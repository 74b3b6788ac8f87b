/* enlarge.h: what a worker does with a picture that is only to be larger. */
#ifndef SD_TOOLS_SERVER_JOBS_ENLARGE_H
#define SD_TOOLS_SERVER_JOBS_ENLARGE_H

#include "jobs.h"

/* j->enlarge of j->files: a picture for each, or j->error. */
void enlarge_pictures(Jobs *q, const SdOptions *how, Job *j);

#endif
