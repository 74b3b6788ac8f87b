/* worker.c: `sdc worker` from its beginning to its end. */
#include "work.h"

#include "tools/server/jobs/workers.h"
#include "tensor/os.h"

#include <stdio.h>
#include <stdlib.h>

#define TICK 0.03

typedef struct {
    Serve serve;
    LinkAddress to;
    Pull pulls[MOST_WORKERS];
    int started;
} Working;

static bool begin(Working *x, const ServerOptions *o, Error *e) {
    Serve *s = &x->serve;
    s->o = o, s->began = os_clock();
    if (!link_address(&x->to, o->redis, e) || !(s->catalog = catalog_new(o, e)) ||
        !(s->settings = settings_new(o, s->catalog, e)) || !(s->jobs = jobs_new(o->queue, SIZE_MAX / 2, 0, false, e)) ||
        !workers_start(s, e))
        return false;
    for (int i = 0; i < s->worker_count; i++) {
        Pull *p = &x->pulls[i];
        *p = (Pull){.serve = s, .to = &x->to, .claim_after = o->claim_after, .most_deliveries = o->most_deliveries};
        p->lock = os_lock_new(), p->change = os_condition_new();
        if (!p->lock || !p->change || !(p->thread = os_thread_start(pull_run, p)))
            return error_set(e, ERR_MEMORY, "no more threads");
        x->started++;
    }
    return true;
}

static void stop(Working *x) {
    Serve *s = &x->serve;
    int waiting = 0, working = 0;
    double until = os_clock() + s->o->drain_seconds;
    for (int i = 0; i < x->started; i++) x->pulls[i].stop = true;
    do {
        if (s->jobs) jobs_count(s->jobs, &waiting, &working);
        if (waiting + working > 0) os_sleep(TICK);
    } while (waiting + working > 0 && os_clock() < until);
    if (s->jobs) jobs_close(s->jobs), jobs_cancel_all(s->jobs), jobs_end(s->jobs);
    for (int i = 0; i < x->started; i++) os_thread_join(x->pulls[i].thread);
    workers_join(s);
    jobs_free(s->jobs);
    for (int i = 0; i < MOST_WORKERS; i++) os_condition_free(x->pulls[i].change), os_lock_free(x->pulls[i].lock);
    settings_free(s->settings);
    catalog_free(s->catalog);
    free(x);
}

bool server_work(const ServerOptions *o, char **argv, Error *e) {
    (void)argv;
    os_ignore_sigpipe();
    Working *x = calloc(1, sizeof *x);
    if (!x) return error_set(e, ERR_MEMORY, "out of memory for the worker");
    if (!begin(x, o, e)) return stop(x), false;
    printf("working for redis://%s:%d/%d\n", x->to.host, x->to.port, x->to.db);
    fflush(stdout);
    while (!os_stop_signal()) os_sleep(TICK);
    stop(x);
    return true;
}
