/* weight.h: a layer's parameters.
 *
 * A layer owns Weights, not tensors. What a Weight's bytes are, of which type and version, and where they come from is
 * up to the loader and the backend, so that mapping, streaming, uploading to a GPU, LoRA and training all go through
 * this one struct. */
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
typedef enum { WEIGHT_PLAIN, WEIGHT_PANELS, WEIGHT_FILTERS, WEIGHT_PAIRS } WeightLayout;

typedef struct Weight {
    const char *name; /* torch's state-dict key, in full */
    WeightKind kind;
    bool pointwise;    /* a WEIGHT_LINEAR that torch holds as a 1x1 convolution */
    bool inputs_first; /* a WEIGHT_LINEAR that torch holds as [K,O] (open_clip's text_projection) */
    bool keep_f32;     /* multiply in f32 even in the table that multiplies in bf16 (cpu_ops_mixed) */
    Tensor t;          /* in compute order; t.data is NULL until the weight is loaded, and if `prepared` replaces it */
    const void *prepared; /* t's numbers in the layout that the backend's kernels read; NULL: ops read t.data */
    WeightLayout layout;
    float *grad;      /* dense, of t's shape; training adds to it. NULL: frozen */
    uint32_t version; /* counts changes, so that stale prepared forms can be told; 0: never loaded */
} Weight;

#endif
