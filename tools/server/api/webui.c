/* webui.c: the webui's routes that draw, and that tell how far that is. */
#include "tools/server/api/ask/ask.h"
#include "reply.h"
#include "routes.h"
#include "stamp.h"
#include "sd/image/codecs/png.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- drawing --- */

static void draw(Serve *s, Call *c, bool img2img) {
    Fault f = {0};
    Job *j = ask_webui(s, call_json(c), img2img, &f);
    if (!j) {
        route_fault(c, &f);
        return;
    }
    ask_forget_pictures(j);
    j->finish = reply_webui;
    route_add(s, c, j);
}

static void txt2img(Serve *s, Call *c) { draw(s, c, false); }
static void img2img(Serve *s, Call *c) { draw(s, c, true); }

/* --- progress --- */

typedef struct {
    int key; /* whose jobs count; -1: all */
    int jobs, iteration, iterations, step, steps;
    double began, asked, done;
    char id[JOB_ID];
    bool interrupted, skipped, loading, picture;
    JobPreview preview;
} Look;

/* The oldest job at work, else that waits; of the rest only how many. What another key draws is not told. */
static bool look(void *user, const Job *j, int place) {
    Look *l = user;
    (void)place;
    if (l->key >= 0 && j->key != l->key && j->kind != JOB_LOAD) return true;
    if (l->jobs++) return true;
    l->done = job_progress(j);
    l->iteration = j->iteration * j->passes + j->pass, l->iterations = j->iterations * j->passes;
    l->step = j->step, l->steps = j->steps;
    l->began = j->began, l->asked = j->asked;
    l->interrupted = j->interrupted, l->skipped = j->skipped, l->loading = j->kind == JOB_LOAD;
    snprintf(l->id, sizeof l->id, "%s", j->id);
    if (!l->picture || !j->preview_count) return true;
    size_t bytes = (size_t)j->previews[0].width * (size_t)j->previews[0].height * 3;
    l->preview = (JobPreview){malloc(bytes), j->previews[0].width, j->previews[0].height};
    if (l->preview.rgb) memcpy(l->preview.rgb, j->previews[0].rgb, bytes);
    return true;
}

static json_t *current_image(const Look *l) {
    uint8_t *png = NULL;
    size_t size;
    json_t *image = NULL;
    if (l->preview.rgb && png_encode(l->preview.rgb, l->preview.width, l->preview.height, NULL, 0, &png, &size, NULL))
        image = reply_base64(png, size);
    free(png);
    return image ? image : json_null();
}

static void progress(Serve *s, Call *c) {
    Look l = {.key = c->key};
    const char *skip = call_query(c, "skip_current_image");
    char digits[STAMP_SIZE];
    l.picture = !skip || (strcmp(skip, "true") != 0 && strcmp(skip, "True") != 0 && strcmp(skip, "1") != 0);
    jobs_each(s->jobs, look, &l);
    double done = 0, left = 0, elapsed = l.began > 0 ? os_clock() - l.began : 0;
    if (l.jobs && l.steps && !l.loading) done = l.done;
    else if (l.jobs) done = 0.01; /* it loads: not 0, which means that nothing is going on */
    if (done > 0 && elapsed > 0) left = elapsed / done - elapsed;
    json_t *state =
        json_pack("{s:b, s:b, s:b, s:s, s:i, s:s, s:i, s:i, s:i}", "skipped", l.skipped, "interrupted", l.interrupted,
                  "stopping_generation", 0, "job", l.id, "job_count", l.jobs ? l.iterations + (l.jobs - 1) : 0,
                  "job_timestamp", l.jobs ? stamp_digits(stamp_now() - (os_clock() - l.asked), digits) : "0", "job_no",
                  l.iteration, "sampling_step", l.step, "sampling_steps", l.steps);
    answer_json(&c->answer, 200,
                json_pack("{s:f, s:f, s:o, s:o, s:n, s:s?}", "progress", done, "eta_relative", left, "state", state,
                          "current_image", current_image(&l), "textinfo", "current_task", l.jobs ? l.id : NULL));
    free(l.preview.rgb);
}

static void interrupt(Serve *s, Call *c) {
    jobs_interrupt(s->jobs, c->key, false);
    answer_json(&c->answer, 200, json_object());
}

static void skip(Serve *s, Call *c) {
    jobs_interrupt(s->jobs, c->key, true);
    answer_json(&c->answer, 200, json_object());
}

/* --- options --- */

static void get_options(Serve *s, Call *c) { answer_json(&c->answer, 200, settings_json(s->settings)); }

/* Answers before the model is loaded. */
static void load(Serve *s) {
    Fault f = {0};
    Job *j = ask_begin(s, NULL, &f);
    if (!j) return;
    j->kind = JOB_LOAD, j->task = "load";
    if (jobs_add(s->jobs, j, NULL) != JOBS_TAKEN) job_free(j);
}

static void set_options(Serve *s, Call *c) {
    Fault f = {0};
    bool model;
    if (!settings_post(s->settings, c->json, &model, &f)) {
        route_fault(c, &f);
        return;
    }
    if (model) load(s);
    answer_json(&c->answer, 200, json_null());
}

static void unload(Serve *s, Call *c) {
    jobs_unload(s->jobs);
    answer_json(&c->answer, 200, json_object());
}

static void reload(Serve *s, Call *c) {
    load(s);
    answer_json(&c->answer, 200, json_object());
}

/* --- about the server --- */

static void memory(Serve *s, Call *c) {
    double all = (double)os_physical_memory(), used = (double)os_memory();
    (void)s;
    answer_json(&c->answer, 200,
                json_pack("{s:{s:f, s:f, s:f}, s:{}}", "ram", "free", all - used, "used", used, "total", all, "cuda"));
}

static void cmd_flags(Serve *s, Call *c) {
    answer_json(&c->answer, 200,
                json_pack("{s:b, s:b, s:n, s:s, s:s, s:b}", "api", 1, "nowebui", 0, "api_auth", "listen", s->o->listen,
                          "program", "sdc", "api_log", !s->o->quiet));
}

static void config(Serve *s, Call *c) {
    (void)s;
    answer_json(&c->answer, 200, json_pack("{s:s, s:[], s:[]}", "version", "sdc", "components", "dependencies"));
}

static void login(Serve *s, Call *c) {
    (void)s; /* the guard has let it in: there is no session, every call brings its key */
    answer_json(&c->answer, 200, json_pack("{s:b}", "success", 1));
}

static void queue_status(Serve *s, Call *c) {
    int waiting, working;
    jobs_count(s->jobs, &waiting, &working);
    answer_json(&c->answer, 200,
                json_pack("{s:s, s:i, s:i}", "msg", "estimation", "queue_size", waiting + working, "rank", waiting));
}

/* What is no row of the table. */
#define MORE                                                                                                           \
    "send_images:b,save_images:b,override_settings:o,override_settings_restore_afterwards:b,alwayson_scripts:o,"       \
    "styles:a,script_name:s,script_args:a,model:s,refiner_checkpoint:s,force_task_id:s,infotext:s,n_iter:i"

const Route WEBUI_ROUTES[] = {
    {"POST", "/sdapi/v1/txt2img", txt2img, ROUTE_JSON, "draws pictures from a prompt", "@txt2img," MORE},
    {"POST", "/sdapi/v1/img2img", img2img, ROUTE_JSON, "draws pictures from a picture and a prompt",
     "@img2img,init_images:a!,mask:s,include_init_images:b," MORE},
    {"GET", "/sdapi/v1/progress", progress, 0, "how far the picture is, with a preview", "skip_current_image:b"},
    {"POST", "/sdapi/v1/interrupt", interrupt, 0, "ends what is being drawn, with what there is", NULL},
    {"POST", "/sdapi/v1/skip", skip, 0, "leaves out the batch that is being drawn", NULL},
    {"GET", "/sdapi/v1/options", get_options, 0, "the settings", NULL},
    {"POST", "/sdapi/v1/options", set_options, ROUTE_JSON, "changes settings, among them the model", NULL},
    {"POST", "/sdapi/v1/unload-checkpoint", unload, 0, "closes the models", NULL},
    {"POST", "/sdapi/v1/reload-checkpoint", reload, 0, "opens the model in use", NULL},
    {"GET", "/sdapi/v1/memory", memory, 0, "bytes of memory", NULL},
    {"GET", "/sdapi/v1/cmd-flags", cmd_flags, 0, "how the server was started, without secrets", NULL},
    {"GET", "/config", config, 0, "an empty description, for clients that ask for one", NULL},
    {"POST", "/login", login, 0, "whether the call's key is one, for clients that log in", NULL},
    {"GET", "/queue/status", queue_status, 0, "how long the queue is", NULL},
    {0},
};
