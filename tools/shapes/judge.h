/* judge.h: whether a picture shows what its caption says, found without learning: the nearest colour of the palette for
 * every pixel, connected regions, shapes by their overlap with drawn ones, relations by the regions' middles.
 *
 * Pictures are those of shapes.h, freshly drawn, as a VAE gives them back, or as a model makes them. It looks at
 * SCENE_SINGLE, SCENE_PAIR (but not RELATION_AND) and SCENE_COUNT, all objects in one plain colour. */
#ifndef SD_TOOLS_SHAPES_JUDGE_H
#define SD_TOOLS_SHAPES_JUDGE_H

#include "shapes.h"

enum { JUDGE_SIDE = 64, JUDGE_PIXELS = JUDGE_SIDE * JUDGE_SIDE, JUDGE_OBJECTS = 8 };

typedef struct {
    int colour;
    double x, y, area;        /* of the mask, in pixels */
    int x0, y0, x1, y1;       /* the rectangle around it, x1 and y1 outside */
    float mask[JUDGE_PIXELS]; /* how much of each pixel it covers */
} SeenObject;

/* What is to be seen, the largest object first. */
typedef struct {
    int background, count;
    SeenObject objects[JUDGE_OBJECTS];
} Sight;

/* rgb[JUDGE_SIDE, JUDGE_SIDE, 3] */
void judge_look(Sight *s, const uint8_t *rgb);

/* The shape whose drawing, at the best place and size, overlaps most with the object: intersection over union in *fit.
 */
int judge_shape(const SeenObject *o, double *fit);

typedef struct {
    bool background;
    bool number;         /* as many objects as the caption says */
    int objects;         /* the caption's, of different looks: 1 or 2 */
    int colours, shapes; /* how many of them have the right colour, the right shape as well */
    bool relation;       /* true where there is none */
    bool all;            /* everything */
} Verdict;

/* A picture's sight against a scene. A shape counts when it is the best of all and fits by JUDGE_FIT. */
#define JUDGE_FIT 0.7
void judge_scene(Verdict *v, const Sight *s, const Scene *want);

#endif
