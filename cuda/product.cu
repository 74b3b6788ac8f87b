/* product.cu: linear layers and convolutions, y = finish(x w^T): the plain kernel, for any shape and type.
 *
 * A block of threads makes a tile of y, TILE rows by TILE outputs, in steps of STEP of K. x and w go through shared
 * memory as f32; a thread has 4 x 4 sums, over k in index order. After every PIECE of K they are added to totals, so
 * that long sums lose no more accuracy than the CPU's. For GEGLU a tile has half as many outputs: a thread sums two
 * values and their gates. Rows are counted through all pictures; a sum's bits depend only on its row of x, its row of w
 * and K. The CPU's twins are tensor/cpu/linear.c and conv2d.c; faster kernels are in product_tensor.cuh and
 * product_hopper.cu. */
#include "pixels.cuh"

namespace {

enum { TILE = 64, STEP = 32, PIECE = 256, THREADS = 256, EACH = 4, BRING = TILE * STEP / THREADS };

template <class Source, class A, class W>
__global__ void __launch_bounds__(THREADS) product(Source source, const W *w, int64_t k, Finish f) {
    __shared__ float xs[STEP][TILE + 4], ws[STEP][TILE + 4];
    int64_t rows = f.y.n[1], all = f.y.n[0] * rows, columns = f.y.n[2];
    bool gated = f.act == ACT_GEGLU;
    int64_t row = (int64_t)blockIdx.x * TILE, column = (int64_t)blockIdx.y * (gated ? TILE / 2 : TILE);
    int tx = threadIdx.x % 16, ty = threadIdx.x / 16;
    /* What this thread copies: BRING numbers of one row of x and of w. */
    int lane = threadIdx.x / (STEP / BRING), at = threadIdx.x % (STEP / BRING) * BRING;
    int64_t my_row = row + lane, my_column = column + (gated ? lane / EACH * 2 + lane % 2 : lane);
    const W *my_w = my_column >= columns ? NULL : w + (my_column + (gated && lane % EACH > 1 ? columns : 0)) * k;
    typename Source::Row mine =
        source.template row<A>(my_row < all ? my_row / rows : 0, my_row < all ? my_row % rows : 0);
    float sum[EACH][EACH] = {}, total[EACH][EACH] = {};
    for (int64_t from = 0; from < k; from += STEP) {
        for (int i = 0; i < BRING; i++) {
            int64_t e = from + at + i;
            const A *p = my_row < all && e < k ? source.template at<A>(mine, e) : NULL;
            xs[at + i][lane] = p ? to_f32(*p) : 0.0f;
            ws[at + i][lane] = my_w && e < k ? to_f32(my_w[e]) : 0.0f;
        }
        __syncthreads();
        for (int e = 0; e < STEP; e++) {
            float a[EACH], b[EACH];
            for (int i = 0; i < EACH; i++) a[i] = xs[e][ty * EACH + i], b[i] = ws[e][tx * EACH + i];
            for (int i = 0; i < EACH; i++)
                for (int j = 0; j < EACH; j++) sum[i][j] += a[i] * b[j];
        }
        __syncthreads();
        if ((from + STEP) % PIECE == 0 || from + STEP >= k)
            for (int i = 0; i < EACH; i++)
                for (int j = 0; j < EACH; j++) total[i][j] += sum[i][j], sum[i][j] = 0;
    }
    UNROLL /* keeps each in a register */
        for (int i = 0; i < EACH; i++) {
        int64_t r = row + ty * EACH + i;
        if (r >= all) continue;
        int64_t picture = (uint32_t)r / (uint32_t)rows, t = (uint32_t)r % (uint32_t)rows;
        UNROLL
        for (int j = 0; j < EACH; j++) {
            int64_t c = column + tx * (gated ? 2 : EACH) + j;
            if (c >= columns || (gated && j > 1)) continue;
            if (gated) finish_gated<A>(f, total[i][j], total[i][(j + 2) % EACH], picture, t, c);
            else finish<A>(f, total[i][j], picture, t, c);
        }
    }
}

template <class Source>
void plain(Ctx *c, const char *name, const Source &source, const Weight *w, int64_t k, const Finish &f) {
    dim3 grid(blocks_for(f.y.n[0] * f.y.n[1], TILE), blocks_for(f.y.n[2], f.act == ACT_GEGLU ? TILE / 2 : TILE));
    by_types(f.y.dtype, w->t.dtype, [&](auto a, auto b) {
        typedef decltype(b) W;
        launch(c, name, product<Source, decltype(a), W>, grid, THREADS, 0, source, (const W *)numbers_of(w), k, f);
    });
}

} // namespace

void cuda_linear(Ctx *c, Tensor y, Tensor x, const Tensor *x2, const Weight *w, const Weight *b, Epilogue e) {
    Rows rows = {x, x2 ? *x2 : Tensor{}};
    Finish f = finish_for(y, b, e);
    if (c->precision != PRECISION_F32_DIRECT && sums_fit(f) &&
        (cuda_linear_hopper(c, rows, w, f) || cuda_linear_tensor(c, rows, w, f)))
        return;
    plain(c, "linear", rows, w, w->t.n[1], f);
}

void cuda_conv2d(Ctx *c, Tensor y, Tensor x, const Weight *w, const Weight *b, Conv2d g, Epilogue e) {
    Pixels pixels = {x, g, w->t.n[2], y.n[2]};
    Finish f = finish_for(y, b, e);
    if (c->precision != PRECISION_F32_DIRECT && sums_fit(f) &&
        (cuda_conv2d_hopper(c, pixels, w, f) || cuda_conv2d_tensor(c, pixels, w, f)))
        return;
    plain(c, "conv2d", pixels, w, w->t.n[1] * w->t.n[2] * w->t.n[3], f);
}
