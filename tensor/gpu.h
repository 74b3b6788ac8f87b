/* card.h: memory that only a card reaches, and the door to it.
 *
 * A table of ops that has a CardMemory works in its card's memory: prepared weights and the arena lie there. Beside
 * such an arena stands a shadow in the host's memory, where the host reads and writes what goes in and out
 * (tensor_host, tensor_push and tensor_pull in ctx.h). Everything on a card happens in the order in which it was asked
 * for. */
#ifndef SD_TENSOR_GPU_H
#define SD_TENSOR_GPU_H

#include "error.h"
#include "tensor.h"

#include <stddef.h>

typedef struct Card Card;
typedef struct Ops Ops;

typedef struct {
    void *(*reserve)(Card *card, size_t bytes, Error *e); /* 256-byte aligned; NULL on ERR_MEMORY */
    void (*release)(Card *card, void *memory);
    bool (*push)(Card *card, void *to, const void *from, size_t bytes, Error *e);
    bool (*pull)(Card *card, void *to, const void *from, size_t bytes, Error *e); /* once what was asked for is done */
    size_t (*available)(Card *card);                                              /* bytes that are free */
    void (*enter)(Card *card); /* what this thread prepares from here on is this card's */
    /* Work with the same addresses every time: what is asked for between begin and end is not done but recorded, to be
     * played as one. end gives NULL where it could not be recorded. */
    bool (*record_begin)(Card *card);
    void *(*record_end)(Card *card);
    bool (*play)(Card *card, void *recording, Error *e);
    void (*forget)(Card *card, void *recording);
} CardMemory;

/* Without CUDA in this build, or without a driver or a card: 0. */
int card_count(void);
/* Whether it is 0 though there is a card, as far as one can tell; with the reason. */
bool card_idle(Error *why);
/* False, with ERR_DEVICE and a reason, where there is none of that number. */
bool card_there(int number, Error *e);
/* NULL on an error. */
Card *card_open(int number, Error *e);
void card_close(Card *card);             /* NULL is fine */
const char *card_name(const Card *card); /* "cuda:0 (NVIDIA H100)" */
/* The card's table whose activations are of that type: F32, F16 or BF16. */
const Ops *card_ops(const Card *card, DType type);

/* For benchmarks (cuda/bench.cu). */

enum { MOST_CARD_PEAKS = 5 };

typedef struct {
    struct {
        const char *name, *unit; /* "f16" by "mma": instructions of one unit of the card */
        double rate;             /* FLOP a second */
    } of[MOST_CARD_PEAKS];
    int count;
    double copy; /* bytes a second, read and written */
} CardPeaks;

/* What the card can do at most, measured. */
bool card_peaks(Card *card, CardPeaks *out, Error *e);
/* Mark number i, from 0 on, on the card's own clock: where the work that was asked for so far ends. A card with nothing
 * to do is held back some milliseconds first: work gathers behind the mark, so that the time between marks is the
 * card's and not the host's. */
bool card_mark(Card *card, int i, Error *e);
/* Seconds from one mark to another, once both are past. */
bool card_between(Card *card, int from, int to, double *seconds, Error *e);
size_t card_used(Card *card); /* bytes of its memory that are taken, by whomever */

#endif
