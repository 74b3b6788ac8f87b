/* publish.h: what stands between a drawn job and its answer where there is a bucket: its pictures go there first, while
 * workers draw on. */
#ifndef SD_TOOLS_SERVER_JOBS_PUBLISH_H
#define SD_TOOLS_SERVER_JOBS_PUBLISH_H

#include "jobs.h"

#include "tools/server/bucket/bucket.h"

typedef struct Publisher Publisher;

/* user: for Job.finish. NULL on error. */
Publisher *publisher_new(Bucket *bucket, Jobs *jobs, void *user, Error *e);
/* A job whose pictures are drawn: its answer goes out once they have arrived, or wait in the spool. */
void publisher_take(Publisher *p, Job *j);
/* After the workers have ended: waits for what is left. NULL is fine. */
void publisher_free(Publisher *p);

/* A picture's name in the bucket: the same whenever the same job is drawn. */
enum { PUBLISH_NAME = 100 };
const char *publish_name(const char *file, int i, int64_t seed, char out[PUBLISH_NAME]);

#endif
