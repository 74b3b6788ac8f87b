/* hostile_tensors.c: a whole small model with one number, one line of its header, or its sdc.config changed. */
#define _XOPEN_SOURCE 700
#include "hostile.h"
#include "tests/harness/cli.h"
#include "tests/harness/make_model.h"
#include "tests/harness/test.h"
#include "weights/formats/weight_file.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_NAME "t.safetensors"
#define UNET "model.diffusion_model."
#define VAE "first_stage_model."
#define CLIP "cond_stage_model.transformer.text_model."
#define CONV UNET "input_blocks.1.0.in_layers.2.weight"

#define INFO "info t.safetensors --no-hash"
#define DRAW "txt2img -m t.safetensors -p x --seed 1 --steps 1 -o x.png -q"
#define TRAIN "train -m t.safetensors --data shapes:2 --out o.safetensors --steps 1 --batch-size 1"
#define F16_ "convert t.safetensors h.safetensors --dtype f16"
#define BF16_ "convert t.safetensors h.safetensors --dtype bf16"

/* --- one number: element `at` of an F32 tensor --- */

typedef struct {
    const char *name, *tensor;
    int at;
    float value;
    const char *args;
    int code;
    const char *words;
} Number;

#define ALPHAS "alphas_cumprod"
static const Number NUMBERS[] = {
    {"alpha-zero", ALPHAS, 999, 0, INFO, 1, "t.safetensors: alphas_cumprod[999] is 0|use another copy"},
    {"alpha-one", ALPHAS, 0, 1, INFO, 1, "alphas_cumprod[0] is 1"},
    {"alpha-tiny", ALPHAS, 999, 1e-40f, DRAW, 1, "alphas_cumprod[999] is 9.99995e-41"},
    {"alpha-negative", ALPHAS, 500, -0.1f, INFO, 1, "alphas_cumprod[500] is -0.1"},
    {"alpha-nan", ALPHAS, 7, NAN, DRAW, 1, "alphas_cumprod[7] is"},
    {"alpha-infinite", ALPHAS, 0, INFINITY, INFO, 1, "alphas_cumprod[0] is inf"},
    {"alpha-rises", ALPHAS, 500, 0.9f, INFO, 1, "alphas_cumprod[500] is 0.9, not below"},
    {"alpha-drops", ALPHAS, 0, 0.001f, INFO, 1, "alphas_cumprod[1]|not below"},
    {"unet-nan", CONV, 0, NAN, DRAW, 1, "U-Net|stopped being finite|down_blocks.0.resnets.0"},
    {"unet-infinite", UNET "out.2.weight", 5, -INFINITY, DRAW, 1, "U-Net|conv_out"},
    {"vae-nan", VAE "decoder.conv_in.weight", 0, NAN, DRAW, 1, "VAE|decoding"},
    {"clip-nan", CLIP "final_layer_norm.weight", 3, NAN, DRAW, 1, "finite"},
    {"train-unet-nan", CONV, 0, NAN, TRAIN, 1, CONV " holds|nan"},
    {"train-unet-infinite", UNET "out.2.bias", 0, INFINITY, TRAIN, 1, UNET "out.2.bias holds inf"},
    {"train-vae-nan", VAE "encoder.conv_in.weight", 0, NAN, TRAIN, 1, VAE "encoder.conv_in.weight holds"},
    {"train-the-vae", VAE "decoder.norm_out.bias", 0, -INFINITY, TRAIN " --train vae", 1,
     "decoder.norm_out.bias holds"},
    {"f16-million", CONV, 9, 1e6f, F16_, 1, CONV " holds 1000000|F16|65504|--clamp"},
    {"f16-negative", CLIP "encoder.layers.1.mlp.fc2.weight", 4, -65520, F16_, 1, "fc2.weight holds -65520"},
    {"bf16-largest", VAE "quant_conv.weight", 2, 3.4e38f, BF16_, 1, "quant_conv.weight holds 3.4e+38|BF16"},
};

static void put(size_t at, const void *bytes, size_t size) {
    FILE *f = fopen(cli_path(FILE_NAME), "r+b");
    bool ok = f && !fseek(f, (long)at, SEEK_SET) && fwrite(bytes, 1, size, f) == size;
    if (!f || fclose(f) || !ok) abort();
}

static void number(const WeightFile *w, const Number *n) {
    const FileTensor *t = weight_file_find(w, n->tensor);
    if (!t || t->dtype != F32 || n->at >= file_tensor_count(t)) abort();
    size_t at = w->data + t->begin + 4 * (size_t)n->at;
    float before;
    memcpy(&before, w->map + at, 4);
    put(at, &n->value, 4);
    HostileCase c = {.name = n->name, .args = n->args, .code = n->code, .words = n->words};
    hostile_case(&c);
    put(at, &before, 4);
}

/* --- the header: `from` becomes `to`, of the same length --- */

typedef struct {
    const char *name, *from, *to, *words;
} Edit;

static const Edit EDITS[] = {
    {"alphas-2000", "\"alphas_cumprod\":{\"dtype\":\"F32\",\"shape\":[1000]",
     "\"alphas_cumprod\":{\"dtype\":\"F16\",\"shape\":[2000]", "alphas_cumprod has 1 dimensions and 2000"},
    {"alphas-integers", "\"alphas_cumprod\":{\"dtype\":\"F32\"", "\"alphas_cumprod\":{\"dtype\":\"I32\"",
     "alphas_cumprod is I32"},
    {"renamed", "out.2.weight\":", "out.3.weight\":", "1 of|missing|out.2.weight is missing"},
    {"turned", "[32,4,3,3]", "[4,32,3,3]",
     "1 have another shape|input_blocks.0.0.weight is F32 [4,32,3,3], not [32,4,3,3]"},
    {"flat", "input_blocks.0.0.weight\":{\"dtype\":\"F32\",\"shape\":[32,4,3,3]",
     "input_blocks.0.0.weight\":{\"dtype\":\"F32\",\"shape\":[1152    ]", "input_blocks.0.0.weight is F32 [1152]"},
    {"integers", "out.2.bias\":{\"dtype\":\"F32\"", "out.2.bias\":{\"dtype\":\"U32\"", "out.2.bias is U32 [4]"},
    {"no-vae", "first_stage_model.decoder.conv_in.weight", "first_stage_model.decoder.conv_ix.weight",
     "conv_in.weight is missing"},
    {"sdc-family", "\\\"family\\\":\\\"SD 1.x\\\"", "\\\"family\\\":         1", "family|no text"},
};

static void edit(const WeightFile *w, const Edit *d) {
    size_t n = strlen(d->from);
    const char *header = (const char *)w->map, *at = NULL;
    for (size_t i = 8; i + n < w->data && !at; i++)
        if (!memcmp(header + i, d->from, n)) at = header + i;
    if (!test_check(at && strlen(d->to) == n, "%s: fits the header", d->name)) return;
    put((size_t)(at - header), d->to, n);
    HostileCase c = {.name = d->name, .args = INFO, .code = 1, .words = d->words};
    hostile_case(&c);
    put((size_t)(at - header), d->from, n);
}

/* --- sdc.config: a file of nothing but that --- */

typedef struct {
    const char *name, *config, *words;
} Config;

#define SMALL                                                                                                          \
    "\"unet\":{\"channels\":32,\"mult\":[1,1],\"levels\":2,\"groups\":8,\"heads\":4,\"context\":32},"                  \
    "\"clip\":{\"width\":32,\"heads\":4}"

static const Config CONFIGS[] = {
    {"mult-first", "{\"unet\":{\"mult\":[2,2,4,4]}}", "unet.mult[0] is 2, not 1"},
    {"mult-zero", "{\"unet\":{\"mult\":[1,0,4,4]}}", "no channels"},
    {"mult-short", "{\"unet\":{\"mult\":[1,2]}}", "no channels"},
    {"mult-long", "{\"unet\":{\"mult\":[1,1,1,1,1,1,1,1,1]}}", "unet.mult|eight"},
    {"mult-negative", "{\"unet\":{\"mult\":[1,-2,4,4]}}", "unet.mult"},
    {"mult-half", "{\"unet\":{\"mult\":[1,1.5,2,2]}}", "unet.mult"},
    {"mult-number", "{\"unet\":{\"mult\":4}}", "unet.mult|list"},
    {"channels-odd", "{\"unet\":{\"channels\":33,\"groups\":1,\"heads\":1}}", "odd"},
    {"channels-huge", "{\"unet\":{\"channels\":4096,\"mult\":[1,2,4,64]}}", "16384"},
    {"channels-overflow", "{\"unet\":{\"channels\":4294967616}}", "unet.channels"},
    {"channels-text", "{\"unet\":{\"channels\":\"320\"}}", "unet.channels|whole number"},
    {"groups-zero", "{\"unet\":{\"groups\":0}}", "unet.groups"},
    {"groups-remain", "{\"unet\":{\"groups\":33}}", "norm groups"},
    {"heads-none", "{\"unet\":{\"heads\":0,\"head_dim\":0}}", "heads"},
    {"heads-remain", "{\"unet\":{\"heads\":7}}", "heads"},
    {"head-wide", "{\"unet\":{\"heads\":1,\"channels\":2560,\"mult\":[1,1,1,1]}}", "2048"},
    {"depth-huge", "{\"unet\":{\"depth\":[65,1,1,1]}}", "unet.depth"},
    {"middle-none", "{\"unet\":{\"middle_depth\":-2}}", "unet.middle_depth"},
    {"levels-nine", "{\"unet\":{\"levels\":9}}", "unet.levels"},
    {"blocks-many", "{\"unet\":{\"res_blocks\":16}}", "unet.res_blocks"},
    {"context-other", "{\"unet\":{\"context\":1024}}", "hidden_size) is 768|1024"},
    {"flag-number", "{\"unet\":{\"linear_projection\":1}}", "unet.linear_projection"},
    {"part-number", "{\"unet\":5}", "\"unet\"|no object"},
    {"vae-mult", "{\"vae\":{\"mult\":[0,1,2,4]}}", "VAE"},
    {"vae-groups", "{\"vae\":{\"groups\":48}}", "VAE"},
    {"vae-base", "{\"vae\":{\"channels\":20,\"mult\":[8,8,8,8]}}", "VAE"},
    {"vae-wide", "{\"vae\":{\"channels\":4096}}", "2048"},
    {"vae-blocks", "{\"vae\":{\"res_blocks\":8}}", "vae.res_blocks"},
    {"vae-latent", "{\"vae\":{\"latent\":16}}", "latents"},
    {"vae-scale", "{\"vae\":{\"scale\":0}}", "vae.scale"},
    {"vae-scale-nan", "{\"vae\":{\"scale\":NaN}}", "sdc.config|JSON"},
    {"clip-heads", "{\"clip\":{\"heads\":7}}", "heads"},
    {"clip-positions", "{\"clip\":{\"positions\":248}}", "clip.positions"},
    {"clip-words", "{\"clip\":{\"vocabulary\":2}}", "clip.vocabulary"},
    {"clip-layers", "{\"clip\":{\"layers\":-1}}", "clip.layers"},
    {"clip-wide", "{\"clip\":{\"heads\":1,\"width\":8192},\"unet\":{\"context\":8192}}", "2048"},
    {"width", "{\"width\":-8}", "\"width\""},
    {"steps", "{\"steps\":1e9}", "\"steps\""},
    {"cfg", "{\"cfg\":1e400}", "\"cfg\""},
    {"twice", "{\"cfg\":1,\"cfg\":2}", "occurs twice"},
    {"list", "[]", "no object"},
    {"deep", "{\"x\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", "64 levels"},
    {"empty-file", "{" SMALL "}", "|missing|cond_stage_model.transformer.text_model"},
    {"huge-networks",
     "{\"unet\":{\"channels\":4096,\"levels\":8,\"mult\":[1,1,1,1,1,1,1,1],\"depth\":[64,64,64,64,64,64,64,64],"
     "\"res_blocks\":15,\"middle_depth\":64}}",
     "does not fit|tensors at least, it holds 3"},
};

static void config(const Config *k) {
#define KEY(name) "\"" name "\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]},"
    char text[2048] = "........{" KEY(UNET "input_blocks.0.0.weight") KEY(VAE "decoder.conv_in.weight")
        KEY(CLIP "embeddings.token_embedding.weight") "\"__metadata__\":{\"sdc.config\":\"";
    size_t n = strlen(text);
    for (const char *p = k->config; *p; p++) {
        if (*p == '"') text[n++] = '\\';
        text[n++] = *p;
    }
    n += (size_t)sprintf(text + n, "\"}}");
    for (int i = 0; i < 8; i++) text[i] = (char)((n - 8) >> (8 * i));
    HostileCase c = {k->name, "k.safetensors", text, n, "info k.safetensors", 1, k->words};
    hostile_case(&c);
}

/* Known only once the first step is computed, which takes more memory than a refusal may. */
static void late(const WeightFile *w, const char *tensor, const char *words) {
    const FileTensor *t = weight_file_find(w, tensor);
    const float huge = 1e38f;
    float before;
    memcpy(&before, w->map + w->data + t->begin, 4);
    put(w->data + t->begin, &huge, 4);
    CliRun r = cli(TRAIN);
    test_check(r.code == 1 && cli_holds(r.err, words) && cli_holds(r.err, tensor), "training with a huge %s", tensor);
    cli_tell(&r);
    cli_free(&r);
    put(w->data + t->begin, &before, 4);
}

/* What converts all the same, with a word. */
static void warned(const WeightFile *w) {
    const FileTensor *t = weight_file_find(w, CONV);
    const float odd[2] = {NAN, 1e6f};
    put(w->data + t->begin, odd, sizeof odd);
    CliRun r = cli(F16_ " --clamp");
    Error e = {0};
    WeightFile *half = weight_file_open(cli_path("h.safetensors"), &e);
    const FileTensor *to = half ? weight_file_find(half, CONV) : NULL;
    double v[10] = {0}; /* [32,32,3,3] became [32,3,3,32]: the second number is 32 further on */
    bool clamped =
        to && file_tensor_f64(half, to, 0, 1, v) && isnan(v[0]) && file_tensor_f64(half, to, 32, 1, v) && v[0] == 65504;
    test_check(r.code == 0 && cli_holds(r.err, "1 weights are infinite or NaN|1 weights were clamped|" CONV) && clamped,
               "a NaN and a million in f16, clamped");
    cli_tell(&r);
    cli_free(&r);
    weight_file_close(half);
    remove(cli_path("h.safetensors"));
}

/* A hundred thousand empty tensors, with names of `length`. */
static void many(const char *name, int count, int length) {
    char *text = malloc(64 + (size_t)count * (size_t)(length + 64));
    if (!text) abort();
    size_t n = (size_t)sprintf(text, "........{");
    for (int i = 0; i < count; i++)
        n += (size_t)sprintf(text + n, "%s\"%0*d\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}",
                             i ? "," : "", length, i);
    text[n++] = '}';
    for (int i = 0; i < 8; i++) text[i] = (char)((n - 8) >> (8 * i));
    HostileCase c = {name, "k.safetensors", text, n, "info k.safetensors", 1, "holds no Stable Diffusion checkpoint"};
    hostile_case(&c);
    free(text);
}

HOSTILE(tensors) {
    Error e = {0};
    MakeModel spec = {.size = MODEL_MICRO, .dtype = F32, .buffers = true};
    if (!make_model(cli_path(FILE_NAME), spec)) abort();
    WeightFile *w = weight_file_open(cli_path(FILE_NAME), &e);
    if (!w) abort();
    for (size_t i = 0; i < sizeof NUMBERS / sizeof *NUMBERS; i++) number(w, &NUMBERS[i]);
    for (size_t i = 0; i < sizeof EDITS / sizeof *EDITS; i++) edit(w, &EDITS[i]);
    for (size_t i = 0; i < sizeof CONFIGS / sizeof *CONFIGS; i++) config(&CONFIGS[i]);
    hostile_case(
        &(HostileCase){.name = "train-large",
                       .args = "train -m \"$B\" --data shapes:2 --size 1024 --train vae --out o.safetensors --steps 1",
                       .code = 2,
                       .words = "pictures of 1024 pixels|692|--size"});
    many("many-names", 100000, 50);
    many("long-names", 20, 1000000);
    late(w, VAE "encoder.norm_out.weight", "the VAE's latents of a picture are not finite|1e+38");
    late(w, CLIP "final_layer_norm.weight", "the loss of step 1 is not finite|1e+38");
    warned(w);
    weight_file_close(w);
    remove(cli_path(FILE_NAME));
}
