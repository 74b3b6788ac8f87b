#include "inpaint.h"

#include "sd/image/resize.h"
#include "sd/noise/noise.h"
#include "soft.h"

#include <stdlib.h>
#include <string.h>

static bool no_memory(Error *e) { return error_set(e, ERR_MEMORY, "out of memory for a mask"); }

static bool is_black(const uint8_t *mask, int64_t n) {
    for (int64_t i = 0; i < n; i++)
        if (mask[i]) return false;
    return true;
}

uint8_t *inpaint_blurred(const SdRequest *r, Error *e) {
    int64_t n = (int64_t)r->mask_width * r->mask_height;
    uint8_t *m = malloc((size_t)n);
    int x = r->mask_blur_x < 0 ? r->mask_blur : r->mask_blur_x, y = r->mask_blur_y < 0 ? r->mask_blur : r->mask_blur_y;
    bool ok = m || no_memory(e);
    for (int64_t i = 0; ok && i < n; i++) m[i] = (uint8_t)(r->mask_invert ? 255 - r->mask[i] : r->mask[i]);
    ok = ok && mask_blur(m, r->mask_width, r->mask_height, x, y, e);
    if (ok && is_black(m, n))
        ok = error_set(e, ERR_ARGUMENT, "mask: keeps the whole picture; make white what is to be repainted");
    if (ok) return m;
    free(m);
    return NULL;
}

static size_t drawn_pixels(const Generation *g) { return (size_t)g->r->width * (size_t)g->r->height; }

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

/* What is kept of n drawn pixels: all that the mask repaints to the half or more lies under the drawn picture. */
static void make_overlay(uint8_t *overlay, const uint8_t *mask, size_t n) {
    for (size_t i = 0; i < n; i++) overlay[i] = (uint8_t)(mask[i] > 127 ? 255 : 2 * mask[i]);
}

/* The whole picture, at the request's size. */
static bool take_whole(Generation *g, const uint8_t *mask, Error *e) {
    const SdRequest *r = g->r;
    Inpaint *p = g->inpaint;
    p->width = r->width, p->height = r->height, p->kept = p->unfilled;
    if (!mask_resize(mask, r->mask_width, r->mask_height, p->mask, r->width, r->height, r->resize, e) ||
        !resize_picture(r->image, r->image_width, r->image_height, g->resized, r->width, r->height, r->resize, e))
        return false;
    make_overlay(p->overlay, p->mask, drawn_pixels(g));
    return true;
}

/* Whether a ControlNet is shown the picture, with what is repainted of it unknown. */
static bool is_hint(const SdRequest *r) {
    for (int i = 0; i < r->control_count; i++)
        if (r->controls[i].hint == SD_HINT_INPAINT && !r->controls[i].image) return true;
    return false;
}

/* The picture of the request: as it is drawn, and what is kept of it. */
static bool take_request(Generation *g, Error *e) {
    const SdRequest *r = g->r;
    Inpaint *p = g->inpaint;
    const size_t bytes = drawn_pixels(g) * 3;
    g->image = g->resized = malloc(bytes);
    if (!r->only_masked || is_hint(r)) p->unfilled = malloc(bytes);
    if (!g->resized || (!p->unfilled && !(r->only_masked && !is_hint(r)))) return no_memory(e);
    uint8_t *mask = inpaint_blurred(r, e);
    bool ok = mask && (r->only_masked ? take_part : take_whole)(g, mask, e);
    free(mask);
    if (ok && p->unfilled) memcpy(p->unfilled, g->resized, bytes);
    const uint8_t *latents = g->pass.latent_mask ? g->pass.latent_mask : p->mask;
    return ok && (r->fill == SD_FILL_ORIGINAL || mask_fill(g->resized, latents, r->width, r->height, e));
}

/* The pictures of the pass, each with a mask. */
static void take_pass(Generation *g) {
    Inpaint *p = g->inpaint;
    const size_t n = drawn_pixels(g);
    p->width = g->r->width, p->height = g->r->height;
    for (int i = 0; i < p->masks; i++) {
        const uint8_t *mask = g->pass.masks[i];
        if (mask) memcpy(p->mask + (size_t)i * n, mask, n);
        else memset(p->mask + (size_t)i * n, 0, n); /* only planned */
        make_overlay(p->overlay + (size_t)i * n, p->mask + (size_t)i * n, n);
    }
}

bool inpaint_begin(Generation *g, Error *e) {
    const SdRequest *r = g->r;
    const size_t drawn = drawn_pixels(g), pixels = (size_t)(g->h * g->w);
    size_t whole = r->only_masked ? (size_t)r->image_width * (size_t)r->image_height : drawn;
    Inpaint *p = g->inpaint = calloc(1, sizeof *p);
    if (!p) return no_memory(e);
    const size_t masks = (size_t)(p->masks = g->pass.masks ? g->batch : 1);
    p->overlay = malloc(masks * whole), p->mask = malloc(masks * drawn),
    p->repaint = malloc(masks * pixels * sizeof *p->repaint);
    if (!p->overlay || !p->mask || !p->repaint) return no_memory(e);
    bool ok = true;
    if (g->pass.masks) take_pass(g);
    else ok = take_request(g, e);
    for (int i = 0; ok && i < p->masks; i++) {
        const uint8_t *latents = g->pass.latent_mask ? g->pass.latent_mask : inpaint_mask(g, i);
        ok = mask_of_latents(latents, r->width, r->height, p->repaint + (size_t)i * pixels, (int)g->w, (int)g->h,
                             !r->soft, e);
    }
    if (ok && g->sampler->space == SPACE_TIME) {
        p->blended = malloc((size_t)(g->group * g->latent) * sizeof *p->blended);
        ok = p->blended || no_memory(e);
    }
    return ok;
}

/* The one among all masks that the batch's picture `index` has. */
static size_t mask_index(const Generation *g, int index) { return g->inpaint->masks > 1 ? (size_t)index : 0; }

const uint8_t *inpaint_mask(const Generation *g, int index) {
    return g->inpaint->mask + mask_index(g, index) * drawn_pixels(g);
}

const uint8_t *inpaint_unfilled(const Generation *g, int index) {
    return g->pass.masks ? g->pass.kept[index] : g->inpaint->unfilled;
}

static const float *repaint_of(const Generation *g, int index) {
    return g->inpaint->repaint + mask_index(g, index) * (size_t)(g->h * g->w);
}

static uint8_t *overlay_of(const Generation *g, int index) {
    const Inpaint *p = g->inpaint;
    return p->overlay + mask_index(g, index) * (size_t)p->width * (size_t)p->height;
}

void inpaint_end(Generation *g) {
    Inpaint *p = g->inpaint;
    if (!p) return;
    free(p->overlay);
    free(p->mask);
    free(p->repaint);
    free(p->blended);
    free(p->unfilled);
    free(p);
    g->inpaint = NULL;
}

size_t inpaint_bytes(const Generation *g) {
    const Inpaint *p = g->inpaint;
    if (!p) return 0;
    size_t drawn = drawn_pixels(g), whole = (size_t)p->width * (size_t)p->height, masks = (size_t)p->masks;
    size_t finished = g->r->only_masked ? ((size_t)g->batch + 1) * whole * 3 : 0; /* beside the drawn pictures */
    size_t soft = g->r->soft ? 10 * drawn + whole : 0;
    return soft + masks * (whole + drawn + (size_t)(g->h * g->w) * sizeof *p->repaint) + (p->unfilled ? 3 * drawn : 0) +
           finished + (p->blended ? (size_t)(g->group * g->latent) * sizeof *p->blended : 0);
}

/* --- latents --- */

/* Of one picture. */
static void blend(const Generation *g, const float *repaint, float *out, const float *x, const float *z, float level) {
    const int64_t pixels = g->h * g->w;
    if (g->r->soft && level > 0) soft_blend(g->r, out, x, z, repaint, g->latent / pixels, pixels, level);
    else if (g->r->soft && out != x) memcpy(out, x, (size_t)g->latent * sizeof *out);
    for (int64_t i = 0; !g->r->soft && i < g->latent; i++) {
        float t = repaint[i % pixels];
        out[i] = x[i] * t + z[i] * (1 - t);
    }
}

void inpaint_blend(const Generation *g, int first, float *out, const float *x, float level) {
    for (int i = 0; i < g->group; i++) {
        const int64_t at = i * g->latent;
        blend(g, repaint_of(g, first + i), out + at, x + at, g->z + first * g->latent + at, level);
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
        const float *repaint = repaint_of(g, p);
        Noise own; /* the picture's first, without a variation */
        noise_init(&own, g->r->rng, g->seed + (g->r->variation_strength != 0 ? 0 : (uint64_t)p));
        noise_fill(&own, noise, g->latent);
        for (int64_t i = 0; i < g->latent; i++) {
            float t = repaint[i % pixels];
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
    ok = ok &&
         soft_mask(g->r, small, g->x + at, g->z + at, repaint_of(g, index), g->latent / pixels, (int)g->h, (int)g->w,
                   e) &&
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
    uint8_t *overlay = overlay_of(g, index);
    if ((g->r->soft && !soft_overlay(g, index, overlay, e)) || (g->r->only_masked && !uncrop(k, p, e))) return false;
    mask_overlay(p->rgb, k->kept ? k->kept : g->pass.kept[index], overlay, (int64_t)k->width * k->height);
    return true;
}
