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

/* As product_hopper.cu multiplies: two groups of warps, each 64 rows by 128 from shared memory. */
enum { WIDE_CHAINS = 4, WIDE_TILES = (2 * 64 + 128) * 128, WIDE_SHARED = WIDE_TILES + 1024 };
template <class A> __global__ void __launch_bounds__(THREADS) chains_wgmma(float *out, int turns) {
    unsigned char *tiles = shared_memory();
    tiles += (1024 - shared_address(tiles) % 1024) % 1024;
    for (int i = threadIdx.x; i < WIDE_TILES / 4; i += THREADS) ((uint32_t *)tiles)[i] = pair<A>(0.25f, 0.0625f);
    show_to_copies();
    __syncthreads();
    uint64_t x = tile_at(tiles + threadIdx.x / 128 * 64 * 128), w = tile_at(tiles + 2 * 64 * 128);
    float sum[128 / 8][4] = {};
    for (int t = 0; t < turns; t++) {
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
bool add_chains(Card *card, CardPeaks *p, const char *name, const char *unit, double each, K kernel, size_t shared,
                Error *e) {
    unsigned blocks = (unsigned)(card->processors * BLOCKS);
    double rate;
    bool ok = measure(
        card, each * blocks,
        [&](Ctx *c, int turns) { launch(c, "peak", kernel, blocks, THREADS, shared, card->partials, turns); }, &rate,
        e);
    if (ok) add(p, name, unit, rate);
    return ok;
}

} // namespace

bool card_peaks(Card *card, CardPeaks *out, Error *e) {
    const double FMA = 2.0 * CHAINS * THREADS, MMA = 2.0 * 16 * 8 * 16 * CHAINS * (THREADS / WARP);
    const double WGMMA = 2.0 * 64 * 128 * 16 * WIDE_CHAINS * (THREADS / 128);
    bool wide = card->encode_map;
    *out = CardPeaks{};
    return add_chains(card, out, "f32", "fma", FMA, chains_fma, 0, e) &&
           add_chains(card, out, "f16", "mma", MMA, chains_mma<Half>, 0, e) &&
           (card->arch < 80 || add_chains(card, out, "bf16", "mma", MMA, chains_mma<Brain>, 0, e)) &&
           (!wide || (add_chains(card, out, "f16", "wgmma", WGMMA, chains_wgmma<Half>, WIDE_SHARED, e) &&
                      add_chains(card, out, "bf16", "wgmma", WGMMA, chains_wgmma<Brain>, WIDE_SHARED, e))) &&
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
