/* train.c: `sdc train`. */
#include "sd/sd.h"
#include "sd/train/train.h"
#include "tools/cli/commands.h"
#include "tools/cli/output.h"
#include "tools/shapes/shapes.h"
#include "weights/atomic_file.h"
#include "train_data.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct {
    const char *data, *model, *out, *log, *trains, *schedule, *prediction, *dtype, *sample;
    bool resume, overwrite, quiet, no_zero_snr, recompute;
    int64_t steps, batch, accumulate, save_every, cache, seed, threads, warmup, crop, whole_batch, size, log_every;
    double lr, min_lr, ema, beta1, beta2, eps, decay, clip, min_snr, noise_offset, caption_dropout, word_dropout;
    double crop_share, l1, kl, shift;
    DrawnOptions drawn;
} Arguments;

#define A(field) offsetof(Arguments, field)
const Option TRAIN_OPTIONS[] = {
    {OPT_STRING, 0, "data", A(data), "DIR", "pictures with .txt captions or metadata.jsonl; or shapes[:SEED], drawn", 0,
     0},
    {OPT_STRING, 'm', "model", A(model), "MODEL", "the model to begin with (a small new one)", 0, 0},
    {OPT_STRING, 'o', "out", A(out), "FILE", "the trained model; FILE.state holds what --resume needs", 0, 0},
    {OPT_CHOICE, 0, "train", A(trains), "unet|unet+text|vae", "what learns (unet+text without -m, else unet)", 0, 0},
    {OPT_INT, 0, "steps", A(steps), "N", "steps in all (1000)", 1, 100000000},
    {OPT_INT, 0, "batch-size", A(batch), "N", "pictures a step (32)", 1, 65536},
    {OPT_INT, 0, "accumulate", A(accumulate), "N", "in how many parts a step's pictures go (1)", 1, 65536},
    {OPT_FLAG, 0, "recompute", A(recompute), NULL, "compute blocks again instead of keeping them: less memory", 0, 0},
    {OPT_DOUBLE, 0, "lr", A(lr), "X", "learning rate (0.001)", 0, 100},
    {OPT_CHOICE, 0, "schedule", A(schedule), "cosine|constant", "how the rate goes on (cosine)", 0, 0},
    {OPT_INT, 0, "warmup", A(warmup), "N", "steps in which the rate rises (100)", 0, 100000000},
    {OPT_DOUBLE, 0, "min-lr", A(min_lr), "X", "where the cosine ends, as a part of the rate (0)", 0, 1},
    {OPT_INT, 0, "seed", A(seed), "N", "of all random numbers (0)", 0, INT64_MAX},
    {OPT_FLAG, 0, "resume", A(resume), NULL, "go on from FILE.state", 0, 0},
    {OPT_FLAG, 0, "overwrite", A(overwrite), NULL, "begin anew although FILE or FILE.state is there", 0, 0},
    {OPT_INT, 0, "save-every", A(save_every), "N", "steps between states and models written (500; 0: at the end)", 0,
     100000000},
    {OPT_STRING, 0, "log", A(log), "FILE", "a CSV file: step, loss, rate, gradient's length, seconds", 0, 0},
    {OPT_STRING, 0, "sample", A(sample), "PROMPT", "a picture of it, FILE.STEP.png, whenever the model is written", 0,
     0},
    {OPT_INT, 0, "log-every", A(log_every), "N", "steps between lines of progress (50)", 1, 100000000},
    {OPT_DOUBLE, 0, "ema", A(ema), "X", "moving average that is written; 0: none (0.999)", 0, 1},
    {OPT_DOUBLE, 0, "beta1", A(beta1), "X", "AdamW (0.9)", 0, 1},
    {OPT_DOUBLE, 0, "beta2", A(beta2), "X", "AdamW (0.99)", 0, 1},
    {OPT_DOUBLE, 0, "weight-decay", A(decay), "X", "AdamW (0.01)", 0, 10},
    {OPT_DOUBLE, 0, "clip", A(clip), "X", "longest gradient; 0: any (1)", 0, 1000000},
    {OPT_CHOICE, 0, "prediction", A(prediction), "v|eps", "of a new model (v)", 0, 0},
    {OPT_FLAG, 0, "no-zero-snr", A(no_zero_snr), NULL, "a new model keeps SD's betas, whose last step is not all noise",
     0, 0},
    {OPT_DOUBLE, 0, "min-snr", A(min_snr), "X", "weight the loss by min-SNR X; 0: not (0)", 0, 1000},
    {OPT_DOUBLE, 0, "shift", A(shift), "X", "of times, as SD3's: above 1 more noisy ones, for layouts (1)", 0, 100},
    {OPT_DOUBLE, 0, "noise-offset", A(noise_offset), "X", "noise common to a picture's channel (0)", 0, 10},
    {OPT_DOUBLE, 0, "caption-dropout", A(caption_dropout), "X", "share of captions left out (0.1)", 0, 1},
    {OPT_DOUBLE, 0, "word-dropout", A(word_dropout), "X", "share of tokens made unknown, for a cut vocabulary (0)", 0,
     1},
    {OPT_INT, 0, "cache", A(cache), "N", "most pictures whose latents are kept (40000)", 1, 100000000},
    {OPT_INT, 0, "size", A(size), "N", "pixels along a side (the model's own size, 64 for a new one)", 8, 4096},
    {OPT_INT, 0, "crop", A(crop), "N", "vae: pixels of the parts it sees first; 0: whole pictures (32)", 0, 4096},
    {OPT_DOUBLE, 0, "crop-share", A(crop_share), "X", "vae: share of the steps with parts (0.8)", 0, 1},
    {OPT_INT, 0, "whole-batch", A(whole_batch), "N", "vae: whole pictures a step (16)", 1, 65536},
    {OPT_DOUBLE, 0, "l1", A(l1), "X", "vae: weight of absolute differences (0.25)", 0, 1000},
    {OPT_DOUBLE, 0, "kl", A(kl), "X", "vae: weight of the latents' distance from normals (0.0008)", 0, 1000},
    {OPT_DOUBLE, 0, "easy", A(drawn.easy), "X", "shapes: 0..1, up to one plain object and plain words (0)", 0, 1},
    {OPT_DOUBLE, 0, "placed", A(drawn.placed), "X", "shapes: share of captions that name places (0.2; --easy: less)", 0,
     1},
    {OPT_DOUBLE, 0, "ordered", A(drawn.ordered), "X", "shapes: share of pairs whose first is the upper or left one (0)",
     0, 1},
    {OPT_STRING, 0, "kinds", A(drawn.kinds), "A,B,C,D,E",
     "shapes: shares of one object, two, several, digits, landscapes", 0, 0},
    {OPT_CHOICE, 0, "dtype", A(dtype), "f32|f16", "of the model that is written (f32)", 0, 0},
    {OPT_INT, 0, "threads", A(threads), "N", "CPU threads (all)", 0, 1024},
    {OPT_FLAG, 'q', "quiet", A(quiet), NULL, "print errors only", 0, 0},
    {OPT_END, 0, NULL, 0, NULL, NULL, 0, 0}};

static volatile sig_atomic_t stopped;

static void stop(int number) {
    (void)number;
    stopped = 1;
}

typedef struct {
    int64_t every;
    bool quiet;
    const char *out, *sample;
    int threads;
    double sum;
    int64_t count;
} Show;

static bool show(void *user, const TrainProgress *p) {
    Show *s = user;
    s->sum += p->loss;
    s->count++;
    if (!s->quiet && (p->step % s->every == 0 || p->step == p->steps || p->step == p->first + 1)) {
        double each = p->seconds / (double)(p->step - p->first), left = each * (double)(p->steps - p->step);
        printf("step %" PRId64 "/%" PRId64 "  loss %.5f  lr %.2e  norm %.3f  %.1f images/s  %.0f:%02.0f left\n",
               p->step, p->steps, s->sum / (double)s->count, p->lr, p->norm, (double)p->pictures / p->seconds,
               left / 60 - 0.5 < 0 ? 0 : left / 60 - 0.5, left - 60 * (double)(int64_t)(left / 60));
        fflush(stdout);
        s->sum = 0, s->count = 0;
    }
    return !stopped;
}

/* A sample that fails is told, and training goes on. */
static void draw_sample(void *user, int64_t step) {
    const Show *s = user;
    char path[1100];
    Error e = {0};
    SdOptions o = {.threads = s->threads};
    SdModel *m = sd_open(s->out, &o, &e);
    SdRequest r = sd_request(m);
    SdResult result = {0};
    r.prompt = s->sample;
    r.seed = 1;
    snprintf(path, sizeof path, "%s.%" PRId64 ".png", s->out, step);
    if (!sd_txt2img(m, &r, &result, &e) || !sd_save_png(&result.pictures[0], path, &e)) report("train", &e);
    sd_free(&result);
    sd_close(m);
}

int cmd_train(int argc, char **argv) {
    TrainOptions o = train_options();
    Arguments a = {.steps = o.steps,
                   .batch = o.batch,
                   .accumulate = 1,
                   .save_every = o.save_every,
                   .cache = o.cache,
                   .warmup = 100,
                   .crop = o.crop,
                   .whole_batch = o.whole_batch,
                   .size = 64,
                   .log_every = 50,
                   .lr = o.lr,
                   .ema = o.ema,
                   .beta1 = o.beta1,
                   .beta2 = o.beta2,
                   .decay = o.decay,
                   .clip = o.clip,
                   .caption_dropout = o.caption_dropout,
                   .shift = o.shift,
                   .crop_share = o.crop_share,
                   .l1 = o.l1,
                   .kl = o.kl,
                   .drawn.placed = -1};
    Error e = {0};
    int rest = 0, code = options_parse("train", TRAIN_OPTIONS, &a, argc, argv, &rest);
    if (code != OPTIONS_GO_ON) return code;
    if (rest) return usage_error("train", "%.60s: train takes options only", argv[0]);
    if (!a.data || !a.out) return usage_error("train", "--data and --out are needed");
    if (a.shift <= 0) return usage_error("train", "--shift 0: must be above 0; 1 leaves times as they are");
    o.model = a.model;
    o.out = a.out;
    o.log = a.log;
    o.vae = a.trains && !strcmp(a.trains, "vae");
    o.text = a.trains ? !strcmp(a.trains, "unet+text") : !a.model;
    o.resume = a.resume;
    o.overwrite = a.overwrite;
    o.recompute = a.recompute;
    o.half = a.dtype && !strcmp(a.dtype, "f16");
    o.steps = a.steps, o.batch = a.batch, o.accumulate = a.accumulate, o.save_every = a.save_every, o.cache = a.cache;
    o.seed = (uint64_t)a.seed;
    o.threads = (int)a.threads;
    o.lr = a.lr, o.min_lr = a.min_lr, o.warmup = (double)a.warmup, o.ema = a.ema;
    o.constant = a.schedule && !strcmp(a.schedule, "constant");
    o.beta1 = a.beta1, o.beta2 = a.beta2, o.decay = a.decay, o.clip = a.clip;
    o.v = !a.prediction || !strcmp(a.prediction, "v");
    o.zero_snr = !a.no_zero_snr && o.v;
    o.min_snr = a.min_snr, o.noise_offset = a.noise_offset, o.caption_dropout = a.caption_dropout;
    o.word_dropout = a.word_dropout, o.shift = a.shift;
    o.crop = (int)a.crop, o.crop_share = a.crop_share, o.whole_batch = a.whole_batch, o.l1 = a.l1, o.kl = a.kl;
    Show s = {.every = a.log_every, .quiet = a.quiet, .out = a.out, .sample = a.sample, .threads = (int)a.threads};
    o.progress = show;
    o.user = &s;
    if (a.sample) o.saved = draw_sample;
    signal(SIGINT, stop);
    signal(SIGTERM, stop);
    TrainSource source;
    bool ok = atomic_check(a.out, &e) && train_source_open(&source, a.data, (int)a.size, &a.drawn, &e) &&
              train_run(&o, &source.data, &e);
    train_source_close(&source);
    if (!ok) return report("train", &e);
    if (!a.quiet) printf("%s: written\n", a.out);
    return finish_output();
}
