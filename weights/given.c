#include "given.h"

#include "weights/files/file_open.h"
#include "weights/formats/names.h"
#include "weights/formats/other_kinds.h"
#include "weights/files/path.h"
#include "weights/files/text_file.h"
#include "tensor/os.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- the names that files use --- */

enum { UNET = 1 << GIVEN_UNET, VAE = 1 << GIVEN_VAE, FIRST = 1 << GIVEN_TEXT, SECOND = 1 << GIVEN_TEXT_2 };
enum { DECODER = 1 << GIVEN_TAESD_DECODER, ENCODER = 1 << GIVEN_TAESD_ENCODER, TEXTS = FIRST | SECOND };
enum { CONTROL = 1 << GIVEN_CONTROL, VISION = 1 << GIVEN_VISION };

#define SGM "conditioner.embedders."
#define TORCH_CLIP "text_model.embeddings.token_embedding.weight"
#define OLD_CLIP "embeddings.token_embedding.weight"
#define OPEN_CLIP "transformer.resblocks.0.ln_1.weight"

/* A part whose file has prefix + probe has that prefix before all its names. The first row that fits wins. */
static const struct Names {
    int parts;
    const char *prefix, *probe, *inner;
    bool diffusers;
} NAMES[] = {
    {UNET, "model.diffusion_model.", "input_blocks.0.0.weight", "", false},
    {UNET, "diffusion_model.", "input_blocks.0.0.weight", "", false},
    {UNET, "", "input_blocks.0.0.weight", "", false},
    {UNET, "", "time_embedding.linear_1.weight", "", true},
    {UNET, "unet.", "time_embedding.linear_1.weight", "", true},
    {VAE, "first_stage_model.", "decoder.up.0.block.0.conv1.weight", "", false},
    {VAE, "vae.", "decoder.up.0.block.0.conv1.weight", "", false},
    {VAE, "", "decoder.up.0.block.0.conv1.weight", "", false},
    {VAE, "", "decoder.up_blocks.0.resnets.0.conv1.weight", "", true},
    {VAE, "vae.", "decoder.up_blocks.0.resnets.0.conv1.weight", "", true},
    {SECOND, SGM "1.model.", OPEN_CLIP, "model.", false}, /* of whole models */
    {SECOND, SGM "1.transformer.", TORCH_CLIP, "transformer.", false},
    {SECOND, SGM "0.model.", OPEN_CLIP, "model.", false}, /* SDXL's refiner */
    {SECOND, "clip_g.transformer.", TORCH_CLIP, "transformer.", false},
    {SECOND, "text_encoders.clip_g.transformer.", TORCH_CLIP, "transformer.", false},
    {SECOND, "text_encoder_2.", TORCH_CLIP, "transformer.", false},
    {FIRST, "cond_stage_model.transformer.", TORCH_CLIP, "transformer.", false},
    {FIRST, "cond_stage_model.transformer.", OLD_CLIP, "transformer.", false},
    {FIRST, "cond_stage_model.model.", OPEN_CLIP, "model.", false},
    {FIRST, SGM "0.transformer.", TORCH_CLIP, "transformer.", false},
    {FIRST, SGM "0.model.", OPEN_CLIP, "model.", false},
    {FIRST, "clip_l.transformer.", TORCH_CLIP, "transformer.", false},
    {FIRST, "clip_h.transformer.", TORCH_CLIP, "transformer.", false},
    {FIRST, "text_encoders.clip_l.transformer.", TORCH_CLIP, "transformer.", false},
    {FIRST, "text_encoder.", TORCH_CLIP, "transformer.", false},
    {TEXTS, "", TORCH_CLIP, "transformer.", false},
    {TEXTS, "", OLD_CLIP, "transformer.", false},
    {TEXTS, "", OPEN_CLIP, "model.", false},
    {TEXTS, "text.", OPEN_CLIP, "model.", false}, /* open_clip's CustomTextCLIP */
    {DECODER, "taesd_decoder.", "1.weight", "", false},
    {DECODER, "decoder.", "1.weight", "", false},
    {DECODER, "", "1.weight", "", false},
    {DECODER, "decoder.layers.", "2.conv.0.weight", "", true},
    {ENCODER, "taesd_encoder.", "1.conv.0.weight", "", false},
    {ENCODER, "encoder.layers.", "1.conv.0.weight", "", true},
    {ENCODER, "encoder.", "1.conv.0.weight", "", false},
    {ENCODER, "", "1.conv.0.weight", "", false},
    {CONTROL, "control_model.", "input_hint_block.0.weight", "", false},
    {CONTROL, "", "input_hint_block.0.weight", "", false},
    {CONTROL, "", "controlnet_cond_embedding.conv_in.weight", "", true},
    {CONTROL, "", "body.0.block1.weight", "", false}, /* T2I-Adapters */
    {CONTROL, "adapter.", "body.0.block1.weight", "", false},
    {CONTROL, "adapter.", "body.0.resnets.0.block1.weight", "", true},
    {CONTROL, "", "ip_adapter.1.to_k_ip.weight", "", false},
    {VISION, "", "vision_model.embeddings.class_embedding", "", false},
};

const char *given_name(GivenPart part) {
    static const char *const IS[] = {"U-Net",         "VAE",           "text encoder", "second text encoder",
                                     "TAESD decoder", "TAESD encoder", "ControlNet",   "vision encoder"};
    return IS[part];
}

static const FileTensor *look(const Given *g, const char *name, const WeightFile **file) {
    for (int i = 0; i < g->files.count; i++) {
        const FileTensor *t = weight_file_find(g->files.shards[i], name);
        if (t) return *file = g->files.shards[i], t;
    }
    return NULL;
}

static bool has(const Given *g, const char *format, const char *prefix, int i) {
    const WeightFile *file;
    char name[256];
    snprintf(name, sizeof name, format, prefix, i); /* formats are this file's own */
    return look(g, name, &file) != NULL;
}

/* How deep diffusers' names go, which the single file's depend on. */
static void count_levels(Given *g, GivenPart part) {
    const char *level =
        part == GIVEN_VAE ? "%sdecoder.up_blocks.%d.resnets.0.conv1.weight" : "%sdown_blocks.%d.resnets.0.conv1.weight";
    while (g->levels < 16 && has(g, level, g->prefix, g->levels)) g->levels++;
    g->inner_levels = g->levels;
    if (part == GIVEN_CONTROL) {
        int blocks = 0;
        while (blocks < 32 && has(g, "%scontrolnet_cond_embedding.blocks.%d.weight", g->prefix, blocks)) blocks++;
        g->inner_levels = blocks / 2 + 1;
    }
    while (g->res_blocks < 16 && has(g, "%sdown_blocks.0.resnets.%d.conv1.weight", g->prefix, g->res_blocks))
        g->res_blocks++;
}

/* A ControlNet has a U-Net's names, and a hint network. */
static bool has_hint(const Given *g) {
    return has(g, "%sinput_hint_block.%d.weight", "", 0) || has(g, "%scontrolnet_cond_embedding.conv_in.weight", "", 0);
}

static bool find_names(Given *g, GivenPart part) {
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
        const struct Names *n = &NAMES[i];
        const WeightFile *file;
        char name[256];
        snprintf(name, sizeof name, "%s%s", n->prefix, n->probe);
        if (!(n->parts & 1 << part) || !look(g, name, &file) || (part == GIVEN_UNET && has_hint(g))) continue;
        g->prefix = n->prefix, g->inner = n->inner, g->diffusers = n->diffusers;
        if (g->diffusers) count_levels(g, part);
        return true;
    }
    return false;
}

/* --- finding --- */

static const FileTensor *spelled(const Given *g, const char *prefix, const char *rest, const WeightFile **file) {
    char name[300];
    if ((size_t)snprintf(name, sizeof name, "%s%s", prefix, rest) >= sizeof name) return NULL;
    return look(g, name, file);
}

/* diffusers' decoder has no layer for the clamp that is number 0. */
static bool taesd_to_diffusers(const char *key, char *out, size_t size) {
    char *rest;
    long number = strtol(key, &rest, 10);
    return rest != key && number > 0 && (size_t)snprintf(out, size, "%ld%s", number - 1, rest) < size;
}

const FileTensor *given_find(const Given *g, const char *key_prefix, const char *key, const WeightFile **file) {
    char part[24], name[256], other[256];
    size_t inner = strlen(g->inner);
    const char *rest = key + strlen(key_prefix);
    if (strncmp(rest, g->inner, inner)) return NULL; /* a name of another kind of text encoder */
    rest += inner;
    if (g->diffusers) {
        bool taesd = !strncmp(key_prefix, "taesd_", 6), decoder = !strcmp(key_prefix, "taesd_decoder.");
        if (taesd && decoder && !taesd_to_diffusers(rest, name, sizeof name)) return NULL;
        if (taesd && !decoder) snprintf(name, sizeof name, "%s", rest);
        if (!taesd &&
            !name_to_diffusers(key, g->res_blocks, g->levels, g->inner_levels, part, sizeof part, name, sizeof name))
            return NULL;
        rest = name;
    }
    const FileTensor *t = spelled(g, g->prefix, rest, file);
    for (int i = 0; !t && name_variant(rest, i, other, sizeof other); i++) t = spelled(g, g->prefix, other, file);
    return t;
}

/* --- opening --- */

/* The first of these that is in the folder. */
static bool add_first(Given *g, const char *folder, const char *const *names, int count, bool *found, Error *e) {
    char path[OS_PATH_SIZE];
    *found = false;
    for (int i = 0; i < count && !*found; i++) {
        if (!path_make(path, e, "%s/%s", folder, names[i])) return false;
        FilePresence there = file_presence(path, e);
        if (there == FILE_UNKNOWN || (there == FILE_PRESENT && !part_files_add(&g->files, path, e))) return false;
        *found = there == FILE_PRESENT;
    }
    return true;
}

static bool open_folder(Given *g, GivenPart part, const char *path, Error *e) {
    static const char *const PARTS[GIVEN_COUNT] = {"unet", "vae", "text_encoder", "text_encoder_2",
                                                   "vae",  "vae", "controlnet",   "image_encoder"};
    static const char *const TAESD[2][4] = {
        {"taesd_decoder.safetensors", "taesd_decoder.pth", "taesdxl_decoder.safetensors", "taesdxl_decoder.pth"},
        {"taesd_encoder.safetensors", "taesd_encoder.pth", "taesdxl_encoder.safetensors", "taesdxl_encoder.pth"}};
    char folder[OS_PATH_SIZE], config[OS_PATH_SIZE];
    bool taesd = part == GIVEN_TAESD_DECODER || part == GIVEN_TAESD_ENCODER, found = false;
    if (taesd && !add_first(g, path, TAESD[part == GIVEN_TAESD_ENCODER], 4, &found, e)) return false;
    if (found) return true;
    if (!path_make(folder, e, "%s/%s", path, PARTS[part])) return false;
    if (os_kind(folder) != OS_DIRECTORY) snprintf(folder, sizeof folder, "%s", path);
    if (!part_files_find(&g->files, folder, &found, e) || !path_make(config, e, "%s/config.json", folder) ||
        !part_json(config, false, &g->config, e))
        return false;
    return found ||
           error_set(e, ERR_FILE, "%s: holds no weights of a %s; name the file itself", folder, given_name(part));
}

static bool no_part(const Given *g, GivenPart part, const char *path, Error *e) {
    const char *is = g->files.count == 1 ? other_kind(g->files.shards[0]) : NULL;
    if (is) return error_set(e, ERR_FORMAT, "%s: is %s", path, is);
    return error_set(e, ERR_FORMAT, "%s: holds no %s; name a file that does", path, given_name(part));
}

bool given_from(Given *g, GivenPart part, WeightFile *file) {
    *g = (Given){.files = {malloc(sizeof *g->files.shards), 1}, .borrowed = true};
    g->path = malloc(strlen(file->path) + 1);
    if (g->files.shards) g->files.shards[0] = file;
    if (g->path) strcpy(g->path, file->path);
    if (g->files.shards && g->path && find_names(g, part)) return true;
    given_close(g);
    return false;
}

bool given_open(Given *g, GivenPart part, const char *path, Error *e) {
    *g = (Given){.path = malloc(strlen(path) + 1)};
    if (!g->path) return error_set(e, ERR_MEMORY, "%s: cannot allocate memory; free some and try again", path);
    strcpy(g->path, path);
    bool ok = os_kind(path) == OS_DIRECTORY ? open_folder(g, part, path, e) : part_files_add(&g->files, path, e);
    if (ok && !find_names(g, part)) ok = no_part(g, part, path, e);
    if (!ok) given_close(g);
    return ok;
}

void given_close(Given *g) {
    if (g->borrowed) free(g->files.shards);
    else part_files_close(&g->files);
    json_free(g->config);
    free(g->path);
    *g = (Given){0};
}
