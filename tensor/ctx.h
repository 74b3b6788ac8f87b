/* ctx.h: the context of every op and layer: backend, memory, taps, and the first error.
 *
 * Memory is an arena with scopes: tensor_new takes from it, scope_end gives back everything taken since scope_begin.
 * Nothing below the entry points allocates. With the plan backend the arena only counts, so the exact peak of a
 * request is known before anything runs, and addresses repeat from step to step. */
#ifndef SD_TENSOR_CTX_H
#define SD_TENSOR_CTX_H

#include "gpu.h"
#include "thread_pool.h"
#include "error.h"
#include "tensor.h"
#include "weight.h"

typedef struct Tape Tape; /* records ops for training (tape.h) */
typedef struct Ctx Ctx;

/* For a tape: decides, while it records, which scopes give their memory back. */
typedef struct ScopeHook {
    void (*begin)(Ctx *c);
    bool (*end)(Ctx *c); /* true: give the scope's memory back */
} ScopeHook;

typedef struct {
    uint8_t *base; /* NULL while planning */
    size_t size, used, peak;
    uint8_t *host; /* of an arena on a GPU: the host's copy, a float for every 16 bits; NULL: base is host memory */
    const GpuMemory *memory;
    Gpu *gpu;
    bool imagined; /* its addresses are never touched, and running out of them is an error, not a mistake */
    bool poison;   /* for tests: fill new tensors with NaN, to find elements that are never written */
} Arena;

/* Listens to a model's named activations. Names and order are those of diffusers; data is channels-last. */
typedef struct Taps {
    bool (*want)(void *user, const char *name);
    void (*put)(void *user, const char *name, Tensor t, Error *e);
    void *user;
    char prefix[64]; /* put before every name: "unet.step003." */
} Taps;

/* The source of weights that are not in memory: they are on the arena while an op that reads them runs. */
typedef struct WeightSource {
    size_t (*bytes)(const void *user, const Weight *w); /* of the arena that w needs; 0: w is in memory */
    /* Reads the numbers of w into `to` (64-byte aligned), and points `copy`, a copy of w, at them. */
    void (*fetch)(const void *user, Weight *copy, const Weight *w, void *to);
    const void *user;
} WeightSource;

/* Which shortcuts ops may take. */
typedef enum {
    PRECISION_F32,        /* f32; convolutions may use Winograd's transforms */
    PRECISION_F32_DIRECT, /* f32, every sum as the op's definition has it */
} Precision;

/* Sides of a map that meet, for 3x3 convolutions with a border (nn/layers.h). */
enum { WRAP_X = 1, WRAP_Y = 2 };

struct Ctx {
    const Ops *op;
    Precision precision;
    DType type;       /* of activations, which tensor_new makes: the table's (ops.h) */
    ThreadPool *pool; /* NULL while planning */
    Arena *arena;
    size_t
        strip; /* about how many bytes a layer may take for temporaries: larger ones are made in pieces. 0: no limit */
    int wrap;  /* WRAP_...: sides that meet, in place of zeros beyond them; 0: none */
    const WeightSource *source; /* NULL: all weights are in memory */
    Tape *tape;                 /* NULL: nothing is recorded */
    const ScopeHook *scopes;    /* the tape's, while it records; else NULL: every scope gives its memory back */
    Taps *taps;                 /* NULL: no listener */
    double flops;               /* counted by the plan backend, 2 per multiply-add */
    Error err;
};

/* Reserves size bytes (64-byte aligned, untouched until used). False on ERR_MEMORY. */
bool arena_init(Arena *a, size_t size, Error *e);
/* The same in the memory that the table of ops works in. gpu NULL: the host's. */
bool arena_init_on(Arena *a, const Ops *ops, Gpu *gpu, size_t size, Error *e);
/* Gives an arena on a GPU another size, since a GPU's memory is taken whether it is used or not. What it held is lost;
 * the host's copy keeps what fits. After an error, call arena_free only. */
bool arena_resize(Arena *a, size_t size, Error *e);
/* Returns unused memory to the system until it is used again. */
void arena_trim(Arena *a);
void arena_free(Arena *a);

/* A dense tensor of the context's type (or of `t`) from the arena, 64-byte aligned. Asserts that it fits, as planned.
 */
Tensor tensor_new(Ctx *c, int nd, const int64_t *n);
Tensor tensor_new_typed(Ctx *c, DType t, int nd, const int64_t *n);
/* Every scope that begins must end, the innermost first. */
size_t scope_begin(Ctx *c);
void scope_end(Ctx *c, size_t mark);

/* For outputs that take their inputs' place (arena_replace in ops.h): the arena's top, regardless of scopes. While a
 * tape records, arena_set_top does nothing: outputs lie above their inputs. */
size_t arena_top(const Ctx *c);
/* Lower: gives back everything above `top`. Higher: takes back what was given back before, with its contents. */
void arena_set_top(Ctx *c, size_t top);
/* How many bytes of the arena a dense t takes. */
size_t arena_bytes(Tensor t);

/* The host's copy of a tensor of the arena: the tensor itself if the arena is host memory. For a GPU's arena it is F32
 * where the tensor is F16 or BF16. tensor_push sends what the host has written there to the GPU (t dense); tensor_pull
 * brings the GPU's numbers. */
Tensor tensor_host(const Ctx *c, Tensor t);
void tensor_push(Ctx *c, Tensor t);
Tensor tensor_pull(Ctx *c, Tensor t);

/* For work that repeats with the same addresses and needs no numbers from the host:
 *
 *     for (recording_start(c, &r, of, count); recording_next(c, &r);) work;
 *
 * does it once. A GPU records it the second time it sees the same tensors, and from then on plays the recording without
 * calling `work`; it never records while taps listen. Whatever else `work` reads must not have changed. */
enum { RECORDING_TENSORS = 4 };
typedef struct {
    void *recording;
    Tensor of[RECORDING_TENSORS];
    bool ran, seen, recording_now, never;
} Recording;
void recording_start(const Ctx *c, Recording *r, const Tensor *of, int count);
bool recording_next(Ctx *c, Recording *r);
void recording_free(const Arena *a, Recording *r);

/* Offers t to the taps under a printf-style name. Without a listener it costs a NULL check. */
void tap(Ctx *c, Tensor t, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
