/* mask_fill.c: filling, and laying over: Pillow's arithmetic of bytes. */
#include "mask.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { C = 4 }; /* red, green, blue, alpha */

/* a b / 255, rounded by adding the high byte twice. */
static uint8_t product(unsigned a, unsigned b) {
    unsigned v = a * b + 128;
    return (uint8_t)((v + (v >> 8)) >> 8);
}

/* --- alpha --- */

/* Colours that were multiplied by alpha become what they were. */
static void divide(uint8_t p[C]) {
    if (p[3] == 0 || p[3] == 255) return;
    for (int k = 0; k < 3; k++) {
        unsigned v = 255u * p[k] / p[3];
        p[k] = (uint8_t)(v > 255 ? 255 : v);
    }
}

/* over lies on to. Source: Pillow, AlphaComposite.c. */
static void lay(uint8_t to[C], const uint8_t over[C]) {
    enum { BITS = 7 };
    if (!over[3]) return;
    uint32_t blend = (uint32_t)to[3] * (255u - over[3]), all = over[3] * 255u + blend;
    uint32_t of_over = over[3] * 255u * 255u * (1u << BITS) / all, of_to = 255u * (1u << BITS) - of_over;
    for (int k = 0; k < 3; k++) {
        uint32_t v = over[k] * of_over + to[k] * of_to + (128u << BITS);
        to[k] = (uint8_t)(((v >> 8) + v) >> 8 >> BITS);
    }
    all += 128;
    to[3] = (uint8_t)(((all >> 8) + all) >> 8);
}

/* The kept pixel, as far as the mask keeps it. */
static void keep(uint8_t out[C], const uint8_t rgb[3], uint8_t mask) {
    for (int k = 0; k < 3; k++) out[k] = product(rgb[k], 255u - mask);
    out[3] = (uint8_t)(255 - mask);
}

void mask_overlay(uint8_t *rgb, const uint8_t *kept, const uint8_t *mask, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        uint8_t over[C], to[C] = {rgb[3 * i], rgb[3 * i + 1], rgb[3 * i + 2], 255};
        keep(over, kept + 3 * i, mask[i]);
        divide(over);
        lay(to, over);
        memcpy(rgb + 3 * i, to, 3);
    }
}

/* --- blur --- */

/* The radius of the box that, applied three times, is like a Gaussian of this one. Source: Pillow, BoxBlur.c, after
 * P. Gwosdek et al. 2011. */
static float box_radius(float radius) {
    float sigma = radius * radius / 3;
    float length = (float)sqrt(12.0 * sigma + 1.0);
    float whole = (float)floor((length - 1.0) / 2.0);
    float rest = (2 * whole + 1) * (whole * (whole + 1) - 3 * sigma);
    rest /= 6 * (sigma - (whole + 1) * (whole + 1));
    return whole + rest;
}

typedef struct {
    int radius;
    uint32_t inner, outer; /* weights of a pixel within the radius, and of the two beyond it, in 2^24ths */
} Box;

static Box box_of(float radius) {
    Box b = {.radius = (int)radius, .inner = (uint32_t)((float)(1 << 24) / (radius * 2 + 1))};
    b.outer = ((1u << 24) - (uint32_t)(2 * b.radius + 1) * b.inner) / 2;
    return b;
}

static int within(int i, int n) { return i < 0 ? 0 : i < n ? i : n - 1; }

/* to[n][C] from from[n][C]: sums of a moving box whose ends repeat the first and the last pixel. */
static void blur_line(uint8_t *to, const uint8_t *from, int n, const Box *b) {
    uint32_t sum[C] = {0};
    for (int i = -b->radius - 1; i < b->radius; i++)
        for (int k = 0; k < C; k++) sum[k] += from[within(i, n) * C + k];
    for (int i = 0; i < n; i++) {
        const uint8_t *out = from + within(i - b->radius - 1, n) * C, *in = from + within(i + b->radius, n) * C,
                      *next = from + within(i + b->radius + 1, n) * C;
        for (int k = 0; k < C; k++) {
            sum[k] += (uint32_t)in[k] - out[k];
            to[i * C + k] = (uint8_t)((sum[k] * b->inner + (uint32_t)(out[k] + next[k]) * b->outer + (1u << 23)) >> 24);
        }
    }
}

/* All lines of n pixels of p, `step` pixels apart, the next line `next` further, three times. line: [2][n][C] */
static void blur_lines(uint8_t *p, int lines, int64_t next, int n, int64_t step, const Box *b, uint8_t *line) {
    uint8_t *a = line, *other = line + (size_t)n * C;
    for (int y = 0; y < lines; y++, p += next * C) {
        for (int i = 0; i < n; i++) memcpy(a + (size_t)i * C, p + i * step * C, C);
        blur_line(other, a, n, b);
        blur_line(a, other, n, b);
        blur_line(other, a, n, b);
        for (int i = 0; i < n; i++) memcpy(p + i * step * C, other + (size_t)i * C, C);
    }
}

bool mask_soften(uint8_t *mask, int w, int h, int radius, Error *e) {
    int64_t n = (int64_t)w * h;
    Box box = box_of(box_radius((float)radius));
    uint8_t *wide = calloc((size_t)n, C), *line = malloc(2 * (size_t)(w > h ? w : h) * C);
    bool ok =
        (wide && line) || error_set(e, ERR_MEMORY, "cannot allocate memory for a mask of %d x %d; free some", w, h);
    for (int64_t i = 0; ok && i < n; i++) wide[i * C] = mask[i];
    if (ok) blur_lines(wide, h, w, w, 1, &box, line), blur_lines(wide, w, 1, h, w, &box, line);
    for (int64_t i = 0; ok && i < n; i++) mask[i] = wide[i * C];
    free(line);
    free(wide);
    return ok;
}

/* --- fill --- */

bool mask_fill(uint8_t *rgb, const uint8_t *mask, int w, int h, Error *e) {
    static const struct { int radius, times; } LAYERS[] = {{256, 1}, {64, 1}, {16, 2}, {4, 4}, {2, 2}, {0, 1}};
    int64_t n = (int64_t)w * h;
    uint8_t *out = calloc((size_t)n, C), *blurred = malloc((size_t)n * C),
            *line = malloc(2 * (size_t)(w > h ? w : h) * C);
    bool ok = (out && blurred && line) ||
              error_set(e, ERR_MEMORY, "cannot allocate memory to fill a picture of %d x %d; free some", w, h);
    for (size_t l = 0; ok && l < sizeof LAYERS / sizeof *LAYERS; l++) {
        Box box = box_of(box_radius((float)LAYERS[l].radius));
        for (int64_t i = 0; i < n; i++) keep(blurred + i * C, rgb + 3 * i, mask[i]);
        if (LAYERS[l].radius) {
            blur_lines(blurred, h, w, w, 1, &box, line);
            blur_lines(blurred, w, 1, h, w, &box, line);
        }
        for (int64_t i = 0; i < n; i++) {
            divide(blurred + i * C);
            for (int t = 0; t < LAYERS[l].times; t++) lay(out + i * C, blurred + i * C);
        }
    }
    for (int64_t i = 0; ok && i < n; i++) memcpy(rgb + 3 * i, out + i * C, 3);
    free(line);
    free(blurred);
    free(out);
    return ok;
}
