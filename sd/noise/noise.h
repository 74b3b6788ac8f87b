/* noise.h: the noise that pictures start from, the same for a seed as in the programs people have seeds from.
 *
 * SD_RNG_CPU is torch's CPU generator (mt19937 and its two Box-Muller forms, as x86 builds with AVX2 compute them);
 * SD_RNG_NV is the webui's imitation of torch on an NVIDIA GPU (Philox4x32-10, modules/rng_philox.py). Both are the
 * same bits on every machine: libm is not used. A Noise is a plain value: copying it copies the stream's position. */
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
    uint32_t state[MT_WORDS]; /* CPU: mt19937, */
    int next;                 /* the first word of it not used yet, */
    bool has_second;          /* and the second normal of a pair whose first went out already, */
    double second;            /* which survives between calls */
} Noise;

/* A fresh generator. NV uses all 64 bits of the seed, CPU only the low 32 (torch does too). */
void noise_init(Noise *g, SdRng kind, uint64_t seed);

/* The next torch.randn of n float32 (contiguous) numbers on this generator: out[n], n >= 0. Successive calls continue
 * as torch's would, whatever their sizes: NV moves on by one draw a call, CPU by n words, 16 more when n >= 16 is no
 * multiple of 16, and for n < 16 by four words for every two numbers. An NV draw repeats itself after 2^32 numbers. */
void noise_fill(Noise *g, float *out, int64_t n);

#endif
