/* precision.h: --precision. */
#ifndef SDC_PRECISION_H
#define SDC_PRECISION_H

#include "../sd/sd.h"

#define PRECISION_NAMES "f32|f32-direct|mixed|f16|bf16"

/* The precision of one of these names; NULL: f32. Says on standard error what a machine without instructions for it
 * computes instead, unless quiet. */
SdPrecision precision_of(const char *name, bool quiet);

#endif
