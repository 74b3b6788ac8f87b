/* noise.h: the noise that pictures start from, the same for each seed as in the programs that people have seeds from.
 *
 * SD_RNG_CPU is torch's CPU generator (mt19937 and its two Box-Muller forms, as x86 builds with AVX2 compute them);
 * SD_RNG_NV is the webui's imitation of torch on an NVIDIA GPU (Philox4x32-10, modules/rng_philox.py). Both are the
 * same bits on every machine: libm is not used. A Noise is a plain value; a copy continues from the same position. */
#ifndef SD_NOISE_NOISE_H
#define SD_NOISE_NOISE_H

#include "sd/sd.h"

#include <stdbool.h>
#include <stdint.h>

enum { MT_WORDS = 624 };

typedef struct Noise {
    SdRng kind;
    uint64_t seed;
    uint32_t draws;           /* NV: calls of noise_fill so far */
    uint32_t state[MT_WORDS]; /* CPU: mt19937 */
    int next;                 /* CPU: the first unused word of state */
    bool has_second;          /* CPU: `second` is the unused half of a pair; kept between calls */
    double second;
} Noise;

/* A fresh generator. NV uses all 64 bits of the seed, CPU only the low 32 (torch does too). */
void noise_init(Noise *g, SdRng kind, uint64_t seed);

/* out[n], n >= 0: the next torch.randn of n contiguous float32 numbers. Successive calls continue as torch's would,
 * whatever their sizes: NV advances by one draw a call, CPU by n words, by 16 more when n >= 16 is not a multiple of
 * 16, and for n < 16 by four words for every two numbers. An NV draw repeats after 2^32 numbers. */
void noise_fill(Noise *g, float *out, int64_t n);

#endif
