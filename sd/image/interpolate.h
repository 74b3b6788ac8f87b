/* interpolate.h: planes of numbers brought to another size, as torch.nn.functional.interpolate does with a size given:
 * how the webui enlarges latents. Computed in double in one order, and rounded once: within rounding of torch's f32. */
#ifndef SD_IMAGE_INTERPOLATE_H
#define SD_IMAGE_INTERPOLATE_H

#include "tensor/error.h"

#include <stdbool.h>
#include <stdint.h>

typedef enum {
    INTERPOLATE_BILINEAR,
    INTERPOLATE_BILINEAR_ANTIALIASED,
    INTERPOLATE_BICUBIC,
    INTERPOLATE_BICUBIC_ANTIALIASED,
    INTERPOLATE_NEAREST,
    INTERPOLATE_NEAREST_EXACT
} Interpolation;

/* to[planes][to_h][to_w] from from[planes][h][w]; all sizes >= 1. False on ERR_MEMORY. */
bool interpolate(float *to, int to_h, int to_w, const float *from, int h, int w, int64_t planes, Interpolation how,
                 Error *e);

#endif
