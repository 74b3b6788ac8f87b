#include "inpaint.h"

#include "sd/image/resize.h"
#include "sd/noise/noise.h"

#include <stdlib.h>
#include <string.h>

static bool no_memory(Error *e) { return error_set(e, ERR_MEMORY, "out of memory for a mask"); }

/* The request's mask, inverted and blurred; NULL on ERR_MEMORY. The caller frees it. */
static uint8_t *blurred(const SdRequest *r, Error *e) {
    int64_t n = (int64_t)r->mask_width * r->mask_height;
    uint8_t *m = malloc((size_t)n);
    int x = r->mask_blur_x < 0 ? r->mask_blur : r->mask_blur_x, y = r->mask_blur_y < 0 ? r->mask_blur : r->mask_blur_y;
    for (int64_t i = 0; m && i < n; i++) m[i] = (uint8_t)(r->mask_invert ? 255 - r->mask[i] : r->mask[i]);
    if (m && mask_blur(m, r->mask_width, r->mask_height, x, y, e)) return m;
    if (!m) no_memory(e);
    free(m);
    return NULL;
}

/* The part that the mask repaints, and what is around it, at the request's size. */
static bool take_part(Generation *g, const uint8_t *mask, Error *e) {
    const SdRequest *r = g->r;
    Inpaint *p = g->inpaint;
    if (!mask_box(mask, r->mask_width, r->mask_height, r->mask_padding, &p->box)) return true;
    p->box = mask_box_expand(p->box, r->width, r->height, r->mask_width, r->mask_height);
    int w = p->box.right - p->box.left, h = p->box.bottom - p->box.top;
    size_t n = (size_t)w * (size_t)h;
    uint8_t *part = malloc(n * 3);
    bool ok = part || no_memory(e);
    if (ok) mask_box_cut(mask, r->mask_width, 1, p->box, part);
    ok = ok && mask_resize(part, w, h, p->mask, r->width, r->height, SD_RESIZE_FILL, e);
    if (ok) mask_box_cut(r->image, r->image_width, 3, p->box, part);
    ok = ok && resize_picture(part, w, h, g->resized, r->width, r->height, SD_RESIZE_FILL, e);
    free(part);
    p->width = r->image_width, p->height = r->image_height, p->kept = r->image;
    memcpy(p->overlay, mask, (size_t)p->width * (size_t)p->height);
    return ok;
}

/* The whole picture, at the request's size. */
static bool take_whole(Generation *g, const uint8_t *mask, Error *e) {
    const SdRequest *r = g->r;
    Inpaint *p = g->inpaint;
    size_t n = (size_t)r->width * (size_t)r->height;
    p->width = r->width, p->height = r->height, p->kept = p->owned = malloc(n * 3);
    if (!p->owned) return no_memory(e);
    if (!mask_resize(mask, r->mask_width, r->mask_height, p->mask, r->width, r->height, r->resize, e) ||
        !resize_picture(r->image, r->image_width, r->image_height, g->resized, r->width, r->height, r->resize, e))
        return false;
    memcpy(p->owned, g->resized, n * 3);
    for (size_t i = 0; i < n; i++) p->overlay[i] = (uint8_t)(p->mask[i] > 127 ? 255 : 2 * p->mask[i]);
    return true;
}

static bool is_black(const uint8_t *mask, int64_t n) {
    for (int64_t i = 0; i < n; i++)
        if (mask[i]) return false;
    return true;
}

bool inpaint_begin(Generation *g, Error *e) {
    const SdRequest *r = g->r;
    size_t drawn = (size_t)r->width * (size_t)r->height;
    size_t whole = r->only_masked ? (size_t)r->image_width * (size_t)r->image_height : drawn;
    Inpaint *p = g->inpaint = calloc(1, sizeof *p);
    if (!p) return no_memory(e);
    p->overlay = malloc(whole), p->mask = malloc(drawn),
    p->repaint = malloc((size_t)(g->h * g->w) * sizeof *p->repaint);
    g->image = g->resized = malloc(drawn * 3);
    if (!p->overlay || !p->mask || !p->repaint || !g->resized) return no_memory(e);
    uint8_t *mask = blurred(r, e);
    bool ok = mask != NULL;
    if (ok && is_black(mask, (int64_t)r->mask_width * r->mask_height))
        ok = error_set(e, ERR_ARGUMENT, "mask: keeps the whole picture; make white what is to be repainted");
    ok = ok && (r->only_masked ? take_part : take_whole)(g, mask, e);
    free(mask);
    if (ok && r->fill != SD_FILL_ORIGINAL) ok = mask_fill(g->resized, p->mask, r->width, r->height, e);
    ok = ok && mask_of_latents(p->mask, r->width, r->height, p->repaint, (int)g->w, (int)g->h, true, e);
    if (ok && g->sampler->space == SPACE_TIME) {
        p->blended = malloc((size_t)(g->group * g->latent) * sizeof *p->blended);
        ok = p->blended || no_memory(e);
    }
    return ok;
}

void inpaint_end(Generation *g) {
    Inpaint *p = g->inpaint;
    if (!p) return;
    free(p->overlay);
    free(p->mask);
    free(p->repaint);
    free(p->blended);
    free(p->owned);
    free(p);
    g->inpaint = NULL;
}

size_t inpaint_bytes(const Generation *g) {
    const Inpaint *p = g->inpaint;
    if (!p) return 0;
    size_t drawn = (size_t)g->r->width * (size_t)g->r->height, whole = (size_t)p->width * (size_t)p->height;
    size_t finished = g->r->only_masked ? ((size_t)g->batch + 1) * whole * 3 : 0; /* beside the drawn pictures */
    return whole + drawn + (p->owned ? 3 * drawn : 0) + finished + (size_t)(g->h * g->w) * sizeof *p->repaint +
           (p->blended ? (size_t)(g->group * g->latent) * sizeof *p->blended : 0);
}

/* --- latents --- */

void inpaint_blend(const Generation *g, int first, float *out, const float *x) {
    const float *z = g->z + first * g->latent, *repaint = g->inpaint->repaint;
    int64_t pixels = g->h * g->w;
    for (int64_t i = 0; i < g->group * g->latent; i++) {
        float t = repaint[i % pixels];
        out[i] = x[i] * t + z[i] * (1 - t);
    }
}

bool inpaint_fill_latents(Generation *g, Error *e) {
    SdFill fill = g->r->fill;
    int64_t pixels = g->h * g->w;
    if (fill != SD_FILL_NOISE && fill != SD_FILL_NOTHING) return true;
    float *noise = malloc((size_t)g->latent * sizeof *noise);
    if (!noise) return error_set(e, ERR_MEMORY, "out of memory for noise");
    for (int p = 0; p < g->batch; p++) {
        float *z = g->z + p * g->latent;
        Noise own; /* the picture's first, without a variation */
        noise_init(&own, g->r->rng, g->seed + (g->r->variation_strength != 0 ? 0 : (uint64_t)p));
        noise_fill(&own, noise, g->latent);
        for (int64_t i = 0; i < g->latent; i++) {
            float t = g->inpaint->repaint[i % pixels];
            z[i] *= 1 - t;
            if (fill == SD_FILL_NOISE) z[i] += noise[i] * t;
        }
    }
    free(noise);
    return true;
}

/* --- the finished picture --- */

bool inpaint_finish(const Generation *g, SdPicture *p, Error *e) {
    const Inpaint *k = g->inpaint;
    if (!k) return true;
    int64_t n = (int64_t)k->width * k->height;
    if (g->r->only_masked) {
        int w = k->box.right - k->box.left, h = k->box.bottom - k->box.top;
        uint8_t *part = malloc((size_t)w * (size_t)h * 3), *whole = calloc((size_t)n, 3);
        bool ok = (part && whole) || error_set(e, ERR_MEMORY, "out of memory for a picture");
        ok = ok && resize_picture(p->rgb, p->width, p->height, part, w, h, SD_RESIZE_CROP, e);
        for (int y = 0; ok && y < h; y++)
            memcpy(whole + ((int64_t)(k->box.top + y) * k->width + k->box.left) * 3, part + (int64_t)y * w * 3,
                   (size_t)w * 3);
        free(part);
        if (!ok) return free(whole), false;
        free(p->rgb);
        p->rgb = whole, p->width = k->width, p->height = k->height;
    }
    mask_overlay(p->rgb, k->kept, k->overlay, n);
    return true;
}
