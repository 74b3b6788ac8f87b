/* attention_hopper.cu: attention of 16-bit numbers on GPUs of compute capability 9.0.
 *
 * A block takes 64 queries of one head for each of its GROUPS of four warps, and goes through the keys, KEYS at a time.
 * One warp requests boxes from the copy engine: first q's, then alternately keys and values, each STAGES ahead. A
 * group's scores are products from shared memory. Its probabilities, rounded in the registers in which they were
 * computed, are the left-hand side of the product with v, which the instruction transposes. While a group computes
 * probabilities, the tensor cores multiply those of the step before (Shah et al. 2024, "FlashAttention-3").
 *
 * The engine pads heads, and the last keys and queries, to whole boxes with zeros; scores of keys past the last are
 * masked. How the keys are cut follows from d alone. o may be q: a block has read its queries before it writes. Causal
 * attention and the VAE's wide head stay with attention_tensor.cu. */
#include "boxes.cuh"
#include "pixels.cuh"
#include "ptx.cuh"

namespace {

enum {
    WARP = 32,
    GROUPS = 2,
    GROUP = 4 * WARP,
    EACH = 64 /* queries of a group */,
    QUERIES = GROUPS * EACH,
    STAGES = 2
};
enum {
    Q_THERE,
    K_THERE,
    K_FREE = K_THERE + STAGES,
    V_THERE = K_FREE + STAGES,
    V_FREE = V_THERE + STAGES,
    BARRIERS = V_FREE + STAGES
};

struct Maps {
    CUtensorMap q, k, v;
};

struct Attention {
    Tensor o;
    int keys;
    bool one_k, one_v; /* all pictures share one */
};

/* Requests LINES rows of a head from `row` on, D wide, box by box. */
template <int D, int LINES>
__device__ void bring(unsigned char *to, const CUtensorMap *map, int row, int picture, uint64_t *there) {
    enum { BOXES = (D + BOX - 1) / BOX };
    barrier_expect(there, BOXES * LINES * BOX_ROW);
    for (int i = 0; i < BOXES; i++) {
        int at[4] = {i * BOX, (int)blockIdx.y, row, picture};
        load_box(to + i * LINES * BOX_ROW, map, at, there);
    }
}

/* Turns scores of two queries into 2^(scale s - m), with m the largest so far; sums are over this lane's keys. `there`:
 * how many of the keys exist; shrink: what everything from before has to be multiplied by. */
template <int N>
__device__ void weigh(float (&s)[N][4], int there, float scale, float (&max)[2], float (&sum)[2], float (&shrink)[2]) {
    if (there < 8 * N) {
        int column = threadIdx.x % 4 * 2;
        UNROLL
        for (int j = 0; j < N; j++) UNROLL
        for (int i = 0; i < 4; i++)
            if (8 * j + column + i % 2 >= there) s[j][i] = -3.0e38f;
    }
    UNROLL
    for (int half = 0; half < 2; half++) {
        float most = max[half], part = 0;
        UNROLL
        for (int j = 0; j < N; j++) UNROLL
        for (int i = 0; i < 2; i++) most = fmaxf(most, s[j][2 * half + i]);
        UNROLL
        for (int other = 1; other < 4; other *= 2) most = fmaxf(most, __shfl_xor_sync(~0u, most, other));
        shrink[half] = exp2_fast((max[half] - most) * scale);
        max[half] = most;
        UNROLL
        for (int j = 0; j < N; j++) UNROLL
        for (int i = 0; i < 2; i++) {
            float *p = &s[j][2 * half + i];
            *p = exp2_fast(*p * scale - most * scale);
            part += *p;
        }
        sum[half] = sum[half] * shrink[half] + part;
    }
}

template <class A, int D, int KEYS>
__global__ void __launch_bounds__(GROUPS *GROUP + WARP) attend_hopper(const __grid_constant__ Maps maps, Attention a) {
#if !defined __CUDA_ARCH__ || defined __CUDA_ARCH_FEAT_SM90_ALL
    enum { BOXES = (D + BOX - 1) / BOX, TILE = BOXES * KEYS * BOX_ROW };
    uint64_t *barriers = (uint64_t *)shared_memory();
    unsigned char *qs = (unsigned char *)(barriers + BARRIERS);
    qs += (BOX_ALIGN - shared_address(qs) % BOX_ALIGN) % BOX_ALIGN;
    unsigned char *ks = qs + BOXES * QUERIES * BOX_ROW, *vs = ks + STAGES * TILE;
    int picture = (int)blockIdx.z, first = (int)blockIdx.x * QUERIES, steps = (a.keys + KEYS - 1) / KEYS;
    int warp = threadIdx.x / WARP, lane = threadIdx.x % WARP;
    if (threadIdx.x == 0) {
        barrier_init(barriers + Q_THERE, 1);
        for (int i = 0; i < STAGES; i++) {
            barrier_init(barriers + K_THERE + i, 1);
            barrier_init(barriers + V_THERE + i, 1);
            barrier_init(barriers + K_FREE + i, GROUPS * 4);
            barrier_init(barriers + V_FREE + i, GROUPS * 4);
        }
        show_to_copies();
    }
    __syncthreads();

    if (warp == GROUPS * 4) { /* the warp that requests boxes */
        if (lane) return;
        bring<D, QUERIES>(qs, &maps.q, first, picture, barriers + Q_THERE);
        for (int i = 0; i <= steps; i++) { /* keys of step i, values of the step before */
            int k = i % STAGES, v = (i - 1) % STAGES;
            if (i < steps) {
                barrier_wait(barriers + K_FREE + k, (i / STAGES + 1) % 2);
                bring<D, KEYS>(ks + k * TILE, &maps.k, i * KEYS, a.one_k ? 0 : picture, barriers + K_THERE + k);
            }
            if (i) {
                barrier_wait(barriers + V_FREE + v, ((i - 1) / STAGES + 1) % 2);
                bring<D, KEYS>(vs + v * TILE, &maps.v, (i - 1) * KEYS, a.one_v ? 0 : picture, barriers + V_THERE + v);
            }
        }
        return;
    }

    float s[KEYS / 8][4], out[D / 8][4] = {}, max[2] = {-3.0e38f, -3.0e38f}, sum[2] = {}, shrink[2];
    float scale = 1.44269504f / sqrtf((float)D);
    uint32_t p[KEYS / 16][4] = {};
    uint64_t q = tile_at(qs + warp / 4 * EACH * BOX_ROW);
    auto begin_scores = [&](int i) {
        barrier_wait(barriers + K_THERE + i % STAGES, i / STAGES % 2);
        uint64_t k = tile_at(ks + i % STAGES * TILE);
        products_begin();
        UNROLL
        for (int e = 0; e < (D + 15) / 16; e++) /* a box holds four times 16 numbers */
            multiply_wide<A, KEYS>(s, q + e / 4 * (QUERIES * BOX_ROW / 16) + e % 4 * 2,
                                   k + e / 4 * (KEYS * BOX_ROW / 16) + e % 4 * 2, e > 0);
        products_commit();
    };
    auto begin_values = [&](int i) {
        barrier_wait(barriers + V_THERE + i % STAGES, i / STAGES % 2);
        uint64_t v = transposed_tile_at(vs + i % STAGES * TILE, KEYS * BOX_ROW);
        products_begin();
        UNROLL
        for (int e = 0; e < KEYS / 16; e++) multiply_wide_transposed<A, D>(out, p[e], v + e * 128);
        products_commit();
    };
    /* Waits for the products with v, and prepares the latest probabilities for the next. */
    auto end_values = [&] {
        products_wait<0>();
        products_done(out);
        products_done(p);
        UNROLL
        for (int j = 0; j < D / 8; j++) UNROLL
        for (int e = 0; e < 4; e++) out[j][e] *= shrink[e / 2];
        UNROLL
        for (int e = 0; e < KEYS / 16; e++) UNROLL
        for (int i = 0; i < 4; i++) p[e][i] = pair<A>(s[2 * e + i / 2][i % 2 * 2], s[2 * e + i / 2][i % 2 * 2 + 1]);
    };

    barrier_wait(barriers + Q_THERE, 0);
    begin_scores(0);
    products_wait<0>();
    products_done(s);
    if (lane == 0) barrier_arrive(barriers + K_FREE);
    weigh(s, a.keys, scale, max, sum, shrink);
    for (int i = 1; i < steps;
         i++) { /* begins each iteration: otherwise ptxas ends the products before the probabilities begin */
        end_values();
        if (lane == 0 && i > 1) barrier_arrive(barriers + V_FREE + (i - 2) % STAGES);
        begin_scores(i);
        begin_values(i - 1);
        products_wait<1>();
        products_done(s);
        if (lane == 0) barrier_arrive(barriers + K_FREE + i % STAGES);
        weigh(s, a.keys - i * KEYS, scale, max, sum, shrink);
    }
    end_values();
    begin_values(steps - 1);
    products_wait<0>();
    products_done(out);
    products_done(p);

    UNROLL
    for (int half = 0; half < 2; half++) {
        float all = sum[half];
        UNROLL
        for (int other = 1; other < 4; other *= 2) all += __shfl_xor_sync(~0u, all, other);
        int64_t t = first + warp * 16 + half * 8 + lane / 4;
        if (t >= a.o.n[1]) continue;
        A *o = at2<A>(a.o, picture, t) + (int64_t)blockIdx.y * D + lane % 4 * 2;
        UNROLL
        for (int j = 0; j < D / 8; j++)
            *(uint32_t *)(o + j * 8) = pair<A>(out[j][2 * half] / all, out[j][2 * half + 1] / all);
    }
#endif
}

bool encode_heads(Ctx *c, CUtensorMap *map, const Tensor &t, int64_t d, int64_t rows, bool one) {
    Boxes boxes = {
        {d, t.n[2] / d, t.n[1], one ? 1 : t.n[0]}, {d, t.s[1], one ? t.s[1] : t.s[0]}, {BOX, 1, rows, 1}, {1, 1, 1, 1}};
    return encode_boxes(c, map, t.dtype, t.data, 4, boxes);
}

template <class A, int D, int KEYS>
bool attend(Ctx *c, const Tensor &o, const Tensor &q, const Tensor &k, const Tensor &v) {
    enum { BOXES = (D + BOX - 1) / BOX };
    size_t shared = BARRIERS * sizeof(uint64_t) + BOX_ALIGN + (size_t)BOXES * (QUERIES + 2 * STAGES * KEYS) * BOX_ROW;
    Maps maps = {};
    Attention a = {o, (int)k.n[1], k.s[0] == 0, v.s[0] == 0};
    dim3 grid(blocks_for(q.n[1], QUERIES), (unsigned)(q.n[2] / D), (unsigned)q.n[0]);
    if (encode_heads(c, &maps.q, q, D, QUERIES, false) && encode_heads(c, &maps.k, k, D, KEYS, a.one_k) &&
        encode_heads(c, &maps.v, v, D, KEYS, a.one_v))
        launch(c, "attention", attend_hopper<A, D, KEYS>, grid, GROUPS * GROUP + WARP, shared, maps, a);
    return true;
}

template <class A> bool choose(Ctx *c, const Tensor &o, const Tensor &q, const Tensor &k, const Tensor &v, int heads) {
    switch (q.n[2] / heads) {
    case 40: return attend<A, 40, 128>(c, o, q, k, v);
    case 64: return attend<A, 64, 128>(c, o, q, k, v);
    case 80: return attend<A, 80, 128>(c, o, q, k, v);
    case 128: return attend<A, 128, 80>(c, o, q, k, v);
    case 160: return attend<A, 160, 80>(c, o, q, k, v);
    default: return false;
    }
}

} // namespace

bool cuda_attention_hopper(Ctx *c, Tensor o, Tensor q, Tensor k, Tensor v, int heads, bool causal) {
    if (!gpu_of(c)->encode_map || causal || !in_chunks(o) || !in_chunks(q) || !in_chunks(k) || !in_chunks(v))
        return false;
    if (o.dtype == F16) return choose<Half>(c, o, q, k, v, heads);
    return o.dtype == BF16 && choose<Brain>(c, o, q, k, v, heads);
}
