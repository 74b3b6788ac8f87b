/* results_write.c: the ledger's table as JSON and as JUnit's XML. */
#include "results.h"

#include "weights/files/atomic_file.h"
#include "weights/files/json.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* JSON has no infinity. */
static void json_number(const char *key, double v) {
    if (isfinite(v)) printf(",\"%s\":%.6g", key, v);
    else printf(",\"%s\":null", key);
}

static void json_text(const char *key, const char *s) {
    printf(",\"%s\":", key);
    json_print(stdout, s);
}

void results_json(const Results *r, double seconds, const char *device, int threads) {
    const char *comma = "";
    printf("{\"passed\":%ld,\"failed\":%ld,\"seconds\":%.1f,\"threads\":%d", r->passed, r->failed, seconds, threads);
    json_text("device", device);
    printf(",\n\"cells\":[");
    for (int i = 0; i < r->row_count; i++)
        for (int t = 0; t < r->table_count; t++) {
            const ResultRow *row = &r->rows[i];
            const ResultCell *c = &row->cells[t];
            if (!c->cases) continue;
            printf("%s\n{\"table\":", comma);
            json_print(stdout, r->tables[t].name);
            json_text("group", row->group);
            json_text("row", row->row);
            printf(",\"cases\":%ld,\"failed\":%ld", c->cases, c->failed);
            if (!row->exact) json_number("worst", c->worst);
            printf("}");
            comma = ",";
        }
    printf("],\n\"failures\":[");
    for (size_t i = 0; i < r->failure_count; i++) {
        const ResultFailure *f = &r->failures[i];
        printf("%s\n{\"table\":", i ? "," : "");
        json_print(stdout, f->entry.table->name);
        json_text("group", f->group);
        json_text("row", f->row);
        json_text("name", f->name);
        json_number("ratio", f->entry.ratio);
        json_text("figure", f->entry.figure);
        printf("}");
    }
    printf("]}\n");
}

/* --- JUnit --- */

typedef struct {
    AtomicFile *file;
    bool ok;
    Error *e;
} Xml;

static void put(Xml *x, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void put(Xml *x, const char *format, ...) {
    char text[256];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (n > (int)sizeof text - 1) n = (int)sizeof text - 1;
    x->ok = x->ok && atomic_write(x->file, text, (size_t)n, x->e);
}

/* As an attribute's value or as text; control characters, which XML 1.0 has none of, become '?'. */
static void put_text(Xml *x, const char *s) {
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;
        if (c == '<') put(x, "&lt;");
        else if (c == '>') put(x, "&gt;");
        else if (c == '&') put(x, "&amp;");
        else if (c == '"') put(x, "&quot;");
        else put(x, "%c", c < 32 || c > 126 ? '?' : c);
    }
}

static void put_failures(Xml *x, const Results *r, const ResultRow *row, int t) {
    put(x, "><failure message=\"%ld of %ld\">", row->cells[t].failed, row->cells[t].cases);
    for (size_t i = 0; i < r->failure_count; i++) {
        const ResultFailure *f = &r->failures[i];
        if (f->entry.table != &r->tables[t] || strcmp(f->group, row->group) || strcmp(f->row, row->row)) continue;
        put_text(x, f->name);
        put(x, ": ");
        put_text(x, f->entry.figure);
        put(x, "\n");
    }
    put(x, "</failure></testcase>\n");
}

bool results_junit(const Results *r, const char *path, Error *e) {
    Xml x = {.file = atomic_begin(path, e), .e = e};
    long tests = 0, failures = 0;
    if (!x.file) return false;
    x.ok = true;
    for (int i = 0; i < r->row_count; i++)
        for (int t = 0; t < r->table_count; t++) {
            tests += r->rows[i].cells[t].cases > 0;
            failures += r->rows[i].cells[t].failed > 0;
        }
    put(&x, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    put(&x, "<testsuite name=\"sdc verify\" tests=\"%ld\" failures=\"%ld\" errors=\"0\">\n", tests, failures);
    for (int i = 0; i < r->row_count; i++)
        for (int t = 0; t < r->table_count; t++) {
            const ResultRow *row = &r->rows[i];
            if (!row->cells[t].cases) continue;
            put(&x, "<testcase classname=\"sdc.");
            put_text(&x, row->group);
            put(&x, ".");
            put_text(&x, r->tables[t].name);
            put(&x, "\" name=\"");
            put_text(&x, row->row);
            put(&x, "\"");
            if (row->cells[t].failed) put_failures(&x, r, row, t);
            else put(&x, "/>\n");
        }
    put(&x, "</testsuite>\n");
    if (x.ok) return atomic_end(x.file, e);
    atomic_abort(x.file);
    return false;
}
