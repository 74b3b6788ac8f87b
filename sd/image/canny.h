/* canny.h: edges by Canny's method, with the same bytes as OpenCV's cv2.Canny with an aperture of 3. */
#ifndef SD_IMAGE_CANNY_H
#define SD_IMAGE_CANNY_H

#include "tensor/error.h"

#include <stdbool.h>
#include <stdint.h>

/* edges[h][w], 0 or 255, of rgb[h][w][3], sizes >= 1. Sobel's gradients of the channel where they are steepest; where
 * one is a maximum across the edge and above `low`, it is kept if other kept ones lead to one above `high` (the larger
 * of both is `high`). l2: gradients are measured by their length, else by |dx| + |dy|, as in the webui. Thresholds
 * 0..32767. False on ERR_MEMORY. */
bool canny(uint8_t *edges, const uint8_t *rgb, int w, int h, double low, double high, bool l2, Error *e);

#endif
