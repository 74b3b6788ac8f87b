/* judge.h: whether a picture shows what its caption says, judged without learning: every pixel's nearest colour of the
 * palette, connected regions, shapes by their overlap with drawn ones, relations by the regions' middles.
 *
 * Pictures are those of shapes.h: freshly drawn, passed through a VAE, or made by a model. The judge knows
 * SCENE_SINGLE, SCENE_PAIR (without RELATION_AND) and SCENE_COUNT, with plain objects. */
#ifndef SD_TOOLS_SHAPES_JUDGE_H
#define SD_TOOLS_SHAPES_JUDGE_H

#include "shapes.h"

enum { JUDGE_SIDE = 64, JUDGE_PIXELS = JUDGE_SIDE * JUDGE_SIDE, JUDGE_OBJECTS = 8 };

typedef struct {
    int colour;
    double x, y, area;        /* of the mask, in pixels */
    int x0, y0, x1, y1;       /* bounding box, without x1 and y1 */
    float mask[JUDGE_PIXELS]; /* share of each pixel that it covers */
} SeenObject;

/* What the judge sees, the largest object first. */
typedef struct {
    int background, count;
    SeenObject objects[JUDGE_OBJECTS];
} Sight;

/* rgb[JUDGE_SIDE, JUDGE_SIDE, 3] */
void judge_look(Sight *s, const uint8_t *rgb);

/* The shape that overlaps most with the object when drawn at its best place and size. *fit: intersection over union. */
int judge_shape(const SeenObject *o, double *fit);

typedef struct {
    bool background;
    bool number;         /* whether there are as many objects as the caption says */
    int objects;         /* different ones in the caption: 1 or 2 */
    int colours, shapes; /* how many have the right colour; and the right shape, too */
    bool relation;       /* true if the caption has none */
    bool all;            /* everything */
} Verdict;

/* What was seen against what the caption says. A shape is right if it fits best of all, and by at least JUDGE_FIT. */
#define JUDGE_FIT 0.7
void judge_scene(Verdict *v, const Sight *s, const Scene *want);

#endif
