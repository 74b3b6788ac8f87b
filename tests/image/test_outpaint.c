/* test_outpaint.c: colour correction and extended pictures against the webui's own functions and scripts
 * (tools/goldens/outpaint.py made the answers); transforms against their definition. */
#include "sd/image/color_match.h"
#include "sd/image/codecs/crc32.h"
#include "sd/image/extend/extend.h"
#include "sd/image/extend/fft.h"
#include "sd/image/lab.h"
#include "sd/noise/pcg64.h"
#include "test_image.h"
#include "tests/harness/test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool same(const char *want, const void *bytes, size_t n) {
    char is[16];
    snprintf(is, sizeof is, "%08x", (unsigned)crc32_update(0, bytes, n));
    return want && !strcmp(want, is);
}

static char *next(void) { return strtok(NULL, " "); }
static int number(void) {
    const char *s = next();
    return s ? atoi(s) : 0;
}

static uint8_t *source(const char *kind, int w, int h) { return image_source(kind && !strcmp(kind, "noise"), w, h); }

static void invert(uint8_t *rgb, size_t n) {
    for (size_t i = 0; i < n; i++) rgb[i] = (uint8_t)(255 - rgb[i]);
}

/* 32 steps of each channel, to L*a*b*; and as if they were that, back. */
static bool table_holds(void) {
    enum { STEPS = 32, ALL = STEPS * STEPS * STEPS };
    static uint8_t there[ALL * 3], back[ALL * 3];
    LabTables t;
    lab_tables(&t);
    for (int i = 0; i < ALL; i++) {
        uint8_t c[3];
        for (int k = 0, n = i; k < 3; k++, n /= STEPS) c[2 - k] = (uint8_t)(n % STEPS * 255 / (STEPS - 1));
        lab_of_rgb(&t, there + 3 * i, c);
        lab_to_rgb(&t, back + 3 * i, c);
    }
    bool ok = same(next(), there, sizeof there);
    return same(next(), back, sizeof back) && ok;
}

static bool color_holds(void) {
    const char *kind = next(), *like = next();
    int w = number(), h = number();
    size_t n = (size_t)(w * h);
    uint8_t *rgb = source(kind, w, h), *other = source(like, w, h);
    if (rgb && other) invert(rgb, 3 * n), color_match(rgb, w * h, other, w * h);
    bool ok = rgb && other && same(next(), rgb, 3 * n);
    free(rgb);
    free(other);
    return ok;
}

/* The next part is as the line has it; it is inverted. */
static bool take_part(void *user, const ExtendPart *p, uint8_t *drawn, Error *e) {
    bool *ok = user;
    char size[32];
    size_t n = (size_t)(p->width * p->height);
    const char *want = next();
    snprintf(size, sizeof size, "%dx%d", p->width, p->height);
    *ok = *ok && want && !strcmp(want, size) && number() == p->sigma_x && number() == p->sigma_y;
    if (!*ok)
        return error_set(e, ERR_ARGUMENT, "part %d is %s, blurred by %d and %d", p->index, size, p->sigma_x,
                         p->sigma_y);
    *ok = same(next(), p->image, 3 * n) || error_set(e, ERR_ARGUMENT, "part %d is another picture", p->index);
    *ok = (same(next(), p->mask, n) || error_set(e, ERR_ARGUMENT, "part %d has another mask", p->index)) && *ok;
    *ok = (same(next(), p->latents, n) || error_set(e, ERR_ARGUMENT, "part %d has other latents", p->index)) && *ok;
    memcpy(drawn, p->image, 3 * n);
    invert(drawn, 3 * n);
    return *ok;
}

static bool extend_holds(bool spectrum, char *why, size_t size) {
    const char *kind = next();
    Extend x = {.spectrum = spectrum};
    Error e = {0};
    x.width = number(), x.height = number(), x.window_w = number(), x.window_h = number();
    int pixels = number(), w, h;
    x.blur = number();
    const char *sides = next();
    if (strstr(sides, "left")) x.asked.left = pixels;
    if (strstr(sides, "right")) x.asked.right = pixels;
    if (strstr(sides, "up")) x.asked.top = pixels;
    if (strstr(sides, "down")) x.asked.bottom = pixels;
    if (spectrum) x.falloff = atof(next()), x.color = atof(next());
    extend_size(&x, &w, &h);
    uint8_t *rgb = source(kind, x.width, x.height), *out = malloc((size_t)(w * h) * 3);
    bool ok = rgb && out;
    x.rgb = rgb;
    ok = ok && extend_run(&x, take_part, &ok, out, &e) && same(next(), out, (size_t)(w * h) * 3);
    int last_w, last_h, parts = 0;
    while (extend_part(&x, parts, &last_w, &last_h)) parts++;
    snprintf(why, size, "%dx%d, %d parts. %s", w, h, parts, e.text);
    free(rgb);
    free(out);
    return ok;
}

static void webui(void) {
    char *list = image_file("outpaint.txt", NULL), *at = list;
    int lines = 0;
    for (; at && *at; lines++) {
        char line[2000], why[1200] = "";
        size_t n = strcspn(at, "\n");
        snprintf(line, sizeof line, "%.*s", (int)n, at);
        at += n + (at[n] == '\n');
        const char *what = strtok(line, " ");
        bool ok = !strcmp(what, "table")   ? table_holds()
                  : !strcmp(what, "color") ? color_holds()
                                           : extend_holds(!strcmp(what, "mk2"), why, sizeof why);
        test_check(ok, "line %d of outpaint.txt: as the webui has it", lines + 1);
        test_note("%s", why);
    }
    test_check(lines == 16, "all %d lines of outpaint.txt are read", lines);
    free(list);
}

/* numpy.random.default_rng(seed).random(): the first and the hundredth. */
static void generator(void) {
    static const struct {
        uint64_t seed;
        double first, hundredth;
    } KNOWN[] = {{0, 0.6369616873214543, 0.8223738275430704},
                 {12345678901234567u, 0.3400249035570695, 0.6188189370238006}};
    for (size_t i = 0; i < sizeof KNOWN / sizeof *KNOWN; i++) {
        Pcg64 r;
        pcg64_init(&r, KNOWN[i].seed);
        double first = pcg64_uniform(&r), v = first;
        for (int k = 1; k < 100; k++) v = pcg64_uniform(&r);
        test_check(first == KNOWN[i].first && v == KNOWN[i].hundredth, "numpy's generator of seed %llu",
                   (unsigned long long)KNOWN[i].seed);
        test_note("%.17g, %.17g", first, v);
    }
}

/* A transform of every kind of factor is its definition, and its inverse gives the numbers back. */
static void transforms(void) {
    static const int SIZES[][2] = {{1, 1}, {2, 3}, {8, 1}, {12, 5}, {7, 16}, {11, 30}};
    for (size_t s = 0; s < sizeof SIZES / sizeof *SIZES; s++) {
        const int h = SIZES[s][0], w = SIZES[s][1], n = w * h;
        Complex x[400], y[400];
        Error e = {0};
        double off = 0;
        for (int i = 0; i < n; i++) x[i] = y[i] = (Complex){i * 37 % 11 - 5, i * 53 % 7 - 3};
        bool ok = fft_2d(y, h, w, false, &e);
        for (int j = 0; j < n; j++) {
            double re = 0, im = 0;
            for (int i = 0; i < n; i++) {
                double turn = -2 * acos(-1) * ((double)(i % w) * (j % w) / w + (double)(i / w) * (j / w) / h);
                re += x[i].re * cos(turn) - x[i].im * sin(turn), im += x[i].re * sin(turn) + x[i].im * cos(turn);
            }
            off = fmax(off, fmax(fabs(y[j].re - re), fabs(y[j].im - im)));
        }
        test_check(ok && off < 1e-10, "a transform of %d x %d is its definition", h, w);
        test_note("%g off", off);
        ok = ok && fft_2d(y, h, w, true, &e), off = 0;
        for (int i = 0; i < n; i++) off = fmax(off, fmax(fabs(y[i].re / n - x[i].re), fabs(y[i].im / n - x[i].im)));
        test_check(ok && off < 1e-13, "and back");
        test_note("%g off", off);
    }
}

SUITE(outpaint, .seconds = 1) {
    webui();
    generator();
    transforms();
}
