/* main.c: runs the suites and ends with one line, "N passed, N failed".
 *
 *     test [--slow] [--list] [SUITE...]      SDC_TEST_VERBOSE=1 prints every check
 *     test --make-model ...                  writes a checkpoint of generated weights (make_model.h) */
#include "harness.h"
#include "make_model.h"
#include "test.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static const struct {
    const char *name;
    void (*run)(void);
    bool slow; /* only with --slow, or when named */
} SUITES[] = {
    {"files", suite_files, false},
    {"tokenizer", suite_tokenizer, false},
    {"prompt", suite_prompt, false},
    {"noise", suite_noise, false},
    {"samplers", suite_samplers, false},
    {"schedules", suite_schedules, false},
    {"micro_samplers", suite_micro_samplers, false},
    {"png", suite_png, false},
    {"image", suite_image, false},
    {"shapes", suite_shapes, false},
    {"builtin", suite_builtin, false},
    {"ops", suite_ops, false},
    {"gradients", suite_gradients, false},
    {"blocks", suite_blocks, false},
    {"training", suite_training, false},
    {"cuda", suite_cuda, false},
    {"cuda_pictures", suite_cuda_pictures, false},
    {"cli", suite_cli, false},
    {"bench", suite_bench, false},
    {"pipeline", suite_pipeline, false},
    {"memory", suite_memory, false},
    {"full_size", suite_full_size, true},
    {"full_training", suite_full_training, true},
};

enum { COUNT = sizeof SUITES / sizeof *SUITES };

static double now(void) {
    struct timespec t;
    timespec_get(&t, TIME_UTC);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

int main(int argc, char **argv) {
    if (argc > 1 && !strcmp(argv[1], "--make-model")) return make_model_main(argc - 2, argv + 2);
    bool slow = false, wanted[COUNT] = {0}, named = false;
    for (int a = 1; a < argc; a++) {
        bool known = true;
        if (!strcmp(argv[a], "--slow")) slow = true;
        else if (!strcmp(argv[a], "--list")) {
            for (int i = 0; i < COUNT; i++) printf("%s%s\n", SUITES[i].name, SUITES[i].slow ? " (slow)" : "");
            return 0;
        } else {
            known = false;
            for (int i = 0; i < COUNT; i++)
                if (!strcmp(argv[a], SUITES[i].name)) wanted[i] = known = named = true;
        }
        if (!known) {
            fprintf(stderr, "test: no suite '%s'; --list shows them\n", argv[a]);
            return 2;
        }
    }
    harness_begin();
    for (int i = 0; i < COUNT; i++) {
        if (named ? !wanted[i] : SUITES[i].slow && !slow) continue;
        long passed = harness_passed(), failed = harness_failed();
        double start = now();
        SUITES[i].run();
        printf("%-12s %5ld passed, %ld failed  (%.1f s)\n", SUITES[i].name, harness_passed() - passed,
               harness_failed() - failed, now() - start);
        fflush(stdout);
    }
    harness_end();
    if (harness_skipped()) printf("%ld skipped\n", harness_skipped());
    printf("%ld passed, %ld failed\n", harness_passed(), harness_failed());
    return harness_failed() || !harness_passed();
}
