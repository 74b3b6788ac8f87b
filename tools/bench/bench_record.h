/* bench_record.h: a table of ops that passes every call on to another one, and keeps what was called: each distinct
 * shape with how often, for how long and with how much work. Over the plan backend it lists a model's shapes without
 * computing anything; over another one it times them where they are, with cold weights, on all threads or by the GPU's
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

/* Epilogues do not tell calls apart. Numbers that a kind does not have are 0. */
typedef struct {
    int64_t kind, stage;                               /* CallKind, SdStage */
    int64_t batch, rows, cols;                         /* of the output; linear and attention: tokens, 1 */
    int64_t in, in2, out;                              /* channels; attention: keys, 0, heads x head dimension */
    int64_t kernel, stride, pad, in_rows, in_cols, up; /* conv; up: reads x as if twice as large */
    int64_t heads, causal;
    int64_t keep_f32; /* in `mixed`, too, a product of f32 */
} CallShape;

typedef struct {
    CallShape shape;
    int64_t count;
    double seconds;
    double flops; /* as the plan counts them: none of norms and pointwise ops */
    double bytes; /* of activations, read and written once; weights do not count */
} Call;

enum { MOST_CALLS = 1024, MOST_MARKED = 1 << 16 };

typedef struct {
    Ops ops; /* hand this to a context; first, so that an op finds the record by it */
    const Ops *real;
    SdStage stage; /* of the calls that come */
    Call *calls;
    int count;

    /* On a GPU, ops are timed between marks on its clock, two for each. */
    Gpu *gpu;
    GpuMemory memory;   /* the real one's, but steps are not recorded: their marks would be lost */
    int *marked, marks; /* the calls that marks 2 i and 2 i + 1 stand around */
} Record;

/* An empty record over `real`, which works on `GPU` or (NULL) on the CPU. False on ERR_MEMORY. */
bool record_init(Record *r, const Ops *real, Gpu *gpu, Error *e);
/* Once all is done: what the marks say goes to the calls. */
bool record_collect(Record *r, Error *e);
void record_free(Record *r);
/* The calls of the text encoder on both prompts, of one step (with guidance: on two texts) and of one decoded picture,
 * on the plan backend. */
bool record_plan(Record *r, const SdConfig *k, int width, int height, int batch, bool guided, Error *e);
/* "conv 3x3 64x64 320 > 320": batch and stage apart. */
void call_name(const CallShape *s, char *out, size_t room);
bool call_is_product(const CallShape *s);

#endif
