#include "blocks.h"

#include <math.h>
#include <string.h>

bool dtype_is_quantised(DType t) { return t >= Q4_0; }

static float half_at(const uint8_t *p) { return f16_to_f32((uint16_t)(p[0] | p[1] << 8)); }

/* --- blocks of 32 --- */

/* 4 or 5 bits: number i is in the lower half of byte i, number i + 16 in the upper; the fifth bits are 32 bits of their
 * own. */
/* m: where the block's m is; NULL: it has none, and q is `less` less than its bits say. */
static void small_block(const uint8_t *fifth, const uint8_t *nibbles, float d, const uint8_t *m, int less, float *out) {
    for (int i = 0; i < 32; i++) {
        int q = i < 16 ? nibbles[i] & 15 : nibbles[i - 16] >> 4;
        if (fifth) q |= (fifth[i / 8] >> (i % 8) & 1) << 4;
        out[i] = m ? d * (float)q + half_at(m) : d * (float)(q - less);
    }
}

static void q8_0(const uint8_t *p, float *out) {
    for (int i = 0; i < Q8_NUMBERS; i++) out[i] = q8_number(p, i);
}

bool block_is_q8_0(DType t) { return t == Q8_0 || t == Q4_0 || t == Q5_0; }

void block_q8_0(DType t, const uint8_t *p, uint8_t *out) {
    float whole[Q8_NUMBERS];
    if (t == Q8_0) {
        memcpy(out, p, Q8_BYTES);
        return;
    }
    if (t == Q4_0) small_block(NULL, p + 2, 1, NULL, 8, whole);
    else small_block(p + 2, p + 6, 1, NULL, 16, whole);
    memcpy(out, p, 2);
    for (int i = 0; i < Q8_NUMBERS; i++) out[2 + i] = (uint8_t)(int8_t)whole[i];
}

void quantise_q8_0(const float *numbers, uint8_t *out) {
    float most = 0;
    bool finite = true;
    for (int i = 0; i < Q8_NUMBERS; i++) {
        float x = fabsf(numbers[i]);
        finite = finite && isfinite(x);
        most = x > most ? x : most;
    }
    float d = finite ? most / 127 : NAN;
    uint16_t scale = f32_to_f16(d);
    float inverse = d > 0 ? 1 / d : 0;
    if (!isfinite(inverse)) inverse = 0; /* the scale is rounded to 0 */
    out[0] = (uint8_t)scale, out[1] = (uint8_t)(scale >> 8);
    for (int i = 0; i < Q8_NUMBERS; i++) out[2 + i] = (uint8_t)(int8_t)(finite ? roundf(numbers[i] * inverse) : 1);
}

/* --- blocks of 256 --- */

/* Q2_K: 16 bytes of 4-bit scales and minima, 64 of numbers, d, e. Two bits of a byte belong to numbers 32 apart. */
static void q2_k(const uint8_t *p, float *out) {
    float d = half_at(p + 80), e = half_at(p + 82);
    for (int i = 0; i < 256; i++) {
        int q = p[16 + i / 128 * 32 + i % 32] >> (i % 128 / 32 * 2) & 3, s = p[i / 16];
        out[i] = d * (float)((s & 15) * q) - e * (float)(s >> 4);
    }
}

/* Q3_K: 32 bytes of third bits, 64 of the lower two, 12 of 6-bit scales, d. A scale's lower four bits are as Q4_0's
 * numbers in the first 8 bytes; its upper two are in the last 4. */
static void q3_k(const uint8_t *p, float *out) {
    const uint8_t *high = p, *low = p + 32, *scales = p + 96;
    float d = half_at(p + 108);
    for (int i = 0; i < 256; i++) {
        int q = low[i / 128 * 32 + i % 32] >> (i % 128 / 32 * 2) & 3, k = i / 16;
        int s = (k < 8 ? scales[k] & 15 : scales[k - 8] >> 4) | (scales[8 + k % 4] >> (k / 4 * 2) & 3) << 4;
        if (!(high[i % 32] >> (i / 32) & 1)) q -= 4;
        out[i] = d * (float)((s - 32) * q);
    }
}

/* The 6-bit scale and minimum of the k-th 32 numbers of Q4_K and Q5_K. */
static void scale_and_minimum(const uint8_t *p, int k, int *s, int *m) {
    if (k < 4) *s = p[k] & 63, *m = p[k + 4] & 63;
    else {
        *s = (p[k + 4] & 15) | p[k - 4] >> 6 << 4;
        *m = p[k + 4] >> 4 | p[k] >> 6 << 4;
    }
}

/* Q4_K: d, e, 12 bytes of scales and minima, 128 of numbers; Q5_K: 32 bytes of fifth bits before the numbers. */
static void q4_q5_k(const uint8_t *p, const uint8_t *fifth, const uint8_t *nibbles, float *out) {
    float d = half_at(p), e = half_at(p + 2);
    for (int k = 0; k < 8; k++) {
        int s, m;
        scale_and_minimum(p + 4, k, &s, &m);
        for (int i = 0; i < 32; i++) {
            int q = nibbles[k / 2 * 32 + i] >> (k % 2 * 4) & 15;
            if (fifth) q |= (fifth[i] >> k & 1) << 4;
            out[k * 32 + i] = d * (float)(s * q) - e * (float)m;
        }
    }
}

/* Q6_K: 128 bytes of the lower four bits, 64 of the upper two, 16 signed scales, d. */
static void q6_k(const uint8_t *p, float *out) {
    const uint8_t *low = p, *high = p + 128;
    float d = half_at(p + 208);
    for (int i = 0; i < 256; i++) {
        int half = i / 128, k = i % 128;
        int q = (low[half * 64 + k % 64] >> (k / 64 * 4) & 15) | (high[half * 32 + k % 32] >> (k / 32 * 2) & 3) << 4;
        out[i] = d * (float)((int8_t)p[192 + i / 16] * (q - 32));
    }
}

void block_f32(DType t, const uint8_t *p, float *out) {
    switch (t) {
    case Q4_0: small_block(NULL, p + 2, half_at(p), NULL, 8, out); break;
    case Q4_1: small_block(NULL, p + 4, half_at(p), p + 2, 0, out); break;
    case Q5_0: small_block(p + 2, p + 6, half_at(p), NULL, 16, out); break;
    case Q5_1: small_block(p + 4, p + 8, half_at(p), p + 2, 0, out); break;
    case Q8_0: q8_0(p, out); break;
    case Q2_K: q2_k(p, out); break;
    case Q3_K: q3_k(p, out); break;
    case Q4_K: q4_q5_k(p, NULL, p + 16, out); break;
    case Q5_K: q4_q5_k(p, p + 16, p + 48, out); break;
    case Q6_K: q6_k(p, out); break;
    default: break;
    }
}

/* Where a type's d and its second F16 stand (-1: none), and the most that each is multiplied by. */
typedef struct {
    int at, second;
    double most, most_second;
} Bound;

double blocks_bound(DType t, const uint8_t *p, int64_t blocks) {
    static const Bound BOUNDS[DTYPE_COUNT] = {
        [Q4_0] = {0, -1, 8, 0},          [Q4_1] = {0, 2, 15, 1},       [Q5_0] = {0, -1, 16, 0},
        [Q5_1] = {0, 2, 31, 1},          [Q8_0] = {0, -1, 128, 0},     [Q2_K] = {80, 82, 15 * 3, 15},
        [Q3_K] = {108, -1, 32 * 4, 0},   [Q4_K] = {0, 2, 63 * 15, 63}, [Q5_K] = {0, 2, 63 * 31, 63},
        [Q6_K] = {208, -1, 128 * 32, 0},
    };
    const Bound *b = &BOUNDS[t];
    double largest = 0;
    size_t each = dtype_bytes(t, dtype_block(t));
    for (int64_t i = 0; i < blocks; i++, p += each) {
        double bound = fabs((double)half_at(p + b->at)) * b->most;
        if (b->second >= 0) bound += fabs((double)half_at(p + b->second)) * b->most_second;
        if (!(bound <= largest)) largest = isfinite(bound) ? bound : INFINITY;
    }
    return largest;
}
