/* draw.h: a worker: draws one job after the other. */
#ifndef SD_TOOLS_SERVER_JOBS_DRAW_H
#define SD_TOOLS_SERVER_JOBS_DRAW_H

#include "tools/server/catalog.h"
#include "jobs.h"
#include "publish.h"

typedef struct Worker {
    Jobs *jobs;
    Catalog *catalog;
    SdOptions how;          /* of this worker's models */
    Publisher *publisher;   /* NULL: no bucket */
    void *user;             /* for Job.finish */
    _Atomic long long busy; /* microseconds that it has worked */
    _Atomic int models;     /* that it has open */
} Worker;

/* Until jobs_end: for os_thread_start with a Worker. */
void worker_run(void *worker);

#endif
