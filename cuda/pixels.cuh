/* pixels.cuh: the left-hand side of a product, wherever its numbers are: rows of tokens from one or two tensors, or the
 * pixels that a convolution's kernel sees. K of a convolution counts taps, then channels. */
#ifndef SD_CUDA_PIXELS_CUH
#define SD_CUDA_PIXELS_CUH

#include "kernels.cuh"

/* [N,T,K] and [N,T,K2], concatenated along K */
struct Rows {
    Tensor x, x2;

    struct Row {
        const void *first, *second;
    };
    template <class A> __device__ Row row(int64_t picture, int64_t row) const {
        Row r = {at2<A>(x, picture, row), x2.data ? at2<A>(x2, picture, row) : NULL};
        return r;
    }
    typedef int64_t Place;
    __device__ Place place(int64_t k) const { return k; }
    /* Where the numbers from k on are; NULL: zeros. They must not straddle the two sources. */
    template <class A> __device__ const A *at(Row r, Place k) const {
        return k < x.n[2] ? (const A *)r.first + k : (const A *)r.second + (k - x.n[2]);
    }
};

/* For a picture of `in` rows (or columns) read as if resized to `up` rows by nearest neighbour: the row that row i
 * comes from, as torch computes it: floor(i * (float)(in / up)). up 0: no resizing. -1: outside the picture. */
static __device__ inline int64_t nearest_source(int64_t i, int64_t in, int64_t up) {
    if (!up) return i >= 0 && i < in ? i : -1;
    if (i < 0 || i >= up) return -1;
    return min64((int64_t)((float)i * ((float)in / (float)up)), in - 1);
}

struct Pixels {
    Tensor x; /* [N,H,W,I] */
    Conv2d g;
    int64_t kernel_width, width; /* width: of the output */

    struct Row {
        const void *picture;
        int oy, ox; /* where the first tap is */
    };
    template <class A> __device__ Row row(int64_t picture, int64_t pixel) const {
        uint32_t p = (uint32_t)pixel, w = (uint32_t)width; /* 32 bits divide faster */
        Row r = {(const A *)x.data + picture * x.s[0], (int)(p / w) * g.stride - g.pad_top,
                 (int)(p % w) * g.stride - g.pad_left};
        return r;
    }
    struct Place {
        int row, column, channel; /* of the kernel; of x */
    };
    __device__ Place place(int64_t k) const {
        int channels = (int)x.n[3], tap = (int)k / channels, kw = (int)kernel_width;
        Place p = {tap / kw, tap % kw, (int)k % channels};
        return p;
    }
    template <class A> __device__ const A *at(Row r, Place p) const {
        int64_t iy = nearest_source(r.oy + p.row, x.n[1], g.up_h), ix = nearest_source(r.ox + p.column, x.n[2], g.up_w);
        return iy < 0 || ix < 0 ? NULL : (const A *)r.picture + iy * x.s[1] + ix * x.s[2] + p.channel;
    }
};

/* Other forms of convolutions, in f32 (conv_few.cu, winograd.cu). */
void cuda_conv_few(Ctx *c, const Pixels &pixels, const Weight *w, const Finish &f);
void cuda_winograd(Ctx *c, Tensor y, Tensor x, const Weight *w, Conv2d g, const Finish &f);

/* Faster kernels, which return false for shapes, types and GPUs that they do not take: *_hopper for compute capability
 * 9.0 (product_hopper.cu, attention_hopper.cu), *_tensor for tensor cores (product_tensor.cu, attention_tensor.cu). */
bool cuda_linear_hopper(Ctx *c, const Rows &rows, const Weight *w, const Finish &f);
bool cuda_conv2d_hopper(Ctx *c, const Pixels &pixels, const Weight *w, const Finish &f);
bool cuda_linear_tensor(Ctx *c, const Rows &rows, const Weight *w, const Finish &f);
bool cuda_conv2d_tensor(Ctx *c, const Pixels &pixels, const Weight *w, const Finish &f);
bool cuda_attention_hopper(Ctx *c, Tensor o, Tensor q, Tensor k, Tensor v, int heads, bool causal);
bool cuda_attention_tensor(Ctx *c, Tensor o, Tensor q, Tensor k, Tensor v, int heads, bool causal);

#endif
