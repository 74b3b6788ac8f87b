/* cpu.c: chooses among the CPU's tables. The only file that asks what the machine can do. */
#include "ops.h"

#include <stdlib.h>
#include <string.h>

#ifdef SDC_OPENBLAS
#include <cblas.h>
#endif

enum { CPU_TABLES = 4 };

const Ops *cpu_table_base(void), *blas_table_base(void), *cpu_table_mixed_base(void);
#ifdef SDC_X86
const Ops *cpu_table_v3(void), *blas_table_v3(void), *cpu_table_mixed_v3(void);
const Ops *cpu_table_v4(void), *blas_table_v4(void), *cpu_table_mixed_v4(void);
const Ops *cpu_table_mixed_bf16(void);

/* What -march=x86-64-v3 and -v4 let the compiler use (x86-64 psABI, "Microarchitecture Levels"). */
static int level(void) {
    __builtin_cpu_init();
    bool v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi") &&
              __builtin_cpu_supports("bmi2");
    bool v4 = v3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
              __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
              __builtin_cpu_supports("avx512vl");
    return v4 ? 4 : v3 ? 3 : 1;
}

static bool has_bf16(void) { return level() >= 4 && __builtin_cpu_supports("avx512bf16"); }
#endif

/* OpenBLAS picks its own kernels. Its table comes last, and so is the default, if ours would be 4 numbers wide. */
int cpu_ops_list(const Ops **out, int max) {
    int n = 0;
    const Ops *blas = blas_table_base();
#ifdef SDC_OPENBLAS
    openblas_set_num_threads(1); /* we have our own threads, each at a block of its own */
#endif
    if (n < max) out[n++] = cpu_table_base();
#ifdef SDC_X86
    bool v4 = level() >= 4, v3 = level() >= 3;
    blas = v4 ? blas_table_v4() : v3 ? blas_table_v3() : blas;
    if (n < max && blas) out[n++] = blas;
    if (n < max && v3) out[n++] = cpu_table_v3();
    if (n < max && v4) out[n++] = cpu_table_v4();
#else
    if (n < max && blas) out[n++] = blas;
#endif
    return n;
}

const Ops *cpu_ops(void) {
    const Ops *list[CPU_TABLES];
    int n = cpu_ops_list(list, CPU_TABLES);
    const char *wish = getenv("SDC_CPU");
    for (int i = 0; wish && i < n; i++)
        if (!strcmp(list[i]->name, wish)) return list[i];
    return list[n - 1];
}

int cpu_ops_mixed_list(const Ops **out, int max) {
    int n = 0;
    if (n < max) out[n++] = cpu_table_mixed_base();
#ifdef SDC_X86
    if (n < max && level() >= 3) out[n++] = cpu_table_mixed_v3();
    if (n < max && level() >= 4) out[n++] = cpu_table_mixed_v4();
    if (n < max && has_bf16()) out[n++] = cpu_table_mixed_bf16();
#endif
    return n;
}

const Ops *cpu_ops_mixed(void) {
#ifdef SDC_X86
    if (has_bf16()) return cpu_table_mixed_bf16();
#endif
    return NULL;
}
