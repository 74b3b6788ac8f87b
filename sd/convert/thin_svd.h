/* thin_svd.h: the largest singular values of a matrix, and their vectors, by iterating on a subspace (Halko, Martinsson
 * and Tropp 2011, algorithm 4.4). The same bits for any number of threads and any machine. */
#ifndef SD_CONVERT_THIN_SVD_H
#define SD_CONVERT_THIN_SVD_H

#include "tensor/thread_pool.h"

#include <stdbool.h>

typedef struct {
    const float *m, *turned; /* the matrix [rows][columns], and transposed */
    int64_t rows, columns;
    double *values;      /* [rank], falling */
    float *left, *right; /* [rank][rows], [rank][columns]: unit vectors, or zeros where the value is 0 */
    int rank;            /* at most the smaller of rows and columns */
} ThinSvd;

/* Fills values, left and right. They are found when another iteration adds less than 1e-7 of the squares: vectors whose
 * values are close to that of the last may be any mixture of theirs. False: out of memory. */
bool thin_svd(ThinSvd *s, ThreadPool *pool);

#endif
