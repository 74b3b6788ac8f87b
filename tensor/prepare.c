#include "prepare.h"

#include <assert.h>
#include <string.h>

static WeightLayout layout_of(const Weight *w) {
    if (w->kind == WEIGHT_LINEAR) return WEIGHT_PANELS;
    return w->kind == WEIGHT_CONV && w->t.n[1] == 3 && w->t.n[2] == 3 ? WEIGHT_FILTERS : WEIGHT_PLAIN;
}

static int64_t lanes_of(WeightLayout l) { return l == WEIGHT_PANELS ? PANEL_OUTPUTS : FILTER_OUTPUTS; }

size_t weight_prepared_bytes(const Weight *w, DType type) {
    WeightLayout layout = layout_of(w);
    if (layout == WEIGHT_PLAIN || (type != F32 && type != F16 && type != BF16)) return 0;
    int64_t lanes = lanes_of(layout), blocks = (w->t.n[0] + lanes - 1) / lanes;
    return dtype_bytes(type, blocks * lanes * (tensor_count(w->t) / w->t.n[0]));
}

/* to[e * step][lane] = from[lane][e] for e in [0, length) and lanes [0, n); rows of `from` are `row` apart. In pieces
 * of e, so that the cache lines being written stay in L1. */
#define INTERLEAVE(type)                                                                                               \
    static void interleave_##type(char *to, const char *from, int64_t lanes, int64_t n, int64_t row, int64_t length,   \
                                  int64_t step) {                                                                      \
        enum { AT_ONCE = 64 };                                                                                         \
        for (int64_t at = 0; at < length; at += AT_ONCE)                                                               \
            for (int64_t j = 0; j < n; j++)                                                                            \
                for (int64_t e = at; e < length && e < at + AT_ONCE; e++) {                                            \
                    type v;                                                                                            \
                    memcpy(&v, from + (size_t)(j * row + e) * sizeof v, sizeof v);                                     \
                    memcpy(to + (size_t)(e * step * lanes + j) * sizeof v, &v, sizeof v);                              \
                }                                                                                                      \
    }
INTERLEAVE(uint16_t)
INTERLEAVE(uint32_t)

void weight_prepare(Weight *w, DType type, const void *from, bool torch_order, void *to) {
    WeightLayout layout = layout_of(w);
    assert(weight_prepared_bytes(w, type) && (uintptr_t)to % 64 == 0);
    int64_t lanes = lanes_of(layout), outputs = w->t.n[0], row = tensor_count(w->t) / outputs;
    int64_t taps = layout == WEIGHT_FILTERS && !torch_order ? 9 : 1; /* torch's order is the filters' own */
    size_t width = dtype_bytes(type, 1);
    for (int64_t o = 0; o < outputs; o += lanes) {
        int64_t n = outputs - o < lanes ? outputs - o : lanes;
        char *block = (char *)to + (size_t)(o * row) * width;
        const char *rows = (const char *)from + (size_t)(o * row) * width;
        if (n < lanes) memset(block, 0, (size_t)(lanes * row) * width);
        for (int64_t t = 0; t < taps; t++)
            (width == 4 ? interleave_uint32_t : interleave_uint16_t)(block + (size_t)(t * lanes) * width,
                                                                     rows + (size_t)(t * (row / taps)) * width, lanes,
                                                                     n, row, row / taps, taps);
    }
    w->prepared = to;
    w->layout = layout;
    w->t.dtype = type;
}
