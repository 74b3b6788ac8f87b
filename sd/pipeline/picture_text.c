/* picture_text.c: the text that a picture carries, from the request that made it. */
#include "picture_text.h"

#include "beside.h"
#include "sd/info/infotext.h"
#include "sd/info/infotext_control.h"
#include "sd/load/control.h"
#include "sd/load/model_hash.h"
#include "sd/prompt/prompt.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *picture_precision(const SdModel *m) {
    if (m->gpu && m->ops->type != F32) return m->ops->type == F16 ? "f16" : "bf16";
    if (m->precision == PRECISION_F32_DIRECT) return "f32-direct";
    return !m->gpu && m->ops == cpu_ops_mixed() ? "mixed" : NULL;
}

/* Removes the comments that were not drawn. The caller frees *copy. */
static bool strip(SdComments comments, const char **prompt, char **copy) {
    if (comments == SD_COMMENTS_KEEP || !*prompt) return true;
    *prompt = *copy = prompt_strip_comments(*prompt);
    return *copy != NULL;
}

/* Puts the request's networks before the prompt, as tags: so the text alone draws the picture. The caller frees *copy.
 */
static bool name_networks(const NetworkList *l, const char **prompt, char **copy) {
    char *tags = NULL;
    if (!l->given) return true;
    bool ok = networks_tags(l, &tags, NULL);
    size_t n = ok ? strlen(tags) : 0, size = *prompt ? strlen(*prompt) : 0;
    char *both = ok ? malloc(n + size + 1) : NULL;
    if (both) {
        memcpy(both, tags, n);
        if (size) memcpy(both + n, *prompt, size);
        both[n + size] = 0;
        free(*copy);
        *prompt = *copy = both;
    }
    free(tags);
    return both != NULL;
}

/* The first ten digits of a model's hash, "" for a folder's. */
static bool short_hash(SdModel *m, char out[11], Error *e) {
    const char *whole = model_hash(m, e);
    snprintf(out, 11, "%s", whole ? whole : "");
    return !(e && e->code);
}

/* "NAME [HASH]", as the webui's lists of models have it. */
static bool title(SdModel *m, char out[280], Error *e) {
    char name[256], hash[11];
    model_name(m, name, sizeof name);
    if (!short_hash(m, hash, e)) return false;
    snprintf(out, 280, *hash ? "%s [%s]" : "%s", name, hash);
    return true;
}

/* What parts from files of their own are called: the VAE as the webui has it, the others as it has a refiner. */
typedef struct {
    char vae[11], titles[GIVEN_COUNT][280];
} Parts;

static bool name_parts(SdModel *m, const SdRequest *r, Parts *p, Error *e) {
    *p = (Parts){.vae = ""};
    for (int i = 0; i < GIVEN_COUNT; i++) {
        GivenPart part = (GivenPart)i;
        if (!checkpoint_is_given(m->checkpoint, part) || m->checkpoint->given[i].borrowed) continue;
        const char *hash = given_hash(m, part, e);
        if (e && e->code) return false;
        if (part == GIVEN_VAE) {
            snprintf(p->vae, sizeof p->vae, "%s", hash ? hash : "");
            snprintf(p->titles[i], sizeof p->titles[i], "%.200s", given_file(m, part));
        } else
            snprintf(p->titles[i], sizeof p->titles[i], hash ? "%.200s [%.10s]" : "%.200s", given_file(m, part), hash);
    }
    char *vision = p->titles[GIVEN_VISION]; /* an IP-Adapter's: programs have one */
    for (int i = 0; !*vision && i < r->control_count; i++)
        if (!control_vision_title(r->controls[i].net, vision, e)) return false;
    return true;
}

static const char *or_none(const char *text, bool used) { return used && *text ? text : NULL; }

char *picture_text(SdModel *m, SdModel *refiner, const SdRequest *r, const TextStates *states,
                   const char *embeddings_before, const NetworkList *networks, const Sampler *sampler,
                   const Scheduler *scheduler, uint64_t seed, uint64_t variation_seed, Error *e) {
    char name[256], hash[11], exact[12], refined[280], next[280];
    SdRequest own = *r;
    own.seed = (int64_t)seed;
    own.variation_seed = (int64_t)variation_seed;
    own.refiner = refiner;
    if (config_input(&m->config) == INPUT_PIX2PIX) own.image_cfg = beside_image_cfg(r);
    if (beside_upscales(m)) own.noise_level = beside_noise_level(r);
    char prediction[8];
    words_get(PREDICTION_WORDS, (int)m->config.prediction, prediction, sizeof prediction);
    snprintf(exact, sizeof exact, "%d", SD_EXACT_VERSION);
    model_name(m, name, sizeof name);
    SdModel *hires_model = request_hires(r) ? r->hires_model : NULL;
    if (!short_hash(m, hash, e) || (refiner && !title(refiner, refined, e)) ||
        (hires_model && !title(hires_model, next, e)))
        return NULL;
    Parts parts;
    char *prompt = NULL, *negative = NULL, *hires = NULL, *embeddings = NULL, *loras = NULL, *text = NULL;
    if (!name_parts(m, r, &parts, e)) return NULL;
    if (!text_vectors_hashes(&states->vectors, states->embeddings, embeddings_before, &embeddings, e) ||
        !networks_hashes(networks, &loras, e)) {
        free(embeddings);
        return NULL;
    }
    bool encodes = request_encodes(r) && r->vae_encoder == SD_VAE_TAESD, decodes = r->vae_decoder == SD_VAE_TAESD;
    bool by_vae = !decodes || (request_encodes(r) && !encodes);
    const char *taesd = parts.titles[decodes ? GIVEN_TAESD_DECODER : GIVEN_TAESD_ENCODER];
    char controls[SD_MOST_CONTROLS][CONTROL_TEXT], keys[SD_MOST_CONTROLS][CONTROL_KEY];
    enum { FIXED = 18 };
    const InfoField fixed[] = {{PLACE_MODEL, "Model hash", *hash ? hash : NULL},
                               {PLACE_MODEL, "Model", name},
                               {PLACE_MODEL, "VAE hash", or_none(parts.vae, by_vae)},
                               {PLACE_MODEL, "VAE", or_none(parts.titles[GIVEN_VAE], by_vae)},
                               {PLACE_END, "Text encoder", or_none(parts.titles[GIVEN_TEXT], true)},
                               {PLACE_END, "Text encoder 2", or_none(parts.titles[GIVEN_TEXT_2], true)},
                               {PLACE_END, "U-Net", or_none(parts.titles[GIVEN_UNET], true)},
                               {PLACE_END, "TAESD", or_none(taesd, decodes || encodes)},
                               {PLACE_END, "Image encoder", or_none(parts.titles[GIVEN_VISION], true)},
                               {PLACE_NETWORKS, "Hires checkpoint", hires_model ? next : NULL},
                               {PLACE_NETWORKS, "Lora hashes", loras},
                               {PLACE_NETWORKS, "TI hashes", embeddings},
                               {PLACE_REFINER, "Refiner", refiner ? refined : NULL},
                               {PLACE_END, "Precision", picture_precision(m)},
                               {PLACE_END, "Exact", sd_exact(m) ? exact : NULL},
                               {PLACE_END, "Prediction", m->told_prediction ? prediction : NULL},
                               {PLACE_END, "EMA", m->checkpoint->ema ? "True" : NULL},
                               {PLACE_END, "Version", "sd.c"},
                               {0}};
    static_assert(sizeof fixed / sizeof *fixed == FIXED + 1, "FIXED counts them");
    InfoField fields[FIXED + SD_MOST_CONTROLS + 1];
    for (int i = 0; i < r->control_count; i++) {
        char called[280];
        control_title(r->controls[i].net, called);
        control_text(&r->controls[i], control_module(r->controls[i].net), called, controls[i]);
        fields[i] = (InfoField){PLACE_END, control_key(i, keys[i]), controls[i]};
    }
    memcpy(fields + r->control_count, fixed, sizeof fixed);
    bool another = own.hires_prompt && *own.hires_prompt; /* else the second pass has the first one's, with its tags */
    bool ok = strip(r->comments, &own.prompt, &prompt) && strip(r->comments, &own.negative, &negative) &&
              name_networks(networks, &own.prompt, &prompt) &&
              (!another || name_networks(networks, &own.hires_prompt, &hires));
    if (ok) text = infotext(&own, sampler, scheduler, fields, e);
    else error_set(e, ERR_MEMORY, "out of memory for a picture's text");
    free(prompt);
    free(negative);
    free(hires);
    free(embeddings);
    free(loras);
    return text;
}
