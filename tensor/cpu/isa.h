/* isa.h: the files of this folder are compiled once per instruction set, from one source.
 *
 * SDC_ISA is the set's name (base, v3, v4: the x86-64 levels; elsewhere only base). K(name) gives each compilation its
 * own symbols, and V is the set's widest vector of f32. Tests run every table that the machine can run. */
#ifndef SD_TENSOR_CPU_ISA_H
#define SD_TENSOR_CPU_ISA_H

#define K_JOIN(name, isa) name##_##isa
#define K_EXPAND(name, isa) K_JOIN(name, isa)
#define K(name) K_EXPAND(name, SDC_ISA)

#if defined __AVX512F__
enum { VW = 16 };
#elif defined __AVX2__
enum { VW = 8 };
#else
enum { VW = 4 };
#endif

/* What sd_core leaves out to be small: weights in layouts of the kernels', and products of bf16. */
#if defined SDC_SMALL
enum { PREPARES = 0, MIXES = 0 };
#else
enum { PREPARES = 1, MIXES = 1 };
#endif

/* Needs no more alignment than a float, and may alias any type. */
typedef float V __attribute__((vector_size(4 * VW), aligned(4), may_alias));

#endif
