/* pointwise.cu: activations and small ops. The CPU's twin is tensor/cpu/pointwise.c. */
#include "kernels.cuh"

namespace {

enum { THREADS = 256 };

/* Row `row` of a tensor of any rank as [rows][n]. t is a kernel's own operand, a __grid_constant__, so that the loop
 * over its dimensions needs no copy of it. */
template <class A> __device__ A *row_at(const Tensor &t, int64_t row) {
    int64_t offset = 0;
    for (int i = t.nd - 2; i >= 0; i--) {
        offset += row % t.n[i] * t.s[i];
        row /= t.n[i];
    }
    return (A *)t.data + offset;
}

template <class A>
__global__ void activation_rows(const __grid_constant__ Tensor y, const __grid_constant__ Tensor x, Act act) {
    int64_t r = blockIdx.x, n = y.n[y.nd - 1];
    A *to = row_at<A>(y, r);
    const A *from = row_at<A>(x, r);
    for (int64_t i = threadIdx.x; i < n; i += blockDim.x) store(to + i, activate(to_f32(from[i]), act));
}

template <class A> __global__ void geglu_rows(const __grid_constant__ Tensor y, const __grid_constant__ Tensor x) {
    int64_t r = blockIdx.x, n = y.n[2];
    A *to = row_at<A>(y, r);
    const A *from = row_at<A>(x, r), *gate = from + n;
    for (int64_t i = threadIdx.x; i < n; i += blockDim.x) store(to + i, to_f32(from[i]) * fm_gelu(to_f32(gate[i])));
}

template <class A>
__global__ void affine_rows(const __grid_constant__ Tensor y, const __grid_constant__ Tensor x, float scale,
                            float offset) {
    int64_t r = blockIdx.x, n = y.n[y.nd - 1];
    A *to = row_at<A>(y, r);
    const A *from = row_at<A>(x, r);
    for (int64_t i = threadIdx.x; i < n; i += blockDim.x) store(to + i, fma1(scale, to_f32(from[i]), offset));
}

template <class A>
__global__ void accumulate_rows(const __grid_constant__ Tensor y, const __grid_constant__ Tensor x, float scale) {
    int64_t r = blockIdx.x, n = y.n[y.nd - 1];
    A *to = row_at<A>(y, r);
    const A *from = row_at<A>(x, r);
    for (int64_t i = threadIdx.x; i < n; i += blockDim.x) store(to + i, fma1(scale, to_f32(from[i]), to_f32(to[i])));
}

template <class A>
__global__ void prelu_rows(const __grid_constant__ Tensor y, const __grid_constant__ Tensor x, const float *slope) {
    int64_t r = blockIdx.x, n = y.n[y.nd - 1];
    A *to = row_at<A>(y, r);
    const A *from = row_at<A>(x, r);
    for (int64_t i = threadIdx.x; i < n; i += blockDim.x) {
        float v = to_f32(from[i]);
        store(to + i, v > 0.0f ? v : slope[i] * v);
    }
}

template <class A, class W> __global__ void embedding_rows(Tensor y, Tensor ids, const W *table, const W *positions) {
    int64_t p = blockIdx.x / y.n[1], t = blockIdx.x % y.n[1], n = y.n[2];
    int64_t id = ((const int32_t *)ids.data)[p * ids.s[0] + t];
    A *to = at2<A>(y, p, t);
    for (int64_t i = threadIdx.x; i < n; i += blockDim.x)
        store(to + i, to_f32(table[id * n + i]) + (positions ? to_f32(positions[t * n + i]) : 0.0f));
}

/* In double: torch's f32 product t f_i is off by up to 6e-5 at t = 999. */
template <class A> __global__ void timestep_row(Tensor y, Tensor t) {
    int64_t p = blockIdx.x, half = y.n[1] / 2;
    for (int64_t i = threadIdx.x; i < half; i += blockDim.x) {
        double f = fm_exp64(-9.2103403719761836 /* ln 10000 */ * (double)i / (double)half), s, co;
        fm_sincos64((double)((const float *)t.data)[p] * f, &s, &co);
        store(at2<A>(y, p, 0) + i, (float)co);
        store(at2<A>(y, p, 0) + half + i, (float)s);
    }
}

unsigned rows_of(Tensor t) { return (unsigned)(t.n[t.nd - 1] ? tensor_count(t) / t.n[t.nd - 1] : 0); }

} // namespace

void cuda_activation(Ctx *c, Tensor y, Tensor x, Act act) {
    by_type(y.dtype,
            [&](auto a) { launch(c, "activation", activation_rows<decltype(a)>, rows_of(y), THREADS, 0, y, x, act); });
}

void cuda_geglu(Ctx *c, Tensor y, Tensor x) {
    by_type(y.dtype, [&](auto a) { launch(c, "geglu", geglu_rows<decltype(a)>, rows_of(y), THREADS, 0, y, x); });
}

void cuda_affine(Ctx *c, Tensor y, Tensor x, float scale, float offset) {
    by_type(y.dtype, [&](auto a) {
        launch(c, "affine", affine_rows<decltype(a)>, rows_of(y), THREADS, 0, y, x, scale, offset);
    });
}

void cuda_accumulate(Ctx *c, Tensor y, Tensor x, float scale) {
    by_type(y.dtype, [&](auto a) {
        launch(c, "accumulate", accumulate_rows<decltype(a)>, rows_of(y), THREADS, 0, y, x, scale);
    });
}

void cuda_prelu(Ctx *c, Tensor y, Tensor x, const Weight *slope) {
    by_type(y.dtype, [&](auto a) {
        launch(c, "prelu", prelu_rows<decltype(a)>, rows_of(y), THREADS, 0, y, x, (const float *)numbers_of(slope));
    });
}

void cuda_embedding(Ctx *c, Tensor y, Tensor ids, const Weight *table, const Weight *positions) {
    by_types(y.dtype, table->t.dtype, [&](auto a, auto w) {
        typedef decltype(w) W;
        launch(c, "embedding", embedding_rows<decltype(a), W>, (unsigned)(y.n[0] * y.n[1]), THREADS, 0, y, ids,
               (const W *)numbers_of(table), positions ? (const W *)numbers_of(positions) : (const W *)NULL);
    });
}

void cuda_timestep_embedding(Ctx *c, Tensor y, Tensor t) {
    by_type(y.dtype, [&](auto a) {
        launch(c, "timestep_embedding", timestep_row<decltype(a)>, (unsigned)y.n[0], THREADS, 0, y, t);
    });
}

/* Whether t's 16-bit numbers come in aligned pairs. */
static bool in_pairs(const Tensor &t) {
    if (!t.data) return true;
    bool ok = t.n[t.nd - 1] % 2 == 0 && (uintptr_t)t.data % 4 == 0;
    for (int i = 0; i + 1 < t.nd; i++) ok = ok && t.s[i] % 2 == 0;
    return ok;
}

Finish finish_for(Tensor y, const Weight *b, Epilogue e) {
    Finish f = {};
    f.bias = b ? (const float *)numbers_of(b) : NULL;
    f.y = y.nd == 4 ? tensor_tokens(y) : y;
    f.act = e.act;
    f.relu = e.relu;
    if (e.vector) f.vector = *e.vector;
    if (e.residual) f.residual = e.residual->nd == 4 ? tensor_tokens(*e.residual) : *e.residual;
    f.pairs = in_pairs(f.y) && in_pairs(f.vector) && in_pairs(f.residual);
    return f;
}
