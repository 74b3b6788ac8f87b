/* picture_noise.c: see picture_noise.h; draws in the order of the webui's ImageRNG. */
#include "picture_noise.h"

#include "math64.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct PictureNoise {
    PictureNoiseOptions o;
    int64_t n;
    Brownian path;
    float *work;         /* for the path */
    float *main, *other; /* [larger of the two sizes]: the seed's noise and the variation's */
    Noise generators[];
};

static bool resizes(const PictureNoiseOptions *o) {
    return o->resize_height > 0 && o->resize_width > 0 &&
           (o->resize_height != o->height || o->resize_width != o->width);
}

uint64_t picture_noise_seed(const PictureNoise *p, int i) {
    return p->o.seed + (p->o.variation != 0 ? 0 : (uint64_t)i);
}

PictureNoise *picture_noise_open(const PictureNoiseOptions *o, Error *e) {
    assert(o->pictures >= 0 && o->channels > 0 && o->height > 0 && o->width > 0);
    PictureNoise *p = calloc(1, sizeof *p + (size_t)o->pictures * sizeof(Noise));
    if (!p) {
        error_set(e, ERR_MEMORY, "out of memory for noise");
        return NULL;
    }
    p->o = *o;
    p->n = (int64_t)o->channels * o->height * o->width;
    int64_t small = resizes(o) ? (int64_t)o->channels * o->resize_height * o->resize_width : 0;
    size_t most = (size_t)(small > p->n ? small : p->n);
    p->main = malloc(most * sizeof *p->main);
    p->other = malloc(most * sizeof *p->other);
    if (!p->main || !p->other) {
        error_set(e, ERR_MEMORY, "out of memory for noise");
        picture_noise_close(p);
        return NULL;
    }
    for (int i = 0; i < o->pictures; i++) noise_init(&p->generators[i], o->kind, picture_noise_seed(p, i));
    return p;
}

void picture_noise_close(PictureNoise *p) {
    if (!p) return;
    free(p->work);
    free(p->main);
    free(p->other);
    free(p);
}

static void fresh(const PictureNoise *p, uint64_t seed, float *out, int64_t n) {
    Noise g;
    noise_init(&g, p->o.kind, seed);
    noise_fill(&g, out, n);
}

/* The cosine between two columns. */
static float cosine(const float *a, const float *b, int rows, int columns) {
    double aa = 0, bb = 0, dot = 0;
    for (int r = 0; r < rows; r++) {
        aa += (double)a[r * columns] * a[r * columns];
        bb += (double)b[r * columns] * b[r * columns];
    }
    float na = (float)sqrt(aa), nb = (float)sqrt(bb);
    for (int r = 0; r < rows; r++) dot += (double)(a[r * columns] / na * (b[r * columns] / nb));
    return (float)dot;
}

/* low = spherical interpolation at t between low and high, column by column, because without a batch the original's
 * "dim 1" is the rows. Where the columns are nearly parallel on average it interpolates linearly, with the weights
 * swapped, as in the original. */
static void slerp(float *low, const float *high, double t, int channels, int rows, int columns) {
    int64_t plane = (int64_t)rows * columns;
    double mean = 0;
    for (int c = 0; c < channels; c++)
        for (int w = 0; w < columns; w++) mean += cosine(low + c * plane + w, high + c * plane + w, rows, columns);
    bool line = mean / ((double)channels * columns) > 0.9995;
    for (int c = 0; c < channels; c++)
        for (int w = 0; w < columns; w++) {
            float *a = low + c * plane + w, x = (float)t, y = (float)(1 - t);
            const float *b = high + c * plane + w;
            if (!line) {
                float dot = cosine(a, b, rows, columns);
                float angle = (float)acos64(dot > 1 ? 1 : dot < -1 ? -1 : dot), whole = (float)sine64(angle);
                if (whole > 0) x = (float)sine64(y * angle) / whole, y = (float)sine64((float)t * angle) / whole;
                else x = (float)(1 - t), y = (float)t; /* opposite or equal: linear; the original divides by 0 */
            }
            for (int r = 0; r < rows; r++) a[r * columns] = x * a[r * columns] + y * b[r * columns];
        }
}

static int half(int difference) { return difference >= 0 ? difference / 2 : -((1 - difference) / 2); } /* floor */

/* Centres small on out, cropping or leaving a margin in each direction independently. */
static void paste(const PictureNoiseOptions *o, float *out, const float *small) {
    int h = o->resize_height, w = o->resize_width, dx = half(o->width - w), dy = half(o->height - h);
    int columns = dx >= 0 ? w : w + 2 * dx, rows = dy >= 0 ? h : h + 2 * dy;
    int to_x = dx < 0 ? 0 : dx, to_y = dy < 0 ? 0 : dy, from_x = dx < 0 ? -dx : 0, from_y = dy < 0 ? -dy : 0;
    if (columns <= 0 || rows <= 0) return;
    for (int c = 0; c < o->channels; c++)
        for (int r = 0; r < rows; r++)
            memcpy(out + ((int64_t)c * o->height + to_y + r) * o->width + to_x,
                   small + ((int64_t)c * h + from_y + r) * w + from_x, (size_t)columns * sizeof *out);
}

void picture_noise_first(PictureNoise *p, int i, float *out) {
    const PictureNoiseOptions *o = &p->o;
    bool resize = resizes(o);
    int h = resize ? o->resize_height : o->height, w = resize ? o->resize_width : o->width;
    int64_t n = (int64_t)o->channels * h * w;
    uint64_t seed = picture_noise_seed(p, i);
    Noise *g = &p->generators[i];
    if (o->variation != 0) fresh(p, o->variation_seed + (uint64_t)i, p->other, n);
    if (resize) fresh(p, seed, p->main, n);
    else noise_fill(g, p->main, n);
    if (o->variation != 0) slerp(p->main, p->other, o->variation, o->channels, h, w);
    if (resize) {
        noise_fill(g, out, p->n);
        paste(o, out, p->main);
    } else memcpy(out, p->main, (size_t)n * sizeof *out);
    if (o->ensd) noise_init(g, o->kind, seed + (uint64_t)o->ensd);
}

void picture_noise_next(PictureNoise *p, int i, float *out) { noise_fill(&p->generators[i], out, p->n); }

bool picture_noise_path(PictureNoise *p, float low, float high, Error *e) {
    p->path = (Brownian){.kind = p->o.kind, .low = low, .high = high};
    free(p->work);
    p->work = malloc((size_t)brownian_work(&p->path, p->n) * sizeof *p->work);
    return p->work || error_set(e, ERR_MEMORY, "out of memory for noise");
}

void picture_noise_brownian(PictureNoise *p, int i, float *out, float from, float to) {
    p->path.seed = picture_noise_seed(p, i);
    brownian_noise(&p->path, out, p->n, from, to, p->work);
}
