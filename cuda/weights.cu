/* weights.cu: copies weights to the GPU, once, when a model is loaded. In pieces, so that it needs no host memory; from
 * any thread. */
#include "kernels.cuh"
#include "tensor/q8.h"

#include <string.h>

namespace {

enum { PIECE = 16384 }; /* numbers copied at once */

/* Collects numbers and copies them piece by piece. */
template <class T> struct Crossing {
    T *to;
    int64_t count;
    T piece[PIECE];

    void flush() {
        if (count) cudaMemcpy(to, piece, (size_t)count * sizeof(T), cudaMemcpyDefault);
        to += count;
        count = 0;
    }
    void add(float x) {
        store(&piece[count++], x);
        if (count == PIECE) flush();
    }
};

float number(const char *from, DType type, int64_t i) {
    float f;
    uint16_t h;
    if (type == Q8_0) return q8_number(from, i);
    if (type == F32) return memcpy(&f, from + 4 * i, 4), f;
    memcpy(&h, from + 2 * i, 2);
    return type == F16 ? f16_to_f32(h) : bf16_to_f32(h);
}

template <class T> void cross(const Weight *w, DType type, const char *from, bool torch_order, void *to) {
    Crossing<T> c;
    c.to = (T *)to;
    c.count = 0;
    if (w->kind == WEIGHT_CONV && torch_order) {
        int64_t channels = w->t.n[3], taps = w->t.n[1] * w->t.n[2];
        for (int64_t o = 0; o < w->t.n[0]; o++)
            for (int64_t t = 0; t < taps; t++)
                for (int64_t i = 0; i < channels; i++) c.add(number(from, type, (o * channels + i) * taps + t));
    } else {
        for (int64_t i = 0, n = tensor_count(w->t); i < n; i++) c.add(number(from, type, i));
    }
    c.flush();
}

template <class A> DType type_of(const Weight *w, DType type) {
    if (w->kind == WEIGHT_VECTOR) return F32;
    if (type == Q8_0) type = F32; /* which holds its numbers exactly */
    return std::is_same<A, Half>::value ? F16 : std::is_same<A, Brain>::value ? BF16 : type;
}

} // namespace

template <class A> size_t cuda_prepared_bytes(const Weight *w, DType type) {
    return dtype_bytes(type_of<A>(w, type), tensor_count(w->t));
}

template <class A> void cuda_prepare(Weight *w, DType type, const void *from, bool torch_order, void *to) {
    DType mine = type_of<A>(w, type);
    bool as_it_is = mine == type && !(w->kind == WEIGHT_CONV && torch_order);
    if (as_it_is) cudaMemcpy(to, from, cuda_prepared_bytes<A>(w, type), cudaMemcpyDefault);
    else by_type(mine, [&](auto t) { cross<decltype(t)>(w, type, (const char *)from, torch_order, to); });
    /* A copy may still be under way when cudaMemcpy returns, and the GPU's own stream does not wait for it. */
    w->prepared = cudaStreamSynchronize(cudaStreamLegacy) == cudaSuccess ? to : NULL;
    w->layout = WEIGHT_PLAIN;
    w->t.dtype = mine;
    w->t.data = NULL;
}

template size_t cuda_prepared_bytes<float>(const Weight *, DType);
template size_t cuda_prepared_bytes<Half>(const Weight *, DType);
template size_t cuda_prepared_bytes<Brain>(const Weight *, DType);
template void cuda_prepare<float>(Weight *, DType, const void *, bool, void *);
template void cuda_prepare<Half>(Weight *, DType, const void *, bool, void *);
template void cuda_prepare<Brain>(Weight *, DType, const void *, bool, void *);
