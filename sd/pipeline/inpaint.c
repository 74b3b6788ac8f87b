#include "inpaint.h"

#include "sd/image/resize.h"
#include "sd/noise/noise.h"
#include "soft.h"

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
    const uint8_t *latents = g->pass.latent_mask ? g->pass.latent_mask : p->mask;
    if (ok && r->fill != SD_FILL_ORIGINAL) ok = mask_fill(g->resized, latents, r->width, r->height, e);
    ok = ok && mask_of_latents(latents, r->width, r->height, p->repaint, (int)g->w, (int)g->h, !r->soft, e);
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
    size_t soft = g->r->soft ? 10 * drawn + whole : 0;
    return soft + whole + drawn + (p->owned ? 3 * drawn : 0) + finished + (size_t)(g->h * g->w) * sizeof *p->repaint +
           (p->blended ? (size_t)(g->group * g->latent) * sizeof *p->blended : 0);
}

/* --- latents --- */

void inpaint_blend(const Generation *g, int first, float *out, const float *x, float level) {
    const float *z = g->z + first * g->latent, *repaint = g->inpaint->repaint;
    int64_t pixels = g->h * g->w;
    if (g->r->soft && level <= 0 && out != x) memcpy(out, x, (size_t)(g->group * g->latent) * sizeof *out);
    for (int i = 0; g->r->soft && level > 0 && i < g->group; i++)
        soft_blend(g->r, out + i * g->latent, x + i * g->latent, z + i * g->latent, repaint, g->latent / pixels, pixels,
                   level);
    if (g->r->soft) return;
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

/* to[height][width][channels], all 0 but for the part that was drawn: from[..][..][channels]. */
static void put_back(const Inpaint *k, uint8_t *to, const uint8_t *from, int channels) {
    size_t row = (size_t)(k->box.right - k->box.left) * (size_t)channels;
    memset(to, 0, (size_t)k->width * (size_t)k->height * (size_t)channels);
    for (int y = k->box.top; y < k->box.bottom; y++, from += row)
        memcpy(to + ((size_t)y * (size_t)k->width + (size_t)k->box.left) * (size_t)channels, from, row);
}

/* What soft inpainting lays over: overlay [height][width] of the batch's picture. */
static bool soft_overlay(const Generation *g, int index, uint8_t *overlay, Error *e) {
    const Inpaint *k = g->inpaint;
    int w = g->r->width, h = g->r->height, part_w = k->box.right - k->box.left, part_h = k->box.bottom - k->box.top;
    int64_t pixels = g->h * g->w, at = index * g->latent;
    uint8_t *small = malloc((size_t)pixels), *drawn = malloc((size_t)w * (size_t)h);
    uint8_t *part = g->r->only_masked ? malloc((size_t)part_w * (size_t)part_h) : NULL;
    bool ok = (small && drawn && (part || !g->r->only_masked)) || no_memory(e);
    ok = ok && soft_mask(g->r, small, g->x + at, g->z + at, k->repaint, g->latent / pixels, (int)g->h, (int)g->w, e) &&
         mask_resize(small, (int)g->w, (int)g->h, drawn, w, h, SD_RESIZE_FILL, e) && mask_soften(drawn, w, h, 4, e);
    if (ok && part && (ok = mask_resize(drawn, w, h, part, part_w, part_h, SD_RESIZE_CROP, e)))
        put_back(k, overlay, part, 1);
    else if (ok) memcpy(overlay, drawn, (size_t)w * (size_t)h);
    free(small);
    free(drawn);
    free(part);
    return ok;
}

/* The drawn part within a picture of the finished size. */
static bool uncrop(const Inpaint *k, SdPicture *p, Error *e) {
    int w = k->box.right - k->box.left, h = k->box.bottom - k->box.top;
    uint8_t *part = malloc((size_t)w * (size_t)h * 3), *whole = malloc((size_t)k->width * (size_t)k->height * 3);
    bool ok = (part && whole) || error_set(e, ERR_MEMORY, "out of memory for a picture");
    ok = ok && resize_picture(p->rgb, p->width, p->height, part, w, h, SD_RESIZE_CROP, e);
    if (ok) put_back(k, whole, part, 3);
    free(part);
    if (!ok) return free(whole), false;
    free(p->rgb);
    p->rgb = whole, p->width = k->width, p->height = k->height;
    return true;
}

bool inpaint_finish(const Generation *g, int index, SdPicture *p, Error *e) {
    const Inpaint *k = g->inpaint;
    if (!k) return true;
    if ((g->r->soft && !soft_overlay(g, index, k->overlay, e)) || (g->r->only_masked && !uncrop(k, p, e))) return false;
    mask_overlay(p->rgb, k->kept, k->overlay, (int64_t)k->width * k->height);
    return true;
}
