/* native.c: jobs of our own: accepted at once, watched, cancelled, fetched for a day. */
#include "tools/server/api/ask/ask.h"
#include "native.h"
#include "pin.h"
#include "reply.h"
#include "routes.h"
#include "sd/image/codecs/png.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *owner_of(const Serve *s, const Call *c) { return c->key >= 0 ? s->keys.at[c->key].name : ""; }

/* --- a job's end --- */

static void finish(Job *j, void *user) {
    Serve *s = user;
    Error e = {0};
    s->pictures += j->count;
    if (!j->error.code) reply_save(s, j, &j->error);
    if (j->error.code == ERR_CANCELLED && jobs_stopped(s->jobs, j))
        return; /* it waits in the file for the next start */
    JobState state = !j->error.code ? JOB_DONE : j->error.code == ERR_CANCELLED ? JOB_CANCELLED : JOB_FAILED;
    if (!store_end(s->store, j, state, &e)) fprintf(stderr, "sdc: %s\n", e.text);
}

/* --- looking --- */

typedef struct {
    const char *id;
    bool found, working;
    int place, step, steps, iteration, iterations, version;
    double done;
    SdStage stage;
    double seconds;
    bool wants; /* a preview, if its step is another than `shown` */
    int shown;
    JobPreview preview;
} Live;

static bool live(void *user, const Job *j, int place) {
    Live *l = user;
    if (!j->lasting || strcmp(j->id, l->id) != 0) return true;
    l->found = true, l->working = !place, l->place = place;
    l->step = j->step, l->steps = j->steps, l->iteration = j->iteration, l->iterations = j->iterations;
    l->done = job_progress(j), l->version = j->version, l->stage = j->stage,
    l->seconds = j->began > 0 ? os_clock() - j->began : 0;
    int shown = j->iteration * 100000 + j->preview_step;
    if (!l->wants || !j->preview_count || shown == l->shown) return false;
    size_t bytes = (size_t)j->previews[0].width * (size_t)j->previews[0].height * 3;
    l->preview = (JobPreview){malloc(bytes), j->previews[0].width, j->previews[0].height};
    if (l->preview.rgb) memcpy(l->preview.rgb, j->previews[0].rgb, bytes);
    l->shown = shown;
    return false;
}

/* Where its pictures are in the bucket. */
static void add_addresses(Serve *s, const char *id, json_t *job) {
    char name[PUBLISH_NAME], address[BUCKET_ADDRESS], file[24];
    json_t *picture;
    size_t i;
    snprintf(file, sizeof file, "%.20s", id);
    if (s->bucket) json_array_foreach(json_object_get(job, "pictures"), i, picture) {
            int64_t seed = json_integer_value(json_object_get(picture, "seed"));
            bucket_address(s->bucket, publish_name(file, (int)i, seed, name), address);
            json_object_set_new(picture, "address", json_string(address));
        }
}

/* A job as the store and the queue know it; NULL: there is none. */
static json_t *state_of(Serve *s, const char *id, const char *owner, Live *l) {
    static const char *const STAGES[] = {"text", "encode", "sample", "decode"};
    *l = (Live){.id = id, .wants = l->wants, .shown = l->shown};
    jobs_each(s->jobs, live, l);
    json_t *j = store_job(s->store, id, owner);
    add_addresses(s, id, j);
    if (!j || !l->found || strcmp(json_string_value(json_object_get(j, "state")), "queued") != 0) {
        l->found = false;
        return j;
    }
    json_object_set_new(j, "state", json_string(l->working ? "generating" : "queued"));
    json_object_set_new(j, "position", json_integer(l->place));
    json_object_set_new(j, "progress", json_real(l->done));
    if (!l->working) return j;
    json_object_set_new(j, "stage", json_string(STAGES[l->stage]));
    json_object_set_new(j, "step", json_integer(l->step));
    json_object_set_new(j, "steps", json_integer(l->steps));
    json_object_set_new(j, "batch", json_integer(l->iteration));
    json_object_set_new(j, "batches", json_integer(l->iterations));
    json_object_set_new(j, "seconds", json_real(l->seconds));
    return j;
}

/* --- accepting --- */

static Job *ask(Serve *s, json_t *body, Fault *f) {
    const json_t *images = json_object_get(body, "init_images");
    bool saves = json_object_get(body, "save_images") != NULL;
    Job *j = ask_webui(s, body, json_array_size(images) > 0, f);
    if (!j) return NULL;
    if (!saves) j->save = s->o->outputs_dir != NULL;
    if (j->request.seed < 0) j->request.seed = sd_random_seed();
    if (j->request.variation_seed < 0) j->request.variation_seed = sd_random_seed();
    j->lasting = true, j->finish = finish;
    return j;
}

static void submit(Serve *s, Call *c) {
    Fault f = {0};
    Error e = {0};
    char known[JOB_ID], id[JOB_ID];
    json_object_del(c->json, "force_task_id"); /* ids are ours */
    Job *j = ask(s, call_json(c), &f);
    if (!j) {
        route_fault(c, &f);
        return;
    }
    snprintf(id, sizeof id, "%s", j->id);
    json_t *told = json_pack("{s:s, s:s}", "id", id, "state", "queued");
    if (json_array_size(j->warnings)) json_object_set_new(told, "warnings", json_deep_copy(j->warnings));
    json_t *pinned = pin_body(s, j);
    char *body = pinned ? json_dumps(pinned, JSON_COMPACT) : NULL;
    json_decref(pinned);
    ask_forget_pictures(j);
    const char *again = c->header[HEADER_IDEMPOTENCY];
    if (again && strlen(again) > 200) answer_detail(&c->answer, 422, "Idempotency-Key: is longer than 200 bytes");
    else if (!body || !store_add(s->store, id, owner_of(s, c), again, body, j->stamp, known, &e))
        answer_detail(&c->answer, 500, "%s", e.code ? e.text : "out of memory");
    else if (*known) {
        Live l = {0};
        answer_json(&c->answer, 200, state_of(s, known, owner_of(s, c), &l));
        answer_extra(&c->answer, "Location: /v1/jobs/%s", known);
    }
    free(body);
    if (c->answer.status) job_free(j);
    else if (route_put(s, c, j, NULL)) {
        answer_json(&c->answer, 202, json_incref(told));
        answer_extra(&c->answer, "Location: /v1/jobs/%s", id);
    } else store_forget(s->store, id);
    json_decref(told);
}

/* --- events --- */

typedef struct {
    Serve *serve;
    char id[JOB_ID], owner[KEY_NAME];
    int version, shown;
    double spoke;
    bool last;     /* what is pending is all */
    char *pending; /* owned */
    size_t at, size;
} Watch;

static void drop_watch(void *watch) {
    Watch *w = watch;
    free(w->pending);
    free(w);
}

/* Adds "event: NAME\ndata: JSON\n\n" to what is pending; takes data over. */
static void event(Watch *w, const char *name, json_t *data) {
    char *text = data ? json_dumps(data, JSON_COMPACT) : NULL;
    json_decref(data);
    size_t n = strlen(name) + (text ? strlen(text) : 0) + 32;
    char *more = text ? realloc(w->pending, w->size + n) : NULL;
    if (more) {
        w->pending = more;
        w->size += (size_t)snprintf(more + w->size, n, "event: %s\ndata: %s\n\n", name, text);
    }
    free(text);
}

static void look_again(Watch *w) {
    Live l = {.wants = true, .shown = w->shown};
    json_t *j = state_of(w->serve, w->id, w->owner, &l);
    uint8_t *png = NULL;
    size_t size;
    if (!j || !l.found) {
        free(l.preview.rgb);
        char state[16];
        snprintf(state, sizeof state, "%s", j ? json_string_value(json_object_get(j, "state")) : "failed");
        w->last = true;
        event(w, strcmp(state, "queued") != 0 ? state : "stopped", j ? j : json_object());
        return;
    }
    w->shown = l.shown;
    if (l.version != w->version || os_clock() - w->spoke > 1) event(w, "progress", json_incref(j));
    w->version = l.version;
    json_decref(j);
    if (l.preview.rgb && png_encode(l.preview.rgb, l.preview.width, l.preview.height, NULL, 0, &png, &size, NULL))
        event(w, "preview", json_pack("{s:i, s:o}", "step", l.shown % 100000 + 1, "image", reply_base64(png, size)));
    free(png);
    free(l.preview.rgb);
}

static StreamStep more_events(Call *c, char *to, size_t room, size_t *size) {
    Watch *w = c->watch;
    if (w->at == w->size && !w->last) {
        free(w->pending);
        w->pending = NULL, w->at = w->size = 0;
        look_again(w);
    }
    *size = w->size - w->at < room ? w->size - w->at : room;
    if (*size) memcpy(to, w->pending + w->at, *size), w->spoke = os_clock();
    w->at += *size;
    return w->last && w->at == w->size ? STREAM_END : STREAM_GO_ON;
}

static void events(Serve *s, Call *c, const char *id) {
    Watch *w = calloc(1, sizeof *w);
    if (!w) return;
    *w = (Watch){.serve = s, .version = -1, .shown = -1};
    snprintf(w->id, sizeof w->id, "%s", id);
    snprintf(w->owner, sizeof w->owner, "%s", owner_of(s, c));
    c->watch = w, c->drop_watch = drop_watch, c->stream = more_events;
}

/* --- one job --- */

static void picture(Serve *s, Call *c, const char *id, const char *which) {
    size_t size = 0;
    char *bytes = NULL;
    if (*which && !which[strspn(which, "0123456789")] && strlen(which) < 6)
        bytes = store_picture(s->store, id, (int)strtol(which, NULL, 10), owner_of(s, c), &size);
    if (bytes) answer_bytes(&c->answer, 200, "image/png", bytes, size);
    else answer_detail(&c->answer, 404, "Not Found");
}

/* /v1/jobs/ID/REST: copies the id; NULL: there is none such. */
static const char *rest_of(const Call *c, char id[JOB_ID]) {
    const char *p = c->path + strlen("/v1/jobs");
    size_t n = *p ? strcspn(p + 1, "/") : 0;
    if (!n || n >= JOB_ID) return NULL;
    snprintf(id, JOB_ID, "%.*s", (int)n, p + 1);
    return p + 1 + n;
}

static void get_jobs(Serve *s, Call *c) {
    char id[JOB_ID];
    Live l = {0};
    if (!strcmp(c->path, "/v1/jobs")) {
        answer_json(&c->answer, 200, json_pack("{s:o}", "jobs", store_list(s->store, owner_of(s, c), 100)));
        return;
    }
    const char *rest = rest_of(c, id);
    json_t *j = rest ? state_of(s, id, owner_of(s, c), &l) : NULL;
    if (j && !*rest) {
        answer_json(&c->answer, 200, j);
        return;
    }
    if (j && !strcmp(rest, "/events")) events(s, c, id);
    else if (j && !strncmp(rest, "/pictures/", 10)) picture(s, c, id, rest + 10);
    else answer_detail(&c->answer, 404, "Not Found");
    json_decref(j);
}

static void cancel(Serve *s, Call *c) {
    char id[JOB_ID];
    const char *rest = rest_of(c, id);
    bool waited;
    json_t *j = rest && (!*rest || !strcmp(rest, "/cancel")) ? store_job(s->store, id, owner_of(s, c)) : NULL;
    if (!j) {
        answer_detail(&c->answer, 404, "Not Found");
        return;
    }
    const char *state = json_string_value(json_object_get(j, "state"));
    bool there = jobs_cancel(s->jobs, id, &waited);
    if (waited) (void)store_cancel(s->store, id, NULL);
    if (there || (state && !strcmp(state, "cancelled")))
        answer_json(&c->answer, 202, json_pack("{s:s, s:s}", "id", id, "state", "cancelled"));
    else answer_detail(&c->answer, 409, "the job has ended: %s", state && strcmp(state, "queued") ? state : "just now");
    json_decref(j);
}

static void post_jobs(Serve *s, Call *c) {
    if (!strcmp(c->path, "/v1/jobs")) submit(s, c);
    else cancel(s, c);
}

/* --- the next start --- */

static void collect(void *list, const char *id, const char *owner, const char *body, double asked) {
    json_array_append_new(list,
                          json_pack("{s:s, s:s, s:s, s:f}", "id", id, "owner", owner, "body", body, "asked", asked));
}

void native_resume(Serve *s) {
    json_t *list = json_array(), *item;
    size_t i;
    store_waiting(s->store, collect, list);
    json_array_foreach(list, i, item) {
        Fault f = {0};
        Error e = {0};
        json_t *body = json_loads(json_string_value(json_object_get(item, "body")), 0, NULL);
        const char *id = json_string_value(json_object_get(item, "id"));
        const char *owner = json_string_value(json_object_get(item, "owner"));
        Job *j = ask(s, body, &f);
        for (int k = 0; j && k < s->keys.count; k++)
            if (!strcmp(s->keys.at[k].name, owner)) j->key = k;
        if (j) {
            snprintf(j->id, sizeof j->id, "%s", id);
            snprintf(j->file, sizeof j->file, "%.20s", id);
            j->stamp = json_real_value(json_object_get(item, "asked"));
            j->resumed = true;
            ask_forget_pictures(j);
        }
        if (j && jobs_add(s->jobs, j, NULL) == JOBS_TAKEN) continue;
        Job failed = {.began = os_clock()};
        snprintf(failed.id, sizeof failed.id, "%s", id);
        error_set(&failed.error, ERR_ARGUMENT, "%s", f.status ? f.text : "out of memory");
        store_end(s->store, &failed, JOB_FAILED, &e);
        job_free(j);
    }
    json_decref(list);
}

const Route NATIVE_ROUTES[] = {
    {"GET", "/v1/jobs", get_jobs, ROUTE_BELOW, "the jobs; /ID: one; /ID/events: as it is drawn; /ID/pictures/N: a PNG",
     NULL},
    {"POST", "/v1/jobs", post_jobs, ROUTE_JSON | ROUTE_BELOW, "draws what txt2img or img2img would; /ID/cancel",
     "@txt2img,@img2img,init_images:a,mask:s,override_settings:o,alwayson_scripts:o,styles:a,refiner_checkpoint:s,save_"
     "images:b,n_iter:i"},
    {"DELETE", "/v1/jobs", cancel, ROUTE_BELOW, "/ID: cancels it", NULL},
    {0},
};
