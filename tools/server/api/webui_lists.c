/* webui_lists.c: the webui's lists of what there is. */
#include "tools/server/api/ask/ask_scripts.h"
#include "routes.h"

#include "sd/sampling/scheduler.h"
#include "sd/text/nearest.h"

#include <stdio.h>
#include <string.h>

/* --- samplers and schedule types --- */

static json_t *strings(const char *const *at) {
    json_t *list = json_array();
    for (; *at; at++) json_array_append_new(list, json_string(*at));
    return list;
}

static void samplers(Serve *s, Call *c) {
    static const struct {
        int flag;
        const char *name;
    } FLAGS[] = {{SAMPLER_TWO_CALLS, "second_order"},
                 {SAMPLER_BROWNIAN, "brownian_noise"},
                 {SAMPLER_ENSD, "uses_ensd"},
                 {SAMPLER_DISCARD, "discard_next_to_last_sigma"}};
    int count;
    const Sampler *at = sampler_list(&count);
    json_t *list = json_array();
    (void)s;
    for (int i = 0; i < count; i++) {
        json_t *options = json_object();
        const Scheduler *own = at[i].scheduler ? scheduler_find(at[i].scheduler) : NULL;
        if (own) json_object_set_new(options, "scheduler", json_string(own->aliases[0] ? own->aliases[0] : own->label));
        for (size_t k = 0; k < sizeof FLAGS / sizeof *FLAGS; k++)
            if (at[i].flags & FLAGS[k].flag) json_object_set_new(options, FLAGS[k].name, json_string("True"));
        json_array_append_new(list, json_pack("{s:s, s:o, s:o}", "name", at[i].name, "aliases", strings(at[i].aliases),
                                              "options", options));
    }
    answer_json(&c->answer, 200, list);
}

static void schedulers(Serve *s, Call *c) {
    int count;
    const Scheduler *at = scheduler_list(&count);
    json_t *list = json_array();
    (void)s;
    for (int i = 0; i < count; i++)
        json_array_append_new(
            list, json_pack("{s:s, s:s, s:o, s:f, s:b}", "name", at[i].aliases[0] ? at[i].aliases[0] : at[i].label,
                            "label", at[i].label, "aliases",
                            at[i].aliases[0] && at[i].aliases[1] ? strings(at[i].aliases + 1) : json_null(),
                            "default_rho", at[i].rho > 0 ? at[i].rho : -1.0, "need_inner_model", 0));
    answer_json(&c->answer, 200, list);
}

/* --- files --- */

/* A file's path as far as clients are told it: below the folder. */
static void add_model(void *list, const CatalogEntry *x) {
    char title[OS_PATH_SIZE], hash[11];
    catalog_title(x, title);
    snprintf(hash, sizeof hash, "%.10s", x->hash);
    json_array_append_new(list, json_pack("{s:s, s:s, s:o, s:o, s:s, s:n}", "title", title, "model_name", x->name,
                                          "hash", *hash ? json_string(hash) : json_null(), "sha256",
                                          strlen(x->hash) == 64 ? json_string(x->hash) : json_null(), "filename",
                                          x->file, "config"));
}

static void add_vae(void *list, const CatalogEntry *x) {
    json_array_append_new(list, json_pack("{s:s, s:s}", "model_name", x->file, "filename", x->file));
}

static void add_lora(void *list, const CatalogEntry *x) {
    json_array_append_new(
        list, json_pack("{s:s, s:s, s:s, s:{}}", "name", x->name, "alias", x->name, "path", x->file, "metadata"));
}

static void add_upscaler(void *list, const CatalogEntry *x) {
    json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:n, s:f}", "name", x->name, "model_name", x->name,
                                          "model_path", x->file, "model_url", "scale", 4.0));
}

static void list_of(Serve *s, Call *c, ListKind kind, void (*add)(void *list, const CatalogEntry *x)) {
    json_t *list = json_array();
    catalog_each(s->catalog, kind, add, list);
    answer_json(&c->answer, 200, list);
}

static void models(Serve *s, Call *c) { list_of(s, c, LIST_MODELS, add_model); }
static void vaes(Serve *s, Call *c) { list_of(s, c, LIST_VAES, add_vae); }
static void loras(Serve *s, Call *c) { list_of(s, c, LIST_LORAS, add_lora); }

static void upscalers(Serve *s, Call *c) {
    static const char *const OWN[] = {"None", "Lanczos", "Nearest"};
    json_t *list = json_array();
    for (int i = 0; i < 3; i++)
        json_array_append_new(list, json_pack("{s:s, s:n, s:n, s:n, s:f}", "name", OWN[i], "model_name", "model_path",
                                              "model_url", "scale", i ? 4.0 : 1.0));
    catalog_each(s->catalog, LIST_UPSCALERS, add_upscaler, list);
    answer_json(&c->answer, 200, list);
}

static void latent_modes(Serve *s, Call *c) {
    static const char *const NAMES[] = {"Latent",
                                        "Latent (antialiased)",
                                        "Latent (bicubic)",
                                        "Latent (bicubic antialiased)",
                                        "Latent (nearest)",
                                        "Latent (nearest-exact)",
                                        NULL};
    json_t *list = json_array();
    (void)s;
    for (int i = 0; NAMES[i]; i++) json_array_append_new(list, json_pack("{s:s}", "name", NAMES[i]));
    answer_json(&c->answer, 200, list);
}

static void add_embedding(void *loaded, const CatalogEntry *x) {
    json_object_set_new(loaded, x->name,
                        json_pack("{s:n, s:n, s:n, s:i, s:i}", "step", "sd_checkpoint", "sd_checkpoint_name", "shape",
                                  x->width, "vectors", x->vectors));
}

static void embeddings(Serve *s, Call *c) {
    json_t *loaded = json_object();
    catalog_each(s->catalog, LIST_EMBEDDINGS, add_embedding, loaded);
    answer_json(&c->answer, 200, json_pack("{s:o, s:{}}", "loaded", loaded, "skipped"));
}

/* --- what this version has none of --- */

static void empty(Serve *s, Call *c) { (void)s, answer_json(&c->answer, 200, json_array()); }
static void scripts(Serve *s, Call *c) {
    (void)s;
    answer_json(&c->answer, 200,
                json_pack("{s:o, s:o}", "txt2img", strings(SCRIPTS_TXT2IMG), "img2img", strings(SCRIPTS_IMG2IMG)));
}

static void refresh(Serve *s, Call *c) {
    catalog_refresh(s->catalog);
    answer_json(&c->answer, 200, json_null());
}

const Route WEBUI_LISTS[] = {
    {"GET", "/sdapi/v1/samplers", samplers, 0, "the samplers", NULL},
    {"GET", "/sdapi/v1/schedulers", schedulers, 0, "the schedule types", NULL},
    {"GET", "/sdapi/v1/sd-models", models, 0, "the models", NULL},
    {"GET", "/sdapi/v1/sd-vae", vaes, 0, "the VAEs", NULL},
    {"GET", "/sdapi/v1/loras", loras, 0, "the LoRAs", NULL},
    {"GET", "/sdapi/v1/embeddings", embeddings, 0, "the embeddings", NULL},
    {"GET", "/sdapi/v1/upscalers", upscalers, 0, "the upscalers", NULL},
    {"GET", "/sdapi/v1/latent-upscale-modes", latent_modes, 0, "the ways to enlarge latents", NULL},
    {"GET", "/sdapi/v1/hypernetworks", empty, 0, "none", NULL},
    {"GET", "/sdapi/v1/face-restorers", empty, 0, "none", NULL},
    {"GET", "/sdapi/v1/realesrgan-models", empty, 0, "none", NULL},
    {"GET", "/sdapi/v1/script-info", empty, 0, "none", NULL},
    {"GET", "/sdapi/v1/extensions", empty, 0, "none", NULL},
    {"GET", "/sdapi/v1/scripts", scripts, 0, "the scripts that alwayson_scripts may name", NULL},
    {"POST", "/sdapi/v1/refresh-checkpoints", refresh, 0, "looks through the folders again", NULL},
    {"POST", "/sdapi/v1/refresh-loras", refresh, 0, "looks through the folders again", NULL},
    {"POST", "/sdapi/v1/refresh-vae", refresh, 0, "looks through the folders again", NULL},
    {"POST", "/sdapi/v1/refresh-embeddings", refresh, 0, "looks through the folders again", NULL},
    {0},
};
