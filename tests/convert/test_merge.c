/* test_merge.c: sums of models have torch's bits (known_merge.inc, by tools/dev/check_merge.py) and the webui's rules.
 */
#include "sd/convert/merge_math.h"
#include "sd/image/codecs/crc32.h"
#include "sd/sd.h"
#include "tests/harness/make_model.h"
#include "tests/harness/test.h"
#include "weights/formats/weight_file.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- the numbers --- */

enum { COUNT = 64 };

static const struct {
    SdMergeMode mode;
    DType a, b, c;
    double ratio;
    uint32_t crc;
} KNOWN[] = {
#include "tests/load/known_merge.inc"
};

static void numbers(double *out, int seed, DType t) {
    char typed[COUNT * sizeof(double)];
    for (int i = 0; i < COUNT; i++) {
        uint32_t h = (uint32_t)i * 2654435761u + (uint32_t)seed * 40504u;
        out[i] = t == I64 ? (double)((int64_t)(h % 100000) - 50000) : ldexp(h * 0x1p-31 - 1, i % 29 - 20);
    }
    if (t == I64) return;
    merge_narrow(typed, out, t, COUNT);
    merge_widen(out, typed, t, COUNT);
}

static void known(void) {
    for (size_t i = 0; i < sizeof KNOWN / sizeof *KNOWN; i++) {
        DType a = KNOWN[i].a, b = KNOWN[i].b, c = KNOWN[i].c, to;
        bool weighted = KNOWN[i].mode == SD_MERGE_WEIGHTED;
        double x[COUNT], y[COUNT], z[COUNT];
        char out[COUNT * sizeof(double)];
        numbers(x, 1, a);
        numbers(y, 2, b);
        numbers(z, 3, c);
        to = weighted ? merge_type_weighted(a, b) : merge_type_difference(a, b, c);
        if (weighted) merge_weighted(x, x, a, y, b, KNOWN[i].ratio, COUNT);
        else merge_difference(x, x, a, y, b, z, c, KNOWN[i].ratio, COUNT);
        merge_narrow(out, x, to, COUNT);
        test_check(crc32_update(0, out, dtype_bytes(to, COUNT)) == KNOWN[i].crc, "%s: torch's sum of %s, %s and %s, %g",
                   weighted ? "weighted" : "add-difference", dtype_name(a), dtype_name(b), dtype_name(c),
                   KNOWN[i].ratio);
    }
}

/* --- files --- */

#define CONV_IN "model.diffusion_model.input_blocks.0.0.weight"
#define BIAS "model.diffusion_model.out.2.bias"
#define POSITIONS "cond_stage_model.transformer.text_model.embeddings.position_ids"

#define AVERAGE "model_ema.diffusion_modelout2bias"

/* A model whose numbers are all `value`. */
typedef struct {
    double value;
    const char *nan; /* a tensor that is NaN; NULL: none */
    int channels;    /* that the U-Net takes; 0: 4 */
    bool ema;        /* with moving averages */
} Edit;

static void edit(void *user, MadeTensors *l) {
    const Edit *how = user;
    for (size_t i = 0; i < l->count; i++) {
        MadeTensor *t = &l->at[i];
        if (*t->source) t->values = VALUES_ALL, t->value = how->value;
        if (how->nan && !strcmp(t->name, how->nan)) t->value = NAN;
    }
}

static void make(const char *path, Edit how, DType type) {
    SdConfig k = tiny_config();
    if (how.channels) k.unet.in_channels = how.channels;
    test_check(make_model_of(path, (MakeModel){.dtype = type, .ema = how.ema, .edit = edit, .user = &how}, k),
               "a model is written");
}

/* The number at place `at` of a tensor; NaN where there is none. */
static double number(const WeightFile *f, const char *name, int64_t at) {
    const FileTensor *t = f ? weight_file_find(f, name) : NULL;
    double v = NAN;
    if (t) file_tensor_f64(f, t, at, 1, &v);
    return v;
}

static DType type_of(const WeightFile *f, const char *name) {
    const FileTensor *t = f ? weight_file_find(f, name) : NULL;
    return t ? t->dtype : DTYPE_COUNT;
}

static bool says(const WeightFile *f, const char *key, const char *words) {
    const char *text = f ? weight_file_meta(f, key) : NULL;
    return text && strstr(text, words);
}

typedef struct {
    char a[1024], b[1024], c[1024], out[1024];
} Names;

static WeightFile *merged(const Names *n, int count, SdMerge how, SdMerged *done) {
    const char *const in[3] = {n->a, count > 1 ? n->b : NULL, count > 2 ? n->c : NULL};
    Error e = {0};
    bool ok = sd_merge(in, n->out, &how, done, &e);
    WeightFile *f = ok ? weight_file_open(n->out, &e) : NULL;
    test_check(f != NULL, "%d models are merged", count);
    test_note("%s", e.text);
    return f;
}

static void weighted(const Names *n) {
    SdMerged d;
    make(n->a, (Edit){.value = 1, .ema = true}, F32);
    make(n->b, (Edit){.value = 3}, F16);
    WeightFile *f = merged(n, 2, (SdMerge){.ratio = 0.25}, &d);
    test_check(type_of(f, CONV_IN) == F32 && number(f, CONV_IN, 0) == 1.5 && number(f, CONV_IN, 287) == 1.5,
               "weighted: 0.75 A + 0.25 B");
    test_check(type_of(f, POSITIONS) == I64 && number(f, POSITIONS, 76) == 76, "SD 1's positions stay whole numbers");
    test_check(number(f, AVERAGE, 0) == 1 && d.kept > 60, "what A alone has is kept");
    test_check(says(f, "sd_merge_recipe", "\"interp_method\": \"Weighted sum\", \"multiplier\": 0.25, ") &&
                   says(f, "sd_merge_models", "\"name\": \"a.safetensors\", \"legacy_hash\": \"") &&
                   says(f, "format", "pt"),
               "the file says what it is made of");
    weight_file_close(f);
    f = merged(n, 2, (SdMerge){.ratio = 0.25, .half = true, .discard = "model_ema.*"}, &d);
    test_check(type_of(f, CONV_IN) == F16 && !weight_file_find(f, AVERAGE) && d.discarded == d.kept,
               "half, and without moving averages");
    test_check(says(f, "sd_merge_recipe", "\"discard_weights\": \"^model_ema\\\\..*$\""),
               "the pattern as the webui has it");
    weight_file_close(f);
    f = merged(n, 1, (SdMerge){.mode = SD_MERGE_NONE, .half = true}, &d);
    test_check(type_of(f, AVERAGE) == F16 && number(f, AVERAGE, 0) == 1 && !d.merged, "one model, halved whole");
    weight_file_close(f);
}

static void difference(const Names *n) {
    SdMerged d;
    make(n->b, (Edit){.value = 3, .ema = true}, F16);
    make(n->c, (Edit){.value = 2}, F32);
    WeightFile *f = merged(n, 3, (SdMerge){.mode = SD_MERGE_ADD_DIFFERENCE, .ratio = 0.5}, &d);
    test_check(number(f, CONV_IN, 0) == 1.5, "add-difference: A + 0.5 (B - C)");
    test_check(number(f, AVERAGE, 0) == 1, "what C lacks adds nothing");
    weight_file_close(f);
    Names same = *n;
    strcpy(same.b, n->a), strcpy(same.c, n->a);
    f = merged(&same, 3, (SdMerge){.mode = SD_MERGE_ADD_DIFFERENCE, .ratio = 1}, &d);
    test_check(number(f, CONV_IN, 5) == 1, "one file three times");
    weight_file_close(f);
    /* a merge of a merge tells of both */
    make(n->b, (Edit){.value = 3}, F16);
    Names again = *n;
    snprintf(again.a, sizeof again.a, "%s", n->out);
    snprintf(again.out, sizeof again.out, "%s", test_path("again.safetensors"));
    f = merged(&again, 2, (SdMerge){.ratio = 0.5}, &d);
    test_check(says(f, "sd_merge_models", "a.safetensors") && says(f, "sd_merge_models", "out.safetensors") &&
                   says(f, "sd_merge_models", "\"sd_merge_recipe\": {\"type\": \"sd.c\""),
               "a merge of a merge tells of both");
    weight_file_close(f);
}

static void channels(const Names *n) {
    SdMerged d;
    make(n->a, (Edit){.value = 1, .channels = 9}, F16);
    WeightFile *f = merged(n, 2, (SdMerge){.ratio = 0.5}, &d);
    test_check(d.inpainting && number(f, CONV_IN, 35) == 2 && number(f, CONV_IN, 36) == 1 &&
                   number(f, CONV_IN, 80) == 1 && number(f, CONV_IN, 81) == 2,
               "of nine channels the first four are merged");
    weight_file_close(f);
    make(n->a, (Edit){.value = 1, .channels = 8}, F16);
    f = merged(n, 2, (SdMerge){.ratio = 0.5}, &d);
    test_check(d.pix2pix && number(f, CONV_IN, 35) == 2 && number(f, CONV_IN, 36) == 1 && number(f, CONV_IN, 72) == 2,
               "of eight, too");
    weight_file_close(f);
}

static void bake(const Names *n) {
    SdMerged d;
    WeightFile *f = merged(n, 1, (SdMerge){.mode = SD_MERGE_NONE, .vae = n->c}, &d);
    test_check(number(f, "first_stage_model.decoder.conv_in.weight", 3) == 2 && number(f, BIAS, 0) == 1 && d.baked > 60,
               "another VAE is baked in");
    test_check(says(f, "sd_merge_recipe", "\"bake_in_vae\": \"c.safetensors\""), "and named");
    weight_file_close(f);

    Error e = {0};
    const int64_t wanted = d.baked;
    char folder[600], fast[600];
    snprintf(folder, sizeof folder, "%s", test_path("vae-folder"));
    snprintf(fast, sizeof fast, "%s", test_path("vae-fast.safetensors"));
    test_check(sd_convert(n->c, folder, &(SdConvert){.layout = "diffusers"}, NULL, &e) &&
                   sd_convert(n->c, fast, NULL, NULL, &e),
               "the VAE's model becomes a folder and a converted file");
    test_note("%s", e.text);
    const char *const from[] = {folder, fast};
    for (int i = 0; i < 2; i++) {
        f = merged(n, 1, (SdMerge){.mode = SD_MERGE_NONE, .vae = from[i]}, &d);
        test_check(number(f, "first_stage_model.decoder.conv_in.weight", 3) == 2 && d.baked == wanted,
                   "baked in from %s", strrchr(from[i], '/') + 1);
        weight_file_close(f);
    }
}

static void refused(const char *what, const char *const in[3], const char *out, SdMerge how, const char *words) {
    Error e = {0};
    test_check(!sd_merge(in, out, &how, NULL, &e) && strstr(e.text, words), "refused: %s", what);
    test_note("%s", e.text);
}

static void hostile(const Names *n) {
    SdMerged d;
    char xl[1024];
    snprintf(xl, sizeof xl, "%s", test_path("xl.safetensors"));
    make_model_of(xl, (MakeModel){.dtype = F16}, micro_sdxl_config());
    make(n->a, (Edit){.value = 1, .nan = BIAS}, F32);
    WeightFile *f = merged(n, 2, (SdMerge){.ratio = 0.5}, &d);
    test_check(d.not_finite == 4 && !strcmp(d.tensor, BIAS), "NaNs are counted and named");
    weight_file_close(f);
    make(n->a, (Edit){.value = 70000}, F32);
    const char *const two[3] = {n->a, n->b, NULL}, *const families[3] = {n->b, xl, NULL},
                      *const turned[3] = {n->b, n->a, NULL};
    refused("more than F16 holds", two, n->out, (SdMerge){.ratio = 0, .half = true}, "more than F16 can");
    refused("two families", families, n->out, (SdMerge){.ratio = 0.5}, "is SDXL, and");
    refused("three models where two are needed", two, n->out, (SdMerge){.mode = SD_MERGE_ADD_DIFFERENCE},
            "takes 3 models");
    refused("a ratio of 2", two, n->out, (SdMerge){.ratio = 2}, "ratio: 2");
    refused("NaN", two, n->out, (SdMerge){.ratio = NAN}, "ratio");
    refused("onto a model", two, n->b, (SdMerge){.ratio = 0.5}, "is a file of a model that is merged");
    refused("a pattern that nothing matches", two, n->out, (SdMerge){.ratio = 0.5, .discard = "nobody"},
            "matches no name");
    refused("a VAE of another size", two, n->out, (SdMerge){.ratio = 0.5, .vae = xl}, "is no VAE for this model");
    make(n->a, (Edit){.value = 1, .channels = 9}, F16);
    refused("an inpainting model as the second", turned, n->out, (SdMerge){.ratio = 0.5}, "must be the first");
    make_model(n->a, (MakeModel){.dtype = F16});
    refused("models of two sizes", two, n->out, (SdMerge){.ratio = 0.5}, "merge models of one kind");
}

SUITE(merge, .seconds = 2) {
    Names n;
    snprintf(n.a, sizeof n.a, "%s", test_path("a.safetensors"));
    snprintf(n.b, sizeof n.b, "%s", test_path("b.safetensors"));
    snprintf(n.c, sizeof n.c, "%s", test_path("c.safetensors"));
    snprintf(n.out, sizeof n.out, "%s", test_path("out.safetensors"));
    known();
    weighted(&n);
    difference(&n);
    channels(&n);
    bake(&n);
    hostile(&n);
}
