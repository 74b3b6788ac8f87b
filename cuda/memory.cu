/* memory.cu: a GPU's memory, what crosses to and from the host, and recordings: the table behind tensor/gpu.h. */
#include "prelude.cuh"

static void *reserve(Gpu *gpu, size_t bytes, Error *e) {
    void *p = NULL;
    cudaError_t code = cudaSetDevice(gpu->number);
    if (code == cudaSuccess) code = cudaMalloc(&p, bytes);
    if (code == cudaSuccess) return p;
    size_t left = 0, whole = 0;
    cudaGetLastError();
    if (code == cudaErrorMemoryAllocation) code = cudaMemGetInfo(&left, &whole);
    if (gpu_check(gpu, code, "cannot allocate memory", e))
        error_set(e, ERR_MEMORY,
                  "%s: out of memory: %zu MiB wanted, %zu of %zu MiB free; make a smaller picture or batch", gpu->name,
                  bytes >> 20, left >> 20, whole >> 20);
    return NULL;
}

static void release(Gpu *gpu, void *memory) {
    cudaSetDevice(gpu->number);
    cudaStreamSynchronize(gpu->stream);
    cudaFree(memory);
}

static bool cross(Gpu *gpu, void *to, const void *from, size_t bytes, const char *what, Error *e) {
    gpu->idle = true;
    return gpu_check(gpu, cudaSetDevice(gpu->number), what, e) &&
           gpu_check(gpu, cudaMemcpyAsync(to, from, bytes, cudaMemcpyDefault, gpu->stream), what, e) &&
           gpu_check(gpu, cudaStreamSynchronize(gpu->stream), what, e);
}

static bool push(Gpu *gpu, void *to, const void *from, size_t bytes, Error *e) {
    return cross(gpu, to, from, bytes, "copying to the GPU", e);
}

static bool pull(Gpu *gpu, void *to, const void *from, size_t bytes, Error *e) {
    return cross(gpu, to, from, bytes, "copying from the GPU", e);
}

static size_t available(Gpu *gpu) {
    size_t left = 0, whole = 0;
    cudaSetDevice(gpu->number);
    return cudaMemGetInfo(&left, &whole) == cudaSuccess ? left : 0;
}

static void enter(Gpu *gpu) { cudaSetDevice(gpu->number); }

static bool record_begin(Gpu *gpu) {
    if (cudaSetDevice(gpu->number) == cudaSuccess &&
        cudaStreamBeginCapture(gpu->stream, cudaStreamCaptureModeThreadLocal) == cudaSuccess)
        return true;
    cudaGetLastError();
    return false;
}

static void *record_end(Gpu *gpu) {
    cudaGraph_t graph = NULL;
    cudaGraphExec_t work = NULL;
    if (cudaStreamEndCapture(gpu->stream, &graph) != cudaSuccess ||
        cudaGraphInstantiate(&work, graph, 0) != cudaSuccess)
        work = NULL;
    if (graph) cudaGraphDestroy(graph);
    cudaGetLastError(); /* goes on without a recording */
    return work;
}

static bool play(Gpu *gpu, void *recording, Error *e) {
    return gpu_check(gpu, cudaSetDevice(gpu->number), "cannot be used", e) &&
           gpu_check(gpu, cudaGraphLaunch((cudaGraphExec_t)recording, gpu->stream), "a recorded step failed", e);
}

static void forget(Gpu *gpu, void *recording) {
    cudaSetDevice(gpu->number);
    cudaStreamSynchronize(gpu->stream);
    cudaGraphExecDestroy((cudaGraphExec_t)recording);
}

const GpuMemory cuda_memory = {reserve, release, push, pull, available, enter, record_begin, record_end, play, forget};
