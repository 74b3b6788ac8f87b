/* shapes.h: an endless supply of captioned pictures drawn by rule: the built-in model learns from them, `sdc make-data`
 * writes them and `sdc judge` measures with them.
 *
 * Picture `index` of `seed` is the same on every machine: random numbers come from a counter, and arithmetic is double
 * with + - * / and sqrt only. Nothing is allocated or kept, so any number of threads may draw. Half of the pictures
 * show one object in one of 12 colours and 10 shapes on a plain background; the others show two objects in a relation,
 * several alike, a digit, or a small landscape. Nothing is ever mirrored: left and right have meaning.
 *
 *     ShapesOptions o = shapes_options();
 *     for (uint64_t i = 0; i < 64; i++) shapes_picture(rgb, caption, &o, seed, i, 64);
 */
#ifndef SD_TOOLS_SHAPES_SHAPES_H
#define SD_TOOLS_SHAPES_SHAPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    COLOUR_RED,
    COLOUR_ORANGE,
    COLOUR_YELLOW,
    COLOUR_GREEN,
    COLOUR_CYAN,
    COLOUR_BLUE,
    COLOUR_PURPLE,
    COLOUR_PINK,
    COLOUR_BROWN,
    COLOUR_BLACK,
    COLOUR_GREY,
    COLOUR_WHITE,
    SHAPES_COLOURS,
};

enum {
    SHAPE_CIRCLE,
    SHAPE_SQUARE,
    SHAPE_TRIANGLE,
    SHAPE_STAR,
    SHAPE_RING,
    SHAPE_MOON,
    SHAPE_CROSS,
    SHAPE_HEART,
    SHAPE_DIAMOND,
    SHAPE_ARROW,
    SHAPES_SHAPES,
};

enum {
    SHAPES_OBJECTS = 5,   /* most objects in one picture */
    SHAPES_CAPTION = 160, /* bytes of a caption with its NUL */
    SHAPES_SIDE = 64,     /* positions and sizes are in 64ths of the picture's side */
};

typedef enum { SCENE_SINGLE, SCENE_PAIR, SCENE_COUNT, SCENE_DIGIT, SCENE_LANDSCAPE, SCENE_KINDS } SceneKind;

/* In the order of the caption, "A above B". AND says nothing about where the two are. */
typedef enum { RELATION_ABOVE, RELATION_BELOW, RELATION_LEFT, RELATION_RIGHT, RELATION_INSIDE, RELATION_AND } Relation;

typedef enum { FILL_PLAIN, FILL_STRIPED, FILL_BORDERED } Fill;
typedef enum { SIZE_UNNAMED, SIZE_SMALL, SIZE_LARGE } SizeName;

/* Row by row, like a keypad. UNNAMED: near the middle. */
typedef enum {
    PLACE_TOP_LEFT,
    PLACE_TOP,
    PLACE_TOP_RIGHT,
    PLACE_LEFT,
    PLACE_MIDDLE,
    PLACE_RIGHT,
    PLACE_BOTTOM_LEFT,
    PLACE_BOTTOM,
    PLACE_BOTTOM_RIGHT,
    PLACE_UNNAMED,
} Place;

typedef enum { TIME_DAY, TIME_SUNSET, TIME_NIGHT, TIME_KINDS } TimeOfDay;
typedef enum { GROUND_HILLS, GROUND_SEA, GROUND_DESERT, GROUND_SNOW, GROUND_KINDS } Ground;
typedef enum { THING_NONE, THING_HOUSE, THING_TREE, THING_MOUNTAINS, THING_BOAT, THING_CACTUS } Thing;

typedef struct {
    int shape, colour; /* SHAPE_CIRCLE.., COLOUR_RED.. */
    Fill fill;
    int border; /* colour of a FILL_BORDERED object's edge */
    SizeName size;
    double x, y, r; /* middle and half extent, in 64ths from the top left */
} ShapeObject;

typedef struct {
    SceneKind kind;
    int background; /* a colour; landscapes have none */
    bool background_named;
    ShapeObject objects[SHAPES_OBJECTS];
    int count;         /* of objects; a digit is not one */
    Place place;       /* SCENE_SINGLE */
    Relation relation; /* SCENE_PAIR: objects[0] is RELATION objects[1] */
    int digit, digit_colour;
    double digit_x, digit_y, digit_r;
    TimeOfDay time; /* SCENE_LANDSCAPE */
    Ground ground;
    Thing thing;
    uint64_t words; /* decides how the caption is worded, and details of landscapes */
} Scene;

typedef struct {
    double share[SCENE_KINDS]; /* of pictures of each kind, in any unit: .48 .35 .05 .05 .07 */
    double fancy;              /* share of objects that are striped or have a border: 0.06 */
    double sized;              /* share of single objects whose size is named: 0.2 */
    double placed;             /* likewise their places; of pairs, share of captions that name both places instead of
                                  the relation: 0.2 */
    double ordered;            /* share of pairs that name the upper or left one first: 0 */
    double unnamed;            /* share of captions that do not name the background: 0.1 */
    double variety;            /* share of captions that depart from the canonical words: 0.4 */
    double vague;              /* share of single objects' captions that omit the colour or the shape, or contain a
                                  meaningless word: 0.04 */
    bool held_out;             /* whether the held-out pairs may appear */
} ShapesOptions;

/* The defaults given above; no held-out pairs. */
ShapesOptions shapes_options(void);

/* For early training: the larger `easy` (0..1), the less pictures and captions vary; 1 is one plain object in the
 * middle of a background, in the canonical words. */
void shapes_ease(ShapesOptions *o, double easy);

/* rgb[size,size,3] and its caption. */
void shapes_picture(uint8_t *rgb, char caption[SHAPES_CAPTION], const ShapesOptions *o, uint64_t seed, uint64_t index,
                    int size);

/* The same in three steps: what the picture shows, the words for it, the pixels. */
void shapes_scene(Scene *s, const ShapesOptions *o, uint64_t seed, uint64_t index);
void shapes_caption(char caption[SHAPES_CAPTION], const Scene *s, const ShapesOptions *o);
void shapes_draw(uint8_t *rgb, const Scene *s, int size); /* rgb[size,size,3] */

/* "a red circle above a blue square on a white background": the form that `sdc judge` uses, which says all that
 * counts. */
void shapes_canonical(char caption[SHAPES_CAPTION], const Scene *s);

const char *shapes_colour_name(int colour);
const char *shapes_shape_name(int shape);
const char *shapes_relation_words(Relation r); /* "above", "to the left of", "and" */
const uint8_t *shapes_colour_rgb(int colour);  /* [3] */
/* Whether training never sees this colour and shape together. */
bool shapes_held_out(int colour, int shape);
/* Whether another shape fits inside. */
bool shapes_hollow(int shape);
/* White and black: the backgrounds of captions that do not name one. */
bool shapes_plain_ground(int colour);

/* How much of each pixel of a size x size picture an object covers, 0..1: mask[size,size]. */
void shapes_mask(float *mask, const ShapeObject *o, int size);

#endif
