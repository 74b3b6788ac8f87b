/* panel.c: the tiles of panel.h, one source for vectors of 4, 8 and 16.
 *
 * A tile is ROWS x (COLUMNS vectors) of y in registers. In each step of k it loads COLUMNS vectors of the panel and
 * broadcasts ROWS numbers of x: 12 x 32 takes 24 of the 32 registers of AVX-512, 6 x 16 takes 12 of AVX2's 16. Both
 * issue more than 1.5 multiply-adds per load, with enough of them in flight to hide their latency (4 cycles, 2 per
 * cycle). If a tile is narrower than a panel, the panel is taken in strips, all rows on one strip before the next.
 *
 * The same tiles multiply pairs of bf16 (pair.h): a word of the panel and of x is then two steps of k.
 *
 * Rows left over get a tile of their own height: none is computed twice, and nothing is read past the last row. */
#if defined __aarch64__ && defined __GNUC__ && !defined __clang__
#pragma GCC optimize("no-schedule-insns") /* else it loads all of a step's x at once and spills two sums */
#endif

#include "panel.h"

#include "fma.h"
#include "pair.h"
#include "widen.h"

#include <assert.h>

#if defined __AVX512F__
enum { ROWS = 12, COLUMNS = 2 };
#elif defined __AVX2__
enum { ROWS = 6, COLUMNS = 2 };
#elif defined __aarch64__
enum { ROWS = 6, COLUMNS = 4 };
#else
enum { ROWS = 4, COLUMNS = 2 };
#endif
enum {
    STRIP = COLUMNS * VW,
    PIECE = 320, /* steps of k at once: a strip and the rows of a tile stay in L1 */
    AHEAD = 8,   /* steps that a line of the panel is prefetched ahead: about 50 cycles */
    LINE = 64,   /* bytes in a cache line */
};

#if defined __clang__
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

typedef float Aligned __attribute__((vector_size(4 * VW), may_alias));

typedef uint32_t Word __attribute__((may_alias));

typedef struct {
    bool transposed; /* x is [k][rows], its rows ldx apart */
    bool pairs;      /* words of x and panel are pairs */
    DType type;      /* not F32: the panel is widened from this type along the way */
} Form;

#define INLINE static inline __attribute__((always_inline))

/* One product, as tiles see it; k, x and panel in words. */
typedef struct {
    int64_t k, ldx, ldy, n; /* n: how many columns of y there are from here */
    const float *x, *panel;
    const uint16_t *from; /* the panel before it is widened */
    Ahead next;           /* each step prefetches a line of it */
    float *y;
    bool accumulate;
} Tile;

/* Stores a tile that is wider than what is left of y. */
static __attribute__((noinline)) void put_narrow(const Tile *t, const float *sums, int rows) {
    for (int i = 0; i < rows; i++)
        for (int64_t j = 0; j < t->n; j++) {
            float *to = t->y + i * t->ldy + j, sum = sums[i * PANEL + j];
            *to = t->accumulate ? *to + sum : sum;
        }
}

/* rows x columns vectors. */
INLINE void tile(const int rows, const int columns, const Form form, Tile t) {
    V acc[ROWS][PANEL / VW];
    const float *groups[(ROWS + 2) / 3]; /* one register for three rows: x + ldx and x + 2 ldx are addressing modes */
    UNROLL
    for (int i = 0; i < rows; i++) {
        UNROLL
        for (int c = 0; c < columns; c++) acc[i][c] = (V){0};
    }
    UNROLL
    for (int i = 0; i < rows; i++) { /* y arrives by the end of the loop */
        UNROLL
        for (int c = 0; c<columns; c += LINE / 4 / VW> 1 ? LINE / 4 / VW : 1)
            __builtin_prefetch(t.y + i * t.ldy + c * VW, 1);
    }
    UNROLL
    for (int g = 0; g < (rows + 2) / 3; g++) groups[g] = t.x + 3 * g * t.ldx;
    const int64_t second = t.k / AHEAD_ROWS * t.next.along;
    for (int64_t p = 0; p < t.k; p++) {
        V w[PANEL / VW];
        UNROLL
        for (int c = 0; c < columns; c++) {
            Aligned *at = (Aligned *)(t.panel + p * PANEL + c * VW);
            w[c] = form.type == F32 ? (V)*at : widen_vector(t.from + p * PANEL + c * VW, form.type);
            if (form.type != F32 && rows > 1) *at = w[c];
        }
        if (!form.transposed) {
            if (columns * VW < PANEL) __builtin_prefetch(t.panel + (p + AHEAD) * PANEL);
            const char *next = t.next.at + p % AHEAD_ROWS * t.next.across + p / AHEAD_ROWS * t.next.along;
            __builtin_prefetch(next, 0, 2);
            if (form.pairs) __builtin_prefetch(next + second, 0, 2);
        }
        UNROLL
        for (int i = 0; i < rows; i++) {
            const float *at = form.transposed ? t.x + i : groups[i / 3] + i % 3 * t.ldx;
            UNROLL
            for (int c = 0; c < columns; c++)
                if (form.pairs) acc[i][c] = pair_dot(acc[i][c], (VU)w[c], (VU){0} + *(const Word *)at);
                else acc[i][c] = fma_v(w[c], splat(*at), acc[i][c]);
        }
        t.x += t.ldx;
        UNROLL
        for (int g = 0; g < (rows + 2) / 3; g++) groups[g]++;
    }
    if (t.n >= columns * VW) {
        UNROLL
        for (int i = 0; i < rows; i++) {
            UNROLL
            for (int c = 0; c < columns; c++) {
                V *to = (V *)(t.y + i * t.ldy + c * VW);
                V sum = acc[i][c];
                if (t.accumulate) sum += *to;
                *to = sum;
            }
        }
        return;
    }
    float sums[ROWS * PANEL]; /* a copy: indexing acc itself would force it into memory */
    UNROLL
    for (int i = 0; i < rows; i++) {
        UNROLL
        for (int c = 0; c < columns; c++) *(V *)(sums + i * PANEL + c * VW) = acc[i][c];
    }
    put_narrow(&t, sums, rows);
}

#define CASE(r)                                                                                                        \
    case r: tile(r < ROWS ? r : ROWS, COLUMNS, form, t); break;

/* Prefetches nothing new: the panel, which is in L1. */
INLINE Ahead again(const float *panel) {
    return (Ahead){(const char *)panel, (const char *)UINTPTR_MAX, LINE, LINE, 0};
}

/* All rows on one strip. */
INLINE void strip(int64_t m, const Form form, Tile t) {
    int64_t row = form.transposed ? 1 : t.ldx;
    for (; m >= ROWS; m -= ROWS, t.x += ROWS * row, t.y += ROWS * t.ldy) {
        tile(ROWS, COLUMNS, form, t);
        t.next.at += t.next.skip;
        if (t.next.at >= t.next.end) t.next = again(t.panel);
    }
    switch (m) {
        CASE(1)
        CASE(2)
        CASE(3)
#if defined __AVX2__ || defined __aarch64__
        CASE(4)
        CASE(5)
#endif
#if defined __AVX512F__
        CASE(6)
        CASE(7)
        CASE(8)
        CASE(9)
        CASE(10)
        CASE(11)
#endif
    default: break;
    }
}

INLINE void product(int64_t m, const Form form, Tile all) {
    int64_t parts = (all.k + PIECE - 1) / PIECE, piece = parts ? (all.k + parts - 1) / parts : 1;
    for (int64_t p = 0; p < all.k; p += piece, all.accumulate = true) {
        Tile t = all;
        t.k = all.k - p < piece ? all.k - p : piece;
        t.x += form.transposed ? p * all.ldx : p;
        t.panel += p * PANEL;
        size_t bytes = (size_t)(t.k * PANEL) * sizeof *t.panel;
        if (!all.next.at)
            t.next = ahead_bytes(t.panel + t.k * PANEL, bytes, t.k); /* what follows is often the next panel */
        if (m == 1) tile(1, PANEL / VW, form, t);                    /* bound by memory: reads the panel in order */
        else
            for (; t.n > 0; t.n -= STRIP, t.panel += STRIP, t.y += STRIP) strip(m, form, t);
    }
}

/* The first tile of each strip widens it along with its products; for a single row nothing is kept. */
INLINE void product_widening(int64_t m, const DType type, Tile t, float *buffer) {
    if (m == 1 && WIDENS_BY_VECTORS) {
        tile(1, PANEL / VW, (Form){.type = type}, t);
        return;
    }
    if (m < ROWS || !WIDENS_BY_VECTORS) widen(buffer, t.from, type, 0, t.k * PANEL);
    else {
        Tile first = t;
        for (; first.n > 0; first.n -= STRIP, first.panel += STRIP, first.from += STRIP, first.y += STRIP) {
            tile(ROWS, COLUMNS, (Form){.type = type}, first);
            first.next.at = (t.next.at += t.next.skip);
        }
        m -= ROWS, t.x += ROWS * t.ldx, t.y += ROWS * t.ldy;
    }
    if (t.next.at >= t.next.end) t.next = again(buffer);
    K(panel_product_then)(m, t.k, t.x, t.ldx, buffer, t.y, t.ldy, t.n, t.accumulate, t.next);
}

void K(panel_product_widening)(int64_t m, int64_t k, const float *x, int64_t ldx, const uint16_t *panel, DType type,
                               float *buffer, float *y, int64_t ldy, int64_t n, bool accumulate, Ahead next) {
    const Tile t = {.k = k,
                    .ldx = ldx,
                    .ldy = ldy,
                    .n = n,
                    .x = x,
                    .panel = buffer,
                    .from = panel,
                    .next = next,
                    .y = y,
                    .accumulate = accumulate};
    assert(k <= PIECE);
    if (type == F16) product_widening(m, F16, t, buffer);
    else product_widening(m, BF16, t, buffer);
}

/* clang-format off */
#define THEN , Ahead next
#define PRODUCT(name, type, is_transposed, is_pairs, then, what)                                                           \
    void K(name)(int64_t m, int64_t k, const type *x, int64_t ldx, const type *panel, float *y, int64_t ldy, int64_t n,\
                 bool accumulate then) {                                                                               \
        const Tile t = {.k = k, .ldx = ldx, .ldy = ldy, .n = n, .x = (const void *)x, .panel = (const void *)panel,    \
                        .next = what, .y = y, .accumulate = accumulate};                                               \
        product(m, (Form){.transposed = is_transposed, .pairs = is_pairs}, t);                                                 \
    }
PRODUCT(panel_product_then, float, false, false, THEN, next)
PRODUCT(panel_product_transposed, float, true, false, , (Ahead){0})
PRODUCT(pair_product_then, uint32_t, false, true, THEN, next)
PRODUCT(pair_product_transposed, uint32_t, true, true, , (Ahead){0})
/* clang-format on */

void K(panel_product)(int64_t m, int64_t k, const float *x, int64_t ldx, const float *panel, float *y, int64_t ldy,
                      int64_t n, bool accumulate) {
    K(panel_product_then)(m, k, x, ldx, panel, y, ldy, n, accumulate, (Ahead){0});
}

void K(pair_product)(int64_t m, int64_t k, const uint32_t *x, int64_t ldx, const uint32_t *panel, float *y, int64_t ldy,
                     int64_t n, bool accumulate) {
    K(pair_product_then)(m, k, x, ldx, panel, y, ldy, n, accumulate, (Ahead){0});
}
