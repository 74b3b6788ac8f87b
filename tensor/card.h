/* card.h: memory that only a card reaches, and the door to it.
 *
 * A table of ops that has a CardMemory works in its card's memory: prepared weights and the arena lie there. Beside
 * such an arena stands a shadow in the host's memory, where the host reads and writes what goes in and out
 * (tensor_host, tensor_push and tensor_pull in ctx.h). Everything on a card happens in the order in which it was asked
 * for. */
#ifndef SD_CARD_H
#define SD_CARD_H

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
    /* Work with the same addresses every time: what is asked for between begin and end is not done but recorded, to be
     * played as one. end gives NULL where it could not be recorded. */
    bool (*record_begin)(Card *card);
    void *(*record_end)(Card *card);
    bool (*play)(Card *card, void *recording, Error *e);
    void (*forget)(Card *card, void *recording);
} CardMemory;

/* Without CUDA in this build, or without a driver or a card: 0. */
int card_count(void);
/* False, with ERR_DEVICE and a reason, where there is none of that number. */
bool card_there(int number, Error *e);
/* NULL on an error. */
Card *card_open(int number, Error *e);
void card_close(Card *card);             /* NULL is fine */
const char *card_name(const Card *card); /* "cuda:0 (NVIDIA H100)" */
/* The card's table whose activations are of that type: F32, F16 or BF16. */
const Ops *card_ops(const Card *card, DType type);

#endif
