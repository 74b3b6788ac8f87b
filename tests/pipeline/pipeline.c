/* pipeline.c: see pipeline.h. */
#include "pipeline.h"
#include "weights/weight_file.h"
#include "tests/harness/golden.h"
#include "tests/harness/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

SdRequest pipeline_request(const char *sampler, int64_t seed, int width, int height) {
    SdRequest r = sd_request(NULL);
    r.prompt = "a lovely cat";
    r.negative = "blurry, low quality";
    r.sampler = sampler;
    r.seed = seed;
    r.width = width;
    r.height = height;
    r.steps = 5;
    r.rng = SD_RNG_CPU;
    return r;
}

/* Three times the worst tap of the micro goldens as measured (RMS 4.0e-6, largest 1.6e-5; f32-direct: 3.3e-6, 1.2e-5).
 */
static const double F32_RMS = 1.2e-5, F32_MAX = 5e-5;
/* On GPUs: three times the worst tap as measured through the tests' stand-in for one. */
static const double F16_RMS = 1e-2, F16_MAX = 5e-2;
static const double BF16_RMS = 8e-2, BF16_MAX = 4e-1;

bool pipeline_run(const char *path, const SdOptions *options, const SdRequest *r, SdResult *out, Error *e) {
    SdOptions o = *options;
    if (!o.device) o.device = getenv("SDC_TEST_DEVICE");
    SdModel *m = sd_open(path, &o, e);
    bool ok = sd_txt2img(m, r, out, e);
    sd_close(m);
    return ok;
}

static void check_tap(Golden *g, SdPrecision precision, const char *name, const float *values, const FileTensor *t,
                      const char *what) {
    if (precision == SD_F32_DIRECT) golden_check(g, name, values, t->nd, t->n, what);
    else if (precision == SD_F16) golden_check_within(g, name, values, t->nd, t->n, F16_RMS, F16_MAX, what);
    else if (precision == SD_BF16) golden_check_within(g, name, values, t->nd, t->n, BF16_RMS, BF16_MAX, what);
    else golden_check_within(g, name, values, t->nd, t->n, F32_RMS, F32_MAX, what);
}

void pipeline_golden(const char *golden, SdPrecision precision, const char *taps, const char *label) {
    Golden *g = golden_open(golden);
    Error e = {0};
    WeightFile *f = weight_file_open(taps, &e);
    if (!test_check(g && f, "%s: %s and its taps can be read", label, golden)) test_note("%s", e.text);
    const char *order = g && f ? golden_meta(g, "order") : NULL;
    while (order && *order) {
        char name[160];
        size_t n = strcspn(order, "\n");
        snprintf(name, sizeof name, "%.*s", (int)n, order);
        order += n + (order[n] == '\n');
        const FileTensor *t = weight_file_find(f, name);
        float *values = t ? malloc((size_t)(t->end - t->begin)) : NULL;
        char what[256];
        snprintf(what, sizeof what, "%s: %s", label, name);
        if (values && file_tensor_f32(f, t, values)) check_tap(g, precision, name, values, t, what);
        else test_check(false, "%s: %s is among the taps", label, name);
        free(values);
    }
    weight_file_close(f);
    golden_close(g);
}
