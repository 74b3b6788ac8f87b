/* weights.c: a panel of a weight in f32, from whatever form the weight is in.
 *
 * K of a convolution counts taps first, channels within: k = tap I + channel. All forms hold the same numbers, and
 * widening is exact, so products from any of them have the same bits. */
#include "kernels.h"

#include "panel.h"
#include "widen.h"

#include <assert.h>

/* Rows [column, column + n) of w[O][K], turned: the lines being written stay in the first cache. */
static void from_rows(float *to, const Tensor *w, int64_t row_size, int64_t column, int64_t n, int64_t from,
                      int64_t k) {
    enum { AT_ONCE = 64 };
    size_t width = (size_t)dtype_bits(w->dtype) / 8;
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

/* [O/16][I][9][16]: a panel is two blocks side by side. */
static void from_filters(float *to, const Weight *w, int64_t column, int64_t n, int64_t from, int64_t k) {
    enum { LANES = FILTER_OUTPUTS, TAPS = 9 };
    int64_t channels = w->t.n[3];
    size_t width = (size_t)dtype_bits(w->t.dtype) / 8;
    const char *left = (const char *)w->prepared + (size_t)(column * TAPS * channels) * width;
    const char *right = left + (size_t)(LANES * TAPS * channels) * width;
    for (int64_t e = from; e < from + k; e++, to += PANEL) {
        size_t at = (size_t)((e % channels * TAPS + e / channels) * LANES) * width;
        widen(to, left + at, w->t.dtype, LANES);
        if (n > LANES) widen(to + LANES, right + at, w->t.dtype, LANES);
        else memset(to + LANES, 0, LANES * sizeof *to);
    }
}

const float *K(panel_of)(float *room, const Weight *w, int64_t column, int64_t from, int64_t k) {
    int64_t n = min64(PANEL, w->t.n[0] - column), row_size = tensor_count(w->t) / w->t.n[0];
    assert(column % PANEL == 0);
    if (!w->prepared) {
        from_rows(room, &w->t, row_size, column, n, from, k);
    } else if (w->layout == WEIGHT_FILTERS) {
        from_filters(room, w, column, n, from, k);
    } else {
        size_t at = (size_t)(column * row_size + from * PANEL);
        if (w->t.dtype == F32) return (const float *)w->prepared + at;
        widen(room, (const uint16_t *)w->prepared + at, w->t.dtype, k * PANEL);
    }
    return room;
}
