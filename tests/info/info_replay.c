/* info_replay.c: `sdc png-info` and `sdc replay`, on pictures that the program makes with the micro model and on
 * pictures whose text is changed. */
#define _XOPEN_SOURCE 700
#include "tests/harness/cli.h"
#include "tests/harness/make_model.h"
#include "tests/harness/test.h"
#include "tests/image/test_image.h"
#include "test_info.h"
#include "sd/image/image.h"
#include "sd/image/codecs/png.h"
#include "sd/sd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAKE "txt2img -m replay.safetensors -W 64 -H 64 --steps 2 --seed 42 -q "

/* A copy of a picture of the program's folder with another text (NULL: none), `pixel` added to one of its pixels. */
static void copy(const char *from, const char *to, const char *text, int pixel) {
    char path[512];
    snprintf(path, sizeof path, "%s", cli_path(from));
    Image i = {0};
    Error e = {0};
    uint8_t *bytes = NULL;
    size_t size = 0;
    char *old = NULL;
    bool ok = image_read(path, 0, &i, &e);
    if (ok) old = image_said(path, "parameters", &e);
    if (ok) i.rgb[3 * 100 + 1] = (uint8_t)(i.rgb[3 * 100 + 1] + (i.rgb[3 * 100 + 1] < 128 ? pixel : -pixel));
    PngText t = {"parameters", text ? text : ""};
    if (text && !strcmp(text, "same")) t.text = old;
    ok = ok && png_encode(i.rgb, i.width, i.height, &t, text != NULL, &bytes, &size, &e) &&
         test_write(cli_path(to), bytes, size);
    if (!ok) test_check(false, "%s is made: %s", to, e.text);
    free(bytes);
    free(old);
    image_free(&i);
}

static void info(void) {
    cli_works("prompt|a (lovely:1.1) cat|negative prompt|blurry|Sampler|Euler a|Seed|42|Size-1|64", "png-info a.png");
    cli_works("a (lovely:1.1) cat\nNegative prompt: blurry\nSteps: 2, Sampler: Euler a", "png-info --raw a.png");
    cli_works(
        "{\"file\":\"a.png\",\"parameters\":\"a (lovely:1.1) cat\\nNegative|\"negative_prompt\":\"blurry\"|\"fields\":{"
        "\"Steps\":\"2\"|\"implied\":{}}\n",
        "png-info a.png --json");
    cli_fails(2, "no file", "png-info");
    cli_fails(2, "--json and --raw", "png-info a.png --json --raw");
    cli_fails(1, "gone.png", "png-info gone.png");
    cli_fails(1, "not a picture", "png-info replay.safetensors");
    cli_fails(2, "did you mean png-info", "png-inof a.png");
    size_t n = 0;
    char *jpg = image_file("images/rgb.jpg", &n);
    test_check(jpg && test_write(cli_path("c.jpg"), jpg, n), "c.jpg is written");
    free(jpg);
    cli_works("a c\xC3\xA4t, \xE7\x8C\xAB|Seed", "png-info c.jpg");
    copy("a.png", "none.png", NULL, 0);
    cli_fails(1, "none.png: does not say", "png-info none.png");
    copy("a.png", "escape.png", "a\x1B[2Jb\nSteps: 2, Sampler: \x1B]0;x\a, Seed: 1", 0);
    cli_works("a?[2Jb", "png-info escape.png");
    cli_works("a?[2Jb", "png-info --raw escape.png");
    cli_works("\\u001b[2Jb", "png-info --json escape.png");
    copy("a.png", "old.png", "[a]\nSteps: 2, Sampler: DPM++ 2M Karras, Seed: 1, Version: v1.5.0", 0);
    cli_works("(by the version) True|DPM++ 2M Karras", "png-info old.png");
    CliRun r = cli("png-info a.png none.png c.jpg");
    test_check(r.code == 1 && strstr(r.out, "c.jpg\n") && strstr(r.err, "none.png"), "png-info goes on after an error");
    cli_free(&r);
}

/* The averages of a model that has learned differ from its weights. */
static void other_averages(void *user, MadeTensors *l) {
    (void)user;
    for (size_t i = 0; i < l->count; i++)
        if (!strcmp(l->at[i].name, "model_ema.diffusion_modelout2bias"))
            l->at[i].values = VALUES_ALL, l->at[i].value = 0.5;
}

static void replays(void) {
    static const struct {
        const char *options, *name;
    } MADE[] = {{"", "Euler a"},
                {"--rng cpu", "RNG: CPU"},
                {"--cfg 1 --sampler DDIM --steps 3", "DDIM without guidance"},
                {"--clip-skip 2 --sampler 'DPM++ 2M'", "clip skip"},
                {"-W 72 -H 104 --cfg 7.5", "another size"}};
    for (size_t i = 0; i < sizeof MADE / sizeof *MADE; i++) {
        CliRun r = cli(MAKE "-p 'a (lovely:1.1) cat' -n 'x, y: z' -o m.png %s", MADE[i].options);
        test_check(r.code == 0, "a picture is made: %s", MADE[i].name);
        cli_free(&r);
        cli_works("m.png: equal\n", "replay m.png -m replay.safetensors -q");
    }
    CliRun r = cli(MAKE "-p 'one of two' --batch-size 2 -o two.png");
    cli_free(&r);
    cli_works("two-43.png: equal\n", "replay two-43.png -m replay.safetensors -o again.png");
    cli_works("again.png: equal\n", "replay again.png -m replay.safetensors --threads 1");
    copy("m.png", "changed.png", "same", 0);
    cli_works("changed.png: equal\n", "replay changed.png -m replay.safetensors");
    copy("m.png", "changed.png", "same", 3);
    r = cli("replay changed.png -m replay.safetensors -q");
    test_check(r.code == 1 && !*r.err &&
                   !strcmp(r.out, "changed.png: differs in 1 of 7488 pixels, by 3 of 255 at most, "
                                  "PSNR 82.10 dB\n"),
               "a changed pixel is a difference");
    test_note("exit %d: %s%s", r.code, r.out, r.err);
    cli_free(&r);
}

/* A picture of the moving averages says so and is made of them again, without being told; a model that has none cannot.
 */
static void averages(void) {
#define AVERAGED "txt2img -m ema.safetensors -p cat -W 64 -H 64 --steps 2 --seed 3 -q -o "
    MakeModel how = {.dtype = F16, .ema = true, .edit = other_averages};
    test_check(make_model(cli_path("ema.safetensors"), how), "a model with moving averages");
    cli_works("", AVERAGED "own.png");
    cli_works("", AVERAGED "averages.png --ema");
    cli_works("EMA: True", "png-info --raw averages.png");
    cli_works("averages.png: equal\n", "replay averages.png -m ema.safetensors -q");
    cli_works("own.png: equal\n", "replay own.png -m ema.safetensors -q");
    CliRun r = cli("replay own.png -m ema.safetensors -q --ema");
    test_check(r.code == 1 && strstr(r.out, "own.png: differs"), "the averages draw another picture");
    cli_tell(&r);
    cli_free(&r);
    cli_fails(1, "replay.safetensors: |holds no moving averages", "replay averages.png -m replay.safetensors -q");
}

/* Refused before the model is opened, by the name of the field. */
static void refusals(void) {
#define HEAD "a cat\nSteps: 2, Sampler: Euler a, CFG scale: 7, Seed: 42, Size: 64x64"
    static const char *const CASES[][2] = {
        {"a cat", "does not tell its Steps"},
        {"a cat\nSteps: 2, CFG scale: 7, Seed: 42, Size: 64x64", "does not tell its Sampler"},
        {"a cat\nSteps: 2, Sampler: Euler a, CFG scale: 7, Seed: 42", "does not tell its Size"},
        {"a cat\nSteps: 2, Sampler: Frobnicate, Seed: 42, Size: 64x64", "Sampler: Frobnicate"},
        {"a cat\nSteps: 0, Sampler: Euler a, Seed: 42, Size: 64x64", "Steps: 0 is not in 1..1000"},
        {"a cat\nSteps: 2.5, Sampler: Euler a, Seed: 42, Size: 64x64", "Steps: '2.5' is not a whole number"},
        {"a cat\nSteps: 2, Sampler: Euler a, Seed: -7, Size: 64x64", "Seed: -7 is not at least 0"},
        {"a cat\nSteps: 2, Sampler: Euler a, Seed: 42, Size: 64x99999999999", "Size-2"},
        {"a cat\nSteps: 2, Sampler: Euler a, Seed: 42, Size: 128x64", "is 64x64, but its text says 128x64"},
        {HEAD ", Schedule type: Frobnicate", "Schedule type: Frobnicate"},
        {HEAD ", CFG scale: much", "CFG scale: 'much' is not a number"},
        {HEAD ", RNG: Dice", "RNG: Dice"},
        {HEAD ", Denoising strength: 0.7, Hires upscale: 1, Hires checkpoint: other",
         "Hires checkpoint: needs other; name its file after --hires-checkpoint"},
        {HEAD ", Denoising strength: 0.7", "Denoising strength: needs the picture|name it after -i"},
        {HEAD ", Noise: file", "Noise: needs the file of noise"},
        {HEAD ", Eta: 1.5", "Eta: 1.5 is not in 0..1"},
        {HEAD ", Emphasis: Loud", "Emphasis: Loud"},
        {HEAD ", Discard penultimate sigma: Maybe", "Discard penultimate sigma: Maybe"},
        {HEAD ", Precision: f64", "Precision: f64"},
        {HEAD ", Seed: -1", "Seed: -1 is random"},
        {HEAD ", Seed resize from: 64x0", "seed width: 64 needs a seed height"},
        {HEAD ", Hires upscale: 2, Hires upscaler: 4x-Sharp", "Hires upscaler: needs 4x-Sharp; name its file after"},
        {HEAD ", TI hashes: \"foo: 0123456789ab, bar: ba9876543210\"", "TI hashes: needs foo|--embedding-dir"},
        {HEAD ", Refiner: x", "Refiner: needs x; name its file after --refiner"},
        {HEAD ", VAE: x.pt", "VAE: needs x.pt; name its file after --vae, or none"},
        {HEAD ", VAE Decoder: TAESD", "TAESD: needs TAESD; name its file after --taesd"},
        {HEAD ", Restore faces: True", "Restore faces: True"},
        {HEAD ", Civitai resources: [{\"type\":\"lora\",\"modelVersionId\":5}]", "Civitai resources: needs a lora"},
        {HEAD ", Civitai resources: [{}", "Civitai resources: [{}"},
        {HEAD ", Frobnication: 5", "Frobnication: 5"},
        {HEAD ", CFG Rescale φ: 0.7", "CFG Rescale φ: 0.7"},
        {HEAD ", NGMS: 1", "NGMS: 1"},
        {HEAD ", Noise Schedule: Zero Terminal SNR", "Noise Schedule: Zero Terminal SNR"},
        {HEAD ", Beta schedule alpha: 0.7", "Beta schedule alpha: 0.7"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        copy("a.png", "x.png", CASES[i][0], 0);
        cli_fails(1, CASES[i][1], "replay x.png -m gone.safetensors");
    }
    copy("a.png", "x.png",
         HEAD
         ", Variation seed strength: 0, ENSD: 0, Version: v1.10.1, User: me, VAE Decoder: Full, Civitai "
         "resources: [{\"type\":\"checkpoint\",\"modelVersionId\":5}], "
         "Civitai metadata: {}, Hashes: {\"model\": \"x\"}, Face restoration: , CFG Rescale φ: 0, "
         "Restore faces: False, Noise Schedule: Default, Token merging ratio: 0.0, NGMS: 0, Skip Early CFG: 0, SGM "
         "noise multiplier: False, Beta schedule alpha: 0.6, Beta schedule beta: 0.6, Extra noise: 0, Rescale CFG: 0, "
         "Diffusion in Low Bits: Automatic, "
         "Wildcard prompt: \"a __b__, c\", Template Generated Grid: True, File includes: x",
         0);
    cli_fails(1, "gone.safetensors", "replay x.png -m gone.safetensors");
    if (!sd_builtin()) cli_fails(2, "-m takes", "replay x.png");
    cli_fails(2, "no picture named", "replay -m replay.safetensors");
    cli_fails(1, "has no Denoising strength|leave -i out", "replay x.png -m replay.safetensors -i a.png");
    cli_fails(1, "leave --noise out", "replay x.png -m replay.safetensors --noise replay.safetensors");
    cli_fails(2, "one picture at a time", "replay x.png a.png -m replay.safetensors");
    cli_fails(2, "is also an input file", "replay x.png -m replay.safetensors -o ./x.png");
    cli_fails(1, "gone.png", "replay gone.png -m replay.safetensors");
    copy("a.png", "x.png", HEAD ", Model hash: 0123456789, Model: other", 0);
    CliRun r = cli("replay x.png -m replay.safetensors -q");
    test_check(strstr(r.err, "warning: the picture was made by another model: 0123456789 other, this one is"),
               "another model's hash is a warning");
    test_note("%s", r.err);
    cli_free(&r);
}

void info_replay(void) {
    bool ok = cli_begin() && make_model(cli_path("replay.safetensors"), (MakeModel){.dtype = F32});
    test_check(ok, "the program and a model are there");
    if (!ok) return;
    CliRun r = cli(MAKE "-p 'a (lovely:1.1) cat' -n blurry -o a.png");
    test_check(r.code == 0, "a picture is made");
    test_note("%s", r.err);
    cli_free(&r);
    info();
    replays();
    averages();
    refusals();
}
