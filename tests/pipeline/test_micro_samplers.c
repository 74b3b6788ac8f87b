/* test_micro_samplers.c: the last latents of micro-SD under k-diffusion's samplers, through the public interface. */
#include "sd/sd.h"
#include "weights/weight_file.h"
#include "tests/harness/golden.h"
#include "tests/harness/make_model.h"
#include "pipeline.h"
#include "tests/harness/test.h"

#include <stdio.h>

SUITE(micro_samplers, .seconds = 3) {
    static const char *const CASES[][2] = {{"k.heun", "Heun"},
                                           {"k.dpm_2", "DPM2"},
                                           {"k.dpm_2_a", "DPM2 a"},
                                           {"k.lms", "LMS"},
                                           {"k.dpmpp_2s_a", "DPM++ 2S a"},
                                           {"k.dpmpp_2m", "DPM++ 2M"},
                                           {"k.dpmpp_2m_sde", "DPM++ 2M SDE"},
                                           {"k.dpmpp_2m_sde_heun", "DPM++ 2M SDE Heun"},
                                           {"k.dpmpp_3m_sde", "DPM++ 3M SDE"}};
    char model[1024];
    snprintf(model, sizeof model, "%s", test_path("micro.safetensors"));
    if (!make_micro_model(model, F32)) return;
    Golden *g = golden_open("micro_samplers");
    for (size_t i = 0; g && i < sizeof CASES / sizeof *CASES; i++) {
        SdRequest r = pipeline_request(CASES[i][1], 42, 64, 64);
        SdResult out = {0};
        Error e = {0};
        float x[4 * 8 * 8];
        r.steps = 8, r.tap = "latents.step007", r.taps = test_path("taps.safetensors");
        bool ok = pipeline_run(model, &(SdOptions){.threads = 2}, &r, &out, &e);
        sd_free(&out);
        WeightFile *f = ok ? weight_file_open(r.taps, &e) : NULL;
        const FileTensor *t = f ? weight_file_find(f, r.tap) : NULL;
        if (!test_check(t && file_tensor_f32(f, t, x), "%s: 8 steps", CASES[i][1])) test_note("%s", e.text);
        else golden_check(g, CASES[i][0], x, t->nd, t->n, CASES[i][1]);
        weight_file_close(f);
    }
    golden_close(g);
}
