/* isa.h: the files of this directory are compiled once per instruction set, from one source.
 *
 * SDC_ISA is the set's name (base, v3, v4: the x86-64 levels; base alone elsewhere). K(name) gives each compilation
 * its own symbols, and V is the widest vector of f32 that the set has. Tests run every table the machine can. */
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

/* May lie on any float, and may alias what it is read from. */
typedef float V __attribute__((vector_size(4 * VW), aligned(4), may_alias));

#endif
