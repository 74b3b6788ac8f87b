/* gemm.c: the product, y[M,N] = x[M,K] w[N,K]^T, on one thread.
 *
 * With OpenBLAS (SDC_OPENBLAS) a block of 16-bit weights is widened into scratch and cblas_sgemm does the rest.
 * Without, the weights are packed into panels of NR columns, [k][NR], and a kernel holds an MR x NR tile of y in
 * registers while it runs over k. Every element of y is summed over k in order, KC at a time, so the result does not
 * depend on where a tile ends; rows past M repeat the last row and are not stored, columns past N are zeros. */
#include "kernels.h"

#include "../half.h"

#include <assert.h>
#include <string.h>

#if defined __F16C__
#include <immintrin.h>
#endif

void K(widen)(float *out, const void *in, DType dtype, int64_t n) {
    if (dtype == F32) {
        memcpy(out, in, (size_t)n * 4);
        return;
    }
    const uint16_t *h = in;
    if (dtype == BF16) {
        for (int64_t i = 0; i < n; i++) out[i] = bf16_to_f32(h[i]);
        return;
    }
    assert(dtype == F16);
    int64_t i = 0;
#if defined __AVX512F__
    for (; i + 16 <= n; i += 16) _mm512_storeu_ps(out + i, _mm512_cvtph_ps(_mm256_loadu_si256((const void *)(h + i))));
#elif defined __F16C__
    for (; i + 8 <= n; i += 8) _mm256_storeu_ps(out + i, _mm256_cvtph_ps(_mm_loadu_si128((const void *)(h + i))));
#endif
    for (; i < n; i++) out[i] = f16_to_f32(h[i]);
}

#ifdef SDC_OPENBLAS
#include <cblas.h>

void K(gemm)(void *scratch, int64_t m, int64_t n, int64_t k, const float *x, int64_t ldx, Block w, float *y,
             int64_t ldy, bool accumulate) {
    const float *wf = w.data;
    int64_t ldw = w.ld;
    if (w.dtype != F32) {
        size_t width = 2;
        for (int64_t i = 0; i < n; i++)
            K(widen)((float *)scratch + i * k, (const char *)w.data + (size_t)(i * w.ld) * width, w.dtype, k);
        wf = scratch;
        ldw = k;
    }
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (blasint)m, (blasint)n, (blasint)k, 1.0f, x, (blasint)ldx, wf,
                (blasint)ldw, accumulate ? 1.0f : 0.0f, y, (blasint)ldy);
}

void K(gemm_nn)(void *scratch, int64_t m, int64_t n, int64_t k, const float *x, int64_t ldx, const float *w,
                int64_t ldw, float *y, int64_t ldy) {
    (void)scratch;
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (blasint)m, (blasint)n, (blasint)k, 1.0f, x, (blasint)ldx, w,
                (blasint)ldw, 0.0f, y, (blasint)ldy);
}

#else

enum {
    MR = VW == 16 ? 12
         : VW == 8 ? 6
                   : 4,
    NR = 2 * VW,
    KC = 256, /* a panel of weights and MR rows of x stay in the first cache */
};

/* panel [k][NR] of rows [0, n) of w[.., K] */
static void pack_nt(float *panel, Block w, int64_t row, int64_t n, int64_t at, int64_t k) {
    float line[KC];
    memset(panel, 0, (size_t)(k * NR) * sizeof *panel);
    for (int64_t j = 0; j < n; j++) {
        size_t offset = (size_t)((row + j) * w.ld + at) * (size_t)(dtype_bits(w.dtype) / 8);
        K(widen)(line, (const char *)w.data + offset, w.dtype, k);
        for (int64_t i = 0; i < k; i++) panel[i * NR + j] = line[i];
    }
}

/* panel [k][NR] of columns [0, n) of w[K, ..] */
static void pack_nn(float *panel, const float *w, int64_t ldw, int64_t n, int64_t k) {
    for (int64_t i = 0; i < k; i++)
        for (int64_t j = 0; j < NR; j++) panel[i * NR + j] = j < n ? w[i * ldw + j] : 0.0f;
}

/* The tile: rows given by pointers, NR columns. When accumulating, y is added last: a sum over a long k is then one of
 * KC terms at a time, and what lies in y (a residual, earlier pieces) does not cost each of them its last digits. */
static void tile(int64_t k, const float *const x[MR], const float *panel, float *const y[MR], int64_t rows, int64_t n,
                 bool accumulate) {
    V acc[MR][2];
    for (int i = 0; i < MR; i++) acc[i][0] = acc[i][1] = (V){0};
    for (int64_t p = 0; p < k; p++) {
        V w0 = *(const V *)(panel + p * NR), w1 = *(const V *)(panel + p * NR + VW);
#pragma GCC unroll 12
        for (int i = 0; i < MR; i++) {
            float b = x[i][p];
            acc[i][0] += w0 * b;
            acc[i][1] += w1 * b;
        }
    }
    for (int64_t i = 0; i < rows; i++) {
        float line[NR] = {0};
        if (accumulate) memcpy(line, y[i], (size_t)n * sizeof *line);
        *(V *)line += acc[i][0];
        *(V *)(line + VW) += acc[i][1];
        memcpy(y[i], line, (size_t)n * sizeof *line);
    }
}

/* Rows of x times packed panels of one K piece. */
static void sweep(const float *panels, int64_t m, int64_t n, int64_t k, const float *x, int64_t ldx, float *y,
                  int64_t ldy, bool accumulate) {
    for (int64_t i = 0; i < m; i += MR) {
        const float *xs[MR];
        float *ys[MR];
        for (int64_t r = 0; r < MR; r++) xs[r] = x + min64(i + r, m - 1) * ldx;
        for (int64_t j = 0; j < n; j += NR) {
            for (int64_t r = 0; r < MR; r++) ys[r] = y + min64(i + r, m - 1) * ldy + j;
            tile(k, xs, panels + j * k, ys, min64(MR, m - i), min64(NR, n - j), accumulate);
        }
    }
}

void K(gemm)(void *scratch, int64_t m, int64_t n, int64_t k, const float *x, int64_t ldx, Block w, float *y,
             int64_t ldy, bool accumulate) {
    float *panels = scratch;
    for (int64_t nb = 0; nb < n; nb += PRODUCT_N) {
        int64_t nn = min64(PRODUCT_N, n - nb);
        for (int64_t p = 0; p < k; p += KC) {
            int64_t kk = min64(KC, k - p);
            for (int64_t j = 0; j < nn; j += NR) pack_nt(panels + j * kk, w, nb + j, min64(NR, nn - j), p, kk);
            sweep(panels, m, nn, kk, x + p, ldx, y + nb, ldy, accumulate || p > 0);
        }
    }
}

void K(gemm_nn)(void *scratch, int64_t m, int64_t n, int64_t k, const float *x, int64_t ldx, const float *w,
                int64_t ldw, float *y, int64_t ldy) {
    float *panels = scratch;
    for (int64_t nb = 0; nb < n; nb += PRODUCT_N) {
        int64_t nn = min64(PRODUCT_N, n - nb);
        for (int64_t p = 0; p < k; p += KC) {
            int64_t kk = min64(KC, k - p);
            for (int64_t j = 0; j < nn; j += NR)
                pack_nn(panels + j * kk, w + p * ldw + nb + j, ldw, min64(NR, nn - j), kk);
            sweep(panels, m, nn, kk, x + p, ldx, y + nb, ldy, p > 0);
        }
    }
}

#endif
