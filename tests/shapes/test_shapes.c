/* test_shapes.c: pictures drawn by rule are the same everywhere, say what they show, and never show what is kept for
 * testing; the judge believes them, and nothing else. */
#include "tests/harness/test.h"
#include "sd/image/codecs/crc32.h"
#include "tools/shapes/judge.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- the same on every machine --- */

static uint32_t crc_of(uint64_t seed, int count, int size) {
    ShapesOptions o = shapes_options();
    char caption[SHAPES_CAPTION];
    uint8_t *rgb = malloc((size_t)(3 * size * size));
    uint32_t crc = 0;
    for (int i = 0; rgb && i < count; i++) {
        shapes_picture(rgb, caption, &o, seed, (uint64_t)i, size);
        crc = crc32_update(crc, rgb, (size_t)(3 * size * size));
        crc = crc32_update(crc, (const uint8_t *)caption, strlen(caption));
    }
    free(rgb);
    return crc;
}

static void same_everywhere(void) {
    static const struct {
        uint64_t seed;
        int count, size;
        uint32_t crc;
    } CASES[] = {{0, 200, 64, 0xca8309a6},
                 {1, 200, 64, 0xafce6c23},
                 {UINT64_MAX, 50, 64, 0xdc00048e},
                 {5, 20, 100, 0xce8cfa00},
                 {5, 3, 512, 0xf401528d}};
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        uint32_t crc = crc_of(CASES[i].seed, CASES[i].count, CASES[i].size);
        test_check(crc == CASES[i].crc, "shapes: %d pictures of seed %llu at %d pixels are the known ones",
                   CASES[i].count, (unsigned long long)CASES[i].seed, CASES[i].size);
        test_note("crc %08x, should be %08x", crc, CASES[i].crc);
    }
    ShapesOptions o = shapes_options();
    uint8_t a[3 * 64 * 64], b[3 * 64 * 64];
    char s[SHAPES_CAPTION], t[SHAPES_CAPTION];
    int same = 0, alike = 0;
    for (uint64_t i = 0; i < 200; i++) {
        shapes_picture(a, s, &o, 3, i, 64);
        shapes_picture(b, t, &o, 3, 200 - i, 64);
        alike += i != 100 && !memcmp(a, b, sizeof a);
        shapes_picture(b, t, &o, 3, i, 64);
        same += !memcmp(a, b, sizeof a) && !strcmp(s, t);
    }
    test_check(same == 200 && !alike, "shapes: a picture depends on seed and number alone, and each is another");
}

/* --- what is drawn --- */

static void easy(void) {
    ShapesOptions o = shapes_options();
    char caption[SHAPES_CAPTION], canonical[SHAPES_CAPTION];
    int odd = 0;
    shapes_ease(&o, 1);
    for (uint64_t i = 0; i < 2000; i++) {
        Scene s;
        shapes_scene(&s, &o, 12, i);
        shapes_caption(caption, &s, &o);
        shapes_canonical(canonical, &s);
        odd += s.kind != SCENE_SINGLE || s.objects[0].fill != FILL_PLAIN || s.objects[0].size != SIZE_UNNAMED ||
               s.place != PLACE_UNNAMED || !s.background_named || strcmp(caption, canonical);
    }
    test_check(!odd, "shapes: eased, one plain object in plain words");
    o.share[SCENE_PAIR] = 1, o.share[SCENE_SINGLE] = 0, o.placed = 0.5;
    int placed = 0, related = 0, wrong = 0;
    for (uint64_t i = 0; i < 2000; i++) {
        static const char *const PLACES[][2] = {{"at the top", "at the bottom"},
                                                {"at the bottom", "at the top"},
                                                {"on the left", "on the right"},
                                                {"on the right", "on the left"}};
        Scene s;
        shapes_scene(&s, &o, 12, i);
        shapes_caption(caption, &s, &o);
        shapes_canonical(canonical, &s);
        if (!strcmp(caption, canonical)) {
            related++;
            continue;
        }
        const char *first = s.relation < 4 ? strstr(caption, PLACES[s.relation][0]) : NULL;
        wrong += !first || !strstr(first, PLACES[s.relation][1]);
        placed++;
    }
    test_check(placed > 700 && related > 700 && !wrong, "shapes: pairs' captions name places or relations");
    test_note("%d places, %d relations, %d wrong: %s", placed, related, wrong, caption);
    o.ordered = 1;
    for (uint64_t i = wrong = 0; i < 2000; i++) {
        Scene s;
        shapes_scene(&s, &o, 12, i);
        const ShapeObject *a = &s.objects[0], *b = &s.objects[1];
        bool after = fabs(a->y - b->y) > fabs(a->x - b->x) ? a->y > b->y : a->x > b->x;
        wrong +=
            s.relation == RELATION_BELOW || s.relation == RELATION_RIGHT || (s.relation != RELATION_INSIDE && after);
    }
    test_check(!wrong, "shapes: the first of an ordered pair is the upper or left one");
    test_note("%d are not", wrong);
}

static void scenes(void) {
    ShapesOptions o = shapes_options();
    int kinds[SCENE_KINDS] = {0}, held_out = 0, outside = 0, blended = 0, with = 0;
    int pairs[SHAPES_COLOURS][SHAPES_SHAPES] = {0}, missing = 0;
    enum { N = 20000 };
    for (uint64_t i = 0; i < N; i++) {
        Scene s;
        shapes_scene(&s, &o, 11, i);
        kinds[s.kind]++;
        for (int k = 0; k < s.count; k++) {
            const ShapeObject *a = &s.objects[k];
            held_out += shapes_held_out(a->colour, a->shape);
            pairs[a->colour][a->shape]++;
            outside += a->x - a->r < 0 || a->x + a->r > 64 || a->y - a->r < 0 || a->y + a->r > 64;
            blended += a->colour == s.background || (k && s.kind == SCENE_PAIR && a->colour == s.objects[0].colour);
        }
        if (s.kind == SCENE_DIGIT) blended += s.digit_colour == s.background;
    }
    for (int c = 0; c < SHAPES_COLOURS; c++)
        for (int k = 0; k < SHAPES_SHAPES; k++) missing += !pairs[c][k] != shapes_held_out(c, k);
    test_check(!held_out, "shapes: held-out pairs are never drawn");
    test_check(!missing, "shapes: every other pair is");
    test_check(!outside, "shapes: objects lie within the picture");
    test_check(!blended, "shapes: nothing has the colour of what surrounds it");
    for (int k = 0; k < SCENE_KINDS; k++)
        test_check(kinds[k] > N * (o.share[k] - 0.01) && kinds[k] < N * (o.share[k] + 0.01),
                   "shapes: kind %d has its share", k);
    o.held_out = true;
    for (uint64_t i = 0; i < 2000; i++) {
        Scene s;
        shapes_scene(&s, &o, 11, i);
        for (int k = 0; k < s.count; k++) with += shapes_held_out(s.objects[k].colour, s.objects[k].shape);
    }
    test_check(with > 50, "shapes: held-out pairs are drawn on request");
}

static double area(int shape, double x, double r, int size) {
    ShapeObject o = {.shape = shape, .x = x, .y = 31.3, .r = r};
    float *mask = malloc((size_t)(size * size) * sizeof *mask);
    double sum = 0;
    shapes_mask(mask, &o, size);
    for (int i = 0; i < size * size; i++) sum += mask[i];
    free(mask);
    return sum * 64 * 64 / size / size;
}

static void coverage(void) {
    for (int size = 32; size <= 256; size *= 2) {
        double square = area(1, 32.7, 10, size), triangle = area(2, 30.1, 10, size), disc = area(0, 31.9, 10, size);
        test_check(square > 295.839 && square < 295.841, "shapes: a square's pixels sum to its area at %d", size);
        test_check(triangle > 193.979 && triangle < 193.981, "shapes: a triangle's too, at %d", size);
        test_check(disc > 301.1 && disc < 301.72, "shapes: a circle's nearly, at %d", size); /* it is a polygon */
    }
    double whole = area(1, 32, 10, 64), half = area(1, 0, 10, 64), far = area(1, 64, 10, 64);
    test_check(half > whole / 2 - 1e-3 && half < whole / 2 + 1e-3 && far > whole / 2 - 1e-3 && far < whole / 2 + 1e-3,
               "shapes: what is outside of the picture is cut off");
}

/* --- words --- */

/* Where the words begin in a text, as whole words; NULL when they do not. */
static const char *find(const char *text, const char *words) {
    size_t n = strlen(words);
    for (const char *p = text; (p = strstr(p, words)); p++)
        if ((p == text || p[-1] == ' ') && (p[n] == 0 || p[n] == ' ' || p[n] == ',')) return p;
    return NULL;
}

static bool says_object(const char **text, const ShapeObject *o) {
    char words[64];
    snprintf(words, sizeof words, "%s %s", shapes_colour_name(o->colour), shapes_shape_name(o->shape));
    const char *at = find(*text, words);
    if (at) *text = at + strlen(words);
    return at != NULL;
}

static void canonical(void) {
    ShapesOptions o = shapes_options();
    int wrong = 0, named = 0;
    char caption[SHAPES_CAPTION], background[64], first[SHAPES_CAPTION] = "";
    for (uint64_t i = 0; i < 5000; i++) {
        Scene s;
        shapes_scene(&s, &o, 17, i);
        shapes_canonical(caption, &s);
        const char *text = caption;
        bool ok = true;
        if (s.kind == SCENE_LANDSCAPE) continue;
        if (s.kind == SCENE_SINGLE || s.kind == SCENE_PAIR) ok = says_object(&text, &s.objects[0]);
        if (s.kind == SCENE_PAIR) {
            const char *relation = ok ? find(text, shapes_relation_words(s.relation)) : NULL;
            ok = relation && says_object(&relation, &s.objects[1]);
        }
        snprintf(background, sizeof background, "%s background", shapes_colour_name(s.background));
        ok = ok && !find(caption, background) == !s.background_named;
        ok = ok && !find(caption, "a orange") && !find(caption, "a arrow") && !find(caption, "an red");
        named += s.background_named;
        wrong += !ok;
        if (!ok && !*first) snprintf(first, sizeof first, "%s", caption);
    }
    test_check(!wrong, "shapes: canonical captions name the objects, in order");
    test_note("%d are wrong: %s", wrong, first);
    test_check(named > 4000, "shapes: most captions name the background");
}

static void variety(void) {
    ShapesOptions o = shapes_options();
    int other = 0, long_ones = 0, odd = 0;
    char caption[SHAPES_CAPTION], plain[SHAPES_CAPTION];
    o.variety = 1;
    for (uint64_t i = 0; i < 5000; i++) {
        Scene s;
        shapes_scene(&s, &o, 23, i);
        shapes_caption(caption, &s, &o);
        shapes_canonical(plain, &s);
        other += strcmp(caption, plain) != 0;
        long_ones += strlen(caption) > SHAPES_CAPTION - 10;
        for (const char *p = caption; *p; p++) odd += !strchr("abcdefghijklmnopqrstuvwxyz0123456789 ,", *p);
    }
    test_check(other > 3500, "shapes: captions vary");
    test_check(!long_ones && !odd, "shapes: captions are short, and plain words");
    o.variety = o.vague = o.placed = 0;
    for (uint64_t i = other = 0; i < 1000; i++) {
        Scene s;
        shapes_scene(&s, &o, 23, i);
        shapes_caption(caption, &s, &o);
        shapes_canonical(plain, &s);
        other += strcmp(caption, plain) != 0;
    }
    test_check(!other, "shapes: captions are canonical on request");
}

/* --- the judge --- */

/* Nine pixels' means: about what an autoencoder does to edges. */
static void blur(uint8_t *rgb) {
    uint8_t old[JUDGE_PIXELS * 3];
    memcpy(old, rgb, sizeof old);
    for (int y = 1; y < 63; y++)
        for (int x = 1; x < 63; x++)
            for (int k = 0; k < 3; k++) {
                int sum = 0;
                for (int j = 0; j < 9; j++) sum += old[((y + j / 3 - 1) * 64 + x + j % 3 - 1) * 3 + k];
                rgb[(y * 64 + x) * 3 + k] = (uint8_t)(sum / 9);
            }
}

/* Wrong in one thing, kind by kind of mistake. */
enum { COLOUR, SHAPE, BACKGROUND, NUMBER, RELATION, SWAPPED, MISTAKES };

static bool spoil(Scene *s, int mistake) {
    ShapeObject *o = &s->objects[0], t = *o;
    bool pair = s->kind == SCENE_PAIR;
    switch (mistake) {
    case COLOUR:
        do o->colour = (o->colour + 1) % SHAPES_COLOURS;
        while (o->colour == s->background || (pair && o->colour == s->objects[1].colour));
        for (int i = 1; !pair && i < s->count; i++) s->objects[i].colour = o->colour;
        return true;
    case SHAPE:
        for (int i = 0; i < (pair ? 1 : s->count); i++) s->objects[i].shape = (o[i].shape + 3) % SHAPES_SHAPES;
        return true;
    case BACKGROUND:
        do s->background = (s->background + 1) % SHAPES_COLOURS;
        while (s->background == o->colour || (pair && s->background == s->objects[1].colour));
        return true;
    case NUMBER: s->count++; return !pair && s->count <= SHAPES_OBJECTS;
    case RELATION: s->relation = (Relation)((s->relation + 1) % 4); return pair && s->relation != RELATION_INSIDE;
    default: /* the colours the other way round: what binds a colour to its shape */
        o->colour = s->objects[1].colour, s->objects[1].colour = t.colour;
        return pair && o->shape != s->objects[1].shape;
    }
}

static void judging(void) {
    static const char *const MISTAKES_OF[MISTAKES] = {"colour", "shape", "background", "number", "relation", "binding"};
    ShapesOptions o = {.held_out = true};
    uint8_t rgb[JUDGE_PIXELS * 3];
    Sight *sight = malloc(sizeof *sight);
    int n = 0, right = 0, blurred = 0, tried[MISTAKES] = {0}, believed[MISTAKES] = {0};
    for (int k = 0; k <= SCENE_COUNT; k++) o.share[k] = 1;
    for (uint64_t i = 0; sight && i < 240; i++) {
        Scene s;
        Verdict v;
        shapes_scene(&s, &o, 31, i);
        if (s.kind == SCENE_PAIR && s.relation == RELATION_AND) continue;
        shapes_draw(rgb, &s, JUDGE_SIDE);
        judge_look(sight, rgb);
        judge_scene(&v, sight, &s);
        n++, right += v.all;
        for (int m = 0; m < MISTAKES && i < 80; m++) {
            Scene wrong = s;
            if (!spoil(&wrong, m)) continue;
            judge_scene(&v, sight, &wrong);
            tried[m]++, believed[m] += v.all;
        }
        blur(rgb);
        judge_look(sight, rgb);
        judge_scene(&v, sight, &s);
        blurred += v.all;
    }
    test_check(n > 200 && right * 100 >= 99 * n, "judge: 99 %% of drawn pictures are right");
    test_note("%d of %d", right, n);
    test_check(n > 200 && blurred * 100 >= 98 * n, "judge: 98 %% of blurred ones are");
    test_note("%d of %d", blurred, n);
    for (int m = 0; m < MISTAKES; m++) {
        test_check(tried[m] > 10 && !believed[m], "judge: a wrong %s is seen", MISTAKES_OF[m]);
        test_note("%d of %d were believed", believed[m], tried[m]);
    }
    int all = 0;
    for (uint64_t i = 0; sight && i < 20; i++) { /* noise, then nothing at all: no crash, no praise */
        Scene s;
        Verdict v;
        shapes_scene(&s, &o, 31, i);
        for (size_t k = 0; k < sizeof rgb; k++)
            rgb[k] =
                i < 10 ? (uint8_t)(128 + 127 * test_uniform((uint32_t)i, k)) : shapes_colour_rgb(s.background)[k % 3];
        judge_look(sight, rgb);
        judge_scene(&v, sight, &s);
        all += v.all;
    }
    test_check(!all, "judge: noise and empty pictures are wrong");
    free(sight);
}

SUITE(shapes, .seconds = 4) {
    same_everywhere();
    scenes();
    easy();
    coverage();
    canonical();
    variety();
    judging();
}
