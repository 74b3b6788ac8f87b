/* optimiser.h: the parameters that training changes, and AdamW.
 *
 * Parameters of several modules lie in one block of memory, each on 64 bytes, with gradients, moments and (if wanted) a
 * moving average beside them in the same order: so that one loop serves all, and a training state is a few arrays.
 *   m = b1 m + (1 - b1) g,  v = b2 v + (1 - b2) g^2,  w = (1 - lr decay) w - lr (m / (1 - b1^t)) / (sqrt(v / (1 -
 * b2^t)) + eps) Source: Loshchilov and Hutter 2019, "Decoupled weight decay regularization"; order of operations as in
 * torch. */
#ifndef SD_NN_OPTIMISER_H
#define SD_NN_OPTIMISER_H

#include "tensor/ops.h"
#include "bind.h"

typedef struct {
    Weight **w;  /* [count], borrowed */
    int64_t *at; /* [count]: where each begins */
    int64_t count, floats;
    float *values, *grads, *m, *v, *ema; /* [floats] each; ema NULL: none is kept */
    uint8_t *prepared;                   /* the backend's layouts of the values; NULL: it has none */
    size_t *prepared_at;                 /* [count]; SIZE_MAX: used as it lies */
} Parameters;

/* Takes over all weights of the lists: copies what they hold (F32, F16, BF16, in compute order) and gives them
 * gradients. False on ERR_MEMORY. */
bool parameters_init(Parameters *p, WeightList *const *lists, int count, bool ema, const Ops *ops, Error *e);
void parameters_free(Parameters *p);

/* After values changed: prepares them for the backend's kernels again. */
void parameters_changed(Parameters *p, const Ops *ops, ThreadPool *pool);
void parameters_zero(Parameters *p, ThreadPool *pool); /* gradients */
/* The length of all gradients, the same for any number of threads. */
double parameters_norm(const Parameters *p, ThreadPool *pool);

typedef struct {
    double lr, beta1, beta2, eps, decay;
    double scale; /* of gradients: for clipping */
    double ema;   /* ema = ema * this + value * (1 - this) */
} AdamW;

/* step: counts from 1. */
void adamw_step(Parameters *p, ThreadPool *pool, const AdamW *o, int64_t step);

#endif
