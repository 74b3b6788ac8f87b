/* pipeline.c: see pipeline.h. */
#include "pipeline.h"
#include "weights/formats/weight_file.h"
#include "tests/harness/golden.h"
#include "tools/ledger/bound.h"
#include "tests/harness/ledger_checks.h"
#include "tests/harness/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool pipeline_run(const char *path, const SdOptions *options, const SdRequest *r, SdResult *out, Error *e) {
    SdOptions o = *options;
    if (!o.device) o.device = getenv("SDC_TEST_DEVICE");
    SdModel *m = sd_open(path, &o, e);
    bool ok = sd_txt2img(m, r, out, e);
    sd_close(m);
    return ok;
}

void pipeline_golden(const char *golden, SdPrecision precision, const char *taps, const char *label) {
    Golden *g = golden_open(golden);
    Error e = {0};
    WeightFile *f = weight_file_open(taps, &e);
    Bound bound = pipeline_bound(precision == SD_F16    ? NUMBERS_F16
                                 : precision == SD_BF16 ? NUMBERS_BF16
                                                        : NUMBERS_F32,
                                 precision == SD_F32_DIRECT, false);
    if (!test_check(g && f, "%s: %s and its taps can be read", label, golden)) test_note("%s", e.text);
    const char *at = NULL;
    char name[160];
    while (g && f && golden_next(g, &at, name)) {
        const FileTensor *t = weight_file_find(f, name);
        float *values = t ? malloc((size_t)(t->end - t->begin)) : NULL;
        char what[256];
        snprintf(what, sizeof what, "%s: %s", label, name);
        if (values && file_tensor_f32(f, t, values)) golden_check_within(g, name, values, t->nd, t->n, bound, what);
        else test_check(false, "%s: %s is among the taps", label, name);
        free(values);
    }
    weight_file_close(f);
    golden_close(g);
}

bool pipeline_same_picture(const SdPicture *a, const SdPicture *b) {
    return a->width == b->width && a->height == b->height &&
           !memcmp(a->rgb, b->rgb, (size_t)a->width * (size_t)a->height * 3);
}

void pipeline_same_taps(const char *a, const char *b, const char *label) {
    Error e = {0};
    WeightFile *f = weight_file_open(a, &e), *g = f ? weight_file_open(b, &e) : NULL;
    bool same = g && f->count == g->count && f->count > 60;
    test_check(same, "%s: as many taps", label);
    for (size_t t = 0; same && t < f->count; t++) {
        const FileTensor *x = &f->tensors[t], *y = &g->tensors[t];
        same = !strcmp(x->name, y->name) && x->end - x->begin == y->end - y->begin &&
               !memcmp(file_tensor_data(f, x), file_tensor_data(g, y), (size_t)(x->end - x->begin));
        test_check(same, "%s: %s: the same bits", label, x->name);
    }
    weight_file_close(f);
    weight_file_close(g);
}

void pipeline_ledger(const char *model, const char *golden, const char *device, SdPrecision precision) {
    static const struct {
        const char *name;
        Numbers numbers;
    } OF[] = {{"f32", NUMBERS_F32},
              {"f32-direct", NUMBERS_F32},
              {"mixed", NUMBERS_MIXED},
              {"f16", NUMBERS_F16},
              {"bf16", NUMBERS_BF16}};
    Error e = {0};
    SdOptions o = {.threads = 2, .precision = precision, .device = device};
    SdModel *m = sd_open(model, &o, &e);
    Golden *g = golden_open(golden);
    Ledger checks = ledger_checks();
    LedgerTable t = {.numbers = OF[precision].numbers};
    snprintf(t.name, sizeof t.name, "%s %s", device, OF[precision].name);
    if (!test_check(m != NULL, "%s: a model", golden)) test_note("%s", e.text);
    for (int i = 0; m && g && i < PIPELINE_CASE_COUNT; i++)
        if (!strcmp(PIPELINE_CASES[i].golden, golden)) ledger_pipeline_case(&checks, &t, g, &PIPELINE_CASES[i], m);
    golden_close(g);
    sd_close(m);
}
