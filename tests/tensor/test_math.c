/* test_math.c: half.h, fmath.h and the generated values against independent references. */
#include "test_math.h"

#include "tensor/fmath.h"
#include "tensor/half.h"
#include "tools/ledger/generated.h"
#include "tests/harness/test.h"

#include <math.h>

/* --- conversions --- */

/* The value of a float with `fraction` fraction bits and exponent bias `bias`, exactly. */
static double decode(uint32_t h, int fraction, int bias) {
    int exponent_bits = 15 - fraction, top = (1 << exponent_bits) - 1;
    int exponent = (int)(h >> fraction) & top;
    double m = h & ((1u << fraction) - 1);
    double v =
        exponent ? ldexp(m + (double)(1u << fraction), exponent - bias - fraction) : ldexp(m, 1 - bias - fraction);
    if (exponent == top) v = m > 0 ? NAN : INFINITY;
    return h >> 15 ? -v : v;
}

static double decode_type(uint32_t h, DType type) { return type == F16 ? decode(h, 10, 15) : decode(h, 7, 127); }

void table_widen(float *out, const void *in, int64_t n, DType type) {
    const uint16_t *h = in;
    for (int64_t i = 0; i < n; i++) out[i] = (float)decode_type(h[i], type);
}

static float widen(uint16_t h, DType type) { return type == F16 ? f16_to_f32(h) : bf16_to_f32(h); }
static uint16_t narrow(float f, DType type) { return type == F16 ? f32_to_f16(f) : f32_to_bf16(f); }

/* Every value of the small type, and every place where rounding to it can go wrong: the value, the midpoint to the next
 * one, and the floats on either side of that midpoint. Between those, rounding is constant. */
static void check_conversions(DType type) {
    int fraction = type == F16 ? 10 : 7;
    uint32_t infinity = 0x7fffu >> fraction << fraction;
    bool wide = true, narrowed = true, nan = true;
    for (uint32_t h = 0; h < 0x10000; h++) {
        uint32_t rest = h & 0x7fff, sign = h & 0x8000;
        float f = widen((uint16_t)h, type);
        double exact = decode_type(h, type);
        if (rest > infinity) {
            nan &= isnan(f) && isnan(widen(narrow(f, type), type)) && narrow(f, type) >> 15 == sign >> 15;
            continue;
        }
        wide &= (double)f == exact && f32_bits(f) >> 31 == sign >> 15;
        narrowed &= narrow(f, type) == h;
        if (rest == infinity) continue;
        /* halfway to the next magnitude; after the largest one, as if the range went on */
        double next = rest + 1 == infinity ? ldexp(1.0, type == F16 ? 16 : 128) : decode_type(rest + 1, type);
        double middle = (fabs(exact) + next) / 2;
        if (middle > 3.4028234663852886e38) continue; /* no f32 reaches BF16's last midpoint exactly: tested below */
        uint32_t bits = f32_bits((float)middle);
        uint16_t even = (uint16_t)(sign | (rest & 1 ? rest + 1 : rest));
        narrowed &= narrow(f32_from_bits(bits | sign << 16), type) == even;
        if ((double)(float)middle != middle) narrowed = false; /* must be exact in f32, subnormals included */
        narrowed &= narrow(f32_from_bits((bits - 1) | sign << 16), type) == h;
        narrowed &= narrow(f32_from_bits((bits + 1) | sign << 16), type) == h + 1;
    }
    float largest = 3.4028234663852886e38f;
    narrowed &= narrow(largest, type) == infinity && narrow(-largest, type) == (infinity | 0x8000);
    test_check(wide, "%s to F32, all 65536", dtype_name(type));
    test_check(narrowed, "F32 to %s, around every value and midpoint", dtype_name(type));
    test_check(nan, "%s keeps every NaN", dtype_name(type));
}

/* --- functions --- */

typedef struct {
    double worst, at;
} Worst;

static void worse(Worst *w, double error, double at) {
    if (error <= w->worst || isnan(w->worst)) return; /* a NaN counts as the worst, and stays */
    w->worst = error;
    w->at = at;
}

static void check_worst(const char *what, Worst w, double bound) {
    test_check(w.worst <= bound, "%s within %.3g", what, bound);
    test_note("largest error %.3g, at %.9g", w.worst, w.at);
}

static double phi(double x) { return 0.5 * erfc(-x / sqrt(2.0)); }

enum { STEP = 4093 }; /* between the bits of tested floats: half a million of each sign */

static void check_float_functions(void) {
    Worst exp_ = {0}, erfc_ = {0}, silu = {0}, quick = {0}, gelu = {0}, tail = {0};
    for (uint32_t bits = 0; bits < 0x7f800000u; bits += STEP)
        for (int sign = 0; sign < 2; sign++) {
            float x = f32_from_bits(bits | (uint32_t)sign << 31);
            double v = x;
            if (v > -87 && v < 87) worse(&exp_, fabs(fm_exp(x) / exp(v) - 1), v);
            if (v >= 0 && v < 9) worse(&erfc_, fabs(fm_erfc(x) - erfc(v)) / fmax(erfc(v), 1e-30), v);
            if (fabs(v) < 1e30) {
                double size = fmax(fabs(v), 1e-30);
                worse(&silu, fabs(fm_silu(x) - v / (1 + exp(-v))) / size, v);
                worse(&quick, fabs(fm_quick_gelu(x) - v / (1 + exp(-1.702 * v))) / size, v);
                worse(&gelu, fabs(fm_gelu(x) - v * phi(v)) / size, v);
            }
            if (v < 0 && v > -9) worse(&tail, fabs(fm_gelu(x) / (v * phi(v)) - 1) * (v > -1e-30 ? 0 : 1), v);
        }
    check_worst("exp, relative", exp_, 1.5e-7);
    check_worst("erfc on [0, 9), relative", erfc_, 4.2e-6);
    check_worst("silu, relative to x", silu, 1.3e-7);
    check_worst("quick gelu, relative to x", quick, 1.3e-7);
    check_worst("gelu, relative to x", gelu, 1.8e-7);
    check_worst("gelu on (-9, 0), relative", tail, 6.2e-6);
    test_check(isnan(fm_exp(NAN)) && isnan(fm_gelu(NAN)) && isnan(fm_silu(NAN)) && isnan(fm_quick_gelu(NAN)),
               "NaN stays NaN");
    test_check(fm_silu(-1e30f) == 0 || fabs(fm_silu(-1e30f)) < 1e-6, "silu of -1e30 is nothing");
}

static void check_double_functions(void) {
    Worst exp_ = {0}, sine = {0};
    for (int i = -700000; i < 700000; i++) {
        double x = i * 1e-3 + test_uniform(1, (uint64_t)(i + 700000)) * 5e-4;
        if (fabs(x) < 700) worse(&exp_, fabs(fm_exp64(x) / exp(x) - 1), x);
    }
    for (int i = -500000; i < 500000; i++) {
        double x = (i < 0 ? 2e-1 : 2e-3) * i + test_uniform(2, (uint64_t)(i + 500000)) * 1e-3, s, c;
        fm_sincos64(x, &s, &c);
        worse(&sine, fmax(fabs(s - sin(x)), fabs(c - cos(x))), x);
    }
    check_worst("exp64, relative", exp_, 4e-16);
    check_worst("sincos64, absolute", sine, 4e-16);
}

/* --- generated values --- */

static void check_generated(void) {
    static const float R[4] = {-.49931354f, -.1352782f, .15441457f, -.54898815f}; /* r("x"), from the rule's author */
    float x[4];
    gen_input(x, "x", 4, 1.0 / sqrt(3.0), 0);
    bool ok = true;
    for (int i = 0; i < 4; i++) ok &= fabsf(x[i] - R[i]) < 3e-7f;
    test_check(ok, "generated input");
    test_check(gen_crc("123456789") == 0xCBF43926u, "CRC-32 of its check string");
    float a[6], b[2];
    int64_t n[2] = {2, 3};
    gen_weight(a, "x", 2, n, 0, 6); /* three to a row: scale 1 */
    gen_weight(b, "x", 2, n, 4, 2);
    test_check(fabsf(a[0] - R[0]) < 3e-8f && a[4] == b[0] && a[5] == b[1], "generated weight, and a piece of it");
}

void math_checks(void) {
    check_conversions(F16);
    check_conversions(BF16);
    check_float_functions();
    check_double_functions();
    check_generated();
}
