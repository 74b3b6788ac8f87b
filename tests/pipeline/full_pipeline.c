/* full_pipeline.c: SD 1.5 at full size from files as people have them: both layouts, F32 and F16, 256x256, five Euler
 * steps, every block of the first step against diffusers. Needs 8 GB of disk under TMPDIR. */
#include "tests/harness/make_model.h"
#include "pipeline.h"
#include "tests/harness/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

SUITE(full_size, .seconds = 300, .slow = true) {
    for (int half = 0; half < 2; half++)
        for (int folder = 0; folder < 2; folder++) {
            char label[32], path[1024];
            snprintf(label, sizeof label, "%s %s", folder ? "folder, direct" : "single", half ? "F16" : "F32");
            snprintf(path, sizeof path, "%s", test_path(folder ? "full" : "full.safetensors"));
            SdRequest r = pipeline_request("Euler", 42, 256, 256);
            SdResult out = {0};
            Error e = {0};
            SdPrecision precision = folder ? SD_F32_DIRECT : SD_F32;
            r.negative = "";
            r.taps = test_path("full_taps.safetensors");
            MakeModel spec = {
                .size = MODEL_FULL, .layout = folder ? MODEL_DIFFUSERS : MODEL_SINGLE, .dtype = half ? F16 : F32};
            bool ok = make_model(path, spec) && pipeline_run(path, &(SdOptions){.precision = precision}, &r, &out, &e);
            if (!test_check(ok, "%s: a picture", label)) test_note("%s", e.text);
            else pipeline_golden(half ? "full_f16" : "full_f32", precision, r.taps, label);
            sd_free(&out);
            if (ok && half && !folder) memory_full(path);
        }
}
