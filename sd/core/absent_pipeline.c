/* absent_pipeline.c: what libsd's pipeline does for requests that sd_core refuses (core.c: control_check), and what it
 * then says to whoever asks about it: there is none. */
#include "sd/image/color_match.h"
#include "sd/image/image.h"
#include "sd/image/interpolate.h"
#include "sd/image/resize.h"
#include "sd/pipeline/attention/attention_calls.h"
#include "sd/pipeline/attention/attention_maps.h"
#include "sd/pipeline/control/control.h"
#include "sd/pipeline/control/control_calls.h"
#include "sd/pipeline/control/control_hint.h"
#include "sd/pipeline/control/image_encode.h"
#include "sd/pipeline/control/image_prompt.h"
#include "sd/pipeline/inpaint.h"
#include "sd/pipeline/networks.h"
#include "sd/pipeline/picture_text.h"
#include "sd/pipeline/taps.h"

#include <stdlib.h>

/* --- ControlNets, adapters --- */

bool control_begin(Generation *g, Error *e) { return (void)g, (void)e, true; }
void control_end(Generation *g) { (void)g; }
int control_count(const Generation *g, const Expert *d) { return (void)g, (void)d, 0; }
bool control_load(Generation *g, const Expert *d, bool streamed, Error *e) {
    return (void)g, (void)d, (void)streamed, (void)e, true;
}
void control_release(Generation *g) { (void)g; }
size_t control_bytes(const Generation *g, const Expert *d, bool streamed) {
    return (void)g, (void)d, (void)streamed, (size_t)0;
}
size_t hint_bytes(const Generation *g) { return (void)g, (size_t)0; }
const WeightSource *control_enter(Generation *g, const Control *k) { return (void)k, g->ctx.source; }
void control_leave(Generation *g, const WeightSource *before) { (void)g, (void)before; }
void control_place(Generation *g, Control *k) { (void)g, (void)k; }
void control_guide(Generation *g, Control *k) { (void)g, (void)k; }
bool control_finite(const SdControlNet *c, Error *e) { return (void)c, (void)e, true; }
bool control_is_image(const SdControlNet *c) { return (void)c, false; }
bool control_maps(Generation *g, ControlMaps *k, const ControlCall *call, Tensor x) {
    return (void)g, (void)k, (void)call, (void)x, false;
}
void control_fill(Generation *g, ControlMaps *k, const ControlCall *call, Tensor x) {
    (void)g, (void)k, (void)call, (void)x;
}
int control_images(const Generation *g, const ControlCall *call, ImageStates out[SD_MOST_CONTROLS]) {
    return (void)g, (void)call, (void)out, 0;
}
void controlnet_union_label(Ctx *c, Tensor label, const ControlnetUnion *m, int kind) {
    (void)c, (void)label, (void)m, (void)kind;
}
void control_advance(Generation *g, double done) { (void)g, (void)done; }

/* --- pictures as prompts --- */

size_t image_encode_peak(const Generation *g) { return (void)g, (size_t)0; }
bool image_encode(Generation *g, Error *e) { return (void)g, (void)e, true; }
size_t image_prompt_bytes(const Generation *g) { return (void)g, (size_t)0; }

/* --- attention maps --- */

bool attention_maps_begin(Generation *g, Error *e) { return (void)g, (void)e, true; }
void attention_maps_end(Generation *g) { (void)g; }
size_t attention_maps_bytes(const Generation *g) { return (void)g, (size_t)0; }
bool attention_maps_open(Generation *g, Error *e) { return (void)g, (void)e, true; }
bool attention_maps_tell(Generation *g, Error *e) { return (void)g, (void)e, true; }
const CrossListener *attention_place(Generation *g, const ControlCall *call, int64_t n) {
    return (void)g, (void)call, (void)n, NULL;
}
void attention_take(Generation *g, const ControlCall *call, int group) { (void)g, (void)call, (void)group; }

/* --- masks, other sizes --- */

bool inpaint_begin(Generation *g, Error *e) { return (void)g, (void)e, true; }
void inpaint_end(Generation *g) { (void)g; }
const uint8_t *inpaint_mask(const Generation *g, int index) { return (void)g, (void)index, NULL; }
size_t inpaint_bytes(const Generation *g) { return (void)g, (size_t)0; }
bool inpaint_fill_latents(Generation *g, Error *e) { return (void)g, (void)e, true; }
void inpaint_blend(const Generation *g, int first, float *out, const float *x, float level) {
    (void)g, (void)first, (void)out, (void)x, (void)level;
}
bool inpaint_finish(const Generation *g, int index, SdPicture *p, Error *e) {
    return (void)g, (void)index, (void)p, (void)e, true;
}
bool resize_picture(const uint8_t *from, int from_w, int from_h, uint8_t *to, int w, int h, SdResize mode, Error *e) {
    (void)from, (void)to, (void)mode;
    return error_set(e, ERR_ARGUMENT, "image: is %dx%d and the picture %dx%d; sd_core does not resize, so do it before",
                     from_w, from_h, w, h);
}
bool interpolate(float *to, int to_h, int to_w, const float *from, int h, int w, int64_t planes, Interpolation how,
                 Error *e) {
    (void)to, (void)to_h, (void)to_w, (void)from, (void)h, (void)w, (void)planes, (void)how;
    return error_set(e, ERR_ARGUMENT, "resize mode: sd_core does not stretch latents; choose another");
}
void color_match(uint8_t *rgb, int64_t n, const uint8_t *like, int64_t n_like) {
    (void)rgb, (void)n, (void)like, (void)n_like;
}

/* --- networks --- */

bool networks_find(NetworkList *l, const SdRequest *r, const SdModel *m, Error *e) {
    *l = (NetworkList){0};
    return (void)r, (void)m, (void)e, true;
}
void networks_free(NetworkList *l) { (void)l; }

/* --- activations, a picture's text and file --- */

TapFile *taps_open(const char *path, const char *glob, TapHeard *heard, void *user, Error *e) {
    return (void)path, (void)glob, (void)heard, (void)user, (void)e, NULL;
}
void taps_enter(TapFile *t, const char *before) { (void)t, (void)before; }
Taps taps_listener(TapFile *t) { return (void)t, (Taps){0}; }
bool taps_add(TapFile *t, const char *name, int nd, const int64_t *n, const float *data, Error *e) {
    return (void)t, (void)name, (void)nd, (void)n, (void)data, (void)e, true;
}
bool taps_wants(const TapFile *t, const char *name) { return (void)t, (void)name, false; }
bool taps_close(TapFile *t, Error *e) { return (void)t, (void)e, true; }
void taps_abort(TapFile *t) { (void)t; }

char *picture_text(SdModel *m, SdModel *refiner, const SdRequest *r, const TextStates *states,
                   const char *embeddings_before, const NetworkList *networks, const Sampler *sampler,
                   const Scheduler *scheduler, uint64_t seed, uint64_t variation_seed, Error *e) {
    (void)m, (void)refiner, (void)r, (void)states, (void)embeddings_before, (void)networks, (void)sampler;
    (void)scheduler, (void)seed, (void)variation_seed;
    char *none = calloc(1, 1);
    if (!none) error_set(e, ERR_MEMORY, "out of memory for a picture");
    return none;
}

bool image_write_png(const uint8_t *rgb, int width, int height, const char *text, const char *path, Error *e) {
    (void)rgb, (void)width, (void)height, (void)text;
    return error_set(e, ERR_FILE, "%s: sd_core writes no files; the picture's bytes are in SdPicture", path);
}
