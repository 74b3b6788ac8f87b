/* product_hopper.cu: products of 16-bit numbers, including convolutions, on GPUs of compute capability 9.0.
 *
 * A block makes a tile of y: a box of M pixels of one picture (a linear layer's tokens are a picture one pixel high) by
 * N outputs, in steps of DEEP channels of one tap. One warp requests boxes of x and w from the copy engine, DEPTH steps
 * ahead, whenever a stage of shared memory is free. Where a box extends past a picture's edge, or past the last
 * channel, the engine writes zeros, which is just what padding needs. M / 64 groups of four warps multiply what has
 * arrived, straight from shared memory, with sums in registers. For GEGLU a tile is N / 2 outputs and their gates.
 *
 * K is split as in product_tensor.cuh, and products end as there. Tiles and splits depend only on the layer and one
 * picture's size. A convolution of stride 2 requests boxes of every other pixel. One of a picture read at twice its
 * size is four convolutions, one for each phase of y: for tap d, pixel 2 i + a of y sees pixel i + (a + d - pad) / 2 of
 * x, rounded down, so that a phase's boxes are of adjacent pixels. Other strides and sizes stay with
 * product_tensor.cuh. */
#include "boxes.cuh"
#include "product_tensor.cuh"

#include <stdlib.h>
#include <string.h>

namespace {

enum { DEEP = BOX, ROW = BOX_ROW, DEPTH = 4, GROUP = 4 * WARP, WIDEST = 128 /* pixels per tile */ };

struct Maps {
    CUtensorMap x, x2, w;
};

/* Where tiles are, and how to step through K. */
struct Walk {
    int width, height, box_width, across, tiles; /* y's, in pixels; a tile's; tiles per row and per picture */
    int kernel_width, stride, pad_top, pad_left, channels;
    int doubled; /* 1: x is read at twice its size, and a tile is part of one phase: every other row and column of y */
    int first, steps, all, each; /* steps per tap: of x, with x2's; steps of K, and per block */
};

template <class A, int M, int N, bool GATED>
__global__ void __launch_bounds__(M / 64 * GROUP + WARP)
    product_hopper(const __grid_constant__ Maps maps, Walk k, float *partials, Finish f) {
    static_assert(M <= WIDEST, "a box of M pixels in a row");
#if !defined __CUDA_ARCH__ || defined __CUDA_ARCH_FEAT_SM90_ALL
    enum { GROUPS = M / 64, STAGE = (M + N) * ROW };
    uint64_t *full = (uint64_t *)shared_memory(), *empty = full + DEPTH;
    unsigned char *tiles = (unsigned char *)(empty + DEPTH);
    tiles += (BOX_ALIGN - shared_address(tiles) % BOX_ALIGN) % BOX_ALIGN;
    int picture = (int)blockIdx.x / k.tiles, tile = ((int)blockIdx.x % k.tiles) >> 2 * k.doubled;
    int right = k.doubled & (int)blockIdx.x, below = k.doubled & ((int)blockIdx.x >> 1); /* the phase */
    int left = tile % k.across * k.box_width, top = tile / k.across * (M / k.box_width);
    int column = (int)blockIdx.y * (GATED ? N / 2 : N);
    int begin = (int)blockIdx.z * k.each, count = (int)min64(k.each, k.all - begin);
    int warp = threadIdx.x / WARP, lane = threadIdx.x % WARP;
    if (threadIdx.x == 0) {
        for (int i = 0; i < DEPTH; i++) {
            barrier_init(full + i, 1);
            barrier_init(empty + i, GROUPS * 4);
        }
        show_to_copies();
    }
    __syncthreads();

    if (warp == GROUPS * 4) { /* the warp that requests boxes */
        for (int i = 0; lane == 0 && i < count; i++) {
            int tap = (begin + i) / k.steps, step = (begin + i) % k.steps, stage = i % DEPTH;
            bool second = step >= k.first;
            int channel = (second ? step - k.first : step) * DEEP;
            int dx = (right + tap % k.kernel_width - k.pad_left) >> k.doubled;
            int dy = (below + tap / k.kernel_width - k.pad_top) >> k.doubled;
            int x[4] = {channel, left * k.stride + dx, top * k.stride + dy, picture};
            int w[3] = {tap * k.channels + (second ? k.channels : 0) + channel, column, 0};
            unsigned char *to = tiles + stage * STAGE;
            barrier_wait(empty + stage, (i / DEPTH + 1) % 2);
            barrier_expect(full + stage, STAGE);
            load_box(to, second ? &maps.x2 : &maps.x, x, full + stage);
            load_box(to + M * ROW, &maps.w, w, full + stage);
        }
        return;
    }

    float sum[N / 8][4] = {};
    for (int i = 0; i < count; i++) {
        int stage = i % DEPTH;
        barrier_wait(full + stage, i / DEPTH % 2);
        uint64_t x = tile_at(tiles + stage * STAGE + warp / 4 * 64 * ROW), w = tile_at(tiles + stage * STAGE + M * ROW);
        products_begin();
        UNROLL
        for (int e = 0; e < DEEP / 16; e++) multiply_wide<A, N>(sum, x + 2 * e, w + 2 * e);
        products_commit();
        products_wait<1>(); /* the step before this one is done with its stage */
        if (i && lane == 0) barrier_arrive(empty + (i - 1) % DEPTH);
    }
    products_wait<0>();
    products_done(sum);

    UNROLL
    for (int half = 0; half < 2; half++) {
        int r = warp * 16 + half * 8 + lane / 4;
        int px = ((left + r % k.box_width) << k.doubled) + right;
        int py = ((top + r / k.box_width) << k.doubled) + below;
        if (px >= k.width || py >= k.height) continue;
        UNROLL
        for (int j = 0; j < (GATED ? N / 16 : N / 8); j++) {
            int64_t c = column + j * 8 + lane % 4 * 2;
            const float *value = sum[j] + 2 * half, *gate = sum[GATED ? j + N / 16 : j] + 2 * half;
            if (c < f.y.n[2])
                leave_two<A, GATED>(f, partials, blockIdx.z, picture, (int64_t)py * k.width + px, c, value, gate);
        }
    }
#endif
}

/* A product's left-hand side as pictures. */
struct Pictures {
    Tensor x, x2; /* [N,H,W,C] */
    Walk walk;
    int taps;

    int64_t width() const { return (walk.width + walk.doubled) >> walk.doubled; } /* of a phase of y */
    int64_t height() const { return (walk.height + walk.doubled) >> walk.doubled; }
};
Tensor *second_of(Pictures &p) { return p.x2.data ? &p.x2 : NULL; }

bool encode_pictures(Ctx *c, CUtensorMap *map, const Tensor &x, const Walk &k, int64_t height) {
    Boxes boxes = {{x.n[3], x.n[2], x.n[1], x.n[0]},
                   {x.s[2], x.s[1], x.s[0]},
                   {DEEP, k.box_width, height, 1},
                   {1, k.stride, k.stride, 1}};
    return encode_boxes(c, map, x.dtype, x.data, 4, boxes);
}

template <class A, int M, int N, bool GATED = false>
void run_hopper(Ctx *c, const char *name, Pictures p, const A *w, const Finish &f) {
    enum { LEAST = 4, OUTPUTS = GATED ? N / 2 : N };
    Walk *k = &p.walk;
    int64_t most = INT64_MAX, columns = f.y.n[2], depth = p.taps * (p.x.n[3] + (p.x2.data ? p.x2.n[3] : 0));
    for (int wide = M; wide >= (k->height > 1 ? 8 : M);
         wide /= 2) { /* finds the box of which the fewest cover a picture */
        int64_t across = blocks_for(p.width(), wide), all = across * blocks_for(p.height(), M / wide);
        if (all < most) most = all, k->box_width = wide, k->across = (int)across;
    }
    most <<= 2 * k->doubled;
    k->tiles = (int)most;
    k->channels = (int)p.x.n[3];
    k->first = (int)blocks_for(p.x.n[3], DEEP);
    k->steps = k->first + (p.x2.data ? (int)blocks_for(p.x2.n[3], DEEP) : 0);
    k->all = p.taps * k->steps;
    k->each = (int)steps_each(most * blocks_for(columns, OUTPUTS), k->all, LEAST);
    int64_t splits = (k->all + k->each - 1) / k->each;
    Boxes filters = {
        {depth, columns, GATED ? 2 : 1}, {depth, depth * columns}, {DEEP, OUTPUTS, GATED ? 2 : 1}, {1, 1, 1}};
    size_t shared = (size_t)DEPTH * (M + N) * ROW + BOX_ALIGN + 2 * DEPTH * sizeof(uint64_t);
    Maps maps = {};
    if (!encode_boxes(c, &maps.w, f.y.dtype, w, 3, filters)) return;
    in_splits<A>(c, name, p, f, splits, [&](const Pictures &some, const Finish &part, float *partials) {
        const Walk &s = some.walk;
        dim3 grid((unsigned)(part.y.n[0] * s.tiles), blocks_for(columns, OUTPUTS), (unsigned)splits);
        if (encode_pictures(c, &maps.x, some.x, s, M / s.box_width) &&
            (!some.x2.data || encode_pictures(c, &maps.x2, some.x2, s, M / s.box_width)))
            launch(c, name, product_hopper<A, M, N, GATED>, grid, M / 64 * GROUP + WARP, shared, maps, s, partials,
                   part);
    });
}

template <class A> void choose(Ctx *c, const char *name, const Pictures &p, const A *w, const Finish &f) {
    bool low = p.width() * p.height() <= 64, wide = f.y.n[2] % 160 == 0;
    if (f.act == ACT_GEGLU) (low ? run_hopper<A, 64, 128, true> : run_hopper<A, 128, 128, true>)(c, name, p, w, f);
    else if (wide) (low ? run_hopper<A, 64, 160> : run_hopper<A, 128, 160>)(c, name, p, w, f);
    else (low ? run_hopper<A, 64, 128> : run_hopper<A, 128, 128>)(c, name, p, w, f);
}

bool start(Ctx *c, const char *name, const Pictures &p, const Weight *w, const Finish &f) {
    if (!gpu_of(c)->encode_map || !in_chunks(p.x) || (p.x2.data && !in_chunks(p.x2)) || f.y.n[2] < 16) return false;
    if (f.y.dtype == F16) choose(c, name, p, (const Half *)numbers_of(w), f);
    else if (f.y.dtype == BF16) choose(c, name, p, (const Brain *)numbers_of(w), f);
    else return false;
    return true;
}

/* [N,T,K] as pictures one pixel high */
Tensor as_picture(const Tensor &x) {
    Tensor t = x;
    if (!x.data) return t;
    t.nd = 4;
    t.n[3] = x.n[2], t.n[2] = x.n[1], t.n[1] = 1, t.n[0] = x.n[0];
    t.s[3] = x.s[2], t.s[2] = x.s[1], t.s[1] = x.s[0], t.s[0] = x.s[0];
    return t;
}

} // namespace

void cuda_hopper_begin(Gpu *gpu) {
    void *entry = NULL;
    cudaFuncAttributes a;
    cudaDriverEntryPointQueryResult found;
    const char *wish = getenv("SDC_CUDA");
    if (gpu->arch != 90 || (wish && !strcmp(wish, "mma"))) return;
#if CUDART_VERSION >= 12050
    cudaError_t code =
        cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled", &entry, 12000, cudaEnableDefault, &found);
#else
    cudaError_t code = cudaGetDriverEntryPoint("cuTensorMapEncodeTiled", &entry, cudaEnableDefault, &found);
#endif
    if (code == cudaSuccess && found == cudaDriverEntryPointSuccess &&
        cudaFuncGetAttributes(&a, product_hopper<Half, 128, 128, false>) == cudaSuccess &&
        a.ptxVersion >= 90) /* else this build has no code for 9.0, and the kernels are empty */
        gpu->encode_map = entry;
    cudaGetLastError();
}

bool cuda_linear_hopper(Ctx *c, const Rows &rows, const Weight *w, const Finish &f) {
    Pictures p = {as_picture(rows.x), as_picture(rows.x2), {}, 1};
    p.walk.width = (int)f.y.n[1], p.walk.height = 1, p.walk.kernel_width = p.walk.stride = 1;
    return start(c, "linear", p, w, f);
}

bool cuda_conv2d_hopper(Ctx *c, const Pixels &pixels, const Weight *w, const Finish &f) {
    const Conv2d &g = pixels.g;
    bool doubled = g.up_h && g.up_h == 2 * pixels.x.n[1] && g.up_w == 2 * pixels.x.n[2];
    if (g.stride * WIDEST > MOST_BOX || (g.up_h && !doubled) || (doubled && g.stride != 1)) return false;
    Pictures p = {pixels.x, {}, {}, (int)(w->t.n[1] * w->t.n[2])};
    p.walk.width = (int)pixels.width, p.walk.height = (int)(f.y.n[1] / pixels.width);
    p.walk.kernel_width = (int)pixels.kernel_width, p.walk.stride = g.stride, p.walk.doubled = doubled;
    p.walk.pad_top = g.pad_top, p.walk.pad_left = g.pad_left;
    return start(c, "conv2d", p, w, f);
}
