/* exact.c: see exact.h. */
#include "exact.h"
#include "sd/sd.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

bool exact_checksum(const ExactRun *k, const ExactOn *on, char hex[65], Error *e) {
    unsigned char digest[32];
    Sha256 sum;
    sha256_init(&sum);
    if (!k->run(k, on, &sum, e)) return false;
    sha256_final(&sum, digest);
    sha256_hex(digest, hex);
    return true;
}

/* The hash of the model that the runs of the built-in model were recorded with. */
#define BUILTIN "1f495c556e783c4ebde9fa7e46c1b98e1024c65eca64f50643f7ff82f7ca7b1c"

bool exact_runs_on(const ExactRun *k, const ExactOn *on) {
    SdInfo info;
    if ((k->flags & EXACT_BACKWARD) && !ledger_has_gradients(on->table)) return false;
    if ((k->flags & EXACT_HOST) && on->table->gpu) return false;
    if (on->few && !(k->flags & EXACT_FEW)) return false;
    return !(k->flags & EXACT_BUILTIN) ||
           (sd_builtin() && sd_info(NULL, true, &info, NULL) && !strcmp(info.hash, BUILTIN));
}

void ledger_exact_run(const Ledger *l, const ExactRun *k, const ExactOn *on) {
    Error e = {0};
    char hex[65];
    if (!exact_checksum(k, on, hex, &e)) {
        ledger_fail(l, EXACT_GROUP, k->name, k->name, on->table, &e);
        return;
    }
    bool ok = !strcmp(hex, k->checksum);
    LedgerEntry entry = {
        EXACT_GROUP, k->name, k->name, on->table, .ok = ok, .exact = true, .ratio = ok ? 0 : INFINITY,
    };
    snprintf(entry.figure, sizeof entry.figure, "SHA-256 %s, recorded %s", hex, k->checksum);
    l->enter(l->user, &entry);
}

void ledger_exact(const Ledger *l, const ExactOn *on) {
    for (int i = 0; on->table->op->exact && i < EXACT_RUN_COUNT; i++)
        if (ledger_wants(l, EXACT_RUNS[i].name) && exact_runs_on(&EXACT_RUNS[i], on))
            ledger_exact_run(l, &EXACT_RUNS[i], on);
}
