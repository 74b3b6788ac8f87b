/* workers.h: the threads that draw. */
#ifndef SD_TOOLS_SERVER_JOBS_WORKERS_H
#define SD_TOOLS_SERVER_JOBS_WORKERS_H

#include "draw.h"
#include "tools/server/serve.h"

/* One for each GPU, or as many as --workers says; with Redis they only hand jobs on. False: some may have begun. */
bool workers_start(Serve *s, Error *e);
/* After jobs_end. */
void workers_join(Serve *s);

#endif
