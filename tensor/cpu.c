/* cpu.c: chooses among the CPU's tables. The only file that asks what the machine can do. */
#include "ops.h"
#include "row_ops.h"

#include <stdlib.h>
#include <string.h>

enum { CPU_TABLES = 4 };

const Ops *cpu_table_base(void), *blas_table_base(void), *cpu_table_mixed_base(void);
const RowOps *row_ops_base(void);
#ifdef SDC_EXACT
const Ops *cpu_table_exact(void);
#endif
#ifdef __wasm__
/* Of relaxed SIMD; not linked into modules for engines without it. */
#pragma weak cpu_table_relaxed
#pragma weak cpu_table_mixed_relaxed
#pragma weak cpu_fuses_relaxed
const Ops *cpu_table_relaxed(void), *cpu_table_mixed_relaxed(void);
bool cpu_fuses_relaxed(void);
static bool has_relaxed(void) { return cpu_table_relaxed && cpu_fuses_relaxed(); }
#endif
#ifdef SDC_X86
const Ops *cpu_table_v3(void), *blas_table_v3(void), *cpu_table_mixed_v3(void);
const Ops *cpu_table_v4(void), *blas_table_v4(void), *cpu_table_mixed_v4(void);
const Ops *cpu_table_mixed_bf16(void);
const RowOps *row_ops_v3(void), *row_ops_v4(void);

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

/* Our own, the preferred one last. */
static int own_tables(const Ops *out[CPU_TABLES]) {
    int n = 0;
    out[n++] = cpu_table_base();
#ifdef SDC_X86
    if (level() >= 3) out[n++] = cpu_table_v3();
    if (level() >= 4) out[n++] = cpu_table_v4();
#endif
#ifdef __wasm__
    if (has_relaxed()) out[n++] = cpu_table_relaxed();
#endif
    return n;
}

/* OpenBLAS picks its own kernels; the rest of its table is ours for this machine. NULL: it is not there. */
static const Ops *blas_table(void) {
#ifdef SDC_X86
    return level() >= 4 ? blas_table_v4() : level() >= 3 ? blas_table_v3() : blas_table_base();
#else
    return blas_table_base();
#endif
}

/* Where our kernels are 4 numbers wide and promise nothing, OpenBLAS' are faster. */
static bool prefers_blas(const Ops *const *own, int n) { return !own[n - 1]->exact; }

int cpu_ops_list(const Ops **out, int max) {
    const Ops *own[CPU_TABLES], *blas = blas_table();
    int n = 0, count = own_tables(own);
    bool last = prefers_blas(own, count);
    for (int i = 0; i < count; i++) {
        if (n < max) out[n++] = own[i];
        if (i == 0 && blas && !last && n < max) out[n++] = blas;
    }
    if (blas && last && n < max) out[n++] = blas;
    return n;
}

const Ops *cpu_ops(Error *e) {
    const Ops *own[CPU_TABLES], *blas;
    int n = own_tables(own);
    const char *wish = getenv("SDC_CPU");
    if (!wish || !*wish) return prefers_blas(own, n) && (blas = blas_table()) ? blas : own[n - 1];
    for (int i = 0; i < n; i++)
        if (!strcmp(own[i]->name, wish)) return own[i];
    if (!strcmp(wish, "exact") && cpu_table_emulating()) return cpu_table_emulating();
    if (strcmp(wish, "openblas")) {
        error_set(e, ERR_ARGUMENT,
                  "SDC_CPU: '%.60s' is unknown, or more than this machine has; use %s%s%s%s%s or openblas", wish,
                  own[0]->name, n > 1 ? ", " : "", n > 1 ? own[1]->name : "", n > 2 ? ", " : "",
                  n > 2 ? own[2]->name : "");
        return NULL;
    }
    blas = blas_table();
#ifdef SDC_OPENBLAS
    if (!blas)
        error_set(e, ERR_DEVICE,
                  "SDC_CPU=openblas: the library cannot be loaded; install libopenblas0 (Debian, Ubuntu), openblas "
                  "(Fedora, Homebrew), or unset SDC_CPU");
#else
    error_set(e, ERR_ARGUMENT, "SDC_CPU=openblas: this program was built without it; unset SDC_CPU");
#endif
    return blas;
}

const Ops *cpu_table_emulating(void) {
#ifdef SDC_EXACT
    return cpu_table_exact();
#else
    return NULL;
#endif
}

const Ops *cpu_ops_exact(Error *e) {
    const Ops *ops = cpu_ops(e);
    const char *wish = getenv("SDC_CPU");
    bool free = !wish || !*wish;
    if (!ops || ops->exact) return ops;
    const Ops *emulating = cpu_table_emulating();
    if (emulating && (free || ops == cpu_table_base())) return emulating;
    error_set(e, ERR_ARGUMENT, "exact: %s does not have the same bits on every machine; %s",
              free ? "this program" : wish, free ? "it was built without kernels that do" : "leave SDC_CPU away");
    return NULL;
}

int cpu_ops_mixed_list(const Ops **out, int max) {
    int n = 0;
    if (n < max) out[n++] = cpu_table_mixed_base();
#ifdef SDC_X86
    if (n < max && level() >= 3) out[n++] = cpu_table_mixed_v3();
    if (n < max && level() >= 4) out[n++] = cpu_table_mixed_v4();
    if (n < max && has_bf16()) out[n++] = cpu_table_mixed_bf16();
#endif
#ifdef __wasm__
    if (n < max && has_relaxed()) out[n++] = cpu_table_mixed_relaxed();
#endif
    return n;
}

const Ops *cpu_ops_mixed(void) {
#ifdef SDC_X86
    if (has_bf16()) return cpu_table_mixed_bf16();
#endif
    return NULL;
}

int cpu_row_ops_list(const RowOps **out, int max) {
    int n = 0;
    if (n < max) out[n++] = row_ops_base();
#ifdef SDC_X86
    if (n < max && level() >= 3) out[n++] = row_ops_v3();
    if (n < max && level() >= 4) out[n++] = row_ops_v4();
#endif
    return n;
}

const RowOps *cpu_row_ops(void) {
    const RowOps *all[3];
    int n = cpu_row_ops_list(all, 3);
    const char *wish = getenv("SDC_CPU");
    for (int i = 0; wish && i < n; i++)
        if (!strcmp(wish, all[i]->name)) return all[i];
    return wish && !strcmp(wish, "exact") ? all[0] : all[n - 1];
}
