/* shapes_scene.c: what is to be seen: kinds, colours, shapes, places. Distributions are narrow where the caption says
 * nothing, so that little is left to chance: an object whose place is not named is near the middle. */
#include "shapes_parts.h"

/* --- random numbers --- */

Draws draws_begin(uint64_t seed, uint64_t index) {
    Draws d = {seed, 0};
    d.key = draw_bits(&d) ^ index; /* neighbouring seeds and indices share nothing */
    d.key = draw_bits(&d), d.n = 0;
    return d;
}

/* Steele, Lea and Flood 2014, "Fast splittable pseudorandom number generators". */
uint64_t draw_bits(Draws *d) {
    uint64_t z = d->key + ++d->n * 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

static double draw_unit(Draws *d) { return (double)(draw_bits(d) >> 11) * 0x1p-53; }
int draw_below(Draws *d, int n) { return (int)((draw_bits(d) >> 32) * (uint64_t)n >> 32); }
double draw_between(Draws *d, double low, double high) { return low + (high - low) * draw_unit(d); }
bool draw_chance(Draws *d, double p) { return draw_unit(d) < p; }

int draw_weighted(Draws *d, const double *weight, int n) {
    double sum = 0;
    for (int i = 0; i < n; i++) sum += weight[i];
    double u = draw_unit(d) * sum;
    for (int i = 0; i < n - 1; i++) {
        if (u < weight[i]) return i;
        u -= weight[i];
    }
    return n - 1;
}

/* --- pairs that training never sees --- */

/* Each shape and each colour at most once, so that both are known well; indices as in shapes_caption.c. */
bool shapes_held_out(int colour, int shape) {
    static const signed char COLOUR_OF[SHAPES_SHAPES] = {[0] = -1,
                                                         [1] = -1,
                                                         [2] = 4 /* cyan triangle */,
                                                         [3] = 6 /* purple star */,
                                                         [4] = 2 /* yellow ring */,
                                                         [5] = 1 /* orange moon */,
                                                         [6] = 7 /* pink cross */,
                                                         [7] = 3 /* green heart */,
                                                         [8] = 8 /* brown diamond */,
                                                         [9] = 5 /* blue arrow */};
    return COLOUR_OF[shape] == colour;
}

bool shapes_hollow(int shape) { return shape == 0 || shape == 1 || shape == 4 || shape == 7 || shape == 8; }

ShapesOptions shapes_options(void) {
    return (ShapesOptions){.share = {.48, .35, .05, .05, .07},
                           .fancy = 0.06,
                           .sized = 0.2,
                           .placed = 0.2,
                           .unnamed = 0.1,
                           .variety = 0.4,
                           .vague = 0.04};
}

void shapes_ease(ShapesOptions *o, double easy) {
    for (int k = 0; k < SCENE_KINDS; k++)
        if (k != SCENE_SINGLE) o->share[k] *= 1 - easy;
    o->fancy *= 1 - easy, o->sized *= 1 - easy, o->placed *= 1 - easy, o->unnamed *= 1 - easy, o->variety *= 1 - easy,
        o->vague *= 1 - easy;
}

/* --- objects --- */

enum { BLACK = 9, WHITE = 11 };

bool shapes_plain_ground(int colour) { return colour == WHITE || colour == BLACK; }

/* Any colour but those of bit set `not`. */
static int other_colour(Draws *d, unsigned not ) {
    int c;
    do c = draw_below(d, SHAPES_COLOURS);
    while (not >> c & 1);
    return c;
}

static void choose_looks(Draws *d, ShapeObject *s, const ShapesOptions *o, bool hollow) {
    do {
        s->colour = draw_below(d, SHAPES_COLOURS);
        s->shape = draw_below(d, SHAPES_SHAPES);
    } while ((hollow && !shapes_hollow(s->shape)) || (!o->held_out && shapes_held_out(s->colour, s->shape)));
    s->fill = draw_chance(d, o->fancy) ? (draw_chance(d, 0.5) ? FILL_STRIPED : FILL_BORDERED) : FILL_PLAIN;
}

/* Colours of the objects (a bit set) decide which are left for the background. */
static void choose_background(Draws *d, Scene *s, const ShapesOptions *o, unsigned used) {
    s->background_named = !draw_chance(d, o->unnamed);
    if (s->background_named) s->background = other_colour(d, used);
    else s->background = (used >> WHITE & 1) || (!(used >> BLACK & 1) && draw_chance(d, 0.25)) ? BLACK : WHITE;
    if ((used >> WHITE & 1) && (used >> BLACK & 1)) s->background_named = true; /* neither is free */
    if (used >> s->background & 1) s->background = other_colour(d, used);
    for (int i = 0; i < s->count; i++) { /* a border is seen against both of its sides */
        unsigned near = 1u << s->background | 1u << s->objects[i].colour;
        if (s->relation == RELATION_INSIDE && s->kind == SCENE_PAIR) near = used | 1u << s->background;
        bool white = draw_chance(d, 0.5);
        s->objects[i].border = white ? WHITE : BLACK;
        if (near >> s->objects[i].border & 1) s->objects[i].border = white ? BLACK : WHITE;
        if (s->objects[i].fill == FILL_BORDERED && (near >> s->objects[i].border & 1)) s->objects[i].fill = FILL_PLAIN;
    }
}

static void choose_single(Draws *d, Scene *s, const ShapesOptions *o) {
    ShapeObject *a = &s->objects[0];
    s->count = 1;
    choose_looks(d, a, o, false);
    a->size = draw_chance(d, o->sized) ? (draw_chance(d, 0.5) ? SIZE_SMALL : SIZE_LARGE) : SIZE_UNNAMED;
    s->place = a->size != SIZE_LARGE && draw_chance(d, o->placed) ? (Place)draw_below(d, 9) : PLACE_UNNAMED;
    bool aside = s->place != PLACE_UNNAMED && s->place != PLACE_MIDDLE;
    if (a->size == SIZE_SMALL) a->r = draw_between(d, 9, 10.5);
    else if (a->size == SIZE_LARGE) a->r = draw_between(d, 24, 26);
    else if (aside) a->r = draw_between(d, 12.5, 13.5);
    else a->r = draw_between(d, 17.5, 20);
    double room = 31 - a->r * 1.12, wander = s->place == PLACE_UNNAMED ? 2 : 1;
    if (wander > room) wander = room;
    if (aside && room > 17) room = 17;
    a->x = 32 + draw_between(d, -wander, wander), a->y = 32 + draw_between(d, -wander, wander);
    if (aside) {
        a->x += (room - wander) * ((int)s->place % 3 - 1);
        a->y += (room - wander) * ((int)s->place / 3 - 1);
    }
    choose_background(d, s, o, 1u << a->colour);
}

/* The first object inside the second: how far it may reach there, as a part of the second's half extent. */
static double inner_room(int shape) {
    static const double ROOM[SHAPES_SHAPES] = {[0] = 0.46, [1] = 0.46, [4] = 0.4, [7] = 0.36, [8] = 0.33};
    return ROOM[shape];
}

static void choose_pair(Draws *d, Scene *s, const ShapesOptions *o) {
    static const double RELATIONS[] = {.21, .21, .21, .21, .1, .06};
    ShapeObject *a = &s->objects[0], *b = &s->objects[1];
    s->count = 2;
    s->relation = (Relation)draw_weighted(d, RELATIONS, 6);
    bool ordered = draw_chance(d, o->ordered);
    if (ordered && s->relation < RELATION_INSIDE) s->relation &= ~1; /* BELOW becomes ABOVE, RIGHT becomes LEFT */
    bool inside = s->relation == RELATION_INSIDE;
    choose_looks(d, b, o, inside);
    do choose_looks(d, a, o, false);
    while (a->colour == b->colour);
    if (inside) {
        b->r = draw_between(d, 25, 27);
        b->x = 32 + draw_between(d, -1, 1), b->y = 32 + draw_between(d, -1, 1);
        a->r = b->r * inner_room(b->shape) * draw_between(d, 0.9, 1);
        a->x = b->x, a->y = b->y - (b->shape == 7 ? 0.08 * b->r : 0);
        a->fill = FILL_PLAIN;
        if (b->fill == FILL_STRIPED) b->fill = FILL_PLAIN;
    } else {
        int way = s->relation == RELATION_AND ? draw_below(d, 4) : (int)s->relation;
        if (ordered) way &= ~1;
        double half = draw_between(d, 15.5, 16.5), along[2], across[2];
        for (int i = 0; i < 2; i++) {
            s->objects[i].r = draw_between(d, 11.5, 12.5);
            double room = 31.5 - 1.12 * s->objects[i].r, first = way == RELATION_ABOVE || way == RELATION_LEFT;
            along[i] = half + draw_between(d, -0.5, 0.5);
            if (along[i] > room) along[i] = room;
            along[i] = 32 + ((i == 0) == (first > 0) ? -along[i] : along[i]);
            across[i] = 32 + draw_between(d, -1.5, 1.5);
        }
        bool upright = way == RELATION_ABOVE || way == RELATION_BELOW;
        for (int i = 0; i < 2; i++) {
            s->objects[i].x = upright ? across[i] : along[i];
            s->objects[i].y = upright ? along[i] : across[i];
        }
    }
    choose_background(d, s, o, 1u << a->colour | 1u << b->colour);
}

static void choose_count(Draws *d, Scene *s, const ShapesOptions *o) {
    static const Point PLACES[][SHAPES_OBJECTS] = {
        {{17, 32}, {47, 32}},
        {{32, 17}, {17, 45}, {47, 45}},
        {{17.5, 17.5}, {46.5, 17.5}, {17.5, 46.5}, {46.5, 46.5}},
        {{13.5, 13.5}, {50.5, 13.5}, {32, 32}, {13.5, 50.5}, {50.5, 50.5}},
    };
    static const double SIZES[] = {12.5, 11.5, 11, 9.5};
    s->count = 2 + draw_below(d, SHAPES_OBJECTS - 1);
    ShapeObject a = {0};
    choose_looks(d, &a, o, false);
    a.r = SIZES[s->count - 2] * draw_between(d, 0.92, 1);
    double dx = draw_between(d, -1, 1), dy = draw_between(d, -1, 1);
    for (int i = 0; i < s->count; i++) {
        s->objects[i] = a;
        s->objects[i].x = PLACES[s->count - 2][i].x + dx;
        s->objects[i].y = PLACES[s->count - 2][i].y + dy;
    }
    choose_background(d, s, o, 1u << a.colour);
    for (int i = 1; i < s->count; i++)
        s->objects[i].fill = s->objects[0].fill, s->objects[i].border = s->objects[0].border;
}

static void choose_digit(Draws *d, Scene *s, const ShapesOptions *o) {
    s->digit = draw_below(d, 10);
    s->digit_colour = draw_below(d, SHAPES_COLOURS);
    s->digit_r = draw_between(d, 20, 22.5);
    s->digit_x = 32 + draw_between(d, -1.5, 1.5), s->digit_y = 32 + draw_between(d, -1.5, 1.5);
    choose_background(d, s, o, 1u << s->digit_colour);
}

static void choose_landscape(Draws *d, Scene *s) {
    static const Thing THINGS[GROUND_KINDS][4] = {
        {THING_NONE, THING_HOUSE, THING_TREE, THING_MOUNTAINS},
        {THING_NONE, THING_BOAT, THING_BOAT, THING_MOUNTAINS},
        {THING_NONE, THING_CACTUS, THING_CACTUS, THING_MOUNTAINS},
        {THING_NONE, THING_HOUSE, THING_TREE, THING_MOUNTAINS},
    };
    s->time = (TimeOfDay)draw_below(d, TIME_KINDS);
    s->ground = (Ground)draw_below(d, GROUND_KINDS);
    s->thing = THINGS[s->ground][draw_below(d, 4)];
}

void shapes_scene(Scene *s, const ShapesOptions *o, uint64_t seed, uint64_t index) {
    Draws d = draws_begin(seed, index);
    *s = (Scene){.place = PLACE_UNNAMED, .words = draw_bits(&d)};
    s->kind = (SceneKind)draw_weighted(&d, o->share, SCENE_KINDS);
    switch (s->kind) {
    case SCENE_SINGLE: choose_single(&d, s, o); break;
    case SCENE_PAIR: choose_pair(&d, s, o); break;
    case SCENE_COUNT: choose_count(&d, s, o); break;
    case SCENE_DIGIT: choose_digit(&d, s, o); break;
    default: choose_landscape(&d, s); break;
    }
}
