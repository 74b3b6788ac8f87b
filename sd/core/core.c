/* core.c: the calls of sd_core.h, in place of sd/workflow: a request is one generation. */
#include "sd_core.h"

#include "ascii.h"
#include "tensor/os/os_bare.h"

#include "sd/info/params.h"
#include "sd/pipeline/control/control.h"
#include "sd/pipeline/generate.h"
#include "sd/pipeline/plan.h"

_Static_assert(sizeof(SdRng) == sizeof(unsigned), "settings are read as int: compile with -fno-short-enums");

void sd_core_memory(void *bytes, size_t size) { heap_begin(bytes, size); }
size_t sd_core_peak(void) { return heap_peak(); }

/* Weights are read as they lie in the file. */
static bool begin(const char *call, SdModel *m, const SdRequest *r, Error *e) {
    if (e && e->code) return false;
    if (!m || !r) return error_set(e, ERR_ARGUMENT, "%s: the %s is NULL", call, m ? "request" : "model");
    m->as_in_files = true;
    if (r->refiner) r->refiner->as_in_files = true;
    return true;
}

/* Of request_check: what this build does without. */
bool control_check(const SdModel *m, const SdRequest *r, Error *e) {
    const struct {
        bool is;
        const char *what;
    } LACKS[] = {
        {params_have_networks(r), "networks (LoRA)"},
        {r->control_count > 0, "ControlNets"},
        {r->mask != NULL, "masks"},
        {r->attention != NULL, "attention maps"},
        {r->taps || r->activation, "activations"},
        {r->noise != NULL, "noise from files"},
        {r->color_correction && r->image, "color correction"},
        {request_hires(r), "hires fix"},
        {request_tiles(r), "SD upscale"},
        {request_extends(r), "extending"},
        {r->tiled_diffusion != SD_TILED_NONE, "tiled diffusion"},
        {r->keep, "keep"},
        {r->seed < 0 || (r->variation_strength > 0 && r->variation_seed < 0), "random seeds"},
    };
    (void)m;
    for (size_t i = 0; i < sizeof LACKS / sizeof *LACKS; i++)
        if (LACKS[i].is) return error_set(e, ERR_ARGUMENT, "%s: not in sd_core; leave them out", LACKS[i].what);
    const char *const texts[] = {r->prompt, r->negative};
    for (int i = 0; i < 2; i++) {
        const char *at = ascii_refused(texts[i]);
        if (at)
            return error_set(e, ERR_ARGUMENT,
                             "%s: sd_core takes printable ASCII without references such as &amp;, not "
                             "what begins at byte %d",
                             i ? "negative prompt" : "prompt", (int)(at - texts[i]));
    }
    return true;
}

bool sd_txt2img(SdModel *m, const SdRequest *r, SdResult *out, Error *e) {
    *out = (SdResult){0};
    if (!begin("txt2img", m, r, e)) return false;
    if (r->image) return error_set(e, ERR_ARGUMENT, "txt2img: starts from noise; sd_img2img takes an image");
    return generate(m, r, NULL, out, e);
}

bool sd_img2img(SdModel *m, const SdRequest *r, SdResult *out, Error *e) {
    *out = (SdResult){0};
    if (!begin("img2img", m, r, e)) return false;
    if (!r->image) return error_set(e, ERR_ARGUMENT, "img2img: needs an image to start from");
    return generate(m, r, NULL, out, e);
}

bool sd_plan(SdModel *m, const SdRequest *r, SdPlan *out, Error *e) {
    *out = (SdPlan){0};
    return begin("plan", m, r, e) && generate_plan(m, r, NULL, out, e);
}

size_t sd_request_memory(SdModel *m, const SdRequest *r, Error *e) {
    SdPlan p;
    return sd_plan(m, r, &p, e) ? p.process : 0;
}
