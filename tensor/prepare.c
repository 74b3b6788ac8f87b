#include "prepare.h"

#include "sizes.h"

#include <assert.h>
#include <string.h>

static WeightLayout layout_of(const Weight *w) {
    if (w->kind == WEIGHT_LINEAR) return WEIGHT_PANELS;
    return w->kind == WEIGHT_CONV && w->t.n[1] == 3 && w->t.n[2] == 3 ? WEIGHT_FILTERS : WEIGHT_PLAIN;
}

static int64_t lanes_of(WeightLayout l) { return l == WEIGHT_PANELS ? PANEL_OUTPUTS : FILTER_OUTPUTS; }

size_t weight_prepared_bytes(const Weight *w, DType type) {
    WeightLayout layout = layout_of(w);
    if (layout == WEIGHT_PLAIN || (type != F32 && type != F16 && type != BF16 && type != Q8_0)) return 0;
    int64_t lanes = lanes_of(layout), blocks = (w->t.n[0] + lanes - 1) / lanes;
    return size_of(dtype_bytes(type, blocks * lanes * (tensor_count(w->t) / w->t.n[0])));
}

/* Vectors of 16 bytes: every processor that has any has these, and more would not help, as memory sets the pace. */
typedef uint16_t V16 __attribute__((vector_size(16)));
typedef uint32_t V32 __attribute__((vector_size(16)));

#ifdef __clang__
#define MIX(V, a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define MIX(V, a, b, ...) __builtin_shuffle(a, b, (V){__VA_ARGS__})
#endif
#define LOW_16(a, b) MIX(V16, a, b, 0, 8, 1, 9, 2, 10, 3, 11)
#define HIGH_16(a, b) MIX(V16, a, b, 4, 12, 5, 13, 6, 14, 7, 15)
#define LOW_32(a, b) MIX(V32, a, b, 0, 4, 1, 5)
#define HIGH_32(a, b) MIX(V32, a, b, 2, 6, 3, 7)

/* A square of 8 rows of 8, or 4 of 4, becomes its transpose: each pass interleaves rows that are half the square apart.
 * Distances are in bytes. */
#define PASS(n, to, from, type)                                                                                        \
    _Pragma("GCC unroll 4") for (int i = 0; i < (n) / 2; i++) {                                                        \
        (to)[2 * i] = LOW_##type((from)[i], (from)[i + (n) / 2]);                                                      \
        (to)[2 * i + 1] = HIGH_##type((from)[i], (from)[i + (n) / 2]);                                                 \
    }

static inline void square_uint16_t(char *to, size_t to_row, const char *from, size_t row) {
    V16 a[8], b[8];
#pragma GCC unroll 8
    for (int i = 0; i < 8; i++) memcpy(&a[i], from + (size_t)i * row, sizeof a[i]);
    PASS(8, b, a, 16)
    PASS(8, a, b, 16)
    PASS(8, b, a, 16)
#pragma GCC unroll 8
    for (int i = 0; i < 8; i++) memcpy(to + (size_t)i * to_row, &b[i], sizeof b[i]);
}

static inline void square_uint32_t(char *to, size_t to_row, const char *from, size_t row) {
    V32 a[4], b[4];
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) memcpy(&a[i], from + (size_t)i * row, sizeof a[i]);
    PASS(4, b, a, 32)
    PASS(4, a, b, 32)
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) memcpy(to + (size_t)i * to_row, &a[i], sizeof a[i]);
}

/* to[e * step][lane] = from[lane][e] for e in [0, length) and lanes [0, n); rows of `from` are `row` apart. In pieces
 * of e, so that the cache lines being written stay in L1; there by squares, and what is left over one by one. Meanwhile
 * as many bytes from `next` on are fetched, which the following call reads: rows far apart are no stream that a
 * processor would fetch by itself. */
#define INTERLEAVE(type)                                                                                               \
    static void interleave_##type(char *to, const char *from, const char *next, int64_t lanes, int64_t n, int64_t row, \
                                  int64_t length, int64_t step) {                                                      \
        enum { AT_ONCE = 64, SIDE = 16 / sizeof(type), LINE = 64 };                                                    \
        int64_t whole = n / SIDE * SIDE, even = length / SIDE * SIDE;                                                  \
        for (int64_t at = 0; at < length; at += AT_ONCE) {                                                             \
            int64_t end = at + AT_ONCE < length ? at + AT_ONCE : length, squares = end < even ? end : even;            \
            for (int64_t e = at; e < squares; e += SIDE) {                                                             \
                for (int64_t k = 0; next && k < 16 * n; k += LINE)                                                     \
                    __builtin_prefetch(next + e * n * (int64_t)sizeof(type) + k, 0, 2);                                \
                for (int64_t j = 0; j < whole; j += SIDE)                                                              \
                    square_##type(to + (size_t)(e * step * lanes + j) * sizeof(type),                                  \
                                  (size_t)(step * lanes) * sizeof(type), from + (size_t)(j * row + e) * sizeof(type),  \
                                  (size_t)row * sizeof(type));                                                         \
            }                                                                                                          \
            for (int64_t j = 0; j < n; j++)                                                                            \
                for (int64_t e = j < whole ? (squares > at ? squares : at) : at; e < end; e++)                         \
                    memcpy(to + (size_t)(e * step * lanes + j) * sizeof(type),                                         \
                           from + (size_t)(j * row + e) * sizeof(type), sizeof(type));                                 \
        }                                                                                                              \
    }
INTERLEAVE(uint16_t)
INTERLEAVE(uint32_t)

/* [n][row / 32] blocks of Q8_0, the taps of a row one after another, as one block of outputs of a prepared form. */
static void interleave_q8(uint8_t *to, const uint8_t *from, int64_t lanes, int64_t n, int64_t row, int64_t taps) {
    int64_t groups = row / taps / Q8_NUMBERS; /* of a tap */
    size_t scales = (size_t)(2 * taps * lanes), bytes = dtype_bytes(Q8_0, Q8_NUMBERS * taps * lanes);
    for (int64_t g = 0; g < groups; g++, to += bytes)
        for (int64_t j = 0; j < n; j++)
            for (int64_t t = 0; t < taps; t++) {
                const uint8_t *block = from + ((j * taps + t) * groups + g) * Q8_BYTES;
                uint16_t scale = q8_scale_bits(block); /* the machine's order, as kernels read it */
                memcpy(to + 2 * (t * lanes + j), &scale, sizeof scale);
                uint8_t *out = to + scales + t * lanes + j;
                for (int64_t i = 0; i < Q8_NUMBERS; i++) out[i * taps * lanes] = block[2 + i];
            }
}

void weight_prepare(Weight *w, DType type, const void *from, bool torch_order, void *to) {
    WeightLayout layout = layout_of(w);
    assert(weight_prepared_bytes(w, type) && (uintptr_t)to % 64 == 0);
    int64_t lanes = lanes_of(layout), outputs = w->t.n[0], row = tensor_count(w->t) / outputs;
    int64_t taps = layout == WEIGHT_FILTERS && !torch_order ? 9 : 1; /* torch's order is the filters' own */
    assert(type != Q8_0 || !torch_order || layout != WEIGHT_FILTERS);
    size_t width = type == F32 ? 4 : 2;
    for (int64_t o = 0; o < outputs; o += lanes) {
        int64_t n = outputs - o < lanes ? outputs - o : lanes;
        char *block = (char *)to + dtype_bytes(type, o * row);
        const char *rows = (const char *)from + dtype_bytes(type, o * row);
        if (n < lanes) memset(block, 0, dtype_bytes(type, lanes * row));
        if (type == Q8_0) {
            interleave_q8((uint8_t *)block, (const uint8_t *)rows, lanes, n, row, taps);
            continue;
        }
        for (int64_t t = 0; t < taps; t++) {
            int64_t length = row / taps;
            const char *next = o + n < outputs ? rows + (size_t)(n * row + t * n * length) * width : NULL;
            (width == 4 ? interleave_uint32_t : interleave_uint16_t)(block + (size_t)(t * lanes) * width,
                                                                     rows + (size_t)(t * length) * width, next, lanes,
                                                                     n, row, length, taps);
        }
    }
    w->prepared = to;
    w->layout = layout;
    w->t.dtype = type;
}
