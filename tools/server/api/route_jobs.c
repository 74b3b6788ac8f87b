/* route_jobs.c: what routes that draw share. */
#include "routes.h"

void route_fault(Call *c, const Fault *f) { answer_detail(&c->answer, f->status ? f->status : 500, "%s", f->text); }

void route_add(Serve *s, Call *c, Job *j) { (void)route_put(s, c, j, c); }

bool route_put(Serve *s, Call *c, Job *j, Call *waits) {
    j->key = c->key;
    switch (jobs_add(s->jobs, j, waits)) {
    case JOBS_TAKEN: return true;
    case JOBS_QUOTA:
        answer_detail(&c->answer, 429, "this key has %d jobs already; try again when one is done", s->o->quota);
        answer_extra(&c->answer, "Retry-After: 5");
        break;
    case JOBS_CLOSED:
        answer_detail(&c->answer, 503, "the server stops; try again");
        answer_extra(&c->answer, "Retry-After: 10");
        break;
    default: answer_detail(&c->answer, 503, "the queue is full; try again"); answer_extra(&c->answer, "Retry-After: 5");
    }
    job_free(j);
    return false;
}
