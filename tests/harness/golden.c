/* golden.c: see golden.h. */
#include "golden.h"

#include "test.h"

#include <stdio.h>
#include <stdlib.h>

static struct {
    char worst_name[128];
    double worst;
    int checks, warnings;
} since_opened;

Golden *golden_open(const char *name) {
    const char *dir = getenv("SDC_GOLDEN");
    char path[512];
    snprintf(path, sizeof path, "%s/%s.safetensors", dir && *dir ? dir : "tests/golden", name);
    Error e = {0};
    Golden *g = golden_of(weight_file_open(path, &e), name);
    if (!g) {
        test_check(false, "golden %s opens", name);
        test_note("%s (run from the repository's root, or set SDC_GOLDEN)", e.text);
        return NULL;
    }
    since_opened.checks = since_opened.warnings = 0, since_opened.worst = 0;
    return g;
}

void golden_close(Golden *g) {
    if (g && getenv("SDC_TEST_VERBOSE"))
        printf("golden %s: %d compared, %d above half of the tolerance, worst %.2f of it (%s)\n", g->name,
               since_opened.checks, since_opened.warnings, since_opened.worst, since_opened.worst_name);
    golden_free(g);
}

bool golden_judge(const Golden *g, const char *name, GoldenError r, const char *label) {
    char said[256];
    bool ok = test_check(r.ratio <= 1.0, "%s", label);
    golden_say(said, sizeof said, g, name, r);
    test_note("%s%s", said, r.ratio > 0.5 ? " (warning: above half)" : "");
    since_opened.checks++;
    since_opened.warnings += r.ratio > 0.5;
    if (r.ratio > since_opened.worst) {
        since_opened.worst = r.ratio;
        snprintf(since_opened.worst_name, sizeof since_opened.worst_name, "%s", label);
    }
    return ok;
}

bool golden_check(const Golden *g, const char *name, const float *ours, int nd, const int64_t *n, const char *label) {
    return golden_check_within(g, name, ours, nd, n, (Bound){0}, label);
}

bool golden_check_within(const Golden *g, const char *name, const float *ours, int nd, const int64_t *n, Bound bound,
                         const char *label) {
    return golden_judge(g, name, golden_error(g, name, ours, nd, n, bound), label);
}

bool golden_check_picture(const Golden *g, const char *name, Tensor t, const char *label) {
    return golden_judge(g, name, golden_error_picture(g, name, t, (Bound){0}), label);
}

bool golden_hear(void *user, const char *name, int nd, const int64_t *n, const float *values) {
    GoldenHeard *t = user;
    if (!golden_has(t->golden, name)) return true;
    t->heard++;
    golden_check(t->golden, name, values, nd, n, name);
    return true;
}
