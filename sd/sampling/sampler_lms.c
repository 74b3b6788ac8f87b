/* sampler_lms.c: LMS (linear multistep, k-diffusion's sample_lms): fits a polynomial in sigma through the last four
 * slopes and integrates it over the step. The original integrates numerically; two-point Gauss quadrature is exact for
 * cubics. */
#include "sampler_steps.h"

enum { LMS_ORDER = 4 };

/* The Lagrange polynomial of node j among t[i], t[i-1], .. t[i-order+1], at tau. */
static double lagrange(const float *t, int i, int order, int j, double tau) {
    double product = 1;
    for (int k = 0; k < order; k++)
        if (k != j) product *= (tau - (double)t[i - k]) / ((double)t[i - j] - (double)t[i - k]);
    return product;
}

static double coefficient(const float *t, int i, int order, int j) {
    double half = ((double)t[i + 1] - t[i]) / 2, middle = ((double)t[i + 1] + t[i]) / 2;
    double offset = half * sqrt(1.0 / 3);
    return half * (lagrange(t, i, order, j, middle - offset) + lagrange(t, i, order, j, middle + offset));
}

bool sample_lms(const Sampling *s, float *x, Error *e) {
    float *denoised = s->work, *slopes = s->work + s->n; /* slope of step i: slopes[i % 4] */
    for (int i = 0; i + 1 < s->count; i++) {
        float sigma = s->points[i], c[LMS_ORDER];
        if (!denoise(s, denoised, x, sigma, i, e)) return false;
        float *d[LMS_ORDER];
        for (int j = 0; j < LMS_ORDER; j++) d[j] = slopes + (int64_t)((i - j + LMS_ORDER) % LMS_ORDER) * s->n;
        for (int64_t k = 0; k < s->n; k++) d[0][k] = (x[k] - denoised[k]) / sigma;
        int order = 1; /* a sigma listed twice ends the history: no polynomial passes through it */
        while (order < LMS_ORDER && order <= i && s->points[i - order] > s->points[i - order + 1]) order++;
        for (int j = 0; j < order; j++) c[j] = (float)coefficient(s->points, i, order, j);
        for (int64_t k = 0; k < s->n; k++) {
            float sum = 0;
            for (int j = 0; j < order; j++) sum = sum + c[j] * d[j][k];
            x[k] = x[k] + sum;
        }
        if (!done(s, x, denoised, i, e)) return false;
    }
    return true;
}
