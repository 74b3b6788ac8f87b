/* cli_pictures.c: the program makes pictures, on the generated micro model. */
#define _XOPEN_SOURCE 700
#include "tests/harness/cli.h"
#include "tests/harness/make_model.h"
#include "tests/harness/test.h"
#include "tests/image/test_image.h"
#include "sd/image/image.h"
#include "sd/image/codecs/png.h"
#include "sd/sd.h"
#include "tools/cli/commands.h"
#include "weights/formats/weight_file.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MICRO "txt2img -m micro.safetensors -W 64 -H 64 --steps 2 --seed 42 "

/* Whether two pictures show the same: all of the files but the text before the pixels. */
static bool same_pixels(const char *a, const char *b) {
    size_t n = 0, m = 0, i = 0, k = 0;
    char *x = test_read(cli_path(a), &n), *y = test_read(cli_path(b), &m);
    while (x && i + 4 < n && memcmp(x + i, "IDAT", 4)) i++;
    while (y && k + 4 < m && memcmp(y + k, "IDAT", 4)) k++;
    bool same = x && y && n - i > 16 && n - i == m - k && !memcmp(x + i, y + k, n - i);
    free(x);
    free(y);
    return same;
}

static bool same_bytes(const char *a, const char *b) {
    size_t n = 0, m = 0;
    char *x = test_read(cli_path(a), &n), *y = test_read(cli_path(b), &m);
    bool same = x && y && n == m && n && !memcmp(x, y, n);
    free(x);
    free(y);
    return same;
}

static bool is_there(const char *name) { return !access(cli_path(name), F_OK); }

/* One check: the picture's size, and its parameters hold `words`. */
static void shows(const char *name, int width, int height, const char *words) {
    size_t size = 0;
    char *png = test_read(cli_path(name), &size), *text = NULL;
    Error e = {0};
    const uint8_t *p = (const uint8_t *)png;
    bool ok = png && size > 24 && p[16] == 0 && p[17] == 0 && p[18] << 8 == (width & 0xFF00) &&
              p[19] == (width & 0xFF) && p[22] << 8 == (height & 0xFF00) && p[23] == (height & 0xFF) &&
              (text = image_said_in(p, size, "parameters", &e)) && strstr(text, words);
    test_check(ok, "%s is %dx%d and says \"%s\"", name, width, height, words);
    test_note("%s", text ? text : e.text);
    free(text);
    free(png);
}

static void pictures(void) {
    cli_works("a.png|seed 42", MICRO "-p 'a lovely cat' -n 'blurry, low' -o a.png");
    shows("a.png", 64, 64, "a lovely cat\nNegative prompt: blurry, low\nSteps: 2, Sampler: Euler a");
    shows("a.png", 64, 64, "CFG scale: 7, Seed: 42, Size: 64x64, Model hash: ");
    cli_works("b.png", MICRO "-p 'a lovely cat' -n 'blurry, low' -o b.png --threads 1");
    test_check(same_bytes("a.png", "b.png"), "the same request makes the same file, whatever the threads");
    cli_works("b.png",
              MICRO "-p @notes.txt --negative='blurry, low' -o b.png --sampler 'euler a' --scheduler Automatic "
                    "--precision f32 --device cpu --rng cuda --clip-skip 1 --memory-limit 8GiB --cfg 7.0");
    test_check(same_bytes("a.png", "b.png"), "the defaults, spelt out, make the same file over the old one");
    cli_works("c.png", MICRO "-p - -o c.png --rng cpu --cfg 1 -W 72 -H 104 <notes.txt");
    shows("c.png", 72, 104, "Size: 72x104");
    shows("c.png", 72, 104, "RNG: CPU");
    cli_works("d.png", MICRO "-p \"$(printf 'a caf\\303\\251')\" -o d.png --steps 1");
    shows("d.png", 64, 64, "a caf\xC3\xA9\n");
    cli_works("random.png: seed ", "txt2img -m micro.safetensors -W 64 -H 64 --steps 1 -p '' -o random.png");
    CliRun r = cli(MICRO "-p x -o quiet.png -q");
    test_check(r.code == 0 && !*r.out && !*r.err && is_there("quiet.png"), "-q prints nothing");
    cli_free(&r);
    r = cli(MICRO "-p x -o quiet.png --steps 3");
    test_check(r.code == 0 && !strncmp(r.err, "step 1/3", 8) && strstr(r.err, "\nstep 2/3") &&
                   strstr(r.err, "\nstep 3/3"),
               "one line a step where there is no terminal");
    test_note("%s", r.err);
    cli_free(&r);
    cli_fails(1, "memory", MICRO "-p x -o big.png --memory-limit 100K");
    cli_fails(2, "", MICRO "-p x -o big.png --clip-skip 30");
    test_check(!is_there("big.png"), "refused requests leave no file");
}

static void names(void) {
    cli_works("42-a-lovely-cat.png: seed 42", MICRO "-p 'A lovely cat!'");
    cli_works("42-a-lovely-cat-1.png: seed 42", MICRO "-p 'A lovely cat!'");
    test_check(same_pixels("42-a-lovely-cat.png", "42-a-lovely-cat-1.png"), "a second picture leaves the first alone");
    cli_works("s-42.png: seed 42|s-43.png: seed 43", MICRO "-p x -o s.png --batch-size 2");
    cli_works("s-42-1.png: seed 42|s-43-1.png: seed 43", MICRO "-p x -o s.png --batch-count 2");
    cli_works("one.png", MICRO "-p x -o one.png --seed 43");
    test_check(!is_there("s.png"), "several pictures: the bare name is not written");
    test_check(same_pixels("s-42.png", "s-42-1.png") && same_pixels("s-43.png", "s-43-1.png") &&
                   same_pixels("s-43.png", "one.png"),
               "at once, one after the other or alone: the same pictures");
    test_check(!same_pixels("s-42.png", "s-43.png"), "different seeds make different pictures");
}

static void taps(void) {
    static const char *const NAMES[] = {"noise",
                                        "text_model.last_hidden_state",
                                        "unet.step000.down_blocks.0.resnets.0",
                                        "unet.step000.mid_block.attentions.0",
                                        "unet.step000.conv_out",
                                        "unet.step001.conv_out",
                                        "latents.step000",
                                        "latents.step001",
                                        "vae.decoder.mid_block",
                                        "image"};
    Error e = {0};
    cli_works("t.png", MICRO "-p x -o t.png --sampler Euler --taps t.safetensors");
    WeightFile *f = weight_file_open(cli_path("t.safetensors"), &e);
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++)
        test_check(f && weight_file_find(f, NAMES[i]), "--taps has %s", NAMES[i]);
    const FileTensor *out = f ? weight_file_find(f, "unet.step000.conv_out") : NULL,
                     *image = f ? weight_file_find(f, "image") : NULL;
    test_check(out && out->nd == 4 && out->n[0] == 2 && out->n[1] == 4 && out->n[2] == 8 && out->n[3] == 8,
               "unet.step000.conv_out is [2,4,8,8]");
    test_check(image && image->nd == 4 && image->n[1] == 3 && image->n[2] == 64 && image->n[3] == 64,
               "image is [1,3,64,64]");
    weight_file_close(f);
    cli_works("n.png", MICRO "-p x -o n.png --sampler Euler --seed 7 --noise t.safetensors");
    test_check(same_pixels("t.png", "n.png"), "--noise makes the picture that the noise came from");
    cli_works("g.png", MICRO "-p x -o g.png --taps g.safetensors --tap 'latents.*'");
    f = weight_file_open(cli_path("g.safetensors"), &e);
    test_check(f && f->count == 2 && weight_file_find(f, "latents.step001") && !weight_file_find(f, "image"),
               "--tap keeps what matches");
    weight_file_close(f);
    cli_works("0 apart", "diff t.safetensors t.safetensors");
    cli_fails(1, "notes.txt", MICRO "-p x -o f.png --noise notes.txt");
    cli_fails(1, "gone", MICRO "-p x -o f.png --noise gone");
    cli_fails(1, "noise", MICRO "-p x -o f.png --noise g.safetensors");
    cli_fails(1, "noise", MICRO "-p x -o f.png --noise t.safetensors -W 72");
}

static void interruptions(void) {
    size_t before = cli_files();
    CliRun r = cli_shell("ulimit -f 4; exec \"$SDC\" " MICRO "-p x -q", false);
    test_check(r.code == 1 && !strncmp(r.err, "sdc: ", 5) && strstr(r.err, ".png") && cli_files() == before,
               "a full disk: an error, and no file");
    test_note("exit %d: %s", r.code, r.err);
    cli_free(&r);
    r = cli_shell("ulimit -f 4; exec \"$SDC\" " MICRO "-p x -q -o a.png", false);
    test_check(r.code == 1 && same_pixels("a.png", "b.png"), "a full disk: the old picture stays");
    cli_free(&r);
    r = cli_shell("ulimit -f 4; exec \"$SDC\" " MICRO "-p x -q --taps full.safetensors", false);
    test_check(r.code == 1 && cli_files() == before, "a full disk: no activations either");
    test_note("exit %d: %s", r.code, r.err);
    cli_free(&r);
    r = cli_shell("exec \"$SDC\" " MICRO "-p x --steps 1000 --taps stop.safetensors --tap 'latents.*'", true);
    const char *said = strstr(r.err, "sdc: stopped after step ");
    test_check(r.code == 130 && said && !*r.out && cli_files() == before, "Ctrl-C: stops, exit 130, no file");
    test_note("exit %d: %.200s", r.code, said ? said : r.err);
    cli_free(&r);
}

static void conversions(void) {
    cli_works("family      SD 1.x, single file|0 missing|prediction  eps|sha256", "info micro.safetensors");
    cli_works("\"family\":\"SD 1.x\"|\"sha256\":\"", "info --json micro.safetensors");
    cli_works("\"sha256\":\"\"", "info --json --no-hash micro.safetensors");
    cli_works("converted.safetensors", "convert micro.safetensors converted.safetensors");
    cli_works("converted", "info converted.safetensors");
    cli_works("v.png", "txt2img -m converted.safetensors -W 64 -H 64 --steps 2 --seed 42 -p x -o v.png");
    cli_works("w.png", MICRO "-p x -o w.png");
    test_check(same_pixels("v.png", "w.png"), "the converted model makes the same picture");
    cli_works(NULL, "convert -q micro.safetensors half.safetensors --dtype f16");
    cli_works("F16", "info half.safetensors");
    cli_works("step|decode", "bench -m micro.safetensors -W 64 -H 64 --steps 1 --runs 1");
    CliRun r = cli_shell("XDG_CACHE_HOME=/dev/null exec \"$SDC\" info micro.safetensors", false);
    test_check(r.code == 0 && !*r.err && strstr(r.out, "sha256"), "a cache that cannot be used is no error");
    cli_free(&r);
    r = cli("info micro.safetensors gone half.safetensors");
    test_check(r.code == 1 && strstr(r.out, "half.safetensors\n") && strstr(r.err, "gone"),
               "info goes on after an error");
    cli_free(&r);
}

/* img2img, and the other options of a picture. */
static void variations(void) {
    cli_works("from.png", "txt2img -m micro.safetensors -W 72 -H 64 --steps 2 --seed 42 -p x -o from.png");
#define FROM "img2img -m micro.safetensors -i from.png --steps 4 --seed 7 -p x "
    cli_works("i.png", FROM "--strength 0.5 -o i.png");
    shows("i.png", 72, 64, "Denoising strength: 0.5");
    cli_works("j.png", FROM "--strength 0.5 -o j.png --threads 1");
    test_check(same_bytes("i.png", "j.png"), "img2img: the same request makes the same file");
    cli_works("k.png", FROM "-W 64 -H 96 --resize-mode crop --encode mean --strength-steps diffusers -o k.png");
    shows("k.png", 64, 96, "Denoising strength: 0.75");
    cli_works("v-7-1.png", FROM "--batch-size 2 --variation-seed 5 --variation-strength 0.3 -o v.png");
    cli_works("v-7-1.png: equal", "replay v-7-1.png -m micro.safetensors -i from.png");
    cli_works("as-v.png", MICRO "--prediction v -p x -o as-v.png");
    shows("as-v.png", 64, 64, "Prediction: v");
    cli_works("as-v.png: equal", "replay as-v.png -m micro.safetensors");
    cli_fails(2, "--strength: 4 steps that are exactly 0.0001", FROM "--strength 1e-4 --strength-steps exact -o l.png");
    cli_fails(1, "from.png", "img2img -m micro.safetensors -i from.png.gone -p x -o l.png");
    cli_fails(2, "--strength", FROM "--strength 1.5 -o l.png");
    cli_fails(2, "is also an input file", FROM "-o from.png");
    cli_fails(2, "no picture to start from", "img2img -m micro.safetensors -p x -o l.png");
    cli_works("s.png", MICRO "-p x --sampler 'DPM++ 2M' --scheduler karras -o s.png");
    shows("s.png", 64, 64, "Sampler: DPM++ 2M, Schedule type: Karras");
    cli_works("t.png", MICRO "-p x --sampler 'DPM++ 2M Karras' -o t.png");
    test_check(same_pixels("s.png", "t.png"), "a schedule in the sampler's name is that schedule");
    cli_fails(2, "did you mean 'Karras'", MICRO "-p x --scheduler karas -o l.png");
    cli_works("u.png", MICRO "-p x --variation-seed 5 --variation-strength 0.2 -o u.png");
    shows("u.png", 64, 64, "Variation seed: 5, Variation seed strength: 0.2");
    cli_works("x.png", MICRO "-p x --steps-sheet sheet.png -o x.png");
    test_check(is_there("sheet.png"), "--steps-sheet: the sheet exists");
    cli_works("y.png", MICRO "-p x -o y.png");
    test_check(same_pixels("x.png", "y.png"), "--steps-sheet: the picture stays the same");
    cli_works("z.png", MICRO "-p '(x:1.3)' -o z.png");
    cli_works("0.png", MICRO "-p '(x:1.3)' --emphasis ignore -o 0.png");
    test_check(!same_pixels("z.png", "y.png") && same_pixels("0.png", "y.png"), "--emphasis: weights count, or do not");
}

/* Options that no schedule can follow, and the request's ranges. */
static void ranges(void) {
    static const struct {
        double eta, s_churn, s_noise, sigma_min, sigma_max, rho;
        const char *words;
    } REQUESTS[] = {{1.5, 0, 1, 0, 0, 0, "eta: 1.5"},
                    {NAN, 0, 1, 0, 0, 0, "eta: nan"},
                    {-1, -0.5, 1, 0, 0, 0, "s churn: -0.5"},
                    {-1, 0, 11, 0, 0, 0, "s noise: 11"},
                    {-1, 0, 1, 1e-5, 0, 0, "sigma min: 1e-05"},
                    {-1, 0, 1, -1, 0, 0, "sigma min: -1"},
                    {-1, 0, 1, 0, INFINITY, 0, "sigma max: inf"},
                    {-1, 0, 1, 0, 0, 0.001, "rho: 0.001"}};
    cli_works("rho.png", MICRO "-p x --scheduler Karras --rho 0.6 -o rho.png");
    cli_fails(2, "--rho: 0.3|Karras|larger", MICRO "-p x --scheduler Karras --rho 0.3 -o no.png");
    cli_fails(2, "--rho: 0.01|Karras|larger", MICRO "-p x --scheduler Karras --rho 0.01 -o no.png");
    cli_fails(2, "--rho: 1e-300|0.01..1000", MICRO "-p x --scheduler Karras --rho 1e-300 -o no.png");
    cli_works("rho.png", MICRO "-p x --scheduler Polyexponential --rho 1000 -o rho.png");
    cli_fails(2, "--sigma-min: 1e-310|0.0001..", MICRO "-p x --scheduler Polyexponential --sigma-min 1e-310 -o no.png");
    cli_fails(2, "--sigma-max: 1e-300|0.0001..", MICRO "-p x --sigma-max 1e-300 -o no.png");
    cli_fails(2, "--sigma-min: 0.029|(the model's)|below sigma max, 0.01",
              MICRO "-p x --scheduler Karras --sigma-max 0.01 -o no.png");
    cli_fails(2, "--sigma-min: 20|below sigma max, 14.6|(the model's)",
              MICRO "-p x --scheduler Beta --sigma-min 20 -o no.png");
    cli_fails(2, "--sigma-min: 2 |below sigma max, 2",
              MICRO "-p x --scheduler Beta --sigma-min 2 --sigma-max 2 -o no.png");
    Error opened = {0};
    SdModel *m = sd_open(cli_path("micro.safetensors"), NULL, &opened);
    for (size_t i = 0; m && i < sizeof REQUESTS / sizeof *REQUESTS; i++) {
        SdRequest r = sd_request(m);
        SdPlan plan;
        Error e = {0};
        r.eta = REQUESTS[i].eta, r.s_churn = REQUESTS[i].s_churn, r.s_noise = REQUESTS[i].s_noise;
        r.sigma_min = REQUESTS[i].sigma_min, r.sigma_max = REQUESTS[i].sigma_max, r.rho = REQUESTS[i].rho;
        test_check(!sd_plan(m, &r, &plan, &e) && e.code == ERR_ARGUMENT && strstr(e.text, REQUESTS[i].words) == e.text,
                   "a request of %s is refused", REQUESTS[i].words);
        test_note("%s", e.text);
    }
    sd_close(m);
}

/* What models whose U-Net takes other channels than a latent's say; NULL: the command works. */
static void inputs(void) {
    static const struct {
        int channels;
        const char *drawing, *editing, *training;
        int code; /* of a drawing that is refused */
    } MODELS[] = {
        {9, NULL, NULL, "m9: is an inpainting model, and is not trained", 0},
        {8, "image: this model edits a picture", NULL, "m8: is an instruct-pix2pix model, and is not trained", 2},
        {5, "m5: is a depth model|MiDaS|5 channels|latent has 4", "m5: is a depth model|MiDaS|5 channels",
         "m5: is a depth model|MiDaS|5 channels", 1},
        {3, "m3: its U-Net takes 3 channels|latent has 4", "m3: its U-Net takes 3 channels|latent has 4",
         "m3: its U-Net takes 3 channels|latent has 4", 1}};
    cli_works("from.png", MICRO "-p x -o from.png");
    for (size_t i = 0; i < sizeof MODELS / sizeof *MODELS; i++) {
        char name[8];
        const char *drawing = MODELS[i].drawing, *editing = MODELS[i].editing, *training = MODELS[i].training;
        SdConfig k = micro_config();
        k.unet.in_channels = MODELS[i].channels;
        snprintf(name, sizeof name, "m%d", MODELS[i].channels);
        MakeModel spec = {.dtype = F32};
        if (i == 1) spec.layout = MODEL_DIFFUSERS;
        if (!test_check(make_model_of(cli_path(name), spec, k), "a model of %d channels", MODELS[i].channels)) return;
        cli_works("family      SD 1.x|0 missing", "info %s", name);
        if (drawing) {
            cli_fails(MODELS[i].code, drawing, "txt2img -m %s -W 64 -H 64 --steps 1 -p x -o no.png", name);
            cli_fails(MODELS[i].code, drawing, "bench -m %s -W 64 -H 64 --steps 1 --runs 1", name);
        } else {
            cli_works("drawn.png", "txt2img -m %s -W 64 -H 64 --steps 1 -p x -o drawn.png", name);
            cli_works("decode", "bench -m %s -W 64 -H 64 --steps 1 --runs 1", name);
        }
        if (editing) cli_fails(1, editing, "img2img -m %s -i from.png --steps 1 -p x -o no.png", name);
        else cli_works("drawn.png", "img2img -m %s -i from.png --steps 1 -p x -o drawn.png", name);
        cli_fails(1, training, "train -m %s --data shapes --out no.safetensors --steps 1", name);
        cli_fails(1, training, "train -m %s --data shapes --train vae --out no.safetensors --steps 1", name);
        Error e = {0};
        SdPlan plan;
        SdModel *m = sd_open(cli_path(name), NULL, &e);
        SdRequest r = sd_request(m);
        ErrorCode code = !m || sd_plan(m, &r, &plan, &e) ? ERR_NONE : e.code;
        test_check(m && code == (!drawing              ? ERR_NONE
                                 : MODELS[i].code == 2 ? ERR_ARGUMENT
                                                       : ERR_FORMAT),
                   "sd_plan of %d channels", MODELS[i].channels);
        test_note("%s", e.text);
        sd_close(m);
    }
    test_check(!is_there("no.png") && !is_there("no.safetensors") && !is_there("no.safetensors.state"),
               "what is refused leaves nothing behind");
}

void cli_pictures(void) {
    bool made = make_model(cli_path("micro.safetensors"), (MakeModel){.dtype = F32});
    test_check(made, "the micro model is made");
    if (made) pictures(), names(), taps(), interruptions(), conversions(), variations(), ranges(), inputs();
}
