/* attention.cu: o = softmax(q k^T / sqrt(d)) v, streaming over keys: the plain kernel, for any type and d up to 512.
 *
 * A block of threads holds QUERIES queries of one head in shared memory and goes through the keys, KEYS at a time:
 * scores, each query's new maximum m', probabilities 2^(s - m'); sums and outputs are multiplied by 2^(m - m') before
 * they grow. Sixteen threads share a query: each holds every sixteenth number of its output. log2(e) / sqrt(d) is
 * folded into q. The CPU's twin, with sources, is tensor/cpu/attention.c; faster kernels are in attention_tensor.cu
 * and attention_hopper.cu. */
#include "pixels.cuh"

namespace {

enum { QUERIES = 16, SHARE = 16, THREADS = QUERIES * SHARE };

typedef struct {
    Tensor o, q, k, v;
    int64_t heads, d;
    bool causal;
} Attention;

__device__ float exp2_negative(float x) { return fm_exp(x * 0.693147181f); }

/* to[KEYS][d + 1]: KEYS rows of one head, zeros past the last */
template <class A, int KEYS>
__device__ void bring(float *to, const Tensor &from, int64_t picture, int64_t at, int64_t head, int64_t d) {
    for (int64_t i = threadIdx.x; i < KEYS * d; i += THREADS) {
        int64_t j = i / d, c = i % d;
        to[j * (d + 1) + c] = at + j < from.n[1] ? to_f32(at2<A>(from, picture, at + j)[head * d + c]) : 0.0f;
    }
}

/* OUT: how many numbers of an output each thread holds */
template <class A, int OUT, int KEYS> __global__ void __launch_bounds__(THREADS) attend(Attention a) {
    int64_t d = a.d, head = blockIdx.y, picture = blockIdx.z, first = (int64_t)blockIdx.x * QUERIES;
    int64_t queries = a.q.n[1], keys = a.k.n[1];
    float *qs = (float *)shared_memory(); /* [QUERIES][d] */
    float *ks = qs + QUERIES * d;         /* [KEYS][d + 1]: keys, then their values */
    float(*scores)[KEYS + 1] = (float(*)[KEYS + 1])(ks + KEYS * (d + 1));
    int mine = threadIdx.x / SHARE, share = threadIdx.x % SHARE;
    float scale = 1.44269504f / sqrtf((float)d);
    for (int64_t i = threadIdx.x; i < QUERIES * d; i += THREADS) {
        int64_t t = first + i / d;
        qs[i] = t < queries ? to_f32(at2<A>(a.q, picture, t)[head * d + i % d]) * scale : 0.0f;
    }
    float out[OUT] = {}, max = -3.0e38f, sum = 0;
    int64_t query = first + mine, last = a.causal ? min64(keys, first + QUERIES) : keys;
    for (int64_t at = 0; at < last; at += KEYS) {
        __syncthreads();
        bring<A, KEYS>(ks, a.k, picture, at, head, d);
        __syncthreads();
        float most = max;
        for (int j = share; j < KEYS; j += SHARE) {
            float s = 0;
            for (int64_t c = 0; c < d; c++) s += qs[mine * d + c] * ks[j * (d + 1) + c];
            if (at + j >= keys || (a.causal && at + j > query)) s = -3.0e38f;
            scores[mine][j] = s;
            most = s > most ? s : most;
        }
        for (int half = 1; half < SHARE; half *= 2) {
            float other = __shfl_xor_sync(~0u, most, half);
            most = other > most ? other : most;
        }
        float shrink = exp2_negative(max - most), part = 0;
        max = most;
        for (int j = share; j < KEYS; j += SHARE) {
            float p = scores[mine][j] <= -3.0e38f ? 0.0f : exp2_negative(scores[mine][j] - max);
            scores[mine][j] = p;
            part += p;
        }
        for (int half = 1; half < SHARE; half *= 2) part += __shfl_xor_sync(~0u, part, half);
        sum = sum * shrink + part;
        __syncthreads();
        bring<A, KEYS>(ks, a.v, picture, at, head, d);
        __syncthreads();
        UNROLL /* keeps each in a register */
            for (int i = 0; i < OUT; i++) {
            int64_t c = share + (int64_t)i * SHARE;
            if (c >= d) continue;
            float o = 0;
            UNROLL_SOME
            for (int j = 0; j < KEYS; j++) o += scores[mine][j] * ks[j * (d + 1) + c];
            out[i] = out[i] * shrink + o;
        }
    }
    if (query >= queries) return;
    float inverse = 1.0f / sum;
    UNROLL
    for (int i = 0; i < OUT; i++) {
        int64_t c = share + (int64_t)i * SHARE;
        if (c < d) store(at2<A>(a.o, picture, query) + head * d + c, out[i] * inverse);
    }
}

} // namespace

void cuda_attention(Ctx *c, Tensor o, Tensor q, Tensor k, Tensor v, int heads, bool causal) {
    Attention a = {o, q, k, v, heads, q.n[2] / heads, causal};
    dim3 grid(blocks_for(q.n[1], QUERIES), (unsigned)heads, (unsigned)q.n[0]);
    int64_t at_once = a.d <= 160 ? 32 : 8;
    size_t shared = (size_t)(QUERIES * a.d + at_once * (a.d + 1) + QUERIES * (at_once + 1)) * sizeof(float);
    if (a.d > 512) {
        error_set(&c->err, ERR_ARGUMENT, "cuda: attention heads of %lld numbers are too wide: at most 512",
                  (long long)a.d);
        return;
    }
    if (c->precision != PRECISION_F32_DIRECT &&
        (cuda_attention_hopper(c, o, q, k, v, heads, causal) || cuda_attention_tensor(c, o, q, k, v, heads, causal)))
        return;
    by_type(o.dtype, [&](auto t) {
        typedef decltype(t) A;
        auto kernel = a.d <= 64 ? attend<A, 4, 32> : a.d <= 160 ? attend<A, 10, 32> : attend<A, 32, 8>;
        launch(c, "attention", kernel, grid, THREADS, shared, a);
    });
}
