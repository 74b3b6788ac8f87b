/* merge_math.h: the sums of two or three models, rounded as torch's CPU tensors are.
 *
 * A number is a double that its type holds. A product with the ratio has its tensor's type (F32, if that holds whole
 * numbers): computed in F32 from the ratio as F32, then rounded to the type. A sum or difference has the wider of two
 * types, F32 for F16 beside BF16. F64 is computed in F64. Source: stable-diffusion-webui, modules/extras.py
 * (run_modelmerger), and torch's rules of type promotion. */
#ifndef SD_CONVERT_MERGE_MATH_H
#define SD_CONVERT_MERGE_MATH_H

#include "tensor/tensor.h"

/* Whether numbers of this type can be merged: F16, BF16, F32, F64, I32, I64. */
bool merge_has_type(DType t);

/* types: of the numbers of A, B and C; C's is B's where it is missing. */
DType merge_type_weighted(DType a, DType b);
DType merge_type_difference(DType a, DType b, DType c);

/* out[i] = (1 - ratio) a[i] + ratio b[i] */
void merge_weighted(double *out, const double *a, DType ta, const double *b, DType tb, double ratio, int64_t n);
/* out[i] = a[i] + ratio (b[i] - c[i]); c NULL: a + ratio 0, as the webui has it where C lacks B's tensor. */
void merge_difference(double *out, const double *a, DType ta, const double *b, DType tb, const double *c, DType tc,
                      double ratio, int64_t n);

/* Between bytes of a type and doubles. Narrowing rounds by F32, as every number here is one, or F64. */
void merge_widen(double *out, const void *in, DType t, int64_t n);
void merge_narrow(void *out, const double *in, DType t, int64_t n);

#endif
