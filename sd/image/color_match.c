#include "color_match.h"

#include "histogram.h"
#include "lab.h"

static void count(const LabTables *t, const uint8_t *rgb, int64_t n, Histogram out[3]) {
    for (int64_t i = 0; i < n; i++) {
        uint8_t lab[3];
        lab_of_rgb(t, lab, rgb + 3 * i);
        for (int k = 0; k < 3; k++) out[k].count[lab[k]]++;
    }
}

static double luminosity(const double c[3]) { return c[0] * 0.299 + c[1] * 0.587 + c[2] * 0.114; }

/* The colour with the luminosity of another. What leaves 0..1 is brought towards grey: first what is below, then what
 * is above. Source: W3C, Compositing and Blending Level 1, SetLum; blendmodes' order of the two. */
static void blend_luminosity(uint8_t out[3], const uint8_t color[3], const uint8_t of[3]) {
    double c[3], o[3], own[3], least = 1, most = 0;
    for (int k = 0; k < 3; k++) c[k] = color[k] / 255.0, o[k] = of[k] / 255.0;
    double more = luminosity(o) - luminosity(c);
    for (int k = 0; k < 3; k++) {
        own[k] = c[k] += more;
        if (!k || c[k] < least) least = c[k];
        if (!k || c[k] > most) most = c[k];
    }
    double l = luminosity(c);
    for (int k = 0; k < 3; k++) {
        if (least < 0) c[k] = l + (own[k] - l) * l / (l - least);
        if (most > 1) c[k] = l + (c[k] - l) * (1 - l) / (most - l);
        double v = c[k] < 0 ? 0 : c[k] > 1 ? 1 : c[k];
        out[k] = (uint8_t)(v * 255);
    }
}

void color_match(uint8_t *rgb, int64_t n, const uint8_t *like, int64_t n_like) {
    LabTables t;
    Histogram from[3] = {{{0}}}, to[3] = {{{0}}};
    uint8_t map[3][256];
    lab_tables(&t);
    count(&t, rgb, n, from);
    count(&t, like, n_like, to);
    for (int k = 0; k < 3; k++) histogram_map(&from[k], &to[k], map[k]);
    for (int64_t i = 0; i < n; i++) {
        uint8_t lab[3], matched[3];
        lab_of_rgb(&t, lab, rgb + 3 * i);
        for (int k = 0; k < 3; k++) lab[k] = map[k][lab[k]];
        lab_to_rgb(&t, matched, lab);
        blend_luminosity(rgb + 3 * i, matched, rgb + 3 * i);
    }
}
