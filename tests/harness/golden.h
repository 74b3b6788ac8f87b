/* golden.h: what PyTorch computed, and the one rule that says whether we agree.
 *
 * A golden (tools/goldens/store.py) holds samples of the float64 result and PyTorch float32's own error e32 against it.
 * We pass when RMS and largest error, both over the RMS of the reference, are at most 4 x max(e32, 1e-7). */
#ifndef SD_TESTS_HARNESS_GOLDEN_H
#define SD_TESTS_HARNESS_GOLDEN_H

#include "tensor/tensor.h"

typedef struct Golden Golden;

/* tests/golden/NAME.safetensors, or under $SDC_GOLDEN. NULL, and a failed check, when it cannot be read. */
Golden *golden_open(const char *name);
void golden_close(Golden *g); /* prints, when verbose, the worst error relative to the tolerance; NULL is fine */

const char *golden_meta(const Golden *g, const char *key); /* NULL when absent */
bool golden_has(const Golden *g, const char *name);

typedef struct {
    bool found, shape, finite; /* is in the file; has our shape; all our elements are finite numbers */
    double rms, max;           /* of our error, relative to the reference's RMS */
    double rms_bound, max_bound;
    double ratio; /* the worse of error / bound */
} GoldenError;

/* ours: all elements, in the golden's order (n: its shape). */
GoldenError golden_error(Golden *g, const char *name, const float *ours, int nd, const int64_t *n);
/* One check, labelled "label". */
bool golden_check(Golden *g, const char *name, const float *ours, int nd, const int64_t *n, const char *label);
/* The same with bounds of one's own in place of the golden's: for a precision that has another error than torch's f32.
 */
bool golden_check_within(Golden *g, const char *name, const float *ours, int nd, const int64_t *n, double rms,
                         double max, const char *label);
/* Both for channels-last t (dense) against a golden in torch's order, [N,C,...]. */
bool golden_check_picture(Golden *g, const char *name, Tensor t, const char *label);
/* rms 0: as golden_check_picture */
bool golden_check_picture_within(Golden *g, const char *name, Tensor t, double rms, double max, const char *label);

#endif
