/* remote.h: drawing by workers elsewhere: takes jobs from the queue as a Worker does, splits them into pieces, and puts
 * their pictures together. */
#ifndef SD_TOOLS_SERVER_REDIS_REMOTE_H
#define SD_TOOLS_SERVER_REDIS_REMOTE_H

#include "link.h"

#include "tools/server/jobs/draw.h"
#include "tools/server/serve.h"

typedef struct Remote {
    Serve *serve;
    Worker *worker; /* draws what needs no model: enlargements */
    const LinkAddress *to;
} Remote;

/* Until jobs_end: for os_thread_start with a Remote. */
void remote_run(void *remote);

/* For /metrics; false: Redis does not answer. */
typedef struct {
    long long pieces, workers;
} RemoteCounts;
bool remote_counts(const LinkAddress *to, RemoteCounts *c);

#endif
