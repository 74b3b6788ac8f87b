#include "mask.h"

#include "resize.h"
#include "sd/noise/math64.h"

#include <stdlib.h>
#include <string.h>

static bool no_memory(int w, int h, Error *e) {
    return error_set(e, ERR_MEMORY, "cannot allocate memory for a mask of %d x %d; make it smaller or free some", w, h);
}

/* --- blur --- */

/* To the nearest integer, ties to even. */
static int nearest(double v) {
    int below = (int)v; /* v >= 0 */
    double rest = v - below;
    return below + (rest > 0.5 || (rest == 0.5 && below % 2));
}

/* weights[2 half + 1] in 256ths, whose sum is 256: each is rounded with what is left of the one before. Source: OpenCV,
 * smooth.dispatch.cpp, getGaussianKernelBitExact and getGaussianKernelFixedPoint_ED. */
static void gaussian(int *weights, int half, int sigma) {
    double scale = -0.5 / ((double)sigma * sigma), sum = 0, rest = 0;
    int left = 256;
    for (int i = -half; i < 0; i++) sum += exp64(scale * ((double)i * i));
    sum = 1 / (2 * sum + 1);
    for (int i = 0; i < half; i++) {
        double x = i - half, v = exp64(scale * (x * x)) * sum * 256 + rest;
        int rounded = v < 0 ? 0 : nearest(v);
        rest = v - rounded;
        weights[i] = weights[2 * half - i] = rounded;
        left -= 2 * rounded;
    }
    weights[half] = left;
}

/* Pixel i of n, mirrored at the ends without repeating them. */
static int mirrored(int i, int n) {
    if (n == 1) return 0;
    for (;;) {
        if (i < 0) i = -i;
        else if (i >= n) i = 2 * n - 2 - i;
        else return i;
    }
}

/* to[n] from from[n], whose pixels are `step` apart in both. line: [n + 2 half] */
static void blur_line(uint8_t *at, int64_t step, int n, const int *weights, int half, uint8_t *line) {
    for (int i = -half; i < n + half; i++) line[i + half] = at[mirrored(i, n) * step];
    for (int i = 0; i < n; i++) {
        int sum = 128;
        for (int k = 0; k <= 2 * half; k++) sum += weights[k] * line[i + k];
        at[i * step] = (uint8_t)(sum >> 8);
    }
}

/* `lines` lines of n pixels; the next line begins `next` further. */
static bool blur_lines(uint8_t *mask, int lines, int64_t next, int n, int64_t step, int sigma) {
    int half = (int)(2.5 * sigma + 0.5);
    if (n == 1 || !sigma) return true; /* OpenCV makes the kernel as short */
    int *weights = malloc((size_t)(2 * half + 1) * sizeof *weights);
    uint8_t *line = malloc((size_t)n + 2 * (size_t)half);
    bool ok = weights && line;
    if (ok) gaussian(weights, half, sigma);
    for (int i = 0; ok && i < lines; i++) blur_line(mask + i * next, step, n, weights, half, line);
    free(line);
    free(weights);
    return ok;
}

bool mask_blur(uint8_t *mask, int w, int h, int x, int y, Error *e) {
    return (blur_lines(mask, h, w, w, 1, x) && blur_lines(mask, w, 1, h, w, y)) || no_memory(w, h, e);
}

/* --- the part --- */

static bool row_is_empty(const uint8_t *row, int w) {
    for (int i = 0; i < w; i++)
        if (row[i]) return false;
    return true;
}

bool mask_box(const uint8_t *mask, int w, int h, int padding, MaskBox *out) {
    MaskBox b = {.left = w, .top = 0, .right = 0, .bottom = h};
    while (b.top < h && row_is_empty(mask + (int64_t)b.top * w, w)) b.top++;
    if (b.top == h) return false;
    while (row_is_empty(mask + (int64_t)(b.bottom - 1) * w, w)) b.bottom--;
    for (int y = b.top; y < b.bottom; y++) {
        const uint8_t *row = mask + (int64_t)y * w;
        for (int x = 0; x < b.left; x++)
            if (row[x]) b.left = x;
        for (int x = w; x > b.right; x--)
            if (row[x - 1]) b.right = x;
    }
    b.left = b.left > padding ? b.left - padding : 0, b.top = b.top > padding ? b.top - padding : 0;
    b.right = b.right < w - padding ? b.right + padding : w, b.bottom = b.bottom < h - padding ? b.bottom + padding : h;
    *out = b;
    return true;
}

/* Enlarges low..high by `more` around its middle, within 0..size as far as it fits. */
static void widen(int *low, int *high, int more, int size) {
    *low -= more / 2, *high += more - more / 2;
    if (*high >= size) *low -= *high - size, *high = size;
    if (*low < 0) *high -= *low, *low = 0;
    if (*high >= size) *high = size;
}

MaskBox mask_box_expand(MaskBox box, int to_w, int to_h, int w, int h) {
    int bw = box.right - box.left, bh = box.bottom - box.top;
    double ratio = (double)to_w / to_h;
    if ((double)bw / bh > ratio) widen(&box.top, &box.bottom, (int)(bw / ratio - bh), h);
    else widen(&box.left, &box.right, (int)(bh * ratio - bw), w);
    return box;
}

void mask_box_cut(const uint8_t *from, int w, int channels, MaskBox box, uint8_t *out) {
    size_t row = (size_t)(box.right - box.left) * (size_t)channels;
    for (int y = box.top; y < box.bottom; y++, out += row)
        memcpy(out, from + ((size_t)y * (size_t)w + (size_t)box.left) * (size_t)channels, row);
}

/* --- other sizes --- */

/* A grey picture of n pixels; the caller frees it. */
static uint8_t *grey(const uint8_t *mask, int64_t n) {
    uint8_t *rgb = malloc((size_t)n * 3);
    for (int64_t i = 0; rgb && i < 3 * n; i++) rgb[i] = mask[i / 3];
    return rgb;
}

bool mask_resize(const uint8_t *mask, int from_w, int from_h, uint8_t *to, int w, int h, SdResize mode, Error *e) {
    int64_t n = (int64_t)w * h;
    uint8_t *from = grey(mask, (int64_t)from_w * from_h), *rgb = malloc((size_t)n * 3);
    bool ok = (from && rgb) || no_memory(w, h, e);
    ok = ok && resize_picture(from, from_w, from_h, rgb, w, h, mode, e);
    for (int64_t i = 0; ok && i < n; i++) to[i] = rgb[3 * i];
    free(from);
    free(rgb);
    return ok;
}

bool mask_of_latents(const uint8_t *mask, int from_w, int from_h, float *latents, int w, int h, bool round, Error *e) {
    int64_t n = (int64_t)w * h;
    uint8_t *from = grey(mask, (int64_t)from_w * from_h), *rgb = malloc((size_t)n * 3);
    bool ok = (from && rgb) || no_memory(w, h, e);
    ok = ok && resize_rgb(from, from_w, from_h, rgb, w, h, RESIZE_BICUBIC, e);
    for (int64_t i = 0; ok && i < n; i++) latents[i] = round ? rgb[3 * i] > 127 : (float)rgb[3 * i] / 255.0f;
    free(from);
    free(rgb);
    return ok;
}
