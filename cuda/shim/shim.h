/* shim.h: enough of CUDA's language for a host compiler, so that tests run the same kernels without a GPU.
 *
 * A launch runs block by block. A block's threads are fibers (fibers.cc): each runs until it waits for others, at a
 * barrier or in an exchange within its warp. Threads that wait for nobody simply run one after the other, forwards in
 * one block, backwards in the next. A host thread has one piece of shared memory, whose dynamic part is filled with NaN
 * before every block. So races that depend on the order, missing barriers and unwritten elements show up as wrong
 * numbers, and accesses out of bounds show up under AddressSanitizer. Left out: warps that diverge within an exchange,
 * and time. */
#ifndef SD_CUDA_SHIM_SHIM_H
#define SD_CUDA_SHIM_SHIM_H

#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __noinline__ inline
#define __restrict__
#define __launch_bounds__(...)
#define __grid_constant__
#define __align__(n) alignas(n)
#define __shared__ static thread_local

struct dim3 {
    unsigned x, y, z;
    dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
};
struct float4 {
    float x, y, z, w;
};
struct alignas(16) uint4 {
    unsigned x, y, z, w;
};
static inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }

extern thread_local dim3 gridDim, blockDim, blockIdx, threadIdx;

void shim_barrier();   /* waits for all threads of the block */
void shim_warp_wait(); /* waits for all threads of the warp */
/* This thread's number in its warp, and the lanes' slots for one exchange: write before shim_warp_wait, read after. */
enum { SHIM_SLOT = 128 };
/* __thread, since UBSan takes the wrapper that gcc makes for an extern thread_local for a null pointer. */
extern __thread unsigned shim_own_lane;
extern __thread unsigned char *shim_slots;
static inline unsigned shim_lane() { return shim_own_lane; }
static inline void *shim_slot(unsigned lane) { return shim_slots + lane % 32 * SHIM_SLOT; }
void *shim_shared();                                                    /* the block's dynamic shared memory */
void shim_copy_later(void *to, const void *from, int bytes, int zeros); /* cp.async: done only when waited for */
void shim_copy_commit();
void shim_copy_wait(int groups); /* waits for all but this many of the newest groups */

static inline void __syncthreads() { shim_barrier(); }
static inline void __syncwarp() { shim_warp_wait(); }

template <class T> static inline T shim_exchange(T v, unsigned from) {
    std::memcpy(shim_slot(shim_lane()), &v, sizeof v);
    void *theirs = shim_slot(from);
    shim_warp_wait();
    std::memcpy(&v, theirs, sizeof v);
    return v;
}
template <class T> static inline T __shfl_xor_sync(unsigned, T v, int mask) {
    return shim_exchange(v, shim_lane() ^ (unsigned)mask);
}
template <class T> static inline T __shfl_sync(unsigned, T v, int lane) { return shim_exchange(v, (unsigned)lane); }

/* A clock that advances with every look. */
static inline long long clock64() {
    static thread_local long long now;
    return now += 1 << 20;
}

using std::sqrt;
static inline float __fdividef(float a, float b) { return a / b; }

/* Runs the kernel on every block now, or adds it to the graph being recorded. */
void shim_launch(dim3 grid, dim3 block, size_t shared, void *stream, std::function<void()> body);

#include "hopper.h"
#include "runtime.h"

#endif
