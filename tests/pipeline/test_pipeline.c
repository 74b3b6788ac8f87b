/* test_pipeline.c: from a file and a prompt to a picture, through the public interface, against PyTorch's whole
 * pipeline at micro size: every tap of every step, every layout and type of file, and the promises about batches and
 * threads. */
#include "sd/pipeline/plan.h"
#include "sd/pipeline/stages.h"
#include "weights/formats/weight_file.h"
#include "tools/ledger/generated.h"
#include "tests/harness/golden.h"
#include "tests/harness/few.h"
#include "tests/harness/make_model.h"
#include "pipeline.h"
#include "tests/harness/test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool same_pictures(const SdResult *a, int i, const SdResult *b, int j) {
    if (i >= a->count || j >= b->count) return false;
    const SdPicture *p = &a->pictures[i], *q = &b->pictures[j];
    return p->width == q->width && p->height == q->height &&
           !memcmp(p->rgb, q->rgb, (size_t)p->width * (size_t)p->height * 3);
}

static void goldens(const char *model) {
    static const char *const NAMES[] = {"micro_euler_64",     "micro_euler_64_seed43", "micro_euler_a_64",
                                        "micro_ddim_64",      "micro_euler_h72_w104",  "micro_euler_a_h72_w104",
                                        "micro_ddim_h72_w104"};
    for (size_t i = 0; i < 2 * sizeof NAMES / sizeof *NAMES; i += test_few() ? 7 : 1)
        pipeline_ledger(model, NAMES[i / 2], "cpu", i % 2 ? SD_F32_DIRECT : SD_F32);
    pipeline_ledger(model, "micro_img2img_euler", "cpu", SD_F32);
    if (!test_few()) pipeline_ledger(model, "micro_img2img_ddim", "cpu", SD_F32);
}

/* img2img: a sample of the encoder's distribution is not its mean; batches; how many steps a strength runs. */
static void img2img(const char *model) {
    enum { SIDE = 64 };
    static uint8_t rgb[SIDE * SIDE * 3];
    for (int i = 0; i < PIPELINE_CASE_COUNT; i++) {
        const PipelineCase *k = &PIPELINE_CASES[i];
        if (!(k->strength > 0) || k->change || k->model) continue;
        SdRequest r = pipeline_case_request(k, rgb);
        SdResult out = {0}, again = {0}, batch = {0};
        Error e = {0};
        SdModel *m = sd_open(model, NULL, &e);
        bool mean = sd_img2img(m, &r, &out, &e);
        r.encode = SD_ENCODE_SAMPLE;
        bool sampled = mean && sd_img2img(m, &r, &again, &e);
        test_check(sampled && !same_pictures(&out, 0, &again, 0), "%s: a sample is not the mean", k->golden);
        r.batch_size = 2, r.seed = 41;
        test_check(sd_img2img(m, &r, &batch, &e) && same_pictures(&batch, 1, &again, 0),
                   "%s: pictures of a batch equal those alone", k->golden);
        test_note("%s", e.text);
        sd_free(&batch);
        sd_free(&out);
        sd_free(&again);
        sd_close(m);
    }
    Error e = {0};
    SdModel *m = sd_open(model, NULL, &e);
    static const struct {
        SdSteps how;
        double strength;
        int latents; /* steps whose latents are tapped */
    } COUNTS[] = {{SD_STEPS_WEBUI, 0.75, 16},
                  {SD_STEPS_WEBUI, 1, 20},
                  {SD_STEPS_WEBUI, 0, 1},
                  {SD_STEPS_DIFFUSERS, 0.75, 15},
                  {SD_STEPS_EXACT, 0.75, 20}};
    for (size_t i = 0; i < sizeof COUNTS / sizeof *COUNTS; i++) {
        SdRequest r = pipeline_request("Euler", 1, SIDE, SIDE);
        SdResult out = {0};
        r.image = rgb, r.image_width = r.image_height = SIDE;
        r.steps = 20, r.strength = COUNTS[i].strength, r.strength_steps = COUNTS[i].how;
        r.taps = test_path("img2img_taps.safetensors"), r.tap = "latents.step*";
        bool ok = sd_img2img(m, &r, &out, &e);
        WeightFile *f = ok ? weight_file_open(r.taps, &e) : NULL;
        test_check(f && (int)f->count == COUNTS[i].latents, "strength %g of 20 steps runs %d", r.strength,
                   COUNTS[i].latents);
        if (f) test_note("it ran %d", (int)f->count);
        weight_file_close(f);
        sd_free(&out);
    }
    sd_close(m);
}

/* The encoder alone takes the memory that was planned. */
static void encoder(const char *path) {
    static const int SIZES[][2] = {{64, 64}, {40, 56}};
    Error e = {0};
    SdModel *m = sd_open(path, NULL, &e);
    if (!test_check(m && model_load(m, PART_ENCODER, &e), "the encoder loads")) test_note("%s", e.text);
    for (int i = 0; m && i < 2; i++) {
        int h = SIZES[i][0], w = SIZES[i][1];
        Arena plan = {0}, arena = {0};
        Ctx c = {.op = plan_ops(), .arena = &plan};
        vae_encode(&c, tensor_view(NULL, F32, 4, SHAPE(1, h / 8, w / 8, 8)), &m->encoder,
                   tensor_view(NULL, F32, 4, SHAPE(1, h, w, 3)));
        arena_init(&arena, plan.peak, &e);
        size_t pixels = (size_t)h * (size_t)w;
        float *planes = malloc(pixels * 3 * sizeof *planes), *image = malloc(pixels * 3 * sizeof *image);
        float *moments = malloc(pixels / 64 * 8 * sizeof *moments);
        gen_input(planes, "micro.image", (int64_t)pixels * 3, 0.57735026, 0);
        to_channels_last(image, planes, 1, 3, (int64_t)pixels);
        Tensor out = tensor_view(moments, F32, 4, SHAPE(1, h / 8, w / 8, 8));
        c = (Ctx){.op = m->ops, .pool = m->pool, .arena = &arena};
        vae_encode(&c, out, &m->encoder, tensor_view(image, F32, 4, SHAPE(1, h, w, 3)));
        test_check(arena.peak == plan.peak, "encoder %dx%d: planned %zu bytes, took %zu", w, h, plan.peak, arena.peak);
        arena_free(&arena);
        free(planes);
        free(image);
        free(moments);
    }
    sd_close(m);
}

/* Every layout and spelling of the same weights gives the same bytes, and so does the converted file. */
static void layouts(const char *model) {
    static const struct {
        const char *what;
        MakeModel spec;
    } FILES[] = {
        {"single F32", {.dtype = F32}},
        {"folder F32", {.layout = MODEL_DIFFUSERS, .dtype = F32}},
        {"without text_model.", {.dtype = F32, .bare_text = true}},
        {"with EMA and buffers", {.dtype = F32, .ema = true, .buffers = true}},
        {"early attention names", {.layout = MODEL_DIFFUSERS, .dtype = F32, .early_attention = true}},
        {"folder without text_model.", {.layout = MODEL_DIFFUSERS, .dtype = F32, .bare_text = true}},
        {"single F16", {.dtype = F16}},
        {"folder F16", {.layout = MODEL_DIFFUSERS, .dtype = F16}},
        {"single BF16", {.dtype = BF16}},
        {"folder BF16", {.layout = MODEL_DIFFUSERS, .dtype = BF16}},
    };
    SdRequest r = pipeline_request("Euler", 42, 64, 64);
    SdResult first[DTYPE_COUNT] = {0};
    (void)model;
    if (test_few()) r.steps = 1;
    for (size_t i = 0; i < sizeof FILES / sizeof *FILES; i += test_few() && i ? 2 : 1) {
        DType t = FILES[i].spec.dtype;
        char name[32];
        snprintf(name, sizeof name, "layout%zu%s", i, FILES[i].spec.layout == MODEL_SINGLE ? ".safetensors" : "");
        const char *path = test_path(name), *converted = test_path("converted.safetensors");
        SdResult out = {0}, again = {0};
        Error e = {0};
        bool ok = make_model(path, FILES[i].spec) && pipeline_run(path, &(SdOptions){.threads = 2}, &r, &out, &e);
        if (!test_check(ok, "%s: a picture", FILES[i].what)) test_note("%s", e.text);
        if (!first[t].count) first[t] = out;
        else
            test_check(same_pictures(&first[t], 0, &out, 0), "%s: the same picture as from a single file",
                       FILES[i].what);
        ok = sd_convert(path, converted, NULL, NULL, &e) &&
             pipeline_run(converted, &(SdOptions){.threads = 2}, &r, &again, &e);
        if (!test_check(ok && same_pictures(&first[t], 0, &again, 0), "%s: converted, the same picture", FILES[i].what))
            test_note("%s", e.text);
        sd_free(&again);
        if (out.pictures != first[t].pictures) sd_free(&out);
    }
    test_check(first[F16].count && !same_pictures(&first[F32], 0, &first[BF16], 0), "BF16 weights are not F32 weights");
    Error e = {0};
    SdResult out = {0};
    const char *half = test_path("half.safetensors");
    bool ok = sd_convert(test_path("layout0.safetensors"), half, &(SdConvert){.dtype = "f16"}, NULL, &e) &&
              pipeline_run(half, &(SdOptions){.threads = 2}, &r, &out, &e);
    if (!test_check(ok && same_pictures(&out, 0, &first[F16], 0), "F32 converted to f16: the picture of the F16 file"))
        test_note("%s", e.text);
    sd_free(&out);
    for (int t = 0; t < DTYPE_COUNT; t++) sd_free(&first[t]);
}

/* Weights in blocks of Q8_0, in memory and streamed, and their numbers in F32 give the same picture; a model of F32 one
 * that differs. */
static void quantised(const char *model) {
    const char *q8 = test_path("q8.safetensors"), *wide = test_path("wide.safetensors");
    SdRequest r = pipeline_request("Euler", 42, 64, 64);
    SdResult original = {0}, blocks = {0}, numbers = {0}, streamed = {0};
    SdInfo info = {0};
    Error e = {0};
    r.steps = 3;
    bool ok = sd_convert(model, q8, &(SdConvert){.dtype = "q8_0"}, NULL, &e) &&
              sd_convert(q8, wide, &(SdConvert){.dtype = "f32"}, NULL, &e) && sd_info(q8, false, &info, &e) &&
              pipeline_run(model, &(SdOptions){.threads = 2}, &r, &original, &e) &&
              pipeline_run(q8, &(SdOptions){.threads = 2}, &r, &blocks, &e) &&
              pipeline_run(wide, &(SdOptions){.threads = 2}, &r, &numbers, &e);
    test_check(ok && same_pictures(&blocks, 0, &numbers, 0) && !same_pictures(&blocks, 0, &original, 0),
               "Q8_0: the picture of its numbers in F32");
    test_note("%s", e.text);
    test_check(ok && strstr(info.dtype, "Q8_0") && !info.missing, "Q8_0: sdc info says so");
    test_note("%s", info.dtype);
    SdOptions limited = {.threads = 2};
    SdPlan plan = {0};
    SdModel *m = ok ? sd_open(q8, &limited, &e) : NULL;
    ok = m && sd_plan(m, &r, &plan, &e);
    sd_close(m);
    limited.memory_limit = plan.least;
    ok = ok && pipeline_run(q8, &limited, &r, &streamed, &e);
    test_check(ok && same_pictures(&blocks, 0, &streamed, 0), "Q8_0: the same picture with its weights streamed");
    test_note("%s", e.text);
    sd_free(&original);
    sd_free(&blocks);
    sd_free(&numbers);
    sd_free(&streamed);
}

/* The same bits alone or in a batch, with one thread or many, for every sampler and generator. */
static void invariance(const char *model) {
    static const char *const LONG =
        "one, two, three, four, five, six, seven, eight, nine, ten, eleven, twelve, thirteen, fourteen, "
        "fifteen, sixteen, seventeen, eighteen, nineteen, twenty, twenty-one, twenty-two, twenty-three, "
        "twenty-four, twenty-five, twenty-six, twenty-seven, twenty-eight, twenty-nine, thirty";
    int count;
    const Sampler *samplers = sampler_list(&count);
    for (int s = 0; s < count; s++)
        for (int rng = 0; rng < 2; rng++)
            for (int uneven = 0; uneven < (s < 3 ? 2 : 1);
                 uneven++) { /* the second U-Net call is the pipeline's business, not a sampler's */
                SdRequest r = pipeline_request(samplers[s].name, 42, 64, 48);
                r.rng = rng ? SD_RNG_CPU : SD_RNG_NV;
                r.steps = 3;
                if (uneven) r.negative = LONG;
                SdResult both = {0}, one = {0}, two = {0};
                Error e = {0};
                r.batch_size = 2;
                bool ok = pipeline_run(model, &(SdOptions){.threads = 3}, &r, &both, &e);
                r.batch_size = 1;
                ok = ok && pipeline_run(model, &(SdOptions){.threads = 1}, &r, &one, &e);
                r.seed = 43;
                ok = ok && pipeline_run(model, &(SdOptions){.threads = 2}, &r, &two, &e);
                if (!test_check(ok && same_pictures(&both, 0, &one, 0) && same_pictures(&both, 1, &two, 0) &&
                                    !same_pictures(&one, 0, &two, 0),
                                "%s, %s noise, %s prompts: pictures of a batch equal those alone", samplers[s].name,
                                rng ? "CPU" : "NV", uneven ? "uneven" : "even"))
                    test_note("%s", e.text);
                sd_free(&both);
                sd_free(&one);
                sd_free(&two);
            }
    SdRequest r = pipeline_request("Euler", 42, 64, 64);
    SdResult a = {0}, b = {0};
    Error e = {0};
    r.cfg = 1;
    bool ok = pipeline_run(model, &(SdOptions){.threads = 2}, &r, &a, &e);
    r.negative = LONG;
    test_check(ok && pipeline_run(model, &(SdOptions){.threads = 2}, &r, &b, &e) && same_pictures(&a, 0, &b, 0),
               "CFG 1: the negative prompt does not matter");
    sd_free(&a);
    sd_free(&b);
}

/* A prompt that switches between steps: the U-Net sees the new text. */
static void switching(const char *model) {
    static const char *const PROMPTS[] = {"cat", "dog", "[cat:dog:1]", "[dog|dog]"};
    SdResult out[4] = {{0}};
    Error e = {0};
    bool ok = true;
    for (int i = 0; i < 4; i++) {
        SdRequest r = pipeline_request("Euler", 42, 64, 64);
        r.prompt = PROMPTS[i], r.steps = 3, r.batch_size = 2; /* the text of step 1 is also the second call's */
        ok = ok && pipeline_run(model, &(SdOptions){.threads = 2}, &r, &out[i], &e);
    }
    test_check(ok && same_pictures(&out[3], 1, &out[1], 1) && !same_pictures(&out[2], 1, &out[0], 1) &&
                   !same_pictures(&out[2], 1, &out[1], 1),
               "a prompt switches between steps");
    test_note("%s", e.text);
    for (int i = 0; i < 4; i++) sd_free(&out[i]);
}

/* The arena's peak in each stage is what was planned. */
static void plans(const char *model) {
    static const int SIZES[][2] = {{64, 64}, {104, 72}, {8, 8}, {200, 136}};
    Error e = {0};
    SdModel *m = sd_open(model, NULL, &e);
    for (int i = 0; m && i < 4; i++)
        for (int cfg = 1; cfg <= 7; cfg += 6) {
            SdRequest r = pipeline_request("Euler a", 1, SIZES[i][0], SIZES[i][1]);
            Generation g;
            SdResult out = {0};
            r.cfg = cfg, r.batch_size = 1 + i % 2;
            bool ok = generation_begin(&g, m, &r, NULL, &e) && plan_memory(&g, &e);
            g.out = &out;
            int stages = 0;
            for (int s = 0; ok && s < STAGE_COUNT; s++) {
                if (!STAGES[s].wanted(&g, g.now)) continue;
                g.work.arena.peak = 0;
                ok = stage_run(&g, g.now, s, &e);
                stages += g.work.arena.peak == g.now->stages[s].peak;
            }
            const SdPlan *p = &g.plan;
            const StagePlan *of = g.now->stages;
            test_check(ok && stages == 3 && p->text_peak == of[STAGE_TEXT].peak &&
                           p->unet_peak == of[STAGE_SAMPLE].peak && p->decode_peak == of[STAGE_DECODE].peak,
                       "%dx%d, CFG %d: planned %zu %zu %zu bytes, and the stages take them", r.width, r.height, cfg,
                       p->text_peak, p->unet_peak, p->decode_peak);
            test_note("%d of 3 stages; %s", stages, e.text);
            sd_free(&out);
            generation_end(&g);
        }
    sd_close(m);
}

/* A request that cannot be served: the error contains `words`. */
static void refuse(SdModel *m, SdRequest r, const char *words) {
    Error e = {0};
    SdResult out = {0};
    bool ok = sd_txt2img(m, &r, &out, &e);
    if (!test_check(!ok && strstr(e.text, words) && !out.count, "refused: %s", words)) test_note("%s", e.text);
    sd_free(&out);
}

static void refusals(const char *model) {
    Error e = {0};
    SdModel *m = sd_open(model, NULL, &e);
    const SdRequest good = pipeline_request("Euler", 1, 64, 64);
    SdRequest r = good;
    r.width = 60, refuse(m, r, "multiples of 8");
    r = good, r.height = 0, refuse(m, r, "height: 0 is not in 8..16384");
    r = good, r.width = -64, refuse(m, r, "width: -64 is not in 8..16384");
    r = good, r.width = 1 << 30, refuse(m, r, "width: 1073741824 is not in 8..16384");
    r = good, r.width = 4096, r.height = 4104, refuse(m, r, "size: 4096x4104 is more than 16777216 pixels");
    if (SIZE_MAX < 1LL << 32)
        r = good, r.width = r.height = 4096, r.batch_size = 64, refuse(m, r, "but a 32-bit program here has");
    r = good, r.steps = 0, refuse(m, r, "steps");
    r = good, r.steps = 1001, refuse(m, r, "steps");
    r = good, r.batch_size = 0, refuse(m, r, "batch size");
    r = good, r.cfg = INFINITY, refuse(m, r, "cfg");
    r = good, r.clip_skip = 3, refuse(m, r, "clip skip");
    r = good, r.seed = -2, refuse(m, r, "seed");
    r = good, r.sampler = "Eulr", refuse(m, r, "'Euler'");
    r = good, r.noise = model, refuse(m, r, "no tensor 'noise'");
    r = good, r.taps = test_path("t.safetensors"), r.tap = "nothing*", refuse(m, r, "nothing*");
    sd_close(m);
    e = (Error){0};
    SdOptions o = {.memory_limit = 1 << 20};
    m = sd_open(model, &o, &e);
    refuse(m, good, "the limit is 1 MiB");
    sd_close(m);
}

/* One number of one tensor is NaN: the error names the layer and the step. */
static void not_finite(const char *model, const char *tensor, const char *words) {
    size_t size;
    char *bytes = test_read(model, &size);
    Error e = {0};
    WeightFile *f = bytes ? weight_file_open_memory(model, bytes, size, &e) : NULL;
    const FileTensor *t = f ? weight_file_find(f, tensor) : NULL;
    if (test_check(t != NULL, "%s is in the file", tensor)) memset(bytes + f->data + t->begin, 0xff, 4);
    weight_file_close(f);
    const char *path = test_path("nan.safetensors");
    SdRequest r = pipeline_request("Euler", 1, 64, 64);
    SdResult out = {0};
    bool ok = bytes && test_write(path, bytes, size) && pipeline_run(path, &(SdOptions){.threads = 2}, &r, &out, &e);
    if (!test_check(!ok && e.code == ERR_NUMERIC && strstr(e.text, words), "NaN in %s: the error says %s", tensor,
                    words))
        test_note("%s", e.text);
    sd_free(&out);
    free(bytes);
}

/* What a listener heard, against the file of the same run. */
typedef struct {
    const WeightFile *file; /* NULL: the run that writes it */
    int heard, same, stop_at;
} Listener;

static bool hear(void *user, const char *name, int nd, const int64_t *n, const float *values) {
    Listener *l = user;
    const FileTensor *t = l->file ? weight_file_find(l->file, name) : NULL;
    l->heard++;
    if (t && t->nd == nd && !memcmp(t->n, n, (size_t)nd * sizeof *n))
        l->same += !memcmp(file_tensor_data(l->file, t), values, (size_t)(t->end - t->begin));
    return l->heard != l->stop_at;
}

static void listener(const char *model) {
    const char *taps = test_path("heard.safetensors");
    SdRequest r = pipeline_request("Euler", 42, 64, 48);
    SdResult out = {0};
    Error e = {0};
    Listener l = {0};
    r.steps = 2, r.taps = taps, r.activation = hear, r.user = &l;
    bool ok = pipeline_run(model, &(SdOptions){.threads = 2}, &r, &out, &e);
    WeightFile *f = weight_file_open(taps, &e);
    test_check(ok && f && l.heard == (int)f->count, "a listener hears every activation of the file");
    sd_free(&out);
    l = (Listener){.file = f}, r.taps = NULL;
    ok = f && pipeline_run(model, &(SdOptions){.threads = 2}, &r, &out, &e);
    test_check(ok && l.heard == (int)f->count && l.same == l.heard, "and the same numbers without a file");
    test_note("%d of %d the same; %s", l.same, l.heard, e.text);
    sd_free(&out);
    l = (Listener){.stop_at = 5}, r.tap = "unet.*";
    ok = pipeline_run(model, &(SdOptions){.threads = 2}, &r, &out, &e);
    test_check(!ok && e.code == ERR_CANCELLED && l.heard == 5 && !out.count, "a listener can stop a run");
    weight_file_close(f);
    sd_free(&out);
}

/* A picture's noise, read from a file, makes the same picture with any seed. */
static void noise_file(const char *model) {
    const char *taps = test_path("noise.safetensors");
    SdRequest r = pipeline_request("Euler", 42, 64, 64);
    SdResult a = {0}, b = {0};
    Error e = {0};
    r.taps = taps, r.tap = "noise";
    bool ok = pipeline_run(model, &(SdOptions){.threads = 2}, &r, &a, &e);
    r.taps = NULL, r.noise = taps, r.seed = 7;
    test_check(ok && pipeline_run(model, &(SdOptions){.threads = 2}, &r, &b, &e) && same_pictures(&a, 0, &b, 0),
               "--noise: the noise of --taps makes the same picture");
    WeightFile *f = weight_file_open(taps, &e);
    test_check(f && f->count == 1, "--tap noise: one tensor");
    weight_file_close(f);
    sd_free(&a);
    sd_free(&b);
}

SUITE(pipeline, .seconds = 32, .blas = true) {
    const char *model = test_path("micro.safetensors");
    char path[1024];
    snprintf(path, sizeof path, "%s", model);
    if (!make_micro_model(path, F32)) return;
    goldens(path);
    encoder(path);
    layouts(path);
    refusals(path);
    if (test_few()) return;
    img2img(path);
    quantised(path);
    invariance(path);
    switching(path);
    plans(path);
    listener(path);
    noise_file(path);
    not_finite(path, "model.diffusion_model.input_blocks.4.0.in_layers.2.bias", "down_blocks.1.resnets.0");
    not_finite(path, "model.diffusion_model.time_embed.0.bias", "time_embedding");
    not_finite(path, "first_stage_model.decoder.norm_out.bias", "decoding, first in conv_norm_out");
}
