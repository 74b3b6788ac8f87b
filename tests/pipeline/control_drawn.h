/* control_drawn.h: a small request with one control, or none, drawn and planned, for comparisons of two such. */
#ifndef SD_TESTS_PIPELINE_CONTROL_DRAWN_H
#define SD_TESTS_PIPELINE_CONTROL_DRAWN_H

#include "control_files.h"

typedef struct {
    uint8_t rgb[2][CONTROL_SIDE * CONTROL_SIDE * 3]; /* of the first two pictures */
    char text[2048];                                 /* the first picture's parameters; not ok: why */
    SdPlan plan;
    bool ok, exact;
} ControlDrawn;

/* Two steps, as `change` (or NULL) changes the request. Closes net and m; NULL for m: not ok, e says why. */
ControlDrawn control_drawn(SdModel *m, SdControlNet *net, SdControl c, void (*change)(SdRequest *r, SdControl *c),
                           Error *e);
/* Whether both are ok, and their first pictures equal. */
bool control_drawn_same(const ControlDrawn *a, const ControlDrawn *b);

#endif
