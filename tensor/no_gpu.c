/* no_gpu.c: gpu.h in a build without CUDA. Empty with SDC_CUDA; the test program links cuda/'s definitions ahead of
 * libsd.a. */
#include "gpu.h"

#ifndef SDC_CUDA

int gpu_count(void) { return 0; }
bool gpu_unusable(Error *why) { return (void)why, false; }

bool gpu_exists(int number, Error *e) {
    return error_set(e, ERR_DEVICE,
                     "--device cuda:%d: no CUDA in this build; use --device cpu, or build with `make CUDA=1`", number);
}

Gpu *gpu_open(int number, Error *e) { return gpu_exists(number, e), NULL; }

void gpu_close(Gpu *gpu) { (void)gpu; }
const char *gpu_name(const Gpu *gpu) { return (void)gpu, "none"; }
const Ops *gpu_ops(const Gpu *gpu, DType type) { return (void)gpu, (void)type, NULL; }

bool gpu_peaks(Gpu *gpu, GpuPeaks *out, Error *e) { return (void)gpu, (void)out, gpu_exists(0, e); }
bool gpu_mark(Gpu *gpu, int i, Error *e) { return (void)gpu, (void)i, gpu_exists(0, e); }
bool gpu_between(Gpu *gpu, int from, int to, double *seconds, Error *e) {
    return (void)gpu, (void)from, (void)to, (void)seconds, gpu_exists(0, e);
}
size_t gpu_used(Gpu *gpu) { return (void)gpu, 0; }

#endif
