#include "tensor/row_ops.h"

#include "tensor/half.h"
#include "isa.h"
#include "widen.h"

#include <string.h>

const RowOps *K(row_ops)(void);

static void widen_row(float *out, const void *in, DType type, int64_t n) { widen(out, in, type, 0, n); }

/* Whole vectors first, since compilers turn only such loops into vectors. */
static void narrow_row(void *out, const float *in, DType type, int64_t n) {
    enum { SOME = 64 };
    uint16_t *to = out;
    int64_t i = 0;
    if (type == F32) memcpy(out, in, (size_t)n * sizeof *in);
#if defined __AVX512F__
    for (; type == F16 && i + VW <= n; i += VW) {
        __m256i half = _mm512_cvtps_ph((__m512) * (const V *)(in + i), _MM_FROUND_TO_NEAREST_INT);
        memcpy(to + i, &half, sizeof half);
    }
#elif defined __F16C__
    for (; type == F16 && i + VW <= n; i += VW) {
        __m128i half = _mm256_cvtps_ph((__m256) * (const V *)(in + i), _MM_FROUND_TO_NEAREST_INT);
        memcpy(to + i, &half, sizeof half);
    }
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

/* Tiles that stay in L1 with the rows of b that they need. */
static void change(const ThinChange *c) {
    enum { ROWS = 4 * TILE_ROWS, COLUMNS = 64 };
    float w[COLUMNS], sums[ROWS * COLUMNS];
    for (int64_t at = 0, n; at < c->columns; at += n) {
        n = c->columns - at < COLUMNS ? c->columns - at : COLUMNS;
        for (int64_t first = 0, rows; first < c->rows; first += rows) {
            rows = c->rows - first < ROWS ? c->rows - first : ROWS;
            memset(sums, 0, (size_t)rows * COLUMNS * sizeof *sums);
            add_product(sums, COLUMNS, rows, n, c->a + first * c->lda, c->lda, c->b + at, c->columns, c->count);
            for (int64_t r = 0; r < rows; r++) {
                int64_t i = (first + r) * c->ld + at;
                widen_row(w, (const char *)c->in + dtype_bytes(c->from, i), c->from, n);
                add_scaled(w, sums + r * COLUMNS, n, c->scale, c->factor);
                narrow_row((char *)c->out + dtype_bytes(c->to, i), w, c->to, n);
            }
        }
    }
}

const RowOps *K(row_ops)(void) {
    static const RowOps OPS = {SDC_ISA_NAME, widen_row, narrow_row, add_product, add_scaled, change};
    return &OPS;
}
