/* ctx.h: what every op and layer is handed: backend, memory, taps, and the first error.
 *
 * Memory is an arena with scopes: tensor_new takes from it, scope_end gives back all that came since scope_begin.
 * Nothing below the entry points allocates. With the plan backend the arena only counts, so that the exact peak of a
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

/* Whoever must keep what scopes would give back: a tape, while it records. */
typedef struct ScopeHook {
    void (*begin)(Ctx *c);
    bool (*end)(Ctx *c); /* true: the scope's memory is given back */
} ScopeHook;

typedef struct {
    uint8_t *base; /* NULL while planning */
    size_t size, used, peak;
    uint8_t *shadow; /* an arena on a GPU: the host's side, a float for every 16 bits; NULL: the host reaches base */
    const GpuMemory *memory;
    Gpu *gpu;
    bool poison; /* fill new tensors with NaN, so that tests see elements that were never written */
} Arena;

/* Named activations on their way out of a model. Names and order are diffusers'; data stays channels-last here. */
typedef struct Taps {
    bool (*want)(void *user, const char *name);
    void (*put)(void *user, const char *name, Tensor t, Error *e);
    void *user;
    char prefix[64]; /* set in front of every name: "unet.step003." */
} Taps;

/* Where weights that are not in memory come from: an op has them on the arena while it runs. */
typedef struct WeightSource {
    size_t (*bytes)(const void *user, const Weight *w); /* what w takes there; 0: it is in memory */
    /* Puts the numbers of the layer's weight `w` into room, 64-byte aligned, and gives them to its copy. */
    void (*fetch)(const void *user, Weight *copy, const Weight *w, void *room);
    const void *user;
} WeightSource;

/* Which shortcuts ops may take. Each has an error bound of its own (tests/harness/golden.h). */
typedef enum {
    PRECISION_F32,        /* f32; convolutions may go through Winograd's transforms */
    PRECISION_F32_DIRECT, /* f32, every sum as it is written in the op's definition */
} Precision;

struct Ctx {
    const Ops *op;
    Precision precision;
    DType type;       /* of the activations that tensor_new makes: the table's (ops.h) */
    ThreadPool *pool; /* NULL while planning */
    Arena *arena;
    size_t strip; /* about as many bytes a layer may take for what it does not keep: more is made in pieces. 0: all */
    const WeightSource *source; /* NULL: all weights are in memory */
    Tape *tape;                 /* NULL: nothing is recorded */
    const ScopeHook *scopes;    /* the tape's; NULL: scopes give their memory back */
    Taps *taps;                 /* NULL: nobody listens */
    double flops;               /* counted by the plan backend: 2 per multiply-add */
    Error err;
};

/* Reserves size bytes for the arena (64-byte aligned, untouched until used). False on ERR_MEMORY. */
bool arena_init(Arena *a, size_t size, Error *e);
/* The same in the memory that the table works in; GPU NULL: the host's. */
bool arena_init_on(Arena *a, const Ops *ops, Gpu *gpu, size_t size, Error *e);
/* Another size, in which nothing lies yet, on a GPU, whose memory is taken whether it is used or not; what the host's
 * side has stays as far as it reaches. After an error only arena_free. */
bool arena_again(Arena *a, size_t size, Error *e);
/* Gives the memory that nothing lies in back to the system, until it is used again. */
void arena_trim(Arena *a);
void arena_free(Arena *a);

/* A dense tensor of the context's type (or `t`) from the arena, 64-byte aligned. Asserts that it fits: the plan said
 * so. */
Tensor tensor_new(Ctx *c, int nd, const int64_t *n);
Tensor tensor_new_typed(Ctx *c, DType t, int nd, const int64_t *n);
/* Every scope that begins must end, in reverse order. */
size_t scope_begin(Ctx *c);
void scope_end(Ctx *c, size_t mark);

/* For outputs that take their inputs' place (arena_replace in ops.h): heights of the arena that are not scopes. With a
 * ScopeHook nothing is given back here either: the top stays, and outputs lie above their inputs. */
size_t arena_top(const Ctx *c);
/* Down: gives back what lies above `top`. Up: takes back, with what lies there, what was given back before. */
void arena_set_top(Ctx *c, size_t top);
/* The bytes that t, dense, takes of the arena. */
size_t arena_bytes(Tensor t);

/* The host's side of a tensor of the arena. Where the host reaches the arena it is the tensor itself. On a GPU it is
 * F32 in place of F16 and BF16; what the host has written there counts once pushed (t dense), and it shows the GPU's
 * numbers once pulled. */
Tensor tensor_host(const Ctx *c, Tensor t);
void tensor_push(Ctx *c, Tensor t);
Tensor tensor_pull(Ctx *c, Tensor t);

/* Work that repeats with the same addresses and no numbers from the host:
 *
 *     for (recording_start(c, &r, of, count); recording_next(c, &r);) work;
 *
 * does it once. A GPU records it the second time that it is of the same tensors, and plays the recording from then on,
 * without calling `work`; with taps it never does. What else `work` reads must be as it was. */
enum { REPEAT_OF = 4 };
typedef struct {
    void *recording;
    Tensor of[REPEAT_OF];
    bool ran, seen, recording_now, never;
} Recording;
void recording_start(const Ctx *c, Recording *r, const Tensor *of, int count);
bool recording_next(Ctx *c, Recording *r);
void recording_free(const Arena *a, Recording *r);

/* Offers t under a printf-style name. Costs a NULL check when nobody listens. */
void tap(Ctx *c, Tensor t, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
