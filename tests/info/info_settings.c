/* info_settings.c: every row of the table of settings: a picture with another value than the default is another
 * picture, says so, and is made again from what it says; where a setting does not count, it changes nothing. */
#include "tests/harness/cli.h"
#include "tests/harness/make_model.h"
#include "tests/harness/test.h"
#include "test_info.h"
#include "sd/image/image.h"
#include "sd/info/infotext_request.h"
#include "sd/sd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = 64 };

/* Changes row p of r to another value than its default, which every sampler can serve. words: where a word is kept. */
static void change(const Param *p, SdRequest *r, char *word, size_t size) {
    void *at = (char *)r + p->at;
    double v = param_number(p, r), other = p->high <= 1                      ? 0.5
                                           : !strcmp(p->name, "hires-scale") ? 1.5
                                           : !strcmp(p->name, "sd-upscale")  ? 2
                                                                             : 5;
    switch (p->type) {
    case PARAM_INT: *(int *)at = p->low == 8 ? SIDE + 8 : (int)v + 1; break;
    case PARAM_INT64: *(int64_t *)at = 31337; break;
    case PARAM_DOUBLE: *(double *)at = other; break;
    case PARAM_BOOL: *(bool *)at = true; break;
    case PARAM_ENUM: param_set_number(p, r, param_high(p)); break;
    case PARAM_SAMPLER: *(const char **)at = "DPM++ 2M"; break;
    case PARAM_SCHEDULER: *(const char **)at = "Karras"; break;
    case PARAM_PROMPT: *(const char **)at = "a (red:1.4) [circle]\nand, a: square"; break;
    case PARAM_FILE: snprintf(word, size, "%s", cli_path("noise.safetensors")), *(const char **)at = word; break;
    case PARAM_STRING: /* what enlarges; others do not change a picture */
        *(const char **)at = p->of_tiles ? "Nearest" : "Lanczos";
        break;
    }
}

/* The value as an option says it. */
static void say(const Param *p, const SdRequest *r, char *out, size_t size) {
    const void *at = (const char *)r + p->at;
    char word[40];
    switch (p->type) {
    case PARAM_INT:
    case PARAM_INT64: snprintf(out, size, "--%s %.0f", p->name, param_number(p, r)); break;
    case PARAM_DOUBLE: snprintf(out, size, "--%s %.17g", p->name, param_number(p, r)); break;
    case PARAM_BOOL: snprintf(out, size, "--%s", p->name); break;
    case PARAM_ENUM:
        words_get(p->value, (int)param_number(p, r), word, sizeof word);
        snprintf(out, size, "--%s %s", p->name, word);
        break;
    default: snprintf(out, size, "--%s '%s'", p->name, *(const char *const *)at);
    }
}

typedef struct {
    SdModel *model, *refiner;
    uint8_t image[SIDE * SIDE / 2 * 3]; /* SIDE x SIDE/2, so that it has to be resized */
    uint8_t mask[SIDE * SIDE / 2];      /* a box that is not in the middle */
} Fixture;

/* Whether a row itself asks for hires fix. */
static bool begins_hires(const Param *p) {
    return !strcmp(p->name, "hires-scale") || !strcmp(p->name, "hires-width") || !strcmp(p->name, "hires-height");
}

static SdRequest plain(const Fixture *f, const Param *p) {
    SdRequest r = sd_request(f->model);
    r.prompt = "a (red:1.2) circle", r.negative = "blurry";
    bool levels = !strcmp(p->name, "scheduler") || !strcmp(p->name, "rho"); /* two steps hardly show between others */
    r.width = r.height = SIDE, r.steps = p->of_image || begins_hires(p) ? 4 : levels ? 3 : 2;
    r.seed = 42, r.keep = true;
    if (p->of_refiner) r.refiner = f->refiner, r.steps = 6;
    if (p->of_hires && !begins_hires(p)) r.hires_scale = 1.5;
    if (r.hires_scale > 0 && strcmp(p->name, "hires-steps")) r.hires_steps = p->type == PARAM_SCHEDULER ? 4 : 3;
    if (!strcmp(p->name, "refiner-by-steps")) r.refiner_switch = 0.3, r.steps = 4;
    if (p->of_mask) r.mask = f->mask, r.mask_width = SIDE, r.mask_height = SIDE / 2, r.mask_blur = 1;
    if (!strcmp(p->name, "mask-padding")) r.only_masked = true, r.mask_padding = 0;
    if (!strncmp(p->name, "soft-", 5)) r.soft = true;
    if (p->of_image) r.image = f->image, r.image_width = SIDE, r.image_height = SIDE / 2;
    if (p->of_tiles) r.width = SIDE + SIDE / 2;
    if (p->of_tiles && strcmp(p->name, "sd-upscale")) r.sd_upscale = 2;
    if (p->of_windows) r.tiled_diffusion = SD_TILED_MULTIDIFFUSION;
    if (p->of_windows || !strcmp(p->name, "tiled-diffusion")) r.width = 800, r.height = 16; /* two windows */
    if (!strcmp(p->name, "tile-height")) r.width = 16, r.height = 800;
    if (!strcmp(p->name, "tile-overlap")) /* two, or three */
        r.width = 224, r.height = 128, r.tile_width = r.tile_height = 16, r.tile_overlap = 4;
    if (!strcmp(p->name, "batch-size")) { /* three tiles, of which the seeds of the last one differ */
        r.image = f->image, r.image_width = SIDE, r.image_height = SIDE / 2;
        r.sd_upscale = 3, r.sd_upscale_overlap = 0, r.height = SIDE + SIDE / 2, r.steps = 4;
    }
    if (!strcmp(p->name, "comments")) r.prompt = "a (red:1.2) circle # on blue";
    if (!strncmp(p->name, "variation", 9)) r.variation_strength = 0.25, r.variation_seed = 7;
    if (!strncmp(p->name, "seed-", 5)) r.seed_width = r.seed_height = 96;
    if (!strncmp(p->name, "s-", 2) && strcmp(p->name, "s-churn")) r.s_churn = 1;
    return r;
}

static bool draw(const Fixture *f, const SdRequest *r, SdResult *out, Error *e) {
    return (r->image ? sd_img2img : sd_txt2img)(f->model, r, out, e);
}

static bool equal(const SdResult *a, const SdResult *b) {
    const SdPicture *x = a->pictures, *y = b->pictures;
    return a->count > 0 && b->count > 0 && x->width == y->width && x->height == y->height &&
           !memcmp(x->rgb, y->rgb, (size_t)x->width * (size_t)x->height * 3);
}

/* Whether the text of a picture of `want` gives back the row's value, and, with `redraw`, the same picture. */
static bool replays(const Fixture *f, const Param *p, const SdRequest *want, const SdResult *was, bool redraw,
                    Error *e) {
    InfoRead text = {0};
    SdResult again = {0};
    SdRequest back = sd_request(NULL);
    back.noise = want->noise, back.refiner = want->refiner;
    bool ok = infotext_read(was->pictures[0].parameters, &text, e) && infotext_request(&text, &back, e);
    back.mask = want->mask, back.mask_width = want->mask_width, back.mask_height = want->mask_height;
    back.image = want->image, back.image_width = want->image_width, back.image_height = want->image_height;
    if (ok && param_number(p, &back) != param_number(p, want))
        ok = error_set(e, ERR_FORMAT, "another value comes back");
    const char *const *a = (const void *)((const char *)&back + p->at), *const *b =
                                                                            (const void *)((const char *)want + p->at);
    if (ok && p->type >= PARAM_SAMPLER && (!*a || strcmp(*a, *b)))
        ok = error_set(e, ERR_FORMAT, "another text comes back");
    if (ok && redraw) ok = draw(f, &back, &again, e);
    if (ok && redraw && !equal(was, &again)) ok = error_set(e, ERR_FORMAT, "another picture comes back");
    sd_free(&again);
    infotext_read_free(&text);
    return ok;
}

/* One row with one sampler: whether the value counts. */
static bool matters(const Fixture *f, const Param *p, const char *sampler, const char *scheduler, bool redraw,
                    SdRequest *changed, char *word, size_t size, bool *counts) {
    SdRequest r = plain(f, p);
    SdResult a = {0}, b = {0};
    Error e = {0};
    const Scheduler *found = NULL;
    r.sampler = sampler, r.scheduler = scheduler;
    *changed = r;
    change(p, changed, word, size);
    *counts = param_written(p, changed, request_sampler(changed, &found, &e)) || p->type == PARAM_PROMPT;
    bool ok = draw(f, &r, &a, &e) && draw(f, changed, &b, &e), differs = ok && !equal(&a, &b);
    if (ok && *counts && !replays(f, p, changed, &b, redraw, &e)) ok = false;
    test_check(ok && differs == *counts, "--%s with %s %s: %s", p->name, sampler, scheduler ? scheduler : "",
               *counts ? "changes the picture, which says so and is made again" : "changes nothing");
    test_note("%s%s; %s", e.text, differs ? "; the pictures differ" : "; the pictures are equal",
              b.count ? b.pictures[0].parameters : "none");
    sd_free(&a);
    sd_free(&b);
    return ok && *counts;
}

/* By the program: make and replay. */
static void program(const Param *p, const SdRequest *r) {
    char option[600];
    say(p, r, option, sizeof option);
    const char *churn = r->s_churn == 1 ? " --s-churn 1" : "";
    const char *seeds = r->seed_width > 0 ? " --seed-width 96 --seed-height 96" : "";
    const char *varied = r->variation_strength > 0 ? " --variation-seed 7 --variation-strength 0.25" : "";
    const char *refined = r->refiner ? " --refiner refiner.safetensors" : "";
    const char *masked = !r->mask ? "" : r->only_masked ? " --mask mask.png --only-masked" : " --mask mask.png";
    const char *blurred = r->mask && strcmp(p->name, "mask-blur")
                              ? r->soft && p->type != PARAM_BOOL ? " --mask-blur 1 --soft" : " --mask-blur 1"
                              : "";
    const char *twice = !p->of_hires || begins_hires(p) ? ""
                        : r->hires_steps == 4           ? " --hires-scale 1.5 --hires-steps 4"
                        : r->hires_steps == 3           ? " --hires-scale 1.5 --hires-steps 3"
                                                        : " --hires-scale 1.5";
    const char *at = !strcmp(p->name, "refiner-by-steps") ? " --refiner-switch 0.3" : "";
    const char *tiled = r->sd_upscale == 3                             ? " --sd-upscale 3 --sd-upscale-overlap 0"
                        : p->of_tiles && strcmp(p->name, "sd-upscale") ? " --sd-upscale 2"
                        : r->tile_width == 16 ? " --tiled-diffusion multidiffusion --tile-width 16 --tile-height 16"
                        : p->of_windows       ? " --tiled-diffusion multidiffusion"
                                              : "";
    CliRun made =
        cli("%s -m info.safetensors%s -p '%s' -n blurry -W %d -H %d --steps %d --seed 42 --threads 1 "
            "--sampler '%s' --scheduler '%s'%s%s%s%s%s%s%s%s%s %s -o set.png -q",
            r->image ? "img2img" : "txt2img", r->image ? " -i from.png" : "", r->prompt,
            strcmp(p->name, "width") ? r->width : SIDE, strcmp(p->name, "height") ? r->height : SIDE, r->steps,
            r->sampler, r->scheduler ? r->scheduler : "Automatic", tiled, churn, seeds, varied, refined, at,
            p->type == PARAM_BOOL && r->only_masked ? " --mask mask.png" : masked, blurred, twice, option);
    test_check(made.code == 0, "sdc makes a picture with %s", option);
    test_note("%s", made.err);
    cli_free(&made);
    cli_works("set.png: equal\n", "replay set.png -m info.safetensors --threads 1%s%s%s%s",
              r->image ? " -i from.png" : "", p->type == PARAM_FILE ? " --noise noise.safetensors" : "", refined,
              r->mask ? " --mask mask.png" : "");
}

/* A U-Net of other numbers. */
static void another(void *user, MadeTensors *l) {
    (void)user;
    for (size_t i = 0; i < l->count; i++)
        if (!strncmp(l->at[i].source, "model.", 6)) l->at[i].source[0] = 'M';
}

static bool begin(Fixture *f) {
    Error e = {0};
    SdResult out = {0};
    const Param none = {.name = ""};
    if (!cli_begin() || !make_model(cli_path("info.safetensors"), (MakeModel){.dtype = F32}) ||
        !make_model(cli_path("refiner.safetensors"), (MakeModel){.dtype = F32, .edit = another}))
        return false;
    f->model = sd_open(cli_path("info.safetensors"), &(SdOptions){.threads = 1}, &e);
    f->refiner = sd_open(cli_path("refiner.safetensors"), &(SdOptions){.threads = 1}, &e);
    for (size_t i = 0; i < sizeof f->image; i++) f->image[i] = (uint8_t)(128 + 100 * test_uniform(5, i));
    uint8_t grey[SIDE * SIDE / 2 * 3] = {0};
    for (int i = 0; i < SIDE * SIDE / 2; i++) {
        f->mask[i] = i % SIDE > 20 && i % SIDE < 44 && i / SIDE > 8 && i / SIDE < 20 ? 255 : 0;
        for (int c = 0; c < 3; c++) grey[3 * i + c] = f->mask[i];
    }
    SdPicture masks = {.rgb = grey, .width = SIDE, .height = SIDE / 2};
    SdPicture from = {.rgb = f->image, .width = SIDE, .height = SIDE / 2};
    SdRequest r = plain(f, &none);
    r.seed = 1;
    r.taps = cli_path("noise.safetensors"), r.tap = "noise";
    return f->model && f->refiner && sd_save_png(&from, cli_path("from.png"), &e) &&
           sd_save_png(&masks, cli_path("mask.png"), &e) && sd_txt2img(f->model, &r, &out, &e) && (sd_free(&out), true);
}

/* Where --precision is not f32 the picture says so, and is made again in it. */
static void precisions(void) {
    cli_works("", "txt2img -m info.safetensors -p x -W 64 -H 64 --steps 1 --seed 1 --precision f32-direct -o p.png -q");
    cli_works("Precision  |f32-direct", "png-info p.png");
    cli_works("p.png: equal\n", "replay p.png -m info.safetensors");
    cli_works("", "txt2img -m info.safetensors -p x -W 64 -H 64 --steps 1 --seed 1 --precision mixed -o p.png -q");
    if (sd_has_mixed()) cli_works("Precision  |mixed", "png-info p.png");
    cli_works("p.png: equal\n", "replay p.png -m info.safetensors");
}

void info_settings(void) {
    static const char *const SAMPLERS[] = {"Euler a", "Euler", "DPM++ 2M SDE", "DDIM"}, *const SCHEDULES[] = {NULL,
                                                                                                              "Karras"};
    Fixture *f = calloc(1, sizeof *f);
    if (test_check(f && begin(f), "a model, a picture and noise to begin with")) {
        for (const Param *p = PARAMS; p < PARAMS + PARAM_COUNT; p++) {
            if (p->of_sizes) continue; /* this model is told no sizes */
            if (!strcmp(p->name, "mask-weight") || !strcmp(p->name, "image-cfg") || !strcmp(p->name, "noise-level"))
                continue;                                     /* suites inpaint_models, x4 */
            if (!strncmp(p->name, "vae-", 4)) continue;       /* need a TAESD: suite parts */
            if (p->of_extend || p->in_extend) continue;       /* make others of sizes: suite outpainting */
            if (!strcmp(p->name, "lora-apply")) continue;     /* needs a LoRA: suite networks */
            if (!p->key && p->type != PARAM_PROMPT) continue; /* changes no picture */
            bool done = false, counts;
            int samplers = p->counts ? 4 : 1,
                schedules = !strncmp(p->name, "sigma-", 6) || !strcmp(p->name, "rho") ? 2 : 1;
            for (int i = 0; i < samplers * schedules; i++) {
                char word[600];
                SdRequest r;
                if (!matters(f, p, SAMPLERS[i / schedules], SCHEDULES[i % schedules], done, &r, word, sizeof word,
                             &counts) ||
                    done)
                    continue;
                program(p, &r);
                done = true;
            }
            test_check(done, "some sampler has --%s", p->name);
        }
        precisions();
        sd_close(f->model);
        sd_close(f->refiner);
    }
    free(f);
}
