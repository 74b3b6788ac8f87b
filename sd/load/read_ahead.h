/* read_ahead.h: a thread that brings streamed weights from their files while ops compute, so that layers
 * whose arithmetic takes longer than their reading do not wait for the disk (SPEED.md says what a step gains).
 *
 * It touches the pages of a mapped file that the next weights lie on, at most so many bytes at a time as the plan has
 * for it (the window); where they are touched again, by whoever makes a weight of them, they are in memory. The numbers
 * take no other way than without it. Which weight comes next is what came next the last time, and at first when the
 * stage was planned. What was read in vain is given back.
 *
 * A page that cannot be read is left to whoever needs it, and to what it says then (os_map). */
#ifndef SD_LOAD_READ_AHEAD_H
#define SD_LOAD_READ_AHEAD_H

#include "model.h"

typedef struct ReadAhead ReadAhead;

/* NULL: there are no threads, or no memory; weights are then read when they are needed. */
ReadAhead *read_ahead_new(void);
void read_ahead_free(ReadAhead *a); /* which stops within a MiB; NULL is fine, also below */
/* Bytes that may be in memory before they are needed. 0: it reads nothing. What is there may be given back. */
void read_ahead_window(ReadAhead *a, size_t bytes);
/* Before any is taken: this weight will be needed after the one that it was told of before. */
void read_ahead_tell(ReadAhead *a, const WeightFile *file, const FileTensor *tensor);
/* Bytes of mapped files that the weights of a part take which may be streamed. */
size_t read_ahead_most(const SdModel *m, Part part);
/* No weight will come for now: what is read is given back, and what comes next is not after what came last. */
void read_ahead_forget(ReadAhead *a);

/* A weight is needed, and is read by the caller as far as it is not there yet; by one thread. Between the two the
 * thread goes on with those after it, and so it does afterwards. */
void read_ahead_take(ReadAhead *a, const WeightFile *file, const FileTensor *tensor);
void read_ahead_taken(ReadAhead *a); /* its pages are no longer needed, and are given back */

#endif
