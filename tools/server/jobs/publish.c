#include "publish.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { THREADS = 8 }; /* jobs that wait for their uploads at a time: a slow one keeps nobody else from the bucket */

struct Publisher {
    Bucket *bucket;
    Jobs *jobs;
    void *user;
    OsThread *threads[THREADS];
    int started;
    OsLock *lock;
    OsCondition *change;
    Job *first, **last; /* under the lock, oldest first */
    bool ended;
};

const char *publish_name(const char *file, int i, int64_t seed, char out[PUBLISH_NAME]) {
    snprintf(out, PUBLISH_NAME, "%.40s-%d-%lld.png", file, i, (long long)seed);
    return out;
}

static void publish(Publisher *p, Job *j) {
    char name[PUBLISH_NAME], address[BUCKET_ADDRESS];
    for (int i = 0; i < j->count && !j->error.code; i++)
        bucket_put(p->bucket, publish_name(j->file, i, j->pictures[i].seed, name), j->pictures[i].png,
                   j->pictures[i].size, &j->error);
    bool there = !j->error.code;
    for (int i = 0; i < j->count && !j->error.code; i++) {
        publish_name(j->file, i, j->pictures[i].seed, name);
        there = there && bucket_wait(p->bucket, name);
        bucket_address(p->bucket, name, address);
        j->pictures[i].address = malloc(strlen(address) + 1);
        if (j->pictures[i].address) strcpy(j->pictures[i].address, address);
    }
    if (!there && !j->error.code) job_warn(j, "bucket: does not answer; the pictures are sent when it does");
    jobs_finish(p->jobs, j, p->user);
}

static void run(void *publisher) {
    Publisher *p = publisher;
    os_lock(p->lock);
    while (p->first || !p->ended) {
        Job *j = p->first;
        if (!j) {
            os_condition_wait(p->change, p->lock);
            continue;
        }
        p->first = j->then;
        if (!p->first) p->last = &p->first;
        os_unlock(p->lock);
        publish(p, j);
        os_lock(p->lock);
    }
    os_unlock(p->lock);
}

Publisher *publisher_new(Bucket *bucket, Jobs *jobs, void *user, Error *e) {
    Publisher *p = calloc(1, sizeof *p);
    if (p) {
        *p = (Publisher){.bucket = bucket, .jobs = jobs, .user = user, .lock = os_lock_new(), .last = &p->first};
        p->change = os_condition_new();
        for (; p->lock && p->change && p->started < THREADS; p->started++)
            if (!(p->threads[p->started] = os_thread_start(run, p))) break;
    }
    if (p && p->started) return p;
    error_set(e, ERR_MEMORY, "no more threads for the bucket");
    return publisher_free(p), NULL;
}

void publisher_take(Publisher *p, Job *j) {
    os_lock(p->lock);
    j->then = NULL;
    *p->last = j;
    p->last = &j->then;
    os_condition_wake(p->change);
    os_unlock(p->lock);
}

void publisher_free(Publisher *p) {
    if (!p) return;
    if (p->started) {
        os_lock(p->lock);
        p->ended = true;
        os_condition_wake(p->change);
        os_unlock(p->lock);
        for (int i = 0; i < p->started; i++) os_thread_join(p->threads[i]);
    }
    os_condition_free(p->change);
    os_lock_free(p->lock);
    free(p);
}
