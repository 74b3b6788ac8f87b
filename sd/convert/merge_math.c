#include "merge_math.h"

#include "tensor/half.h"

#include <string.h>

static bool is_whole(DType t) { return t == I32 || t == I64; }

bool merge_has_type(DType t) { return t <= F64 || is_whole(t); }

/* Of a product with a number of Python's. */
static DType product_type(DType t) { return is_whole(t) ? F32 : t; }

/* torch.promote_types */
static DType promote(DType a, DType b) {
    if (a == b) return a;
    if (is_whole(a) && is_whole(b)) return I64;
    if (is_whole(a)) return b;
    if (is_whole(b)) return a;
    return a == F64 || b == F64 ? F64 : F32; /* also of F16 and BF16 */
}

DType merge_type_weighted(DType a, DType b) { return promote(product_type(a), product_type(b)); }
DType merge_type_difference(DType a, DType b, DType c) { return promote(a, product_type(promote(b, c))); }

/* The nearest number of a type. Sums and products of F32 are rounded once: they are exact as doubles, or have so many
 * digits more than an F32 that rounding twice changes nothing. F16 and BF16 go by F32, as torch's do. */
static double rounded(double v, DType t) {
    if (t == F64 || is_whole(t)) return v;
    float f = (float)v;
    return t == F32 ? (double)f : t == F16 ? (double)f16_to_f32(f32_to_f16(f)) : (double)bf16_to_f32(f32_to_bf16(f));
}

static void round_all(double *p, DType t, int64_t n) {
    switch (t) { /* so that each loop vectorises */
    case F32:
        for (int64_t i = 0; i < n; i++) p[i] = rounded(p[i], F32);
        break;
    case F16:
        for (int64_t i = 0; i < n; i++) p[i] = rounded(p[i], F16);
        break;
    case BF16:
        for (int64_t i = 0; i < n; i++) p[i] = rounded(p[i], BF16);
        break;
    default: break;
    }
}

/* out = factor in, in in's product type */
static void product(double *out, const double *in, DType t, double factor, int64_t n) {
    DType to = product_type(t);
    double f = to == F64 ? factor : (double)(float)factor;
    for (int64_t i = 0; i < n; i++) out[i] = (is_whole(t) ? (double)(float)in[i] : in[i]) * f;
    round_all(out, to, n);
}

enum { SOME = 1024 };

static void weighted(double *out, const double *a, DType ta, const double *b, DType tb, double ratio, int64_t n) {
    double x[SOME], y[SOME];
    product(x, a, ta, 1 - ratio, n);
    product(y, b, tb, ratio, n);
    for (int64_t i = 0; i < n; i++) out[i] = x[i] + y[i];
    round_all(out, merge_type_weighted(ta, tb), n);
}

static void difference(double *out, const double *a, DType ta, const double *b, DType tb, const double *c, DType tc,
                       double ratio, int64_t n) {
    double d[SOME], y[SOME];
    DType td = c ? promote(tb, tc) : tb, ty = product_type(td), to = promote(ta, ty);
    for (int64_t i = 0; i < n; i++) {
        double x = is_whole(tb) ? rounded(b[i], td) : b[i], z = c && is_whole(tc) ? rounded(c[i], td) : c ? c[i] : 0;
        d[i] = c ? x - z : 0;
    }
    round_all(d, td, n);
    product(y, d, td, ratio, n);
    for (int64_t i = 0; i < n; i++) out[i] = (is_whole(ta) ? rounded(a[i], to) : a[i]) + y[i];
    round_all(out, to, n);
}

void merge_weighted(double *out, const double *a, DType ta, const double *b, DType tb, double ratio, int64_t n) {
    for (int64_t i = 0, k; i < n; i += k) {
        k = n - i < SOME ? n - i : SOME;
        weighted(out + i, a + i, ta, b + i, tb, ratio, k);
    }
}

void merge_difference(double *out, const double *a, DType ta, const double *b, DType tb, const double *c, DType tc,
                      double ratio, int64_t n) {
    for (int64_t i = 0, k; i < n; i += k) {
        k = n - i < SOME ? n - i : SOME;
        difference(out + i, a + i, ta, b + i, tb, c ? c + i : NULL, tc, ratio, k);
    }
}

#define EACH(TYPE, EXPR)                                                                                               \
    for (int64_t i = 0; i < n; i++) {                                                                                  \
        TYPE x = ((const TYPE *)in)[i];                                                                                \
        out[i] = (double)(EXPR);                                                                                       \
    }                                                                                                                  \
    break

void merge_widen(double *out, const void *in, DType t, int64_t n) {
    switch (t) {
    case F16: EACH(uint16_t, f16_to_f32(x));
    case BF16: EACH(uint16_t, bf16_to_f32(x));
    case F32: EACH(float, x);
    case I32: EACH(int32_t, x);
    case I64: EACH(int64_t, x);
    default: memcpy(out, in, (size_t)n * sizeof *out);
    }
}

void merge_narrow(void *out, const double *in, DType t, int64_t n) {
    for (int64_t i = 0; i < n; i++) switch (t) {
        case F16: ((uint16_t *)out)[i] = f32_to_f16((float)in[i]); break;
        case BF16: ((uint16_t *)out)[i] = f32_to_bf16((float)in[i]); break;
        case F32: ((float *)out)[i] = (float)in[i]; break;
        default: ((double *)out)[i] = in[i];
        }
}
#undef EACH
