/* kernels.cuh: what the files of the CUDA backend share; the CPU's twin is tensor/cpu/kernels.h. */
#ifndef SD_CUDA_KERNELS_CUH
#define SD_CUDA_KERNELS_CUH

#include "numbers.cuh"

extern "C" {
#include "tensor/pieces.h"
}

/* Not inlined: products call it for every sum in registers, and fetching unrolled copies costs more than calls. */
static __device__ __noinline__ float activate(float x, Act act) {
    switch (act) {
    case ACT_SILU: return fm_silu(x);
    case ACT_GELU: return fm_gelu(x);
    case ACT_QUICK_GELU: return fm_quick_gelu(x);
    case ACT_TANH: return fm_tanh(x);
    case ACT_LEAKY_RELU: return x > 0.0f ? x : 0.2f * x;
    default: return x;
    }
}

/* What follows a product: bias and epilogue, and where results go. Pictures are token sequences here. */
typedef struct {
    const float *bias;          /* NULL: none */
    Tensor y, vector, residual; /* [N,T,O], [N,O], [N,T,O]; data NULL: none */
    Act act;
    bool in_place; /* the residual is y itself: a sum in f32 begins with it, and `finish` does not add it again */
    bool relu;     /* at last */
    bool pairs;    /* in all tensors numbers come in aligned pairs */
} Finish;

/* max(0, x), NaN staying NaN */
static __device__ inline float rectify(float x) { return 0.0f > x ? 0.0f : x; }

Finish finish_for(Tensor y, const Weight *b, Epilogue e);

/* Stores y[picture,row,column], from its sum. */
template <class A>
static __device__ inline void finish(const Finish &f, float sum, int64_t picture, int64_t row, int64_t column) {
    if (f.bias) sum += f.bias[column];
    if (f.vector.data) sum += to_f32(at2<A>(f.vector, picture, 0)[column]);
    sum = activate(sum, f.act);
    if (f.residual.data && !f.in_place) sum += to_f32(at2<A>(f.residual, picture, row)[column]);
    if (f.relu) sum = rectify(sum);
    store(at2<A>(f.y, picture, row) + column, sum);
}

/* The same if a product ends in GEGLU, from the sums of its value and its gate. */
template <class A>
static __device__ inline void finish_gated(const Finish &f, float value, float gate, int64_t picture, int64_t row,
                                           int64_t column) {
    if (f.bias) value += f.bias[column], gate += f.bias[f.y.n[2] + column];
    store(at2<A>(f.y, picture, row) + column, value * activate(gate, ACT_GELU));
}

/* The address of t[picture,row,column], even if t has no data: computed in advance, it is the same for a whole row. */
template <class A> static __device__ inline A *place(const Tensor &t, int64_t picture, int64_t row, int64_t column) {
    return (A *)((uintptr_t)t.data + sizeof(A) * (uintptr_t)(picture * t.s[0] + row * t.s[1] + column));
}

/* finish and finish_gated for two neighbours, if numbers come in pairs. */
template <class A>
static __device__ inline void finish_two(const Finish &f, const float *sums, int64_t picture, int64_t row,
                                         int64_t column) {
    const A *vector = place<A>(f.vector, picture, 0, column), *residual = place<A>(f.residual, picture, row, column);
    float s[2] = {sums[0], sums[1]};
    if (f.bias) s[0] += f.bias[column], s[1] += f.bias[column + 1];
    if (f.vector.data) add_pair(s, vector);
    if (f.act != ACT_NONE) s[0] = activate(s[0], f.act), s[1] = activate(s[1], f.act);
    if (f.residual.data) add_pair(s, residual);
    if (f.relu) s[0] = rectify(s[0]), s[1] = rectify(s[1]);
    store_pair(place<A>(f.y, picture, row, column), s[0], s[1]);
}
template <class A>
static __device__ inline void finish_two_gated(const Finish &f, const float *values, const float *gates,
                                               int64_t picture, int64_t row, int64_t column) {
    float v[2] = {values[0], values[1]}, g[2] = {gates[0], gates[1]};
    if (f.bias) {
        const float *bias = f.bias + column, *below = bias + f.y.n[2];
        v[0] += bias[0], v[1] += bias[1], g[0] += below[0], g[1] += below[1];
    }
    g[0] = activate(g[0], ACT_GELU), g[1] = activate(g[1], ACT_GELU);
    store_pair(place<A>(f.y, picture, row, column), v[0] * g[0], v[1] * g[1]);
}

/* Whether all rows, of 16-bit numbers, are aligned to 16 bytes and consist of whole 16-byte chunks. */
static inline bool in_chunks(const Tensor &t) {
    bool ok = t.n[t.nd - 1] % 8 == 0 && (uintptr_t)t.data % 16 == 0;
    for (int i = 0; i + 1 < t.nd; i++) ok = ok && t.s[i] % 8 == 0;
    return ok;
}

/* How many sums a picture leaves, if a product leaves partial sums; without pairs it always does. */
static inline int64_t sums_of(const Finish &f) { return f.y.n[1] * f.y.n[2] * (f.act == ACT_GEGLU ? 2 : 1); }
static inline bool sums_fit(const Finish &f) { return f.pairs || sums_of(f) * (int64_t)sizeof(float) <= SPLIT_BYTES; }

/* Finds out whether the GPU can run product_hopper.cu and may (SDC_CUDA=mma: it may not). */
void cuda_hopper_begin(Gpu *gpu);

/* A weight's numbers on the GPU. */
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
void cuda_accumulate(Ctx *, Tensor y, Tensor x, float scale);
void cuda_prelu(Ctx *, Tensor y, Tensor x, const Weight *slope);
void cuda_embedding(Ctx *, Tensor y, Tensor ids, const Weight *table, const Weight *positions);
void cuda_timestep_embedding(Ctx *, Tensor y, Tensor t);

/* Weights on the GPU (weights.cu): vectors in F32; everything else in the table's type or, for the f32 table, the
 * file's. Convolutions in compute order. */
template <class A> size_t cuda_prepared_bytes(const Weight *w, DType type);
template <class A> void cuda_prepare(Weight *w, DType type, const void *from, bool torch_order, void *to);

#endif
