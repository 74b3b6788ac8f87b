/* file_range.c: the largest magnitude of all bits first, which is quick; numbers are looked at one by one only in a
 * tensor that has something to tell. */
#include "file_range.h"
#include "blocks.h"
#include "byte_order.h"

#include <math.h>
#include <string.h>

double dtype_largest(DType type) {
    if (type == Q8_0) return 127 * dtype_largest(F16);
    return type == F16 ? 65504 : type == BF16 ? 0x1.fep+127 : 0x1.fffffep+127;
}

/* Numbers from here on round to infinity: half a step above the largest. */
static double too_large(DType type) {
    if (type == Q8_0) return dtype_largest(Q8_0);
    return type == F16 ? 65520 : type == BF16 ? 0x1.ffp+127 : 0x1.ffffffp+127;
}

/* The largest magnitude as bits; a NaN's are above infinity's. */
static uint64_t most_bits(const uint8_t *p, int64_t n, DType type) {
    uint64_t most = 0;
    if (type == F64)
        for (int64_t i = 0; i < n; i++) {
            uint64_t u;
            file_number(&u, p + 8 * i, 8);
            u &= UINT64_MAX >> 1;
            most = u > most ? u : most;
        }
    uint32_t most32 = 0;
    if (type == F32)
        for (int64_t i = 0; i < n; i++) {
            uint32_t u;
            file_number(&u, p + 4 * i, 4);
            u &= 0x7fffffff;
            most32 = u > most32 ? u : most32;
        }
    uint16_t most16 = 0;
    if (type == F16 || type == BF16)
        for (int64_t i = 0; i < n; i++) {
            uint16_t u;
            file_number(&u, p + 2 * i, 2);
            u &= 0x7fff;
            most16 = u > most16 ? u : most16;
        }
    uint8_t most8 = 0;
    if (type == F8_E4M3 || type == F8_E5M2)
        for (int64_t i = 0; i < n; i++) most8 = (p[i] & 0x7f) > most8 ? p[i] & 0x7f : most8;
    return most | most32 | most16 | most8;
}

/* The number with these bits, as f64. */
static double value(uint64_t bits, DType type) {
    uint8_t bytes[8];
    const FileTensor t = {.dtype = type, .nd = 1, .n = {1}, .end = dtype_bytes(type, 1)};
    const WeightFile f = {.map = bytes};
    double v = 0;
    for (int i = 0; i < 8; i++) bytes[i] = (uint8_t)(bits >> (8 * i));
    file_tensor_f64(&f, &t, 0, 1, &v);
    return v;
}

/* The largest magnitude of a tensor's numbers, or a bound of it where that is quicker; infinity or NaN where numbers
 * may be that. */
static double most(const WeightFile *f, const FileTensor *t) {
    int64_t n = file_tensor_count(t);
    const uint8_t *p = file_tensor_data(f, t);
    if (dtype_is_quantised(t->dtype)) return blocks_bound(t->dtype, p, n / dtype_block(t->dtype));
    if (t->strides || t->scale) return INFINITY; /* looked at one by one */
    return value(most_bits(p, n, t->dtype), t->dtype);
}

FileRange file_tensor_range(const WeightFile *f, const FileTensor *t, DType type) {
    enum { PIECE = 512 };
    FileRange r = {0};
    DType loaded = file_tensor_type(t);
    if (loaded != F32 && loaded != F16 && loaded != BF16 && loaded != Q8_0) return r;
    int64_t n = file_tensor_count(t);
    r.largest = most(f, t);
    if (r.largest < too_large(type)) return r;
    bool found = false;
    double piece[PIECE], odd = 0;
    r.largest = 0;
    for (int64_t at = 0; at < n; at += PIECE) {
        int64_t count = n - at < PIECE ? n - at : PIECE;
        file_tensor_f64(f, t, at, count, piece);
        for (int64_t i = 0; i < count; i++) {
            double v = fabs(piece[i]);
            if (!isfinite(v)) {
                if (!r.not_finite++) odd = piece[i];
                continue;
            }
            if (v > r.largest) r.largest = v;
            if (v < too_large(type)) continue;
            r.beyond++;
            if (!found) r.first = piece[i];
            found = true;
        }
    }
    if (!found) r.first = odd;
    return r;
}
