/* bench_peaks.c: see bench_peaks.h. Peaks are of independent chains of multiply-adds, in each thread's own time. */
#include "bench_peaks.h"
#include "tensor/os.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#if defined __x86_64__
#include <immintrin.h>
#elif defined __aarch64__
#include <arm_neon.h>
#endif

enum { TURNS = 1000000 };

/* FLOP a second: 12 chains of multiply-adds. noinline, and kept alive through the sum. */
#define PEAK(name, width, attributes)                                                                                  \
    attributes static double name(void) {                                                                              \
        FUSE typedef float Vec __attribute__((vector_size(4 * width)));                                                \
        enum { CHAINS = 12 };                                                                                          \
        Vec x = (Vec){0} + 0.999f, y = (Vec){0} + 0.001f;                                                              \
        Vec a = y, b = a + y, c = b + y, d = c + y, e = d + y, f = e + y, g = f + y, h = g + y, i = h + y, j = i + y;  \
        Vec k = j + y, l = k + y; /* all different: equal ones would be computed once */                               \
        double from = os_thread_clock();                                                                               \
        for (int n = 0; n < TURNS; n++) {                                                                              \
            a = a * x + y, b = b * x + y, c = c * x + y, d = d * x + y, e = e * x + y, f = f * x + y;                  \
            g = g * x + y, h = h * x + y, i = i * x + y, j = j * x + y, k = k * x + y, l = l * x + y;                  \
        }                                                                                                              \
        double seconds = os_thread_clock() - from;                                                                     \
        Vec sum = a + b + c + d + e + f + g + h + i + j + k + l;                                                       \
        volatile float keep = sum[0];                                                                                  \
        (void)keep;                                                                                                    \
        return 2.0 * width * CHAINS * TURNS / seconds;                                                                 \
    }
#ifdef __clang__
#define FUSED __attribute__((noinline))
#define FUSE _Pragma("clang fp contract(fast)")
#else
#define FUSED __attribute__((noinline, optimize("O2", "fp-contract=fast")))
#define FUSE
#endif
#if defined __x86_64__
PEAK(peak_16, 16, __attribute__((target("avx512f"))) FUSED)
PEAK(peak_8, 8, __attribute__((target("avx2,fma"))) FUSED)

/* vdpbf16ps: two products and two sums in each of 16 places; 14 chains, since it takes 6 cycles. */
__attribute__((target("avx512f,avx512bf16"), noinline)) static double peak_bf16_16(void) {
    enum { CHAINS = 14 };
    __m512bh x = (__m512bh)_mm512_set1_epi32(0x3f003f00);
    __m512 at[CHAINS];
    for (int i = 0; i < CHAINS; i++) at[i] = _mm512_set1_ps((float)i);
    double from = os_thread_clock();
    for (int n = 0; n < TURNS; n++)
#pragma GCC unroll 14
        for (int i = 0; i < CHAINS; i++) at[i] = _mm512_dpbf16_ps(at[i], x, x);
    double seconds = os_thread_clock() - from;
    float sum[16];
    for (int i = 1; i < CHAINS; i++) at[0] = _mm512_add_ps(at[0], at[i]);
    _mm512_storeu_ps(sum, at[0]);
    volatile float keep = sum[0];
    (void)keep;
    return 4.0 * 16 * CHAINS * TURNS / seconds;
}
#endif
#if defined __aarch64__
/* The instruction adds to one of its operands, so a product is what is added. 24 chains, as many as tensor/cpu/panel.c
 * has: up to 4 of them begin in a cycle and each takes 4. */
__attribute__((noinline)) static double peak_4(void) {
    enum { CHAINS = 24 };
    const float32x4_t x = vdupq_n_f32(0.001f);
    float32x4_t at[CHAINS];
#pragma GCC unroll 24
    for (int i = 0; i < CHAINS; i++) at[i] = vdupq_n_f32((float)i);
    double from = os_thread_clock();
    for (int n = 0; n < TURNS; n++)
#pragma GCC unroll 24
        for (int i = 0; i < CHAINS; i++) at[i] = vfmaq_f32(at[i], x, x);
    double seconds = os_thread_clock() - from;
#pragma GCC unroll 24
    for (int i = 1; i < CHAINS; i++) at[0] = vaddq_f32(at[0], at[i]);
    volatile float keep = vgetq_lane_f32(at[0], 0);
    (void)keep;
    return 2.0 * 4 * CHAINS * TURNS / seconds;
}
#else
PEAK(peak_4, 4, FUSED)
#endif

typedef struct {
    const char *name, *isa;
    double (*rate)(void);
} Kind;

/* Those of this machine, the widest f32 last but for bf16. */
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
    char *a, *b; /* to copy, a part for each thread */
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
    for (int turn = 0; turn < 8; turn++) memcpy(turn % 2 ? a : b, turn % 2 ? b : a, COPIED);
    w->rates[i] = 8 * 2.0 * COPIED / (os_thread_clock() - from);
}

static double most_of(ThreadPool *d, void (*fn)(void *, int64_t, void *), Work *w, int n) {
    double most = 0;
    for (int turn = 0; turn < 3; turn++) {
        double sum = 0;
        pool_run(d, n, fn, w);
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
