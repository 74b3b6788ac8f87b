/* bench.cu: a GPU's peaks and its clock, for `sdc bench`.
 *
 * A peak is measured with independent chains in registers on all of the GPU's processors, by the GPU's clock. A run is
 * doubled until it takes LEAST_SECONDS; the best of three counts. */
#include "ptx.cuh"

#include <stdlib.h>

namespace {

enum { WARP = 32, THREADS = 256, BLOCKS = 8 /* for each processor */, CHAINS = 8, HOLD = 1 << 22 /* cycles: 2 ms */ };
const double LEAST_SECONDS = 0.01;
const size_t MOST_COPIED = (size_t)256 << 20; /* far beyond the caches */

__global__ void __launch_bounds__(THREADS) chains_fma(float *out, int repeats) {
    float x = 0.999f, y = 0.001f, sum[CHAINS];
    UNROLL
    for (int i = 0; i < CHAINS; i++) sum[i] = (float)(threadIdx.x + i);
    for (int t = 0; t < repeats; t++) UNROLL
    for (int i = 0; i < CHAINS; i++) sum[i] = sum[i] * x + y;
    for (int i = 1; i < CHAINS; i++) sum[0] += sum[i];
    if (sum[0] < 0) out[threadIdx.x] = sum[0]; /* never, but no compiler knows */
}

template <class A> __global__ void __launch_bounds__(THREADS) chains_mma(float *out, int repeats) {
    uint32_t a[4], b[2];
    float sum[CHAINS][4];
    UNROLL
    for (int i = 0; i < 4; i++) a[i] = pair<A>(0.5f, 0.25f);
    UNROLL
    for (int i = 0; i < 2; i++) b[i] = pair<A>(0.125f, 0.5f);
    UNROLL
    for (int i = 0; i < CHAINS; i++) UNROLL
    for (int j = 0; j < 4; j++) sum[i][j] = (float)(threadIdx.x + i);
    for (int t = 0; t < repeats; t++) UNROLL
    for (int i = 0; i < CHAINS; i++) multiply<A>(sum[i], a, b);
    for (int i = 0; i < CHAINS; i++) sum[0][0] += sum[i][1] + sum[i][2] + sum[i][3];
    if (sum[0][0] < 0) out[threadIdx.x] = sum[0][0];
}

/* As in product_hopper.cu: two groups of warps, each multiplying 64 rows by 128 from shared memory. */
enum { WIDE_CHAINS = 4, WIDE_TILES = (2 * 64 + 128) * 128, WIDE_SHARED = WIDE_TILES + 1024 };
template <class A> __global__ void __launch_bounds__(THREADS) chains_wgmma(float *out, int repeats) {
    unsigned char *tiles = shared_memory();
    tiles += (1024 - shared_address(tiles) % 1024) % 1024;
    for (int i = threadIdx.x; i < WIDE_TILES / 4; i += THREADS) ((uint32_t *)tiles)[i] = pair<A>(0.25f, 0.0625f);
    show_to_copies();
    __syncthreads();
    uint64_t x = tile_at(tiles + threadIdx.x / 128 * 64 * 128), w = tile_at(tiles + 2 * 64 * 128);
    float sum[128 / 8][4] = {};
    for (int t = 0; t < repeats; t++) {
        products_begin();
        UNROLL
        for (int i = 0; i < WIDE_CHAINS; i++) multiply_wide<A, 128>(sum, x + 2 * i, w + 2 * i);
        products_commit();
        products_wait<1>();
    }
    products_wait<0>();
    products_done(sum);
    for (int i = 0; i < 128 / 8; i++) sum[0][0] += sum[i][1];
    if (sum[0][0] < 0) out[threadIdx.x] = sum[0][0];
}

__global__ void wait_cycles(long long cycles) {
    for (long long from = clock64(); clock64() - from < cycles;) {}
}

/* Units of work per second: `work(repeats)` does `each` units per repeat. */
template <class F> bool measure(Gpu *gpu, double each, F work, double *rate, Error *e) {
    double seconds = 0;
    *rate = 0;
    for (int repeats = 4, counted = 0; counted < 3; seconds < LEAST_SECONDS ? repeats *= 2 : counted++) {
        Ctx c = {};
        Arena on = {};
        on.gpu = gpu;
        c.arena = &on;
        if (!gpu_mark(gpu, 0, e)) return false;
        work(&c, repeats);
        if (c.err.code) return error_set(e, c.err.code, "%s", c.err.text);
        if (!gpu_mark(gpu, 1, e) || !gpu_between(gpu, 0, 1, &seconds, e)) return false;
        if (seconds > 0 && each * repeats / seconds > *rate) *rate = each * repeats / seconds;
    }
    return true;
}

bool measure_copy(Gpu *gpu, const GpuMemory *memory, double *rate, Error *e) {
    size_t bytes = memory->available(gpu) / 8 / 4096 * 4096;
    if (bytes > MOST_COPIED) bytes = MOST_COPIED;
    char *both = (char *)memory->reserve(gpu, 2 * bytes, e);
    bool ok = both && measure(
                          gpu, 2.0 * (double)bytes,
                          [&](Ctx *c, int repeats) {
                              for (int t = 0; t < repeats; t++)
                                  cuda_check(c,
                                             cudaMemcpyAsync(both + (t % 2 ? 0 : bytes), both + (t % 2 ? bytes : 0),
                                                             bytes, cudaMemcpyDefault, gpu->stream),
                                             "copying");
                          },
                          rate, e);
    if (both) memory->release(gpu, both);
    return ok;
}

void add(GpuPeaks *p, const char *name, const char *unit, double rate) {
    p->of[p->count].name = name, p->of[p->count].unit = unit;
    p->of[p->count++].rate = rate;
}

template <class K>
bool add_chains(Gpu *gpu, GpuPeaks *p, const char *name, const char *unit, double each, K kernel, size_t shared,
                Error *e) {
    unsigned blocks = (unsigned)(gpu->processors * BLOCKS);
    double rate;
    bool ok = measure(
        gpu, each * blocks,
        [&](Ctx *c, int repeats) { launch(c, "peak", kernel, blocks, THREADS, shared, gpu->partials, repeats); }, &rate,
        e);
    if (ok) add(p, name, unit, rate);
    return ok;
}

} // namespace

bool gpu_peaks(Gpu *gpu, GpuPeaks *out, Error *e) {
    const double FMA = 2.0 * CHAINS * THREADS, MMA = 2.0 * 16 * 8 * 16 * CHAINS * (THREADS / WARP);
    const double WGMMA = 2.0 * 64 * 128 * 16 * WIDE_CHAINS * (THREADS / 128);
    bool wide = gpu->encode_map;
    *out = GpuPeaks{};
    return add_chains(gpu, out, "f32", "fma", FMA, chains_fma, 0, e) &&
           add_chains(gpu, out, "f16", "mma", MMA, chains_mma<Half>, 0, e) &&
           (gpu->arch < 80 || add_chains(gpu, out, "bf16", "mma", MMA, chains_mma<Brain>, 0, e)) &&
           (!wide || (add_chains(gpu, out, "f16", "wgmma", WGMMA, chains_wgmma<Half>, WIDE_SHARED, e) &&
                      add_chains(gpu, out, "bf16", "wgmma", WGMMA, chains_wgmma<Brain>, WIDE_SHARED, e))) &&
           measure_copy(gpu, &cuda_memory, &out->copy, e);
}

bool gpu_mark(Gpu *gpu, int i, Error *e) {
    if (!gpu_check(gpu, cudaSetDevice(gpu->number), "cannot be used", e)) return false;
    if (i >= gpu->mark_count) {
        int n = 2 * i + 64;
        cudaEvent_t *more = (cudaEvent_t *)realloc(gpu->marks, (size_t)n * sizeof *more);
        if (!more) return error_set(e, ERR_MEMORY, "out of memory for marks");
        for (gpu->marks = more; gpu->mark_count < n; gpu->mark_count++)
            if (!gpu_check(gpu, cudaEventCreate(&more[gpu->mark_count]), "cannot create an event", e)) return false;
    }
    if (gpu->idle) {
        Ctx c = {};
        Arena on = {};
        on.gpu = gpu;
        c.arena = &on;
        launch(&c, "waiting", wait_cycles, 1, 1, 0, HOLD);
        if (c.err.code) return error_set(e, c.err.code, "%s", c.err.text);
        gpu->idle = false;
    }
    return gpu_check(gpu, cudaEventRecord(gpu->marks[i], gpu->stream), "an event failed", e);
}

bool gpu_between(Gpu *gpu, int from, int to, double *seconds, Error *e) {
    float ms = 0;
    bool ok = gpu_check(gpu, cudaEventSynchronize(gpu->marks[to]), "an event failed", e) &&
              gpu_check(gpu, cudaEventElapsedTime(&ms, gpu->marks[from], gpu->marks[to]), "an event failed", e);
    *seconds = 1e-3 * (double)ms;
    return ok;
}
