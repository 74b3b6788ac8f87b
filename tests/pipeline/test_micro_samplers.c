/* test_micro_samplers.c: the last latents of micro-SD under k-diffusion's samplers (tools/ledger/pipeline_cases.c),
 * through the public interface. */
#include "tests/harness/make_model.h"
#include "pipeline.h"
#include "tests/harness/test.h"

#include <stdio.h>

SUITE(micro_samplers, .seconds = 3) {
    char model[1024];
    snprintf(model, sizeof model, "%s", test_path("micro.safetensors"));
    if (make_micro_model(model, F32)) pipeline_ledger(model, "micro_samplers", "cpu", SD_F32);
}
