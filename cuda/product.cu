/* product.cu: linear layers and convolutions, y = finish(x w^T): the plain kernel, for any shape and type.
 *
 * In f32 it has the bits of the CPU's tables (product_tile.cuh); its twins are tensor/cpu/linear.c and conv2d.c. For
 * GEGLU a tile has half as many outputs: a thread sums two values and their gates. Rows are counted through all
 * pictures. Other forms in f32 are in conv_few.cu and winograd.cu, faster kernels for 16-bit numbers in
 * product_tensor.cuh and product_hopper.cu. */
#include "product_tile.cuh"

namespace {

template <class Source, class A, class W>
__global__ void __launch_bounds__(THREADS) product(Source source, const W *w, Pieces pieces, Finish f) {
    __shared__ TileStep step;
    int64_t rows = f.y.n[1], all = f.y.n[0] * rows, columns = f.y.n[2];
    bool gated = f.act == ACT_GEGLU;
    int64_t row = (int64_t)blockIdx.x * TILE, column = (int64_t)blockIdx.y * (gated ? TILE / 2 : TILE);
    int tx = threadIdx.x % 16, ty = threadIdx.x / 16;
    auto row_of = [&](int i) {
        int64_t c = column + (gated ? i / EACH * 2 + i % 2 : i);
        return c >= columns ? (int64_t)-1 : gated && i % EACH > 1 ? c + columns : c;
    };
    float total[EACH][EACH] = {};
    if (f.in_place) { /* the sum begins with what y holds */
        UNROLL
        for (int i = 0; i < EACH; i++) {
            int64_t r = row + ty * EACH + i;
            if (r >= all) continue;
            const A *y = at2<A>(f.y, (uint32_t)r / (uint32_t)rows, (uint32_t)r % (uint32_t)rows);
            UNROLL
            for (int j = 0; j < EACH; j++) {
                int64_t c = column + tx * EACH + j;
                if (c < columns) total[i][j] = to_f32(y[c]);
            }
        }
    }
    add_tile<A>(total, f.in_place, step, source, row, all, rows, w, row_of, pieces);
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
void plain(Ctx *c, const char *name, const Source &source, const Weight *w, Pieces pieces, const Finish &f) {
    dim3 grid(blocks_for(f.y.n[0] * f.y.n[1], TILE), blocks_for(f.y.n[2], f.act == ACT_GEGLU ? TILE / 2 : TILE));
    by_types(f.y.dtype, w->t.dtype, [&](auto a, auto b) {
        typedef decltype(b) W;
        launch(c, name, product<Source, decltype(a), W>, grid, THREADS, 0, source, (const W *)numbers_of(w), pieces, f);
    });
}

} // namespace

/* Whether sums begin with the residual: in f32, if that is y itself. */
static bool begins_with_y(const Tensor &y, const Epilogue &e) {
    return y.dtype == F32 && e.residual && e.residual->data == y.data;
}

void cuda_linear(Ctx *c, Tensor y, Tensor x, const Tensor *x2, const Weight *w, const Weight *b, Epilogue e) {
    Rows rows = {x, x2 ? *x2 : Tensor{}};
    Finish f = finish_for(y, b, e);
    if (c->precision != PRECISION_F32_DIRECT && sums_fit(f) &&
        (cuda_linear_hopper(c, rows, w, f) || cuda_linear_tensor(c, rows, w, f)))
        return;
    f.in_place = begins_with_y(y, e);
    int64_t k = w->t.n[1];
    plain(c, "linear", rows, w, Pieces{k, k, part_size(k, PRODUCT_K, 2)}, f);
}

void cuda_conv2d(Ctx *c, Tensor y, Tensor x, const Weight *w, const Weight *b, Conv2d g, Epilogue e) {
    Pixels pixels = {x, g, w->t.n[2], y.n[2]};
    Finish f = finish_for(y, b, e);
    if (c->precision != PRECISION_F32_DIRECT && sums_fit(f) &&
        (cuda_conv2d_hopper(c, pixels, w, f) || cuda_conv2d_tensor(c, pixels, w, f)))
        return;
    bool exact = y.dtype == F32;
    f.in_place = begins_with_y(y, e);
    if (exact && conv_is_few(w, g)) cuda_conv_few(c, pixels, w, f);
    else if (exact && c->precision != PRECISION_F32_DIRECT && conv_by_winograd(y, w, g))
        cuda_winograd(c, y, x, w, g, f);
    else {
        ConvPieces p = conv_pieces(w);
        int64_t channels = w->t.n[3], k = w->t.n[1] * w->t.n[2] * channels;
        bool whole = p.channels == channels; /* pieces of whole taps */
        plain(c, "conv2d", pixels, w, Pieces{k, whole ? k : channels, whole ? p.taps * channels : p.channels}, f);
    }
}
