/* test_ladder.c: the rungs of `sdc bench --ladder` compute the same, and the kernels are faster than the loops. */
#include "tensor/ops.h"
#include "tests/harness/test.h"
#include "tools/bench/bench_ladder.h"

SUITE(ladder, .seconds = 1) {
    Rung r[RUNGS];
    Error e = {0};
    if (!test_check(bench_ladder(1, r, &e), "the ladder is measured: %s", e.text)) return;
    for (int i = 0; i < RUNGS; i++) /* sums of 1152 in another order; Winograd's transforms */
        test_check(r[i].rate > 0 && r[i].share > 0 && r[i].error < 2e-5, "%s: the same result (%.2e)", r[i].name,
                   r[i].error);
    bool fast = !TEST_SANITIZED && cpu_ops(&e) != cpu_table_emulating(); /* which is as slow as the loops */
    if (fast) test_check(r[3].rate > r[0].rate && r[6].rate > r[5].rate, "kernels are faster than loops");
}
