/* landscape.c: small landscapes: a sky by day, at sunset or at night, a ground, and one thing on it. */
#include "landscape.h"
#include "chance.h"

static Paint sky(TimeOfDay t) {
    static const double COLOURS[TIME_KINDS][2][3] = {
        {{92, 172, 242}, {206, 234, 252}}, {{110, 64, 150}, {255, 168, 84}}, {{10, 14, 46}, {46, 58, 112}}};
    return paint_gradient(COLOURS[t][0], COLOURS[t][1], 0, 44);
}

/* All but the sky is darker in the evening and bluer at night. */
static Paint lit(TimeOfDay t, double r, double g, double b) {
    if (t == TIME_SUNSET) return paint_rgb(r * 0.84 + 14, g * 0.66, b * 0.68 + 8);
    if (t == TIME_NIGHT) return paint_rgb(r * 0.44 + 6, g * 0.46 + 8, b * 0.52 + 24);
    return paint_rgb(r, g, b);
}

static void ellipse(Canvas *c, double x, double y, double rx, double ry, const Paint *p) {
    Outline o = {0};
    outline_arc(&o, 0, 0, 1, 1, 0, 360);
    outline_end(&o);
    paint_fill(c, &o, x, y, rx, ry, p);
}

static void polygon(Canvas *c, const Point *p, int count, double x, double y, double scale, const Paint *paint) {
    Outline o = {0};
    outline_points(&o, p, count);
    outline_end(&o);
    paint_fill(c, &o, x, y, scale, scale, paint);
}

static void rectangle(Canvas *c, double x0, double y0, double x1, double y1, const Paint *p) {
    polygon(c, (const Point[]){{x0, y0}, {x1, y0}, {x1, y1}, {x0, y1}}, 4, 0, 0, 1, p);
}

static void triangle(Canvas *c, Point a, Point b, Point d, const Paint *p) {
    polygon(c, (const Point[]){a, b, d}, 3, 0, 0, 1, p);
}

static void draw_sky(Canvas *c, const Scene *s, Chance *d) {
    static const Point STARS[] = {{8, 10}, {20, 5}, {31, 15}, {14, 22}, {40, 6}, {27, 27}, {57, 26}, {5, 31}, {60, 8}};
    Paint p = sky(s->time), sun = paint_rgb(255, 222, 70), evening = paint_rgb(255, 226, 120);
    Paint pale = paint_rgb(250, 244, 206), white = paint_rgb(252, 252, 252);
    paint_all(c, &p);
    double dx = chance_between(d, -2, 2), dy = chance_between(d, -1, 1);
    if (s->time == TIME_DAY) {
        ellipse(c, 50 + dx, 13 + dy, 7, 7, &sun);
        ellipse(c, 15 - dx, 14 + dy, 5, 4, &white);
        ellipse(c, 21 - dx, 13 + dy, 6, 5.5, &white);
        ellipse(c, 27 - dx, 15 + dy, 5, 3.5, &white);
    } else if (s->time == TIME_SUNSET) ellipse(c, 45 + dx, 38 + dy, 10, 10, &evening);
    else {
        Outline moon;
        for (int i = 0; i < 9; i++) ellipse(c, STARS[i].x + dx, STARS[i].y + dy, 0.9, 0.9, &white);
        outline_shape(&moon, SHAPE_MOON);
        paint_fill(c, &moon, 49 + dx, 15 + dy, 8, 8, &pale);
    }
}

static void draw_mountains(Canvas *c, const Scene *s, double x) {
    Paint far = lit(s->time, 128, 138, 160), near = lit(s->time, 100, 110, 134), snow = lit(s->time, 246, 248, 252);
    triangle(c, (Point){x + 14, 20}, (Point){x + 42, 52}, (Point){x - 14, 52}, &far);
    triangle(c, (Point){x + 14, 20}, (Point){x + 20.1, 27}, (Point){x + 7.9, 27}, &snow);
    triangle(c, (Point){x - 10, 14}, (Point){x + 19, 52}, (Point){x - 39, 52}, &near);
    triangle(c, (Point){x - 10, 14}, (Point){x - 3.1, 23}, (Point){x - 16.9, 23}, &snow);
}

static void draw_ground(Canvas *c, const Scene *s) {
    static const double COLOURS[GROUND_KINDS][2][3] = {{{104, 190, 84}, {72, 162, 66}},
                                                       {{44, 118, 196}, {74, 150, 216}},
                                                       {{240, 208, 132}, {226, 186, 104}},
                                                       {{228, 238, 248}, {246, 250, 254}}};
    const double *a = COLOURS[s->ground][0], *b = COLOURS[s->ground][1];
    Paint back = lit(s->time, a[0], a[1], a[2]), front = lit(s->time, b[0], b[1], b[2]);
    if (s->ground == GROUND_SEA) {
        rectangle(c, -1, 42, 65, 65, &back);
        static const Point WAVES[] = {{12, 47}, {50, 49}, {8, 55}, {54, 58}, {33, 61}};
        for (int i = 0; i < 5; i++) ellipse(c, WAVES[i].x, WAVES[i].y, 6, 0.8, &front);
        return;
    }
    ellipse(c, 50, 70, 44, 28, &back);
    ellipse(c, 12, 74, 52, 28, &front);
    rectangle(c, -1, 62, 65, 65, &front);
}

static void draw_house(Canvas *c, const Scene *s, double x) {
    Paint wall = lit(s->time, 250, 236, 208), roof = lit(s->time, 204, 62, 50), door = lit(s->time, 126, 74, 38);
    Paint window = s->time == TIME_DAY ? paint_rgb(126, 196, 236) : paint_rgb(255, 218, 92);
    rectangle(c, x - 9, 37, x + 9, 53, &wall);
    triangle(c, (Point){x, 26}, (Point){x + 12, 38}, (Point){x - 12, 38}, &roof);
    rectangle(c, x - 6, 44, x - 1, 53, &door);
    rectangle(c, x + 2, 41, x + 7, 46, &window);
}

static void draw_tree(Canvas *c, const Scene *s, double x) {
    Paint trunk = lit(s->time, 118, 74, 42), leaves = lit(s->time, 42, 132, 58), fir = lit(s->time, 30, 106, 72);
    rectangle(c, x - 2, 44, x + 2, 55, &trunk);
    if (s->ground == GROUND_SNOW) {
        for (int i = 0; i < 3; i++)
            triangle(c, (Point){x, 22 + 6 * i}, (Point){x + 7 + 2 * i, 34 + 7 * i}, (Point){x - 7 - 2 * i, 34 + 7 * i},
                     &fir);
        return;
    }
    ellipse(c, x - 6, 38, 7, 7, &leaves);
    ellipse(c, x + 6, 38, 7, 7, &leaves);
    ellipse(c, x, 31, 9, 9, &leaves);
}

static void draw_boat(Canvas *c, const Scene *s, double x) {
    Paint hull = lit(s->time, 186, 56, 44), mast = lit(s->time, 100, 66, 40), sail = lit(s->time, 252, 250, 244);
    polygon(c, (const Point[]){{-13, 44}, {13, 44}, {9, 51}, {-9, 51}}, 4, x, 0, 1, &hull);
    rectangle(c, x - 0.8, 20, x + 0.8, 44, &mast);
    triangle(c, (Point){x + 1.5, 21}, (Point){x + 12, 41}, (Point){x + 1.5, 41}, &sail);
    triangle(c, (Point){x - 1.5, 25}, (Point){x - 1.5, 41}, (Point){x - 9, 41}, &sail);
}

static void draw_cactus(Canvas *c, const Scene *s, double x) {
    static const Point STEM[] = {{0, 31}, {0, 54}}, LEFT[] = {{-8, 36}, {-8, 43}, {0, 45}},
                       RIGHT[] = {{8, 33}, {8, 40}, {0, 42}};
    Paint green = lit(s->time, 56, 142, 78);
    Outline o = {0};
    outline_points(&o, STEM, 2);
    outline_end(&o);
    outline_points(&o, LEFT, 3);
    outline_end(&o);
    outline_points(&o, RIGHT, 3);
    outline_end(&o);
    paint_stroke(c, &o, false, x, 0, 1, 1, 2.6, &green);
}

void landscape_draw(Canvas *c, const Scene *s) {
    Chance d = chance_begin(s->words, 1);
    draw_sky(c, s, &d);
    double x = chance_between(&d, 20, 34);
    if (s->thing == THING_MOUNTAINS) draw_mountains(c, s, x + 4);
    draw_ground(c, s);
    if (s->thing == THING_HOUSE) draw_house(c, s, x);
    if (s->thing == THING_TREE) draw_tree(c, s, x);
    if (s->thing == THING_BOAT) draw_boat(c, s, x);
    if (s->thing == THING_CACTUS) draw_cactus(c, s, x);
}
