#include "tensor/row_ops.h"

#include "tensor/half.h"
#include "isa.h"
#include "widen.h"

#include <string.h>

const RowOps *K(row_ops)(void);

static void widen_row(float *out, const void *in, DType type, int64_t n) { widen(out, in, type, 0, n); }

#if defined __F16C__
static inline void narrow_vector(uint16_t *to, V x) {
#if defined __AVX512F__
    __m256i half = _mm512_cvtps_ph((__m512)x, _MM_FROUND_TO_NEAREST_INT);
#else
    __m128i half = _mm256_cvtps_ph((__m256)x, _MM_FROUND_TO_NEAREST_INT);
#endif
    memcpy(to, &half, sizeof half);
}
#endif

/* Whole vectors first, since compilers turn only such loops into vectors. */
static void narrow_row(void *out, const float *in, DType type, int64_t n) {
    enum { SOME = 64 };
    uint16_t *to = out;
    int64_t i = 0;
    if (type == F32) memcpy(out, in, (size_t)n * sizeof *in);
#if defined __F16C__
    for (; type == F16 && i + VW <= n; i += VW) narrow_vector(to + i, *(const V *)(in + i));
#endif
    for (; type == F16 && i + SOME <= n; i += SOME)
        for (int k = 0; k < SOME; k++) to[i + k] = f32_to_f16(in[i + k]);
    for (; type == F16 && i < n; i++) to[i] = f32_to_f16(in[i]);
    for (; type == BF16 && i + SOME <= n; i += SOME)
        for (int k = 0; k < SOME; k++) to[i + k] = f32_to_bf16(in[i + k]);
    for (; type == BF16 && i < n; i++) to[i] = f32_to_bf16(in[i]);
}

enum { TILE_ROWS = 4, TILE_VECTORS = VW == 16 ? 4 : 2, TILE_COLUMNS = TILE_VECTORS * VW };

static inline __attribute__((always_inline)) void tile(float *y, int64_t ldy, const float *a, int64_t lda,
                                                       const float *b, int64_t ldb, int64_t count, int rows) {
    V sum[TILE_ROWS][TILE_VECTORS];
    for (int r = 0; r < rows; r++)
        for (int v = 0; v < TILE_VECTORS; v++) sum[r][v] = *(const V *)(y + r * ldy + v * VW);
    for (int64_t i = 0; i < count; i++, b += ldb)
        for (int r = 0; r < rows; r++)
            for (int v = 0; v < TILE_VECTORS; v++) sum[r][v] += a[r * lda + i] * *(const V *)(b + v * VW);
    for (int r = 0; r < rows; r++)
        for (int v = 0; v < TILE_VECTORS; v++) *(V *)(y + r * ldy + v * VW) = sum[r][v];
}

static void add_product(float *y, int64_t ldy, int64_t rows, int64_t columns, const float *a, int64_t lda,
                        const float *b, int64_t ldb, int64_t count) {
    int64_t whole = columns / TILE_COLUMNS * TILE_COLUMNS, r = 0;
    for (; r + TILE_ROWS <= rows; r += TILE_ROWS)
        for (int64_t c = 0; c < whole; c += TILE_COLUMNS)
            tile(y + r * ldy + c, ldy, a + r * lda, lda, b + c, ldb, count, TILE_ROWS);
    for (; r < rows; r++)
        for (int64_t c = 0; c < whole; c += TILE_COLUMNS)
            tile(y + r * ldy + c, ldy, a + r * lda, lda, b + c, ldb, count, 1);
    for (r = 0; r < rows; r++)
        for (int64_t c = whole; c < columns; c++) {
            float sum = y[r * ldy + c];
            for (int64_t i = 0; i < count; i++) sum += a[r * lda + i] * b[i * ldb + c];
            y[r * ldy + c] = sum;
        }
}

static void add_scaled(float *y, const float *x, int64_t n, float scale, float factor) {
    int64_t i = 0;
    for (; i + VW <= n; i += VW) *(V *)(y + i) += *(const V *)(x + i) * scale * factor;
    for (; i < n; i++) y[i] += x[i] * scale * factor;
}

static int64_t width_of(DType type) { return type == F32 ? 4 : 2; }

/* A row of a tile whose product is `sum`. */
static inline __attribute__((always_inline)) void change_row(const ThinChange *c, DType from, DType to, const char *in,
                                                             char *out, V *sum) {
    enum { LINE = 64, LATER = 256 };
    float w[TILE_COLUMNS];
    for (int64_t k = 0; k < TILE_COLUMNS * width_of(from); k += LINE) __builtin_prefetch(in + LATER + k);
    for (int v = 0; c->scale != 1 && v < TILE_VECTORS; v++) sum[v] *= c->scale;
    for (int v = 0; c->factor != 1 && v < TILE_VECTORS; v++) sum[v] *= c->factor;
    for (int v = 0; v < TILE_VECTORS; v++) sum[v] = widen_vector(in + v * VW * width_of(from), from) + sum[v];
#if defined __F16C__
    for (int v = 0; to == F16 && v < TILE_VECTORS; v++) narrow_vector((uint16_t *)(void *)out + v * VW, sum[v]);
    if (to == F16) return;
#endif
    for (int v = 0; to == F32 && v < TILE_VECTORS; v++) *(V *)((float *)(void *)out + v * VW) = sum[v];
    if (to == F32) return;
    for (int v = 0; v < TILE_VECTORS; v++) *(V *)(w + v * VW) = sum[v];
    narrow_row(out, w, to, TILE_COLUMNS);
}

/* The product of a whole tile stays in registers until it is added to the weight's numbers; those of later columns are
 * fetched. in, out: the tile's */
static inline __attribute__((always_inline)) void change_tile(const ThinChange *c, DType from, DType to, const char *in,
                                                              char *out, const float *a, const float *b) {
    V sum[TILE_ROWS][TILE_VECTORS];
    const int64_t next_in = c->ld * width_of(from), next_out = c->ld * width_of(to);
    for (int r = 0; r < TILE_ROWS; r++)
        for (int v = 0; v < TILE_VECTORS; v++) sum[r][v] = (V){0};
    for (int64_t i = 0; i < c->count; i++, b += c->ldb)
        for (int r = 0; r < TILE_ROWS; r++)
            for (int v = 0; v < TILE_VECTORS; v++) sum[r][v] += a[r * c->lda + i] * *(const V *)(b + v * VW);
    change_row(c, from, to, in, out, sum[0]);
    change_row(c, from, to, in + next_in, out + next_out, sum[1]);
    change_row(c, from, to, in + 2 * next_in, out + 2 * next_out, sum[2]);
    change_row(c, from, to, in + 3 * next_in, out + 3 * next_out, sum[3]);
}

/* What is left of a tile: n numbers of a row. */
static void change_rest(const ThinChange *c, const char *in, char *out, const float *a, const float *b, int64_t n) {
    float w[TILE_COLUMNS], sum[TILE_COLUMNS] = {0};
    add_product(sum, n, 1, n, a, c->lda, b, c->ldb, c->count);
    widen_row(w, in, c->from, n);
    add_scaled(w, sum, n, c->scale, c->factor);
    narrow_row(out, w, c->to, n);
}

/* Rows by rows: some of the weight's run side by side, and b's columns stay in L1 for them. */
static void change(const ThinChange *c) {
    enum { BESIDE = 4 * TILE_ROWS };
    const int64_t in_width = width_of(c->from), out_width = width_of(c->to);
    for (int64_t first = 0; first < c->rows; first += BESIDE)
        for (int64_t at = 0; at < c->columns; at += TILE_COLUMNS) {
            int64_t n = c->columns - at < TILE_COLUMNS ? c->columns - at : TILE_COLUMNS, row = first;
            int64_t end = c->rows - first < BESIDE ? c->rows : first + BESIDE;
            for (int64_t step; row < end; row += step) {
                const char *in = (const char *)c->in + (row * c->ld + at) * in_width;
                char *out = (char *)c->out + (row * c->ld + at) * out_width;
                const float *a = c->a + row * c->lda, *b = c->b + at;
                step = n == TILE_COLUMNS && row + TILE_ROWS <= end ? TILE_ROWS : 1;
                if (step == 1) change_rest(c, in, out, a, b, n);
                else if (c->from == F16 && c->to == F16) change_tile(c, F16, F16, in, out, a, b);
                else if (c->from == BF16 && c->to == BF16) change_tile(c, BF16, BF16, in, out, a, b);
                else if (c->from == F32 && c->to == F32) change_tile(c, F32, F32, in, out, a, b);
                else change_tile(c, c->from, c->to, in, out, a, b);
            }
        }
}

const RowOps *K(row_ops)(void) {
    static const RowOps OPS = {SDC_ISA_NAME, widen_row, narrow_row, add_product, add_scaled, change};
    return &OPS;
}
