/* ledger_checks.c: see ledger_checks.h. */
#include "ledger_checks.h"

#include "test.h"

static void enter(void *user, const LedgerEntry *e) {
    (void)user;
    test_check(e->ok, "%s %s %s", e->row, e->name, e->table->name);
    test_note("%s", e->figure);
}

Ledger ledger_checks(void) { return (Ledger){.enter = enter}; }
