/* picture_text.c: the text that a picture carries, from the request that made it. */
#include "picture_text.h"

#include "sd/info/infotext.h"
#include "sd/load/model_hash.h"

#include <stdio.h>

/* Under which key the webui names an eta that is not the sampler's own. */
static const char *eta_key(const Sampler *s, const SdRequest *r) {
    if (!(s->flags & SAMPLER_ETA) || r->eta < 0 || r->eta == s->default_eta) return NULL;
    return s->space == SPACE_TIME ? "Eta DDIM" : "Eta";
}

char *picture_text(SdModel *m, const SdRequest *r, const Sampler *sampler, const Scheduler *scheduler, uint64_t seed,
                   uint64_t variation_seed, Error *e) {
    char name[256], hash[11] = "";
    bool churn = sampler->flags & SAMPLER_CHURN;
    model_name(m, name, sizeof name);
    if (model_hash(m)) snprintf(hash, sizeof hash, "%s", model_hash(m));
    InfoText t = {.prompt = r->prompt,
                  .negative = r->negative,
                  .steps = r->steps,
                  .sampler = sampler->name,
                  .schedule_type = scheduler ? scheduler->label : "Automatic",
                  .variation_seed = (int64_t)variation_seed,
                  .variation_strength = r->variation_strength,
                  .ensd = sampler->flags & SAMPLER_ENSD ? (int)r->ensd : 0,
                  .eta = r->eta,
                  .eta_key = eta_key(sampler, r),
                  .s_churn = churn ? r->s_churn : 0,
                  .s_tmin = churn ? r->s_tmin : 0,
                  .s_tmax = churn ? r->s_tmax : 0,
                  .s_noise = sampler->flags & SAMPLER_S_NOISE ? r->s_noise : 1,
                  .cfg = r->cfg,
                  .seed = (int64_t)seed,
                  .width = r->width,
                  .height = r->height,
                  .model_hash = *hash ? hash : NULL,
                  .model = name,
                  .denoising = r->image ? r->strength : 0,
                  .clip_skip = r->clip_skip,
                  .rng = r->rng == SD_RNG_CPU ? "CPU" : NULL,
                  .version = "sd.c"};
    return infotext(&t, e);
}
