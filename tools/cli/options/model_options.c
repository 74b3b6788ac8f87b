#include "model_options.h"
#include "tools/cli/precision.h"
#include "sd/info/params.h"
#include "weights/files/file_open.h"

#include <stdio.h>

bool model_rows(int i, Option *o) {
    static const Option ROWS[] = {
        OPTION_OF(ModelOptions, STRING, device, 0, "device", "auto|cpu|cuda[:N,...]",
                  "where to compute; cuda:0,1 shares a batch out (auto)"),
        OPTION_OF(ModelOptions, CHOICE, precision, 0, "precision", PRECISION_WORDS,
                  "f32-direct: closer to PyTorch; mixed: bf16 products; f16, bf16: faster on GPUs (f32)"),
        OPTION_OF(ModelOptions, CHOICE, prediction, 0, "prediction", PREDICTION_WORDS,
                  "what MODEL of -m predicts, where its files say nothing or something wrong"),
        OPTION_OF(ModelOptions, FLAG, ema, 0, "ema", NULL,
                  "draw with the moving averages that training kept in MODEL of -m (model_ema.*)"),
        OPTION_OF(ModelOptions, FLAG, exact, 0, "exact", NULL,
                  "insist on the same bits as on every machine (f32; slow without fma)"),
        OPTION_IN_OF(ModelOptions, INT, threads, 0, "threads", "N", 0, SD_MOST_THREADS,
                     "threads to use (0: one for each core)"),
        OPTION_OF(ModelOptions, SIZE, memory_limit, 0, "memory-limit", "SIZE",
                  "memory that the process may use (on a GPU: of its memory): 900M, 4G, 1.5GiB"),
        OPTION_OF(ModelOptions, STRING, embedding_dir, 0, "embedding-dir", "DIR",
                  "embeddings (textual inversion) that prompts may name: a folder, or a file"),
        OPTION_OF(ModelOptions, FLAG, quiet, 'q', "quiet", NULL, "print errors only")};
    int count = (int)(sizeof ROWS / sizeof *ROWS);
    if (i < count) *o = ROWS[i];
    else if (!part_rows(i - count, o)) return false;
    else o->at += offsetof(ModelOptions, parts);
    return true;
}

enum { MOST_SKIPPED = 10 }; /* embeddings that are told one by one */

static SdPrediction prediction_of(const char *name) {
    return name ? (SdPrediction)(words_find(PREDICTION_WORDS, name) + 1) : SD_PREDICTION_MODEL;
}

int model_options_check(const Command *c, const ModelOptions *m) {
    return check_device(c, m->device, "auto", m->precision);
}

SdOptions model_options_how(const ModelOptions *m) {
    SdOptions options = {.threads = m->threads,
                         .memory_limit = m->memory_limit,
                         .precision = precision_of(m->precision),
                         .prediction = prediction_of(m->prediction),
                         .ema = m->ema,
                         .exact = m->exact,
                         .embedding_dir = m->embedding_dir,
                         .device = m->device ? m->device : "auto"};
    part_options_set(&m->parts, &options);
    return options;
}

static SdModel *open_model(const ModelOptions *m, const char *path, Error *e) {
    SdOptions options = model_options_how(m);
    SdModel *model = sd_open(path, &options, e);
    const char *unused = sd_unused(model);
    if (unused && *unused && !m->quiet)
        fprintf(stderr, "sdc: note: %.300s: not used: %s; --sampler and --scheduler choose\n",
                path ? path : "built-in model", unused);
    return model;
}

SdModel *model_options_open(const ModelOptions *m, const char *path, Error *e) {
    SdModel *model = open_model(m, path, e);
    if (model && !m->quiet) say_device(model, m->precision);
    return model;
}

bool model_options_name(const ModelOptions *m, const char *path) {
    return part_options_name(&m->parts, path) || file_same(path, m->embedding_dir);
}

SdModel *refiner_open(const ModelOptions *m, const char *path, Error *e) {
    ModelOptions own = *m;
    own.prediction = NULL; /* these are the base model's */
    own.ema = false;
    own.parts = (PartOptions){.vae = m->parts.vae, .taesd = m->parts.taesd};
    return path ? open_model(&own, path, e) : NULL;
}

void model_note_embeddings(const ModelOptions *m, const SdModel *model, const SdRequest *r) {
    enum { TEXTS = 4 };
    const char *const texts[TEXTS][2] = {{"prompt", r->prompt},
                                         {"negative prompt", r->negative},
                                         {"hires prompt", r->hires_prompt},
                                         {"hires negative prompt", r->hires_negative}};
    SdEmbedding x;
    int others = 0, next[TEXTS];
    for (int k = 0; k < TEXTS; k++) next[k] = sd_embedding_missed(model, texts[k][1], 0);
    for (int i = 0; sd_embedding(model, i, &x); i++) {
        bool named = !x.skipped;
        for (int k = 0; k < TEXTS; k++) {
            if (next[k] != i) continue;
            next[k] = sd_embedding_missed(model, texts[k][1], i + 1);
            fprintf(stderr, "sdc: warning: %s: %.100s is read as words: %.300s: %.300s\n", texts[k][0], x.name, x.path,
                    x.skipped);
            named = true;
        }
        if (!named && !m->quiet && others++ < MOST_SKIPPED)
            fprintf(stderr, "sdc: note: %.300s: not used: %.300s\n", x.path, x.skipped);
    }
    if (others > MOST_SKIPPED) fprintf(stderr, "sdc: note: %d more embeddings are not used\n", others - MOST_SKIPPED);
}

void model_note_ignored(const ModelOptions *m, const SdModel *model, const SdRequest *r) {
    const char *ignored = sd_ignored(model, r);
    if (*ignored && !m->quiet) fprintf(stderr, "sdc: note: %s\n", ignored);
    model_note_embeddings(m, model, r);
}
