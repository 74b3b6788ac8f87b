#include "hint.h"

#include "canny.h"
#include "sd/noise/math64.h"

#include <math.h>
#include <stdlib.h>

double hint_low(SdHint by) { return by == SD_HINT_CANNY ? 100 : by == SD_HINT_LUMINANCE ? 1 : 0; }
double hint_high(SdHint by) { return by == SD_HINT_CANNY ? 200 : 0; }

static void set_grey(uint8_t *pixel, uint8_t v) { pixel[0] = pixel[1] = pixel[2] = v; }

static bool edges(uint8_t *rgb, int w, int h, double low, double high, Error *e) {
    int64_t pixels = (int64_t)w * h;
    uint8_t *found = malloc((size_t)pixels);
    bool ok = found || error_set(e, ERR_MEMORY, "canny: out of memory for %dx%d pixels", w, h);
    ok = ok && canny(found, rgb, w, h, low, high, false, e);
    for (int64_t i = 0; ok && i < pixels; i++) set_grey(rgb + 3 * i, found[i]);
    free(found);
    return ok;
}

/* --- CIELAB's lightness, as OpenCV computes it for bytes --- */

enum { GAMMA_BITS = 3, XYZ_BITS = 12, LAB_BITS = XYZ_BITS + GAMMA_BITS };

static int rounded_shift(int v, int bits) { return (v + (1 << (bits - 1))) >> bits; }

static double linear_light(double v) { return v <= 0.04045 ? v / 12.92 : pow64((v + 0.055) / 1.055, 2.4); }

/* The preprocessor takes its picture for BGR: blue has red's share. Source: OpenCV, color_lab.cpp. */
static uint8_t lightness(const uint8_t *pixel, const uint16_t gamma[256]) {
    enum { OF_RED = 871, OF_GREEN = 2929, OF_BLUE = 296 }; /* of 4096 */
    int y = rounded_shift(gamma[pixel[2]] * OF_RED + gamma[pixel[1]] * OF_GREEN + gamma[pixel[0]] * OF_BLUE, XYZ_BITS);
    double x = y / (255.0 * (1 << GAMMA_BITS));
    int root = (int)lrint((1 << LAB_BITS) * (x < 0.008856 ? x * 7.787 + 0.13793103448275862 : pow64(x, 1.0 / 3)));
    const int scale = (116 * 255 + 50) / 100, shift = -((16 * 255 * (1 << LAB_BITS) + 50) / 100);
    int l = rounded_shift(scale * root + shift, LAB_BITS);
    return (uint8_t)(l < 0 ? 0 : l > 255 ? 255 : l);
}

static void luminance(uint8_t *rgb, int64_t pixels, double gamma) {
    uint16_t table[256];
    uint8_t out[256];
    for (int i = 0; i < 256; i++) {
        table[i] = (uint16_t)lrint(255 * (1 << GAMMA_BITS) * linear_light(i / 255.0));
        float v = gamma == 1 ? (float)i / 255.0f : (float)pow64((float)i / 255.0f, gamma);
        v *= 255.0f;
        out[i] = (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
    }
    for (int64_t i = 0; i < pixels; i++) set_grey(rgb + 3 * i, out[lightness(rgb + 3 * i, table)]);
}

bool hint_make(uint8_t *rgb, int w, int h, SdHint by, double low, double high, Error *e) {
    int64_t pixels = (int64_t)w * h;
    switch (by) {
    case SD_HINT_NONE:
    case SD_HINT_TILE:
    case SD_HINT_INPAINT: break; /* the picture itself */
    case SD_HINT_CANNY: return edges(rgb, w, h, low, high, e);
    case SD_HINT_INVERT:
        for (int64_t i = 0; i < 3 * pixels; i++) rgb[i] = (uint8_t)(255 - rgb[i]);
        break;
    case SD_HINT_SCRIBBLE: /* dark lines on a light ground become white ones on black */
        for (int64_t i = 0; i < pixels; i++) {
            const uint8_t *p = rgb + 3 * i;
            set_grey(rgb + 3 * i, p[0] < 127 || p[1] < 127 || p[2] < 127 ? 255 : 0);
        }
        break;
    case SD_HINT_LUMINANCE: luminance(rgb, pixels, low); break;
    }
    return true;
}
