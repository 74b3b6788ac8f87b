/* exact.h: runs whose bits are recorded: every table that keeps the promise of the same bits (Ops.exact) must have
 * them.
 *
 * A checksum is the SHA-256 of all that a run computes, in order: of each tensor its name with the final NUL, then its
 * numbers as little-endian f32. It changes with the specification of bits only (ARCHITECTURE.md), or with the run. */
#ifndef SD_TOOLS_LEDGER_EXACT_H
#define SD_TOOLS_LEDGER_EXACT_H

#include "ledger.h"
#include "weights/files/sha256.h"
#include "sd/sd.h"

/* What a run computes on. */
typedef struct {
    const LedgerTable *table;
    const void *model; /* the micro model's bytes (made_model.h) */
    size_t model_size;
    const char *file;          /* the micro model, to be used instead of the bytes; NULL: none */
    const SdNetwork *networks; /* of the pictures, which must be recorded so; NULL: none */
    int network_count;
    int threads; /* 0: as many as the run says */
    bool few;    /* only the runs of EXACT_FEW */
} ExactOn;

enum {
    EXACT_BACKWARD = 1, /* for tables that can train only */
    EXACT_HOST = 2,     /* for processors only */
    EXACT_BUILTIN = 4,  /* of the model that is built in, where that is weights/builtin.safetensors */
    EXACT_FEW = 8,      /* among the few for slow tables */
};

typedef struct ExactRun ExactRun;
struct ExactRun {
    const char *name, *checksum; /* the latter in hex */
    /* Adds what it computes to the sum. False: it could not be computed. */
    bool (*run)(const ExactRun *k, const ExactOn *on, Sha256 *sum, Error *e);
    const void *what; /* run's own */
    int flags;
};

extern const ExactRun EXACT_RUNS[];
extern const int EXACT_RUN_COUNT;

/* Adds a tensor of `count` numbers. */
void exact_add(Sha256 *sum, const char *name, const float *values, int64_t count);
/* The run's checksum on this table. */
bool exact_checksum(const ExactRun *k, const ExactOn *on, char hex[65], Error *e);
/* Whether the run can be made there. */
bool exact_runs_on(const ExactRun *k, const ExactOn *on);
/* All runs, where the table keeps the promise: one entry each, in this group. */
#define EXACT_GROUP "same bits"
void ledger_exact_run(const Ledger *l, const ExactRun *k, const ExactOn *on); /* one, that may be in no table */
void ledger_exact(const Ledger *l, const ExactOn *on);

#endif
