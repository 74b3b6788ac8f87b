/* product_tensor.cuh: products of 16-bit numbers on tensor cores, implicit in a convolution's pixels.
 *
 * A block of threads makes a tile of y, M rows by N outputs, in steps of STEP of K. Its parts of x and w cross into
 * shared memory STAGES - 1 steps ahead; a warp holds WM x WN sums in registers. Rows of shared memory are 8 numbers
 * longer than STEP, so that eight rows of a tile lie in different banks. Where one picture has too few tiles to fill a
 * card, K is split among blocks: they leave partial sums, which a second kernel adds in order and finishes.
 *
 * Tiles and splits are chosen by the layer and one picture's size only, and a sum's order by K only. */
#ifndef SD_CUDA_PRODUCT_TENSOR_H
#define SD_CUDA_PRODUCT_TENSOR_H

#include "pixels.cuh"
#include "ptx.cuh"

enum { STEP = 32, STAGES = 3, LINE = STEP + 8, WARP = 32 };

/* y, y + 1 of a row: as finish in kernels.cuh, for neighbours */
template <class A>
static __device__ inline void finish_two(const Finish &f, float a, float b, int64_t picture, int64_t row,
                                         int64_t column) {
    finish<A>(f, a, picture, row, column);
    if (column + 1 < f.y.n[2]) finish<A>(f, b, picture, row, column + 1);
}

template <class Source, class A, int M, int N, int WM, int WN>
__global__ void __launch_bounds__(M / WM * (N / WN) * WARP)
    product_tensor(Source source, const A *w, int64_t k, int64_t steps, float *partials, Finish f) {
    enum {
        THREADS = M / WM * (N / WN) * WARP,
        CHUNKS = STEP / 8, /* of 16 bytes in a line */
        X_EACH = (M * CHUNKS + THREADS - 1) / THREADS,
        W_EACH = (N * CHUNKS + THREADS - 1) / THREADS,
        TM = WM / 16,
        TN = WN / 8,
    };
    static_assert(THREADS % CHUNKS == 0 && WM % 16 == 0 && WN % 8 == 0, "tiles of whole warps");
    A *xs = (A *)shared_memory(), *ws = xs + STAGES * M * LINE; /* [STAGES][M][LINE], [STAGES][N][LINE] */
    int64_t rows = f.y.n[1], all = f.y.n[0] * rows, columns = f.y.n[2];
    int64_t row = (int64_t)blockIdx.x * M, column = (int64_t)blockIdx.y * N;
    int64_t first = (int64_t)blockIdx.z * steps, last = min64(first + steps, (k + STEP - 1) / STEP);
    int warp = threadIdx.x / WARP, lane = threadIdx.x % WARP, wm = warp % (M / WM) * WM, wn = warp / (M / WM) * WN;
    int line = threadIdx.x / CHUNKS, chunk = threadIdx.x % CHUNKS * 8;

    typename Source::Row mine[X_EACH];
    UNROLL
    for (int i = 0; i < X_EACH; i++) {
        int64_t r = min64(row + line + i * (THREADS / CHUNKS), all - 1);
        mine[i] = source.template row<A>(r / rows, r % rows);
    }
    auto bring = [&](int64_t step) { /* one step of K into its stage */
                                     int64_t e = step * STEP + chunk;
                                     int stage = (int)(step % STAGES);
                                     UNROLL
                                     for (int i = 0; i < X_EACH; i++) {
                                         int r = line + i * (THREADS / CHUNKS);
                                         if (r >= M) break;
                                         const A *p = row + r < all && e < k ? source.template at<A>(mine[i], e) : NULL;
                                         copy_async(xs + (stage * M + r) * LINE + chunk, p ? p : w, p ? 16 : 0);
                                     }
                                     UNROLL
                                     for (int i = 0; i < W_EACH; i++) {
                                         int r = line + i * (THREADS / CHUNKS);
                                         if (r >= N) break;
                                         bool there = column + r < columns && e < k;
                                         copy_async(ws + (stage * N + r) * LINE + chunk,
                                                    there ? w + (column + r) * k + e : w, there ? 16 : 0);
                                     }
    };

    float sum[TM][TN][4] = {};
    for (int s = 0; s < STAGES - 1; s++) {
        if (first + s < last) bring(first + s);
        copies_commit();
    }
    for (int64_t step = first; step < last; step++) {
        copies_wait<STAGES - 2>();
        __syncthreads(); /* this step's numbers are there, and nobody reads the stage that comes next any more */
        if (step + STAGES - 1 < last) bring(step + STAGES - 1);
        copies_commit();
        const A *x = xs + step % STAGES * M * LINE, *v = ws + step % STAGES * N * LINE;
        UNROLL
        for (int e = 0; e < STEP; e += 16) {
            uint32_t a[TM][4], b[2];
            UNROLL
            for (int i = 0; i < TM; i++) load_tiles<4>(a[i], x + (wm + i * 16 + lane % 16) * LINE + e + lane / 16 * 8);
            UNROLL
            for (int j = 0; j < TN; j++) {
                load_tiles<2>(b, v + (wn + j * 8 + lane % 8) * LINE + e + lane / 8 % 2 * 8);
                UNROLL
                for (int i = 0; i < TM; i++) multiply<A>(sum[i][j], a[i], b);
            }
        }
    }
    copies_wait<0>();

    UNROLL
    for (int i = 0; i < TM; i++) UNROLL
    for (int half = 0; half < 2; half++) {
        int64_t r = row + wm + i * 16 + half * 8 + lane / 4;
        if (r >= all) continue;
        UNROLL
        for (int j = 0; j < TN; j++) {
            int64_t c = column + wn + j * 8 + lane % 4 * 2;
            if (c >= columns) continue;
            float one = sum[i][j][2 * half], two = sum[i][j][2 * half + 1];
            if (!partials) {
                finish_two<A>(f, one, two, r / rows, r % rows, c);
                continue;
            }
            float *to = partials + ((int64_t)blockIdx.z * all + r) * columns + c;
            to[0] = one;
            if (c + 1 < columns) to[1] = two;
        }
    }
}

template <class A> __global__ void add_partials(const float *partials, int splits, Finish f) {
    int64_t all = f.y.n[0] * f.y.n[1], columns = f.y.n[2], r = blockIdx.x;
    for (int64_t c = threadIdx.x; c < columns; c += blockDim.x) {
        float sum = 0;
        for (int s = 0; s < splits; s++) sum += partials[(s * all + r) * columns + c];
        finish<A>(f, sum, r / f.y.n[1], r % f.y.n[1], c);
    }
}

static inline Tensor *second_of(Rows &r) { return r.x2.data ? &r.x2 : NULL; }
static inline Tensor *second_of(Pixels &) { return NULL; }

template <class Source, class A, int M, int N, int WM, int WN>
static void run_tensor(Ctx *c, const char *name, const Source &source, const A *w, int64_t k, const Finish &f) {
    enum { THREADS = M / WM * (N / WN) * WARP, FILL = 96 /* blocks that fill most cards */, LEAST = 8 };
    int64_t tiles = blocks_for(f.y.n[1], M) * (int64_t)blocks_for(f.y.n[2], N), steps = blocks_for(k, STEP);
    int64_t splits = min64(FILL / tiles, steps / LEAST);
    int64_t each = splits > 1 ? (steps + splits - 1) / splits : steps; /* of K, for a block */
    splits = each ? (steps + each - 1) / each : 1;
    size_t shared = (size_t)STAGES * (M + N) * LINE * sizeof(A);
    auto kernel = product_tensor<Source, A, M, N, WM, WN>;
    dim3 grid(blocks_for(f.y.n[0] * f.y.n[1], M), blocks_for(f.y.n[2], N), (unsigned)splits);
    if (splits <= 1) {
        launch(c, name, kernel, grid, THREADS, shared, source, w, k, each, (float *)NULL, f);
        return;
    }
    int64_t bytes = splits * f.y.n[1] * f.y.n[2] * (int64_t)sizeof(float), at_once = SPLIT_BYTES / bytes;
    for (int64_t p = 0; p < f.y.n[0]; p += at_once) { /* as many pictures as the partial sums have room for */
        int64_t n = min64(at_once, f.y.n[0] - p);
        Finish part = f;
        Source some = source;
        some.x = tensor_slice(some.x, 0, p, n);
        if (second_of(some)) *second_of(some) = tensor_slice(*second_of(some), 0, p, n);
        part.y = tensor_slice(f.y, 0, p, n);
        if (f.vector.data) part.vector = tensor_slice(f.vector, 0, p, n);
        if (f.residual.data) part.residual = tensor_slice(f.residual, 0, p, n);
        grid.x = blocks_for(n * f.y.n[1], M);
        launch(c, name, kernel, grid, THREADS, shared, some, w, k, each, card_of(c)->partials, part);
        launch(c, name, add_partials<A>, (unsigned)(n * f.y.n[1]), 256, 0, (const float *)card_of(c)->partials,
               (int)splits, part);
    }
}

/* False where the plain kernel must do it. */
template <class Source, class A>
static bool product_on_tensor_cores(Ctx *c, const char *name, Source source, const A *w, int64_t k, const Finish &f) {
    Tensor *second = second_of(source);
    if (!tensor_cores<A>(card_of(c)) || !in_chunks(source.x) || (second && !in_chunks(*second))) return false;
    int64_t rows = f.y.n[1], columns = f.y.n[2];
    if (rows * columns >= 1024 * 320 && columns % 160 == 0)
        run_tensor<Source, A, 128, 160, 64, 40>(c, name, source, w, k, f);
    else if (rows * columns >= 1024 * 256) run_tensor<Source, A, 128, 128, 64, 32>(c, name, source, w, k, f);
    else run_tensor<Source, A, 64, 64, 32, 32>(c, name, source, w, k, f);
    return true;
}

#endif
