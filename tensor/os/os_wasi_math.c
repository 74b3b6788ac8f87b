/* os_wasi_math.c: fmaf for programs of WASI in place of libc's, which cannot set the rounding mode there and so rounds
 * sums that are half-way between two f32 in double the wrong way (wasi-libc of 2022, musl's fmaf.c). */
#define SDC_EMULATE_FMA
#define SDC_ISA wasi
#include "tensor/cpu/fma.h"

#include <math.h>

float fmaf(float a, float b, float c) { return fma1(a, b, c); }
