#include "spectrum.h"

#include "fft.h"
#include "sd/image/histogram.h"
#include "sd/noise/math64.h"
#include "sd/noise/pcg64.h"

#include <stdlib.h>

enum { SEED = 0, CHANNELS = 3 };

typedef struct {
    const uint8_t *rgb, *mask;
    int w, h;
    int64_t n; /* pixels */
    double falloff, color;
    double most, mean;        /* of what is kept, of the whole picture; 0..1 */
    Complex *picture, *noise; /* [h][w] of a channel */
    double *shaped;           /* [h][w][CHANNELS] */
} Spectrum;

static void measure(Spectrum *s) {
    int64_t sum = 0;
    int most = 0;
    for (int64_t i = 0; i < CHANNELS * s->n; i++) {
        sum += s->rgb[i];
        if (!s->mask[i / CHANNELS] && s->rgb[i] > most) most = s->rgb[i];
    }
    s->most = most / 255.0, s->mean = (double)sum / (255.0 * (double)(CHANNELS * s->n));
}

/* The kept part as bright as can be, the rest of the picture's mean. */
static void place_picture(const Spectrum *s, int channel) {
    for (int64_t i = 0; i < s->n; i++) {
        double v = s->mask[i] ? s->mean : s->rgb[CHANNELS * i + channel] / 255.0 / (s->most > 0 ? s->most : 1);
        s->picture[i] = (Complex){v, 0};
    }
}

/* Nearly grey. */
static void place_noise(const Spectrum *s, int channel) {
    Pcg64 r;
    pcg64_init(&r, SEED);
    for (int64_t i = 0; i < s->n; i++) {
        double v[CHANNELS];
        for (int k = 0; k < CHANNELS; k++) v[k] = pcg64_uniform(&r);
        double grey = (v[0] + v[1] + v[2]) / 3;
        s->noise[i] = (Complex){v[channel] * s->color + (1 - s->color) * grey, 0};
    }
}

/* How much of a frequency is left in the noise: x and y are -1..1 along the shorter side, 0 the lowest. */
static double window(int i, int n, int least) {
    int middle = i < n / 2 ? i + n / 2 : i - n / 2;
    double x = ((double)middle / n * 2 - 1) * ((double)n / least);
    return x * x + 1;
}

/* picture = its phases with its amplitudes to the power of falloff, times the noise's power. */
static void shape(const Spectrum *s) {
    int least = s->w < s->h ? s->w : s->h;
    for (int y = 0; y < s->h; y++)
        for (int x = 0; x < s->w; x++) {
            Complex *p = &s->picture[(int64_t)y * s->w + x], q = s->noise[(int64_t)y * s->w + x];
            double part = 1 / (window(y, s->h, least) * window(x, s->w, least));
            double power = (q.re * q.re + q.im * q.im) * part * part;
            double size = sqrt(p->re * p->re + p->im * p->im);
            if (s->falloff != 1) power *= size > 0 ? pow64(size, s->falloff - 1) : 0;
            p->re *= power, p->im *= power;
        }
}

static bool shape_channel(const Spectrum *s, int channel, Error *e) {
    place_picture(s, channel);
    place_noise(s, channel);
    if (!fft_2d(s->picture, s->h, s->w, false, e) || !fft_2d(s->noise, s->h, s->w, false, e)) return false;
    shape(s);
    if (!fft_2d(s->picture, s->h, s->w, true, e)) return false;
    for (int64_t i = 0; i < s->n; i++) s->shaped[CHANNELS * i + channel] = s->picture[i].re;
    return true;
}

/* From 0 to 1. What is to be filled goes to the front; how much that is. */
static int64_t stretch(const Spectrum *s) {
    double least = s->shaped[0], most = 0;
    int64_t filled = 0;
    for (int64_t i = 0; i < CHANNELS * s->n; i++)
        if (s->shaped[i] < least) least = s->shaped[i];
    for (int64_t i = 0; i < CHANNELS * s->n; i++) {
        s->shaped[i] -= least;
        if (s->shaped[i] > most) most = s->shaped[i];
    }
    for (int64_t i = 0; i < s->n; i++) {
        if (!s->mask[i]) continue;
        for (int k = 0; k < CHANNELS; k++)
            s->shaped[CHANNELS * filled + k] = s->shaped[CHANNELS * i + k] / (most > 0 ? most : 1);
        filled++;
    }
    return filled;
}

static bool color(const Spectrum *s, int64_t filled, Error *e) {
    for (int k = 0; k < CHANNELS; k++) {
        Histogram h = {{0}};
        for (int64_t i = 0; i < s->n; i++)
            if (!s->mask[i]) h.count[s->rgb[CHANNELS * i + k]]++;
        if (!histogram_match(s->shaped + k, filled, CHANNELS, &h, e)) return false;
    }
    return true;
}

bool spectrum_fill(uint8_t *rgb, const uint8_t *mask, int w, int h, double falloff, double colored, Error *e) {
    Spectrum s = {rgb, mask, w, h, (int64_t)w * h, falloff, colored, 0, 0, NULL, NULL, NULL};
    s.picture = malloc((size_t)s.n * sizeof *s.picture), s.noise = malloc((size_t)s.n * sizeof *s.noise);
    s.shaped = malloc((size_t)(CHANNELS * s.n) * sizeof *s.shaped);
    bool ok = (s.picture && s.noise && s.shaped) || error_set(e, ERR_MEMORY, "out of memory for a picture's spectrum");
    if (ok) measure(&s);
    for (int k = 0; ok && k < CHANNELS; k++) ok = shape_channel(&s, k, e);
    int64_t filled = ok ? stretch(&s) : 0, from = 0;
    ok = ok && color(&s, filled, e);
    for (int64_t i = 0; ok && i < s.n; i++) {
        if (!mask[i]) continue;
        for (int k = 0; k < CHANNELS; k++) rgb[CHANNELS * i + k] = (uint8_t)(s.shaped[CHANNELS * from + k] * 255);
        from++;
    }
    free(s.picture), free(s.noise), free(s.shaped);
    return ok;
}

size_t spectrum_bytes(size_t pixels) {
    return pixels * (2 * sizeof(Complex) + (CHANNELS + 1) * sizeof(double)); /* lines of transforms are less */
}
