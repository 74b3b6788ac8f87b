/* norm.cu: group norm and layer norm. The CPU's twin is tensor/cpu/norm.c, which explains the sums; in f32 these have
 * its bits.
 *
 * Group norm: a block of threads for each GROUP_NORM_PIXELS pixels, a thread per channel; then a warp goes through a
 * group's blocks in order. Layer norm: sixteen threads per row. */
#include "kernels.cuh"

namespace {

enum { WARP = 32, THREADS = 256, ROWS = THREADS / ROW_LANES /* of layer norm, per block */ };

typedef struct {
    Tensor y, x, x2, parts; /* parts [N,blocks,groups,2]: mean and M2 of one block's group, later of the whole group */
    const float *w, *b;
    int64_t groups;
    float eps;
    Act act;
} GroupNorm;

__device__ double *part(const GroupNorm &g, int64_t picture, int64_t block, int64_t group) {
    return (double *)g.parts.data + ((picture * g.parts.n[1] + block) * g.groups + group) * 2;
}

/* A channel of a picture, in one of two tensors. */
template <class A> struct Channel {
    const A *first;
    int64_t step;

    __device__ Channel(const GroupNorm &g, int64_t picture, int64_t c) {
        bool second = c >= g.x.n[2];
        first = second ? at2<A>(g.x2, picture, 0) + (c - g.x.n[2]) : at2<A>(g.x, picture, 0) + c;
        step = second ? g.x2.s[1] : g.x.s[1];
    }
    __device__ float at(int64_t pixel) const { return to_f32(first[pixel * step]); }
};

template <class A> __global__ void __launch_bounds__(THREADS) sum_block(GroupNorm g) {
    int64_t picture = blockIdx.y, blk = blockIdx.x, channels = g.y.n[2];
    int64_t from = blk * GROUP_NORM_PIXELS, to = min64(from + GROUP_NORM_PIXELS, g.y.n[1]);
    float *means = (float *)shared_memory(), *sums = means + channels, *squares = sums + channels;
    float inverse = 1.0f / (float)(to - from);
    for (int64_t c = threadIdx.x; c < channels; c += THREADS) {
        Channel<A> x(g, picture, c);
        float m = 0, s1 = 0, s2 = 0;
        UNROLL_SOME
        for (int64_t t = from; t < to; t++) m += x.at(t);
        m *= inverse;
        UNROLL_SOME
        for (int64_t t = from; t < to; t++) {
            float d = x.at(t) - m;
            s1 += d;
            s2 = fma1(d, d, s2);
        }
        means[c] = m, sums[c] = s1, squares[c] = s2;
    }
    __syncthreads();
    int64_t width = channels / g.groups;
    double count = (double)(to - from);
    for (int64_t k = threadIdx.x; k < g.groups; k += THREADS) {
        double total = 0, m2 = 0;
        for (int64_t c = k * width; c < (k + 1) * width; c++) total += means[c] + sums[c] / count;
        double mean = total / (double)width;
        for (int64_t c = k * width; c < (k + 1) * width; c++) {
            double d = means[c] + sums[c] / count - mean;
            m2 += squares[c] - (double)sums[c] * sums[c] / count + count * d * d;
        }
        double *out = part(g, picture, blk, k);
        out[0] = mean;
        out[1] = m2;
    }
}

/* Joins the blocks of a picture's group, in order, into part(picture, 0, group): mean and 1/sqrt(var + eps). A warp
 * reads as many as it has lanes at once; all lanes compute the same. */
__global__ void join_blocks(GroupNorm g) {
    int64_t group = blockIdx.x, picture = blockIdx.y, pixels = g.y.n[1], width = g.y.n[2] / g.groups;
    double n = 0, mean = 0, m2 = 0;
    for (int64_t from = 0; from < g.parts.n[1]; from += WARP) {
        int some = (int)min64(WARP, g.parts.n[1] - from);
        const double *mine = part(g, picture, min64(from + threadIdx.x, g.parts.n[1] - 1), group);
        double my_mean = mine[0], my_m2 = mine[1];
        for (int i = 0; i < some; i++) {
            double k = (double)(min64(GROUP_NORM_PIXELS, pixels - (from + i) * GROUP_NORM_PIXELS) * width);
            double d = __shfl_sync(~0u, my_mean, i) - mean;
            m2 += __shfl_sync(~0u, my_m2, i) + d * d * n * k / (n + k);
            mean += d * k / (n + k);
            n += k;
        }
    }
    if (threadIdx.x) return;
    double *out = part(g, picture, 0, group);
    out[0] = mean;
    out[1] = 1.0 / sqrt(m2 / n + (double)g.eps);
}

template <class A> __global__ void __launch_bounds__(THREADS) normalise_block(GroupNorm g) {
    enum { AT_ONCE = 8 }; /* y may be x, so compilers would not read ahead of writes */
    int64_t picture = blockIdx.y, blk = blockIdx.x, channels = g.y.n[2], width = channels / g.groups;
    int64_t from = blk * GROUP_NORM_PIXELS, to = min64(from + GROUP_NORM_PIXELS, g.y.n[1]);
    for (int64_t c = threadIdx.x; c < channels; c += THREADS) {
        /* y = ((x - high) - low) * scale + b: the mean in two floats, so that a large one costs no accuracy */
        const double *p = part(g, picture, 0, c / width);
        float high = (float)p[0], low = (float)(p[0] - (double)high), scale = (float)(p[1] * (double)g.w[c]),
              b = g.b[c];
        Channel<A> x(g, picture, c);
        for (int64_t t = from; t < to; t += AT_ONCE) {
            float some[AT_ONCE];
            UNROLL
            for (int i = 0; i < AT_ONCE; i++) some[i] = t + i < to ? x.at(t + i) : 0;
            UNROLL
            for (int i = 0; i < AT_ONCE; i++)
                if (t + i < to)
                    store(at2<A>(g.y, picture, t + i) + c, activate(fma1((some[i] - high) - low, scale, b), g.act));
        }
    }
}

typedef struct {
    Tensor y, x;
    const float *w, *b;
    float eps;
} LayerNorm;

/* The sum of a row's lanes, by halves. */
__device__ double lanes(double v) {
    for (int half = ROW_LANES / 2; half; half /= 2) v += __shfl_xor_sync(~0u, v, half);
    return v;
}

template <class A> __global__ void layer_rows(LayerNorm l) {
    int64_t n = l.x.n[2], whole = n / ROW_LANES * ROW_LANES, lane = threadIdx.x % ROW_LANES;
    int64_t row = (int64_t)blockIdx.x * ROWS + threadIdx.x / ROW_LANES, rows = l.x.n[0] * l.x.n[1];
    int64_t mine = min64(row, rows - 1), picture = mine / l.x.n[1], t = mine % l.x.n[1];
    const A *x = at2<A>(l.x, picture, t);
    float sum = 0, s1 = 0, s2 = 0;
    for (int64_t c = lane; c < whole; c += ROW_LANES) sum += to_f32(x[c]);
    double total = lanes(sum);
    for (int64_t c = whole; c < n; c++) total += to_f32(x[c]);
    float m = (float)(total / (double)n);
    for (int64_t c = lane; c < whole; c += ROW_LANES) {
        float d = to_f32(x[c]) - m;
        s1 += d;
        s2 = fma1(d, d, s2);
    }
    double a = lanes(s1), b = lanes(s2);
    for (int64_t c = whole; c < n; c++) {
        double d = (double)to_f32(x[c]) - (double)m;
        a += d;
        b += d * d;
    }
    double low = a / (double)n, var = b / (double)n - low * low;
    float rest = (float)low, rstd = (float)(1.0 / sqrt((var > 0 ? var : 0 * var) + (double)l.eps));
    __syncwarp(); /* y may be x */
    if (row >= rows) return;
    A *y = at2<A>(l.y, picture, t);
    for (int64_t c = lane; c < n; c += ROW_LANES)
        store(y + c, fma1(((to_f32(x[c]) - m) - rest) * rstd, l.w[c], l.b[c]));
}

} // namespace

void cuda_group_norm(Ctx *c, Tensor y, Tensor x, const Tensor *x2, const Weight *w, const Weight *b, Tensor parts,
                     float eps, Act act) {
    GroupNorm g = {y, x, {}, parts, (const float *)numbers_of(w), (const float *)numbers_of(b), parts.n[2], eps, act};
    if (x2) g.x2 = *x2;
    dim3 blocks((unsigned)parts.n[1], (unsigned)y.n[0]);
    size_t shared = 3 * (size_t)y.n[2] * sizeof(float);
    by_type(y.dtype, [&](auto a) {
        typedef decltype(a) A;
        launch(c, "group_norm", sum_block<A>, blocks, THREADS, shared, g);
        launch(c, "group_norm", join_blocks, dim3((unsigned)g.groups, (unsigned)y.n[0]), WARP, 0, g);
        launch(c, "group_norm", normalise_block<A>, blocks, THREADS, 0, g);
    });
}

void cuda_layer_norm(Ctx *c, Tensor y, Tensor x, const Weight *w, const Weight *b, float eps) {
    LayerNorm l = {y, x, (const float *)numbers_of(w), (const float *)numbers_of(b), eps};
    by_type(y.dtype, [&](auto a) {
        launch(c, "layer_norm", layer_rows<decltype(a)>, blocks_for(x.n[0] * x.n[1], ROWS), THREADS, 0, l);
    });
}
