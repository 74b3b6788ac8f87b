/* full_exact.c: SD 1.5 at full size as runs whose bits are recorded, from generated weights in F16. Needs 2.2 GB of
 * disk under TMPDIR. */
#include "tests/harness/ledger_checks.h"
#include "tests/harness/make_model.h"
#include "tests/harness/test.h"
#include "tools/ledger/exact_runs.h"

#define SD_15(name, checksum, ...)                                                                                     \
    { "SD 1.5, " name, checksum, exact_picture, &(const ExactPicture){.sampler = "Euler a", .cfg = 7, __VA_ARGS__}, 0 }

static const ExactRun SMALL[] = {
    SD_15("64x64", "9439956b4f079884517ccc89942b5283d17414c9d9d7ded84a69b62d2f8dfae1", .width = 64, .height = 64,
          .steps = 1),
    SD_15("64x64, f32-direct", "6d64bf1b9f311cbe5bf3919e82a6cf854ae4b6ba4e12767af060b4a69eade38c", .width = 64,
          .height = 64, .steps = 1, .precision = SD_F32_DIRECT),
};
static const ExactRun LARGE[] = {SD_15("512x512", "f4344aa455ff772f919f9840950a47cadb6b845ac89f8be4b74071f47590eff0",
                                       .width = 512, .height = 512, .steps = 2)};

/* The runs on every table of this machine that keeps the promise, but for the one that emulates fma. */
static void run(const ExactRun *runs, int count) {
    LedgerTable tables[LEDGER_TABLES];
    Ledger checks = ledger_checks();
    ExactOn on = {.file = test_path("full.safetensors")};
    Error e = {0};
    int n = ledger_tables(tables), kept = 0;
    if (!test_check(make_model(on.file, (MakeModel){.size = MODEL_FULL, .dtype = F16}), "the model is written")) return;
    for (int t = 0; t < n; t++) {
        if (!tables[t].op->exact || tables[t].numbers != NUMBERS_F32) continue;
        tables[t].pool = pool_new(1, &e);
        if (!test_check(tables[t].pool, "memory for a thread")) return;
        on.table = &tables[t], on.threads = 2 + 5 * (kept++ & 1);
        for (int i = 0; i < count; i++) ledger_exact_run(&checks, &runs[i], &on);
        pool_free(tables[t].pool);
    }
    test_check(kept, "a table that keeps the bits");
}

#define RUN(runs) run(runs, sizeof(runs) / sizeof *(runs))

SUITE(full_exact_small, .seconds = 30, .slow = true) { RUN(SMALL); }
SUITE(full_exact, .seconds = 60, .slow = true) { RUN(LARGE); }
