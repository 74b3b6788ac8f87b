/* judge_look.c: from pixels to objects.
 *
 * Edges mix colours: red on white has a pink rim. So a region's colour is that of its inner pixels, whose eight
 * neighbours have the same nearest colour; a second colour within a region counts only where it has inner pixels; and
 * masks are soft: how far a pixel's colour lies from the background's towards the object's. */
#include "judge.h"

#include <string.h>

enum { SIDE = JUDGE_SIDE, PIXELS = JUDGE_PIXELS, LEAST_AREA = 20, LEAST_INNER = 4, LEAST_SECOND = 24, FRAME = 2 };

typedef struct {
    const uint8_t *rgb;
    signed char label[PIXELS]; /* nearest colour of the palette */
    bool inner[PIXELS];
    short stack[PIXELS];
    int background;
    double ground[3]; /* its mean colour */
} Work;

static double distance2(const uint8_t *p, const double c[3]) {
    double d = 0;
    for (int k = 0; k < 3; k++) d += (p[k] - c[k]) * (p[k] - c[k]);
    return d;
}

static int nearest_colour(const uint8_t *p) {
    int best = 0;
    double least = 1e9;
    for (int c = 0; c < SHAPES_COLOURS; c++) {
        const uint8_t *q = shapes_colour_rgb(c);
        double d = distance2(p, (const double[3]){q[0], q[1], q[2]});
        if (d < least) least = d, best = c;
    }
    return best;
}

/* The most frequent label where `in` holds; 0 if it holds nowhere. */
static int most_frequent(const Work *w, const bool *in) {
    int count[SHAPES_COLOURS] = {0}, best = 0;
    for (int i = 0; i < PIXELS; i++) count[w->label[i]] += in[i];
    for (int c = 1; c < SHAPES_COLOURS; c++)
        if (count[c] > count[best]) best = c;
    return best;
}

/* The mean colour of the pixels of `in` with this label; the palette's colour if there are none. */
static void mean_colour(const Work *w, const bool *in, int label, double mean[3]) {
    double sum[3] = {0};
    int n = 0;
    for (int i = 0; i < PIXELS; i++)
        if (in[i] && w->label[i] == label) {
            for (int k = 0; k < 3; k++) sum[k] += w->rgb[3 * i + k];
            n++;
        }
    for (int k = 0; k < 3; k++) mean[k] = n ? sum[k] / n : shapes_colour_rgb(label)[k];
}

static int neighbours(int i, int out[4]) {
    int n = 0, x = i % SIDE, y = i / SIDE;
    if (x > 0) out[n++] = i - 1;
    if (x < SIDE - 1) out[n++] = i + 1;
    if (y > 0) out[n++] = i - SIDE;
    if (y < SIDE - 1) out[n++] = i + SIDE;
    return n;
}

/* Moves the pixels of `free` that are connected to `from` into `in`; returns how many. */
static int flood(Work *w, bool *free, int from, bool *in) {
    int top = 0, n = 0, next[4];
    memset(in, 0, PIXELS * sizeof *in);
    w->stack[top++] = (short)from, free[from] = false;
    while (top) {
        int i = w->stack[--top];
        in[i] = true, n++;
        for (int k = neighbours(i, next); k-- > 0;)
            if (free[next[k]]) free[next[k]] = false, w->stack[top++] = (short)next[k];
    }
    return n;
}

static void grow(bool *in) {
    bool old[PIXELS];
    memcpy(old, in, sizeof old);
    for (int i = 0; i < PIXELS; i++)
        for (int y = i / SIDE - 1; y <= i / SIDE + 1 && !in[i]; y++)
            for (int x = i % SIDE - 1; x <= i % SIDE + 1; x++)
                if (x >= 0 && y >= 0 && x < SIDE && y < SIDE && old[y * SIDE + x]) in[i] = true;
}

static int count_inner(const Work *w, const bool *in, int label) {
    int n = 0;
    for (int i = 0; i < PIXELS; i++) n += in[i] && w->inner[i] && w->label[i] == label;
    return n;
}

static void prepare(Work *w, const uint8_t *rgb) {
    bool frame[PIXELS];
    w->rgb = rgb;
    for (int i = 0; i < PIXELS; i++) {
        int x = i % SIDE, y = i / SIDE;
        w->label[i] = (signed char)nearest_colour(rgb + 3 * i);
        frame[i] = x < FRAME || y < FRAME || x >= SIDE - FRAME || y >= SIDE - FRAME;
    }
    w->background = most_frequent(w, frame);
    mean_colour(w, frame, w->background, w->ground);
    for (int i = 0; i < PIXELS; i++) {
        w->inner[i] = w->label[i] != w->background;
        for (int y = i / SIDE - 1; y <= i / SIDE + 1; y++)
            for (int x = i % SIDE - 1; x <= i % SIDE + 1; x++)
                if (x >= 0 && y >= 0 && x < SIDE && y < SIDE && w->label[y * SIDE + x] != w->label[i])
                    w->inner[i] = false;
    }
}

/* mask = how far each pixel of `in` lies from colour a (0) towards colour b (1) */
static void soft_mask(const Work *w, const bool *in, const double a[3], const double b[3], float *mask) {
    double d[3], length = 1e-9;
    for (int k = 0; k < 3; k++) d[k] = b[k] - a[k], length += d[k] * d[k];
    for (int i = 0; i < PIXELS; i++) {
        double t = 0;
        for (int k = 0; k < 3; k++) t += (w->rgb[3 * i + k] - a[k]) * d[k];
        t /= length;
        mask[i] = in[i] ? (float)(t < 0 ? 0 : t > 1 ? 1 : t) : 0;
    }
}

static void measure(SeenObject *o) {
    double sx = 0, sy = 0, sum = 0;
    o->x0 = o->y0 = SIDE, o->x1 = o->y1 = 0;
    for (int i = 0; i < PIXELS; i++) {
        int x = i % SIDE, y = i / SIDE;
        sum += o->mask[i], sx += o->mask[i] * (x + 0.5), sy += o->mask[i] * (y + 0.5);
        if (o->mask[i] < 0.5f) continue;
        if (x < o->x0) o->x0 = x;
        if (x >= o->x1) o->x1 = x + 1;
        if (y < o->y0) o->y0 = y;
        if (y >= o->y1) o->y1 = y + 1;
    }
    o->area = sum;
    o->x = sum > 0 ? sx / sum : 0, o->y = sum > 0 ? sy / sum : 0;
}

static SeenObject *add(Sight *s, int colour) {
    if (s->count == JUDGE_OBJECTS) return NULL;
    SeenObject *o = &s->objects[s->count++];
    o->colour = colour;
    return o;
}

/* Whether less than a quarter of the patch's edge touches the outside of the region: then it lies on the other colour.
 */
static bool enclosed(const bool *patch, const bool *region) {
    int edge = 0, outside = 0, next[4];
    for (int i = 0; i < PIXELS; i++)
        for (int k = patch[i] ? neighbours(i, next) : 0; k-- > 0;) {
            edge += !patch[next[k]];
            outside += !region[next[k]];
        }
    return 4 * outside < edge;
}

/* Second colours within a region: objects on it, whose pixels belong to the lower object as well, or touching it. */
static void look_within(Sight *s, Work *w, const bool *region, SeenObject *below, const double colour[3]) {
    bool free[PIXELS], patch[PIXELS];
    for (int i = 0; i < PIXELS; i++) free[i] = region[i] && w->label[i] != below->colour;
    for (int i = 0; i < PIXELS; i++) {
        if (!free[i]) continue;
        int area = flood(w, free, i, patch), label = most_frequent(w, patch);
        if (area < LEAST_SECOND || count_inner(w, patch, label) < LEAST_INNER) continue;
        bool on = enclosed(patch, region);
        double mean[3];
        for (int k = 0; k < PIXELS; k++)
            if (patch[k]) below->mask[k] = on ? 1 : 0;
        SeenObject *o = add(s, label);
        if (!o) return;
        mean_colour(w, patch, label, mean);
        grow(patch);
        for (int k = 0; k < PIXELS; k++) {
            patch[k] = patch[k] && region[k];
            if (on && patch[k]) below->mask[k] = 1; /* and its rim */
        }
        soft_mask(w, patch, on ? colour : w->ground, mean, o->mask);
        measure(o);
    }
}

static void look_at_region(Sight *s, Work *w, bool *region, const bool *others) {
    double colour[3];
    bool solid[PIXELS], inside[PIXELS];
    for (int i = 0; i < PIXELS; i++) inside[i] = region[i] && w->inner[i];
    int label = most_frequent(w, inside);
    if (count_inner(w, region, label) < LEAST_INNER) return; /* a speck or a line */
    SeenObject *o = add(s, label);
    if (!o) return;
    mean_colour(w, inside, label, colour);
    memcpy(solid, region, sizeof solid);
    grow(region); /* the rest of its edge */
    for (int i = 0; i < PIXELS; i++) region[i] = region[i] && (solid[i] || !others[i]);
    soft_mask(w, region, w->ground, colour, o->mask);
    look_within(s, w, solid, o, colour);
    measure(o);
}

void judge_look(Sight *s, const uint8_t *rgb) {
    Work w;
    bool free[PIXELS], solid[PIXELS], region[PIXELS];
    prepare(&w, rgb);
    s->background = w.background, s->count = 0;
    for (int i = 0; i < PIXELS; i++)
        solid[i] = free[i] = w.label[i] != w.background && distance2(rgb + 3 * i, w.ground) > 40 * 40;
    for (int i = 0; i < PIXELS; i++)
        if (free[i] && flood(&w, free, i, region) >= LEAST_AREA) look_at_region(s, &w, region, solid);
    for (int i = 1; i < s->count; i++) /* largest first */
        for (int k = i; k > 0 && s->objects[k].area > s->objects[k - 1].area; k--) {
            SeenObject t = s->objects[k];
            s->objects[k] = s->objects[k - 1];
            s->objects[k - 1] = t;
        }
}
