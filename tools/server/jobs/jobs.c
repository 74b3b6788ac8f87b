#include "jobs.h"

#include "tools/server/http/http.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct Jobs {
    OsLock *lock;
    OsCondition *change;
    Job *waiting, **last; /* oldest first */
    Job *working;
    int most, quota, waits, works, unload;
    size_t most_bytes;
    bool one_other, closed, ended;
};

Jobs *jobs_new(int most, size_t most_bytes, int quota, bool one_other, Error *e) {
    Jobs *q = calloc(1, sizeof *q);
    if (q)
        *q = (Jobs){.lock = os_lock_new(),
                    .change = os_condition_new(),
                    .last = &q->waiting,
                    .most = most,
                    .most_bytes = most_bytes,
                    .quota = quota,
                    .one_other = one_other};
    if (q && q->lock && q->change) return q;
    jobs_free(q);
    error_set(e, ERR_MEMORY, "out of memory for the queue");
    return NULL;
}

void jobs_free(Jobs *q) {
    if (!q) return;
    while (q->waiting) {
        Job *j = q->waiting;
        q->waiting = j->next;
        job_free(j);
    }
    os_condition_free(q->change);
    os_lock_free(q->lock);
    free(q);
}

Job *job_new(void) {
    Job *j = calloc(1, sizeof *j);
    if (!j) return NULL;
    j->iterations = j->passes = 1, j->send = j->mask_round = true, j->key = -1, j->done = -1, j->asked = os_clock();
    j->warnings = json_array();
    if (j->warnings) return j;
    free(j);
    return NULL;
}

void job_free(Job *j) {
    if (!j) return;
    for (int i = 0; i < j->count; i++)
        free(j->pictures[i].png), free(j->pictures[i].text), free(j->pictures[i].address);
    for (int i = 0; i < JOB_PREVIEWS; i++) free(j->previews[i].rgb);
    free(j->pictures);
    free(j->model), free(j->vae), free(j->refiner), free(j->hires_model), free(j->title);
    free(j->upscaler), free(j->upscaler_name);
    free(j->image), free(j->mask), free(j->enlarge.upscaler);
    for (int i = 0; i < j->control_count; i++)
        free(j->controls[i].path), free(j->controls[i].image), free(j->controls[i].mask);
    for (int i = 0; i < j->file_count; i++) free(j->files[i].bytes);
    free(j->files);
    json_decref(j->body), json_decref(j->echo), json_decref(j->warnings), json_decref(j->drawn);
    answer_free(&j->answer);
    free(j);
}

JobPicture *job_picture(Job *j, Error *e) {
    JobPicture *more = realloc(j->pictures, (size_t)(j->count + 1) * sizeof *more);
    if (!more) return error_set(e, ERR_MEMORY, "out of memory for a picture"), NULL;
    j->pictures = more;
    more[j->count] = (JobPicture){0};
    return &more[j->count];
}

JobFile *job_file(Job *j) {
    JobFile *more = realloc(j->files, (size_t)(j->file_count + 1) * sizeof *more);
    if (!more) return NULL;
    j->files = more;
    more[j->file_count] = (JobFile){0};
    return &more[j->file_count++];
}

void job_warn(Job *j, const char *format, ...) {
    enum { MOST = 40 }; /* a request may have thousands of keys */
    char text[700];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    size_t count = json_array_size(j->warnings);
    if (count <= MOST) json_array_append_new(j->warnings, json_lossy(count < MOST ? text : "and more"));
}

double job_progress(const Job *j) {
    if (j->done >= 0) return j->done;
    double drawn = j->iteration * j->passes + j->pass + (j->steps ? (double)j->step / j->steps : 0);
    double done = drawn / (j->iterations * j->passes);
    return done < 1 ? done : 1;
}

/* --- in and out --- */

static int jobs_of(const Jobs *q, int key) {
    int n = 0;
    for (const Job *j = q->waiting; j; j = j->next) n += j->key == key;
    for (const Job *j = q->working; j; j = j->next) n += j->key == key;
    return n;
}

static size_t bytes_of(const Job *j) {
    size_t sum = j->image_size + j->mask_size;
    for (int i = 0; i < j->control_count; i++) sum += j->controls[i].image_size + j->controls[i].mask_size;
    for (int i = 0; i < j->file_count; i++) sum += j->files[i].size;
    return sum;
}

/* Whether pictures that wait would take too much memory. */
static bool is_heavy(const Jobs *q, const Job *j) {
    size_t sum = bytes_of(j);
    for (const Job *w = q->waiting; w; w = w->next) sum += bytes_of(w);
    return q->waiting && sum > q->most_bytes;
}

JobsAdd jobs_add(Jobs *q, Job *j, Call *call) {
    JobsAdd done = JOBS_TAKEN;
    os_lock(q->lock);
    bool counts = j->kind != JOB_LOAD && j->key >= 0 && q->quota;
    if (q->closed) done = JOBS_CLOSED;
    else if (!j->resumed && counts && jobs_of(q, j->key) >= q->quota) done = JOBS_QUOTA;
    else if (!j->resumed && (q->waits >= q->most || is_heavy(q, j))) done = JOBS_FULL;
    else {
        j->call = call, j->next = NULL, j->state = JOB_WAITING;
        if (call) call->waits = true, call->work = j;
        *q->last = j;
        q->last = &j->next;
        q->waits++;
        os_condition_wake(q->change);
    }
    os_unlock(q->lock);
    return done;
}

/* Takes j out of the list at *list. */
static void unlink_job(Jobs *q, Job **list, Job *j) {
    for (Job **at = list; *at; at = &(*at)->next) {
        if (*at != j) continue;
        *at = j->next;
        if (list == &q->waiting && q->last == &j->next) q->last = at;
        j->next = NULL;
        return;
    }
}

static bool is_other(const Job *j) { return j->kind == JOB_ENLARGE || j->kind == JOB_HINT; }

/* The oldest that may begin now. */
static Job *next_job(const Jobs *q) {
    Job *j = q->waiting;
    bool other = false;
    for (const Job *w = q->working; w && q->one_other; w = w->next) other = other || is_other(w);
    while (j && other && is_other(j)) j = j->next;
    return j;
}

Job *jobs_take(Jobs *q, int *unload, bool *ended) {
    Job *j;
    os_lock(q->lock);
    while (!(j = next_job(q)) && !q->ended && *unload == q->unload) os_condition_wait(q->change, q->lock);
    if (*unload != q->unload) j = NULL;
    *unload = q->unload;
    *ended = q->ended && !j;
    if (j) {
        unlink_job(q, &q->waiting, j);
        q->waits--, q->works++;
        j->state = JOB_WORKING, j->began = os_clock(), j->version++;
        Job **end = &q->working;
        while (*end) end = &(*end)->next;
        *end = j;
    }
    os_unlock(q->lock);
    return j;
}

/* With the lock: the answer goes to whoever waits. */
static void deliver(Job *j) {
    if (!j->call) return;
    j->call->work = NULL;
    http_answer(j->call, &j->answer);
    j->call = NULL;
}

void jobs_done(Jobs *q, Job *j, JobState state) {
    os_lock(q->lock);
    unlink_job(q, &q->working, j);
    q->works--;
    j->state = state, j->ended = os_clock();
    deliver(j);
    if (q->one_other && is_other(j)) os_condition_wake(q->change); /* else nobody waits for this */
    os_unlock(q->lock);
    job_free(j);
}

void jobs_finish(Jobs *q, Job *j, void *user) {
    if (j->finish) j->finish(j, user);
    jobs_done(q, j, !j->error.code ? JOB_DONE : j->error.code == ERR_CANCELLED ? JOB_CANCELLED : JOB_FAILED);
}

/* --- in the midst of a job --- */

static void changed(Job *j) { j->version++; }

bool jobs_step(Jobs *q, Job *j, int iteration, const SdProgress *p) {
    os_lock(q->lock);
    if (iteration != j->iteration) j->iteration = iteration, j->step = j->pass = 0;
    j->stage = p->stage;
    if (p->stage == SD_STAGE_SAMPLE) {
        if (p->pictures > 1) j->pass = p->picture, j->passes = p->pictures; /* batches of tiles */
        else if (p->step < j->step && j->pass + 1 < j->passes) j->pass++;   /* hires fix begins anew */
        j->step = p->step, j->steps = p->steps;
    }
    changed(j);
    bool go_on = !j->cancel && !j->interrupted && !j->skipped;
    os_unlock(q->lock);
    return go_on;
}

void jobs_preview(Jobs *q, Job *j, const SdPicture *p, int step) {
    size_t bytes = (size_t)p->width * (size_t)p->height * 3;
    uint8_t *rgb = malloc(bytes);
    if (!rgb) return;
    memcpy(rgb, p->rgb, bytes);
    os_lock(q->lock);
    if (step != j->preview_step) j->preview_step = step, j->preview_count = 0;
    if (j->preview_count < JOB_PREVIEWS) {
        JobPreview *at = &j->previews[j->preview_count++];
        free(at->rgb);
        *at = (JobPreview){rgb, p->width, p->height};
        rgb = NULL;
        changed(j);
    }
    os_unlock(q->lock);
    free(rgb);
}

bool jobs_skipped(Jobs *q, Job *j) {
    os_lock(q->lock);
    bool skipped = j->skipped && !j->cancel && !j->interrupted;
    j->skipped = false;
    os_unlock(q->lock);
    return skipped;
}

bool jobs_stopped(Jobs *q, Job *j) {
    os_lock(q->lock);
    bool stopped = j->stopped;
    os_unlock(q->lock);
    return stopped;
}

bool jobs_interrupted(Jobs *q, Job *j) {
    os_lock(q->lock);
    bool interrupted = j->interrupted && !j->cancel;
    os_unlock(q->lock);
    return interrupted;
}

/* --- from outside --- */

void jobs_gone(Jobs *q, Call *call, bool keep) {
    Job *dropped = NULL;
    os_lock(q->lock);
    Job *j = call->work;
    if (j) {
        j->call = NULL;
        call->work = NULL;
        if (!keep) j->cancel = true;
        if (!keep && j->state == JOB_WAITING) {
            unlink_job(q, &q->waiting, j);
            q->waits--;
            dropped = j;
        }
    }
    os_unlock(q->lock);
    job_free(dropped);
}

void jobs_interrupt(Jobs *q, int key, bool skip) {
    os_lock(q->lock);
    for (Job *j = q->working; j; j = j->next) {
        if (j->kind == JOB_LOAD || (key >= 0 && j->key != key)) continue;
        if (skip) j->skipped = true;
        else j->interrupted = true;
        changed(j);
    }
    os_unlock(q->lock);
}

bool jobs_cancel(Jobs *q, const char *id, bool *waited) {
    Job *found = NULL;
    *waited = false;
    os_lock(q->lock);
    for (Job *j = q->working; j; j = j->next)
        if (j->lasting && !strcmp(j->id, id)) j->cancel = true, found = j;
    for (Job *j = q->waiting; j && !found; j = j->next)
        if (j->lasting && !strcmp(j->id, id)) *waited = true, found = j;
    if (*waited) {
        unlink_job(q, &q->waiting, found);
        q->waits--;
    }
    os_unlock(q->lock);
    if (*waited) job_free(found);
    return found != NULL;
}

void jobs_tell(Jobs *q, const void *owner, const char *what) {
    os_lock(q->lock);
    for (int i = 0; i < 2; i++)
        for (Job *j = i ? q->waiting : q->working; j; j = j->next) {
            if (j->owner != owner) continue;
            if (!strcmp(what, "skip")) j->skipped = true;
            else if (!strcmp(what, "interrupt")) j->interrupted = true;
            else j->cancel = true;
            changed(j);
        }
    os_unlock(q->lock);
}

void jobs_hear(Jobs *q, Job *j, double done, SdStage stage, int step, int steps) {
    os_lock(q->lock);
    j->done = done;
    if (steps > 0) j->stage = stage, j->step = step, j->steps = steps; /* another piece is further than this one */
    changed(j);
    os_unlock(q->lock);
}

bool jobs_told(Jobs *q, Job *j) {
    os_lock(q->lock);
    bool told = j->cancel || j->interrupted || j->skipped;
    os_unlock(q->lock);
    return told;
}

void jobs_unload(Jobs *q) {
    os_lock(q->lock);
    q->unload++;
    os_condition_wake(q->change);
    os_unlock(q->lock);
}

void jobs_each(Jobs *q, bool (*each)(void *user, const Job *j, int place), void *user) {
    bool go_on = true;
    int place = 0;
    os_lock(q->lock);
    for (const Job *j = q->working; j && go_on; j = j->next) go_on = each(user, j, 0);
    for (const Job *j = q->waiting; j && go_on; j = j->next) go_on = each(user, j, ++place);
    os_unlock(q->lock);
}

void jobs_count(Jobs *q, int *waiting, int *working) {
    os_lock(q->lock);
    *waiting = q->waits, *working = q->works;
    os_unlock(q->lock);
}

/* --- the end --- */

void jobs_close(Jobs *q) {
    os_lock(q->lock);
    q->closed = true;
    os_unlock(q->lock);
}

void jobs_cancel_all(Jobs *q) {
    os_lock(q->lock);
    while (q->waiting) {
        Job *j = q->waiting;
        unlink_job(q, &q->waiting, j);
        q->waits--;
        answer_detail(&j->answer, 503, "the server stops; try again");
        answer_extra(&j->answer, "Retry-After: 10");
        deliver(j);
        job_free(j);
    }
    for (Job *j = q->working; j; j = j->next)
        if (!j->cancel) j->cancel = j->stopped = true;
    os_unlock(q->lock);
}

void jobs_end(Jobs *q) {
    os_lock(q->lock);
    q->closed = q->ended = true;
    os_condition_wake(q->change);
    os_unlock(q->lock);
}
