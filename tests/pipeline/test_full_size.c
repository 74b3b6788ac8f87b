/* test_full_size.c: the published sizes. Slow: minutes, and up to 4 GB. */
#include "tests/harness/known_answers.h"
#include "tests/harness/test.h"

SUITE(full_size, .seconds = 400, .slow = true) {
    known_answers_vae();
    known_answers_full();
    full_pipeline();
}
