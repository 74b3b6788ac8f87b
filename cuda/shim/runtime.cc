/* runtime.cc: made-up GPUs for tests. */
#include "shim.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <mutex>
#include <sys/mman.h>
#include <utility>
#include <vector>

struct ShimGraph {
    std::vector<std::function<void()>> work;
};
struct ShimStream {
    ShimGraph *recording;
};
struct ShimEvent {
    bool recorded;
    std::chrono::steady_clock::time_point at;
};

void shim_run(dim3 grid, dim3 threads, size_t shared, const std::function<void()> &body, void (*block_ended)());

namespace {

enum { PAGE = 65536, MOST_GPUS = 16, POISON = 8 << 20 /* beyond that, zeros, which cost nothing */ };

struct Piece {
    size_t bytes, mapped; /* mapped: whole pages */
    int gpu;
};

std::mutex lock; /* for what follows: kernels of several GPUs run at the same time */
std::map<char *, Piece> pieces;
size_t used[MOST_GPUS];
long reserved; /* how many pieces so far */
int open_doors[MOST_GPUS];
thread_local int current;
thread_local cudaError_t last;
thread_local long work_done;
thread_local bool lost;

long wish(const char *name, long otherwise) {
    const char *text = getenv(name);
    return text ? atol(text) : otherwise;
}

size_t whole() { return (size_t)wish("SDC_SHIM_MEMORY", 2L << 30); }

cudaError_t fail(cudaError_t e) { return last = e; }

bool guarded() { return wish("SDC_SHIM_GUARD", 0) != 0; }

/* While work runs (step 1 at its beginning, -1 at its end), the memory of its GPU can be reached. */
void door(int gpu, int step) {
    if (!guarded()) return;
    std::lock_guard<std::mutex> hold(lock);
    int before = open_doors[gpu];
    open_doors[gpu] += step;
    if ((before > 0) == (open_doors[gpu] > 0)) return;
    for (auto &p : pieces)
        if (p.second.gpu == gpu)
            mprotect(p.first, p.second.mapped, open_doors[gpu] > 0 ? PROT_READ | PROT_WRITE : PROT_NONE);
}

int gpu_of(const void *p) {
    std::lock_guard<std::mutex> hold(lock);
    auto i = pieces.upper_bound((char *)p);
    if (i == pieces.begin()) return -1;
    --i;
    return (const char *)p < i->first + i->second.mapped ? i->second.gpu : -1;
}

/* The GPU dies at launch SDC_SHIM_FAIL, and every later call says so. */
bool dead() {
    long at = wish("SDC_SHIM_FAIL", 0);
    if (!at) lost = false, work_done = 0;
    else if (++work_done >= at) lost = true;
    return lost;
}

} // namespace

/* Kernels are compiled for processors with fma. */
static bool can_run() {
#if defined __x86_64__
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
#else
    return true;
#endif
}

cudaError_t cudaGetDeviceCount(int *n) {
    *n = can_run() ? (int)wish("SDC_SHIM_GPUS", 1) : 0;
    if (*n > 0) return cudaSuccess;
    return fail(*n == 0 ? cudaErrorNoDevice : *n == -3 ? cudaErrorLaunchFailure : cudaErrorInsufficientDriver);
}

cudaError_t cudaDriverGetVersion(int *version) {
    *version = wish("SDC_SHIM_GPUS", 1) == -1 ? 0 : 11080;
    return cudaSuccess;
}

const char *shim_devices() {
    const char *folder = getenv("SDC_SHIM_DEVICES");
    return folder ? folder : "";
}

size_t shim_most_shared() {
    long arch = wish("SDC_SHIM_ARCH", 80);
    return (size_t)(arch == 75 ? 64 : arch == 80 ? 163 : arch == 90 ? 227 : 99) << 10;
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp *p, int device) {
    int arch = (int)wish("SDC_SHIM_ARCH", 80);
    *p = cudaDeviceProp{};
    snprintf(p->name, sizeof p->name, "made-up GPU %d", device);
    p->major = arch / 10, p->minor = arch % 10, p->multiProcessorCount = 4;
    p->totalGlobalMem = whole();
    p->sharedMemPerBlockOptin = shim_most_shared();
    return cudaSuccess;
}

cudaError_t cudaSetDevice(int device) {
    int n;
    if (cudaGetDeviceCount(&n) || device < 0 || device >= n) return fail(cudaErrorInvalidDevice);
    current = device;
    return cudaSuccess;
}

cudaError_t cudaMalloc(void **p, size_t bytes) {
    size_t mapped = (bytes + PAGE - 1) / PAGE * PAGE;
    std::lock_guard<std::mutex> hold(lock);
    if (!bytes || used[current] + mapped > whole() || ++reserved == wish("SDC_SHIM_REFUSE", 0))
        return fail(cudaErrorMemoryAllocation);
    char *base = (char *)mmap(nullptr, mapped + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED) return fail(cudaErrorMemoryAllocation);
    memset(base, 0xff, mapped < POISON ? mapped : (size_t)POISON); /* NaN; past the end, accesses fault */
    mprotect(base + mapped, PAGE, PROT_NONE);
    if (guarded()) mprotect(base, mapped, PROT_NONE);
    pieces[base] = Piece{bytes, mapped, current};
    used[current] += mapped;
    *p = base;
    return cudaSuccess;
}

cudaError_t cudaFree(void *p) {
    std::lock_guard<std::mutex> hold(lock);
    auto i = pieces.find((char *)p);
    if (i == pieces.end()) return p ? fail(cudaErrorInvalidValue) : cudaSuccess;
    used[i->second.gpu] -= i->second.mapped;
    munmap(p, i->second.mapped + PAGE);
    pieces.erase(i);
    return cudaSuccess;
}

cudaError_t cudaMemGetInfo(size_t *free_bytes, size_t *total) {
    std::lock_guard<std::mutex> hold(lock);
    *total = whole();
    *free_bytes = *total > used[current] ? *total - used[current] : 0;
    return cudaSuccess;
}

cudaError_t cudaMemcpy(void *to, const void *from, size_t bytes, cudaMemcpyKind) {
    int gpus[2] = {gpu_of(to), gpu_of(from)};
    if ((gpus[0] >= 0 && gpus[0] != current) || (gpus[1] >= 0 && gpus[1] != current)) {
        fprintf(stderr, "shim: a thread of GPU %d copies for another\n",
                current); /* on a real machine this would begin to use its own GPU, too */
        abort();
    }
    if (lost) return fail(cudaErrorLaunchFailure);
    for (int c : gpus)
        if (c >= 0) door(c, 1);
    memcpy(to, from, bytes);
    for (int c : gpus)
        if (c >= 0) door(c, -1);
    return cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, cudaMemcpyKind kind, cudaStream_t s) {
    if (s->recording) return fail(cudaErrorInvalidValue); /* a recorded step has no copies */
    return cudaMemcpy(to, from, bytes, kind);
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *s, unsigned) {
    *s = new ShimStream{nullptr};
    return cudaSuccess;
}

cudaError_t cudaStreamDestroy(cudaStream_t s) {
    delete s;
    return cudaSuccess;
}

cudaError_t cudaStreamSynchronize(cudaStream_t) { return lost ? fail(cudaErrorLaunchFailure) : cudaSuccess; }

cudaError_t cudaEventCreate(cudaEvent_t *e) {
    *e = new ShimEvent{};
    return cudaSuccess;
}

cudaError_t cudaEventDestroy(cudaEvent_t e) {
    delete e;
    return cudaSuccess;
}

cudaError_t cudaEventRecord(cudaEvent_t e, cudaStream_t s) {
    if (s->recording) return fail(cudaErrorInvalidValue); /* a recorded step cannot be timed */
    e->at = std::chrono::steady_clock::now();
    e->recorded = true;
    return cudaSuccess;
}

cudaError_t cudaEventSynchronize(cudaEvent_t) { return lost ? fail(cudaErrorLaunchFailure) : cudaSuccess; }

cudaError_t cudaEventElapsedTime(float *ms, cudaEvent_t from, cudaEvent_t to) {
    if (!from->recorded || !to->recorded) return fail(cudaErrorInvalidValue);
    *ms = std::chrono::duration<float, std::milli>(to->at - from->at).count();
    return cudaSuccess;
}

cudaError_t cudaGetLastError() {
    cudaError_t e = last;
    last = cudaSuccess;
    return lost ? cudaErrorLaunchFailure : e;
}

cudaError_t cudaGetDriverEntryPointByVersion(const char *name, void **function, unsigned, unsigned long long,
                                             cudaDriverEntryPointQueryResult *found) {
    if (strcmp(name, "cuTensorMapEncodeTiled")) return fail(cudaErrorInvalidValue);
    *function = (void *)shim_encode_tiled;
    *found = cudaDriverEntryPointSuccess;
    return cudaSuccess;
}

const char *cudaGetErrorString(cudaError_t e) {
    switch (e) {
    case cudaErrorMemoryAllocation: return "out of memory";
    case cudaErrorNoDevice: return "no CUDA-capable device is detected";
    case cudaErrorInvalidDevice: return "invalid device ordinal";
    case cudaErrorLaunchFailure: return "unspecified launch failure";
    default: return "invalid argument";
    }
}

cudaError_t cudaStreamBeginCapture(cudaStream_t s, cudaStreamCaptureMode) {
    s->recording = new ShimGraph;
    return cudaSuccess;
}

cudaError_t cudaStreamEndCapture(cudaStream_t s, cudaGraph_t *g) {
    *g = s->recording;
    s->recording = nullptr;
    return cudaSuccess;
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t *e, cudaGraph_t g, unsigned long long) {
    *e = new ShimGraph(*g);
    return cudaSuccess;
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t e, cudaStream_t) {
    if (dead()) return fail(cudaErrorLaunchFailure);
    door(current, 1);
    for (auto &w : e->work) w();
    door(current, -1);
    return cudaSuccess;
}

cudaError_t cudaGraphDestroy(cudaGraph_t g) {
    delete g;
    return cudaSuccess;
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t e) {
    delete e;
    return cudaSuccess;
}

void shim_launch(dim3 grid, dim3 threads, size_t shared, void *stream, std::function<void()> body) {
    ShimStream *s = (ShimStream *)stream;
    auto work = [=] { shim_run(grid, threads, shared, body, shim_hopper_end); };
    if (s->recording) {
        s->recording->work.push_back(work);
        return;
    }
    if (dead() || shared > shim_most_shared()) {
        fail(lost ? cudaErrorLaunchFailure : cudaErrorInvalidValue);
        return;
    }
    door(current, 1);
    work();
    door(current, -1);
}
