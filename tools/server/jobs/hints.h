/* hints.h: what a worker does with pictures of which only hints for ControlNets are made. */
#ifndef SD_TOOLS_SERVER_JOBS_HINTS_H
#define SD_TOOLS_SERVER_JOBS_HINTS_H

#include "jobs.h"

/* j->hint of j->files: a picture for each, or j->error. */
void hint_pictures(Jobs *q, Job *j);

#endif
