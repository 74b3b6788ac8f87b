/* request.c: a request's defaults, and its ranges where the model decides them. The others are sd/info/params.h's. */
#include "request.h"

#include "sd/info/params.h"
#include "tensor/os.h"

SdRequest sd_request(const SdModel *m) {
    SdRequest r = {0};
    params_default(&r);
    if (!m) return r;
    const SdConfig *k = &m->config;
    if (k->width) r.width = k->width;
    if (k->height) r.height = k->height;
    if (k->steps) r.steps = k->steps;
    if (k->cfg > 0) r.cfg = k->cfg;
    return r;
}

int64_t sd_random_seed(void) {
    uint64_t v;
    os_random(&v, sizeof v);
    return (int64_t)(v % 4294967294u);
}

bool request_check(const SdModel *m, const SdRequest *r, Error *e) {
    int unit = vae_factor(&m->config.vae);
    if (!config_check_input(&m->config, m->checkpoint->path, e) || !params_check(r, e)) return false;
    if (r->width % unit || r->height % unit || r->width < unit || r->height < unit)
        return error_set(e, ERR_ARGUMENT, "size: %dx%d has sides that are not multiples of %d", r->width, r->height,
                         unit);
    if (r->clip_skip > m->config.clip[0].layers)
        return error_set(e, ERR_ARGUMENT, "clip skip: %d is not in 1..%d, the layers of this model", r->clip_skip,
                         m->config.clip[0].layers);
    for (const Param *p = PARAMS; p < PARAMS + PARAM_COUNT; p++)
        if (p->of_label && !m->config.unet.label && param_number(p, r) != p->standard)
            return error_set(e, ERR_ARGUMENT, "%s: counts only with an SDXL model, and this is %s; leave it out",
                             p->name, m->config.family);
    return !r->image || model_has(m, PART_ENCODER, e);
}

bool request_taps(const SdRequest *r) { return r->taps || r->activation; }
