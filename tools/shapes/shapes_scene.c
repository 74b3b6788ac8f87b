/* shapes_scene.c: what a picture shows: kinds, colours, shapes, places. Where the caption says nothing distributions
 * are narrow, so that little is left to chance: an object whose place is not named is near the middle. */
#include "chance.h"
#include "outline.h"
#include "shapes.h"

/* --- pairs that training never sees --- */

/* Each shape and each colour occurs at most once, so that training still sees both often. */
bool shapes_held_out(int colour, int shape) {
    switch (shape) {
    case SHAPE_TRIANGLE: return colour == COLOUR_CYAN;
    case SHAPE_STAR: return colour == COLOUR_PURPLE;
    case SHAPE_RING: return colour == COLOUR_YELLOW;
    case SHAPE_MOON: return colour == COLOUR_ORANGE;
    case SHAPE_CROSS: return colour == COLOUR_PINK;
    case SHAPE_HEART: return colour == COLOUR_GREEN;
    case SHAPE_DIAMOND: return colour == COLOUR_BROWN;
    case SHAPE_ARROW: return colour == COLOUR_BLUE;
    default: return false;
    }
}

/* How far an object inside this shape may reach, as a share of the shape's half extent; 0: it does not fit. */
static const double INNER_ROOM[SHAPES_SHAPES] = {
    [SHAPE_CIRCLE] = 0.46, [SHAPE_SQUARE] = 0.46, [SHAPE_RING] = 0.4, [SHAPE_HEART] = 0.36, [SHAPE_DIAMOND] = 0.33};

bool shapes_hollow(int shape) { return INNER_ROOM[shape] > 0; }

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

bool shapes_plain_ground(int colour) { return colour == COLOUR_WHITE || colour == COLOUR_BLACK; }

/* Any colour outside the bit set `not`. */
static int other_colour(Chance *d, unsigned not ) {
    int c;
    do c = chance_below(d, SHAPES_COLOURS);
    while (not >> c & 1);
    return c;
}

static void choose_looks(Chance *d, ShapeObject *s, const ShapesOptions *o, bool hollow) {
    do {
        s->colour = chance_below(d, SHAPES_COLOURS);
        s->shape = chance_below(d, SHAPES_SHAPES);
    } while ((hollow && !shapes_hollow(s->shape)) || (!o->held_out && shapes_held_out(s->colour, s->shape)));
    s->fill = chance_of(d, o->fancy) ? (chance_of(d, 0.5) ? FILL_STRIPED : FILL_BORDERED) : FILL_PLAIN;
}

/* used: a bit set of the objects' colours, which the background avoids. */
static void choose_background(Chance *d, Scene *s, const ShapesOptions *o, unsigned used) {
    s->background_named = !chance_of(d, o->unnamed);
    if (s->background_named) s->background = other_colour(d, used);
    else
        s->background = (used >> COLOUR_WHITE & 1) || (!(used >> COLOUR_BLACK & 1) && chance_of(d, 0.25))
                            ? COLOUR_BLACK
                            : COLOUR_WHITE;
    if ((used >> COLOUR_WHITE & 1) && (used >> COLOUR_BLACK & 1)) s->background_named = true; /* neither is free */
    if (used >> s->background & 1) s->background = other_colour(d, used);
    for (int i = 0; i < s->count; i++) { /* a border contrasts with both its sides */
        unsigned near = 1u << s->background | 1u << s->objects[i].colour;
        if (s->relation == RELATION_INSIDE && s->kind == SCENE_PAIR) near = used | 1u << s->background;
        bool white = chance_of(d, 0.5);
        s->objects[i].border = white ? COLOUR_WHITE : COLOUR_BLACK;
        if (near >> s->objects[i].border & 1) s->objects[i].border = white ? COLOUR_BLACK : COLOUR_WHITE;
        if (s->objects[i].fill == FILL_BORDERED && (near >> s->objects[i].border & 1)) s->objects[i].fill = FILL_PLAIN;
    }
}

static void choose_single(Chance *d, Scene *s, const ShapesOptions *o) {
    ShapeObject *a = &s->objects[0];
    s->count = 1;
    choose_looks(d, a, o, false);
    a->size = chance_of(d, o->sized) ? (chance_of(d, 0.5) ? SIZE_SMALL : SIZE_LARGE) : SIZE_UNNAMED;
    s->place = a->size != SIZE_LARGE && chance_of(d, o->placed) ? (Place)chance_below(d, 9) : PLACE_UNNAMED;
    bool aside = s->place != PLACE_UNNAMED && s->place != PLACE_MIDDLE;
    if (a->size == SIZE_SMALL) a->r = chance_between(d, 9, 10.5);
    else if (a->size == SIZE_LARGE) a->r = chance_between(d, 24, 26);
    else if (aside) a->r = chance_between(d, 12.5, 13.5);
    else a->r = chance_between(d, 17.5, 20);
    double room = 31 - a->r * 1.12, wander = s->place == PLACE_UNNAMED ? 2 : 1;
    if (wander > room) wander = room;
    if (aside && room > 17) room = 17;
    a->x = 32 + chance_between(d, -wander, wander), a->y = 32 + chance_between(d, -wander, wander);
    if (aside) {
        a->x += (room - wander) * ((int)s->place % 3 - 1);
        a->y += (room - wander) * ((int)s->place / 3 - 1);
    }
    choose_background(d, s, o, 1u << a->colour);
}

static void choose_pair(Chance *d, Scene *s, const ShapesOptions *o) {
    static const double RELATIONS[] = {.21, .21, .21, .21, .1, .06};
    ShapeObject *a = &s->objects[0], *b = &s->objects[1];
    s->count = 2;
    s->relation = (Relation)chance_weighted(d, RELATIONS, 6);
    bool ordered = chance_of(d, o->ordered);
    if (ordered && s->relation < RELATION_INSIDE) s->relation &= ~1; /* BELOW becomes ABOVE, RIGHT becomes LEFT */
    bool inside = s->relation == RELATION_INSIDE;
    choose_looks(d, b, o, inside);
    do choose_looks(d, a, o, false);
    while (a->colour == b->colour);
    if (inside) {
        b->r = chance_between(d, 25, 27);
        b->x = 32 + chance_between(d, -1, 1), b->y = 32 + chance_between(d, -1, 1);
        a->r = b->r * INNER_ROOM[b->shape] * chance_between(d, 0.9, 1);
        a->x = b->x, a->y = b->y - (b->shape == SHAPE_HEART ? 0.08 * b->r : 0);
        a->fill = FILL_PLAIN;
        if (b->fill == FILL_STRIPED) b->fill = FILL_PLAIN;
    } else {
        int way = s->relation == RELATION_AND ? chance_below(d, 4) : (int)s->relation;
        if (ordered) way &= ~1;
        double half = chance_between(d, 15.5, 16.5), along[2], across[2];
        for (int i = 0; i < 2; i++) {
            s->objects[i].r = chance_between(d, 11.5, 12.5);
            double room = 31.5 - 1.12 * s->objects[i].r, first = way == RELATION_ABOVE || way == RELATION_LEFT;
            along[i] = half + chance_between(d, -0.5, 0.5);
            if (along[i] > room) along[i] = room;
            along[i] = 32 + ((i == 0) == (first > 0) ? -along[i] : along[i]);
            across[i] = 32 + chance_between(d, -1.5, 1.5);
        }
        bool upright = way == RELATION_ABOVE || way == RELATION_BELOW;
        for (int i = 0; i < 2; i++) {
            s->objects[i].x = upright ? across[i] : along[i];
            s->objects[i].y = upright ? along[i] : across[i];
        }
    }
    choose_background(d, s, o, 1u << a->colour | 1u << b->colour);
}

static void choose_count(Chance *d, Scene *s, const ShapesOptions *o) {
    static const Point PLACES[][SHAPES_OBJECTS] = {
        {{17, 32}, {47, 32}},
        {{32, 17}, {17, 45}, {47, 45}},
        {{17.5, 17.5}, {46.5, 17.5}, {17.5, 46.5}, {46.5, 46.5}},
        {{13.5, 13.5}, {50.5, 13.5}, {32, 32}, {13.5, 50.5}, {50.5, 50.5}},
    };
    static const double SIZES[] = {12.5, 11.5, 11, 9.5};
    s->count = 2 + chance_below(d, SHAPES_OBJECTS - 1);
    ShapeObject a = {0};
    choose_looks(d, &a, o, false);
    a.r = SIZES[s->count - 2] * chance_between(d, 0.92, 1);
    double dx = chance_between(d, -1, 1), dy = chance_between(d, -1, 1);
    for (int i = 0; i < s->count; i++) {
        s->objects[i] = a;
        s->objects[i].x = PLACES[s->count - 2][i].x + dx;
        s->objects[i].y = PLACES[s->count - 2][i].y + dy;
    }
    choose_background(d, s, o, 1u << a.colour);
    for (int i = 1; i < s->count; i++)
        s->objects[i].fill = s->objects[0].fill, s->objects[i].border = s->objects[0].border;
}

static void choose_digit(Chance *d, Scene *s, const ShapesOptions *o) {
    s->digit = chance_below(d, 10);
    s->digit_colour = chance_below(d, SHAPES_COLOURS);
    s->digit_r = chance_between(d, 20, 22.5);
    s->digit_x = 32 + chance_between(d, -1.5, 1.5), s->digit_y = 32 + chance_between(d, -1.5, 1.5);
    choose_background(d, s, o, 1u << s->digit_colour);
}

static void choose_landscape(Chance *d, Scene *s) {
    static const Thing THINGS[GROUND_KINDS][4] = {
        {THING_NONE, THING_HOUSE, THING_TREE, THING_MOUNTAINS},
        {THING_NONE, THING_BOAT, THING_BOAT, THING_MOUNTAINS},
        {THING_NONE, THING_CACTUS, THING_CACTUS, THING_MOUNTAINS},
        {THING_NONE, THING_HOUSE, THING_TREE, THING_MOUNTAINS},
    };
    s->time = (TimeOfDay)chance_below(d, TIME_KINDS);
    s->ground = (Ground)chance_below(d, GROUND_KINDS);
    s->thing = THINGS[s->ground][chance_below(d, 4)];
}

void shapes_scene(Scene *s, const ShapesOptions *o, uint64_t seed, uint64_t index) {
    Chance d = chance_begin(seed, index);
    *s = (Scene){.place = PLACE_UNNAMED, .words = chance_bits(&d)};
    s->kind = (SceneKind)chance_weighted(&d, o->share, SCENE_KINDS);
    switch (s->kind) {
    case SCENE_SINGLE: choose_single(&d, s, o); break;
    case SCENE_PAIR: choose_pair(&d, s, o); break;
    case SCENE_COUNT: choose_count(&d, s, o); break;
    case SCENE_DIGIT: choose_digit(&d, s, o); break;
    default: choose_landscape(&d, s); break;
    }
}
