/* train.c: `sdc train`. */
#include "sd/sd.h"
#include "sd/train/train.h"
#include "tools/cli/commands.h"
#include "tensor/os.h"
#include "tools/cli/progress.h"
#include "tools/shapes/shapes.h"
#include "weights/files/atomic_file.h"
#include "weights/files/path.h"
#include "train_data.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

typedef enum { TRAINS_UNET, TRAINS_UNET_TEXT, TRAINS_VAE, TRAINS_DEFAULT } Trains;

typedef struct {
    TrainOptions o;
    DrawnOptions drawn;
    const char *data;
    char *sample;
    Trains trains;
    int size;
    int64_t log_every;
    bool quiet, strict, check;
} Arguments;

static const Option OPTIONS[] = {
    OPTION(STRING, data, 0, "data", "DIR",
           "a folder of pictures with .txt captions or a metadata.jsonl; shapes[:SEED]: drawn pictures without end"),
    OPTION(FLAG, strict, 0, "strict", NULL, "a picture that would be skipped is an error"),
    OPTION(FLAG, check, 0, "check", NULL, "only read the pictures and captions of DIR, and report"),
    OPTION(STRING, o.model, 'm', "model", "MODEL", "the model to start from (a small new one)"),
    OPTION(STRING, o.out, 'o', "out", "FILE", "the trained model; FILE.state holds what --resume needs"),
    OPTION(ENUM, trains, 0, "train", "unet|unet+text|vae", "what to train (unet; without -m unet+text)"),
    OPTION_IN(INT64, o.steps, 0, "steps", "N", 1, 100000000, "total steps (1000)"),
    OPTION_IN(INT64, o.batch, 0, "batch-size", "N", 1, 65536, "pictures per step (32)"),
    OPTION_IN(INT64, o.accumulate, 0, "accumulate", "N", 1, 65536,
              "split each step's pictures into N batches: less memory (1)"),
    OPTION(FLAG, o.recompute, 0, "recompute", NULL, "recompute activations on the way back: less memory"),
    OPTION_IN(DOUBLE, o.lr, 0, "lr", "X", 0, 100, "learning rate (0.001)"),
    OPTION(EITHER, o.constant, 0, "schedule", "cosine|constant", "the rate after the warm-up (cosine)"),
    OPTION_IN(INT64, o.warmup, 0, "warmup", "N", 0, 100000000, "steps over which the rate rises (100)"),
    OPTION_IN(DOUBLE, o.min_lr, 0, "min-lr", "X", 0, 1, "where the cosine ends, as a share of the rate (0)"),
    OPTION_IN(INT64, o.seed, 0, "seed", "N", 0, OPTION_MOST, "seed of all random numbers (0)"),
    OPTION(FLAG, o.resume, 0, "resume", NULL, "continue from FILE.state"),
    OPTION(FLAG, o.overwrite, 0, "overwrite", NULL, "start anew even if FILE or FILE.state exists"),
    OPTION_IN(INT64, o.save_every, 0, "save-every", "N", 0, 100000000,
              "save model and state every N steps; 0: at the end only (500)"),
    OPTION(STRING, o.log, 0, "log", "FILE", "a CSV file: step, loss, rate, gradient norm, seconds"),
    OPTION(TEXT, sample, 0, "sample", "PROMPT", "draw this into FILE.STEP.png whenever the model is saved"),
    OPTION_IN(INT64, log_every, 0, "log-every", "N", 1, 100000000, "print progress every N steps (50)"),
    OPTION_IN(DOUBLE, o.ema, 0, "ema", "X", 0, 1, "decay of the moving average that is saved; 0: none (0.999)"),
    OPTION_IN(DOUBLE, o.beta1, 0, "beta1", "X", 0, 1, "of AdamW (0.9)"),
    OPTION_IN(DOUBLE, o.beta2, 0, "beta2", "X", 0, 1, "of AdamW (0.99)"),
    OPTION_IN(DOUBLE, o.decay, 0, "weight-decay", "X", 0, 10, "of AdamW (0.01)"),
    OPTION_IN(DOUBLE, o.clip, 0, "clip", "X", 0, 1000000, "clip the gradient norm; 0: no clipping (1)"),
    OPTION(EITHER, o.v, 0, "prediction", "eps|v", "what a new model predicts (v)"),
    OPTION(OFF, o.zero_snr, 0, "no-zero-snr", NULL, "give a new model SD's betas, whose last step is not pure noise"),
    OPTION_IN(DOUBLE, o.min_snr, 0, "min-snr", "X", 0, 1000,
              "weight the loss by min-SNR with gamma X; 0: no weights (0)"),
    OPTION_IN(DOUBLE, o.shift, 0, "shift", "X", 0, 100,
              "time shift as in SD3: above 1 favours noisy times, for layouts (1)"),
    OPTION_IN(DOUBLE, o.noise_offset, 0, "noise-offset", "X", 0, 10,
              "strength of noise that is constant over a channel (0)"),
    OPTION_IN(DOUBLE, o.caption_dropout, 0, "caption-dropout", "X", 0, 1,
              "share of captions replaced by an empty one (0.1)"),
    OPTION_IN(DOUBLE, o.word_dropout, 0, "word-dropout", "X", 0, 1,
              "share of tokens replaced by the unknown one, for a cut vocabulary (0)"),
    OPTION_IN(INT64, o.cache, 0, "cache", "N", 1, 100000000, "use at most N pictures; their latents are kept (40000)"),
    OPTION_IN(INT, size, 0, "size", "N", 8, 4096, "pixels a side (64)"),
    OPTION_IN(INT, o.crop, 0, "crop", "N", 0, 4096, "vae: train on crops of N pixels first; 0: whole pictures (32)"),
    OPTION_IN(DOUBLE, o.crop_share, 0, "crop-share", "X", 0, 1, "vae: share of the steps with crops (0.8)"),
    OPTION_IN(INT64, o.whole_batch, 0, "whole-batch", "N", 1, 65536, "vae: pictures per step without crops (16)"),
    OPTION_IN(DOUBLE, o.l1, 0, "l1", "X", 0, 1000, "vae: weight of the L1 loss (0.25)"),
    OPTION_IN(DOUBLE, o.kl, 0, "kl", "X", 0, 1000, "vae: weight of the KL loss (0.0008)"),
    OPTION_IN(DOUBLE, drawn.easy, 0, "easy", "X", 0, 1, "shapes: 0..1; 1 is one plain object and plain words (0)"),
    OPTION_IN(DOUBLE, drawn.placed, 0, "placed", "X", 0, 1,
              "shapes: share of captions that name places (0.2, less with --easy)"),
    OPTION_IN(DOUBLE, drawn.ordered, 0, "ordered", "X", 0, 1,
              "shapes: share of pairs that name the upper or left one first (0)"),
    OPTION(STRING, drawn.kinds, 0, "kinds", "A,B,C,D,E",
           "shapes: shares of single objects, pairs, several alike, digits, landscapes"),
    OPTION(EITHER, o.half, 0, "dtype", "f32|f16", "type of the saved weights (f32)"),
    OPTION_IN(INT, o.threads, 0, "threads", "N", 0, 1024, "threads to use (0: one for each core)"),
    OPTION(FLAG, quiet, 'q', "quiet", NULL, "print errors, and warnings of skipped pictures, only"),
    OPTION_END};

typedef struct {
    const Command *c;
    const TrainSource *source;
    int64_t every;
    bool quiet;
    const char *out, *sample;
    int threads;
    int64_t step; /* the latest */
    double sum;
    int64_t count;
} Show;

/* While a large folder is read: one line, on a terminal. */
static bool show_reading(void *user, int64_t checked, int64_t all) {
    const Show *s = user;
    if (!s->quiet && os_is_terminal(stderr) && all > 1000) {
        fprintf(stderr, "\r%" PRId64 " of %" PRId64 " pictures read", checked, all);
        fputs(checked == all ? "\r\033[K" : "", stderr);
        fflush(stderr);
    }
    return !os_stop_signal();
}

static void begins(void *user) {
    const Show *s = user;
    if (s->quiet) train_source_warn(s->source);
    else train_source_tell(s->source, stderr, false);
}

static bool show(void *user, const TrainProgress *p) {
    Show *s = user;
    s->step = p->step;
    s->sum += p->loss;
    s->count++;
    if (!s->quiet && (p->step % s->every == 0 || p->step == p->steps || p->step == p->first + 1)) {
        double each = p->seconds / (double)(p->step - p->first);
        char left[48];
        progress_time(left, sizeof left, each * (double)(p->steps - p->step));
        fprintf(stderr, "step %" PRId64 "/%" PRId64 ", loss %.5f, rate %.2e, gradient %.3f, %.1f images/s, %s left\n",
                p->step, p->steps, s->sum / (double)s->count, p->lr, p->norm, (double)p->pictures / p->seconds, left);
        s->sum = 0, s->count = 0;
    }
    return !os_stop_signal();
}

/* If the sample fails, training continues. */
static void draw_sample(void *user, int64_t step) {
    const Show *s = user;
    char path[OS_PATH_SIZE];
    Error e = {0};
    SdOptions o = {.threads = s->threads};
    SdModel *m = path_make(path, &e, "%s.%" PRId64 ".png", s->out, step) ? sd_open(s->out, &o, &e) : NULL;
    SdRequest r = sd_request(m);
    SdResult result = {0};
    r.prompt = s->sample;
    r.seed = 1;
    if (!m || !sd_txt2img(m, &r, &result, &e) || !sd_save_png(&result.pictures[0], path, &e)) report(s->c, &e);
    sd_free(&result);
    sd_close(m);
}

/* --check: the folder's report alone. */
static int report_check(const Command *c, const TrainSource *source, bool ok, const Error *e) {
    if (!ok) return report(c, e);
    if (!source->folder) return usage_error(c, "--check: reads a folder; drawn pictures need no check");
    train_source_tell(source, stdout, true);
    return finish_output();
}

/* NULL, or what is wrong with the options together. */
static const char *conflict(const Arguments *a) {
    const TrainOptions *o = &a->o;
    if (!a->data || (!o->out && !a->check)) return "--data and --out are needed";
    if (o->out && !strcmp(o->out, "-")) return "--out: a model that is trained needs a file; name one";
    if (o->shift <= 0) return "--shift 0: must be above 0; 1 means no shift";
    if (o->beta1 >= 1 || o->beta2 >= 1) return "--beta1 and --beta2: must be below 1";
    return NULL;
}

/* The name of the last sample, the longest. */
static bool check_sample(const TrainOptions *o, Error *e) {
    char path[OS_PATH_SIZE];
    return path_make(path, e, "%s.%" PRId64 ".png", o->out, o->steps) && atomic_check(path, e);
}

static int run(const Command *c, Arguments *a) {
    TrainOptions *o = &a->o;
    Error e = {0};
    if (conflict(a)) return usage_error(c, "%s", conflict(a));
    o->vae = a->trains == TRAINS_VAE;
    o->text = a->trains == TRAINS_UNET_TEXT || (a->trains == TRAINS_DEFAULT && !o->model);
    o->zero_snr = o->zero_snr && o->v;
    TrainSource source = {0};
    Show s = {.c = c,
              .source = &source,
              .every = a->log_every,
              .quiet = a->quiet,
              .out = o->out,
              .sample = a->sample,
              .threads = o->threads};
    const FolderOptions folder = {.captions = !o->vae || !o->model, /* a new model's words are those of the captions */
                                  .size = a->size,
                                  .most = o->vae ? INT64_MAX : o->cache,
                                  .threads = o->threads,
                                  .progress = show_reading,
                                  .user = &s};
    o->begins = begins;
    o->progress = show;
    o->user = &s;
    if (a->sample) o->saved = draw_sample;
    os_catch_stop();
    bool ok = a->check || (train_check(o, &e) && (!a->sample || check_sample(o, &e)));
    ok = ok && train_source_open(&source, a->data, &folder, a->strict, &a->drawn, &e);
    bool stopped = e.code == ERR_CANCELLED && os_stop_signal();
    int code = a->check && !stopped ? report_check(c, &source, ok, &e) : GO_ON;
    ok = ok && (a->check || train_run(o, &source.data, &e));
    train_source_close(&source);
    if (code != GO_ON) return code;
    if (e.code == ERR_CANCELLED && os_stop_signal())
        return report_stop("step %" PRId64 " of %" PRId64 "%s", s.step, o->steps,
                           s.step ? "; the same command with --resume goes on" : "");
    if (!ok) return report(c, &e);
    if (!a->quiet) printf("%s: written\n", o->out);
    return finish_output();
}

static int train(const Command *c, int argc, char **argv) {
    Arguments a = {.o = train_options(), .trains = TRAINS_DEFAULT, .size = 64, .log_every = 50, .drawn.placed = -1};
    int rest = 0, code = options_parse(c, &a, argc, argv, &rest);
    if (code == GO_ON && rest) code = usage_error(c, "'%.60s' is not an option", argv[0]);
    if (code == GO_ON) code = run(c, &a);
    options_free(c, &a);
    return code;
}

const Command TRAIN = {
    "train",
    train,
    "--data DIR --out FILE [-m MODEL] [options]",
    "train a model on captioned pictures",
    "Every picture of DIR is read before the first step: what cannot be used is skipped and named, captions that are "
    "missing or not UTF-8 are errors. Captions are cut at 75 tokens.\n"
    "Without -m a small new model is made: train its VAE first (--train vae), then go on with -m.\n"
    "FILE and FILE.state are written whole or not at all. After any interruption the same command with --resume "
    "continues, to the same bytes. If FILE or FILE.state exists, a new training needs --overwrite.",
    OPTIONS};
