/* file_range.h: whether a tensor's numbers are finite, and fit a narrower type. */
#ifndef SD_WEIGHTS_FORMATS_FILE_RANGE_H
#define SD_WEIGHTS_FORMATS_FILE_RANGE_H

#include "weight_file.h"

typedef struct {
    int64_t not_finite; /* infinities and NaNs */
    int64_t beyond;     /* finite numbers that the type would round to infinity */
    double first;       /* of those, in order; else of what is not finite; else 0 */
    double largest;     /* magnitude of the finite numbers; of quantised blocks that fit, a bound of it */
} FileRange;

/* Reads the whole tensor. t: one of which weights are made (others count as finite zeros); type: F32, F16, BF16 or
 * Q8_0. */
FileRange file_tensor_range(const WeightFile *f, const FileTensor *t, DType type);
/* The largest number of F32, F16, BF16 or (127 times the largest scale) Q8_0. */
double dtype_largest(DType type);

#endif
