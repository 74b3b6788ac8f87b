/* test_network_refiner.c: networks with a refiner: one of the base's family has them, too. */
#include "made_network.h"

#include "tests/harness/make_model.h"
#include "tests/harness/test.h"

#include <stdlib.h>
#include <string.h>

static bool draw(SdModel *m, SdModel *refiner, const SdNetwork *n, SdResult *out, Error *e) {
    SdRequest r = sd_request(m);
    r.prompt = "a cat", r.width = r.height = 64, r.steps = 4, r.seed = 5, r.sampler = "Euler";
    if (refiner) r.refiner = refiner, r.refiner_switch = 0.3;
    r.networks = n, r.network_count = n != NULL;
    return m && sd_txt2img(m, &r, out, e);
}

static bool equal(const SdResult *a, const SdResult *b) {
    return a->count && b->count && !memcmp(a->pictures[0].rgb, b->pictures[0].rgb, 64 * 64 * 3);
}

SUITE(network_refiner, .seconds = 1) {
    const char *path = test_path("model.safetensors");
    Error e = {0};
    make_micro_model(path, F32);
    MadeNetwork n = {.count = 0};
    MadeWeight w = {32, 32, 1, calloc(32 * 32, sizeof(double))};
    made_lora(&n, "lora_unet_" LINEAR, w);
    const SdNetwork on = {made_save(&n, "on.safetensors", NULL, 0), 1, 1, 0};
    SdModel *base = sd_open(path, &(SdOptions){.threads = 2}, &e),
            *again = sd_open(path, &(SdOptions){.threads = 2}, &e);
    SdResult alone = {0}, refined = {0}, plain = {0}, after = {0};
    bool ok = draw(base, NULL, &on, &alone, &e) && draw(base, again, &on, &refined, &e) &&
              draw(base, NULL, NULL, &plain, &e) && draw(base, again, NULL, &after, &e);
    test_check(ok && equal(&alone, &refined), "a model that refines itself has its LoRA to the end");
    test_check(ok && !equal(&alone, &plain) && equal(&plain, &after), "and without one, none is left on either");
    test_note("%s", e.text);
    sd_free(&alone), sd_free(&refined), sd_free(&plain), sd_free(&after);
    sd_close(base), sd_close(again);
    free(w.w);
    made_free(&n);
}
