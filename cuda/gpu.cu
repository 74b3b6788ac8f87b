/* gpu.cu: finds, opens and closes GPUs. */
#include "kernels.cuh"

extern "C" {
#include "tensor/os.h"
}

#include <stdio.h>
#include <string.h>

#ifdef __CUDACC__
#define PCI_DEVICES "/sys/bus/pci/devices"
#else
#define PCI_DEVICES shim_devices()
#endif

int gpu_count(void) {
    int n = 0;
    if (cudaGetDeviceCount(&n) == cudaSuccess) return n;
    cudaGetLastError(); /* no driver, or no GPU: clear the error */
    return 0;
}

static bool note_gpu(void *found, const char *name) {
    enum { NVIDIA = 0x10de, DISPLAY = 3 };
    static const char *const FILES[] = {"vendor", "class"};
    unsigned numbers[2] = {0, 0};
    for (int i = 0; i < 2; i++) {
        char path[1024];
        snprintf(path, sizeof path, "%s/%.255s/%s", PCI_DEVICES, name, FILES[i]);
        FILE *f = fopen(path, "r");
        if (f && fscanf(f, "%x", &numbers[i]) != 1) numbers[i] = 0;
        if (f) fclose(f);
    }
    *(bool *)found = numbers[0] == NVIDIA && numbers[1] >> 16 == DISPLAY;
    return !*(bool *)found;
}

/* Whether Linux lists a GPU in this machine, with or without a driver. */
static bool listed(void) {
    bool found = false;
    return os_list(PCI_DEVICES, note_gpu, &found) && found;
}

bool gpu_unusable(Error *why) {
    int n = 0, driver = 0;
    cudaError_t code = cudaGetDeviceCount(&n);
    cudaGetLastError();
    if (code == cudaSuccess || code == cudaErrorNoDevice) return false;
    if (code != cudaErrorInsufficientDriver)
        error_set(why, ERR_DEVICE, "the NVIDIA driver fails: %s", cudaGetErrorString(code));
    else if (cudaDriverGetVersion(&driver) == cudaSuccess && driver)
        error_set(why, ERR_DEVICE, "the NVIDIA driver is too old: it supports CUDA %d.%d, this program needs %d.%d",
                  driver / 1000, driver % 1000 / 10, CUDART_VERSION / 1000, CUDART_VERSION % 1000 / 10);
    else if (listed()) error_set(why, ERR_DEVICE, "there is an NVIDIA GPU, but no driver for it is installed");
    else return false;
    return true;
}

bool gpu_exists(int number, Error *e) {
    int n = 0;
    cudaError_t code = cudaGetDeviceCount(&n);
    if (code == cudaSuccess && number >= 0 && number < n) return true;
    cudaGetLastError();
    if (code == cudaSuccess && n)
        return error_set(e, ERR_DEVICE, "--device cuda:%d: no such GPU; this machine has 0..%d", number, n - 1);
    int driver = 0;
    if (code == cudaErrorInsufficientDriver) cudaDriverGetVersion(&driver); /* 0: there is none */
    return error_set(e, ERR_DEVICE, "--device cuda:%d: no NVIDIA GPU can be used: %s; use --device cpu", number,
                     code == cudaErrorInsufficientDriver && !driver ? "no driver is installed"
                     : code                                         ? cudaGetErrorString(code)
                                                                    : "none is found");
}

Gpu *gpu_open(int number, Error *e) {
    if (!gpu_exists(number, e)) return NULL;
    cudaDeviceProp p;
    Gpu *gpu = (Gpu *)calloc(1, sizeof *gpu);
    if (!gpu) return error_set(e, ERR_MEMORY, "out of memory for a GPU"), (Gpu *)NULL;
    gpu->number = number;
    snprintf(gpu->name, sizeof gpu->name, "cuda:%d", number);
    bool ok = gpu_check(gpu, cudaSetDevice(number), "cannot be used", e) &&
              gpu_check(gpu, cudaGetDeviceProperties(&p, number), "cannot be used", e);
    if (ok) {
        gpu->arch = 10 * p.major + p.minor;
        gpu->shared = p.sharedMemPerBlockOptin;
        gpu->processors = p.multiProcessorCount;
        snprintf(gpu->name, sizeof gpu->name, "cuda:%d (%s)", number, p.name);
        if (gpu->arch < 75)
            ok = error_set(e, ERR_DEVICE, "%s: is too old: it has compute capability %d.%d; at least 7.5 is needed",
                           gpu->name, p.major, p.minor);
    }
    ok = ok &&
         gpu_check(gpu, cudaStreamCreateWithFlags(&gpu->stream, cudaStreamNonBlocking), "cannot create a stream", e) &&
         (gpu->partials = (float *)cuda_memory.reserve(gpu, SPLIT_BYTES, e)) != NULL;
    if (ok) {
        cuda_hopper_begin(gpu);
        return gpu;
    }
    gpu_close(gpu);
    return NULL;
}

void gpu_close(Gpu *gpu) {
    if (!gpu) return;
    if (gpu->partials) cuda_memory.release(gpu, gpu->partials);
    for (int i = 0; i < gpu->mark_count; i++) cudaEventDestroy(gpu->marks[i]);
    free(gpu->marks);
    if (gpu->stream) cudaStreamDestroy(gpu->stream);
    free(gpu);
}

const char *gpu_name(const Gpu *gpu) { return gpu->name; }

size_t gpu_used(Gpu *gpu) {
    size_t left = 0, whole = 0;
    cudaSetDevice(gpu->number);
    return cudaMemGetInfo(&left, &whole) == cudaSuccess ? whole - left : 0;
}
