/* bench_peaks.c: see bench_peaks.h. A peak is that of independent chains of multiply-adds, in the thread's own time. */
#include "bench_peaks.h"
#include "tensor/large.h"
#include "tensor/os.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#if defined __x86_64__
#include <immintrin.h>
#elif defined __aarch64__
#include <arm_neon.h>
#endif

enum { REPEATS = 1000000 };

/* A peak: FLOP a second of one instruction, `flop` each, in `count` chains, enough to hide its latency. All chains
 * differ: equal ones would be computed once. noinline, and kept alive through the sum. */
#define PEAK(name, attributes, Vec, count, flop, step)                                                                 \
    attributes static double name(void) {                                                                              \
        FUSE Vec at[count];                                                                                            \
        _Pragma("GCC unroll 24") for (int i = 0; i < count; i++) at[i] = (Vec){0} + (float)(i + 2);                    \
        double from = os_thread_clock();                                                                               \
        for (int n = 0; n < REPEATS; n++) { _Pragma("GCC unroll 24") for (int i = 0; i < count; i++) at[i] = step; }   \
        double seconds = os_thread_clock() - from;                                                                     \
        _Pragma("GCC unroll 24") for (int i = 1; i < count; i++) at[0] += at[i];                                       \
        volatile float keep = at[0][0];                                                                                \
        (void)keep;                                                                                                    \
        return (double)(flop)*count * REPEATS / seconds;                                                               \
    }
#ifdef __clang__
#define FUSED __attribute__((noinline))
#define FUSE _Pragma("clang fp contract(fast)")
#else
#define FUSED __attribute__((noinline, optimize("O2", "fp-contract=fast")))
#define FUSE
#endif

typedef float V4 __attribute__((vector_size(16)));
#if defined __x86_64__
typedef float V8 __attribute__((vector_size(32)));
typedef float V16 __attribute__((vector_size(64)));
PEAK(peak_4, FUSED, V4, 12, 2 * 4, at[i] * 0.999f + 0.001f)
PEAK(peak_8, __attribute__((target("avx2,fma"))) FUSED, V8, 12, 2 * 8, at[i] * 0.999f + 0.001f)
PEAK(peak_16, __attribute__((target("avx512f"))) FUSED, V16, 12, 2 * 16, at[i] * 0.999f + 0.001f)
/* vdpbf16ps: two products and two sums in each of 16 places; it takes 6 cycles. */
#define PAIRS (__m512bh) _mm512_set1_epi32(0x3f003f00)
PEAK(peak_bf16_16, __attribute__((target("avx512f,avx512bf16"), noinline)), __m512, 14, 4 * 16,
     _mm512_dpbf16_ps(at[i], PAIRS, PAIRS))
#elif defined __aarch64__
/* fmla adds to one of its operands, so a product is what is added. As many chains as tensor/cpu/panel.c has sums: up to
 * 4 of them begin in a cycle and each takes 4. */
#define SMALL vdupq_n_f32(0.001f)
PEAK(peak_4, FUSED, float32x4_t, 24, 2 * 4, vfmaq_f32(at[i], SMALL, SMALL))
#else
PEAK(peak_4, FUSED, V4, 12, 2 * 4, at[i] * 0.999f + 0.001f)
#endif

typedef struct {
    const char *name, *isa;
    double (*rate)(void);
} Kind;

/* Those of this machine: f32 from narrow to wide, then bf16. */
static int kinds(Kind out[MOST_PEAKS]) {
    int n = 0;
    out[n++] = (Kind){"f32", "base", peak_4};
#if defined __x86_64__
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) out[n++] = (Kind){"f32", "v3", peak_8};
    if (__builtin_cpu_supports("avx512f")) out[n++] = (Kind){"f32", "v4", peak_16};
    if (__builtin_cpu_supports("avx512bf16")) out[n++] = (Kind){"bf16", "avx512bf16", peak_bf16_16};
#endif
    return n;
}

double peak_now(void) {
    Kind k[MOST_PEAKS];
    int n = kinds(k);
    if (n > 1 && !strcmp(k[n - 1].name, "bf16")) n--;
    return k[n - 1].rate();
}

typedef struct {
    double (*rate)(void);
    char *a, *b; /* to copy, COPIED bytes for each thread */
    double *rates;
} Work;

enum { COPIED = 64 << 20 };

static void one_peak(void *arg, int64_t i, void *scratch) {
    Work *w = arg;
    (void)scratch;
    w->rates[i] = w->rate();
}

static void one_copy(void *arg, int64_t i, void *scratch) {
    Work *w = arg;
    char *a = w->a + i * COPIED, *b = w->b + i * COPIED;
    (void)scratch;
    double from = os_thread_clock();
    for (int k = 0; k < 8; k++) memcpy(k % 2 ? a : b, k % 2 ? b : a, COPIED);
    w->rates[i] = 8 * 2.0 * COPIED / (os_thread_clock() - from);
}

/* The best of three runs on n threads. */
static double most_of(ThreadPool *p, void (*fn)(void *, int64_t, void *), Work *w, int n) {
    double most = 0;
    for (int k = 0; k < 3; k++) {
        double sum = 0;
        pool_run(p, n, fn, w);
        for (int i = 0; i < n; i++) sum += w->rates[i];
        most = sum > most ? sum : most;
    }
    return most;
}

bool bench_peaks(ThreadPool *all, Peaks *out, Error *e) {
    Kind k[MOST_PEAKS];
    int n = pool_threads(all);
    size_t bytes = (size_t)n * COPIED;
    Work w = {.a = malloc(bytes), .b = malloc(bytes), .rates = calloc((size_t)n, sizeof *w.rates)};
    *out = (Peaks){.threads = n, .count = kinds(k)};
    bool ok = w.a && w.b && w.rates;
    if (!ok) error_set(e, ERR_MEMORY, "out of memory for %zu bytes to copy", 2 * bytes);
    for (int i = 0; ok && i < out->count; i++) {
        w.rate = k[i].rate;
        out->of[i] = (Peak){k[i].name, k[i].isa, most_of(all, one_peak, &w, 1), most_of(all, one_peak, &w, n)};
    }
    if (ok) {
        memset(w.a, 1, bytes);
        memset(w.b, 2, bytes);
        out->copy_one = most_of(all, one_copy, &w, 1);
        out->copy_together = most_of(all, one_copy, &w, n);
    }
    free(w.a), free(w.b), free(w.rates);
    return ok;
}

typedef struct {
    char *from, *to; /* from: COPIED bytes for each of two threads at work */
    size_t bytes;
} FirstCopy;

static void first_copy(void *arg, int64_t i, void *scratch) {
    const FirstCopy *c = arg;
    size_t at = (size_t)i * COPIED, n = c->bytes - at < COPIED ? c->bytes - at : COPIED;
    (void)scratch;
    memcpy(c->to + at, c->from + (i % 2) * COPIED, n);
}

bool bench_first_copy(ThreadPool *all, size_t bytes, double *seconds, Error *e) {
    FirstCopy c = {.from = malloc(2 * (size_t)COPIED), .to = large_new(bytes), .bytes = bytes};
    bool ok = (c.from && c.to) || error_set(e, ERR_MEMORY, "out of memory for %zu bytes to copy", bytes);
    if (ok) {
        memset(c.from, 1, 2 * (size_t)COPIED);
        double from = os_clock();
        pool_run(all, (int64_t)((bytes + COPIED - 1) / COPIED), first_copy, &c);
        *seconds = os_clock() - from;
    }
    large_free(c.to);
    free(c.from);
    return ok;
}

bool bench_gpu_peaks(Gpu *gpu, Peaks *out, Error *e) {
    GpuPeaks found;
    *out = (Peaks){0};
    if (!gpu_peaks(gpu, &found, e)) return false;
    out->count = found.count;
    for (int i = 0; i < found.count; i++)
        out->of[i] = (Peak){.name = found.of[i].name, .isa = found.of[i].unit, .together = found.of[i].rate};
    out->copy_together = found.copy;
    return true;
}

const Peak *peak_named(const Peaks *p, const char *name) {
    const Peak *found = NULL;
    for (int i = 0; i < p->count; i++)
        if (!strcmp(p->of[i].name, name) && (!found || p->of[i].together > found->together)) found = &p->of[i];
    return found;
}
