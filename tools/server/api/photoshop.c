/* photoshop.c: what the Auto-Photoshop plug-in asks its own extension of the webui for. */
#include "tools/server/api/ask/ask_image.h"
#include "reply.h"
#include "routes.h"
#include "sd/image/image.h"
#include "sd/image/mask.h"
#include "sd/image/codecs/png.h"

#include <stdlib.h>
#include <string.h>

static void heartbeat(Serve *s, Call *c) {
    (void)s;
    answer_json(&c->answer, 200, json_pack("{s:b}", "heartbeat", 1));
}

static void version(Serve *s, Call *c) {
    (void)s;
    answer_json(&c->answer, 200, json_pack("{s:s}", "version", "1.4.1"));
}

/* line[n], steps of `stride` apart, becomes the largest of its neighbours up to `reach` away. was[n], large[n]: room;
 * large: where in the window what comes later is smaller, so that its first is the largest. */
static void widen_line(uint8_t *line, int n, size_t stride, int reach, uint8_t *was, int *large) {
    for (int i = 0; i < n; i++) was[i] = line[(size_t)i * stride];
    for (int i = 0, next = 0, first = 0, count = 0; i < n; i++) {
        for (; next < n && next <= i + reach; next++) {
            while (count > first && was[large[count - 1]] <= was[next]) count--;
            large[count++] = next;
        }
        if (large[first] < i - reach) first++;
        line[(size_t)i * stride] = was[large[first]];
    }
}

/* mask[h][w] grows by so many pixels to all sides. */
static bool widen(uint8_t *mask, int w, int h, int reach, Error *e) {
    size_t n = (size_t)(w > h ? w : h);
    uint8_t *was = malloc(n);
    int *large = malloc(n * sizeof *large);
    bool ok = (was && large) || error_set(e, ERR_MEMORY, "out of memory for a mask");
    for (int y = 0; ok && y < h; y++) widen_line(mask + (size_t)y * (size_t)w, w, 1, reach, was, large);
    for (int x = 0; ok && x < w; x++) widen_line(mask + x, h, (size_t)w, reach, was, large);
    free(was), free(large);
    return ok;
}

/* The mask as a grey picture. */
static json_t *picture_of(const Image *mask, Error *e) {
    size_t n = (size_t)mask->width * (size_t)mask->height, size;
    uint8_t *rgb = malloc(3 * n), *png = NULL;
    json_t *text = NULL;
    for (size_t i = 0; rgb && i < n; i++) memset(rgb + 3 * i, mask->rgb[i], 3);
    if (!rgb) error_set(e, ERR_MEMORY, "out of memory for a mask");
    else if (png_encode(rgb, mask->width, mask->height, NULL, 0, &png, &size, e)) text = reply_base64(png, size);
    free(rgb), free(png);
    return text;
}

static void mask_expansion(Serve *s, Call *c) {
    enum { FARTHEST = 1024 };
    Fault f = {0};
    Error e = {0};
    Image mask = {0};
    uint8_t *file = NULL;
    size_t size = 0;
    const char *text = "";
    int64_t reach = 0, blur = 0;
    (void)s;
    bool ok = value_string("mask", json_object_get(c->json, "mask"), &text, &f) &&
              value_whole("mask_expansion", json_object_get(c->json, "mask_expansion"), 0, FARTHEST, &reach, &f) &&
              value_whole("blur", json_object_get(c->json, "blur"), 0, FARTHEST, &blur, &f) &&
              (*text || fault(&f, 404, "mask", "Mask not found")) && ask_image(&file, &size, "mask", text, &f);
    if (ok) ok = image_decode_mask(file, size, "mask", false, &mask, &e);
    if (ok && reach) ok = widen(mask.rgb, mask.width, mask.height, (int)reach, &e);
    if (ok && blur) ok = mask_soften(mask.rgb, mask.width, mask.height, (int)blur, &e);
    json_t *picture = ok ? picture_of(&mask, &e) : NULL;
    if (e.code) fault(&f, e.code == ERR_MEMORY ? 500 : 422, "mask", "%s", e.text);
    if (f.status) route_fault(c, &f);
    else answer_json(&c->answer, 200, json_pack("{s:o}", "mask", picture));
    image_free(&mask);
    free(file);
}

const Route PHOTOSHOP_ROUTES[] = {
    {"GET", "/sdapi/auto-photoshop-sd/heartbeat", heartbeat, 0, "that the plug-in's extension is there", NULL},
    {"GET", "/sdapi/auto-photoshop-sd/version", version, 0, "of the plug-in's extension", NULL},
    {"POST", "/sdapi/auto-photoshop-sd/mask/expansion", mask_expansion, ROUTE_JSON,
     "makes a mask larger and its edge softer", "mask:s!,mask_expansion:i,blur:i"},
    {0},
};
