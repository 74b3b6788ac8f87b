#include "control_hint.h"

#include "sd/image/hint.h"
#include "sd/image/mask.h"
#include "sd/image/resize.h"
#include "sd/load/control.h"
#include "sd/pipeline/inpaint.h"

#include <stdlib.h>
#include <string.h>

static int64_t window_pixels(const Generation *g) {
    int64_t unit = vae_factor(&g->m->config.vae);
    return windows_area(&g->windows) * unit * unit;
}

static bool no_memory(Error *e) { return error_set(e, ERR_MEMORY, "out of memory for a ControlNet's hint"); }

static bool resized(const uint8_t *from, int w, int h, int channels, uint8_t *to, int to_w, int to_h, SdResize how,
                    Error *e) {
    return (channels == 1 ? mask_resize : resize_picture)(from, w, h, to, to_w, to_h, how, e);
}

/* A control's picture, or its mask, at the size of what is drawn. Where that is a part of the request's picture, it is
 * brought to that one's size and has the same part cut out, as the extension does. */
static bool fit(const Generation *g, const SdControl *c, const uint8_t *from, int channels, uint8_t *to, Error *e) {
    const SdRequest *r = g->r;
    if (!r->mask || !r->only_masked)
        return resized(from, c->width, c->height, channels, to, r->width, r->height, c->resize, e);
    const MaskBox box = g->inpaint->box;
    const int w = box.right - box.left, h = box.bottom - box.top;
    uint8_t *whole = malloc((size_t)r->image_width * (size_t)r->image_height * (size_t)channels);
    uint8_t *part = malloc((size_t)w * (size_t)h * (size_t)channels);
    bool ok = (whole && part) || no_memory(e);
    ok = ok && resized(from, c->width, c->height, channels, whole, r->image_width, r->image_height, c->resize, e);
    if (ok) mask_box_cut(whole, r->image_width, channels, box, part);
    ok = ok && resized(part, w, h, channels, to, r->width, r->height, SD_RESIZE_FILL, e);
    free(whole);
    free(part);
    return ok;
}

/* n bytes of a tile, which only drawing has. */
static void copy(uint8_t *to, const uint8_t *tile, size_t n) {
    if (tile) memcpy(to, tile, n);
    else memset(to, 0, n);
}

/* Hint i of a control, and what is unknown of it: of its own picture, of a tile of that, or of what is repainted. */
static bool take_hint(const Generation *g, const Control *k, int i, uint8_t *to, uint8_t *unknown, Error *e) {
    const SdControl *c = k->of;
    const size_t at = (size_t)(k - g->controls), pixels = (size_t)g->r->width * (size_t)g->r->height;
    if (hint_is_request(c)) {
        copy(to, inpaint_unfilled(g, i), 3 * pixels);
        memcpy(unknown, inpaint_mask(g, i), pixels);
        return true;
    }
    if (g->pass.control_tiles[at]) {
        copy(to, g->pass.control_tiles[at][i], 3 * pixels);
        if (unknown) copy(unknown, g->pass.control_masks[at][i], pixels);
        return true;
    }
    return fit(g, c, c->image, 3, to, e) && (!unknown || fit(g, c, c->mask, 1, unknown, e));
}

bool hint_take(const Generation *g, Control *k, Error *e) {
    const SdControl *c = k->of;
    const int w = g->r->width, h = g->r->height;
    const size_t pixels = (size_t)w * (size_t)h;
    k->hints = g->pass.control_tiles[k - g->controls] || (hint_is_request(c) && g->pass.masks) ? g->batch : 1;
    k->hint = malloc(3 * pixels * (size_t)k->hints);
    if (c->hint == SD_HINT_INPAINT) k->unknown = malloc(pixels * (size_t)k->hints);
    if (g->windows.count > 1) k->cut = malloc((size_t)window_pixels(g) * 3);
    bool ok =
        (k->hint && (k->cut || g->windows.count == 1) && (k->unknown || c->hint != SD_HINT_INPAINT)) || no_memory(e);
    for (int i = 0; ok && i < k->hints; i++) {
        uint8_t *to = k->hint + 3 * pixels * (size_t)i;
        ok = take_hint(g, k, i, to, k->unknown ? k->unknown + pixels * (size_t)i : NULL, e) &&
             hint_make(to, w, h, c->hint, c->low > 0 ? c->low : hint_low(c->hint),
                       c->high > 0 ? c->high : hint_high(c->hint), e);
    }
    return ok;
}

size_t hint_bytes(const Generation *g) {
    const SdRequest *r = g->r;
    size_t pixels = (size_t)r->width * (size_t)r->height, bytes = 0;
    for (int i = 0; i < g->control_count; i++) {
        const Control *k = &g->controls[i];
        const size_t own = k->of->image ? (size_t)k->of->width * (size_t)k->of->height : 0;
        bytes += (k->unknown ? 4 : 3) * pixels * (size_t)k->hints + (k->cut ? 3 * (size_t)window_pixels(g) : 0) +
                 (k->of->mask ? 4 : 3) * own;
        if (own && r->mask && r->only_masked) bytes += 6 * (size_t)r->image_width * (size_t)r->image_height; /* fit */
    }
    return bytes;
}

/* Where a row's pixels begin in [hints][height][width]: a window of one of the hints. */
static int64_t place_of(const Generation *g, int64_t row) {
    const Grid *grid = &g->windows.grid;
    const int64_t unit = vae_factor(&g->m->config.vae), wide = g->r->width;
    const int64_t from = row / g->windows.count * wide * g->r->height;
    const int window = (int)(row % g->windows.count);
    if (g->windows.count == 1) return from;
    return from + grid_y(grid, window / grid->columns) * unit * wide + grid_x(grid, window % grid->columns) * unit;
}

/* A row's pixels, [h][w][3] of its window. */
static const uint8_t *hint_of(const Generation *g, const Control *k, int64_t row, int64_t h, int64_t w) {
    const uint8_t *from = k->hint + 3 * place_of(g, row);
    if (g->windows.count == 1) return from;
    for (int64_t y = 0; y < h; y++) memcpy(k->cut + y * w * 3, from + y * g->r->width * 3, (size_t)w * 3);
    return k->cut;
}

static void hide_unknown(const Generation *g, const Control *k, int64_t row, int64_t h, int64_t w, float *to) {
    const uint8_t *unknown = k->unknown + place_of(g, row);
    const float hidden = k->texts.kinds ? 0 : -1;
    for (int64_t y = 0; y < h; y++)
        for (int64_t x = 0; x < w; x++)
            for (int64_t c = 0; unknown[y * g->r->width + x] > 127 && c < 3; c++) to[(y * w + x) * 3 + c] = hidden;
}

Tensor hint_push(Generation *g, const Control *k, int64_t row) {
    Ctx *c = &g->ctx;
    bool adapts = control_is_adapter(k->net);
    const int64_t unit = vae_factor(&g->m->config.vae), h = g->windows.grid.tile_h * unit,
                  w = g->windows.grid.tile_w * unit;
    int64_t shape[4] = {1, h, w, 3};
    if (adapts) adapter_input_shape(&k->net->adapter, h, w, shape);
    Tensor hint = tensor_new(c, 4, shape);
    if (!ctx_plans(c)) {
        float *to = tensor_host(c, hint).data;
        const uint8_t *pixels = hint_of(g, k, row, h, w);
        if (adapts) adapter_shuffle(&k->net->adapter, to, pixels, h, w);
        for (int64_t i = 0; !adapts && i < tensor_count(hint); i++) to[i] = (float)pixels[i] / 255.0f;
        if (k->unknown) hide_unknown(g, k, row, h, w, to);
    }
    tensor_push(c, hint);
    return hint;
}
