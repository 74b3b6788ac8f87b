/* numbers.cuh: the types in which activations and weights are stored. Arithmetic is f32; these only load and store. */
#ifndef SD_CUDA_NUMBERS_CUH
#define SD_CUDA_NUMBERS_CUH

#include "prelude.cuh"

#include <type_traits>

#ifdef __CUDACC__
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#endif

struct Half { /* F16 */
    uint16_t bits;
};
struct Brain { /* BF16 */
    uint16_t bits;
};

static __device__ inline float to_f32(float x) { return x; }
static __device__ inline float to_f32(Brain x) { return bf16_to_f32(x.bits); }
static __device__ inline float to_f32(Half x) {
#ifdef __CUDA_ARCH__
    return __half2float(__ushort_as_half(x.bits));
#else
    return f16_to_f32(x.bits);
#endif
}

static __device__ inline void store(float *to, float x) { *to = x; }
static __device__ inline void store(Brain *to, float x) {
#ifdef __CUDA_ARCH__
    to->bits = __bfloat16_as_ushort(__float2bfloat16_rn(x));
#else
    to->bits = f32_to_bf16(x);
#endif
}
static __device__ inline void store(Half *to, float x) {
#ifdef __CUDA_ARCH__
    to->bits = __half_as_ushort(__float2half_rn(x));
#else
    to->bits = f32_to_f16(x);
#endif
}

/* Two 16-bit numbers in a word, the first in the low half. */
template <class T> static __device__ inline uint32_t pair(float low, float high) {
#if defined __CUDA_ARCH__ && __CUDA_ARCH__ >= 800
    if constexpr (std::is_same<T, Half>::value) {
        __half2 both = __floats2half2_rn(low, high);
        return *(uint32_t *)&both;
    } else {
        __nv_bfloat162 both = __floats2bfloat162_rn(low, high);
        return *(uint32_t *)&both;
    }
#else
    T a, b;
    store(&a, low);
    store(&b, high);
    return (uint32_t)a.bits | (uint32_t)b.bits << 16;
#endif
}
template <class T> static __device__ inline void store_pair(T *to, float low, float high) {
    *(uint32_t *)to = pair<T>(low, high);
}
template <class T> static __device__ inline void add_pair(float (&to)[2], const T *from) {
    uint32_t both = *(const uint32_t *)from;
    T low = {(uint16_t)both}, high = {(uint16_t)(both >> 16)};
    to[0] += to_f32(low);
    to[1] += to_f32(high);
}

template <class T> static __device__ inline T *at2(const Tensor &t, int64_t i, int64_t j) {
    return (T *)t.data + i * t.s[0] + j * t.s[1];
}

/* f(T()) with T the type named by t. */
template <class F> static inline void by_type(DType t, F f) {
    if (t == F16) f(Half());
    else if (t == BF16) f(Brain());
    else f(float());
}
/* f(A(), W()): f32 activations go with weights of any type, others with weights of the same type. */
template <class F> static inline void by_types(DType a, DType w, F f) {
    if (a == F16) f(Half(), Half());
    else if (a == BF16) f(Brain(), Brain());
    else by_type(w, [&](auto weight) { f(float(), weight); });
}

#endif
