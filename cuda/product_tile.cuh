/* product_tile.cuh: a tile of a product on ordinary units, by which product.cu and winograd.cu multiply.
 *
 * A block of threads makes TILE rows by TILE outputs, in steps of STEP of K. x and w go through shared memory as f32; a
 * thread has 4 x 4 sums. A piece of K is summed by fma over k from 0 upwards in one accumulator that begins at 0, and
 * then added to what there is, as in tensor/cpu/panel.h. So a sum's bits depend only on its row of x, its row of w and
 * the pieces. */
#ifndef SD_CUDA_PRODUCT_TILE_CUH
#define SD_CUDA_PRODUCT_TILE_CUH

#include "pixels.cuh"

enum { TILE = 64, STEP = 32, THREADS = 256, EACH = 4, LINES = THREADS / STEP, BRING = TILE / LINES };

/* K is cut after every `period`, and within each after every `piece`. */
struct Pieces {
    int64_t k, period, piece;

    /* Where the piece ends that begins at `from`. */
    __device__ int64_t end(int64_t from) const { return min64(k, min64(from + piece, from - from % period + period)); }
};

/* A step's numbers of x and w. */
struct TileStep {
    __align__(16) float x[STEP][TILE + 4];
    __align__(16) float w[STEP][TILE + 4];
};

/* total (+)= the sums of rows [row, row + TILE) of `all`, of which a picture has `rows`, with TILE rows of w: row_of(i)
 * is the number of the tile's i-th, negative past the last. A thread's sums are EACH rows from threadIdx.x / 16 * EACH
 * on, and EACH outputs from threadIdx.x % 16 * EACH on. started: there is something in total. */
template <class A, class W, class Source, class RowOf>
static __device__ inline void add_tile(float (&total)[EACH][EACH], bool started, TileStep &step, const Source &source,
                                       int64_t row, int64_t all, int64_t rows, const W *w, RowOf row_of,
                                       const Pieces &pieces) {
    int tx = threadIdx.x % 16, ty = threadIdx.x / 16;
    /* What this thread copies: number `at` of a step, of every LINES-th row of x and of w from `line` on. */
    int at = threadIdx.x % STEP, line = threadIdx.x / STEP;
    typename Source::Row mine[BRING];
    UNROLL
    for (int i = 0; i < BRING; i++) {
        int64_t r = min64(row + line + i * LINES, all - 1);
        mine[i] = source.template row<A>((uint32_t)r / (uint32_t)rows, (uint32_t)r % (uint32_t)rows);
    }
    for (int64_t from = 0, to; from < pieces.k; from = to, started = true) {
        float sum[EACH][EACH] = {};
        to = pieces.end(from);
        for (int64_t first = from; first < to; first += STEP) {
            int64_t e = first + at;
            typename Source::Place place = source.place(min64(e, to - 1));
            UNROLL
            for (int i = 0; i < BRING; i++) {
                int64_t r = row_of(line + i * LINES);
                const A *p = e < to && row + line + i * LINES < all ? source.template at<A>(mine[i], place) : NULL;
                step.x[at][line + i * LINES] = p ? to_f32(*p) : 0.0f;
                /* past the piece -0: fma(0, -0, sum) is sum, whatever its sign */
                step.w[at][line + i * LINES] = e >= to ? -0.0f : r >= 0 ? to_f32(w[r * pieces.k + e]) : 0.0f;
            }
            __syncthreads();
            UNROLL_SOME
            for (int k = 0; k < STEP; k++) {
                float a[EACH], b[EACH];
                UNROLL
                for (int i = 0; i < EACH; i++) a[i] = step.x[k][ty * EACH + i], b[i] = step.w[k][tx * EACH + i];
                UNROLL
                for (int i = 0; i < EACH; i++) {
                    UNROLL
                    for (int j = 0; j < EACH; j++) sum[i][j] = fma1(a[i], b[j], sum[i][j]);
                }
            }
            __syncthreads();
        }
        UNROLL
        for (int i = 0; i < EACH; i++) {
            UNROLL
            for (int j = 0; j < EACH; j++) total[i][j] = started ? total[i][j] + sum[i][j] : sum[i][j];
        }
    }
}

#endif
