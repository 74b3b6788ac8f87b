#include "tap_view.h"

#include <math.h>
#include <string.h>

enum {
    BARS = 48,  /* pixels of the histogram's height */
    SHADES = 20 /* of each colour, as many as an eye tells apart: the file is half as large as with all */
};

static const uint8_t BELOW[3] = {33, 102, 172}, ABOVE[3] = {178, 24, 43}, BAD[3] = {0, 160, 0}, BAR[3] = {90, 90, 90};

/* A picture to draw into. */
typedef struct {
    uint8_t *rgb;
    int width, height;
} Canvas;

static void dot(Canvas c, int x, int y, const uint8_t colour[3]) {
    if (x >= 0 && y >= 0 && x < c.width && y < c.height)
        memcpy(c.rgb + ((size_t)y * (size_t)c.width + (size_t)x) * 3, colour, 3);
}

static uint8_t byte_of(double v) { return (uint8_t)(v <= 0 ? 0 : v >= 255 ? 255 : v + 0.5); }

static void colour_signed(float v, double rms, uint8_t out[3]) {
    if (!isfinite(v)) {
        memcpy(out, BAD, 3);
        return;
    }
    double t = rms > 0 ? rint(SHADES * fmin(fabs(v) / (2.5 * rms), 1)) / SHADES : 0;
    for (int i = 0; i < 3; i++) out[i] = byte_of(255 + t * ((v < 0 ? BELOW : ABOVE)[i] - 255));
}

static uint8_t grey_of(float v, double full) {
    return isfinite(v) ? byte_of(127.5 + 127.5 * v / (full > 0 ? full : 1)) : 0;
}

/* How a pixel of [H][W] gets its colour. */
typedef enum { SIGNED, GREY, COLOURS } Paint;
typedef struct {
    const float *at;
    int64_t h, w;
    Paint paint;
    double full; /* what is full colour: RMS of the tap; of COLOURS and GREY the number that is 255 */
} Field;

static void pixel(const Field *f, int64_t i, uint8_t out[3]) {
    int64_t plane = f->h * f->w;
    if (f->paint == SIGNED) colour_signed(f->at[i], f->full, out);
    else
        for (int c = 0; c < 3; c++) out[c] = grey_of(f->at[i + (f->paint == COLOURS ? c * plane : 0)], f->full);
}

/* Fits f into a square of `side` pixels at (x0, y0): each number becomes a rectangle of whole pixels; of a field that
 * is larger than the square, every so many numbers count. */
static void draw_field(Canvas c, const Field *f, int x0, int y0, int side) {
    int64_t over = (f->w > f->h ? f->w : f->h) + side - 1, step = over / side > 1 ? over / side : 1;
    int64_t w = f->w / step, h = f->h / step, wide = side / (w ? w : 1), high = side / (h ? h : 1);
    if (w < 1) w = 1, wide = side;
    if (h < 1) h = 1, high = side;
    if (f->w == 1 || f->h == 1 || wide > 8 * high || high > 8 * wide) { /* vectors: strips, not squares */
        wide = wide > 16 ? 16 : wide, high = high > 16 ? 16 : high;
    } else wide = high = wide < high ? wide : high;
    for (int64_t y = 0; y < h * high; y++)
        for (int64_t x = 0; x < w * wide; x++) {
            uint8_t colour[3];
            pixel(f, y / high * step * f->w + x / wide * step, colour);
            dot(c, x0 + (int)x, y0 + (int)y, colour);
        }
}

TapKind tap_kind(const TapView *t) {
    if (t->nd != 4) return TAP_ROWS;
    bool latents = !strcmp(t->name, "noise") || strstr(t->name, "latents") || strstr(t->name, "conv_out");
    return t->n[1] == 3 ? TAP_PICTURE : t->n[1] == 4 && latents ? TAP_LATENTS : TAP_MAPS;
}

int tap_width(int cell) { return 3 * cell + 2 * TAP_GAP; }
int tap_height(int cell) { return tap_width(cell) + TAP_GAP + BARS; }

static void draw_cells(Canvas c, const TapView *t, const TapStats *s, int cell) {
    TapKind kind = tap_kind(t);
    int64_t h = t->nd < 2 ? 1 : t->n[t->nd - 2], w = t->nd < 1 ? 1 : t->n[t->nd - 1];
    int columns = kind == TAP_PICTURE ? 2 : kind == TAP_ROWS ? 1 : 3, shown = 0;
    int64_t channels = kind == TAP_ROWS ? 1 : t->n[1], first = kind == TAP_PICTURE || kind == TAP_LATENTS ? -1 : 0;
    int side = (tap_width(cell) - (columns - 1) * TAP_GAP) / columns;
    for (int64_t i = first; i < channels && shown < columns * columns; i++, shown++) {
        Field f = {t->values + (i > 0 ? i * h * w : 0), h, w, SIGNED, s->rms};
        if (i < 0) f.paint = COLOURS, f.full = kind == TAP_PICTURE ? 1 : 2.5 * s->rms;
        else if (kind == TAP_PICTURE) f.paint = GREY, f.full = 1;
        draw_field(c, &f, shown % columns * (side + TAP_GAP), shown / columns * (side + TAP_GAP), side);
    }
}

static void draw_histogram(Canvas c, const TapHistogram *h, int y0) {
    int64_t most = 1;
    for (int i = 0; i < TAP_BINS; i++) most = h->count[i] > most ? h->count[i] : most;
    for (int x = 0; x < c.width; x++) {
        int64_t count = h->count[x * TAP_BINS / c.width];
        int high = (int)((count * (BARS - 2) + most - 1) / most);
        for (int y = 0; y <= high; y++) dot(c, x, y0 + BARS - 1 - y, BAR);
    }
    double zero = h->width > 0 ? -h->low / (h->width * TAP_BINS) * c.width : -1;
    for (int y = 0; y < BARS && zero >= 0 && zero < c.width; y++) dot(c, (int)zero, y0 + y, ABOVE);
}

void tap_draw(const TapView *t, const TapStats *s, int cell, uint8_t *rgb) {
    Canvas c = {rgb, tap_width(cell), tap_height(cell)};
    memset(rgb, 255, (size_t)c.width * (size_t)c.height * 3);
    if (!s->count) return;
    TapHistogram h = tap_histogram(t, s);
    draw_cells(c, t, s, cell);
    draw_histogram(c, &h, c.height - BARS);
}

static void draw_alone(const Field *f, int times, uint8_t *rgb) {
    for (int64_t i = 0; i < f->h * f->w * times * times; i++) {
        int64_t y = i / (f->w * times) / times, x = i % (f->w * times) / times;
        pixel(f, y * f->w + x, rgb + 3 * i);
    }
}

void tap_draw_map(const float *values, int h, int w, double rms, int times, uint8_t *rgb) {
    draw_alone(&(Field){values, h, w, SIGNED, rms}, times, rgb);
}

void tap_draw_latents(const float *values, int h, int w, double rms, int times, uint8_t *rgb) {
    draw_alone(&(Field){values, h, w, COLOURS, 2.5 * rms}, times, rgb);
}
