#include "remote.h"

#include "piece.h"
#include "scripts.h"

#include "tools/server/jobs/enlarge.h"
#include "tools/server/jobs/hints.h"
#include "tools/server/api/pin.h"
#include "sd/info/params.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_EVERY 1.0 /* seconds: what a channel says may be lost */
#define ADD_EVERY 10.0
enum { MOST_PIECES = 4096 };

typedef struct {
    char *body;
    bool done;
    double progress;
    json_t *told; /* then its pictures are here: */
    uint8_t **png;
    size_t *sizes;
    int count;
} Piece;

/* A job at work. */
typedef struct {
    Remote *remote;
    Job *job;
    Link ask, hear;
    char model[OS_PATH_SIZE];
    Piece *pieces;
    int count, done;
    char id[32]; /* of its pieces: ID.0, ID.1 ... */
    double added, looked;
    bool listens; /* to the job's channel */
    bool heard;   /* a channel says that a piece has ended */
} Split;

/* --- pieces --- */

/* Workers that are there. */
static int live(Split *x) {
    redisReply *r = link_ask(&x->ask, "EVAL %s 1 sdc:workers %d", SCRIPT_COUNT, PIECE_ALIVE);
    int n = r && r->type == REDIS_REPLY_INTEGER && r->integer < 1000 ? (int)r->integer : 1;
    if (r) freeReplyObject(r);
    return n;
}

static void set_whole(json_t *body, const char *row, int64_t v) {
    json_object_set_new(body, param_named(row)->json, json_integer(v));
}

/* Each batch in as many parts as there are workers. The seeds are those of one batch. The name of a part tells its
 * size, so that one that was left from an earlier start is not taken for another. */
static bool split(Split *x) {
    Job *j = x->job;
    SdRequest *r = &j->request;
    Serve *s = x->remote->serve;
    SdRequest usual = sd_request(NULL);
    if (r->seed < 0) r->seed = sd_random_seed();
    if (r->variation_seed < 0) r->variation_seed = sd_random_seed();
    if (r->batch_size < 1) r->batch_size = usual.batch_size;
    int batch = request_pictures(r);
    int workers = live(x),
        parts = workers < 1       ? 1
                : workers < batch ? workers
                                  : batch,
        size = (batch + parts - 1) / parts;
    parts = (batch + size - 1) / size;
    snprintf(x->id, sizeof x->id, "%s.%d", j->file, size);
    x->count = parts * j->iterations;
    if (x->count > MOST_PIECES)
        return error_set(&j->error, ERR_ARGUMENT, "%d batches are more than the %d that workers share; ask for fewer",
                         x->count, MOST_PIECES);
    json_t *whole = pin_body(s, j);
    x->pieces = calloc((size_t)x->count, sizeof *x->pieces);
    bool ok = whole && x->pieces;
    json_object_del(whole, "save_images");
    if (j->mask_alpha) json_object_set_new(whole, "mask_alpha", json_true());
    for (int i = 0; ok && i < x->count; i++) {
        json_t *body = json_copy(whole);
        int at = i % parts * size, first = i / parts * batch + at;
        set_whole(body, "seed", r->variation_strength != 0 ? r->seed : r->seed + first);
        set_whole(body, "variation-seed", r->variation_seed + first);
        if (!request_tiles(r)) set_whole(body, "batch-size", batch - at < size ? batch - at : size);
        json_object_set_new(body, "n_iter", json_integer(1));
        x->pieces[i].body = body ? json_dumps(body, JSON_COMPACT) : NULL;
        ok = x->pieces[i].body != NULL;
        json_decref(body);
    }
    json_decref(whole);
    return ok || error_set(&j->error, ERR_MEMORY, "out of memory for the job's pieces");
}

/* --- Redis --- */

static void add(Split *x, int i) {
    char name[PIECE_NAME];
    snprintf(name, sizeof name, "%s.%d", x->id, i);
    redisReply *r = link_ask(&x->ask, "EVAL %s 2 sdc:piece:%s sdc:jobs:%s %s %s %s %d", SCRIPT_ADD, name, x->model,
                             name, x->model, x->pieces[i].body, PIECE_DAY);
    if (r && r->type == REDIS_REPLY_ERROR) fprintf(stderr, "sdc: Redis: %.300s\n", r->str);
    if (r) freeReplyObject(r);
}

static void drop(Split *x, int i) {
    char name[PIECE_NAME];
    snprintf(name, sizeof name, "%s.%d", x->id, i);
    link_do(&x->ask, "EVAL %s 2 sdc:piece:%s sdc:jobs:%s sdc:from:%s", SCRIPT_DROP, name, x->model, name);
}

/* The pictures of a piece that has ended; false: not all of them could be had now. */
static bool fetch(Split *x, int i, const char *told) {
    Piece *p = &x->pieces[i];
    p->told = json_loads(told, 0, NULL);
    p->count = (int)json_array_size(json_object_get(p->told, "pictures"));
    p->png = calloc((size_t)p->count + 1, sizeof *p->png), p->sizes = calloc((size_t)p->count + 1, sizeof *p->sizes);
    bool ok = p->told && p->png && p->sizes;
    for (int k = 0; ok && k < p->count; k++) {
        redisReply *r = link_ask(&x->ask, "HGET sdc:piece:%s.%d png%d", x->id, i, k);
        ok = r && r->type == REDIS_REPLY_STRING && (p->png[k] = malloc(r->len + 1));
        if (ok) memcpy(p->png[k], r->str, r->len), p->sizes[k] = r->len;
        if (r) freeReplyObject(r);
    }
    if (ok) return true;
    for (int k = 0; p->png && k < p->count; k++) free(p->png[k]);
    json_decref(p->told);
    free(p->png), free(p->sizes);
    p->told = NULL, p->png = NULL, p->sizes = NULL, p->count = 0;
    return false;
}

/* Looks whether a piece has ended; one that Redis has lost is added again. */
static void look(Split *x, int i) {
    Piece *p = &x->pieces[i];
    redisReply *r = link_ask(&x->ask, "HMGET sdc:piece:%s.%d state told", x->id, i);
    const redisReply *state = link_at(r, 0);
    if (state && state->type == REDIS_REPLY_NIL) add(x, i);
    else if (link_string(state) && !strcmp(state->str, "done") && link_string(link_at(r, 1)))
        if (fetch(x, i, link_at(r, 1)->str)) p->done = true, p->progress = 1, x->done++;
    if (r) freeReplyObject(r);
}

/* --- what channels bring --- */

static void tell(Split *x, SdStage stage, int step, int steps) {
    double sum = 0;
    for (int i = 0; i < x->count; i++) sum += x->pieces[i].progress;
    jobs_hear(x->remote->serve->jobs, x->job, sum / x->count, stage, step, steps);
}

static void message(Split *x, const char *text, size_t size) {
    int i, used = 0, stage, step, steps, width, height;
    double done;
    char kind;
    if (sscanf(text, "%d %c%n", &i, &kind, &used) != 2 || i < 0 || i >= x->count || x->pieces[i].done) return;
    if (kind == 'D') x->heard = true;
    if (kind == 'P' && sscanf(text + used, "%lf %d %d %d", &done, &stage, &step, &steps) == 4 && stage >= 0 &&
        stage <= SD_STAGE_DECODE) {
        x->pieces[i].progress = done;
        tell(x, (SdStage)stage, step, steps);
    }
    bool first = true; /* previews are of the first that has not ended */
    for (int k = 0; k < i; k++) first = first && x->pieces[k].done;
    if (kind != 'V' || !first || sscanf(text + used, "%d %d %d%n", &step, &width, &height, &stage) != 3) return;
    size_t head = (size_t)used + (size_t)stage + 1;
    if (width < 1 || height < 1 || width > 8192 || height > 8192 || size != head + (size_t)width * (size_t)height * 3)
        return;
    SdPicture picture = {.width = width, .height = height};
    picture.rgb = (uint8_t *)(uintptr_t)text + head;
    jobs_preview(x->remote->serve->jobs, x->job, &picture, step);
}

static void listen_to(Split *x) {
    if (x->hear.context && x->listens) return;
    x->listens = link_up(&x->hear) && link_say(&x->hear, "SUBSCRIBE sdc:to:%s", x->id);
}

static void hear(Split *x, double seconds) {
    redisReply *r;
    if (!x->hear.context) os_sleep(seconds);
    while ((r = link_hear(&x->hear, seconds))) {
        const char *kind = link_string(link_at(r, 0)), *channel = link_string(link_at(r, 1));
        const redisReply *text = link_at(r, 2);
        bool ours = kind && channel && !strcmp(kind, "message") && strlen(channel) > 7 && !strcmp(channel + 7, x->id);
        if (ours && link_string(text)) message(x, text->str, text->len);
        freeReplyObject(r);
        seconds = 0;
    }
}

/* --- a job --- */

/* The caller wants it no more, or what there is: pieces that nobody has begun are dropped. True: it is over. */
static bool stop(Split *x) {
    Jobs *jobs = x->remote->serve->jobs;
    if (!jobs_told(jobs, x->job)) return false;
    bool interrupted = jobs_interrupted(jobs, x->job), skipped = !interrupted && jobs_skipped(jobs, x->job);
    if (!interrupted && !skipped) {
        bool stopped = jobs_stopped(jobs, x->job) && x->job->lasting; /* the next start finds its pieces */
        for (int i = 0; i < x->count && !stopped; i++) drop(x, i);
        error_set(&x->job->error, ERR_CANCELLED, "cancelled");
        return true;
    }
    for (int i = 0; i < x->count; i++)
        if (!x->pieces[i].done)
            link_do(&x->ask, "PUBLISH sdc:from:%s.%d %s", x->id, i, interrupted ? "interrupt" : "skip");
    if (skipped) return false;
    /* What is being drawn ends with what there is; the rest is not begun. */
    double until = os_clock() + 10;
    while (x->done < x->count && os_clock() < until) {
        bool open = false;
        for (int i = 0; i < x->count; i++) {
            if (!x->pieces[i].done) look(x, i);
            open = open || (!x->pieces[i].done && x->pieces[i].progress > 0);
        }
        if (!open) break;
        hear(x, 0.02);
    }
    for (int i = 0; i < x->count; i++)
        if (!x->pieces[i].done) drop(x, i);
    x->job->partial = true;
    return true;
}

static void gather(Split *x) {
    bool first = true;
    for (int i = 0; i < x->count; i++) {
        Piece *p = &x->pieces[i];
        if (!p->done) continue;
        if (!x->job->error.code) {
            bool ok = piece_take(x->job, p->told, p->png, p->sizes, p->count, first);
            if (!ok) error_set(&x->job->error, ERR_FORMAT, "a worker's answer is of another version");
            first = false;
            free(p->png), p->png = NULL;
        }
        drop(x, i);
    }
}

static void release(Split *x) {
    for (int i = 0; x->pieces && i < x->count; i++) {
        Piece *p = &x->pieces[i];
        for (int k = 0; p->png && k < p->count; k++) free(p->png[k]);
        free(p->body), free(p->png), free(p->sizes);
        json_decref(p->told);
    }
    free(x->pieces);
    x->pieces = NULL;
}

static void draw(Split *x) {
    piece_model(x->job->title, x->model);
    if (!split(x)) return;
    x->added = x->looked = -ADD_EVERY;
    x->done = 0, x->listens = false;
    while (x->done < x->count) {
        double now = os_clock();
        bool add_all = x->ask.context ? now - x->added > ADD_EVERY : true;
        listen_to(x);
        if (link_up(&x->ask) && (add_all || x->heard || now - x->looked > LOOK_EVERY)) {
            x->heard = false, x->looked = now;
            if (add_all) x->added = now;
            for (int i = 0; i < x->count; i++) {
                if (!x->pieces[i].done && add_all) add(x, i);
                if (!x->pieces[i].done) look(x, i);
            }
        }
        if (x->done == x->count || stop(x)) break;
        hear(x, 0.03);
    }
    gather(x);
    if (x->hear.context) link_say(&x->hear, "UNSUBSCRIBE sdc:to:%s", x->id);
}

void remote_run(void *remote) {
    Split x = {.remote = remote};
    int unload = 0;
    bool ended = false;
    Serve *s = x.remote->serve;
    Worker *w = x.remote->worker;
    x.ask.to = x.hear.to = x.remote->to;
    while (!ended) {
        Job *j = jobs_take(s->jobs, &unload, &ended);
        if (!j) continue;
        double began = os_clock();
        x.job = j;
        if (j->kind == JOB_ENLARGE) enlarge_pictures(s->jobs, &w->how, j);
        else if (j->kind == JOB_HINT) hint_pictures(s->jobs, j);
        else if (j->kind == JOB_DRAW) draw(&x);
        release(&x);
        w->busy += (long long)(1e6 * (os_clock() - began));
        if (w->publisher && j->kind == JOB_DRAW && j->count && !j->error.code) publisher_take(w->publisher, j);
        else jobs_finish(s->jobs, j, w->user);
    }
    link_down(&x.ask), link_down(&x.hear);
}

bool remote_counts(const LinkAddress *to, RemoteCounts *c) {
    Link l = {.to = to, .hasty = true}; /* other calls wait meanwhile */
    redisReply *a = link_ask(&l, "EVAL %s 1 sdc:workers %d", SCRIPT_COUNT, PIECE_ALIVE);
    redisReply *b = a ? link_ask(&l, "EVAL %s 0", SCRIPT_LENGTH) : NULL;
    bool ok = a && b && a->type == REDIS_REPLY_INTEGER && b->type == REDIS_REPLY_INTEGER;
    if (ok) *c = (RemoteCounts){.workers = a->integer, .pieces = b->integer};
    if (a) freeReplyObject(a);
    if (b) freeReplyObject(b);
    link_down(&l);
    return ok;
}
