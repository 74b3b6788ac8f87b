/* ptx.cuh: the instructions that CUDA C has no words for, each a small function, with a twin in plain C++ for the
 * tests' stand-in. Nothing else in cuda/ holds inline PTX. Layouts of tiles: PTX ISA, "Matrix multiply-accumulate
 * operation using mma instruction", m16n8k16; lane l has row g = l / 4 and the pair of columns 2 t, t = l % 4. */
#ifndef SD_CUDA_PTX_H
#define SD_CUDA_PTX_H

#include "numbers.cuh"

/* Copies `bytes` (0 or 16) from global memory to `to` on 16 bytes of shared memory, and zeros in place of the rest of
 * 16; done no sooner than copies_wait says. */
static __device__ inline void copy_async(void *to, const void *from, int bytes) {
#if !defined __CUDACC__
    shim_copy_later(to, from, bytes, 16 - bytes);
#elif !defined __CUDA_ARCH__ || __CUDA_ARCH__ >= 800
#ifdef __CUDA_ARCH__
    unsigned at = (unsigned)__cvta_generic_to_shared(to);
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(at), "l"(from), "r"(bytes) : "memory");
#endif
#else
    *(uint4 *)to = bytes ? *(const uint4 *)from : make_uint4(0, 0, 0, 0);
#endif
}

/* Ends a group of copies. */
static __device__ inline void copies_commit() {
#if !defined __CUDACC__
    shim_copy_commit();
#elif defined __CUDA_ARCH__ && __CUDA_ARCH__ >= 800
    asm volatile("cp.async.commit_group;" ::: "memory");
#endif
}

/* Until this thread's groups are done but for the newest N. */
template <int N> static __device__ inline void copies_wait() {
#if !defined __CUDACC__
    shim_copy_wait(N);
#elif defined __CUDA_ARCH__ && __CUDA_ARCH__ >= 800
    asm volatile("cp.async.wait_group %0;" ::"n"(N) : "memory");
#endif
}

/* N tiles of 8 x 8 numbers of 16 bits from shared memory: lane 8 i + j says where row j of tile i lies, on 16 bytes. */
template <int N> static __device__ inline void load_tiles(uint32_t (&r)[N], const void *row) {
#if !defined __CUDACC__
    unsigned lane = shim_lane();
    memcpy(shim_slot(lane), &row, sizeof row);
    void *slots[N];
    for (unsigned i = 0; i < N; i++) slots[i] = shim_slot(8 * i + lane / 4);
    shim_warp_wait();
    for (unsigned i = 0; i < N; i++) memcpy(&r[i], *(char **)slots[i] + 4 * (lane % 4), 4);
#elif defined __CUDA_ARCH__
    unsigned at = (unsigned)__cvta_generic_to_shared(row);
    if constexpr (N == 4)
        asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
                     : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                     : "r"(at)
                     : "memory");
    else
        asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0,%1}, [%2];"
                     : "=r"(r[0]), "=r"(r[1])
                     : "r"(at)
                     : "memory");
#endif
}

/* The same two tiles, each turned. */
static __device__ inline void load_tiles_turned(uint32_t (&r)[2], const void *row) {
#if !defined __CUDACC__
    unsigned lane = shim_lane();
    memcpy(shim_slot(lane), &row, sizeof row);
    void *slots[2][2];
    for (unsigned i = 0; i < 2; i++)
        for (unsigned k = 0; k < 2; k++) slots[i][k] = shim_slot(8 * i + 2 * (lane % 4) + k);
    shim_warp_wait();
    for (unsigned i = 0; i < 2; i++)
        for (unsigned k = 0; k < 2; k++) memcpy((char *)&r[i] + 2 * k, *(char **)slots[i][k] + 2 * (lane / 4), 2);
#elif defined __CUDA_ARCH__
    unsigned at = (unsigned)__cvta_generic_to_shared(row);
    asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0,%1}, [%2];"
                 : "=r"(r[0]), "=r"(r[1])
                 : "r"(at)
                 : "memory");
#endif
}

#ifndef __CUDACC__
template <class T> static inline void shim_multiply(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
    unsigned lane = shim_lane(), g = lane / 4, t = lane % 4;
    float mine[12];
    for (unsigned i = 0; i < 12; i++) {
        T x = {(uint16_t)((i < 8 ? a[i / 2] : b[i / 2 - 4]) >> 16 * (i % 2))};
        mine[i] = to_f32(x);
    }
    memcpy(shim_slot(lane), mine, sizeof mine);
    const float *rows[4], *columns[2][4];
    for (unsigned i = 0; i < 4; i++) {
        rows[i] = (const float *)shim_slot(4 * g + i);
        for (unsigned k = 0; k < 2; k++) columns[k][i] = (const float *)shim_slot(4 * (2 * t + k) + i) + 8;
    }
    shim_warp_wait();
    for (unsigned i = 0; i < 4; i++) { /* lane 4 g + i has k = 2 i, 2 i + 1 and those 8 further */
        const float *p = rows[i];
        for (unsigned k = 0; k < 2; k++) {
            const float *q = columns[k][i];
            d[k] += p[0] * q[0] + p[1] * q[1] + p[4] * q[2] + p[5] * q[3];
            d[2 + k] += p[2] * q[0] + p[3] * q[1] + p[6] * q[2] + p[7] * q[3];
        }
    }
}
#endif

/* d[16 x 8] += a[16 x 16] b[16 x 8], the warp's tiles; T: Half or Brain (from compute capability 8.0 on) */
template <class T>
static __device__ inline void multiply(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
#if !defined __CUDACC__
    shim_multiply<T>(d, a, b);
#elif defined __CUDA_ARCH__ && __CUDA_ARCH__ >= 800
    if constexpr (std::is_same<T, Half>::value)
        asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
                     "{%0,%1,%2,%3};"
                     : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
                     : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
    else
        asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
                     "{%0,%1,%2,%3};"
                     : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
                     : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#elif defined __CUDA_ARCH__
    if constexpr (std::is_same<T, Half>::value)
        for (int k = 0; k < 2; k++)
            asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5}, {%6}, "
                         "{%0,%1,%2,%3};"
                         : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
                         : "r"(a[2 * k]), "r"(a[2 * k + 1]), "r"(b[k]));
    else __trap();
#endif
}

/* 2^x, relative error 2e-7; small results are 0 */
static __device__ inline float exp2_fast(float x) {
#ifdef __CUDA_ARCH__
    float y;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
#else
    return exp2f(x);
#endif
}

/* Two numbers side by side, the first in the low half. */
template <class T> static __device__ inline uint32_t pair(float low, float high) {
    T a, b;
    store(&a, low);
    store(&b, high);
    return (uint32_t)a.bits | (uint32_t)b.bits << 16;
}

/* Whether a card's tensor cores take T. */
template <class T> static inline bool tensor_cores(const Card *card) {
    return std::is_same<T, Half>::value || (std::is_same<T, Brain>::value && card->arch >= 80);
}

#endif
