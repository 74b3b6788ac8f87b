/* txt2img.c: the entry points that make pictures. See generation.h for their way. */
#include "plan.h"
#include "shares.h"

bool sd_txt2img(SdModel *m, const SdRequest *r, SdResult *out, Error *e) {
    *out = (SdResult){0};
    if (r->image) return error_set(e, ERR_ARGUMENT, "txt2img: starts from noise; sd_img2img takes an image");
    return share_out(m, r, out, e);
}

bool sd_img2img(SdModel *m, const SdRequest *r, SdResult *out, Error *e) {
    *out = (SdResult){0};
    if (!r->image) return error_set(e, ERR_ARGUMENT, "img2img: needs an image to start from");
    return share_out(m, r, out, e);
}

bool sd_plan(SdModel *m, const SdRequest *r, SdPlan *out, Error *e) {
    Generation g;
    *out = (SdPlan){0};
    bool ok = generation_begin(&g, m, r, e) && plan_memory(&g, e);
    *out = g.plan;
    generation_end(&g);
    return ok;
}
