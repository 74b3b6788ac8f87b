/* prelude.cuh: what every file of cuda/ includes first. One source serves nvcc and the tests' host compiler
 * (shim/shim.h). */
#ifndef SD_CUDA_PRELUDE_CUH
#define SD_CUDA_PRELUDE_CUH

#ifdef __CUDACC__
#include <cuda.h> /* for names of the driver's types; it is not linked */
#include <cuda_runtime.h>
#else
#include "cuda/shim/shim.h"
#endif

#define SD_INLINE static __host__ __device__ inline /* for fmath.h and half.h */
/* a b + c with one rounding. No compiler may fuse anything else where the CPU's bits are kept (Makefile). */
SD_INLINE float fma1(float a, float b, float c) { return fmaf(a, b, c); }
#define FM_FMA fma1
extern "C" {
#include "tensor/fmath.h"
#include "tensor/half.h"
#include "tensor/ops.h"
}

#ifdef __CUDACC__
#define UNROLL _Pragma("unroll")
#define UNROLL_SOME _Pragma("unroll 8")
#else
#define UNROLL
#define UNROLL_SOME
#endif

struct Gpu {
    int number, arch; /* 80: compute capability 8.0 */
    size_t shared;    /* most bytes of shared memory per block */
    cudaStream_t stream;
    float *partials; /* SPLIT_BYTES: sums of products whose K is split */
    int processors;
    void *encode_map; /* cuTensorMapEncodeTiled, if product_hopper.cu may use the GPU; else NULL */
    bool idle;        /* the host has waited for it since the last work */
    cudaEvent_t *marks;
    int mark_count;
    char name[300];
};

enum { SPLIT_BYTES = 32 << 20 };

static inline Gpu *gpu_of(Ctx *c) { return c->arena->gpu; }

/* True if e is success; else sets c's error (or *e): `what` failed. */
bool cuda_check(Ctx *c, cudaError_t e, const char *what);
bool gpu_check(Gpu *gpu, cudaError_t code, const char *what, Error *e);

extern const GpuMemory cuda_memory; /* memory.cu */

/* Dynamic shared memory, aligned to 128 bytes. */
static __device__ inline unsigned char *shared_memory() {
#ifdef __CUDACC__
    extern __shared__ __align__(128) unsigned char dynamic_shared[];
    return dynamic_shared;
#else
    return (unsigned char *)shim_shared();
#endif
}

/* The only place where kernels are launched. */
template <class... P, class... A>
static void launch(Ctx *c, const char *name, void (*kernel)(P...), dim3 grid, dim3 block, size_t shared, A... args) {
    if (c->err.code || !grid.x || !cuda_check(c, cudaSetDevice(gpu_of(c)->number), name)) return;
    if (shared > 48 << 10 &&
        !cuda_check(c, cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, (int)shared), name))
        return;
#ifdef __CUDACC__
    kernel<<<grid, block, shared, gpu_of(c)->stream>>>(P(args)...);
#else
    shim_launch(grid, block, shared, gpu_of(c)->stream, [=] { kernel(P(args)...); });
#endif
    cuda_check(c, cudaGetLastError(), name);
}

static inline unsigned blocks_for(int64_t n, int64_t each) { return (unsigned)((n + each - 1) / each); }
static __host__ __device__ inline int64_t min64(int64_t a, int64_t b) { return a < b ? a : b; }

#endif
