#include "work.h"

#include "piece.h"
#include "scripts.h"

#include "tools/server/api/ask/ask.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TELL_EVERY 0.1
#define FOREIGN_AFTER 0.3 /* seconds that a piece waits for a worker that has its model open */
enum { DEAD_MOST = 1000, ENTRY = 40, KEY = OS_PATH_SIZE + 32 };

/* What a thread keeps from piece to piece. */
typedef struct {
    Pull *pull;
    Link ask, hear;
    char name[24];
    char last[OS_PATH_SIZE]; /* the model that is open */
    double claimed, lived, foreign;
} Puller;

/* A piece at work. */
typedef struct {
    char name[PIECE_NAME], stream[KEY], model[OS_PATH_SIZE], entry[ENTRY];
    Pull *pull;
    bool done; /* under its lock; by the worker's thread, after these: */
    char *told;
    JobPicture *pictures;
    int count;
    bool stopped; /* as this program ends, or nobody wants it here: it is somebody else's, if anybody's */
    /* what was told of it */
    int version, shown;
} Work;

/* "JOB.INDEX": the channel of its job, and the index. */
static int index_of(const char *name, char channel[PIECE_NAME + 8]) {
    const char *dot = strrchr(name, '.');
    snprintf(channel, PIECE_NAME + 8, "sdc:to:%.*s", (int)(dot ? dot - name : 0), name);
    return dot ? (int)strtol(dot + 1, NULL, 10) : 0;
}

/* --- the end of a piece --- */

static void tell_of(Work *w, Job *j) {
    json_t *told = piece_tell(j);
    w->told = told ? json_dumps(told, JSON_COMPACT) : NULL;
    json_decref(told);
    w->pictures = j->pictures, w->count = j->count;
    j->pictures = NULL, j->count = 0;
}

static void finish(Job *j, void *user) {
    Serve *s = user;
    Work *w = j->owner;
    s->pictures += j->count;
    /* Who cancels a piece takes it away: if it is there still, it was put there again. */
    w->stopped = j->error.code == ERR_CANCELLED;
    tell_of(w, j);
    Pull *p = w->pull;
    os_lock(p->lock);
    w->done = true;
    os_condition_wake(p->change);
    os_unlock(p->lock);
}

static void fail(Work *w, const char *why) {
    Job *j = job_new();
    if (!j) return;
    error_set(&j->error, ERR_ARGUMENT, "%s", why);
    tell_of(w, j);
    job_free(j);
}

/* Says what became of it, however long Redis is away. */
static void end(Puller *p, Work *w) {
    char channel[PIECE_NAME + 8], message[24], key[PIECE_NAME + 16], seconds[16];
    int fixed = 10, count = fixed + w->count;
    const char **words = calloc((size_t)count, sizeof *words);
    size_t *sizes = calloc((size_t)count, sizeof *sizes);
    snprintf(message, sizeof message, "%d D", index_of(w->name, channel));
    snprintf(key, sizeof key, "sdc:piece:%s", w->name);
    snprintf(seconds, sizeof seconds, "%d", PIECE_DAY);
    const char *const first[] = {"EVAL", SCRIPT_END, "2", key, w->stream, w->entry, channel, message, w->told, seconds};
    for (int i = 0; words && sizes && w->told && i < count; i++) {
        words[i] = i < fixed ? first[i] : (const char *)w->pictures[i - fixed].png;
        sizes[i] = i < fixed ? strlen(first[i]) : w->pictures[i - fixed].size;
    }
    while (words && sizes && w->told) {
        redisReply *r = link_ask_list(&p->ask, count, words, sizes);
        if (r && r->type == REDIS_REPLY_ERROR) fprintf(stderr, "sdc: Redis: %.300s\n", r->str);
        if (r) freeReplyObject(r);
        if (r || p->pull->stop) break;
        os_sleep(0.05);
    }
    free(words), free(sizes);
}

static void release(Work *w) {
    for (int i = 0; i < w->count; i++) free(w->pictures[i].png), free(w->pictures[i].text);
    free(w->pictures), free(w->told);
}

/* --- in the midst of it --- */

typedef struct {
    Work *work;
    bool found;
    double done;
    int stage, step, steps;
    bool changed;
    JobPreview preview;
    int preview_step;
} Look;

static bool look(void *user, const Job *j, int place) {
    Look *l = user;
    (void)place;
    if (j->owner != l->work) return true;
    l->found = true, l->changed = j->version != l->work->version;
    l->work->version = j->version;
    l->done = job_progress(j), l->stage = j->stage, l->step = j->step, l->steps = j->steps;
    int shown = j->pass * 100000 + j->preview_step;
    if (!j->preview_count || shown == l->work->shown) return false;
    size_t bytes = (size_t)j->previews[0].width * (size_t)j->previews[0].height * 3;
    l->preview = (JobPreview){malloc(bytes), j->previews[0].width, j->previews[0].height};
    if (l->preview.rgb) memcpy(l->preview.rgb, j->previews[0].rgb, bytes);
    l->preview_step = j->preview_step;
    l->work->shown = shown;
    return false;
}

/* False: the queue does not have it any more. */
static bool tell_progress(Puller *p, Work *w) {
    char channel[PIECE_NAME + 8], head[100];
    int index = index_of(w->name, channel);
    Look l = {.work = w};
    jobs_each(p->pull->serve->jobs, look, &l);
    if (l.changed) {
        snprintf(head, sizeof head, "%d P %.6f %d %d %d", index, l.done, l.stage, l.step, l.steps);
        link_do(&p->ask, "PUBLISH %s %s", channel, head);
    }
    if (!l.preview.rgb) return l.found;
    int n = snprintf(head, sizeof head, "%d V %d %d %d ", index, l.preview_step, l.preview.width, l.preview.height);
    size_t bytes = (size_t)l.preview.width * (size_t)l.preview.height * 3;
    char *message = malloc((size_t)n + bytes);
    if (message) {
        memcpy(message, head, (size_t)n), memcpy(message + n, l.preview.rgb, bytes);
        link_do(&p->ask, "PUBLISH %s %b", channel, message, (size_t)n + bytes);
    }
    free(message);
    free(l.preview.rgb);
    return l.found;
}

/* It is still wanted, and still ours. */
static void refresh(Puller *p, Work *w) {
    link_do(&p->ask, "EVAL %s 0 %s %s", SCRIPT_LIVE, p->name, w->model);
    link_do(&p->ask, "XCLAIM %s sdc %s 0 %s JUSTID", w->stream, p->name, w->entry);
    redisReply *r = link_ask(&p->ask, "HGET sdc:piece:%s state", w->name);
    if (r && (r->type == REDIS_REPLY_NIL || (link_string(r) && strcmp(link_string(r), "queued") != 0)))
        jobs_tell(p->pull->serve->jobs, w, "cancel");
    if (r) freeReplyObject(r);
}

/* The connection that listens: to what a server says of this piece (NULL: of none), and that there is work. */
static void listen_to(Puller *p, const char *piece) {
    bool was = p->hear.context != NULL;
    if (!link_up(&p->hear)) return;
    if (!was) link_say(&p->hear, "SUBSCRIBE sdc:wake");
    if (!was && piece) link_say(&p->hear, "SUBSCRIBE sdc:from:%s", piece);
}

/* What a channel brings of this piece; false: nothing is there. */
static bool hear(Puller *p, Work *w, double seconds) {
    redisReply *r = link_hear(&p->hear, seconds);
    if (!r) return false;
    const char *kind = link_string(link_at(r, 0)), *channel = link_string(link_at(r, 1));
    const char *text = link_string(link_at(r, 2));
    if (w && kind && channel && text && !strcmp(kind, "message") && !strncmp(channel, "sdc:from:", 9) &&
        !strcmp(channel + 9, w->name))
        jobs_tell(p->pull->serve->jobs, w, text);
    freeReplyObject(r);
    return true;
}

/* --- a piece --- */

static Job *job_of(Puller *p, Work *w, const char *body) {
    Fault f = {0};
    json_t *all = json_loads(body, 0, NULL);
    bool alpha = json_is_true(json_object_get(all, "mask_alpha"));
    json_object_del(all, "mask_alpha");
    bool img2img = json_array_size(json_object_get(all, "init_images")) > 0;
    Job *j = ask_webui(p->pull->serve, all, img2img, &f);
    if (!j) return fail(w, f.text), NULL;
    ask_forget_pictures(j);
    j->mask_alpha = alpha, j->owner = w, j->finish = finish;
    return j;
}

/* Waits for so long until it is. */
static bool is_done(Work *w, double seconds) {
    Pull *p = w->pull;
    double until = os_clock() + seconds;
    os_lock(p->lock);
    for (double left = seconds; !w->done && left > 0; left = until - os_clock())
        os_condition_wait_for(p->change, p->lock, left);
    bool done = w->done;
    os_unlock(p->lock);
    return done;
}

static void draw(Puller *p, Work *w) {
    Serve *s = p->pull->serve;
    redisReply *r = link_ask(&p->ask, "HMGET sdc:piece:%s state body", w->name);
    const char *state = link_string(link_at(r, 0)), *body = link_string(link_at(r, 1));
    if (!r) return; /* it is claimed again, later */
    if (!state || strcmp(state, "queued") != 0 || !body) {
        link_do(&p->ask, "XACK %s sdc %s", w->stream, w->entry);
        link_do(&p->ask, "XDEL %s %s", w->stream, w->entry);
        freeReplyObject(r);
        return;
    }
    Job *j = job_of(p, w, body);
    freeReplyObject(r);
    listen_to(p, NULL);
    if (p->hear.context) link_say(&p->hear, "SUBSCRIBE sdc:from:%s", w->name);
    if (j && jobs_add(s->jobs, j, NULL) != JOBS_TAKEN) {
        job_free(j);
        j = NULL, w->stopped = true;
    }
    double refreshed = os_clock();
    while (j && !is_done(w, TELL_EVERY)) {
        double now = os_clock();
        if (!tell_progress(p, w) && !is_done(w, 0)) { /* dropped before it was begun, as this program ends */
            w->stopped = true;
            break;
        }
        listen_to(p, w->name);
        while (hear(p, w, 0)) {}
        if (now - refreshed < 0.3 * p->pull->claim_after) continue;
        refreshed = now;
        refresh(p, w);
    }
    if (!w->stopped) end(p, w);
    else /* for another worker, at once; this one's end is not the job's doing */
        link_do(&p->ask, "XCLAIM %s sdc %s 0 %s IDLE %d RETRYCOUNT 0 JUSTID", w->stream, p->name, w->entry,
                1000 * p->pull->claim_after + 1);
    if (p->hear.context) link_say(&p->hear, "UNSUBSCRIBE sdc:from:%s", w->name);
    snprintf(p->last, sizeof p->last, "%s", w->model);
}

/* A piece that ended one worker after the other. */
static bool is_dead(Puller *p, Work *w) {
    redisReply *r = link_ask(&p->ask, "XPENDING %s sdc %s %s 1", w->stream, w->entry, w->entry);
    const redisReply *count = link_at(link_at(r, 0), 3);
    long long deliveries = count && count->type == REDIS_REPLY_INTEGER ? count->integer : 0;
    if (r) freeReplyObject(r);
    if (deliveries <= p->pull->most_deliveries) return false;
    char why[200];
    snprintf(why, sizeof why, "the job was given to %lld workers, and none of them lived to finish it", deliveries - 1);
    fprintf(stderr, "sdc: %s: %s\n", w->name, why);
    link_do(&p->ask, "LPUSH sdc:dead %s", w->name);
    link_do(&p->ask, "LTRIM sdc:dead 0 %d", DEAD_MOST - 1);
    fail(w, why);
    end(p, w);
    return true;
}

/* entry: [ID, ["piece", NAME]] */
static bool begin(const Puller *p, Work *w, const char *model, const redisReply *entry) {
    const char *id = link_string(link_at(entry, 0)), *name = link_string(link_at(link_at(entry, 1), 1));
    *w = (Work){.pull = p->pull, .version = -1, .shown = -1};
    if (!id || !name || strlen(name) >= PIECE_NAME || strlen(id) >= ENTRY) return false;
    snprintf(w->name, sizeof w->name, "%s", name);
    snprintf(w->entry, sizeof w->entry, "%s", id);
    snprintf(w->model, sizeof w->model, "%s", model);
    snprintf(w->stream, sizeof w->stream, "sdc:jobs:%s", model);
    return true;
}

/* --- which one --- */

static bool take_new(Puller *p, Work *w, const char *model) {
    redisReply *r = link_ask(&p->ask, "XREADGROUP GROUP sdc %s COUNT 1 STREAMS sdc:jobs:%s >", p->name, model);
    if (link_is_error(r, "NOGROUP")) link_do(&p->ask, "XGROUP CREATE sdc:jobs:%s sdc 0 MKSTREAM", model);
    bool found = begin(p, w, model, link_at(link_at(link_at(r, 0), 1), 0));
    if (r) freeReplyObject(r);
    return found;
}

static bool take_abandoned(Puller *p, Work *w, const char *model) {
    redisReply *r =
        link_ask(&p->ask, "XAUTOCLAIM sdc:jobs:%s sdc %s %d 0-0 COUNT 1", model, p->name, 1000 * p->pull->claim_after);
    bool found = begin(p, w, model, link_at(link_at(r, 1), 0));
    if (r) freeReplyObject(r);
    return found;
}

/* Whether a piece waits whose model another worker has open, so that it is first offered to that. */
static bool is_foreign(Puller *p, const char *model) {
    if (!strcmp(model, p->last)) return false;
    redisReply *r =
        link_ask(&p->ask, "EVAL %s 2 sdc:loaded:%s sdc:jobs:%s %d", SCRIPT_FOREIGN, model, model, PIECE_ALIVE);
    bool foreign = r && r->type == REDIS_REPLY_INTEGER && r->integer > 0;
    if (r) freeReplyObject(r);
    return foreign;
}

static bool next(Puller *p, Work *w) {
    char path[OS_PATH_SIZE];
    bool builtin, found = false, some_foreign = false;
    double now = os_clock();
    if (now - p->lived > 2) {
        p->lived = now;
        link_do(&p->ask, "EVAL %s 0 %s %s", SCRIPT_LIVE, p->name, p->last);
    }
    bool claims = now - p->claimed > 0.5 * p->pull->claim_after;
    redisReply *models = link_ask(&p->ask, "SMEMBERS sdc:models");
    for (int pass = 0; pass < 2 && !found; pass++)
        for (size_t i = 0; models && models->type == REDIS_REPLY_ARRAY && i < models->elements && !found; i++) {
            const char *model = link_string(models->element[i]);
            if (!model || (pass == 0) != !strcmp(model, p->last)) continue;
            if (!catalog_find(p->pull->serve->catalog, LIST_MODELS, model, path, NULL, &builtin)) continue;
            if (claims && take_abandoned(p, w, model)) {
                found = !is_dead(p, w);
                if (!found) release(w);
                continue;
            }
            bool foreign = is_foreign(p, model);
            some_foreign = some_foreign || foreign;
            if (foreign && (!p->foreign || now - p->foreign < FOREIGN_AFTER)) continue;
            found = take_new(p, w, model);
        }
    if (models) freeReplyObject(models);
    if (claims && !found) p->claimed = now;
    if (!some_foreign || found) p->foreign = 0;
    else if (!p->foreign) p->foreign = now;
    return found;
}

void pull_run(void *pull) {
    Puller p = {.pull = pull};
    uint8_t chance[8];
    p.ask.to = p.hear.to = p.pull->to;
    os_random(chance, sizeof chance);
    for (int i = 0; i < 8; i++) snprintf(p.name + 2 * i, 3, "%02x", chance[i]);
    while (!p.pull->stop) {
        Work w;
        listen_to(&p, NULL);
        if (link_up(&p.ask) && next(&p, &w)) {
            draw(&p, &w);
            release(&w);
        } else if (!p.hear.context) os_sleep(0.05);
        else (void)hear(&p, NULL, p.foreign > 0 ? 0.05 : 0.25);
    }
    if (p.ask.context) link_do(&p.ask, "ZREM sdc:workers %s", p.name);
    link_down(&p.ask), link_down(&p.hear);
}
