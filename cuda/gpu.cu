/* gpu.cu: a GPU, its memory, and the tables of ops that run on it. */
#include "kernels.cuh"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

#ifdef __CUDACC__
#define PCI_DEVICES "/sys/bus/pci/devices"
#else
#define PCI_DEVICES shim_devices()
#endif

bool cuda_check(Ctx *c, cudaError_t e, const char *what) {
    if (e == cudaSuccess) return true;
    const Gpu *gpu = gpu_of(c);
    return error_set(&c->err, ERR_DEVICE, "%s: %s failed: %s; if it goes on, the GPU or its driver is at fault",
                     gpu->name, what, cudaGetErrorString(e));
}

int gpu_count(void) {
    int n = 0;
    if (cudaGetDeviceCount(&n) == cudaSuccess) return n;
    cudaGetLastError(); /* no driver, or no GPU: forget it */
    return 0;
}

bool gpu_check(Gpu *gpu, cudaError_t code, const char *what, Error *e) {
    if (code == cudaSuccess) return true;
    cudaGetLastError();
    return error_set(e, ERR_DEVICE, "%s: %s: %s", gpu->name, what, cudaGetErrorString(code));
}

static void *reserve(Gpu *gpu, size_t bytes, Error *e) {
    void *p = NULL;
    cudaError_t code = cudaSetDevice(gpu->number);
    if (code == cudaSuccess) code = cudaMalloc(&p, bytes);
    if (code == cudaSuccess) return p;
    size_t left = 0, whole = 0;
    cudaGetLastError();
    if (code == cudaErrorMemoryAllocation) code = cudaMemGetInfo(&left, &whole);
    if (gpu_check(gpu, code, "memory cannot be had", e))
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

size_t gpu_used(Gpu *gpu) {
    size_t left = 0, whole = 0;
    cudaSetDevice(gpu->number);
    return cudaMemGetInfo(&left, &whole) == cudaSuccess ? whole - left : 0;
}

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
    cudaGetLastError(); /* it will be done without */
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

/* Whether the machine has a GPU, as Linux lists it, driver or not. */
static bool listed(void) {
    enum { NVIDIA = 0x10de, DISPLAY = 3 };
    DIR *all = opendir(PCI_DEVICES);
    bool found = false;
    for (struct dirent *d; all && !found && (d = readdir(all));) {
        static const char *const FILES[] = {"vendor", "class"};
        unsigned numbers[2] = {0, 0};
        for (int i = 0; i < 2; i++) {
            char path[1024];
            snprintf(path, sizeof path, "%s/%.255s/%s", PCI_DEVICES, d->d_name, FILES[i]);
            FILE *f = fopen(path, "r");
            if (f && fscanf(f, "%x", &numbers[i]) != 1) numbers[i] = 0;
            if (f) fclose(f);
        }
        found = numbers[0] == NVIDIA && numbers[1] >> 16 == DISPLAY;
    }
    if (all) closedir(all);
    return found;
}

bool gpu_idle(Error *why) {
    int n = 0, driver = 0;
    cudaError_t code = cudaGetDeviceCount(&n);
    cudaGetLastError();
    if (code == cudaSuccess || code == cudaErrorNoDevice) return false;
    if (code != cudaErrorInsufficientDriver)
        error_set(why, ERR_DEVICE, "the NVIDIA driver serves no GPU: %s", cudaGetErrorString(code));
    else if (cudaDriverGetVersion(&driver) == cudaSuccess && driver)
        error_set(why, ERR_DEVICE, "the NVIDIA driver is too old: it knows CUDA %d.%d, this program needs %d.%d",
                  driver / 1000, driver % 1000 / 10, CUDART_VERSION / 1000, CUDART_VERSION % 1000 / 10);
    else if (listed()) error_set(why, ERR_DEVICE, "there is an NVIDIA GPU, but no driver for it is installed");
    else return false;
    return true;
}

bool gpu_there(int number, Error *e) {
    int n = 0;
    cudaError_t code = cudaGetDeviceCount(&n);
    if (code == cudaSuccess && number >= 0 && number < n) return true;
    cudaGetLastError();
    if (code == cudaSuccess && n)
        return error_set(e, ERR_DEVICE, "--device cuda:%d: there is none of that number; GPUs are 0..%d", number,
                         n - 1);
    int driver = 0;
    if (code == cudaErrorInsufficientDriver) cudaDriverGetVersion(&driver); /* 0: there is none */
    return error_set(e, ERR_DEVICE, "--device cuda:%d: no NVIDIA GPU can be used here: %s; use --device cpu", number,
                     code == cudaErrorInsufficientDriver && !driver ? "no driver is installed"
                     : code                                         ? cudaGetErrorString(code)
                                                                    : "none is found");
}

Gpu *gpu_open(int number, Error *e) {
    if (!gpu_there(number, e)) return NULL;
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
            ok = error_set(e, ERR_DEVICE, "%s: is too old: compute capability %d.%d, 7.5 is needed", gpu->name, p.major,
                           p.minor);
    }
    ok = ok &&
         gpu_check(gpu, cudaStreamCreateWithFlags(&gpu->stream, cudaStreamNonBlocking), "no stream can be had", e) &&
         (gpu->partials = (float *)reserve(gpu, SPLIT_BYTES, e)) != NULL;
    if (ok) {
        cuda_hopper_begin(gpu);
        return gpu;
    }
    gpu_close(gpu);
    return NULL;
}

void gpu_close(Gpu *gpu) {
    if (!gpu) return;
    if (gpu->partials) release(gpu, gpu->partials);
    for (int i = 0; i < gpu->mark_count; i++) cudaEventDestroy(gpu->marks[i]);
    free(gpu->marks);
    if (gpu->stream) cudaStreamDestroy(gpu->stream);
    free(gpu);
}

const char *gpu_name(const Gpu *gpu) { return gpu->name; }

template <class A> static const Ops *table(const char *name, DType type) {
    static const GpuMemory MEMORY = {reserve, release,      push,       pull, available,
                                     enter,   record_begin, record_end, play, forget};
    static const Ops OPS = [=] {
        Ops o = {};
        o.name = name;
        o.type = type;
        o.memory = &MEMORY;
        o.prepared_bytes = cuda_prepared_bytes<A>;
        o.prepare = cuda_prepare<A>;
        o.linear = cuda_linear;
        o.conv2d = cuda_conv2d;
        o.group_norm = cuda_group_norm;
        o.layer_norm = cuda_layer_norm;
        o.attention = cuda_attention;
        o.activation = cuda_activation;
        o.geglu = cuda_geglu;
        o.affine = cuda_affine;
        o.embedding = cuda_embedding;
        o.timestep_embedding = cuda_timestep_embedding;
        return o;
    }();
    return &OPS;
}

const Ops *gpu_ops(const Gpu *gpu, DType type) {
    (void)gpu;
    if (type == F16) return table<Half>("cuda f16", F16);
    if (type == BF16) return table<Brain>("cuda bf16", BF16);
    return table<float>("cuda f32", F32);
}
