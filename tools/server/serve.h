/* serve.h: what the server's handlers share. */
#ifndef SD_TOOLS_SERVER_SERVE_H
#define SD_TOOLS_SERVER_SERVE_H

#include "catalog.h"
#include "tools/server/http/guard.h"
#include "tools/server/jobs/jobs.h"
#include "tools/server/jobs/publish.h"
#include "server.h"
#include "settings.h"
#include "tools/server/jobs/store.h"
#include "sd/text/tokenizer.h"

#include "tools/server/redis/link.h"

enum { MOST_WORKERS = 64 };

typedef struct WorkerSet WorkerSet;
typedef struct {
    const ServerOptions *o;
    Keys keys;
    Guard guard;
    Catalog *catalog;
    Settings *settings;
    OsLock *styles; /* held while the file of styles is replaced */
    Tokenizer *tokenizer;
    Jobs *jobs;
    Store *store;
    const LinkAddress *redis; /* NULL: jobs are drawn here */
    Bucket *bucket;           /* NULL: none */
    Publisher *publisher;
    const struct Route *const *routes; /* all tables; NULL ends them */
    double began;
    struct Http *http;
    WorkerSet *set;
    struct Worker *workers; /* worker_count of them */
    int worker_count;
    _Atomic bool ready;
    /* for /metrics */
    _Atomic long long calls[6]; /* by the hundreds of their status; 0: the client had gone */
    _Atomic long long pictures;
} Serve;

#endif
