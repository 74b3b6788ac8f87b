/* ledger_checks.h: what the parity ledger enters (tools/ledger/ledger.h), as checks. */
#ifndef SD_TESTS_HARNESS_LEDGER_CHECKS_H
#define SD_TESTS_HARNESS_LEDGER_CHECKS_H

#include "tools/ledger/ledger.h"

/* Each entry is a check. */
Ledger ledger_checks(void);

#endif
