/* txt2img.c: the entry points that make pictures, and what they say to a caller who forgot something. See generation.h
 * for the pictures' way. */
#include "draw.h"
#include "sd/info/params.h"
#include "shares.h"

/* Whether a call can begin: `out` is empty then. */
static bool begin(const char *call, const SdModel *m, const SdRequest *r, const void *out, Error *e) {
    if (e && e->code) return false;
    if (!out) return error_set(e, ERR_ARGUMENT, "%s: the place for its result is NULL", call);
    if (!m) return error_set(e, ERR_ARGUMENT, "%s: the model is NULL; sd_open opens one", call);
    return r || error_set(e, ERR_ARGUMENT, "%s: the request is NULL; sd_request makes one", call);
}

bool sd_txt2img(SdModel *m, const SdRequest *r, SdResult *out, Error *e) {
    if (out) *out = (SdResult){0};
    if (!begin("txt2img", m, r, out, e)) return false;
    if (r->image) return error_set(e, ERR_ARGUMENT, "txt2img: starts from noise; sd_img2img takes an image");
    return share_out(m, r, out, e);
}

bool sd_img2img(SdModel *m, const SdRequest *r, SdResult *out, Error *e) {
    if (out) *out = (SdResult){0};
    if (!begin("img2img", m, r, out, e)) return false;
    if (!r->image) return error_set(e, ERR_ARGUMENT, "img2img: needs an image to start from");
    if (request_hires(r)) return error_set(e, ERR_ARGUMENT, "hires scale: counts in txt2img alone; leave it out");
    return share_out(m, r, out, e);
}

bool sd_plan(SdModel *m, const SdRequest *r, SdPlan *out, Error *e) {
    if (out) *out = (SdPlan){0};
    if (!begin("plan", m, r, out, e)) return false;
    return plan_passes(m, r, out, e);
}

bool sd_parameters(SdModel *m, const SdRequest *r, char **text, Error *e) {
    if (text) *text = NULL;
    return begin("parameters", m, r, text, e) && tell_passes(m, r, text, e);
}
