/* nonfinite.h: where numbers stopped being finite: a pass is made once more with this listener. */
#ifndef SD_PIPELINE_NONFINITE_H
#define SD_PIPELINE_NONFINITE_H

#include "tensor/ctx.h"

/* Keeps nothing but the name of the first tensor with such a number; "": there was none. */
typedef struct {
    char name[128];
} FirstNonfinite;

Taps nonfinite_listener(FirstNonfinite *found);

#endif
