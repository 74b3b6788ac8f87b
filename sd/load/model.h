/* model.h: a checkpoint with its networks: bound, loaded part by part, released. */
#ifndef SD_LOAD_MODEL_H
#define SD_LOAD_MODEL_H

#include "weights/checkpoint.h"
#include "sd/models/clip.h"
#include "sd/models/config.h"
#include "sd/sampling/noise_levels.h"
#include "sd/sd.h"
#include "sd/text/tokenizer.h"
#include "sd/models/unet.h"
#include "sd/models/vae.h"

typedef enum { PART_TEXT, PART_UNET, PART_DECODER, PART_ENCODER, PART_COUNT } Part;

struct SdModel {
    Checkpoint *checkpoint;
    SdConfig config;
    Clip clip;
    Unet unet;
    Vae decoder, encoder;
    WeightList lists[PART_COUNT]; /* the parts' weights, in order of computation */
    void *memory[PART_COUNT];     /* what a part's loading copied */
    bool loaded[PART_COUNT];
    bool streamed[PART_COUNT]; /* loaded but for what model_source brings */
    bool channels_last;        /* the file holds convolutions in compute order */
    bool as_in_files;          /* weights are loaded for reading, not for computing: not prepared for kernels */
    NoiseLevels schedule;
    Tokenizer *tokenizer;
    ThreadPool *pool;
    const Ops *ops;
    Gpu *gpu;               /* NULL: the CPU computes */
    char device[320];       /* "cpu", and why not a GPU, where the first one turned out not to serve */
    struct SdModel **peers; /* the same checkpoint on other GPUs, which take shares of a batch */
    int peer_count;
    ThreadPool *together; /* a thread for each GPU, where there are peers */
    Precision precision;
    size_t memory_limit;
    Arena kept;              /* the last call's memory for activations, where that kept its parts */
    Recording kept_steps[2]; /* what a GPU recorded there */
    char hash[65];           /* sha256 of the file, once somebody asked */
};

/* Binds all parts and compares them with what the checkpoint holds. Missing or misshapen tensors of the parts that
 * every picture needs are an error that lists the first of them. */
SdModel *model_open(const char *path, const SdOptions *options, Error *e); /* path NULL: the built-in model */
SdModel *model_open_memory(const char *name, const void *bytes, size_t size, const SdOptions *options, Error *e);
void model_close(SdModel *m);
/* Gives `kept` back (run_plan.c). */
void model_forget(SdModel *m);

/* Makes a part's weights usable: matrices and convolutions in the layout that the backend's kernels read, in the file's
 * width; where there is none, matrices stay in the mapped file if their alignment allows and convolutions are turned to
 * compute order. Vectors are widened to F32. The pages that were copied are dropped. */
bool model_load(SdModel *m, Part part, Error *e);
/* The same for all but matrices and convolutions, which stay in the file: ops get them from model_source. */
bool model_load_streamed(SdModel *m, Part part, Error *e);
WeightSource model_source(const SdModel *m);
void model_release(SdModel *m, Part part);
/* Bytes that a part takes once loaded. */
size_t model_part_bytes(const SdModel *m, Part part);
size_t model_streamed_bytes(const SdModel *m, Part part);

/* How the tensors of the checkpoint and those of the networks differ. */
typedef struct {
    int64_t used, missing, misshapen, ignored;
    char names[512]; /* the first missing and misshapen ones, with what is wrong */
} ModelReport;
void model_compare(const SdModel *m, const Part *parts, int count, ModelReport *out);

#endif
