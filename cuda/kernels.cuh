/* kernels.cuh: what the files of the CUDA backend give each other; the CPU's twin is tensor/cpu/kernels.h. */
#ifndef SD_CUDA_KERNELS_H
#define SD_CUDA_KERNELS_H

#include "numbers.cuh"

#include <type_traits>

static __device__ inline float activate(float x, Act act) {
    switch (act) {
    case ACT_SILU: return fm_silu(x);
    case ACT_GELU: return fm_gelu(x);
    case ACT_QUICK_GELU: return fm_quick_gelu(x);
    default: return x;
    }
}

/* One operation's bias and epilogue, and where its results go. Pictures are token sequences here. */
typedef struct {
    const float *bias;          /* NULL: none */
    Tensor y, vector, residual; /* [N,T,O], [N,O], [N,T,O]; data NULL: none */
    Act act;
} Finish;

Finish finish_for(Tensor y, const Weight *b, Epilogue e);

/* y[picture,row,column] from its sum */
template <class A>
static __device__ inline void finish(const Finish &f, float sum, int64_t picture, int64_t row, int64_t column) {
    if (f.bias) sum += f.bias[column];
    if (f.vector.data) sum += to_f32(at2<A>(f.vector, picture, 0)[column]);
    sum = activate(sum, f.act);
    if (f.residual.data) sum += to_f32(at2<A>(f.residual, picture, row)[column]);
    store(at2<A>(f.y, picture, row) + column, sum);
}

/* The same where a product ends in GEGLU, from the sums of its value and its gate. */
template <class A>
static __device__ inline void finish_gated(const Finish &f, float value, float gate, int64_t picture, int64_t row,
                                           int64_t column) {
    if (f.bias) value += f.bias[column], gate += f.bias[f.y.n[2] + column];
    store(at2<A>(f.y, picture, row) + column, value * fm_gelu(gate));
}

/* Whether all rows begin on 16 bytes and come in whole chunks of 16 (of 16-bit numbers). */
static inline bool in_chunks(const Tensor &t) {
    bool ok = t.n[t.nd - 1] % 8 == 0 && (uintptr_t)t.data % 16 == 0;
    for (int i = 0; i + 1 < t.nd; i++) ok = ok && t.s[i] % 8 == 0;
    return ok;
}

/* Looks whether the card can and may run product_hopper.cu (SDC_CUDA=mma: it may not). */
void cuda_hopper_begin(Card *card);

/* A weight's numbers on the card. */
static inline const void *numbers_of(const Weight *w) { return w->prepared; }

/* The ops (tensor/ops.h). */
void cuda_linear(Ctx *, Tensor y, Tensor x, const Tensor *x2, const Weight *w, const Weight *b, Epilogue e);
void cuda_conv2d(Ctx *, Tensor y, Tensor x, const Weight *w, const Weight *b, Conv2d g, Epilogue e);
void cuda_group_norm(Ctx *, Tensor y, Tensor x, const Tensor *x2, const Weight *w, const Weight *b, Tensor parts,
                     float eps, Act act);
void cuda_layer_norm(Ctx *, Tensor y, Tensor x, const Weight *w, const Weight *b, float eps);
void cuda_attention(Ctx *, Tensor o, Tensor q, Tensor k, Tensor v, int heads, bool causal);
void cuda_activation(Ctx *, Tensor y, Tensor x, Act act);
void cuda_geglu(Ctx *, Tensor y, Tensor x);
void cuda_affine(Ctx *, Tensor y, Tensor x, float scale, float offset);
void cuda_embedding(Ctx *, Tensor y, Tensor ids, const Weight *table, const Weight *positions);
void cuda_timestep_embedding(Ctx *, Tensor y, Tensor t);

/* Weights on the card (weights.cu): F32 vectors; everything else in the table's type, or for an f32 table in the
 * file's. Convolutions in compute order. */
template <class A> size_t cuda_prepared_bytes(const Weight *w, DType type);
template <class A> void cuda_prepare(Weight *w, DType type, const void *from, bool torch_order, void *to);

#endif
