/* info_write.c: the text of parameters is the webui's, to the letter, and is read back. */
#include "tests/harness/test.h"
#include "test_info.h"
#include "sd/info/infotext.h"
#include "sd/info/infotext_request.h"

#include <stdlib.h>
#include <string.h>

static char *text_of(const SdRequest *r, const InfoField *fields) {
    const Scheduler *scheduler = NULL;
    const Sampler *sampler = request_sampler(r, &scheduler, NULL);
    return sampler ? infotext(r, sampler, scheduler, fields, NULL) : NULL;
}

static void check(const char *name, const SdRequest *r, const InfoField *fields, const char *want) {
    char *text = text_of(r, fields);
    if (!test_check(text && !strcmp(text, want), "infotext: %s", name))
        test_note("got %s\n         not %s", text ? text : "nothing", want);
    free(text);
}

static SdRequest request(const char *prompt, int steps, const char *sampler, double cfg, int64_t seed, int width,
                         int height) {
    SdRequest r = sd_request(NULL);
    r.prompt = prompt, r.steps = steps, r.sampler = sampler, r.cfg = cfg, r.seed = seed;
    r.width = width, r.height = height;
    return r;
}

static void texts(void) {
    static const uint8_t pixel[3];
    SdRequest r = request("a cat, (detailed:1.2)", 20, "DPM++ 2M", 7, 42, 512, 512);
    const InfoField webui[] = {{PLACE_MODEL, "Model hash", "6ce0161689"},
                               {PLACE_MODEL, "Model", "v1-5-pruned-emaonly"},
                               {PLACE_END, "Lora hashes", "foo: 0123456789ab, bar: ba9876543210"},
                               {PLACE_END, "Version", "v1.10.1"},
                               {0}};
    r.negative = "blurry", r.scheduler = "Karras";
    check("the webui's example", &r, webui,
          "a cat, (detailed:1.2)\nNegative prompt: blurry\nSteps: 20, Sampler: DPM++ 2M, Schedule type: Karras, CFG "
          "scale: 7, Seed: 42, Size: 512x512, Model hash: 6ce0161689, Model: v1-5-pruned-emaonly, "
          "Lora hashes: \"foo: 0123456789ab, bar: ba9876543210\", Version: v1.10.1");
    r = request("", 1, "euler a", 7.5, -1, 64, 8);
    check("the least", &r, NULL,
          "Steps: 1, Sampler: Euler a, Schedule type: Automatic, CFG scale: 7.5, Seed: -1, Size: 64x8");
    r = request(" \n two\nlines ", 30, "DDIM", 1.1, 4294967296, 768, 512);
    r.negative = "bad\nworse";
    r.variation_seed = 3, r.variation_strength = 0.25, r.seed_width = 64, r.seed_height = 72;
    r.image = pixel, r.image_width = r.image_height = 1;
    r.strength = 0.75, r.clip_skip = 2, r.ensd = 31337, r.rng = SD_RNG_CPU, r.eta = 0.5;
    r.s_churn = 5, r.s_noise = 1.007, r.sigma_min = 1; /* DDIM has none of these */
    r.discard_next_to_last = true, r.emphasis = SD_EMPHASIS_NO_NORM;
    r.strength_steps = SD_STEPS_EXACT, r.resize = SD_RESIZE_CROP, r.encode = SD_ENCODE_MEAN;
    const InfoField quoted[] = {{PLACE_MODEL, "Model", "a, \"b\": \\c\n"},
                                {PLACE_MODEL, "VAE hash", "0123456789"},
                                {PLACE_MODEL, "VAE", "VAE"},
                                {PLACE_END, "Precision", NULL},
                                {PLACE_END, "Version", "sd.c"},
                                {0}};
    check(
        "everything", &r, quoted,
        "two\nlines \nNegative prompt: bad\nworse\nSteps: 30, Sampler: DDIM, Schedule type: Automatic, CFG scale: 1.1, "
        "Seed: 4294967296, Size: 768x512, Model: \"a, \\\"b\\\": \\\\c\\n\", VAE hash: 0123456789, VAE, Variation "
        "seed: "
        "3, Variation seed strength: 0.25, Seed resize from: 64x72, Denoising strength: 0.75, Clip skip: 2, ENSD: "
        "31337, RNG: CPU, Eta DDIM: 0.5, Discard penultimate sigma: True, Emphasis: No norm, Strength steps: exact, "
        "Resize mode: Crop and resize, Encode: mean, Version: sd.c");
    r = request("p", 1, "Euler", 7, 0, 8, 8);
    r.scheduler = "polyexponential", r.eta = 0.5;
    r.s_churn = 5, r.s_tmin = 1e-5, r.s_tmax = 1e6, r.s_noise = 0;
    r.sigma_min = 0.1, r.sigma_max = 20, r.rho = 3;
    check("sigmas", &r, NULL,
          "p\nSteps: 1, Sampler: Euler, Schedule type: Polyexponential, CFG scale: 7, Seed: 0, Size: 8x8, Sigma churn: "
          "5, Sigma tmin: 1e-05, Sigma tmax: 1000000, Sigma noise: 0, Schedule min sigma: 0.1, Schedule max sigma: 20, "
          "Schedule rho: 3");
}

static void numbers(void) {
    static const struct {
        double v;
        const char *want;
    } NUMBERS[] = {{0.1, "0.1"},
                   {100, "100"},
                   {0.0001, "0.0001"},
                   {1234567.25, "1234567.25"},
                   {1.0 / 3, "0.3333333333333333"},
                   {-2.5, "-2.5"},
                   {0, "0"},
                   {1e15, "1000000000000000"},
                   {1e16, "1e+16"},
                   {1e-5, "1e-05"},
                   {5e-324, "5e-324"},
                   {30, "30"},
                   {0.30000000000000004, "0.30000000000000004"}};
    for (size_t i = 0; i < sizeof NUMBERS / sizeof *NUMBERS; i++) {
        SdRequest r = request("p", 1, "Euler", NUMBERS[i].v, 0, 8, 8);
        char *text = text_of(&r, NULL), want[64] = "CFG scale: ";
        strcat(strcat(want, NUMBERS[i].want), ", Seed");
        test_check(text && strstr(text, want), "%s in a text", NUMBERS[i].want);
        test_note("%s", text ? text : "nothing");
        free(text);
    }
}

static void round_trips(void) {
    SdRequest requests[3] = {request("a cat", 20, "Euler a", 7, 42, 512, 768),
                             request("", 1, "DPM++ 2M", 7.5, INT64_MAX, 64, 64),
                             request("a\nb: c, d: e, f: g\n\nh", 3, "DDIM", 0.1, 0, 8, 16)};
    const InfoField fields[] = {{PLACE_MODEL, "Model", "a, \"b\": c\\"},
                                {PLACE_END, "Precision", "mixed"},
                                {PLACE_END, "Version", "sd.c"},
                                {0}};
    requests[0].negative = "dog", requests[0].clip_skip = 2, requests[0].rng = SD_RNG_CPU;
    requests[1].scheduler = "Karras";
    requests[2].negative = "i\nj", requests[2].variation_seed = 5, requests[2].variation_strength = 0.25;
    for (int i = 0; i < 3; i++) {
        const SdRequest *r = &requests[i];
        Error e = {0};
        InfoRead read = {0};
        SdRequest back = sd_request(NULL);
        SdPrecision precision = SD_F32;
        char *text = text_of(r, fields);
        bool ok = text && infotext_read(text, &read, &e) && infotext_request(&read, &back, &e) &&
                  infotext_precision(&read, &precision, &e) && precision == SD_MIXED;
        ok = ok && !strcmp(back.prompt, r->prompt) && !strcmp(back.negative, r->negative ? r->negative : "");
        ok = ok && !strcmp(back.sampler, r->sampler) && !strcmp(infotext_get(&read, "Model"), fields[0].value);
        ok = ok && (r->scheduler ? back.scheduler && !strcmp(back.scheduler, r->scheduler) : !back.scheduler);
        for (int k = 0; ok && k < PARAM_COUNT; k++) ok = param_number(&PARAMS[k], &back) == param_number(&PARAMS[k], r);
        test_check(ok && back.seed == r->seed, "what infotext() writes is read back, text %d", i);
        test_note("%s; %s", e.text, text ? text : "nothing");
        infotext_read_free(&read);
        free(text);
    }
}

void info_write(void) {
    texts();
    numbers();
    round_trips();
}
