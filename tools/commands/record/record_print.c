/* record_print.c: what came out of a check: the worst activations, the first that differs, one line. */
#include "record.h"
#include "weights/files/file_open.h"

#include <stdio.h>
#include <string.h>

enum { WORST = 8, NAMED = 8 };

/* What cannot be compared is worse than any number. */
static bool worse(const RecordRow *a, const RecordRow *b) {
    double x = a->is.relative > a->norm ? a->is.relative : a->norm;
    double y = b->is.relative > b->norm ? b->is.relative : b->norm;
    return x > y;
}

static size_t find_worst(const RecordVerdict *v, size_t count, size_t worst[WORST]) {
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        if (v->rows[i].state != ROW_WITHIN && v->rows[i].state != ROW_APART) continue;
        size_t at = n < WORST ? n++ : WORST;
        for (; at > 0 && worse(&v->rows[i], &v->rows[worst[at - 1]]); at--)
            if (at < WORST) worst[at] = worst[at - 1];
        if (at < WORST) worst[at] = i;
    }
    return n;
}

static void print_row(const RecordTap *t, const RecordRow *row, int width) {
    diff_print_name(t->name, width);
    diff_print_shape(t->nd, t->n);
    if (row->is.why) printf(" %s\n", row->is.why);
    else
        printf(" %10.3e  %10.3e  %10.3e%s\n", row->is.relative, row->is.max, row->norm,
               row->state == ROW_APART ? "  differs" : "");
}

static void print_worst(const Record *record, const RecordVerdict *v, const size_t *worst, size_t n) {
    int width = 10;
    for (size_t i = 0; i < n; i++) {
        size_t size = strlen(record->taps[worst[i]].name);
        if (size < 64 && (int)size > width) width = (int)size;
    }
    if (n) printf("%-*s %-20s %10s  %10s  %10s\n", width, "worst", "shape", "rel. rms", "max", "norm");
    for (size_t i = 0; i < n; i++) print_row(&record->taps[worst[i]], &v->rows[worst[i]], width);
}

static void print_changed(const RecordChanged *c) {
    if (c->ours != c->theirs) printf("weights: the model has %zu, the record's %zu\n", c->ours, c->theirs);
    if (!c->count) return;
    printf("weights that differ (%zu):", c->count);
    for (size_t i = 0; i < c->count && i < NAMED; i++) printf("%s %s", i ? "," : "", c->names[i]);
    if (c->count > NAMED) printf(", and %zu more", c->count - NAMED);
    putchar('\n');
}

static void print_absent(const Record *record, const RecordVerdict *v) {
    size_t said = 0, total = v->counts[ROW_ABSENT];
    if (!total) return;
    printf("not there (%zu):", total);
    for (size_t i = 0; i < record->count && said < NAMED; i++) {
        if (v->rows[i].state != ROW_ABSENT) continue;
        fputs(said++ ? ", " : " ", stdout);
        diff_print_name(record->taps[i].name, 0);
    }
    if (total > NAMED) printf(", and %zu more", total - NAMED);
    putchar('\n');
}

static void print_first(const Record *record, const RecordVerdict *v) {
    size_t first = record_first(v, record->count);
    if (first == record->count) return;
    const RecordRow *row = &v->rows[first];
    printf("first that differs: ");
    diff_print_name(record->taps[first].name, 0);
    if (row->state == ROW_ABSENT) printf(" (not there)\n");
    else if (row->is.why) printf(" (%s)\n", row->is.why);
    else printf(" (relative RMS %.3e)\n", row->is.relative);
}

static void print_verdict(const char *path, const Record *record, const RecordVerdict *v, const size_t *worst,
                          size_t n) {
    size_t equal = v->counts[ROW_EQUAL], within = v->counts[ROW_WITHIN], all = record->count - v->counts[ROW_LEFT_OUT];
    diff_print_name(file_shown(path), 0);
    if (!record_holds(v)) {
        size_t first = record_first(v, record->count);
        printf(": differs: %zu of %zu activations", v->counts[ROW_APART] + v->counts[ROW_ABSENT], all);
        if (v->exact) printf(" (bit for bit)");
        else printf(" (bound %g)", v->bound);
        if (first < record->count) fputs(", first ", stdout), diff_print_name(record->taps[first].name, 0);
    } else if (!within) {
        printf(": equal: %zu activations, bit for bit", all);
    } else {
        const RecordRow *row = &v->rows[worst[0]];
        printf(": within %g: %zu activations, %zu of them bit for bit, the worst by %.3e (", v->bound, all, equal,
               row->is.relative > row->norm ? row->is.relative : row->norm);
        if (n) diff_print_name(record->taps[worst[0]].name, 0);
        putchar(')');
    }
    if (v->pictures) printf("; %d of %d pictures equal", v->pictures - v->changed, v->pictures);
    if (v->extra) printf("; %zu activations not in the record", v->extra);
    putchar('\n');
}

void record_print(const char *path, const Record *record, const RecordVerdict *v, const RecordChanged *changed,
                  bool quiet) {
    size_t worst[WORST] = {0}, n = find_worst(v, record->count, worst);
    if (!quiet && changed) print_changed(changed);
    if (!quiet) {
        print_worst(record, v, worst, n);
        print_absent(record, v);
        print_first(record, v);
    }
    print_verdict(path, record, v, worst, n);
}
