/* ledger.c: see ledger.h. */
#include "ledger.h"

#include <math.h>
#include <stdio.h>

static void add(LedgerTable *out, const char *name, const Ops *op, Gpu *gpu, Numbers numbers) {
    *out = (LedgerTable){.op = op, .gpu = gpu, .numbers = numbers};
    snprintf(out->name, sizeof out->name, "%s", name);
}

int ledger_tables(LedgerTable *out) {
    const Ops *plain[LEDGER_TABLES / 2], *mixed[LEDGER_TABLES / 2];
    int n = cpu_ops_list(plain, LEDGER_TABLES / 2), m = cpu_ops_mixed_list(mixed, LEDGER_TABLES / 2);
    for (int i = 0; i < n; i++) add(&out[i], plain[i]->name, plain[i], NULL, NUMBERS_F32);
    for (int i = 0; i < m; i++) add(&out[n + i], mixed[i]->name, mixed[i], NULL, NUMBERS_MIXED);
    return n + m;
}

bool ledger_emulating_table(LedgerTable *out) {
    const Ops *op = cpu_table_emulating();
    if (op) add(out, op->name, op, NULL, NUMBERS_F32);
    return op != NULL;
}

int ledger_gpu_tables(LedgerTable *out, Gpu *gpu) {
    static const struct {
        const char *name;
        DType type;
        Numbers numbers;
    } TYPES[] = {{"f32", F32, NUMBERS_F32}, {"f16", F16, NUMBERS_F16}, {"bf16", BF16, NUMBERS_BF16}};
    for (int i = 0; i < 3; i++) {
        char name[32];
        snprintf(name, sizeof name, "cuda %s", TYPES[i].name);
        add(&out[i], name, gpu_ops(gpu, TYPES[i].type), gpu, TYPES[i].numbers);
    }
    return 3;
}

bool ledger_wants(const Ledger *l, const char *row) { return !l->wants || l->wants(l->user, row); }

void ledger_enter(const Ledger *l, const char *group, const char *row, const char *name, const LedgerTable *t,
                  const Golden *g, const char *tensor, GoldenError r) {
    LedgerEntry e = {group, row, name, t, r.ratio <= 1, r.memory ? ERR_MEMORY : ERR_NONE, false, r.ratio, ""};
    golden_say(e.figure, sizeof e.figure, g, tensor, r);
    l->enter(l->user, &e);
}

void ledger_fail(const Ledger *l, const char *group, const char *row, const char *name, const LedgerTable *t,
                 const Error *error) {
    LedgerEntry e = {group, row, name, t, false, error->code, false, INFINITY, ""};
    snprintf(e.figure, sizeof e.figure, "%s", error->text);
    l->enter(l->user, &e);
}
