/* weights.c: f32 panels of a weight, from whatever form the weight is in.
 *
 * K of a convolution counts taps, then channels: k = tap I + channel. All forms hold the same numbers, and widening is
 * exact, so products have the same bits with any of them. */
#include "kernels.h"

#include "pair.h"
#include "panel.h"
#include "widen.h"

#include <assert.h>

/* Rows [column, column + n) of w[O][K], transposed, in pieces: the cache lines being written stay in L1. */
static void from_rows(float *to, const Tensor *w, int64_t row_size, int64_t column, int64_t n, int64_t from,
                      int64_t k) {
    enum { AT_ONCE = 64 };
    size_t width = dtype_bytes(w->dtype, 1);
    if (n < PANEL) memset(to, 0, (size_t)(k * PANEL) * sizeof *to);
    for (int64_t at = 0; at < k; at += AT_ONCE) {
        float line[AT_ONCE];
        int64_t count = min64(AT_ONCE, k - at);
        for (int64_t j = 0; j < n; j++) {
            widen(line, (const char *)w->data + (size_t)((column + j) * row_size + from + at) * width, w->dtype, count);
            for (int64_t e = 0; e < count; e++) to[(at + e) * PANEL + j] = line[e];
        }
    }
}

/* From [O/16][I][9][16]: a panel is two blocks next to each other. */
static void from_filters(float *to, const Weight *w, int64_t column, int64_t n, int64_t from, int64_t k) {
    enum { LANES = FILTER_OUTPUTS, TAPS = 9 };
    int64_t channels = w->t.n[3];
    size_t width = dtype_bytes(w->t.dtype, 1);
    const char *left = (const char *)w->prepared + (size_t)(column * TAPS * channels) * width;
    const char *right = left + (size_t)(LANES * TAPS * channels) * width;
    for (int64_t e = from; e < from + k; e++, to += PANEL) {
        size_t at = (size_t)((e % channels * TAPS + e / channels) * LANES) * width;
        widen(to, left + at, w->t.dtype, LANES);
        if (n > LANES) widen(to + LANES, right + at, w->t.dtype, LANES);
        else memset(to + LANES, 0, LANES * sizeof *to);
    }
}

const void *K(panel_place)(const Weight *w, int64_t column, int64_t from, int64_t k, size_t *bytes) {
    bool pairs = w->layout == WEIGHT_PAIRS;
    size_t width = pairs ? sizeof(uint32_t) : dtype_bytes(w->t.dtype, 1);
    int64_t row_size = tensor_count(w->t) / w->t.n[0];
    if (pairs) row_size = (row_size + 1) / 2, from /= 2, k = (k + 1) / 2;
    *bytes = (size_t)(k * PANEL) * width;
    if (!w->prepared || w->layout == WEIGHT_FILTERS) return NULL;
    return (const char *)w->prepared + (size_t)(column * row_size + from * PANEL) * width;
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
        widen(buffer, place, w->t.dtype, k * PANEL);
    }
    return buffer;
}

const uint32_t *K(pairs_of)(uint32_t *buffer, const Weight *w, int64_t column, int64_t from, int64_t k) {
    assert(column % PANEL == 0 && from % 2 == 0);
    enum { AT_ONCE = 32 };
    size_t bytes;
    if (w->layout == WEIGHT_PAIRS && w->prepared) return K(panel_place)(w, column, from, k, &bytes);
    float wide[AT_ONCE * PANEL];
    for (int64_t at = 0; at < k; at += AT_ONCE) {
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

size_t K(prepared_bytes_mixed)(const Weight *w, DType type) {
    bool known = type == F32 || type == F16 || type == BF16;
    return w->kind == WEIGHT_LINEAR && known && !w->keep_f32 ? pairs_bytes(w) : weight_prepared_bytes(w, type);
}

void K(prepare_mixed)(Weight *w, DType type, const void *from, bool torch_order, void *to) {
    if (w->kind != WEIGHT_LINEAR || w->keep_f32) {
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
