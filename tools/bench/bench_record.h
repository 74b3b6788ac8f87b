/* bench_record.h: a table of ops that forwards every call to another table and records it: for each distinct shape, how
 * often it was called, for how long, and with how much work. Over the plan backend it lists a model's shapes without
 * computing anything; over another backend it times ops in place, with cold weights, on all threads or with the GPU's
 * clock. */
#ifndef SD_TOOLS_BENCH_BENCH_RECORD_H
#define SD_TOOLS_BENCH_BENCH_RECORD_H

#include "sd/models/config.h"
#include "sd/sd.h"

typedef enum {
    CALL_LINEAR,
    CALL_CONV,
    CALL_ATTENTION,
    CALL_GROUP_NORM,
    CALL_LAYER_NORM,
    CALL_POINTWISE, /* activations, GEGLU, copies, embeddings */
} CallKind;

enum { STAGE_REFINED = SD_STAGE_DECODE + 1 }; /* follows SdStage: a refiner's steps */

/* Calls that differ only in their epilogue count as one. What a kind does not have is 0. */
typedef struct {
    int64_t kind, stage;                               /* CallKind; SdStage or STAGE_REFINED */
    int64_t batch, rows, cols;                         /* of the output; linear and attention: tokens, 1 */
    int64_t in, in2, out;                              /* channels; attention: keys, 0, heads x head dimension */
    int64_t kernel, stride, pad, in_rows, in_cols, up; /* conv; up: reads x enlarged twofold */
    int64_t heads, causal;
    int64_t keep_f32; /* a product of f32 even in `mixed` */
} CallShape;

typedef struct {
    CallShape shape;
    int64_t count;
    double seconds;
    double flops; /* as the plan counts them: 0 for norms and pointwise ops */
    double bytes; /* of activations, each read or written once; without weights */
} Call;

enum { MOST_CALLS = 1024, MOST_MARKED = 1 << 16 };

typedef struct {
    Ops ops; /* for a context; first, so that an op finds its record */
    const Ops *real;
    int64_t stage; /* of the next calls */
    Call *calls;
    int count;
    struct Moment { /* on the plan backend: every call in order, */
        int call;
        int64_t stage;
        size_t used; /* and the bytes of the arena in use while it runs */
    } * moments;
    int moment_count, moment_room;

    /* On a GPU each op is timed by two marks on the GPU's clock. */
    Gpu *gpu;
    GpuMemory memory;   /* the real one, except that it does not record steps, which would lose their marks */
    int *marked, marks; /* marks 2 i and 2 i + 1 enclose call marked[i] */
} Record;

/* An empty record over `real`, which runs on `gpu`, or (NULL) on the CPU. False on ERR_MEMORY. */
bool record_init(Record *r, const Ops *real, Gpu *gpu, Error *e);
/* At the end: adds the times between marks to the calls. */
bool record_collect(Record *r, Error *e);
void record_free(Record *r);
/* The calls of the text encoder for both prompts, of one step (guided: on both texts) and of one picture's decoding, on
 * the plan backend. */
bool record_plan(Record *r, const SdConfig *k, int width, int height, int batch, bool guided, Error *e);
/* "conv 3x3 64x64 320 > 320", without batch and stage. */
void call_name(const CallShape *s, char *out, size_t capacity);
bool call_is_product(const CallShape *s);

#endif
