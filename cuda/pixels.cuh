/* pixels.cuh: the left-hand side of a product, wherever its numbers lie: rows of tokens from one or two tensors, or the
 * pixels that a convolution's kernel sees. K of a convolution counts taps first, channels within. */
#ifndef SD_CUDA_PIXELS_CUH
#define SD_CUDA_PIXELS_CUH

#include "kernels.cuh"

/* [N,T,K] and [N,T,K2] side by side */
struct Rows {
    Tensor x, x2;

    struct Row {
        const void *first, *second;
    };
    template <class A> __device__ Row row(int64_t picture, int64_t row) const {
        Row r = {at2<A>(x, picture, row), x2.data ? at2<A>(x2, picture, row) : NULL};
        return r;
    }
    /* Where n numbers from k on lie; NULL: zeros. They must not straddle the two sources. */
    template <class A> __device__ const A *at(Row r, int64_t k) const {
        return k < x.n[2] ? (const A *)r.first + k : (const A *)r.second + (k - x.n[2]);
    }
};

/* Row (or column) of a picture of `in` rows that row i comes from when it is read as if resized to `up` rows by nearest
 * neighbour, as torch computes it: floor(i * (float)(in / up)). up 0: as it is. -1: outside. */
static __device__ inline int64_t nearest_source(int64_t i, int64_t in, int64_t up) {
    if (!up) return i >= 0 && i < in ? i : -1;
    if (i < 0 || i >= up) return -1;
    return min64((int64_t)((float)i * ((float)in / (float)up)), in - 1);
}

struct Pixels {
    Tensor x; /* [N,H,W,I] */
    Conv2d g;
    int64_t kernel_width, width; /* of the kernel; of the output */

    struct Row {
        const void *picture;
        int oy, ox; /* the first tap's place */
    };
    template <class A> __device__ Row row(int64_t picture, int64_t pixel) const {
        uint32_t p = (uint32_t)pixel, w = (uint32_t)width; /* which divides faster */
        Row r = {(const A *)x.data + picture * x.s[0], (int)(p / w) * g.stride - g.pad_top,
                 (int)(p % w) * g.stride - g.pad_left};
        return r;
    }
    template <class A> __device__ const A *at(Row r, int64_t k) const {
        int channels = (int)x.n[3], tap = (int)k / channels, c = (int)k % channels, kw = (int)kernel_width;
        int64_t iy = nearest_source(r.oy + tap / kw, x.n[1], g.up_h);
        int64_t ix = nearest_source(r.ox + tap % kw, x.n[2], g.up_w);
        return iy < 0 || ix < 0 ? NULL : (const A *)r.picture + iy * x.s[1] + ix * x.s[2] + c;
    }
};

/* On tensor cores, for the shapes and types that they take (product_tensor.cu, attention_tensor.cu); false: the plain
 * kernel must do it. Of compute capability 9.0 (product_hopper.cu, attention_hopper.cu); false: one of the others must.
 */
bool cuda_linear_hopper(Ctx *c, const Rows &rows, const Weight *w, const Finish &f);
bool cuda_conv2d_hopper(Ctx *c, const Pixels &pixels, const Weight *w, const Finish &f);
bool cuda_linear_tensor(Ctx *c, const Rows &rows, const Weight *w, const Finish &f);
bool cuda_conv2d_tensor(Ctx *c, const Pixels &pixels, const Weight *w, const Finish &f);
bool cuda_attention_hopper(Ctx *c, Tensor o, Tensor q, Tensor k, Tensor v, int heads, bool causal);
bool cuda_attention_tensor(Ctx *c, Tensor o, Tensor q, Tensor k, Tensor v, int heads, bool causal);

#endif
