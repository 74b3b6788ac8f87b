/* judge_scene.c: recognises shapes by their overlap with drawn ones, and compares what was seen with the caption. */
#include "judge.h"

#include "sd/noise/math64.h"

/* --- shapes --- */

/* Intersection over union, summed over the drawing's bounding box. */
static double overlap(const SeenObject *o, int shape, const double at[3]) {
    float drawn[JUDGE_PIXELS];
    double both = 0, sum = 0, reach = 1.2 * at[2] + 1;
    ShapeObject s = {.shape = shape, .x = at[0], .y = at[1], .r = at[2]};
    shapes_mask(drawn, &s, JUDGE_SIDE);
    int x0 = at[0] > reach ? (int)(at[0] - reach) : 0,
        x1 = at[0] + reach < JUDGE_SIDE ? (int)(at[0] + reach) : JUDGE_SIDE;
    int y0 = at[1] > reach ? (int)(at[1] - reach) : 0,
        y1 = at[1] + reach < JUDGE_SIDE ? (int)(at[1] + reach) : JUDGE_SIDE;
    for (int y = y0; y < y1; y++)
        for (int x = x0; x < x1; x++) {
            float a = o->mask[y * JUDGE_SIDE + x], b = drawn[y * JUDGE_SIDE + x];
            both += a < b ? a : b;
            sum += b;
        }
    return both / (o->area + sum - both + 1e-9);
}

/* Where a shape has the object's area and middle: both are measured on a large drawing and scaled. */
static void begin(const SeenObject *o, int shape, double at[3]) {
    enum { R = 28 };
    float drawn[JUDGE_PIXELS];
    double sum = 0, sx = 0, sy = 0;
    ShapeObject s = {.shape = shape, .x = 32, .y = 32, .r = R};
    shapes_mask(drawn, &s, JUDGE_SIDE);
    for (int i = 0; i < JUDGE_PIXELS; i++) {
        sum += drawn[i];
        sx += drawn[i] * (i % JUDGE_SIDE + 0.5 - 32), sy += drawn[i] * (i / JUDGE_SIDE + 0.5 - 32);
    }
    at[2] = sqrt(o->area / sum) * R;
    at[0] = o->x - sx / sum * at[2] / R, at[1] = o->y - sy / sum * at[2] / R;
}

/* Moves and scales the shape while that helps, by half a pixel, then by a quarter. */
static double best_overlap(const SeenObject *o, int shape, double so_far) {
    double at[3], best;
    begin(o, shape, at);
    best = overlap(o, shape, at);
    if (best < so_far - 0.3) return best; /* far off */
    for (double step = 0.5; step > 0.2; step /= 2) {
        bool better = true;
        for (int round = 0; better && round < 6; round++) {
            better = false;
            for (int k = 0; k < 6; k++) {
                double to[3] = {at[0], at[1], at[2]};
                to[k / 2] += k % 2 ? step : -step;
                double fit = to[2] > 1 ? overlap(o, shape, to) : 0;
                if (fit > best) best = fit, at[k / 2] = to[k / 2], better = true;
            }
        }
    }
    return best;
}

int judge_shape(const SeenObject *o, double *fit) {
    int best = 0;
    *fit = 0;
    for (int shape = 0; shape < SHAPES_SHAPES; shape++) {
        double f = best_overlap(o, shape, *fit);
        if (f > *fit) *fit = f, best = shape;
    }
    return best;
}

/* --- scenes --- */

static bool shape_is(const SeenObject *o, int shape) {
    double fit;
    return judge_shape(o, &fit) == shape && fit >= JUDGE_FIT;
}

/* Two that overlap much have no relation but INSIDE. */
static bool related(const SeenObject *a, const SeenObject *b, Relation r) {
    double dx = a->x - b->x, dy = a->y - b->y;
    bool upright = dy * dy > dx * dx;
    double apart = upright ? 2 * fabs(dy) - (a->y1 - a->y0) * 0.7 : 2 * fabs(dx) - (a->x1 - a->x0) * 0.7;
    if (r != RELATION_INSIDE && apart < 0.7 * (upright ? b->y1 - b->y0 : b->x1 - b->x0)) return false;
    switch (r) {
    case RELATION_ABOVE: return upright && dy < 0;
    case RELATION_BELOW: return upright && dy > 0;
    case RELATION_LEFT: return !upright && dx < 0;
    case RELATION_RIGHT: return !upright && dx > 0;
    case RELATION_INSIDE: return a->x0 >= b->x0 && a->y0 >= b->y0 && a->x1 <= b->x1 && a->y1 <= b->y1;
    default: return true;
    }
}

/* Picks the two objects that are meant: by right colours, then the relation, then size. */
static void judge_pair(Verdict *v, const Sight *s, const Scene *want) {
    int best = -1, first = 0, second = 0;
    for (int i = 0; i < s->count; i++)
        for (int k = 0; k < s->count; k++) {
            const SeenObject *a = &s->objects[i], *b = &s->objects[k];
            if (i == k) continue;
            int right = 2 * (a->colour == want->objects[0].colour) + 2 * (b->colour == want->objects[1].colour) +
                        related(a, b, want->relation);
            if (right > best) best = right, first = i, second = k;
        }
    if (best < 0) { /* one object alone may still be one of the two */
        for (int i = 0; i < 2 && s->count && !v->colours; i++)
            if (s->objects[0].colour == want->objects[i].colour) {
                v->colours = 1;
                v->shapes = shape_is(&s->objects[0], want->objects[i].shape);
            }
        return;
    }
    const SeenObject *seen[2] = {&s->objects[first], &s->objects[second]};
    for (int i = 0; i < 2; i++) {
        bool colour = seen[i]->colour == want->objects[i].colour;
        v->colours += colour;
        v->shapes += colour && shape_is(seen[i], want->objects[i].shape);
    }
    v->relation = v->colours == 2 && related(seen[0], seen[1], want->relation);
}

/* Objects that should look alike: one wrong one makes all wrong. */
static void judge_alike(Verdict *v, const Sight *s, const Scene *want) {
    int most = want->kind == SCENE_SINGLE ? 1 : s->count;
    bool colour = s->count > 0, shape = s->count > 0;
    for (int i = 0; i < most && i < s->count; i++) {
        colour = colour && s->objects[i].colour == want->objects[0].colour;
        shape = shape && shape_is(&s->objects[i], want->objects[0].shape);
    }
    v->colours = colour, v->shapes = shape;
    v->relation = true;
}

void judge_scene(Verdict *v, const Sight *s, const Scene *want) {
    bool ground = want->background_named ? s->background == want->background : shapes_plain_ground(s->background);
    *v =
        (Verdict){.background = ground, .number = s->count == want->count, .objects = want->kind == SCENE_PAIR ? 2 : 1};
    if (want->kind == SCENE_PAIR) judge_pair(v, s, want);
    else judge_alike(v, s, want);
    v->all = v->background && v->number && v->colours == v->objects && v->shapes == v->objects && v->relation;
}
