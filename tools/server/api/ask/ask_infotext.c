/* ask_infotext.c: see ask_infotext.h. As modules/api/api.py, apply_infotext: what the body says itself counts. */
#include "ask_infotext.h"

#include "ask_hires.h"
#include "ask_model.h"
#include "sd/info/infotext_request.h"

#include <string.h>

static bool has(const json_t *body, const char *key) {
    const json_t *v = json_object_get(body, key);
    return v && !json_is_null(v);
}

static const char *string_of(const Param *p, const SdRequest *r) {
    return *(const char *const *)(const void *)((const char *)r + p->at);
}

/* Whether a text sets a row: `said` is what `usual` became by it. */
static bool sets(const Param *p, const InfoRead *text, const SdRequest *usual, const SdRequest *said) {
    if (p->type >= PARAM_SAMPLER) return string_of(p, said) && string_of(p, said) != string_of(p, usual);
    return (p->key && infotext_get(text, p->key)) || param_number(p, said) != param_number(p, usual);
}

/* The webui's name for a row of hires fix, which counts only where that is on. */
static const char *hires_key(const Param *p) {
    const Param *row;
    const char *name;
    for (int i = 0; (name = ask_hires_name(i, &row)); i++)
        if (row == p) return name;
    return p->json;
}

/* The rows that the text sets. */
static bool add_rows(json_t *body, const InfoRead *text, const SdRequest *usual, const SdRequest *said, bool img2img,
                     Fault *f) {
    bool ok = true;
    for (const Param *p = PARAMS; ok && p < PARAMS + PARAM_COUNT; p++) {
        bool other = p->of_image && !img2img && !(p->or_hires && request_hires(said));
        const char *key = p->of_hires ? hires_key(p) : p->json;
        if (!key || other || has(body, key) || !sets(p, text, usual, said)) continue;
        ok = !json_object_set_new(body, key, value_json(p, said));
    }
    if (ok && !img2img && request_hires(said) && !has(body, "enable_hr"))
        ok = !json_object_set_new(body, "enable_hr", json_true());
    return ok || fault(f, 500, "", "out of memory");
}

/* A model by the hash that the text has for it, or else by its name; false: the server has none of these. */
static bool take_model(Serve *s, Job *j, const char *key, const char *hash, const char *name) {
    const char *const by[] = {hash, name};
    for (int i = 0; i < 2; i++) {
        Fault unknown = {0};
        if (by[i] && *by[i] && ask_model(s, j, key, by[i], &unknown)) return true;
    }
    return false;
}

static void take_models(Serve *s, Job *j, const json_t *body, const InfoRead *text) {
    const char *hash = infotext_get(text, "Model hash"), *name = infotext_get(text, "Model"),
               *refiner = infotext_refiner(text);
    bool told = has(body, "model") || has(json_object_get(body, "override_settings"), "sd_model_checkpoint");
    if (!told && (hash || name) && !take_model(s, j, "sd_model_checkpoint", hash, name))
        job_warn(j, "infotext: its model '%.60s' is not here; the server's draws", name ? name : hash);
    if (refiner && !has(body, "refiner_checkpoint") && !take_model(s, j, "refiner_checkpoint", NULL, refiner))
        job_warn(j, "infotext: its refiner '%.60s' is not here", refiner);
}

bool ask_infotext(Serve *s, Job *j, json_t *body, bool img2img, Fault *f) {
    const char *text = NULL;
    SdRequest usual = sd_request(NULL), said;
    InfoRead read = {0};
    Error e = {0};
    if (!value_string("infotext", json_object_get(body, "infotext"), &text, f)) return false;
    if (!text || !*text) return true;
    params_forget(&usual);
    said = usual;
    bool ok = infotext_read(text, &read, &e) && infotext_request(&read, &said, &e);
    if (!ok) fault(f, e.code == ERR_MEMORY ? 500 : 422, "infotext", "infotext: %s", e.text);
    ok = ok && add_rows(body, &read, &usual, &said, img2img, f);
    if (ok) take_models(s, j, body, &read);
    if (ok && infotext_get(&read, "ControlNet 0")) job_warn(j, "infotext: its ControlNets are not drawn; name units");
    infotext_read_free(&read);
    return ok;
}
