/* record_json.c: what came out of a check, for programs. */
#include "record.h"

#include "weights/files/file_open.h"
#include "weights/files/json.h"

#include <stdio.h>

static void print_row(const RecordTap *t, const RecordRow *row) {
    static const char *const STATES[] = {
        [ROW_ABSENT] = "absent", [ROW_EQUAL] = "equal", [ROW_WITHIN] = "within", [ROW_APART] = "apart"};
    bool compared = row->state == ROW_WITHIN || row->state == ROW_APART;
    printf("{\"name\":");
    json_print(stdout, t->name);
    printf(",\"state\":\"%s\"", STATES[row->state]);
    if (compared) diff_print_json("relative_rms", row->is.relative);
    if (compared) diff_print_json("max", row->is.max);
    if (compared) diff_print_json("norm", row->norm);
    if (compared && row->is.why) printf(",\"why\":"), json_print(stdout, row->is.why);
    printf("}");
}

static void print_weights(const RecordChanged *c) {
    printf(",\n\"weights\":{\"model\":%zu,\"record\":%zu,\"differ\":[", c->ours, c->theirs);
    for (size_t i = 0; i < c->count; i++) {
        if (i) printf(",");
        json_print(stdout, c->names[i]);
    }
    printf("]}");
}

void record_json(const char *path, const Record *record, const RecordVerdict *v, const RecordChanged *changed) {
    size_t passed = v->counts[ROW_EQUAL] + v->counts[ROW_WITHIN], failed = v->counts[ROW_APART] + v->counts[ROW_ABSENT];
    size_t first = record_first(v, record->count);
    const char *comma = "";
    printf("{\"record\":");
    json_print(stdout, file_shown(path));
    printf(",\"holds\":%s,\"passed\":%zu,\"failed\":%zu", record_holds(v) ? "true" : "false", passed, failed);
    printf(",\"equal\":%zu,\"extra\":%zu,\"exact\":%s", v->counts[ROW_EQUAL], v->extra, v->exact ? "true" : "false");
    if (!v->exact) diff_print_json("bound", v->bound);
    printf(",\"pictures\":%d,\"pictures_changed\":%d,\"first\":", v->pictures, v->changed);
    if (first < record->count) json_print(stdout, record->taps[first].name);
    else printf("null");
    if (changed) print_weights(changed);
    printf(",\n\"activations\":[");
    for (size_t i = 0; i < record->count; i++) {
        if (v->rows[i].state == ROW_LEFT_OUT) continue;
        printf("%s\n", comma);
        print_row(&record->taps[i], &v->rows[i]);
        comma = ",";
    }
    printf("]}\n");
}
