/* test_blocks.c: the layers of nn/ against diffusers' and transformers' modules (tools/ledger/blocks.c), on every table
 * of ops. */
#include "tests/harness/golden.h"
#include "tests/harness/on_gpu.h"
#include "tests/harness/test.h"
#include "tests/harness/ledger_checks.h"

void check_blocks(const LedgerTable *t) {
    Golden *golden = golden_open("blocks");
    Ledger checks = ledger_checks();
    if (golden) ledger_blocks(&checks, t, golden);
    golden_close(golden);
}

SUITE(blocks, .seconds = 2, .blas = true) {
    LedgerTable tables[LEDGER_TABLES];
    Error e = {0};
    ThreadPool *pool = pool_new(2, &e);
    int count = pool ? ledger_tables(tables) : 0;
    for (int t = 0; t < count; t++) {
        tables[t].pool = pool;
        check_blocks(&tables[t]);
    }
    pool_free(pool);
}
