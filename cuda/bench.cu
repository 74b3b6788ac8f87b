/* bench.cu: a card's peaks and its clock, for `sdc bench`.
 *
 * Peaks are of independent chains in registers, on every processor of the card at once, by the kernel's own clock; a
 * run is doubled until it takes LEAST_SECONDS, and the best of three counts. */
#include "ptx.cuh"

#include <stdlib.h>

namespace {

enum { WARP = 32, THREADS = 256, BLOCKS = 8 /* for each processor */, CHAINS = 8, HOLD = 1 << 22 /* cycles: 2 ms */ };
const double LEAST_SECONDS = 0.01;
const size_t MOST_COPIED = (size_t)256 << 20; /* far beyond the caches */

__global__ void __launch_bounds__(THREADS) chains_fma(float *out, int turns) {
    float x = 0.999f, y = 0.001f, sum[CHAINS];
    UNROLL
    for (int i = 0; i < CHAINS; i++) sum[i] = (float)(threadIdx.x + i);
    for (int t = 0; t < turns; t++) UNROLL
    for (int i = 0; i < CHAINS; i++) sum[i] = sum[i] * x + y;
    for (int i = 1; i < CHAINS; i++) sum[0] += sum[i];
    if (sum[0] < 0) out[threadIdx.x] = sum[0]; /* never, which no compiler knows */
}

template <class A> __global__ void __launch_bounds__(THREADS) chains_mma(float *out, int turns) {
    uint32_t a[4], b[2];
    float sum[CHAINS][4];
    UNROLL
    for (int i = 0; i < 4; i++) a[i] = pair<A>(0.5f, 0.25f);
    UNROLL
    for (int i = 0; i < 2; i++) b[i] = pair<A>(0.125f, 0.5f);
    UNROLL
    for (int i = 0; i < CHAINS; i++) UNROLL
    for (int j = 0; j < 4; j++) sum[i][j] = (float)(threadIdx.x + i);
    for (int t = 0; t < turns; t++) UNROLL
    for (int i = 0; i < CHAINS; i++) multiply<A>(sum[i], a, b);
    for (int i = 0; i < CHAINS; i++) sum[0][0] += sum[i][1] + sum[i][2] + sum[i][3];
    if (sum[0][0] < 0) out[threadIdx.x] = sum[0][0];
}

__global__ void wait_cycles(long long cycles) {
    for (long long from = clock64(); clock64() - from < cycles;) {}
}

/* Units of work a second: `work(turns)` does `each` units a turn. */
template <class F> bool measure(Card *card, double each, F work, double *rate, Error *e) {
    double seconds = 0;
    *rate = 0;
    for (int turns = 4, counted = 0; counted < 3; seconds < LEAST_SECONDS ? turns *= 2 : counted++) {
        Ctx c = {};
        Arena on = {};
        on.card = card;
        c.arena = &on;
        if (!card_mark(card, 0, e)) return false;
        work(&c, turns);
        if (c.err.code) return error_set(e, c.err.code, "%s", c.err.text);
        if (!card_mark(card, 1, e) || !card_between(card, 0, 1, &seconds, e)) return false;
        if (seconds > 0 && each * turns / seconds > *rate) *rate = each * turns / seconds;
    }
    return true;
}

bool measure_copy(Card *card, const CardMemory *memory, double *rate, Error *e) {
    size_t bytes = memory->available(card) / 8 / 4096 * 4096;
    if (bytes > MOST_COPIED) bytes = MOST_COPIED;
    char *both = (char *)memory->reserve(card, 2 * bytes, e);
    bool ok = both && measure(
                          card, 2.0 * (double)bytes,
                          [&](Ctx *c, int turns) {
                              for (int t = 0; t < turns; t++)
                                  cuda_check(c,
                                             cudaMemcpyAsync(both + (t % 2 ? 0 : bytes), both + (t % 2 ? bytes : 0),
                                                             bytes, cudaMemcpyDefault, card->stream),
                                             "copying");
                          },
                          rate, e);
    if (both) memory->release(card, both);
    return ok;
}

void add(CardPeaks *p, const char *name, const char *unit, double rate) {
    p->of[p->count].name = name, p->of[p->count].unit = unit;
    p->of[p->count++].rate = rate;
}

template <class K>
bool add_chains(Card *card, CardPeaks *p, const char *name, const char *unit, double each, K kernel, Error *e) {
    unsigned blocks = (unsigned)(card->processors * BLOCKS);
    double rate;
    bool ok = measure(
        card, each * blocks,
        [&](Ctx *c, int turns) { launch(c, "peak", kernel, blocks, THREADS, 0, card->partials, turns); }, &rate, e);
    if (ok) add(p, name, unit, rate);
    return ok;
}

} // namespace

bool card_peaks(Card *card, CardPeaks *out, Error *e) {
    const double FMA = 2.0 * CHAINS * THREADS, MMA = 2.0 * 16 * 8 * 16 * CHAINS * (THREADS / WARP);
    *out = CardPeaks{};
    return add_chains(card, out, "f32", "fma", FMA, chains_fma, e) &&
           add_chains(card, out, "f16", "mma", MMA, chains_mma<Half>, e) &&
           (card->arch < 80 || add_chains(card, out, "bf16", "mma", MMA, chains_mma<Brain>, e)) &&
           measure_copy(card, card_ops(card, F32)->memory, &out->copy, e);
}

bool card_mark(Card *card, int i, Error *e) {
    if (!card_check(card, cudaSetDevice(card->number), "cannot be used", e)) return false;
    if (i >= card->mark_count) {
        int n = 2 * i + 64;
        cudaEvent_t *more = (cudaEvent_t *)realloc(card->marks, (size_t)n * sizeof *more);
        if (!more) return error_set(e, ERR_MEMORY, "out of memory for marks");
        for (card->marks = more; card->mark_count < n; card->mark_count++)
            if (!card_check(card, cudaEventCreate(&more[card->mark_count]), "no event can be had", e)) return false;
    }
    if (card->idle) {
        Ctx c = {};
        Arena on = {};
        on.card = card;
        c.arena = &on;
        launch(&c, "waiting", wait_cycles, 1, 1, 0, HOLD);
        if (c.err.code) return error_set(e, c.err.code, "%s", c.err.text);
        card->idle = false;
    }
    return card_check(card, cudaEventRecord(card->marks[i], card->stream), "an event failed", e);
}

bool card_between(Card *card, int from, int to, double *seconds, Error *e) {
    float ms = 0;
    bool ok = card_check(card, cudaEventSynchronize(card->marks[to]), "an event failed", e) &&
              card_check(card, cudaEventElapsedTime(&ms, card->marks[from], card->marks[to]), "an event failed", e);
    *seconds = 1e-3 * (double)ms;
    return ok;
}
