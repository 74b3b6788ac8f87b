/* winograd.cu: 3x3 convolutions of stride 1 in f32 through F(4x4, 3x3), of pictures enlarged to twice their size
 * through F(4x4, 2x2) (tensor/winograd_rows.h). The CPU's twin is tensor/cpu/winograd.c, whose sums these are.
 *
 * The GPU's memory for sums holds V [points][tiles][channels], U [points][outputs][channels] and M
 * [points][tiles][outputs] of as many tiles, outputs and channels as fit. Tiles' inputs and filters are transformed
 * into V and U, a product for each point is added to M after every WINOGRAD_CHANNELS channels, and when all channels
 * have been added M is transformed back and finished. How it is cut changes no bit: pieces of channels are the CPU's,
 * and an element's sums see only its tile and its output. */
#include "product_tile.cuh"

#define WINO_NUMBER float
#define WINO_FMA fma1
#define WINO_INLINE static __device__ inline
#include "tensor/winograd_rows.h"

namespace {

/* A part of a convolution: what the kernels compute at once. */
typedef struct {
    Tensor x;
    Conv2d g;
    const float *v, *u, *m; /* on the GPU */
    int64_t rows, columns;  /* of tiles, in a picture */
    int64_t first, tiles, output, outputs, channel, channels, all_channels;
    int row, column, phase_row, phase_column; /* row, column: of x, where the first tile reads */
    bool up, odd_row, odd_column;
} Part;

/* Where a tile's outputs begin. */
typedef struct {
    int64_t picture, row, column;
} Place;

__device__ Place place_of(const Part &p, int64_t tile) {
    int64_t each = p.rows * p.columns, t = (p.first + tile) % each;
    Place at = {(p.first + tile) / each, t / p.columns * WINO_OUT, t % p.columns * WINO_OUT};
    return at;
}

template <int N> __device__ void rows_in(const float *in, int step, float *out) {
    if (N == WINO_UP_IN) wino_up_in(in, step, out);
    else wino_in(in, step, out);
}

/* V: a thread for each channel of a tile. */
template <int N> __global__ void __launch_bounds__(THREADS) transform_inputs(Part p, float *v) {
    int64_t i = (int64_t)blockIdx.x * THREADS + threadIdx.x, c = i % p.channels, tile = i / p.channels;
    if (tile >= p.tiles) return;
    Place at = place_of(p, tile);
    int64_t up_h = p.up ? 0 : p.g.up_h, up_w = p.up ? 0 : p.g.up_w, columns[N];
    float half[N][N], out[N];
    const float *x = (const float *)p.x.data + at.picture * p.x.s[0] + p.channel + c;
    UNROLL
    for (int k = 0; k < N; k++) columns[k] = nearest_source(at.column + p.column + k, p.x.n[2], up_w);
    UNROLL
    for (int r = 0; r < N; r++) { /* half[column][row] */
        int64_t row = nearest_source(at.row + p.row + r, p.x.n[1], up_h);
        UNROLL
        for (int k = 0; k < N; k++)
            half[k][r] = row < 0 || columns[k] < 0 ? 0.0f : x[row * p.x.s[1] + columns[k] * p.x.s[2]];
    }
    UNROLL
    for (int k = 0; k < N; k++) {
        rows_in<N>(half[k], 1, out);
        UNROLL
        for (int r = 0; r < N; r++) half[k][r] = out[r];
    }
    UNROLL
    for (int r = 0; r < N; r++) {
        rows_in<N>(&half[0][r], N, out);
        UNROLL
        for (int k = 0; k < N; k++) v[(r * N + k) * p.tiles * p.channels + i] = out[k];
    }
}

template <int N> __device__ void rows_filter(const float *in, int step, bool odd, float *out) {
    if (N == WINO_UP_IN) wino_up_filter(in, step, odd, out);
    else wino_filter(in, step, out);
}

/* U: a thread for each channel of an output. */
template <int N, class W> __global__ void __launch_bounds__(THREADS) transform_filters(Part p, const W *w, float *u) {
    int64_t i = (int64_t)blockIdx.x * THREADS + threadIdx.x, c = i % p.channels, o = i / p.channels;
    if (o >= p.outputs) return;
    float g[9], half[3][N], out[N];
    w += (p.output + o) * 9 * p.all_channels + p.channel + c;
    UNROLL
    for (int t = 0; t < 9; t++) g[t] = to_f32(w[t * p.all_channels]);
    UNROLL
    for (int k = 0; k < 3; k++) rows_filter<N>(g + k, 3, p.odd_row, half[k]);
    UNROLL
    for (int r = 0; r < N; r++) {
        rows_filter<N>(&half[0][r], N, p.odd_column, out);
        UNROLL
        for (int k = 0; k < N; k++) u[(r * N + k) * p.outputs * p.channels + i] = out[k];
    }
}

/* M += V U, for one point per blockIdx.z. */
__global__ void __launch_bounds__(THREADS) multiply_points(Part p, float *m) {
    __shared__ TileStep step;
    int64_t row = (int64_t)blockIdx.x * TILE, column = (int64_t)blockIdx.y * TILE, point = blockIdx.z;
    int tx = threadIdx.x % 16, ty = threadIdx.x / 16;
    Rows v = {};
    v.x.data = (void *)(p.v + point * p.tiles * p.channels);
    v.x.n[2] = v.x.s[1] = p.channels;
    m += point * p.tiles * p.outputs;
    bool started = p.channel > 0;
    float total[EACH][EACH] = {};
    UNROLL
    for (int i = 0; i < EACH; i++) {
        UNROLL
        for (int j = 0; j < EACH; j++) {
            int64_t r = row + ty * EACH + i, c = column + tx * EACH + j;
            if (started && r < p.tiles && c < p.outputs) total[i][j] = m[r * p.outputs + c];
        }
    }
    auto row_of = [&](int i) { return column + i < p.outputs ? column + i : (int64_t)-1; };
    Pieces pieces = {p.channels, p.channels, WINOGRAD_CHANNELS};
    add_tile<float>(total, started, step, v, row, p.tiles, p.tiles, p.u + point * p.outputs * p.channels, row_of,
                    pieces);
    UNROLL
    for (int i = 0; i < EACH; i++) {
        UNROLL
        for (int j = 0; j < EACH; j++) {
            int64_t r = row + ty * EACH + i, c = column + tx * EACH + j;
            if (r < p.tiles && c < p.outputs) m[r * p.outputs + c] = total[i][j];
        }
    }
}

template <int N> __device__ void rows_out(const float *in, int step, float *out) {
    if (N == WINO_UP_IN) wino_up_out(in, step, out);
    else wino_out(in, step, out);
}

/* M back into 4x4 outputs, or as many as there are: a thread for each output of a tile. */
template <int N> __global__ void __launch_bounds__(THREADS) transform_outputs(Part p, Tensor y, Finish f) {
    int64_t i = (int64_t)blockIdx.x * THREADS + threadIdx.x, o = p.output + i % p.outputs, tile = i / p.outputs;
    if (tile >= p.tiles) return;
    float half[N][WINO_OUT], points[N], out[WINO_OUT];
    UNROLL
    for (int k = 0; k < N; k++) {
        UNROLL
        for (int r = 0; r < N; r++) points[r] = p.m[(r * N + k) * p.tiles * p.outputs + i];
        rows_out<N>(points, 1, half[k]);
    }
    Place at = place_of(p, tile);
    int64_t apart = p.up ? 2 : 1, row = apart * at.row + p.phase_row, column = apart * at.column + p.phase_column;
    float bias = f.bias ? f.bias[o] : 0.0f, vector = f.vector.data ? *(at2<float>(f.vector, at.picture, 0) + o) : 0.0f;
    UNROLL
    for (int r = 0; r < WINO_OUT; r++) {
        rows_out<N>(&half[0][r], WINO_OUT, out);
        UNROLL
        for (int k = 0; k < WINO_OUT; k++) {
            int64_t to_row = row + r * apart, to_column = column + k * apart, pixel = to_row * y.n[2] + to_column;
            if (to_row >= y.n[1] || to_column >= y.n[2]) continue;
            float v = activate(out[k] + bias + vector, f.act);
            if (f.residual.data) v += at2<float>(f.residual, at.picture, pixel)[o];
            at2<float>(f.y, at.picture, pixel)[o] = f.relu ? rectify(v) : v;
        }
    }
}

/* The first row or column of x that a phase's first tile reads, and whether the phase's rows are the odd kind. */
int begin(bool up, int phase, int pad, bool *odd) {
    int first = phase - pad, low = first & 1; /* in the enlarged picture */
    *odd = !low;
    return up ? (first - low) / 2 : first;
}

/* How much is computed at once. */
typedef struct {
    int64_t tiles, outputs, channels;
} Room;

Room room_for(int64_t points, int64_t tiles, int64_t outputs, int64_t channels) {
    enum { SIDE = 256 };
    int64_t room = SPLIT_BYTES / (int64_t)sizeof(float) / points;
    Room r = {0, 0, min64(channels, SIDE)};
    r.tiles = min64(tiles, (room - SIDE * r.channels) / (SIDE + r.channels) / TILE * TILE);
    r.outputs = min64(outputs, (room - r.tiles * r.channels) / (r.tiles + r.channels) / TILE * TILE);
    return r;
}

template <int N> void run_phase(Ctx *c, Part p, const Tensor &y, const Weight *w, const Finish &f) {
    const int64_t points = N * N, all = y.n[0] * p.rows * p.columns;
    const Room room = room_for(points, all, y.n[3], p.all_channels);
    float *v = gpu_of(c)->partials, *u = v + points * room.tiles * room.channels,
          *m = u + points * room.outputs * room.channels;
    p.v = v, p.u = u, p.m = m;
    for (p.first = 0; p.first < all; p.first += room.tiles)
        for (p.output = 0; p.output < y.n[3]; p.output += room.outputs) {
            p.tiles = min64(room.tiles, all - p.first), p.outputs = min64(room.outputs, y.n[3] - p.output);
            for (p.channel = 0; p.channel < p.all_channels; p.channel += room.channels) {
                p.channels = min64(room.channels, p.all_channels - p.channel);
                launch(c, "conv2d", transform_inputs<N>, blocks_for(p.tiles * p.channels, THREADS), THREADS, 0, p, v);
                by_type(w->t.dtype, [&](auto b) {
                    typedef decltype(b) W;
                    launch(c, "conv2d", transform_filters<N, W>, blocks_for(p.outputs * p.channels, THREADS), THREADS,
                           0, p, (const W *)numbers_of(w), u);
                });
                dim3 grid(blocks_for(p.tiles, TILE), blocks_for(p.outputs, TILE), (unsigned)points);
                launch(c, "conv2d", multiply_points, grid, THREADS, 0, p, m);
            }
            launch(c, "conv2d", transform_outputs<N>, blocks_for(p.tiles * p.outputs, THREADS), THREADS, 0, p, y, f);
        }
}

} // namespace

void cuda_winograd(Ctx *c, Tensor y, Tensor x, const Weight *w, Conv2d g, const Finish &f) {
    Part p = {};
    p.x = x, p.g = g, p.all_channels = w->t.n[3];
    p.up = winograd_by_phases(y, x, g);
    int64_t unit = p.up ? 2 * WINO_OUT : WINO_OUT;
    p.rows = (y.n[1] + unit - 1) / unit;
    p.columns = (y.n[2] + unit - 1) / unit;
    for (int phase = 0; phase < (p.up ? 4 : 1); phase++) {
        p.phase_row = phase / 2, p.phase_column = phase % 2;
        p.row = begin(p.up, p.phase_row, g.pad_top, &p.odd_row);
        p.column = begin(p.up, p.phase_column, g.pad_left, &p.odd_column);
        if (p.up) run_phase<WINO_UP_IN>(c, p, y, w, f);
        else run_phase<WINO_IN>(c, p, y, w, f);
    }
}
