#include "workers.h"

#include "tools/server/redis/remote.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REMOTE_USUAL = 32 };

/* What a thread has of its own. */
struct WorkerSet {
    Worker at[MOST_WORKERS];
    Remote remote[MOST_WORKERS];
    OsThread *threads[MOST_WORKERS];
    char devices[MOST_WORKERS][24];
    int started;
};

/* "cuda:0,1" is a card for each worker. */
static int cards_of(const char *device) {
    int n = 1;
    if (!device || strncmp(device, "cuda:", 5) != 0) return 1;
    for (const char *p = device; *p; p++) n += *p == ',';
    return n;
}

static void card(const char *device, int i, char out[24]) {
    const char *p = strchr(device, ':') + 1;
    for (; i > 0; i--) p = strchr(p, ',') + 1;
    snprintf(out, 24, "cuda:%.*s", (int)strcspn(p, ","), p);
}

bool workers_start(Serve *s, Error *e) {
    const ServerOptions *o = s->o;
    WorkerSet *x = s->set = calloc(1, sizeof *x);
    if (!x) return error_set(e, ERR_MEMORY, "out of memory for workers");
    int cards = cards_of(o->open_as.device), count = o->workers ? o->workers : s->redis ? REMOTE_USUAL : cards;
    if (count > MOST_WORKERS) count = MOST_WORKERS;
    s->workers = x->at;
    for (int i = 0; i < count; i++) {
        Worker *w = &x->at[i];
        *w = (Worker){.jobs = s->jobs, .catalog = s->catalog, .how = o->open_as, .publisher = s->publisher, .user = s};
        if (count > 1 && !s->redis) {
            int threads = (w->how.threads ? w->how.threads : os_processors()) / count;
            w->how.threads = threads > 1 ? threads : 1;
            w->how.memory_limit /= (size_t)count;
            if (cards > 1) card(o->open_as.device, i % cards, x->devices[i]), w->how.device = x->devices[i];
        }
        x->remote[i] = (Remote){s, w, s->redis};
        x->threads[i] = s->redis ? os_thread_start(remote_run, &x->remote[i]) : os_thread_start(worker_run, w);
        if (!x->threads[i]) return error_set(e, ERR_MEMORY, "no more threads; lower --workers");
        s->worker_count = ++x->started;
    }
    return true;
}

void workers_join(Serve *s) {
    for (int i = 0; s->set && i < s->set->started; i++) os_thread_join(s->set->threads[i]);
    free(s->set);
    s->set = NULL;
}
