/* work.h: `sdc worker`: draws pieces of jobs that servers put into Redis. */
#ifndef SD_TOOLS_SERVER_REDIS_WORK_H
#define SD_TOOLS_SERVER_REDIS_WORK_H

#include "link.h"

#include "tools/server/serve.h"

/* A thread that fetches one piece at a time, hands it to the queue of this process, and tells what became of it. */
typedef struct Pull {
    Serve *serve;
    const LinkAddress *to;
    int claim_after;     /* seconds without a word from its worker after which a piece is somebody else's */
    int most_deliveries; /* workers that a piece is given to */
    _Atomic bool stop;   /* no more pieces */
    OsThread *thread;
    OsLock *lock;
    OsCondition *change; /* wakes it when a piece is drawn */
} Pull;

/* Until stop: for os_thread_start with a Pull. */
void pull_run(void *pull);

#endif
