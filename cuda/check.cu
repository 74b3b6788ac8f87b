/* check.cu: turns the runtime's errors into ours. */
#include "prelude.cuh"

bool cuda_check(Ctx *c, cudaError_t e, const char *what) {
    if (e == cudaSuccess) return true;
    const Gpu *gpu = gpu_of(c);
    return error_set(&c->err, ERR_DEVICE, "%s: %s failed: %s; if this persists, the GPU or its driver is at fault",
                     gpu->name, what, cudaGetErrorString(e));
}

bool gpu_check(Gpu *gpu, cudaError_t code, const char *what, Error *e) {
    if (code == cudaSuccess) return true;
    cudaGetLastError();
    return error_set(e, ERR_DEVICE, "%s: %s: %s", gpu->name, what, cudaGetErrorString(code));
}
