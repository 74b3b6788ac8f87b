/* weight.h: a layer's hold on its parameters.
 *
 * A layer owns Weights, not tensors: what a Weight's bytes are, in which type, where they came from and in which
 * version is the loader's and the backend's business, so that mapping, streaming, upload to a GPU, LoRA and training
 * all go through this one door. */
#ifndef SD_TENSOR_WEIGHT_H
#define SD_TENSOR_WEIGHT_H

#include "tensor.h"

typedef enum {
    WEIGHT_VECTOR, /* [C]: biases, norms; always F32 once loaded */
    WEIGHT_LINEAR, /* [O,K]; a file may hold it as [O,K,1,1] */
    WEIGHT_CONV,   /* compute order [O,kh,kw,I]; torch's is [O,I,kh,kw] */
    WEIGHT_TABLE,  /* [rows,C]: embeddings */
} WeightKind;

/* The layout of a weight's prepared form (tensor/prepare.h for the CPU's). */
typedef enum { WEIGHT_AS_IT_LIES, WEIGHT_PANELS, WEIGHT_FILTERS, WEIGHT_PAIRS } WeightLayout;

typedef struct Weight {
    const char *name; /* torch's state-dict key, in full */
    WeightKind kind;
    bool pointwise; /* a WEIGHT_LINEAR that torch holds as a 1x1 convolution */
    bool keep_f32;  /* products in f32 also in the table that has them in bf16 (cpu_ops_mixed) */
    Tensor t;       /* in compute order; t.data is NULL until the weight is loaded, and where `prepared` replaces it */
    const void *prepared; /* t's numbers in the layout that the backend's kernels read; NULL: ops read t.data */
    WeightLayout layout;
    float *grad;      /* dense, t's shape: training adds to it; NULL: frozen */
    uint32_t version; /* counts changes, so that a prepared form can tell that it is stale; 0: never loaded */
} Weight;

#endif
