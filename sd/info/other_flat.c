/* other_flat.c: programs whose settings are the members of one JSON object, or a chunk each: a table of their keys for
 * each. A key that is in no row keeps its name, so that nothing is lost; lists and objects are said to be there. */
#include "other.h"

#include "sd/text/nearest.h"
#include "weights/files/utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 1000 }; /* settings of a picture: each costs as much as all before it */

typedef enum {
    AS_IT_IS, /* under the webui's key */
    PROMPT,
    NEGATIVE,
    SAMPLER,
    SCHEDULER,
    MODEL,
    REFINER, /* takes part in ways of its own */
    CLIP,    /* layers from the end: -2 is the webui's 2 */
    SIZE,    /* "(1152, 896)" or "512x512" */
    LORA,    /* "name : weight", each in a key of its own */
    VERSION,
    IGNORED, /* changes no picture */
} Kind;

typedef struct {
    const char *theirs;
    Kind kind;
    const char *ours;
} Row;

/* docs/Image Metadata Format.md; src/Text2Image/T2IParamTypes.cs */
static const Row SWARM[] = {{"prompt", PROMPT, NULL},
                            {"negativeprompt", NEGATIVE, NULL},
                            {"model", MODEL, "Model"},
                            {"seed", AS_IT_IS, "Seed"},
                            {"steps", AS_IT_IS, "Steps"},
                            {"cfgscale", AS_IT_IS, "CFG scale"},
                            {"width", AS_IT_IS, "Size-1"},
                            {"height", AS_IT_IS, "Size-2"},
                            {"sampler", SAMPLER, NULL},
                            {"scheduler", SCHEDULER, NULL},
                            {"clipstopatlayer", CLIP, NULL},
                            {"variationseed", AS_IT_IS, "Variation seed"},
                            {"variationseedstrength", AS_IT_IS, "Variation seed strength"},
                            {"initimagecreativity", AS_IT_IS, "Denoising strength"},
                            {"vae", MODEL, "VAE"},
                            {"swarm_version", VERSION, "SwarmUI"},
                            {"aspectratio", IGNORED, NULL},
                            {"automaticvae", IGNORED, NULL},
                            {"images", IGNORED, NULL},
                            {"personalnote", IGNORED, NULL},
                            {NULL, IGNORED, NULL}};

/* modules/meta_parser.py */
static const Row FOOOCUS[] = {{"prompt", PROMPT, NULL},
                              {"negative_prompt", NEGATIVE, NULL},
                              {"steps", AS_IT_IS, "Steps"},
                              {"sampler", SAMPLER, NULL},
                              {"scheduler", SCHEDULER, NULL},
                              {"guidance_scale", AS_IT_IS, "CFG scale"},
                              {"seed", AS_IT_IS, "Seed"},
                              {"resolution", SIZE, NULL},
                              {"base_model", MODEL, "Model"},
                              {"base_model_hash", AS_IT_IS, "Model hash"},
                              {"refiner_model", REFINER, "Refiner"},
                              {"vae", MODEL, "VAE"},
                              {"clip_skip", AS_IT_IS, "Clip skip"},
                              {"created_by", AS_IT_IS, "User"},
                              {"version", VERSION, NULL},
                              {"lora_combined_", LORA, NULL},
                              {"loras", IGNORED, NULL}, /* the same again, with hashes */
                              {"metadata_scheme", IGNORED, NULL},
                              {NULL, IGNORED, NULL}};

/* easydiffusion/utils/save_utils.py, sdkit/utils/file_utils.py: the keys of its API, or those of its text files */
static const Row EASY[] = {{"prompt", PROMPT, NULL},
                           {"negative_prompt", NEGATIVE, NULL},
                           {"seed", AS_IT_IS, "Seed"},
                           {"num_inference_steps", AS_IT_IS, "Steps"},
                           {"steps", AS_IT_IS, "Steps"},
                           {"guidance_scale", AS_IT_IS, "CFG scale"},
                           {"guidance scale", AS_IT_IS, "CFG scale"},
                           {"negative prompt", NEGATIVE, NULL},
                           {"sampler_name", SAMPLER, NULL},
                           {"sampler", SAMPLER, NULL},
                           {"scheduler_name", SCHEDULER, NULL},
                           {"width", AS_IT_IS, "Size-1"},
                           {"height", AS_IT_IS, "Size-2"},
                           {"use_stable_diffusion_model", MODEL, "Model"},
                           {"stable diffusion model", MODEL, "Model"},
                           {"use_vae_model", MODEL, "VAE"},
                           {"vae model", MODEL, "VAE"},
                           {"prompt_strength", AS_IT_IS, "Denoising strength"},
                           {"prompt strength", AS_IT_IS, "Denoising strength"},
                           {"software", IGNORED, NULL},
                           {NULL, IGNORED, NULL}};

/* As readers of its files have it: the JSON in XMP's exif:UserComment. */
static const Row DRAW[] = {{"c", PROMPT, NULL},
                           {"uc", NEGATIVE, NULL},
                           {"seed", AS_IT_IS, "Seed"},
                           {"steps", AS_IT_IS, "Steps"},
                           {"scale", AS_IT_IS, "CFG scale"},
                           {"sampler", SAMPLER, NULL},
                           {"size", SIZE, NULL},
                           {"model", MODEL, "Model"},
                           {"clip_skip", AS_IT_IS, "Clip skip"},
                           {"strength", AS_IT_IS, "Denoising strength"},
                           {"v2", IGNORED, NULL}, /* the same again, in its own words */
                           {NULL, IGNORED, NULL}};

/* --- one field --- */

static bool is_row(const Row *row, const char *key) {
    return row->kind == LORA ? !strncmp(key, row->theirs, strlen(row->theirs)) : nearest_same(key, row->theirs);
}

static void take_size(Other *o, const char *text) {
    char size[2][12];
    int found = 0;
    for (const char *p = text; *p && found < 2;) {
        size_t n = strspn(p, "0123456789");
        if (n && n < 10) snprintf(size[found++], 12, "%.*s", (int)n, p);
        p += n ? n : 1;
    }
    if (found < 2) other_put(o, "Size", text);
    else other_put(o, "Size-1", size[0]), other_put(o, "Size-2", size[1]);
}

static void take_lora(Other *o, const char *text) {
    const char *colon = strstr(text, " : ");
    char name[256];
    if (colon && !strncmp(text, "True : ", 7)) text = colon + 3, colon = strstr(text, " : ");
    if (!colon || !strncmp(text, "None", 4) || !strncmp(text, "False : ", 8)) return;
    snprintf(name, sizeof name, "%.*s", (int)(colon - text < 255 ? (size_t)(colon - text) : utf8_whole(text, 255)),
             text);
    other_lora(o, name, colon + 3);
}

static void take_clip(Other *o, const char *text) {
    long layer = strtol(text, NULL, 10);
    if (layer && layer >= -99 && layer <= 99) other_number(o, "Clip skip", labs(layer));
}

/* The row of a key; the last one: of any other. */
static const Row *row_of(const Row *rows, const char *key) {
    while (rows->theirs && !is_row(rows, key)) rows++;
    return rows;
}

static void take_text(Other *o, const Row *row, const char *key, const char *text) {
    char longer[100];
    if (!row->theirs) {
        other_put(o, key, text);
        return;
    }
    switch (row->kind) {
    case AS_IT_IS: other_put(o, row->ours, text); break;
    case PROMPT: other_prompt(o, text); break;
    case NEGATIVE: other_negative(o, text); break;
    case SAMPLER: other_sampler(o, text); break;
    case SCHEDULER: other_scheduler(o, text); break;
    case MODEL:
        if (strcmp(text, "None") && strncmp(text, "Default", 7)) other_model(o, row->ours, text);
        break;
    case REFINER:
        if (!strcmp(text, "None")) break;
        other_model(o, row->ours, text);
        other_miss(o, "'%s'", row->theirs);
        break;
    case CLIP: take_clip(o, text); break;
    case SIZE: take_size(o, text); break;
    case LORA: take_lora(o, text); break;
    case VERSION:
        snprintf(longer, sizeof longer, "%s%s%.*s", row->ours ? row->ours : "", row->ours ? " " : "",
                 (int)utf8_whole(text, 60), text);
        other_put(o, "Version", longer);
        break;
    case IGNORED: break;
    }
}

static void take_object(Other *o, const Row *rows, const Json *j, const JsonNode *object) {
    if (object->type != JSON_OBJECT || object->count > MOST) {
        other_miss(o, "settings of %d members", object->count);
        return;
    }
    for (int32_t i = object->child; i >= 0; i = j->nodes[i].next) {
        const JsonNode *n = &j->nodes[i];
        const Row *row = row_of(rows, n->key);
        if (n->type == JSON_TRUE || n->type == JSON_FALSE) {
            if (!row->theirs || row->kind == AS_IT_IS) other_json(o, n->key, n);
        } else if (n->type == JSON_NULL) continue;
        else if (n->type != JSON_ARRAY && n->type != JSON_OBJECT) take_text(o, row, n->key, n->text);
        else if (n->count && (!row->theirs || row->kind != IGNORED)) other_miss(o, "'%.40s'", n->key);
    }
}

/* --- the programs --- */

/* SwarmUI's LoRAs and their weights, where they are lists; a string keeps its key. */
static void swarm_loras(Other *o, const Json *j, const JsonNode *settings) {
    const JsonNode *names = json_get(j, settings, "loras"), *weights = json_get(j, settings, "loraweights");
    if (!names || names->type != JSON_ARRAY || (weights && weights->type != JSON_ARRAY)) return;
    int32_t w = weights ? weights->child : -1;
    for (int32_t i = names->count > MOST ? -1 : names->child; i >= 0; i = j->nodes[i].next) {
        other_lora(o, other_text(&j->nodes[i]), w >= 0 ? other_text(&j->nodes[w]) : NULL);
        w = w >= 0 ? j->nodes[w].next : -1;
    }
}

static bool take_json(Other *o, const Json *j) {
    const JsonNode *top = j->nodes, *swarm = json_get(j, top, "sui_image_params");
    if (swarm) {
        o->program = "SwarmUI";
        take_object(o, SWARM, j, swarm);
        swarm_loras(o, j, swarm);
        other_put(o, "RNG", "CPU");
    } else if (json_get(j, top, "base_model") && json_get(j, top, "guidance_scale")) {
        o->program = "Fooocus";
        take_object(o, FOOOCUS, j, top);
        other_put(o, "RNG", "CPU");
    } else if (json_get(j, top, "num_inference_steps") && json_get(j, top, "guidance_scale")) {
        o->program = "Easy Diffusion";
        take_object(o, EASY, j, top);
    } else if (json_get(j, top, "c") && json_get(j, top, "sampler")) {
        o->program = "Draw Things";
        take_object(o, DRAW, j, top);
    } else if (other_novelai_object(o, j)) o->program = "NovelAI";
    return o->program;
}

static bool take_object_text(Other *o, const char *text) {
    Json *j = other_parse(o, text);
    bool ok = j && take_json(o, j);
    json_free(j);
    return ok;
}

/* Easy Diffusion's PNGs have a chunk for each setting. */
static bool take_chunks(Other *o) {
    if (!image_text(o->texts, "num_inference_steps") || !image_text(o->texts, "guidance_scale") ||
        o->texts->count > MOST)
        return false;
    for (int i = 0; i < o->texts->count; i++) {
        const ImageText *t = &o->texts->at[i];
        if (image_text(o->texts, t->keyword) == t->text) take_text(o, row_of(EASY, t->keyword), t->keyword, t->text);
    }
    return true;
}

bool other_flat(Other *o) {
    static const char *const PLACES[] = {TEXT_USER_COMMENT, "parameters", TEXT_COMMENT, TEXT_DESCRIPTION};
    for (size_t i = 0; i < sizeof PLACES / sizeof *PLACES; i++) {
        o->raw = i == 1 ? image_text_any_case(o->texts, PLACES[i]) : image_text(o->texts, PLACES[i]);
        if (take_object_text(o, o->raw)) return true;
    }
    char *comment = other_xmp(o, "exif:UserComment");
    bool ok = take_object_text(o, comment);
    free(comment);
    o->raw = image_text(o->texts, ok ? TEXT_XMP : "prompt");
    if (ok) return true;
    o->program = "Easy Diffusion";
    return take_chunks(o);
}
