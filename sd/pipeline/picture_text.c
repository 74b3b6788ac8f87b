/* picture_text.c: the text that a picture carries, from the request that made it. */
#include "picture_text.h"

#include "sd/info/infotext.h"
#include "sd/load/model_hash.h"
#include "sd/prompt/prompt.h"

#include <stdio.h>
#include <stdlib.h>

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

char *picture_text(SdModel *m, SdModel *refiner, const SdRequest *r, const Sampler *sampler, const Scheduler *scheduler,
                   uint64_t seed, uint64_t variation_seed, Error *e) {
    char name[256], hash[11], exact[12], refined[280];
    SdRequest own = *r;
    own.seed = (int64_t)seed;
    own.variation_seed = (int64_t)variation_seed;
    own.refiner = refiner;
    char prediction[8];
    words_get(PREDICTION_WORDS, (int)m->config.prediction, prediction, sizeof prediction);
    snprintf(exact, sizeof exact, "%d", SD_EXACT_VERSION);
    model_name(m, name, sizeof name);
    if (!short_hash(m, hash, e) || (refiner && !title(refiner, refined, e))) return NULL;
    const InfoField fields[] = {{PLACE_MODEL, "Model hash", *hash ? hash : NULL},
                                {PLACE_MODEL, "Model", name},
                                {PLACE_REFINER, "Refiner", refiner ? refined : NULL},
                                {PLACE_END, "Precision", picture_precision(m)},
                                {PLACE_END, "Exact", sd_exact(m) ? exact : NULL},
                                {PLACE_END, "Prediction", m->told_prediction ? prediction : NULL},
                                {PLACE_END, "EMA", m->checkpoint->ema ? "True" : NULL},
                                {PLACE_END, "Version", "sd.c"},
                                {0}};
    char *prompt = NULL, *negative = NULL, *text = NULL;
    bool ok = strip(r->comments, &own.prompt, &prompt) && strip(r->comments, &own.negative, &negative);
    if (ok) text = infotext(&own, sampler, scheduler, fields, e);
    else error_set(e, ERR_MEMORY, "out of memory for a picture's text");
    free(prompt);
    free(negative);
    return text;
}
