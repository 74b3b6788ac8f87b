#include "soft.h"

#include "sd/noise/math64.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* x^y for x >= 0, in f32; and for any infinity. */
static float power(float x, double y) {
    if (isinf(x)) return y > 0 ? x : y < 0 ? 0 : 1;
    if (y == 0 || x == 1) return 1;
    if (!(x > 0)) return y > 0 ? 0 : INFINITY;
    double v = y * log64((double)x);
    return v > 88 ? INFINITY : v < -690 ? 0 : (float)exp64(v);
}

static double power64(double x, double y) {
    if (!(x > 0)) return 0;
    double v = y * log64(x);
    return v > 690 ? 1e299 : v < -690 ? 0 : exp64(v);
}

/* The length of a pixel's latent: element c is v[c * pixels]. */
static float length(const float *v, int64_t channels, int64_t pixels) {
    float sum = 0;
    for (int64_t c = 0; c < channels; c++) sum += v[c * pixels] * v[c * pixels];
    return sqrtf(sum);
}

void soft_blend(const SdRequest *r, float *out, const float *x, const float *z, const float *repaint, int64_t channels,
                int64_t pixels, float level) {
    float exponent = power(level, r->soft_bias) * (float)r->soft_preservation;
    double boost = r->soft_boost;
    for (int64_t i = 0; i < pixels; i++) {
        float t = power(repaint[i], exponent), rest = 1 - t;
        double longest = power64(length(z + i, channels, pixels), boost) * (double)rest +
                         power64(length(x + i, channels, pixels), boost) * (double)t;
        for (int64_t c = 0; c < channels; c++) {
            int64_t k = c * pixels + i;
            out[k] = z[k] * rest + x[k] * t;
        }
        double is = (double)length(out + i, channels, pixels) + 0.00001;
        float scale = (float)(power64(longest, 1 / boost) / is);
        for (int64_t c = 0; c < channels; c++) out[c * pixels + i] *= scale;
    }
}

/* --- which pixels are kept --- */

enum { RADIUS = 2, SIDE = 2 * RADIUS + 1 };

/* weights[SIDE][SIDE] of a Gaussian that is 0 one pixel beyond its radius. */
static void make_kernel(double weights[SIDE][SIDE]) {
    double zero = exp64(-9 / 2.25);
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) {
            double dx = x - RADIUS, dy = y - RADIUS, v = (exp64(-(dx * dx + dy * dy) / 2.25) - zero) / (1 - zero);
            weights[y][x] = v > 0 ? v : 0;
        }
}

typedef struct {
    float value;
    double weight;
} Element;

/* The mean of what lies between two shares of the stack of sorted values, which is at least 1 high. */
static double middle(Element *v, int n, double low, double high) {
    double sum = 0, value = 0, weight = 0;
    for (int i = 1; i < n; i++) { /* stable */
        Element own = v[i];
        int k = i;
        for (; k > 0 && v[k - 1].value > own.value; k--) v[k] = v[k - 1];
        v[k] = own;
    }
    for (int i = 0; i < n; i++) sum += v[i].weight;
    low *= sum, high *= sum;
    if (high - low < 1) {
        double centre = (low + high) / 2;
        low = centre - 0.5, high = centre + 0.5;
        if (high > sum) high = sum, low = sum - 1;
        if (low < 0) low = 0, high = 1;
    }
    double at = 0;
    for (int i = 0; i < n; i++) {
        double end = at + v[i].weight, from = low > at ? low : at, to = high < end ? high : end;
        if (low < end && high > at) value += (double)v[i].value * (to - from), weight += to - from;
        at = end;
    }
    return weight != 0 ? value / weight : 0;
}

static void filter(float *to, const float *from, int h, int w, double low, double high) {
    double weights[SIDE][SIDE];
    make_kernel(weights);
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) {
            Element v[SIDE * SIDE];
            int n = 0;
            for (int ky = 0; ky < SIDE; ky++)
                for (int kx = 0; kx < SIDE; kx++) {
                    int sy = y + ky - RADIUS, sx = x + kx - RADIUS;
                    if (sy < 0 || sx < 0 || sy >= h || sx >= w) continue;
                    v[n++] = (Element){from[sy * w + sx], weights[ky][kx]};
                }
            to[y * w + x] = (float)middle(v, n, low, high);
        }
}

bool soft_mask(const SdRequest *r, uint8_t *mask, const float *x, const float *z, const float *repaint,
               int64_t channels, int h, int w, Error *e) {
    int64_t pixels = (int64_t)h * w;
    float *far = calloc(2 * (size_t)pixels, sizeof *far);
    float influence = (float)r->soft_mask_influence, kept = (float)(0.5 * (1 - r->soft_mask_influence));
    if (!far) return error_set(e, ERR_MEMORY, "out of memory for a mask");
    float *some = far + pixels;
    for (int64_t i = 0; i < pixels; i++) {
        float sum = 0;
        for (int64_t c = 0; c < channels; c++) {
            float d = x[c * pixels + i] - z[c * pixels + i];
            sum += d * d;
        }
        far[i] = sqrtf(sum);
    }
    filter(some, far, h, w, 0.9, 1);
    filter(far, some, h, w, 0.25, 0.75);
    for (int64_t i = 0; i < pixels; i++) {
        float t = repaint[i] < 0 ? 0 : repaint[i] > 1 ? 1 : repaint[i];
        float scale = kept + (1 - power(t, r->soft_preservation / 2)) * influence;
        scale = scale / (1.00001f - scale);
        float v = far[i] / ((float)r->soft_threshold * scale);
        v = 1 / (1 + power(v, r->soft_contrast));
        v = v * v * v * (v * (6 * v - 15) + 10);
        v = 255 * (1 - v);
        mask[i] = v > 0 ? (uint8_t)(v < 255 ? v : 255) : 0; /* NaN: kept */
    }
    free(far);
    return true;
}
