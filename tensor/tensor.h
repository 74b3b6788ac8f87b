/* tensor.h: tensors.
 *
 * A Tensor is a view: a pointer, a type, a shape and strides. It never owns memory; the arena or a mapped file does.
 * Activations are channels-last: pictures [N,H,W,C], tokens [N,T,C], vectors [N,C]. Strides count elements, and the
 * last one is always 1: channels are contiguous, and a slice of channels, a picture of a batch or a tile of pixels is a
 * view, not a copy. */
#ifndef SD_TENSOR_TENSOR_H
#define SD_TENSOR_TENSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Element types. CPU ops compute on F32 and read weights in F32, F16, BF16 or Q8_0; most others occur only in files. */
typedef enum {
    F32,
    F16,
    BF16,
    F64,
    I64,
    I32,
    U8, /* up to here: types that this library computes with or makes */
    BOOL,
    I8,
    I16,
    U16,
    U32,
    U64,
    C64, /* from here on: types of files, never computed with; most are passed through */
    F8_E4M3,
    F8_E5M2,
    F8_E8M0,
    F8_E4M3FNUZ,
    F8_E5M2FNUZ,
    F4,
    F6_E2M3,
    F6_E3M2,
    Q4_0, /* from here on: GGUF's types, quantised in blocks (weights/formats/blocks.h) */
    Q4_1,
    Q5_0,
    Q5_1,
    Q8_0,
    Q2_K,
    Q3_K,
    Q4_K,
    Q5_K,
    Q6_K,
    DTYPE_COUNT
} DType;

enum { DTYPE_SAFETENSORS = Q4_0 }; /* the types before this one are those of the safetensors format */

enum { MAX_DIMS = 4 };

typedef struct {
    void *data;
    DType dtype;
    int nd;              /* 1..4 */
    int64_t n[MAX_DIMS]; /* sizes */
    int64_t s[MAX_DIMS]; /* strides in elements; s[nd-1] == 1 */
} Tensor;

/* Numbers are stored in blocks: of one for most types, of 2 for F4, of 4 for F6, of 32 or 256 for quantised types. */
int64_t dtype_block(DType t);
/* Bytes of `count` >= 0 numbers, which must be whole blocks: 4 * count for F32, count / 2 for F4. */
uint64_t dtype_bytes(DType t, int64_t count);
/* The number of elements of a shape that comes from a file; nd >= 0. False, with *count unchanged, when a size is
 * negative or when the count (sizes of 0 left out, so that strides are safe too) takes more than 2^63 bits in this
 * type. */
bool dtype_count(DType t, int nd, const int64_t *n, int64_t *count);
const char *dtype_name(DType t); /* safetensors' or GGUF's name: "F32", "Q8_0" */
/* The type with this safetensors name; false when there is none. */
bool dtype_from_name(const char *name, size_t len, DType *out);

/* A dense view of `data` with the given shape. */
Tensor tensor_view(void *data, DType t, int nd, const int64_t *n);
int64_t tensor_count(Tensor t); /* elements */
size_t tensor_bytes(Tensor t);  /* bytes when dense */
bool tensor_dense(Tensor t);    /* whether the strides are those of a dense tensor */
bool tensor_same_shape(Tensor a, Tensor b);
/* t with dimension `dim` cut to [begin, begin + count). */
Tensor tensor_slice(Tensor t, int dim, int64_t begin, int64_t count);
/* The same elements under another shape; t must be dense. */
Tensor tensor_reshape(Tensor t, int nd, const int64_t *n);
/* t, which has one picture (or row), as n of them, without a copy. A t that already has n is returned as it is. */
Tensor tensor_repeat(Tensor t, int64_t n);
/* The start of row `row` of the last dimension; rows are counted over all other dimensions. */
void *tensor_row(Tensor t, int64_t row);
/* [N,H,W,C] <-> [N,H*W,C]. The rows of a picture must be contiguous (s[1] == W * s[2]). */
Tensor tensor_tokens(Tensor picture);
Tensor tensor_picture(Tensor tokens, int64_t h, int64_t w);
/* "[2,64,64,320]" into buf; returns buf. */
const char *tensor_shape_text(Tensor t, char *buf, size_t size);

#define SHAPE(...) ((const int64_t[]){__VA_ARGS__})

#endif
