/* test_extract.c: `sdc extract`: a LoRA that was baked in comes out again; fewer values leave the least error that
 * there is; names as kohya's scripts have them. tools/dev/check_extract.py compares with torch's SVD. */
#include "tests/load/made_network.h"

#include "sd/convert/thin_svd.h"
#include "tests/harness/cli.h"
#include "tests/harness/make_model.h"
#include "tests/harness/test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- the decomposition, of a matrix whose values are known --- */

enum { ROWS = 40, COLUMNS = 300, VALUES = 6 };

/* m = the sum of VALUES * 2^-k times cosines of k + 1 periods over rows and columns, which are orthogonal. */
static void check_values(void) {
    static float m[ROWS * COLUMNS], turned[ROWS * COLUMNS], left[4 * ROWS], right[4 * COLUMNS];
    double values[4], off = 0;
    ThreadPool *pool = pool_new(2, NULL);
    for (int o = 0; o < ROWS; o++)
        for (int c = 0; c < COLUMNS; c++) {
            double sum = 0;
            for (int k = 0; k < VALUES; k++)
                sum += ldexp(1, -k) * cos(6.283185307179586 * (k + 1) * o / ROWS) *
                       cos(6.283185307179586 * (k + 1) * c / COLUMNS);
            m[o * COLUMNS + c] = turned[c * ROWS + o] = (float)sum;
        }
    ThinSvd s = {.m = m,
                 .turned = turned,
                 .rows = ROWS,
                 .columns = COLUMNS,
                 .values = values,
                 .left = left,
                 .right = right,
                 .rank = 4};
    bool ok = pool && thin_svd(&s, pool);
    for (int k = 0; ok && k < 4; k++) { /* a cosine over n points has the length sqrt(n / 2) */
        double want = ldexp(1, -k) * sqrt(ROWS / 2.0 * COLUMNS / 2.0), product = 0,
               first = left[k * ROWS] * right[k * COLUMNS];
        off = fmax(off, fabs(values[k] / want - 1));
        for (int c = 0; c < COLUMNS; c++) product += (double)right[k * COLUMNS + c] * right[k * COLUMNS + c];
        off = fmax(off, fabs(product - 1));
        off = fmax(off, fabs(first * sqrt(ROWS / 2.0 * COLUMNS / 2.0) - 1));
    }
    test_check(ok && off < 1e-5, "the four largest of six singular values, and their vectors");
    test_note("%.3g off", off);
    pool_free(pool);
}

/* --- models --- */

static bool bake(const char *model, const char *lora, const char *out, Error *e) {
    const char *in[3] = {model, NULL, NULL};
    const SdNetwork n = {lora, 1, 1, 0};
    return sd_merge(in, out, &(SdMerge){.mode = SD_MERGE_NONE, .networks = &n, .network_count = 1}, NULL, e);
}

/* The largest difference of a tensor in two files, relative to its largest number; 1: it is not there. */
static double apart(const char *a, const char *b, const char *name) {
    WeightFile *f = weight_file_open(a, NULL), *g = weight_file_open(b, NULL);
    const FileTensor *t = f ? weight_file_find(f, name) : NULL, *u = g ? weight_file_find(g, name) : NULL;
    double most = 0, largest = 0;
    for (int64_t i = 0; t && u && i < file_tensor_count(t); i++) {
        double x, y;
        file_tensor_f64(f, t, i, 1, &x), file_tensor_f64(g, u, i, 1, &y);
        most = fmax(most, fabs(x - y)), largest = fmax(largest, fabs(x));
    }
    weight_file_close(f), weight_file_close(g);
    return t && u && largest > 0 ? most / largest : 1;
}

#define W_LINEAR "model.diffusion_model.input_blocks.1.1.transformer_blocks.0.attn1.to_q.weight"
#define W_CONV "model.diffusion_model.input_blocks.1.0.in_layers.2.weight"

static void check_models(void) {
    const char *a = test_path("a.safetensors"), *b = test_path("b.safetensors"), *c = test_path("c.safetensors");
    const char *out = test_path("out.safetensors"), *second = test_path("second.safetensors");
    Error e = {0};
    SdExtracted done;
    make_micro_model(a, F32);
    MadeNetwork n = {.count = 0};
    MadeWeight w = {32, 32, 1, calloc(32 * 32, sizeof(double))},
               conv = {32, 32, 9, calloc(32 * 32 * 9, sizeof(double))};
    made_lora(&n, "lora_unet_" LINEAR, w);
    made_lora(&n, "lora_unet_" CONV, conv);
    made_part(&n, "lora_unet_" NORM, ".w_norm", 1, SHAPE(32), 0);
    made_part(&n, "lora_unet_" NORM, ".b_norm", 1, SHAPE(32), 0);
    const char *lora = made_save(&n, "baked.safetensors", NULL, 0);
    bool ok = bake(a, lora, b, &e) && sd_extract(a, b, out, &(SdExtract){3, 3, "f32"}, &done, &e);
    test_check(ok && done.modules == 2 && done.left == 2 && done.share > 1 - 1e-6,
               "two layers, and a norm's two tensors that a LoRA does not hold");
    test_note("%lld, %lld, %.9g; %s", (long long)done.modules, (long long)done.left, done.share, e.text);
    double off = ok && bake(a, out, c, &e) ? fmax(apart(b, c, W_LINEAR), apart(b, c, W_CONV)) : 1;
    test_check(off < 1e-6, "with the LoRA the model is the other one");
    test_note("%.3g off; %s", off, e.text);
    WeightFile *f = weight_file_open(out, &e);
    const FileTensor *down = f ? weight_file_find(f, "lora_unet_down_blocks_0_resnets_0_conv1.lora_down.weight") : NULL;
    test_check(down && down->nd == 4 && down->n[0] == 3 && down->n[3] == 3,
               "under kohya's names, a convolution's taps in down");
    const char *name = f ? weight_file_meta(f, "ss_output_name") : NULL;
    test_check(name && !strcmp(name, "out"), "prompts may call it as its file");
    weight_file_close(f);
    ok = sd_extract(a, b, second, &(SdExtract){3, 0, "f32"}, &done, &e);
    test_check(ok && done.modules == 1 && done.left == 3, "convolutions are left out on request");
    ok = sd_extract(a, b, second, &(SdExtract){2, 2, NULL}, &done, &e);
    test_check(ok && done.share > 0.5 && done.share < 1 - 1e-4, "fewer values have less of the difference");
    test_note("%.9g", done.share);
    test_check(!sd_extract(a, a, second, &(SdExtract){2, 2, NULL}, &done, &e) && cli_holds(e.text, "nothing to write"),
               "two equal models make none");
    free(w.w), free(conv.w);
    made_free(&n);
}

/* open_clip's fused projection becomes three modules. */
static void check_fused(void) {
    const char *a = test_path("two_a.safetensors"), *b = test_path("two_b.safetensors"),
               *out = test_path("two.safetensors");
    Error e = {0};
    SdExtracted done;
    make_model_of(a, (MakeModel){.dtype = F32}, micro_sd2_config());
    MadeNetwork n = {.count = 0};
    MadeWeight w = {32, 32, 1, calloc(32 * 32, sizeof(double))};
    static const char NAME[] = "lora_te_text_model_encoder_layers_0_self_attn_k_proj";
    made_lora(&n, NAME, w);
    bool ok = bake(a, made_save(&n, "k.safetensors", NULL, 0), b, &e) &&
              sd_extract(a, b, out, &(SdExtract){3, 3, "f32"}, &done, &e);
    WeightFile *f = ok ? weight_file_open(out, &e) : NULL;
    test_check(f && done.modules == 1 &&
                   weight_file_find(f, "lora_te_text_model_encoder_layers_0_self_attn_k_proj.alpha"),
               "rows of open_clip's projection are k_proj");
    test_note("%lld; %s", (long long)done.modules, e.text);
    weight_file_close(f);
    free(w.w);
    made_free(&n);
}

SUITE(extract, .seconds = 1) {
    check_values();
    check_models();
    check_fused();
}
