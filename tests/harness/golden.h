/* golden.h: checks against goldens (tools/ledger/golden.h), which lie in tests/golden. */
#ifndef SD_TESTS_HARNESS_GOLDEN_H
#define SD_TESTS_HARNESS_GOLDEN_H

#include "tools/ledger/golden.h"

/* tests/golden/NAME.safetensors, or under $SDC_GOLDEN. NULL, and a failed check, when it cannot be read. */
Golden *golden_open(const char *name);
void golden_close(Golden *g); /* prints, when verbose, the worst error relative to the tolerance; NULL is fine */

/* One check, labelled "label": this error of the tensor `name` is allowed. */
bool golden_judge(const Golden *g, const char *name, GoldenError r, const char *label);
/* ours: all elements, in the golden's order (n: its shape). */
bool golden_check(const Golden *g, const char *name, const float *ours, int nd, const int64_t *n, const char *label);
/* The same within a bound of one's own. */
bool golden_check_within(const Golden *g, const char *name, const float *ours, int nd, const int64_t *n, Bound bound,
                         const char *label);
/* For channels-last t (dense) against a golden in torch's order, [N,C,...]. */
bool golden_check_picture(const Golden *g, const char *name, Tensor t, const char *label);

/* SdRequest's `activation`: checks each activation that the golden file has, and counts them. user: a GoldenHeard. */
typedef struct {
    const Golden *golden;
    int heard;
} GoldenHeard;
bool golden_hear(void *user, const char *name, int nd, const int64_t *n, const float *values);

#endif
