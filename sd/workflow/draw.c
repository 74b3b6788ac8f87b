#include "draw.h"

#include "sd/pipeline/generate.h"
#include "hires.h"
#include "outpaint.h"
#include "sd/info/params.h"
#include "tiles.h"

bool draw_passes(SdModel *m, const SdRequest *r, SdResult *out, Error *e) {
    if (request_tiles(r)) return tiles_draw(m, r, out, e);
    if (request_extends(r)) return outpaint(m, r, out, e);
    return request_hires(r) ? hires_draw(m, r, out, e) : generate(m, r, NULL, out, e);
}

bool plan_passes(SdModel *m, const SdRequest *r, SdPlan *out, Error *e) {
    if (request_tiles(r)) return tiles_plan(m, r, out, e);
    if (request_extends(r)) return outpaint_plan(m, r, out, e);
    return request_hires(r) ? hires_plan(m, r, out, e) : generate_plan(m, r, NULL, out, e);
}

bool tell_passes(SdModel *m, const SdRequest *r, char **text, Error *e) {
    if (request_tiles(r)) return tiles_tell(m, r, text, e);
    return request_hires(r) ? hires_tell(m, r, text, e) : generate_tell(m, r, NULL, text, e);
}

void sd_finished_size(const SdRequest *r, int *width, int *height) {
    *width = r->width, *height = r->height;
    if (r->mask && r->only_masked) *width = r->image_width, *height = r->image_height;
    if (request_tiles(r)) tiles_size(r, width, height);
    else if (request_extends(r)) outpaint_size(r, width, height);
    else if (request_hires(r)) hires_size(r, width, height);
}
