/* fuzz_config.c: configurations. `config` reads the one of our own files; `folder` those of a diffusers folder, parts
 * in the order of CONFIG below. What is taken can be built, and reads the same once it is written again. */
#include "fuzz.h"

#include "sd/load/levels.h"
#include "sd/models/config_detect.h"
#include "sd/models/families.h"

#include <stdlib.h>
#include <string.h>

static void write_again(const SdConfig *k) {
    Error e = {0};
    char *json = config_to_json(k), *twice = NULL;
    SdConfig again = config_sd1();
    ConfigNotes notes = {.prediction = NULL};
    if (!json) abort();
    fuzz_utf8(json);
    if (fuzz_verdict(config_from_json(&again, "again", json, &notes, &e), &e)) twice = config_to_json(&again);
    fuzz_require(twice && !strcmp(twice, json));
    free(json);
    free(twice);
}

FUZZ(config) {
    char *text = fuzz_text((FuzzBytes){data, size});
    SdConfig (*const BASES[])(void) = {config_sd1, config_sd2, config_sdxl, config_sdxl_refiner};
    for (size_t i = 0; i < sizeof BASES / sizeof *BASES; i++) {
        SdConfig k = BASES[i]();
        Error e = {0};
        ConfigNotes notes = {.prediction = NULL};
        if (!fuzz_verdict(config_from_json(&k, "it", text, &notes, &e), &e)) continue;
        fuzz_require(config_check(&k, "it", &e));
        write_again(&k);
    }
    free(text);
}

static Json *parse(FuzzBytes part, bool *ok) {
    Error e = {0};
    if (!part.size) return NULL;
    Json *j = json_parse_python("it", (const char *)part.p, part.size, &e);
    *ok &= fuzz_verdict(j != NULL, &e);
    return j;
}

/* Noise levels of any model that opens are within what samplers take. */
static void levels(const Checkpoint *c, const SdConfig *k) {
    SdModel m = {.checkpoint = (Checkpoint *)(uintptr_t)c, .config = *k};
    Error e = {0};
    if (!fuzz_verdict(model_noise_levels(&m, &e), &e)) return;
    for (int t = 0; t < TRAIN_STEPS; t++) {
        float s = m.noise_levels.sigmas[t];
        fuzz_require(s > 0 && s < 1e6f && (!t || s >= m.noise_levels.sigmas[t - 1]));
    }
}

FUZZ(folder) {
    FuzzBytes rest = {data, size};
    WeightFile *none = NULL;
    Checkpoint c = {.path = (char *)(uintptr_t) "it", .layout = CHECKPOINT_DIFFUSERS};
    bool ok = true;
    for (int i = 0; i < CHECKPOINT_PARTS; i++) {
        static const char *const PARTS[CHECKPOINT_PARTS] = {"unet", "vae", "text_encoder", "text_encoder_2"};
        if (i == 3) break; /* whose configuration comes last */
        Json *j = parse(fuzz_part(&rest), &ok);
        c.parts[i] = (CheckpointPart){.name = PARTS[i], .config = j, .files.shards = &none};
        ok &= j != NULL || i == 2; /* a refiner has the second encoder alone */
    }
    c.scheduler = parse(fuzz_part(&rest), &ok);
    c.index = parse(fuzz_part(&rest), &ok);
    for (int i = 0; i < CHECKPOINT_TOKENIZERS; i++) {
        c.tokenizers[i].config = parse(fuzz_part(&rest), &ok);
        c.tokenizers[i].special = parse(fuzz_part(&rest), &ok);
        c.tokenizers[i].added = parse(fuzz_part(&rest), &ok);
        if (!i)
            c.parts[3] = (CheckpointPart){
                .name = "text_encoder_2", .config = parse(fuzz_part(&rest), &ok), .files.shards = &none};
    }
    if (ok) {
        Error e = {0};
        ConfigNotes notes = {.prediction = NULL};
        SdConfig k = !c.parts[3].config ? config_sd1() : c.parts[2].config ? config_sdxl() : config_sdxl_refiner();
        family_of(&c);
        if (fuzz_verdict(config_from_folder(&c, &k, &notes, &e), &e) && fuzz_verdict(config_check(&k, "it", &e), &e)) {
            write_again(&k);
            levels(&c, &k);
        }
        fuzz_require(strlen(notes.said) < sizeof notes.said && strlen(notes.unknown) < sizeof notes.unknown);
    }
    for (int i = 0; i < CHECKPOINT_PARTS; i++) json_free(c.parts[i].config);
    json_free(c.scheduler);
    json_free(c.index);
    for (int i = 0; i < CHECKPOINT_TOKENIZERS; i++) {
        json_free(c.tokenizers[i].config);
        json_free(c.tokenizers[i].special);
        json_free(c.tokenizers[i].added);
    }
}
