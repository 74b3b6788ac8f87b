/* golden.h: what PyTorch computed, and the one rule that says whether we agree.
 *
 * A golden (tools/goldens/store.py) holds samples of the float64 result and PyTorch float32's own error e32 against it.
 * We pass when RMS and largest error, both over the RMS of the reference, are at most 4 x max(e32, 1e-7), or within a
 * bound of one's own (bound.h) for numbers that have another error than torch's f32. */
#ifndef SD_TOOLS_LEDGER_GOLDEN_H
#define SD_TOOLS_LEDGER_GOLDEN_H

#include "tensor/tensor.h"
#include "weights/formats/weight_file.h"

typedef struct {
    WeightFile *file;
    char name[64];
} Golden;

/* Takes over the file. NULL where it is NULL, or when out of memory. */
Golden *golden_of(WeightFile *file, const char *name);
/* The one of that name in the program (goldens.c); NULL, with a line in e, if there is none. */
Golden *golden_builtin(const char *name, Error *e);
bool golden_is_builtin(const char *name);
void golden_free(Golden *g); /* NULL is fine */

const char *golden_meta(const Golden *g, const char *key); /* NULL when absent */
bool golden_has(const Golden *g, const char *name);
/* The names of its tensors, in order of computation: *at begins as NULL; false: there are no more. */
bool golden_next(const Golden *g, const char **at, char name[160]);

/* What is allowed: relative to the RMS of float64's result. rms 0: the golden's own rule. */
typedef struct {
    double rms, max;
    bool or_rule; /* or the golden's own rule, where that allows more */
} Bound;

typedef struct {
    bool found, shape, finite; /* is in the file; has our shape; all our elements are finite numbers */
    double rms, max;           /* of our error, relative to the reference's RMS */
    double rms_bound, max_bound;
    double ratio; /* the worse of error / bound; infinite unless all three hold */
    bool memory;  /* is out: nothing was compared */
} GoldenError;

/* ours: all elements, in the golden's order (n: its shape). */
GoldenError golden_error(const Golden *g, const char *name, const float *ours, int nd, const int64_t *n, Bound bound);
/* For channels-last t (dense) against a golden in torch's order, [N,C,...]. */
GoldenError golden_error_picture(const Golden *g, const char *name, Tensor t, Bound bound);
/* "rms 1.00e-07 of 4.00e-07, max ...": one line without its end. */
void golden_say(char *out, size_t size, const Golden *g, const char *name, GoldenError r);

#endif
