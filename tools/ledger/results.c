/* results.c: collects, and prints for people. */
#include "results.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SHOWN = 20, NAME_WIDTH = 28, CELL_WIDTH = 9 };

static ResultRow *row_of(Results *r, const LedgerEntry *e) {
    int last = r->row_count; /* the new row's place: after its group's last */
    for (int i = 0; i < r->row_count; i++) {
        if (strcmp(r->rows[i].group, e->group)) continue;
        if (!strcmp(r->rows[i].row, e->row)) return &r->rows[i];
        last = i + 1;
    }
    if (r->row_count == RESULT_ROWS) return &r->rows[RESULT_ROWS - 1]; /* never: its rows are the sources' */
    memmove(&r->rows[last + 1], &r->rows[last], (size_t)(r->row_count++ - last) * sizeof *r->rows);
    ResultRow *row = &r->rows[last];
    *row = (ResultRow){.exact = e->exact};
    snprintf(row->group, sizeof row->group, "%s", e->group);
    snprintf(row->row, sizeof row->row, "%s", e->row);
    return row;
}

static void note_failure(Results *r, const LedgerEntry *e) {
    ResultFailure *list = realloc(r->failures, (r->failure_count + 1) * sizeof *list);
    if (!list) {
        r->short_of_memory = true;
        return;
    }
    r->failures = list;
    ResultFailure *f = &list[r->failure_count++];
    f->entry = *e;
    snprintf(f->group, sizeof f->group, "%s", e->group);
    snprintf(f->row, sizeof f->row, "%s", e->row);
    snprintf(f->name, sizeof f->name, "%s", e->name);
}

void results_enter(Results *r, const LedgerEntry *e) {
    int t = (int)(e->table - r->tables);
    ResultCell *cell = &row_of(r, e)->cells[t];
    cell->cases++;
    *(e->ok ? &r->passed : &r->failed) += 1;
    if (!(e->ratio <= cell->worst)) cell->worst = e->ratio;
    if (e->ok) return;
    cell->failed++;
    note_failure(r, e);
}

void results_free(Results *r) { free(r->failures); }

/* --- for people --- */

/* "v4-mixed" and "cuda f16" stand in two lines. */
static void print_heading(const Results *r, const char *group, const bool *shown) {
    int lines = 1;
    for (int t = 0; t < r->table_count; t++)
        if (shown[t] && strpbrk(r->tables[t].name, "- ")) lines = 2;
    for (int line = 0; line < lines; line++) {
        printf("%-*s %6s", NAME_WIDTH, line ? "" : group, line ? "" : "cases");
        for (int t = 0; t < r->table_count; t++) {
            const char *name = r->tables[t].name;
            int first = (int)strcspn(name, "- ");
            if (!shown[t]) continue;
            if (!line) printf("%*.*s", CELL_WIDTH, first, name);
            else printf("%*s", CELL_WIDTH, name[first] ? name + first + 1 : "");
        }
        printf("\n");
    }
}

static void print_cell(const ResultRow *row, const ResultCell *c) {
    char text[32];
    if (!c->cases) snprintf(text, sizeof text, "-");
    else if (row->exact || !isfinite(c->worst)) snprintf(text, sizeof text, "%s", c->failed ? "wrong" : "same");
    else snprintf(text, sizeof text, c->worst < 1000 ? "%.2f" : "%.0e", c->worst);
    printf("%*s%s", CELL_WIDTH - (c->failed ? 1 : 0), text, c->failed ? "!" : "");
}

static void print_failures(const Results *r, const char *group) {
    size_t said = 0, all = 0;
    for (size_t i = 0; i < r->failure_count; i++) {
        const ResultFailure *f = &r->failures[i];
        if (strcmp(f->group, group)) continue;
        if (all++ < SHOWN && ++said)
            printf("FAIL %s on %s: %s: %s\n", f->row, f->entry.table->name, f->name, f->entry.figure);
    }
    if (all > said) printf("and %zu more; --json lists them\n", all - said);
}

void results_print(const Results *r, const char *group) {
    bool shown[LEDGER_TABLES] = {false}, any = false;
    for (int i = 0; i < r->row_count; i++)
        for (int t = 0; t < r->table_count; t++)
            if (!strcmp(r->rows[i].group, group) && r->rows[i].cells[t].cases) any = shown[t] = true;
    if (!any) return;
    print_heading(r, group, shown);
    for (int i = 0; i < r->row_count; i++) {
        const ResultRow *row = &r->rows[i];
        long most = 0;
        if (strcmp(row->group, group)) continue;
        for (int t = 0; t < r->table_count; t++)
            if (row->cells[t].cases > most) most = row->cells[t].cases;
        printf("  %-*s %6ld", NAME_WIDTH - 2, row->row, most);
        for (int t = 0; t < r->table_count; t++)
            if (shown[t]) print_cell(row, &row->cells[t]);
        printf("\n");
    }
    print_failures(r, group);
    printf("\n");
    fflush(stdout);
}
