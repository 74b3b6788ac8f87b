/* panel.c: the tiles of panel.h, one source for vectors of 4, 8 and 16.
 *
 * A tile is ROWS x (COLUMNS vectors) of y in registers. In each step of k it loads COLUMNS vectors of the panel and
 * broadcasts ROWS numbers of x: 12 x 32 takes 24 of the 32 registers of AVX-512, 6 x 16 takes 12 of AVX2's 16; both
 * issue more than 1.5 multiply-adds a load, with enough of them in flight to hide their latency (4 cycles, 2 a cycle).
 * Where a tile is narrower than a panel, the panel is passed over by strips, all rows on one strip first.
 *
 * Rows left over get a tile of their own height: none is computed twice, nothing is read past the last row. */
#include "panel.h"

#include <string.h>

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
    PIECE = 320, /* steps of k at once: a strip and the rows of a tile stay in the first cache */
    AHEAD = 8,   /* steps: a line of the panel is asked for about 50 cycles before its use */
    LINE = 16,   /* floats in a cache line */
};

#if defined __clang__
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

typedef float Aligned __attribute__((vector_size(4 * VW), may_alias));

/* rows x columns vectors; ahead: what will be read after this strip, a line of it asked for in each step */
static inline __attribute__((always_inline)) void tile(const int rows, const int columns, int64_t k, const float *x,
                                                       int64_t ldx, const float *panel, const float *ahead, float *y,
                                                       int64_t ldy, int64_t n, bool accumulate) {
    V acc[ROWS][PANEL / VW];
    const float *groups[(ROWS + 2) / 3]; /* one register for three rows: x, x + ldx, x + 2 ldx are addressing modes */
    UNROLL
    for (int i = 0; i < rows; i++) {
        UNROLL
        for (int c = 0; c < columns; c++) acc[i][c] = (V){0};
    }
    UNROLL
    for (int g = 0; g < (rows + 2) / 3; g++) groups[g] = x + 3 * g * ldx;
    for (int64_t p = 0; p < k; p++) {
        V w[PANEL / VW];
        UNROLL
        for (int c = 0; c < columns; c++) w[c] = *(const Aligned *)(panel + p * PANEL + c * VW);
        if (columns * VW < PANEL) {
            __builtin_prefetch(panel + (p + AHEAD) * PANEL);
            __builtin_prefetch(ahead + p * LINE, 0, 2);
        }
        UNROLL
        for (int i = 0; i < rows; i++) {
            float b = groups[i / 3][i % 3 * ldx];
            UNROLL
            for (int c = 0; c < columns; c++) acc[i][c] += w[c] * b;
        }
        UNROLL
        for (int g = 0; g < (rows + 2) / 3; g++) groups[g]++;
    }
    if (n >= columns * VW) {
        UNROLL
        for (int i = 0; i < rows; i++) {
            UNROLL
            for (int c = 0; c < columns; c++) {
                V *to = (V *)(y + i * ldy + c * VW);
                V sum = acc[i][c];
                if (accumulate) sum += *to;
                *to = sum;
            }
        }
        return;
    }
    UNROLL
    for (int i = 0; i < rows; i++) {
        float *to = y + i * ldy;
        UNROLL
        for (int c = 0; c < columns; c++) {
            float line[VW];
            *(V *)line = acc[i][c]; /* a copy: indexing acc itself would keep it in memory */
            for (int64_t j = 0; j < VW && c * VW + j < n; j++)
                to[c * VW + j] = accumulate ? to[c * VW + j] + line[j] : line[j];
        }
    }
}

#define CASE(r)                                                                                                        \
    case r: tile(r < ROWS ? r : ROWS, COLUMNS, k, x, ldx, panel, ahead, y, ldy, n, accumulate); break;

/* next: what follows the strip's panel in memory */
static void strip(int64_t m, int64_t k, const float *x, int64_t ldx, const float *panel, const float *next, float *y,
                  int64_t ldy, int64_t n, bool accumulate) {
    const float *ahead = next;
    for (; m >= ROWS; m -= ROWS, x += ROWS * ldx, y += ROWS * ldy) {
        tile(ROWS, COLUMNS, k, x, ldx, panel, ahead, y, ldy, n, accumulate);
        ahead += k * LINE;
        if (ahead >= next + k * PANEL) ahead = panel;
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

void K(panel_product)(int64_t m, int64_t k, const float *x, int64_t ldx, const float *panel, float *y, int64_t ldy,
                      int64_t n, bool accumulate) {
    int64_t parts = (k + PIECE - 1) / PIECE, piece = parts ? (k + parts - 1) / parts : 1;
    for (int64_t p = 0; p < k; p += piece, accumulate = true) {
        int64_t kk = k - p < piece ? k - p : piece;
        const float *from = panel + p * PANEL;
        if (m == 1) { /* bound by memory: the panel in the order in which it lies */
            tile(1, PANEL / VW, kk, x + p, ldx, from, from, y, ldy, n, accumulate);
            continue;
        }
        for (int64_t c = 0; c < n; c += STRIP)
            strip(m, kk, x + p, ldx, from + c, from + kk * PANEL, y + c, ldy, n - c, accumulate);
    }
}
