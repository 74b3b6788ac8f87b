/* weights.c: f32 panels of a weight, from whatever form the weight is in.
 *
 * K of a convolution counts taps, then channels: k = tap I + channel. All forms hold the same numbers, and widening is
 * exact, so products have the same bits with any of them. */
#include "kernels.h"

#include "pair.h"
#include "panel.h"
#include "transpose.h"
#include "widen.h"

#include <assert.h>

/* Rows [column, column + n) of w[O][K], transposed, in pieces: the cache lines being written stay in L1. */
static void from_rows(float *to, const Tensor *w, int64_t row_size, int64_t column, int64_t n, int64_t from,
                      int64_t k) {
    enum { AT_ONCE = 64 };
    if (n < PANEL) memset(to, 0, (size_t)(k * PANEL) * sizeof *to);
    for (int64_t at = 0; at < k; at += AT_ONCE) {
        float line[AT_ONCE];
        int64_t count = min64(AT_ONCE, k - at);
        for (int64_t j = 0; j < n; j++) {
            widen(line, w->data, w->dtype, (column + j) * row_size + from + at, count);
            for (int64_t e = 0; e < count; e++) to[(at + e) * PANEL + j] = line[e];
        }
    }
}

/* One tap of n channels of 16 outputs' filters, F32, F16 or BF16. Of a channel's nine taps one is read: the processor
 * does not see such short runs coming. */
static inline __attribute__((always_inline)) void tap_of(float *to, const char *filters, int64_t n, const DType dtype) {
    enum { SOON = 8 };
    const int64_t width = dtype == F32 ? 4 : 2, one = 9 * FILTER_OUTPUTS * width;
    for (int64_t i = 0; i < n; i++, filters += one, to += PANEL) {
        __builtin_prefetch(filters + SOON * one);
        for (int64_t c = 0; c < FILTER_OUTPUTS; c += VW) *(V *)(to + c) = widen_vector(filters + c * width, dtype);
    }
}

static inline void q8_tap_of(float *to, const char *filters, int64_t first, int64_t n, int64_t tap) {
    enum { LANES = FILTER_OUTPUTS, TAPS = 9 };
    for (int64_t channel = first; channel < first + n; channel++, to += PANEL) {
        const char *block = filters + channel / Q8_NUMBERS * Q8_FILTER_BYTES;
        const int8_t *bytes = (const int8_t *)block + Q8_FILTER_SCALES + (channel % Q8_NUMBERS * TAPS + tap) * LANES;
        widen_scales(to, block + 2 * tap * LANES, LANES);
        for (int i = 0; i < LANES; i += VW) *(V *)(to + i) *= widen_bytes(bytes + i);
    }
}

static void taps_of(float *to, const char *filters, DType dtype, int64_t first, int64_t n, int64_t tap) {
    const char *at = filters;
    if (dtype != Q8_0) at += dtype_bytes(dtype, (first * 9 + tap) * FILTER_OUTPUTS);
    if (dtype == Q8_0) q8_tap_of(to, filters, first, n, tap);
    else if (dtype == F16) tap_of(to, at, n, F16);
    else if (dtype == BF16) tap_of(to, at, n, BF16);
    else tap_of(to, at, n, F32);
}

/* From WEIGHT_FILTERS: a panel is two blocks of outputs next to each other. */
static void from_filters(float *to, const Weight *w, int64_t column, int64_t n, int64_t from, int64_t k) {
    enum { LANES = FILTER_OUTPUTS, TAPS = 9 };
    int64_t channels = w->t.n[3];
    const char *left = (const char *)w->prepared + dtype_bytes(w->t.dtype, column * TAPS * channels);
    const char *right = left + dtype_bytes(w->t.dtype, LANES * TAPS * channels);
    for (int64_t e = from, count; e < from + k; e += count, to += count * PANEL) {
        int64_t first = e % channels, tap = e / channels;
        count = min64(channels - first, from + k - e);
        taps_of(to, left, w->t.dtype, first, count, tap);
        if (n > LANES) taps_of(to + LANES, right, w->t.dtype, first, count, tap);
        else
            for (int64_t i = 0; i < count; i++) memset(to + i * PANEL + LANES, 0, LANES * sizeof *to);
    }
}

/* From panels of Q8_0 (prepare.h): a block's scales are widened once for its 32 steps of K. */
static void from_q8_panel(float *to, const char *panel, int64_t from, int64_t k) {
    float scales[PANEL];
    for (int64_t e = from, end; e < from + k; e = end) {
        const char *block = panel + e / Q8_NUMBERS * Q8_PANEL_BYTES;
        const int8_t *bytes = (const int8_t *)block + Q8_PANEL_SCALES + e % Q8_NUMBERS * PANEL;
        end = min64(from + k, (e / Q8_NUMBERS + 1) * Q8_NUMBERS);
        widen_scales(scales, block, PANEL);
        for (int64_t i = e; i < end; i++, to += PANEL, bytes += PANEL)
            for (int c = 0; c < PANEL; c += VW) *(V *)(to + c) = *(const V *)(scales + c) * widen_bytes(bytes + c);
    }
}

const void *K(panel_place)(const Weight *w, int64_t column, int64_t from, int64_t k, size_t *bytes) {
    int64_t row_size = tensor_count(w->t) / w->t.n[0];
    DType type = w->t.dtype;
    if (w->layout == WEIGHT_PAIRS) type = F32, row_size = (row_size + 1) / 2, from /= 2, k = (k + 1) / 2;
    if (type == Q8_0) { /* whole blocks */
        int64_t end = (from + k + Q8_NUMBERS - 1) / Q8_NUMBERS * Q8_NUMBERS;
        from = from / Q8_NUMBERS * Q8_NUMBERS, k = end - from;
    }
    *bytes = dtype_bytes(type, k * PANEL);
    if (!w->prepared || w->layout == WEIGHT_FILTERS) return NULL;
    return (const char *)w->prepared + dtype_bytes(type, column * row_size + from * PANEL);
}

const float *K(panel_of)(float *buffer, const Weight *w, int64_t column, int64_t from, int64_t k) {
    int64_t n = min64(PANEL, w->t.n[0] - column), row_size = tensor_count(w->t) / w->t.n[0];
    assert(column % PANEL == 0);
    if (!w->prepared) {
        from_rows(buffer, &w->t, row_size, column, n, from, k);
    } else if (w->layout == WEIGHT_FILTERS) {
        from_filters(buffer, w, column, n, from, k);
    } else {
        size_t bytes;
        const void *place = K(panel_place)(w, column, from, k, &bytes);
        if (w->t.dtype == F32) return place;
        if (w->t.dtype == Q8_0) from_q8_panel(buffer, place, from % Q8_NUMBERS, k);
        else widen(buffer, place, w->t.dtype, 0, k * PANEL);
    }
    return buffer;
}

#if !defined SDC_SMALL
/* The same from 32 rows, by squares of VW x VW words; k: a multiple of 2 VW. Meanwhile as many bytes of the next 32
 * rows are fetched. */
static inline __attribute__((always_inline)) void pairs_from_rows(uint32_t *to, const Tensor *w, const DType dtype,
                                                                  int64_t column, int64_t from, int64_t k) {
    enum { AT_ONCE = 256, LINE = 64 };
    const int64_t width = dtype == F32 ? 4 : 2, row = w->n[1] * width;
    const char *rows = (const char *)w->data + column * row + from * width;
    const char *next = column + 2 * PANEL <= w->n[0] ? rows + PANEL * row + from * (PANEL - 1) * width : NULL;
    for (int64_t at = 0; at < k; at += AT_ONCE)
        for (int64_t j = 0; j < PANEL; j += VW)
            for (int64_t e = at; e < min64(at + AT_ONCE, k); e += 2 * VW) {
                for (int64_t b = 0; next && b < 2 * VW * VW * width; b += LINE) __builtin_prefetch(next + b, 0, 2);
                next = next ? next + 2 * VW * VW * width : NULL;
                V words[VW];
#pragma GCC unroll 16
                for (int r = 0; r < VW; r++) {
                    const char *line = rows + (j + r) * row + e * width;
                    words[r] = (V)pairs_along(widen_vector(line, dtype), widen_vector(line + VW * width, dtype));
                }
                transpose_registers(words);
#pragma GCC unroll 16
                for (int r = 0; r < VW; r++) *(V *)(to + (e / 2 + r) * PANEL + j) = words[r];
            }
}

const uint32_t *K(pairs_of)(uint32_t *buffer, const Weight *w, int64_t column, int64_t from, int64_t k) {
    assert(column % PANEL == 0 && from % 2 == 0);
    enum { AT_ONCE = 32 };
    size_t bytes;
    if (w->layout == WEIGHT_PAIRS && w->prepared) return K(panel_place)(w, column, from, k, &bytes);
    float wide[AT_ONCE * PANEL];
    int64_t squares = !w->prepared && w->t.nd == 2 && column + PANEL <= w->t.n[0] ? k / (2 * VW) * (2 * VW) : 0;
    if (w->t.dtype == F16) pairs_from_rows(buffer, &w->t, F16, column, from, squares);
    else if (w->t.dtype == BF16) pairs_from_rows(buffer, &w->t, BF16, column, from, squares);
    else if (w->t.dtype == F32) pairs_from_rows(buffer, &w->t, F32, column, from, squares);
    else squares = 0;
    for (int64_t at = squares; at < k; at += AT_ONCE) {
        int64_t n = min64(AT_ONCE, k - at);
        pair_rows(buffer + at / 2 * PANEL, K(panel_of)(wide, w, column, from + at, n), PANEL, n, PANEL);
    }
    return buffer;
}

/* Of the panels of pairs, [O/32][(K + 1) / 2][32] words. */
static size_t pairs_bytes(const Weight *w) {
    int64_t panels = (w->t.n[0] + PANEL - 1) / PANEL;
    return (size_t)(panels * PANEL * ((w->t.n[1] + 1) / 2)) * sizeof(uint32_t);
}

/* Q8_0 stays as small as it is: its pairs are made panel by panel. */
static bool becomes_pairs(const Weight *w, DType type) {
    return w->kind == WEIGHT_LINEAR && (type == F32 || type == F16 || type == BF16) && !w->keep_f32;
}

size_t K(prepared_bytes_mixed)(const Weight *w, DType type) {
    return becomes_pairs(w, type) ? pairs_bytes(w) : weight_prepared_bytes(w, type);
}

void K(prepare_mixed)(Weight *w, DType type, const void *from, bool torch_order, void *to) {
    if (!becomes_pairs(w, type)) {
        weight_prepare(w, type, from, torch_order, to);
        return;
    }
    Weight raw = *w;
    raw.prepared = NULL;
    raw.t = tensor_view((void *)(uintptr_t)from, type, 2, w->t.n);
    int64_t words = (w->t.n[1] + 1) / 2;
    for (int64_t o = 0; o < w->t.n[0]; o += PANEL) K(pairs_of)((uint32_t *)to + o * words, &raw, o, 0, w->t.n[1]);
    w->prepared = to;
    w->layout = WEIGHT_PAIRS;
    w->t.dtype = BF16;
}
#endif
