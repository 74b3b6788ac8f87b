/* test_gen.h: the generators: of models with all their tensors, and of requests. */
#ifndef SD_TESTS_GEN_TEST_GEN_H
#define SD_TESTS_GEN_TEST_GEN_H

#include "cases.h"

extern const Cases gen_config, gen_request;

#endif
