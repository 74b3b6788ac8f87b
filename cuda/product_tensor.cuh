/* product_tensor.cuh: products of 16-bit numbers on tensor cores; convolutions read their pixels implicitly.
 *
 * A block of threads makes a tile of y, M rows by N outputs, in steps of STEP of K. What it needs of x and w is copied
 * to shared memory STAGES - 1 steps ahead; a warp holds WM x WN sums in registers. Rows of shared memory are 8 numbers
 * longer than STEP, so that eight rows of a tile use different banks. If one picture has too few tiles to fill a GPU, K
 * is split among blocks: they leave partial sums, which a second kernel adds in order and finishes. A GATED product
 * ends in GEGLU: every second group of eight columns of a tile holds the gates of the eight before, so that a thread
 * has both in its registers.
 *
 * Tiles and splits depend only on the layer and one picture's size, and the order of a sum only on K. */
#ifndef SD_CUDA_PRODUCT_TENSOR_CUH
#define SD_CUDA_PRODUCT_TENSOR_CUH

#include "pixels.cuh"
#include "ptx.cuh"

enum { STEP = 32, STAGES = 3, LINE = STEP + 8, WARP = 32 };

/* Finishes two neighbours in a row of y from their sums (GATED: and their gates'); or, with partials, leaves the sums
 * of split `part` of K there. partials NULL: K is not split. */
template <class A, bool GATED>
static __device__ inline void leave_two(const Finish &f, float *partials, int64_t part, int64_t picture, int64_t row,
                                        int64_t column, const float *value, const float *gate) {
    int64_t columns = f.y.n[2];
    float *to = partials + (((part * f.y.n[0] + picture) * f.y.n[1] + row) * columns * (GATED ? 2 : 1) + column);
    if (partials) {
        for (int i = 0; i < 2 && column + i < columns; i++) {
            to[i] = value[i];
            if (GATED) to[columns + i] = gate[i];
        }
    } else if (GATED) finish_two_gated<A>(f, value, gate, picture, row, column);
    else finish_two<A>(f, value, picture, row, column);
}

/* How many blocks of so many threads a processor should have registers for: as many as it has shared memory for on 8.0;
 * 7.5 has a third of that. */
static __host__ __device__ constexpr int at_once(int threads) {
#if defined __CUDA_ARCH__ && __CUDA_ARCH__ < 800
    return threads > 0;
#else
    return threads >= 256 ? 2 : 5;
#endif
}

template <class Source, class A, int M, int N, int WM, int WN, bool GATED>
__global__ void __launch_bounds__(M / WM * (N / WN) * WARP, at_once(M / WM * (N / WN) * WARP))
    product_tensor(Source source, const A *w, int64_t k, int64_t steps, float *partials, Finish f) {
    enum {
        THREADS = M / WM * (N / WN) * WARP,
        CHUNKS = STEP / 8, /* of 16 bytes, per line */
        X_EACH = (M * CHUNKS + THREADS - 1) / THREADS,
        W_EACH = (N * CHUNKS + THREADS - 1) / THREADS,
        TM = WM / 16,
        TN = WN / 8,
    };
    static_assert(THREADS % CHUNKS == 0 && WM % 16 == 0 && WN % (GATED ? 16 : 8) == 0, "tiles of whole warps");
    A *xs = (A *)shared_memory(), *ws = xs + STAGES * M * LINE; /* [STAGES][M][LINE], [STAGES][N][LINE] */
    int64_t rows = f.y.n[1], all = f.y.n[0] * rows, columns = f.y.n[2];
    int64_t row = (int64_t)blockIdx.x * M, column = (int64_t)blockIdx.y * (GATED ? N / 2 : N);
    int64_t first = (int64_t)blockIdx.z * steps, last = min64(first + steps, (k + STEP - 1) / STEP);
    int warp = threadIdx.x / WARP, lane = threadIdx.x % WARP, wm = warp % (M / WM) * WM, wn = warp / (M / WM) * WN;
    int line = threadIdx.x / CHUNKS, chunk = threadIdx.x % CHUNKS * 8;

    typename Source::Row mine[X_EACH];
    UNROLL
    for (int i = 0; i < X_EACH; i++) {
        int64_t r = min64(row + line + i * (THREADS / CHUNKS), all - 1);
        mine[i] = source.template row<A>((uint32_t)r / (uint32_t)rows, (uint32_t)r % (uint32_t)rows);
    }
    auto bring = [&](int64_t step) { /* copies one step of K to its stage */
                                     int64_t e = step * STEP + chunk;
                                     int stage = (int)(step % STAGES);
                                     UNROLL
                                     for (int i = 0; i < X_EACH; i++) {
                                         int r = line + i * (THREADS / CHUNKS);
                                         if (r >= M) break;
                                         const A *p = row + r < all && e < k
                                                          ? source.template at<A>(mine[i], source.place(e))
                                                          : NULL;
                                         copy_async(xs + (stage * M + r) * LINE + chunk, p ? p : w, p ? 16 : 0);
                                     }
                                     UNROLL
                                     for (int i = 0; i < W_EACH; i++) {
                                         int r = line + i * (THREADS / CHUNKS);
                                         if (r >= N) break;
                                         int64_t o = column + (GATED ? r / 16 * 8 + r % 8 : r);
                                         bool there = o < columns && e < k;
                                         if (GATED && r / 8 % 2) o += columns;
                                         copy_async(ws + (stage * N + r) * LINE + chunk, there ? w + o * k + e : w,
                                                    there ? 16 : 0);
                                     }
    };

    float sum[TM][TN][4] = {};
    for (int s = 0; s < STAGES - 1; s++) {
        if (first + s < last) bring(first + s);
        copies_commit();
    }
    for (int64_t step = first; step < last; step++) {
        copies_wait<STAGES - 2>();
        __syncthreads(); /* this step's numbers have arrived, and nobody reads the next stage any longer */
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
        int64_t picture = (uint32_t)r / (uint32_t)rows, mine_row = (uint32_t)r % (uint32_t)rows;
        UNROLL
        for (int j = 0; j < TN; j += GATED ? 2 : 1) {
            int64_t c = column + (wn + j * 8) / (GATED ? 2 : 1) + lane % 4 * 2;
            if (c >= columns) continue;
            const float *value = sum[i][j] + 2 * half, *gate = sum[i][GATED ? j + 1 : j] + 2 * half;
            leave_two<A, GATED>(f, partials, blockIdx.z, picture, mine_row, c, value, gate);
        }
    }
}

template <class A> __global__ void add_partials(const float *partials, int splits, Finish f) {
    int64_t all = f.y.n[0] * f.y.n[1], columns = f.y.n[2], r = blockIdx.x, gates = f.act == ACT_GEGLU ? columns : 0;
    for (int64_t c = threadIdx.x; c < columns; c += blockDim.x) {
        float sum = 0, gate = 0;
        for (int s = 0; s < splits; s++) {
            const float *p = partials + (s * all + r) * (columns + gates) + c;
            sum += p[0];
            if (gates) gate += p[gates];
        }
        if (gates) finish_gated<A>(f, sum, gate, r / f.y.n[1], r % f.y.n[1], c);
        else finish<A>(f, sum, r / f.y.n[1], r % f.y.n[1], c);
    }
}

static inline Tensor *second_of(Rows &r) { return r.x2.data ? &r.x2 : NULL; }
static inline Tensor *second_of(Pixels &) { return NULL; }

/* How many of K's `steps` each block takes. `tiles`: of one picture. */
static inline int64_t steps_each(int64_t tiles, int64_t steps, int64_t least) {
    enum { FILL = 96 /* blocks that fill most GPUs */ };
    int64_t splits = min64(FILL / tiles, steps / least);
    return splits > 1 ? (steps + splits - 1) / splits : steps;
}

/* run(source, finish, partials) for all pictures at once if K is not split and y comes in pairs; else for as many as
 * have space for partial sums, which are then added. */
template <class A, class Source, class F>
static void in_splits(Ctx *c, const char *name, const Source &source, const Finish &f, int64_t splits, F run) {
    if (splits <= 1 && f.pairs) {
        run(source, f, (float *)NULL);
        return;
    }
    int64_t at_once = SPLIT_BYTES / (splits * sums_of(f) * 4);
    for (int64_t p = 0; p < f.y.n[0]; p += at_once) {
        int64_t n = min64(at_once, f.y.n[0] - p);
        Finish part = f;
        Source some = source;
        some.x = tensor_slice(some.x, 0, p, n);
        if (second_of(some)) *second_of(some) = tensor_slice(*second_of(some), 0, p, n);
        part.y = tensor_slice(f.y, 0, p, n);
        if (f.vector.data) part.vector = tensor_slice(f.vector, 0, p, n);
        if (f.residual.data) part.residual = tensor_slice(f.residual, 0, p, n);
        run(some, part, gpu_of(c)->partials);
        launch(c, name, add_partials<A>, (unsigned)(n * f.y.n[1]),
               f.y.n[2] < 256 ? blocks_for(f.y.n[2], WARP) * WARP : 256, 0, (const float *)gpu_of(c)->partials,
               (int)splits, part);
    }
}

/* Bytes of shared memory per block. */
static constexpr size_t shared_for(int m, int n) { return (size_t)STAGES * (size_t)((m + n) * LINE) * 2; }

template <class Source, class A, int M, int N, int WM, int WN, bool GATED = false>
static void run_tensor(Ctx *c, const char *name, const Source &source, const A *w, int64_t k, const Finish &f) {
    enum { THREADS = M / WM * (N / WN) * WARP, LEAST = 8, OUTPUTS = GATED ? N / 2 : N };
    int64_t tiles = blocks_for(f.y.n[1], M) * (int64_t)blocks_for(f.y.n[2], OUTPUTS), steps = blocks_for(k, STEP);
    int64_t each = steps_each(tiles, steps, LEAST), splits = each ? (steps + each - 1) / each : 1;
    in_splits<A>(c, name, source, f, splits, [&](const Source &some, const Finish &part, float *partials) {
        dim3 grid(blocks_for(part.y.n[0] * part.y.n[1], M), blocks_for(part.y.n[2], OUTPUTS), (unsigned)splits);
        launch(c, name, product_tensor<Source, A, M, N, WM, WN, GATED>, grid, THREADS, shared_for(M, N), some, w, k,
               each, partials, part);
    });
}

/* False: left to the plain kernel. */
template <class Source, class A>
static bool product_on_tensor_cores(Ctx *c, const char *name, Source source, const A *w, int64_t k, const Finish &f) {
    Tensor *second = second_of(source);
    if (!tensor_cores<A>(gpu_of(c)) || !in_chunks(source.x) || (second && !in_chunks(*second))) return false;
    int64_t rows = f.y.n[1], columns = f.y.n[2];
    if (f.act == ACT_GEGLU) {
        if constexpr (std::is_same<Source, Rows>::value) {
            if (rows * columns >= 1024 * 128) run_tensor<Source, A, 128, 128, 64, 32, true>(c, name, source, w, k, f);
            else run_tensor<Source, A, 64, 64, 32, 32, true>(c, name, source, w, k, f);
        }
        return true;
    }
    if (rows * columns >= 1024 * 320 && columns % 160 == 0 && gpu_of(c)->shared >= shared_for(128, 160)) /* not 7.5 */
        run_tensor<Source, A, 128, 160, 64, 40>(c, name, source, w, k, f);
    else if (rows * columns >= 1024 * 256) run_tensor<Source, A, 128, 128, 64, 32>(c, name, source, w, k, f);
    else run_tensor<Source, A, 64, 64, 32, 32>(c, name, source, w, k, f);
    return true;
}

#endif
