/* results.h: what a ledger's walks found, as a table: a row for each op, block and stage, a column for each table of
 * ops. */
#ifndef SD_TOOLS_LEDGER_RESULTS_H
#define SD_TOOLS_LEDGER_RESULTS_H

#include "ledger.h"

enum { RESULT_ROWS = 128 };

typedef struct {
    long cases, failed;
    double worst; /* error over allowed error, the largest of its cases */
} ResultCell;

typedef struct {
    char group[40], row[64];
    bool exact; /* its cells hold no errors: the bits are those recorded, or not */
    ResultCell cells[LEDGER_TABLES];
} ResultRow;

typedef struct {
    LedgerEntry entry; /* its texts are the failure's own */
    char group[40], row[64], name[320];
} ResultFailure;

typedef struct {
    LedgerTable tables[LEDGER_TABLES];
    int table_count;
    ResultRow rows[RESULT_ROWS]; /* those of a group follow each other */
    int row_count;
    ResultFailure *failures; /* in the order in which they were found; owned */
    size_t failure_count;
    bool short_of_memory; /* for failures, which are counted but not listed then */
    long passed, failed;
} Results;

/* An entry, whose table is one of r's. */
void results_enter(Results *r, const LedgerEntry *e);
void results_free(Results *r);

/* For people: the rows of a group, as a table, and its failures. */
void results_print(const Results *r, const char *group);
/* One object. seconds: that it took; device: what computed. */
void results_json(const Results *r, double seconds, const char *device, int threads);
/* As JUnit's XML: a test case for each cell. */
bool results_junit(const Results *r, const char *path, Error *e);

#endif
