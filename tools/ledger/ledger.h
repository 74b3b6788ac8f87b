/* ledger.h: the parity ledger: everything that is compared with float64, on every table of ops that this machine has.
 *
 *     ops.c, gradients.c   each case of cases.h, forward and backward
 *     blocks.c             each case of block_cases.h
 *     pipeline.c           the micro model's activations, from a prompt to a picture
 *     exact.c              runs whose bits are recorded
 *     goldens.c            the goldens that the program holds
 *
 * A Ledger is what a walk over cases tells its results to: `sdc verify` fills a table with them, and the tests count
 * each as a check. */
#ifndef SD_TOOLS_LEDGER_LEDGER_H
#define SD_TOOLS_LEDGER_LEDGER_H

#include "golden.h"
#include "tensor/ops.h"

/* What a table's numbers are: they decide what error is allowed (bound.h). */
typedef enum { NUMBERS_F32, NUMBERS_MIXED, NUMBERS_F16, NUMBERS_BF16 } Numbers;

/* A column: a table of ops, and what runs it. */
typedef struct {
    char name[32]; /* "v4", "v4-mixed", "cuda f16" */
    const Ops *op;
    Gpu *gpu; /* NULL: a processor's table */
    Numbers numbers;
    ThreadPool *pool; /* a GPU's table needs none */
} LedgerTable;

enum { LEDGER_TABLES = 16 };

/* Every table of this machine's processor, without pools: f32, then mixed. Returns how many. */
int ledger_tables(LedgerTable *out);
/* The one that emulates fma, which is in no list since it is slow. False: there is none. */
bool ledger_emulating_table(LedgerTable *out);
/* The three tables of a GPU. */
int ledger_gpu_tables(LedgerTable *out, Gpu *gpu);

typedef struct {
    const char *group;        /* "ops" */
    const char *row;          /* "linear" */
    const char *name;         /* what was computed: a case, or a run and its activation */
    const LedgerTable *table; /* where */
    bool ok;
    ErrorCode code;    /* why it could not be computed; ERR_NONE: it was */
    bool exact;        /* the bits are those recorded, or not */
    double ratio;      /* error over allowed error; of exact runs 0 or infinity */
    char figure[1024]; /* what was found: "rms 1.0e-07 of 4.0e-07, ..." */
} LedgerEntry;

typedef struct {
    void (*enter)(void *user, const LedgerEntry *e);
    bool (*wants)(void *user, const char *row); /* NULL: all */
    void *user;
} Ledger;

bool ledger_wants(const Ledger *l, const char *row);
/* One comparison. */
void ledger_enter(const Ledger *l, const char *group, const char *row, const char *name, const LedgerTable *t,
                  const Golden *g, const char *tensor, GoldenError r);
/* Something that could not be computed: one failed entry with the error's line. */
void ledger_fail(const Ledger *l, const char *group, const char *row, const char *name, const LedgerTable *t,
                 const Error *e);

/* The walks, over what is in `golden`. */
void ledger_ops(const Ledger *l, const LedgerTable *t, const Golden *golden);
bool ledger_has_gradients(const LedgerTable *t); /* those of `mixed` are f32's */
void ledger_gradients(const Ledger *l, const LedgerTable *t, const Golden *golden);
void ledger_blocks(const Ledger *l, const LedgerTable *t, const Golden *golden);

#endif
