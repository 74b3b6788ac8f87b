/* attention_tensor.cu: attention of 16-bit numbers on tensor cores, for the head dimensions of Stable Diffusion.
 *
 * A block of threads takes QUERIES queries of one head, each warp sixteen of them, and goes through the keys, KEYS at a
 * time: scores = q k^T in registers, each query's running maximum and sum (attention.cu), probabilities rounded and
 * used in their registers as the left-hand side of the product with v (Dao 2023, "FlashAttention-2"). Keys are copied
 * to shared memory during the product with values, and values during that with keys. d is padded with zeros to a
 * multiple of 16, which only q k^T sees. A head of 512 (the VAE's) is too wide for the registers of a warp: its output
 * is made SLICE by SLICE, and the scores are computed again for each. o may be q. */
#include "pixels.cuh"
#include "ptx.cuh"

namespace {

enum { WARP = 32 };

typedef struct {
    Tensor o, q, k, v;
    int64_t heads;
    bool causal;
} Attention;

/* Numbers per line in shared memory: an odd multiple of 16 bytes, so that eight lines use different banks. */
__host__ __device__ constexpr int line_for(int width) { return (width / 8 | 1) * 8; }

/* to[LINES][line_for(WIDTH)]: LINES rows of one head from row `at` on, columns [first, first + D), zeros up to WIDTH
 * and past the last row */
template <class A, int LINES, int D, int WIDTH, int THREADS>
__device__ void bring(A *to, const Tensor &from, int64_t picture, int64_t at, int64_t first) {
    enum { CHUNKS = WIDTH / 8 };
    for (int i = threadIdx.x; i < LINES * CHUNKS; i += THREADS) {
        int j = i / CHUNKS, c = i % CHUNKS * 8;
        bool there = at + j < from.n[1] && c < D;
        const A *p = at2<A>(from, picture, there ? at + j : 0) + (there ? first + c : 0);
        copy_async(to + j * line_for(WIDTH) + c, p, there ? 16 : 0);
    }
}

template <class A, int D, int SLICE, int WARPS, int KEYS>
__global__ void __launch_bounds__(WARPS *WARP) attend_tensor(Attention a) {
    enum {
        THREADS = WARPS * WARP,
        QUERIES = WARPS * 16,
        WIDE = (D + 15) / 16 * 16,
        LINE = line_for(WIDE),
        V_LINE = line_for(SLICE)
    };
    A *qs = (A *)shared_memory(), *ks = qs + QUERIES * LINE, *vs = ks + KEYS * LINE;
    int64_t head = blockIdx.y * D, picture = blockIdx.z, first = (int64_t)blockIdx.x * QUERIES;
    int64_t queries = a.q.n[1], keys = a.k.n[1], last = a.causal ? min64(keys, first + QUERIES) : keys;
    int warp = threadIdx.x / WARP, lane = threadIdx.x % WARP;
    int64_t query = first + warp * 16 + lane / 4; /* and the one eight further */
    float scale = 1.44269504f / sqrtf((float)D);

    bring<A, QUERIES, D, WIDE, THREADS>(qs, a.q, picture, first, head);
    for (int slice = 0; slice < D; slice += SLICE) {
        bring<A, KEYS, D, WIDE, THREADS>(ks, a.k, picture, 0, head);
        copies_commit();
        bring<A, KEYS, SLICE, SLICE, THREADS>(vs, a.v, picture, 0, head + slice);
        copies_commit();

        float out[SLICE / 8][4] = {}, max[2] = {-3.0e38f, -3.0e38f}, sum[2] = {};
        for (int64_t at = 0; at < last; at += KEYS) {
            float s[KEYS / 8][4] = {};
            copies_wait<1>();
            __syncthreads(); /* q and these keys have arrived */
            for (int e = 0; e < WIDE; e += 16) {
                uint32_t x[4], b[2];
                load_tiles<4>(x, qs + (warp * 16 + lane % 16) * LINE + e + lane / 16 * 8);
                UNROLL
                for (int j = 0; j < KEYS / 8; j++) {
                    load_tiles<2>(b, ks + (j * 8 + lane % 8) * LINE + e + lane / 8 % 2 * 8);
                    multiply<A>(s[j], x, b);
                }
            }
            __syncthreads(); /* nobody reads these keys any longer */
            if (at + KEYS < last) bring<A, KEYS, D, WIDE, THREADS>(ks, a.k, picture, at + KEYS, head);
            copies_commit();

            UNROLL
            for (int half = 0; half < 2; half++) {
                float most = max[half], part = 0;
                UNROLL
                for (int j = 0; j < KEYS / 8; j++) UNROLL
                for (int i = 0; i < 2; i++) {
                    int64_t key = at + j * 8 + lane % 4 * 2 + i;
                    float *p = &s[j][2 * half + i];
                    *p *= scale;
                    if (key >= keys || (a.causal && key > query + 8 * half)) *p = -3.0e38f;
                    most = *p > most ? *p : most;
                }
                UNROLL
                for (int other = 1; other < 4; other *= 2) {
                    float theirs = __shfl_xor_sync(~0u, most, other);
                    most = theirs > most ? theirs : most;
                }
                float shrink = exp2_fast(max[half] - most);
                max[half] = most;
                UNROLL
                for (int j = 0; j < KEYS / 8; j++) UNROLL
                for (int i = 0; i < 2; i++) {
                    float *p = &s[j][2 * half + i];
                    *p = *p <= -3.0e38f ? 0.0f : exp2_fast(*p - most);
                    part += *p;
                }
                sum[half] = sum[half] * shrink + part; /* of this lane's keys */
                UNROLL
                for (int j = 0; j < SLICE / 8; j++) out[j][2 * half] *= shrink, out[j][2 * half + 1] *= shrink;
            }

            copies_wait<1>();
            __syncthreads(); /* these values have arrived */
            UNROLL
            for (int e = 0; e < KEYS / 16; e++) {
                const float *low = s[2 * e], *high = s[2 * e + 1];
                uint32_t p[4] = {pair<A>(low[0], low[1]), pair<A>(low[2], low[3]), pair<A>(high[0], high[1]),
                                 pair<A>(high[2], high[3])},
                         b[2];
                UNROLL
                for (int j = 0; j < SLICE / 8; j++) {
                    load_tiles_transposed(b, vs + (e * 16 + lane % 16) * V_LINE + j * 8);
                    multiply<A>(out[j], p, b);
                }
            }
            __syncthreads(); /* nobody reads these values any longer */
            if (at + KEYS < last) bring<A, KEYS, SLICE, SLICE, THREADS>(vs, a.v, picture, at + KEYS, head + slice);
            copies_commit();
        }
        copies_wait<0>();

        UNROLL
        for (int half = 0; half < 2; half++) {
            float all = sum[half];
            UNROLL
            for (int other = 1; other < 4; other *= 2) all += __shfl_xor_sync(~0u, all, other);
            int64_t t = query + 8 * half;
            if (t >= queries) continue;
            A *o = at2<A>(a.o, picture, t) + head + slice + lane % 4 * 2;
            UNROLL
            for (int j = 0; j < SLICE / 8; j++)
                *(uint32_t *)(o + j * 8) = pair<A>(out[j][2 * half] / all, out[j][2 * half + 1] / all);
        }
    }
}

template <class A, int D, int SLICE, int WARPS, int KEYS> bool attend(Ctx *c, const Attention &a) {
    enum { WIDE = (D + 15) / 16 * 16 };
    size_t shared = (size_t)((WARPS * 16 + KEYS) * line_for(WIDE) + KEYS * line_for(SLICE)) * sizeof(A);
    if (shared > gpu_of(c)->shared) return false;
    dim3 grid(blocks_for(a.q.n[1], WARPS * 16), (unsigned)a.heads, (unsigned)a.q.n[0]);
    launch(c, "attention", attend_tensor<A, D, SLICE, WARPS, KEYS>, grid, WARPS * WARP, shared, a);
    return true;
}

template <class A> bool choose(Ctx *c, const Attention &a) {
    if (!tensor_cores<A>(gpu_of(c)) || !in_chunks(a.o) || !in_chunks(a.q) || !in_chunks(a.k) || !in_chunks(a.v))
        return false;
    switch (a.q.n[2] / a.heads) {
    case 40: return attend<A, 40, 40, 4, 64>(c, a);
    case 64: return attend<A, 64, 64, 4, 64>(c, a);
    case 80: return attend<A, 80, 80, 4, 64>(c, a);
    case 160: return attend<A, 160, 160, 4, 64>(c, a);
    case 512: return attend<A, 512, 128, 2, 32>(c, a);
    default: return false;
    }
}

} // namespace

bool cuda_attention_tensor(Ctx *c, Tensor o, Tensor q, Tensor k, Tensor v, int heads, bool causal) {
    Attention a = {o, q, k, v, heads, causal};
    if (o.dtype == F16) return choose<Half>(c, a);
    return o.dtype == BF16 && choose<Brain>(c, a);
}
