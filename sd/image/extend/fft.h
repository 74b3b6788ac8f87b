/* fft.h: discrete Fourier transforms of any length, in double, with the same bits on every machine: twiddle factors are
 * math64.h's, and each operation rounds. A length is split into its factors, 4 first; each costs n times the factor. */
#ifndef SD_IMAGE_FFT_H
#define SD_IMAGE_FFT_H

#include "tensor/error.h"

#include <stdbool.h>

typedef struct {
    double re, im;
} Complex;

/* x[rows][columns] = its transform, sum x e^(-+ 2 pi i (j k / columns + ...)), the minus of the transform, the plus of
 * the inverse, which is not divided by rows columns. False on ERR_MEMORY. */
bool fft_2d(Complex *x, int rows, int columns, bool inverse, Error *e);
#endif
