/* runtime.h: the functions of the CUDA runtime that cuda/ calls, on host memory.
 *
 * The environment describes the GPUs:
 *
 *  - SDC_SHIM_GPUS: how many (1); -1: no driver either; -2: a driver that is too old; -3: one that fails
 *  - SDC_SHIM_ARCH: compute capability (80)
 *  - SDC_SHIM_MEMORY: bytes of each (2 GiB)
 *  - SDC_SHIM_DEVICES: the folder in which they are listed
 *  - SDC_SHIM_FAIL: the number of the launch at which the GPU is lost
 *  - SDC_SHIM_REFUSE: the number of the allocation that fails
 *  - SDC_SHIM_GUARD: if set, a GPU's memory cannot be touched between calls, so that a host that reads or writes there
 *    other than by copying crashes, as it would with a real GPU */
#ifndef SD_CUDA_SHIM_RUNTIME_H
#define SD_CUDA_SHIM_RUNTIME_H

#include <cstddef>

enum cudaError_t {
    cudaSuccess = 0,
    cudaErrorInvalidValue = 1,
    cudaErrorMemoryAllocation = 2,
    cudaErrorInsufficientDriver = 35,
    cudaErrorNoDevice = 100,
    cudaErrorInvalidDevice = 101,
    cudaErrorLaunchFailure = 719,
};
enum cudaMemcpyKind { cudaMemcpyDefault = 4 };
enum cudaStreamCaptureMode { cudaStreamCaptureModeThreadLocal = 1 };
enum cudaFuncAttribute { cudaFuncAttributeMaxDynamicSharedMemorySize = 8 };
enum { cudaStreamNonBlocking = 1 };

typedef struct ShimStream *cudaStream_t;
#define cudaStreamLegacy ((cudaStream_t)1)
typedef struct ShimEvent *cudaEvent_t;
typedef struct ShimGraph *cudaGraph_t;
typedef struct ShimGraph *cudaGraphExec_t;

struct cudaDeviceProp {
    char name[256];
    int major, minor, multiProcessorCount;
    size_t totalGlobalMem, sharedMemPerBlockOptin;
};
struct cudaFuncAttributes {
    int ptxVersion;
};
enum cudaDriverEntryPointQueryResult { cudaDriverEntryPointSuccess = 0 };
enum { cudaEnableDefault = 0 };
#define CUDART_VERSION 12050

cudaError_t cudaGetDeviceCount(int *n);
cudaError_t cudaDriverGetVersion(int *version);
cudaError_t cudaGetDeviceProperties(cudaDeviceProp *p, int device);
cudaError_t cudaSetDevice(int device);
cudaError_t cudaMalloc(void **p, size_t bytes);
cudaError_t cudaFree(void *p);
cudaError_t cudaMemGetInfo(size_t *free_bytes, size_t *total);
cudaError_t cudaMemcpy(void *to, const void *from, size_t bytes, cudaMemcpyKind kind);
cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, cudaMemcpyKind kind, cudaStream_t s);
cudaError_t cudaStreamCreateWithFlags(cudaStream_t *s, unsigned flags);
cudaError_t cudaStreamDestroy(cudaStream_t s);
cudaError_t cudaStreamSynchronize(cudaStream_t s);
cudaError_t cudaEventCreate(cudaEvent_t *e);
cudaError_t cudaEventDestroy(cudaEvent_t e);
cudaError_t cudaEventRecord(cudaEvent_t e, cudaStream_t s); /* by the host's clock: all work is done immediately */
cudaError_t cudaEventSynchronize(cudaEvent_t e);
cudaError_t cudaEventElapsedTime(float *ms, cudaEvent_t from, cudaEvent_t to);
cudaError_t cudaGetLastError();
const char *cudaGetErrorString(cudaError_t e);
cudaError_t cudaStreamBeginCapture(cudaStream_t s, cudaStreamCaptureMode mode);
cudaError_t cudaStreamEndCapture(cudaStream_t s, cudaGraph_t *g);
cudaError_t cudaGraphInstantiate(cudaGraphExec_t *e, cudaGraph_t g, unsigned long long flags = 0);
cudaError_t cudaGraphLaunch(cudaGraphExec_t e, cudaStream_t s);
cudaError_t cudaGraphDestroy(cudaGraph_t g);
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t e);
cudaError_t cudaGetDriverEntryPointByVersion(const char *name, void **function, unsigned version,
                                             unsigned long long flags, cudaDriverEntryPointQueryResult *found);
template <class F> cudaError_t cudaFuncGetAttributes(cudaFuncAttributes *a, F *) {
    return a->ptxVersion = 90, cudaSuccess;
}
const char *shim_devices(); /* the folder in which devices are listed */
size_t shim_most_shared();  /* most bytes of shared memory per block */
template <class F> cudaError_t cudaFuncSetAttribute(F *, cudaFuncAttribute, int bytes) {
    return (size_t)bytes <= shim_most_shared() ? cudaSuccess : cudaErrorInvalidValue;
}

#endif
