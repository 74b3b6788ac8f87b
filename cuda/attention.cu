/* attention.cu: o = softmax(q k^T / sqrt(d)) v, streaming over keys: the plain kernel, for any type and d up to 512. In
 * f32 it has the bits of its twin on the CPU, tensor/cpu/attention.c, which names the sources.
 *
 * A block of threads takes QUERIES queries of one head through the keys, KEYS at a time: scores, each query's new
 * maximum m', probabilities 2^(s - m'); sums and outputs are multiplied by 2^(m - m') before they grow. A warp has EACH
 * queries: a lane has the scores of every 32nd key, then every 32nd number of the outputs. log2(e) / sqrt(d) is folded
 * into q. Every sum is in the CPU's order: a score over d, an output over a block's keys, probabilities in pairs.
 * Faster kernels are in attention_tensor.cu and attention_hopper.cu. */
#include "pixels.cuh"

namespace {

enum {
    WARP = 32,
    EACH = 4, /* queries of a warp, and keys of a lane */
    QUERIES = 32,
    THREADS = QUERIES / EACH * WARP,
    KEYS = ATTENTION_KEYS,
    STEP = 16, /* of d, for scores */
};

typedef struct {
    Tensor o, q, k, v;
    int64_t heads, d, piece; /* piece: of d */
    float scale;
    bool causal;
} Attention;

/* Queries and keys for a step of scores; later values, BRING keys at a time. */
template <int COLUMNS, int BRING> union Operands {
    struct {
        __align__(16) float q[STEP][QUERIES + 4];
        float k[STEP][KEYS + 1];
    } step;
    float v[BRING][COLUMNS * WARP];
};

/* score[i][j] of the warp's query i and key j * WARP + lane of those from `at` on. */
template <class A, class Shared>
__device__ void scores(const Attention &a, Shared &shared, int64_t picture, int64_t head, int64_t first, int64_t at,
                       float (&score)[EACH][EACH]) {
    int warp = threadIdx.x / WARP, lane = threadIdx.x % WARP;
    int64_t queries = a.q.n[1], keys = a.k.n[1];
    for (int64_t from = 0; from < a.d; from += a.piece) {
        float sum[EACH][EACH] = {};
        int64_t to = min64(from + a.piece, a.d);
        for (int64_t c0 = from; c0 < to; c0 += STEP) {
            int n = (int)min64(STEP, to - c0), c = threadIdx.x % STEP;
            __syncthreads();
            for (int i = threadIdx.x / STEP; c < n && i < QUERIES; i += THREADS / STEP)
                shared.step.q[c][i] =
                    first + i < queries ? to_f32(at2<A>(a.q, picture, first + i)[head * a.d + c0 + c]) * a.scale : 0.0f;
            for (int j = threadIdx.x / STEP; c < n && j < KEYS; j += THREADS / STEP)
                shared.step.k[c][j] = at + j < keys ? to_f32(at2<A>(a.k, picture, at + j)[head * a.d + c0 + c]) : 0.0f;
            __syncthreads();
            for (int e = 0; e < n; e++) {
                UNROLL
                for (int i = 0; i < EACH; i++) {
                    UNROLL
                    for (int j = 0; j < EACH; j++)
                        sum[i][j] =
                            fma1(shared.step.q[e][warp * EACH + i], shared.step.k[e][j * WARP + lane], sum[i][j]);
                }
            }
        }
        UNROLL
        for (int i = 0; i < EACH; i++) {
            UNROLL
            for (int j = 0; j < EACH; j++) score[i][j] = from ? score[i][j] + sum[i][j] : sum[i][j];
        }
    }
}

/* COLUMNS: how many numbers of an output each lane holds; BRING: keys whose values are brought at once. */
template <class A, int COLUMNS, int BRING> __global__ void __launch_bounds__(THREADS) attend(Attention a) {
    __shared__ Operands<COLUMNS, BRING> shared;
    __align__(16) __shared__ float probabilities[QUERIES / EACH][KEYS][EACH];
    int warp = threadIdx.x / WARP, lane = threadIdx.x % WARP;
    int64_t d = a.d, head = blockIdx.y, picture = blockIdx.z, first = (int64_t)blockIdx.x * QUERIES;
    int64_t keys = a.causal ? min64(a.k.n[1], min64(first + QUERIES, a.q.n[1])) : a.k.n[1];
    float out[EACH][COLUMNS] = {}, max[EACH], total = 0; /* total: of query `lane` of the warp */
    float(*p)[EACH] = probabilities[warp];
    UNROLL
    for (int i = 0; i < EACH; i++) max[i] = -3.0e38f;
    for (int64_t at = 0; at < keys; at += KEYS) {
        int n = (int)min64(KEYS, keys - at);
        float s[EACH][EACH], shrink[EACH];
        scores<A>(a, shared, picture, head, first, at, s);
        UNROLL
        for (int i = 0; i < EACH; i++) {
            float most = max[i];
            UNROLL
            for (int j = 0; j < EACH; j++) {
                int key = j * WARP + lane; /* hidden from queries before it */
                if (a.causal && at + key > first + warp * EACH + i) s[i][j] = -3.0e38f;
                if (key < n) most = s[i][j] > most ? s[i][j] : most;
            }
            for (int half = WARP / 2; half; half /= 2) {
                float other = __shfl_xor_sync(~0u, most, half);
                most = other > most ? other : most;
            }
            shrink[i] = fm_exp2(max[i] - most);
            max[i] = most;
            UNROLL
            for (int j = 0; j < EACH; j++) p[j * WARP + lane][i] = j * WARP + lane < n ? fm_exp2(s[i][j] - most) : 0.0f;
        }
        __syncwarp();
        if (lane < EACH) {
            float shrunk = shrink[0];
            UNROLL
            for (int i = 1; i < EACH; i++) shrunk = lane == i ? shrink[i] : shrunk;
            total *= shrunk;
            for (int j = 0; j < n; j += 2) total += p[j][lane] + p[j + 1][lane];
        }
        float sum[EACH][COLUMNS] = {};
        for (int from = 0; from < n; from += BRING) {
            int some = (int)min64(BRING, n - from);
            __syncthreads();
            for (int j = warp; j < some; j += QUERIES / EACH)
                for (int64_t c = lane; c < d; c += WARP)
                    shared.v[j][c] = to_f32(at2<A>(a.v, picture, at + from + j)[head * d + c]);
            __syncthreads();
            for (int j = 0; j < some; j++) {
                UNROLL
                for (int k = 0; k < COLUMNS; k++) {
                    float v = shared.v[j][k * WARP + lane]; /* past d: unused */
                    UNROLL
                    for (int i = 0; i < EACH; i++) sum[i][k] = fma1(v, p[from + j][i], sum[i][k]);
                }
            }
        }
        UNROLL
        for (int i = 0; i < EACH; i++) {
            UNROLL
            for (int k = 0; k < COLUMNS; k++) {
                float shrunk = out[i][k] * shrink[i];
                out[i][k] = shrunk + sum[i][k];
            }
        }
    }
    UNROLL
    for (int i = 0; i < EACH; i++) {
        float inverse = 1.0f / __shfl_sync(~0u, total, i);
        int64_t query = first + warp * EACH + i;
        UNROLL
        for (int k = 0; k < COLUMNS; k++) {
            int64_t c = k * WARP + lane;
            if (query < a.q.n[1] && c < d) store(at2<A>(a.o, picture, query) + head * d + c, out[i][k] * inverse);
        }
    }
}

} // namespace

void cuda_attention(Ctx *c, Tensor o, Tensor q, Tensor k, Tensor v, int heads, bool causal) {
    int64_t d = q.n[2] / heads;
    if (d > 512) {
        error_set(&c->err, ERR_ARGUMENT, "cuda: attention heads of %lld numbers are too wide: at most 512",
                  (long long)d);
        return;
    }
    if (c->precision != PRECISION_F32_DIRECT &&
        (cuda_attention_hopper(c, o, q, k, v, heads, causal) || cuda_attention_tensor(c, o, q, k, v, heads, causal)))
        return;
    Attention a = {o, q, k, v, heads, d, part_size(d, PRODUCT_K, 1), 1.44269504f / sqrtf((float)d), causal};
    dim3 grid(blocks_for(q.n[1], QUERIES), (unsigned)heads, (unsigned)q.n[0]);
    by_type(o.dtype, [&](auto t) {
        typedef decltype(t) A;
        auto kernel = d <= 64 ? attend<A, 2, 32> : d <= 160 ? attend<A, 5, 32> : attend<A, 16, 8>;
        launch(c, "attention", kernel, grid, THREADS, 0, a);
    });
}
