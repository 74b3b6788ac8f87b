/* hostile_states.c: `sdc train` told to resume from states that are damaged or another training's, and given names and
 * options that cannot be. Every row begins from a good state of one step of a small VAE's training. */
#define _XOPEN_SOURCE 700
#include "hostile.h"
#include "sd/image/codecs/png.h"
#include "tests/harness/cli.h"
#include "tests/harness/make_model.h"
#include "tests/harness/test.h"
#include "weights/formats/safetensors.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RUN "train --data d -m vae.model --train vae --size 16 --crop 0 --whole-batch 1 -q --out o "
#define RESUME RUN "--steps 3 --resume"

/* What is changed in the state: a key of its metadata (value NULL: removed), or one number of a tensor. */
typedef struct {
    const char *name, *key, *value, *tensor;
    float number;
    const char *args; /* after RESUME; or NULL */
    int code;
    const char *words;
} Row;

static const Row ROWS[] = {
    {"good", .words = ""},
    {"step-abc", "sdc.step", "abc", .code = 1, .words = "o.state: its sdc.step is 'abc', not a number"},
    {"step-negative", "sdc.step", "-1", .code = 1, .words = "its sdc.step is '-1'"},
    {"step-plus", "sdc.step", "+1", .code = 1, .words = "its sdc.step is '+1'"},
    {"step-blank", "sdc.step", " 1", .code = 1, .words = "its sdc.step is ' 1'"},
    {"step-empty", "sdc.step", "", .code = 1, .words = "its sdc.step is ''"},
    {"step-too-large", "sdc.step", "99999999999999999999", .code = 1, .words = "not a number"},
    {"step-missing", "sdc.step", NULL, .code = 1, .words = "o.state: lacks sdc.step"},
    {"step-beyond", "sdc.step", "9223372036854775807", .code = 1,
     .words = "has done 9223372036854775807 steps, more than --steps 3"},
    {"step-four-of-three", "sdc.step", "4", .code = 1, .words = "has done 4 steps, more than --steps 3"},
    {"seed-other", "sdc.seed", "5", .code = 1, .words = "a training with --seed 5"},
    {"seed-option", .args = "--seed 9", .code = 1, .words = "a training with --seed 0"},
    {"seed-missing", "sdc.seed", NULL, .code = 1, .words = "lacks sdc.seed"},
    {"seed-abc", "sdc.seed", "abc", .code = 1, .words = "its sdc.seed is 'abc'"},
    {"trains-other", "sdc.trains", "unet", .code = 1, .words = "a training with --train unet"},
    {"trains-option", .args = "--train unet", .code = 1, .words = "a training with --train vae"},
    {"trains-missing", "sdc.trains", NULL, .code = 1, .words = "lacks sdc.trains"},
    {"other-model", "sdc.parameters", "0123456789abcdef", .code = 1, .words = "belongs to another model"},
    {"older-state", "sdc.parameters", NULL, .code = 0, .words = ""},
    {"other-shapes", .args = "-m $B", .code = 1, .words = "another model"},
    {"value-nan", .tensor = "values", .number = NAN, .code = 1, .words = "o.state: number 7 of its values is nan"},
    {"moment-infinite", .tensor = "m", .number = INFINITY, .code = 1, .words = "number 7 of its m is inf"},
    {"square-negative", .tensor = "v", .number = -1e-9f, .code = 1, .words = "number 7 of its v is -1e-09"},
    {"average-nan", .tensor = "ema", .number = NAN, .code = 1, .words = "number 7 of its ema is nan"},
    {"average-unwanted", .args = "--ema 0", .code = 1, .words = "holds a moving average"},
    {"others-may-change", .args = "--lr 0.0001 --whole-batch 2", .code = 0, .words = ""},
};

/* `make` changes the files of a good state first, in the shell. */
typedef struct {
    const char *name, *make, *args;
    int code;
    const char *words;
} Made;

static const Made MADE[] = {
    {"state-empty", ": > o.state", RESUME, 1, "o.state: "},
    {"state-text", "echo hello > o.state", RESUME, 1, "o.state: "},
    {"state-cut", "head -c 5000 s.state > o.state", RESUME, 1, "o.state: "},
    {"state-is-a-model", "cp vae.model o.state", RESUME, 1, "o.state: lacks sdc.step"},
    {"state-without-average", "\"$SDC\" " RUN "--steps 1 --ema 0 --overwrite", RESUME, 1,
     "o.state: holds no moving average; resume with --ema 0"},
    {"state-fifo", "rm o.state; mkfifo o.state", RESUME, 1, "o.state: "},
    {"state-link-to-nothing", "rm o.state; ln -s gone o.state", RESUME, 1, "o.state: is a broken symbolic link"},
    {"state-gone", "rm o.state", RESUME, 1, "o.state: does not exist"},
    {"exists", "", RUN, 2, "o: already exists|--resume|--overwrite"},
    {"state-exists", "rm o", RUN, 2, "o.state: already exists"},
    {"both", "", RESUME " --overwrite", 2, "--resume and --overwrite"},
    {"out-is-a-folder", "rm o; mkdir o", RUN "--overwrite", 1, "o: "},
    {"out-link-to-nothing", "rm o o.state; ln -s gone o", RUN, 2, "o: already exists"},
    {"model-gone", "", RUN "--overwrite -m gone", 1, "gone: cannot be opened"},
    /* names */
    {"name-of-250", "", RUN "--out $(printf %0250d 0)", 1, "name too long"},
    {"path-of-5000", "", RUN "--out $(printf %05000d 0)", 1, "too long for the name of a file"},
    {"path-of-1020", "", RUN "--out $(printf %01020d 0)", 1, "000"},
    {"out-in-nothing", "", RUN "--out gone/o", 1, "gone/o: its directory cannot be used"},
    {"out-slash", "", RUN "--out ./", 1, "names a directory"},
    /* logs */
    {"log-full", "", RESUME " --log /dev/full", 1, "/dev/full: the log cannot be written: No space left"},
    {"log-folder", "mkdir l", RESUME " --log l", 1, "l: is a directory"},
    {"log-fifo", "mkfifo l", RESUME " --log l", 1, "l: is a named pipe"},
    {"log-in-nothing", "", RESUME " --log gone/l", 1, "gone/l: "},
    {"log-is-out", "", RESUME " --log o", 2, "--log o: is a model or a state"},
    {"log-is-state", "", RESUME " --log ./o.state", 2, "--log ./o.state: is a model or a state"},
    {"log-closed", "", RESUME " --log /dev/fd/47", 1, "/dev/fd/47: the log cannot be written"},
    {"log-not-text", "head -c 99 /dev/zero > l", RESUME " --log l", 0, ""},
    /* options */
    {"data-seed", "", RUN "--overwrite --data shapes:abc", 2, "shapes:abc: its seed is not a whole number"},
    {"data-no-seed", "", RUN "--overwrite --data shapes:", 2, "its seed is not a whole number"},
    {"data-seed-negative", "", RUN "--overwrite --data shapes:-1", 2, "its seed is not a whole number"},
    {"accumulate", "", RUN "--overwrite --batch-size 3 --accumulate 2", 2, "multiple of --accumulate"},
    {"beta-one", "", RUN "--overwrite --beta1 1", 2, "below 1"},
    {"beta2-one", "", RUN "--overwrite --beta2 1", 2, "below 1"},
    {"lr-nan", "", RUN "--overwrite --lr nan", 2, "nan"},
    {"lr-negative", "", RUN "--overwrite --lr -1", 2, "-1"},
    {"steps-none", "", RUN "--overwrite --steps 0", 2, "0"},
    {"odd-size", "", RUN "--overwrite --size 17", 2, "multiples of"},
    {"too-large", "", RUN "--overwrite --size 344 --whole-batch 65536", 1, "needs|MiB of memory, this machine has"},
    {"kinds", "", RUN "--overwrite --data shapes --kinds 1,2", 2, "five numbers"},
    {"kinds-none", "", RUN "--overwrite --data shapes --kinds 0,0,0,0,0", 2, "--kinds: the shares add up to 0"},
    {"kinds-infinite", "", RUN "--overwrite --data shapes --kinds inf,1,0,0,0", 2, "--kinds: the shares add up to inf"},
    {"kinds-huge", "", RUN "--overwrite --data shapes --kinds 1e308,1e308,0,0,0", 2,
     "--kinds: the shares add up to inf"},
    {"crop-larger", "", RUN "--overwrite --crop 32", 2, "--crop 32: is larger than --size 16"},
    {"accumulate-more", "", RUN "--overwrite --batch-size 4 --accumulate 4 --steps 1", 0, ""},
    {"latents-not-finite", "rm o o.state", RUN "--steps 2 --save-every 1 --crop 2 -m large.model", 1,
     "the VAE's latents of a picture are not finite|1e+30, in first_stage_model.encoder.mid.attn_1.norm"},
    {"not-in-half", "rm o o.state", RUN "--steps 1 -m large.model --data shapes --train unet --dtype f16", 1,
     "large.model: first_stage_model.|holds|more than f16 can"},
    {"check-drawn", "", "train --data shapes --check", 2, "reads a folder"},
};

static void large_norm(void *user, MadeTensors *l) {
    (void)user;
    for (size_t i = 0; i < l->count; i++)
        if (!strcmp(l->at[i].name, "first_stage_model.encoder.mid.attn_1.norm.weight"))
            l->at[i].values = VALUES_ALL, l->at[i].value = -1e30;
}

/* s.state with one change, to o.state. */
static bool change(const Row *r) {
    Error e = {0};
    WeightFile *f = weight_file_open(cli_path("s.state"), &e);
    static const char *const KEYS[] = {"sdc.step", "sdc.seed", "sdc.trains", "sdc.parameters"};
    static const char *const NAMES[] = {"values", "m", "v", "ema"};
    FileMeta meta[4];
    FileTensor list[4];
    size_t n = 0;
    for (int i = 0; f && i < 4; i++) {
        bool this = r->key && !strcmp(r->key, KEYS[i]);
        if (!this || r->value) meta[n++] = (FileMeta){KEYS[i], this ? r->value : weight_file_meta(f, KEYS[i])};
        list[i] = *weight_file_find(f, NAMES[i]);
    }
    StWriter *w = f ? st_write_begin(cli_path("o.state"), list, 4, meta, n, &e) : NULL;
    bool ok = w != NULL;
    for (int i = 0; ok && i < 4; i++) {
        const FileTensor *t = weight_file_find(f, NAMES[i]);
        size_t size = (size_t)file_tensor_count(t) * sizeof(float);
        float *x = malloc(size);
        if (!x) abort();
        memcpy(x, file_tensor_data(f, t), size);
        if (r->tensor && !strcmp(r->tensor, NAMES[i])) x[7] = r->number;
        ok = st_write_data(w, x, size, &e);
        free(x);
    }
    ok = ok && st_write_end(w, &e);
    weight_file_close(f);
    return test_check(ok, "a state for %s", r->name);
}

/* A refused one leaves model and state as they were. */
static void check(const char *name, const char *args, int code, const char *words) {
    size_t before[2] = {0}, after[2] = {0};
    char *model = test_read(cli_path("o"), &before[0]), *now;
    hostile_case(&(HostileCase){.name = name, .args = args, .code = code, .words = words});
    now = test_read(cli_path("o"), &after[0]);
    if (code)
        test_check(before[0] == after[0] && (!model || !memcmp(model, now, before[0])), "%s: the model stays", name);
    free(model);
    free(now);
}

/* d/a.png: one picture costs the least when the latents are measured at the end. */
static bool picture(void) {
    uint8_t rgb[16 * 16 * 3], *png = NULL;
    size_t size;
    for (size_t i = 0; i < sizeof rgb; i++) rgb[i] = (uint8_t)(i * 37);
    CliRun r = cli_shell("mkdir d", false);
    cli_free(&r);
    bool ok = png_encode(rgb, 16, 16, NULL, 0, &png, &size, NULL) && test_write(cli_path("d/a.png"), png, size);
    free(png);
    return ok;
}

HOSTILE(states) {
    MakeModel spec = {.size = MODEL_MICRO, .layout = MODEL_SINGLE, .dtype = F32};
    SdConfig k = tiny_config();
    bool made = make_model_of(cli_path("vae.model"), spec, k);
    spec.edit = large_norm;
    k.vae.groups = k.vae.channels; /* a crop of one latent does not show it: one number alone is normalised to 0 */
    made = made && make_model_of(cli_path("large.model"), spec, k);
    if (!test_check(made && picture(), "small VAEs")) return;
    CliRun r = cli_shell("\"$SDC\" " RUN "--steps 1 && mv o.state s.state && mv o s", false);
    test_check(r.code == 0, "a step of its training");
    cli_tell(&r);
    cli_free(&r);
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        char args[400];
        r = cli_shell("cp s o", false);
        cli_free(&r);
        snprintf(args, sizeof args, RESUME " %s", ROWS[i].args ? ROWS[i].args : "");
        if (change(&ROWS[i])) check(ROWS[i].name, args, ROWS[i].code, ROWS[i].words);
    }
    for (size_t i = 0; i < sizeof MADE / sizeof *MADE; i++) {
        char make[400];
        snprintf(make, sizeof make, "rm -rf o o.state l; cp s o; cp s.state o.state; %s", MADE[i].make);
        r = cli_shell(make, false);
        cli_free(&r);
        check(MADE[i].name, MADE[i].args, MADE[i].code, MADE[i].words);
    }
    r = cli_shell("rm -rf o o.state l s s.state vae.model large.model d", false);
    cli_free(&r);
}
