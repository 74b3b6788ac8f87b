/* optimiser.h: the parameters that training changes, and AdamW:
 *
 *     m = b1 m + (1 - b1) g
 *     v = b2 v + (1 - b2) g^2
 *     w = (1 - lr decay) w - lr (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps)
 *
 * The parameters of several modules lie in one block of memory, each aligned to 64 bytes; gradients, moments and, if
 * wanted, a moving average are blocks in the same order. So one loop serves all, and a training state is a few arrays.
 * Source: Loshchilov and Hutter 2019, "Decoupled weight decay regularization"; order of operations as in torch. */
#ifndef SD_NN_OPTIMISER_H
#define SD_NN_OPTIMISER_H

#include "tensor/ops.h"
#include "bind.h"

typedef struct {
    Weight **w;  /* [count], borrowed */
    int64_t *at; /* [count]: where each begins, in floats */
    int64_t count, floats;
    float *values, *grads, *m, *v, *ema; /* [floats] each; ema NULL: no moving average */
    uint8_t *prepared;                   /* the values in the backend's layouts; NULL: none */
    size_t *prepared_at;                 /* [count], in bytes; SIZE_MAX: used as it is */
    double *sums;                        /* of parameters_norm: one for each piece of the gradients */
} Parameters;

/* Takes over all weights of the lists: copies their values (F32, F16 or BF16, in compute order) and gives them
 * gradients. False on ERR_MEMORY. */
bool parameters_init(Parameters *p, WeightList *const *lists, int count, bool ema, const Ops *ops, Error *e);
void parameters_free(Parameters *p);

/* To be called after values have changed: prepares them for the backend's kernels again. */
void parameters_changed(Parameters *p, const Ops *ops, ThreadPool *pool);
void parameters_zero(Parameters *p, ThreadPool *pool); /* sets all gradients to 0 */
/* The Euclidean norm of all gradients together, the same for any number of threads. */
double parameters_norm(Parameters *p, ThreadPool *pool);

typedef struct {
    double lr, beta1, beta2, eps, decay;
    double scale; /* gradients are multiplied by this: for clipping */
    double ema;   /* ema = ema * this + value * (1 - this) */
} AdamW;

/* One step; step counts from 1. */
void adamw_step(Parameters *p, ThreadPool *pool, const AdamW *o, int64_t step);

#endif
