/* half.h: F16 and BF16 to and from F32, F8 to F16.
 *
 * Narrowing rounds to nearest, ties to even; too large a number becomes infinity; a NaN stays a NaN and keeps as much
 * of its payload as fits. Subnormals are exact, even on a processor that flushes them to zero. Every function is
 * straight-line code that selects rather than branches, so that compilers vectorise loops over it. */
#ifndef SD_TENSOR_HALF_H
#define SD_TENSOR_HALF_H

#include <stdint.h>
#include <string.h>

#ifndef SD_INLINE
#define SD_INLINE static inline /* cuda/ compiles them for the GPU as well */
#endif

SD_INLINE float f32_from_bits(uint32_t u) {
    float f;
    memcpy(&f, &u, sizeof f);
    return f;
}

SD_INLINE uint32_t f32_bits(float f) {
    uint32_t u;
    memcpy(&u, &f, sizeof u);
    return u;
}

/* yes ? a : b, by masks: gcc turns ?: around a float operation into a branch, and then does not vectorise. */
SD_INLINE uint32_t bits_select(int yes, uint32_t a, uint32_t b) {
    uint32_t mask = 0u - (uint32_t)yes;
    return (a & mask) | (b & ~mask);
}

SD_INLINE float f16_to_f32(uint16_t h) {
    uint32_t sign = (uint32_t)(h & 0x8000) << 16, rest = (uint32_t)(h & 0x7fff) << 13;
    uint32_t normal = rest + ((127u - 15) << 23);
    uint32_t special = rest | 0x7f800000; /* infinity and NaN */
    /* A subnormal m * 2^-24: give m the exponent of 2^-14, whose last place is 2^-24, then subtract 2^-14. */
    uint32_t small = f32_bits(f32_from_bits(rest | 0x38800000) - 0x1p-14f);
    uint32_t u = bits_select(rest < 1u << 23, small, normal);
    return f32_from_bits(sign | bits_select(rest >= 31u << 23, special, u));
}

SD_INLINE uint16_t f32_to_f16(float f) {
    uint32_t u = f32_bits(f), sign = u >> 16 & 0x8000;
    u &= 0x7fffffff;
    uint32_t normal = (u - ((127u - 15) << 23) + 0xfff + (u >> 13 & 1)) >> 13;
    /* Below 2^-14: adding 1/2, whose last place is 2^-24, lets the adder do the rounding. */
    uint32_t magnitude = bits_select(u < 0x38800000, u, 0);
    uint32_t small = f32_bits(f32_from_bits(magnitude) + 0.5f) - 0x3f000000;
    uint32_t payload = u >> 13 & 0x3ff;
    uint32_t nan = 0x7c00 | (payload ? payload : 0x200);
    uint32_t h = bits_select(u < 0x38800000, small, normal);
    h = bits_select(u >= 0x477ff000, 0x7c00, h); /* 65520, halfway between the largest F16 and what would come next */
    return (uint16_t)(sign | bits_select(u > 0x7f800000, nan, h));
}

SD_INLINE float bf16_to_f32(uint16_t b) { return f32_from_bits((uint32_t)b << 16); }

SD_INLINE uint16_t f32_to_bf16(float f) {
    uint32_t u = f32_bits(f), top = u >> 16;
    uint32_t rounded = (u + 0x7fff + (top & 1)) >> 16;
    uint32_t nan = top & 0x7f ? top : top | 0x40;
    return (uint16_t)((u & 0x7fffffff) > 0x7f800000 ? nan : rounded);
}

/* F8 to F16, which holds every one of their numbers. E5M2 is the upper half of an F16. E4M3 (the kind without
 * infinities, "FN") has the exponent's bias 7 and its NaN in 0x7f and 0xff. */
SD_INLINE uint16_t e5m2_to_f16(uint8_t b) { return (uint16_t)(b << 8); }

SD_INLINE uint16_t e4m3_to_f16(uint8_t b) {
    uint16_t sign = (uint16_t)((b & 0x80) << 8);
    if ((b & 0x7f) == 0x7f) return sign | 0x7e00;
    /* the bits as an F16 are too small by 2^(15 - 7) */
    return sign | f32_to_f16(f16_to_f32((uint16_t)((b & 0x7f) << 7)) * 0x1p8f);
}

#endif
