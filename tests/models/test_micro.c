/* test_micro.c: every stage of the VAE's encoder at the micro model's size against diffusers, on every table of ops.
 * (Suite `pipeline` does the same for the micro model's other networks.) */
#include "tests/harness/golden.h"
#include "tests/harness/ledger_checks.h"
#include "tests/harness/test.h"
#include "tools/ledger/made_model.h"
#include "tools/ledger/pipeline.h"

#include <stdlib.h>

SUITE(micro_encoder, .seconds = 2, .blas = true) {
    LedgerTable tables[LEDGER_TABLES];
    Error e = {0};
    size_t size = 0;
    ThreadPool *pool = pool_new(2, &e);
    Ledger checks = ledger_checks();
    Golden *golden = golden_open("micro_encoder");
    void *bytes = pool && golden ? micro_model(F32, &size, &e) : NULL;
    int count = bytes ? ledger_tables(tables) : 0;
    for (int t = 0; t < count; t++) {
        tables[t].pool = pool;
        SdModel *m = pipeline_open(&tables[t], tables[t].numbers == NUMBERS_F32, bytes, size, &e);
        if (test_check(m != NULL, "the micro model for %s", tables[t].name))
            ledger_encoder(&checks, &tables[t], golden, m);
        sd_close(m);
    }
    test_check(count > 0 && !e.code, "the micro encoder is made");
    test_note("%s", e.text);
    golden_close(golden);
    free(bytes);
    pool_free(pool);
}
