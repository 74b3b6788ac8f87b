/* blas_library.h: OpenBLAS, loaded when a table of ops needs it: whoever never asks for that table neither needs the
 * library nor waits for its start. */
#ifndef SD_TENSOR_BLAS_LIBRARY_H
#define SD_TENSOR_BLAS_LIBRARY_H

#include <stdbool.h>

/* cblas_sgemm and its constants as in the C interface of the BLAS Technical Forum's standard. */
enum { BLAS_ROWS = 101, BLAS_PLAIN = 111, BLAS_TRANSPOSED = 112 };
typedef void BlasSgemm(int order, int trans_a, int trans_b, int m, int n, int k, float alpha, const float *a, int lda,
                       const float *b, int ldb, float beta, float *c, int ldc);

/* Loads it, with one thread: ours are each at a block of their own. False: it is not there. */
bool blas_load(void);
BlasSgemm *blas_sgemm(void); /* after blas_load */

#endif
