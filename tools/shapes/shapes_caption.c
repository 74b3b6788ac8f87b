/* shapes_caption.c: the words for a scene. The canonical form says all that counts in one order. The others change
 * order, articles and words, so that a model learns words rather than a form. A few captions omit something or contain
 * a meaningless word, so that neither spoils a picture. */
#include "chance.h"
#include "palette.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name, *many, *other, *many_others;
} SHAPES[SHAPES_SHAPES] = {
    {"circle", "circles", "disc", "discs"},
    {"square", "squares", NULL, NULL},
    {"triangle", "triangles", NULL, NULL},
    {"star", "stars", NULL, NULL},
    {"ring", "rings", "donut", "donuts"},
    {"moon", "moons", "crescent", "crescents"},
    {"cross", "crosses", "plus sign", "plus signs"},
    {"heart", "hearts", NULL, NULL},
    {"diamond", "diamonds", "rhombus", "rhombuses"},
    {"arrow", "arrows", NULL, NULL},
};

static const char *const RELATIONS[][4] = {
    {"above", "over", "on top of", "above"},
    {"below", "under", "beneath", "underneath"},
    {"to the left of", "left of", "on the left of", "to the left of"},
    {"to the right of", "right of", "on the right of", "to the right of"},
    {"inside", "in", "within", "inside of"},
    {"and", "and", "with", "and"},
};

static const char *const PLACES[] = {"in the top left corner",
                                     "at the top",
                                     "in the top right corner",
                                     "on the left",
                                     "in the middle",
                                     "on the right",
                                     "in the bottom left corner",
                                     "at the bottom",
                                     "in the bottom right corner"};
static const char *const OTHER_PLACES[] = {"at the top left",    "at the upper edge", "at the top right",
                                           "on the left side",   "in the center",     "on the right side",
                                           "at the bottom left", "at the lower edge", "at the bottom right"};

const char *shapes_shape_name(int shape) { return SHAPES[shape].name; }
const char *shapes_relation_words(Relation r) { return RELATIONS[r][0]; }

/* --- phrases --- */

typedef struct {
    char *out;
    size_t size;
    Chance d;
    bool varied; /* words may depart from the canonical ones */
    bool bare;   /* no articles */
    bool placed; /* a pair's places are named, not its relation */
    bool ahead;  /* a single object's place is named before it */
    enum { SAY_ALL, NO_COLOUR, NO_SHAPE, NONSENSE } vague;
} Text;

static void say(Text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void say(Text *t, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int n = vsnprintf(t->out + t->size, SHAPES_CAPTION - t->size, format, args);
    va_end(args);
    assert(n >= 0 && (size_t)n < SHAPES_CAPTION - t->size);
    t->size += (size_t)n;
}

static const char *either(Text *t, const char *name, const char *other) {
    return other && t->varied && chance_of(&t->d, 0.25) ? other : name;
}

static const char *colour_word(Text *t, int c) { return either(t, PALETTE[c].name, PALETTE[c].other); }

/* A word without meaning here: a real one, or an invented one. */
static void nonsense(Text *t, char word[24]) {
    static const char *const WORDS[] = {"lovely",   "beautiful", "nice",    "cute",    "happy",  "funny", "magic",
                                        "old",      "new",       "shiny",   "strange", "pretty", "cat",   "dog",
                                        "car",      "robot",     "apple",   "flower",  "person", "fish",  "castle",
                                        "portrait", "photo",     "dragon",  "bird",    "horse",  "city",  "modern",
                                        "detailed", "amazing",   "perfect", "fast",    "soft",   "girl",  "man"};
    static const char *const SYLLABLES[] = {"ba",  "ko",  "lu", "mer", "ti",  "zon",
                                            "fra", "pel", "du", "wi",  "sha", "nor"};
    if (chance_of(&t->d, 0.6)) {
        snprintf(word, 24, "%s", WORDS[chance_below(&t->d, sizeof WORDS / sizeof *WORDS)]);
        return;
    }
    int n = 2 + chance_below(&t->d, 2), at = 0;
    for (int i = 0; i < n; i++) at += snprintf(word + at, 24 - (size_t)at, "%s", SYLLABLES[chance_below(&t->d, 12)]);
}

static void article(Text *t, const char *next) {
    if (!t->bare) say(t, strchr("aeiou", *next) ? "an " : "a ");
}

static void size_word(Text *t, SizeName size, char word[12]) {
    static const char *const SIZES[][3] = {{"small", "tiny", "little"}, {"large", "big", "huge"}};
    int k = t->varied && chance_of(&t->d, 0.4) ? 1 + chance_below(&t->d, 2) : 0;
    snprintf(word, 12, "%s", SIZES[size == SIZE_LARGE][k]);
}

/* Adjectives and noun: "a small striped red circle" or, with `many`, "striped red circles". */
static void object(Text *t, const ShapeObject *o, bool many) {
    char words[96], size[12] = "", odd[24] = "";
    const char *colour = colour_word(t, o->colour);
    const char *shape = many ? either(t, SHAPES[o->shape].many, SHAPES[o->shape].many_others)
                             : either(t, SHAPES[o->shape].name, SHAPES[o->shape].other);
    if (o->size != SIZE_UNNAMED) size_word(t, o->size, size);
    if (t->vague == NO_SHAPE || t->vague == NONSENSE) nonsense(t, odd);
    const char *noun = t->vague == NO_SHAPE ? odd : shape;
    snprintf(words, sizeof words, "%s%s%s%s%s%s%s%s", t->vague == NONSENSE ? odd : "", t->vague == NONSENSE ? " " : "",
             size, *size ? " " : "", o->fill == FILL_STRIPED ? "striped " : "", t->vague == NO_COLOUR ? "" : colour,
             t->vague == NO_COLOUR ? "" : " ", noun);
    if (!many) article(t, words);
    say(t, "%s", words);
    if (o->fill == FILL_BORDERED) {
        say(t, " with ");
        if (!many) article(t, PALETTE[o->border].name);
        say(t, "%s %s", PALETTE[o->border].name, many ? "borders" : "border");
    }
}

static void digit(Text *t, const Scene *s) {
    static const char *const NAMES[] = {"zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"};
    const char *colour = colour_word(t, s->digit_colour);
    char number[8];
    snprintf(number, sizeof number, "%d", s->digit);
    const char *n = either(t, number, NAMES[s->digit]);
    if (t->varied && chance_of(&t->d, 0.5)) {
        say(t, "%s%s %s in %s", t->bare ? "" : "the ", chance_of(&t->d, 0.5) ? "digit" : "number", n, colour);
        return;
    }
    article(t, colour);
    say(t, "%s number %s", colour, n);
}

/* An object and its place. Most places come first: in a causal text encoder a noun sees only what precedes it. */
static void object_at(Text *t, const ShapeObject *o, Place at, bool before) {
    const char *place = either(t, PLACES[at], OTHER_PLACES[at]);
    if (before) say(t, "%s ", place);
    object(t, o, false);
    if (!before) say(t, " %s", place);
}

/* A pair, by the place of each. */
static void placed(Text *t, const Scene *s) {
    static const Place OF[][2] = {
        {PLACE_TOP, PLACE_BOTTOM}, {PLACE_BOTTOM, PLACE_TOP}, {PLACE_LEFT, PLACE_RIGHT}, {PLACE_RIGHT, PLACE_LEFT}};
    bool before = chance_of(&t->d, 0.7);
    object_at(t, &s->objects[0], OF[s->relation][0], before);
    say(t, " and ");
    object_at(t, &s->objects[1], OF[s->relation][1], before);
}

/* All but the background. */
static void subject(Text *t, const Scene *s) {
    static const char *const NUMBERS[] = {"two", "three", "four", "five"};
    if (s->kind == SCENE_DIGIT) {
        digit(t, s);
        return;
    }
    if (s->kind == SCENE_COUNT) {
        say(t, "%s ", NUMBERS[s->count - 2]);
        object(t, &s->objects[0], true);
        return;
    }
    if (t->placed) {
        placed(t, s);
        return;
    }
    if (s->kind == SCENE_SINGLE && s->place != PLACE_UNNAMED) {
        object_at(t, &s->objects[0], s->place, t->ahead);
        return;
    }
    object(t, &s->objects[0], false);
    if (s->kind != SCENE_PAIR) return;
    int k = t->varied && chance_of(&t->d, 0.4) ? 1 + chance_below(&t->d, 3) : 0;
    say(t, " %s ", RELATIONS[s->relation][k]);
    object(t, &s->objects[1], false);
}

/* --- whole captions --- */

static void varied(Text *t, const Scene *s) {
    static const char *const MEDIA[] = {"a picture of ", "a drawing of ", "an image of ", "an illustration of "};
    const char *back = colour_word(t, s->background);
    int form = chance_below(&t->d, 8);
    t->bare = form == 0 || form == 1;
    if (form == 2 || form == 3) say(t, "%s", MEDIA[chance_below(&t->d, 4)]);
    if (s->background_named && form == 4) say(t, "on a%s %s background, ", strchr("aeiou", *back) ? "n" : "", back);
    if (s->background_named && form == 5) say(t, "a%s %s background with ", strchr("aeiou", *back) ? "n" : "", back);
    subject(t, s);
    if (!s->background_named || form == 4 || form == 5) return;
    if (form == 0) say(t, " on %s", back);
    else if (form == 1 || form == 6) say(t, ", %s background", back);
    else say(t, " on a%s %s background", strchr("aeiou", *back) ? "n" : "", back);
}

static void canonical(Text *t, const Scene *s) {
    subject(t, s);
    const char *back = PALETTE[s->background].name;
    if (s->background_named) say(t, " on a%s %s background", strchr("aeiou", *back) ? "n" : "", back);
}

/* d NULL: the canonical words. */
static void landscape(char caption[SHAPES_CAPTION], const Scene *s, Chance *d) {
    static const char *const THINGS[] = {"", "a house", "a tree", "mountains", "a boat", "a cactus"};
    static const char *const ALONE[] = {"green hills", "the sea", "a desert", "a snowy field"};
    static const char *const ON[] = {"on a green hill", "on the sea", "in the desert", "in the snow"};
    static const char *const BEHIND[] = {"behind green hills", "by the sea", "in the desert", "in the snow"};
    static const char *const TIMES[TIME_KINDS][2] = {
        {"on a sunny day", "in the sun"}, {"at sunset", "in the evening"}, {"at night", "at night under the moon"}};
    static const char *const MEDIA[] = {"", "a picture of ", "a landscape with ", "a drawing of "};
    bool mountains = s->thing == THING_MOUNTAINS;
    const char *ground = s->thing == THING_NONE ? ALONE[s->ground] : (mountains ? BEHIND : ON)[s->ground];
    const char *media = d ? MEDIA[chance_below(d, 4)] : "";
    snprintf(caption, SHAPES_CAPTION, "%s%s%s%s %s", media, THINGS[s->thing], *THINGS[s->thing] ? " " : "", ground,
             TIMES[s->time][d ? chance_below(d, 2) : 0]);
}

void shapes_canonical(char caption[SHAPES_CAPTION], const Scene *s) {
    Text t = {.out = caption, .d = chance_begin(s->words, 0)};
    if (s->kind == SCENE_LANDSCAPE) landscape(caption, s, NULL);
    else canonical(&t, s);
}

void shapes_caption(char caption[SHAPES_CAPTION], const Scene *s, const ShapesOptions *o) {
    Text t = {.out = caption, .d = chance_begin(s->words, 0)};
    t.varied = chance_of(&t.d, o->variety);
    if (s->kind == SCENE_SINGLE && chance_of(&t.d, o->vague)) t.vague = 1 + chance_below(&t.d, 3);
    if (s->kind == SCENE_PAIR && s->relation < RELATION_INSIDE) t.placed = chance_of(&t.d, o->placed);
    if (s->place != PLACE_UNNAMED) t.ahead = chance_of(&t.d, 0.5);
    if (s->kind == SCENE_LANDSCAPE) landscape(caption, s, t.varied ? &t.d : NULL);
    else if (t.varied) varied(&t, s);
    else canonical(&t, s);
}
