/* networks_product.h: a matrix as a network's file holds it: whole, or as the product of two thin ones, or as such a
 * product through a convolution (LyCORIS' "tucker" form). Any tile of it can be had without the rest. */
#ifndef SD_WEIGHTS_NETWORKS_NETWORKS_PRODUCT_H
#define SD_WEIGHTS_NETWORKS_NETWORKS_PRODUCT_H

#include "weights/formats/weight_file.h"

/* Element (o, c), c = i * taps + t, is
 *
 *     a[o,c]                                            b NULL
 *     sum over n of a[o,n] b[n,c]                       mid NULL
 *     sum over n of a[o,n] sum over m of mid[n,m,t] b[m,i]
 *
 * each sum in f32, in order. turned: a is stored as [n,o]. */
typedef struct {
    const WeightFile *file;
    const FileTensor *a, *b, *mid;
    bool turned;
    int64_t rows, columns, rank, taps; /* rank 0: no product. taps: of `mid`, else 1 */
    int64_t limit;                     /* the first so many of `rank` count */
    DType round;                       /* numbers that are read are rounded to it (F16, BF16); F32: are not */
} Product;

/* Fills rows, columns, rank and taps from the shapes; false where they do not fit each other or hold nothing, or a type
 * is not one of numbers. Dimensions after the second are the second's. a, b, mid: as Product; b, mid may be NULL. */
bool product_init(Product *p, const WeightFile *f, const FileTensor *a, const FileTensor *b, const FileTensor *mid,
                  bool turned);
enum { PRODUCT_TOGETHER = 32 }; /* terms that are read and added at once */
/* out[r * stride + k] = element (first + r, column + k). scratch: rows * rank + (PRODUCT_TOGETHER + 1) * columns
 * floats, and of a product through a convolution as many more as one of its outputs has. */
void product_tile(const Product *p, int64_t first, int64_t rows, int64_t column, int64_t columns, float *out,
                  int64_t stride, float *scratch);
/* The thin matrices themselves: rows of a, out[rows * rank]; columns of rows [first, first + count) of b, which is not
 * NULL, out[count][stride]. */
void product_left(const Product *p, int64_t first, int64_t rows, float *out);
void product_right(const Product *p, int64_t first, int64_t count, int64_t column, int64_t columns, float *out,
                   int64_t stride);

#endif
