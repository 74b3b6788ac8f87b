/* fuzz_record.c: a record, and activations that are held to it. What opens is a request that could be run, which its
 * settings say once more, and every activation of the record gets a verdict. */
#include "fuzz.h"

#include "tools/commands/record/record.h"

#include <stdlib.h>
#include <string.h>

/* The settings, written and read, are the settings. */
static void settings(const Record *r) {
    Error e = {0};
    fuzz_require(params_check(&r->request, &e));
    char *text = params_json(&r->request, &e), *again = NULL;
    Json *j = text ? json_parse("settings", text, strlen(text), &e) : NULL;
    SdRequest same = sd_request(NULL);
    same.image = r->request.image, same.image_width = r->request.image_width;
    same.image_height = r->request.image_height;
    if (j && params_from_json(j, j->nodes, &same, &e)) again = params_json(&same, &e);
    fuzz_require(text && again && !strcmp(text, again));
    free(text);
    free(again);
    json_free(j);
}

static void verdict(const Record *r, const WeightFile *taps) {
    Error e = {0};
    RecordVerdict v = {0};
    RecordHow how = {.bound = -1};
    if (fuzz_verdict(record_check_taps(r, taps, &how, &v, &e), &e)) {
        size_t all = 0;
        for (int i = 0; i <= ROW_APART; i++) all += v.counts[i];
        fuzz_require(all == r->count && !v.counts[ROW_LEFT_OUT] && v.extra <= taps->count);
        fuzz_require(record_holds(&v) == (record_first(&v, r->count) == r->count));
    }
    record_verdict_free(&v);
}

FUZZ(record) {
    FuzzBytes rest = {data, size};
    FuzzBytes a = fuzz_weights(fuzz_part(&rest)), b = fuzz_weights(fuzz_part(&rest));
    Error e = {0}, none = {0};
    Record *r = record_open_memory("a.record", a.p, a.size, &e);
    WeightFile *taps = weight_file_open_memory("b.safetensors", b.p, b.size, &none);
    if (fuzz_verdict(r != NULL, &e)) {
        settings(r);
        verdict(r, r->file);
        if (taps) verdict(r, taps);
    }
    record_close(r);
    weight_file_close(taps);
    char a_path[1024];
    strcpy(a_path, fuzz_file("a.record", a));
    FuzzRun run = fuzz_sdc("check", a_path, "--against", fuzz_file("b.safetensors", b), NULL);
    fuzz_require(*run.out || *run.err);
    fuzz_sdc_free(&run);
    run = fuzz_sdc("check", a_path, "--against", fuzz_file("b.safetensors", b), "--json", NULL);
    Json *j = json_parse("check", run.out, strlen(run.out), &none);
    fuzz_require(!*run.out || j);
    json_free(j);
    fuzz_sdc_free(&run);
    free((void *)(uintptr_t)a.p);
    free((void *)(uintptr_t)b.p);
}
