/* store.h: jobs that outlive their calls, and the server: in an SQLite file, or in memory.
 *
 * A job is in the file before its client is told that it was accepted; its pictures and its end come in one
 * transaction. So whatever happens, a job is waiting, and is drawn when the server is started again, or has ended. */
#ifndef SD_TOOLS_SERVER_JOBS_STORE_H
#define SD_TOOLS_SERVER_JOBS_STORE_H

#include "jobs.h"

typedef struct Store Store;

enum { STORE_DAY = 86400 }; /* seconds that a job is kept after its end */

/* path NULL: in memory. NULL on error: the file is none of ours, or another server's. */
Store *store_open(const char *path, Error *e);
void store_close(Store *s);

/* A job that was accepted, at `asked` seconds since the epoch. body: what draws it again. again: the caller's own name
 * for it, or NULL; where the owner has a job of that name, its id goes to `known` and nothing is added. */
bool store_add(Store *s, const char *id, const char *owner, const char *again, const char *body, double asked,
               char known[JOB_ID], Error *e);
/* It ended: with its pictures, or an error, or cancelled. */
bool store_end(Store *s, const Job *j, JobState state, Error *e);
bool store_cancel(Store *s, const char *id, Error *e);
void store_forget(Store *s, const char *id);

/* A job as GET /v1/jobs/ID answers; owner NULL: whosever. NULL: there is none. */
json_t *store_job(Store *s, const char *id, const char *owner);
/* The newest, up to `most`. */
json_t *store_list(Store *s, const char *owner, int most);
/* A picture's bytes, malloc'ed; NULL: there is none. */
char *store_picture(Store *s, const char *id, int i, const char *owner, size_t *size);
/* Calls `each` for jobs that wait, oldest first; it may not call the store. */
typedef void StoreEach(void *user, const char *id, const char *owner, const char *body, double asked);
void store_waiting(Store *s, StoreEach *each, void *user);
/* Forgets what ended more than a day ago, and, in memory, the oldest of what is too much. */
void store_clean(Store *s);

#endif
