/* info_pointers.c: what sd.h says of pointers that are NULL. */
#include "tests/harness/make_model.h"
#include "tests/harness/test.h"
#include "test_info.h"
#include "sd/sd.h"

#include <string.h>

/* Calls without an Error say whether they worked, and do nothing worse when they did not. */
void info_pointers(void) {
    const char *path = test_path("pointers.safetensors");
    if (!test_check(make_model(path, (MakeModel){.dtype = F32}), "a model is made")) return;
    SdModel *m = sd_open(path, NULL, NULL);
    SdRequest r = sd_request(m), plain;
    SdResult a = {0}, b = {0};
    SdPlan plan;
    r.width = r.height = 64, r.steps = 1, r.seed = 1;
    plain = r;
    r.sampler = NULL;
    test_check(m && sd_plan(m, &r, &plan, NULL) && plan.unet_peak > 0, "a plan without an Error, a sampler or prompts");
    bool ok = sd_txt2img(m, &r, &a, NULL) && sd_txt2img(m, &plain, &b, NULL);
    test_check(ok && !memcmp(a.pictures[0].rgb, b.pictures[0].rgb, 64 * 64 * 3) &&
                   !strcmp(a.pictures[0].parameters, b.pictures[0].parameters),
               "no sampler is the default one, and no Error is no trouble");
    test_check(ok && sd_save_png(&a.pictures[0], test_path("a.png"), NULL), "a picture is saved without an Error");
    sd_free(&a), sd_free(&b);
    r.steps = 0;
    test_check(!sd_txt2img(m, &r, &a, NULL) && !a.count && !sd_plan(m, &r, &plan, NULL), "refused without an Error");
    r = plain, r.noise = test_path("gone.safetensors");
    test_check(!sd_txt2img(m, &r, &a, NULL) && !a.count, "a file that is missing, without an Error");
    r = plain, r.sampler = "Eulr";
    test_check(!sd_txt2img(m, &r, &a, NULL) && !a.count, "a wrong name, without an Error");
    test_check(!sd_img2img(m, &plain, &a, NULL) && !sd_open(test_path("gone"), NULL, NULL), "and the others");
    Error e = {0};
    test_check(!sd_txt2img(NULL, &plain, &a, &e) && !sd_plan(NULL, &plain, &plan, &e), "no model: nothing is done");
    sd_close(m);
}
