#include "checkpoint.h"

#include "weights/files/file_open.h"
#include "weights/formats/names.h"
#include "weights/files/path.h"
#include "weights/files/text_file.h"
#include "weights/files/yaml.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const PARTS[CHECKPOINT_PARTS] = {"unet", "vae", "text_encoder", "text_encoder_2"};

static bool open_part(CheckpointPart *p, const char *folder, Error *e) {
    char path[OS_PATH_SIZE], part[OS_PATH_SIZE];
    bool found;
    if (!path_make(part, e, "%s/%s", folder, p->name) || !path_make(path, e, "%s/config.json", part) ||
        !part_json(path, true, &p->config, e) || !part_files_find(&p->files, part, &found, e))
        return false;
    return found || error_set(e, ERR_FILE,
                              "%s: holds no weights (%s.safetensors, its fp16 variant, its shards or .bin files); "
                              "download that part",
                              part, strncmp(p->name, "text_encoder", 12) ? "diffusion_pytorch_model" : "model");
}

static bool open_tokenizer(CheckpointTokenizer *t, const char *folder, const char *name, Error *e) {
    const struct {
        Json **to;
        const char *file;
    } FILES[] = {{&t->config, "tokenizer_config.json"},
                 {&t->special, "special_tokens_map.json"},
                 {&t->added, "added_tokens.json"},
                 {&t->vocabulary, "vocab.json"}};
    char path[OS_PATH_SIZE];
    for (size_t i = 0; i < sizeof FILES / sizeof *FILES; i++)
        if (!path_make(path, e, "%s/%s/%s", folder, name, FILES[i].file) || !part_json(path, false, FILES[i].to, e))
            return false;
    return true;
}

static bool open_folder(Checkpoint *c, Error *e) {
    char path[OS_PATH_SIZE];
    if (!path_make(path, e, "%s/model_index.json", c->path)) return false;
    FilePresence there = file_presence(path, e);
    if (there == FILE_UNKNOWN) return false;
    if (there == FILE_ABSENT)
        return error_set(e, ERR_FORMAT,
                         "%s: is a folder without model_index.json; give a .safetensors file or a diffusers folder",
                         c->path);
    c->layout = CHECKPOINT_DIFFUSERS;
    if (!part_json(path, true, &c->index, e)) return false;
    for (int i = 0; i < CHECKPOINT_PARTS; i++) {
        c->parts[i].name = PARTS[i];
        if (!path_make(path, e, "%s/%s", c->path, PARTS[i])) return false;
        there = file_presence(path, e);
        if (there == FILE_UNKNOWN || (there == FILE_PRESENT && !open_part(&c->parts[i], c->path, e))) return false;
    }
    return path_make(path, e, "%s/scheduler/scheduler_config.json", c->path) &&
           part_json(path, false, &c->scheduler, e) &&
           path_make(path, e, "%s/low_res_scheduler/scheduler_config.json", c->path) &&
           part_json(path, false, &c->low_scheduler, e) && open_tokenizer(&c->tokenizers[0], c->path, "tokenizer", e) &&
           open_tokenizer(&c->tokenizers[1], c->path, "tokenizer_2", e);
}

static Checkpoint *new_checkpoint(const char *path, Error *e) {
    Checkpoint *c = calloc(1, sizeof *c);
    if (c) c->path = malloc(strlen(path) + 1);
    if (c && c->path) {
        strcpy(c->path, path);
        return c;
    }
    error_set(e, ERR_MEMORY, "%s: cannot allocate memory; free some and try again", path);
    checkpoint_close(c);
    return NULL;
}

/* The original configuration of a single file, which the webui reads too. */
static bool open_yaml(Checkpoint *c, Error *e) {
    static const FileWanted WANTED = {.most = 1 << 16, .advice = "move it away if it is not the model's configuration"};
    char path[OS_PATH_SIZE];
    const char *slash = strrchr(c->path, '/'), *name = slash ? slash + 1 : c->path, *dot = strrchr(name, '.');
    int stem = (int)(dot && dot != name ? dot - c->path : (ptrdiff_t)strlen(c->path));
    if (!path_make(path, NULL, "%.*s.yaml", stem, c->path)) return true; /* no file can have that name */
    FilePresence there = file_presence(path, e);
    if (there != FILE_PRESENT) return there == FILE_ABSENT;
    char *text = text_file_read(path, &WANTED, NULL, e);
    c->yaml = text ? yaml_parse(path, text, e) : NULL;
    free(text);
    c->yaml_path = c->yaml ? malloc(strlen(path) + 1) : NULL;
    if (c->yaml_path) strcpy(c->yaml_path, path);
    return c->yaml_path || (c->yaml && error_set(e, ERR_MEMORY, "%s: out of memory; free some and try again", path));
}

static bool open_single(Checkpoint *c, Error *e) {
    c->file = weight_file_open(c->path, e);
    return c->file && open_yaml(c, e);
}

Checkpoint *checkpoint_open(const char *path, Error *e) {
    Checkpoint *c = new_checkpoint(path, e);
    if (!c) return NULL;
    size_t n = strlen(c->path);
    while (n > 1 && c->path[n - 1] == '/') c->path[--n] = 0;
    if (os_kind(c->path) == OS_DIRECTORY ? open_folder(c, e) : open_single(c, e)) return c;
    checkpoint_close(c);
    return NULL;
}

Checkpoint *checkpoint_open_memory(const char *name, const void *bytes, size_t size, Error *e) {
    Checkpoint *c = new_checkpoint(name, e);
    if (c && (c->file = weight_file_open_memory(name, bytes, size, e))) return c;
    checkpoint_close(c);
    return NULL;
}

Checkpoint *checkpoint_open_part(GivenPart part, const char *path, Error *e) {
    Checkpoint *c = new_checkpoint(path, e);
    if (c && given_open(&c->given[part], part, path, e)) return c;
    checkpoint_close(c);
    return NULL;
}

void checkpoint_close(Checkpoint *c) {
    if (!c) return;
    weight_file_close(c->file);
    for (int i = 0; i < CHECKPOINT_PARTS; i++) {
        part_files_close(&c->parts[i].files);
        json_free(c->parts[i].config);
    }
    for (int i = 0; i < GIVEN_COUNT; i++) given_close(&c->given[i]);
    json_free(c->index);
    json_free(c->yaml);
    free(c->yaml_path);
    json_free(c->scheduler);
    json_free(c->low_scheduler);
    for (int i = 0; i < CHECKPOINT_TOKENIZERS; i++) {
        json_free(c->tokenizers[i].config);
        json_free(c->tokenizers[i].special);
        json_free(c->tokenizers[i].added);
        json_free(c->tokenizers[i].vocabulary);
    }
    free(c->path);
    free(c);
}

bool checkpoint_has_file(const Checkpoint *c, const char *path) {
    bool has = c->file && c->file->mapped && file_same(c->file->path, path);
    for (int i = 0; i < CHECKPOINT_PARTS; i++)
        for (int k = 0; k < c->parts[i].files.count; k++)
            has = has || file_same(c->parts[i].files.shards[k]->path, path);
    for (int i = 0; i < GIVEN_COUNT; i++)
        for (int k = 0; k < c->given[i].files.count; k++)
            has = has || file_same(c->given[i].files.shards[k]->path, path);
    return has;
}

const CheckpointPart *checkpoint_part(const Checkpoint *c, const char *name) {
    for (int i = 0; i < CHECKPOINT_PARTS; i++)
        if (c->parts[i].config && !strcmp(c->parts[i].name, name)) return &c->parts[i];
    return NULL;
}

bool checkpoint_has_tiny_vae(const Checkpoint *c) {
    const CheckpointPart *vae = checkpoint_part(c, "vae");
    const JsonNode *class = vae ? json_get(vae->config, &vae->config->nodes[0], "_class_name") : NULL;
    return class && class->type == JSON_STRING && !strcmp(class->text, "AutoencoderTiny");
}

const char *checkpoint_pipeline(const Checkpoint *c) {
    const JsonNode *class = c->index ? json_get(c->index, &c->index->nodes[0], "_class_name") : NULL;
    return class && class->type == JSON_STRING ? class->text : NULL;
}

static Found look(WeightFile *const *files, int count, const char *key) {
    for (int number = -1;; number++) {
        char other[256];
        const char *name = key;
        if (number >= 0) {
            if (!name_variant(key, number, other, sizeof other)) return (Found){0};
            name = other;
        }
        for (int i = 0; i < count; i++) {
            const FileTensor *t = weight_file_find(files[i], name);
            if (t) return (Found){files[i], t};
        }
    }
}

/* --- parts from files of their own --- */

static const char A_LABEL[] = "model.diffusion_model.label_emb.0.0.weight"; /* of SDXL's U-Nets */

static bool begins(const char *text, const char *with) { return !strncmp(text, with, strlen(with)); }

/* Whether text encoders are called as in sgm's files. */
static bool is_sgm(const Checkpoint *c) {
    for (size_t i = 0; c->file && i < c->file->count; i++)
        if (begins(c->file->tensors[i].name, "conditioner.")) return true;
    return checkpoint_find(c, A_LABEL).tensor != NULL;
}

/* The part that a key belongs to, if it is given, and the key's prefix; NULL: the checkpoint's own file has it. */
static const Given *giver(const Checkpoint *c, const char *key, const char **prefix) {
    static const struct {
        const char *prefix;
        GivenPart part;
    } KEYS[] = {{"model.diffusion_model.", GIVEN_UNET},
                {"first_stage_model.", GIVEN_VAE},
                {"conditioner.embedders.0.", GIVEN_TEXT},
                {"cond_stage_model.", GIVEN_TEXT},
                {"conditioner.embedders.1.", GIVEN_TEXT_2},
                {"taesd_decoder.", GIVEN_TAESD_DECODER},
                {"taesd_encoder.", GIVEN_TAESD_ENCODER},
                {"control_model.", GIVEN_CONTROL},
                {"clip_vision.", GIVEN_VISION}};
    for (size_t i = 0; i < sizeof KEYS / sizeof *KEYS; i++)
        if (c->given[KEYS[i].part].path && begins(key, KEYS[i].prefix))
            return *prefix = KEYS[i].prefix, &c->given[KEYS[i].part];
    return NULL;
}

/* Text encoders that are given answer to the names of one kind of file only. */
static bool is_other_kind(const Checkpoint *c, const char *key) {
    return c->given[GIVEN_TEXT].path && begins(key, c->sgm ? "cond_stage_model." : "conditioner.embedders.0.");
}

bool checkpoint_give(Checkpoint *c, GivenPart part, const char *path, Error *e) {
    if (!path) return true;
    c->sgm = is_sgm(c);
    if (!given_open(&c->given[part], part, path, e)) return false;
    if (part == GIVEN_UNET) c->sgm = is_sgm(c);
    return true;
}

void checkpoint_give_own(Checkpoint *c) {
    static const char A_UNET[] = "model.diffusion_model.input_blocks.0.0.weight";
    if (!c->file || checkpoint_find(c, A_UNET).tensor || !given_from(&c->given[GIVEN_UNET], GIVEN_UNET, c->file))
        return;
    c->sgm = is_sgm(c);
}

bool checkpoint_give_tiny_vae(Checkpoint *c, Error *e) {
    const CheckpointPart *vae = checkpoint_part(c, "vae");
    if (!checkpoint_has_tiny_vae(c)) return true;
    WeightFile *file = vae->files.count == 1 ? vae->files.shards[0] : NULL;
    if (file) given_from(&c->given[GIVEN_TAESD_ENCODER], GIVEN_TAESD_ENCODER, file);
    return (file && given_from(&c->given[GIVEN_TAESD_DECODER], GIVEN_TAESD_DECODER, file)) ||
           error_set(e, ERR_FORMAT, "%s/vae: is an AutoencoderTiny and holds none of its weights; download that part",
                     c->path);
}

bool checkpoint_can_be_written(const Checkpoint *c, Error *e) {
    return !checkpoint_has_tiny_vae(c) ||
           error_set(e, ERR_FORMAT,
                     "%s: its VAE is an AutoencoderTiny, for which a whole model has no place; use the folder as it is",
                     c->path);
}

bool checkpoint_is_given(const Checkpoint *c, GivenPart part) { return c->given[part].path != NULL; }

const char *checkpoint_path(const Checkpoint *c, GivenPart part) {
    return c->given[part].path ? c->given[part].path : c->path;
}

static Found find_in_base(const Checkpoint *c, const char *rest) {
    char key[256];
    snprintf(key, sizeof key, "model.diffusion_model.%.200s", rest);
    return checkpoint_find(c, key);
}

Found checkpoint_find(const Checkpoint *c, const char *key) {
    const char *prefix;
    const Given *given = giver(c, key, &prefix);
    if (given) {
        if (c->differs && c->base && begins(key, "control_model.")) {
            Found f = find_in_base(c->base, key + strlen("control_model."));
            if (f.tensor) return f;
        }
        const WeightFile *file = NULL;
        const FileTensor *t = is_other_kind(c, key) ? NULL : given_find(given, prefix, key, &file);
        if (!t && c->base && begins(key, "control_model."))
            return find_in_base(c->base, key + strlen("control_model."));
        return (Found){t ? file : NULL, t};
    }
    char average[256];
    if (c->ema && name_to_ema(key, average, sizeof average)) key = average;
    if (c->layout == CHECKPOINT_SINGLE) return look(&c->file, c->file != NULL, key);
    char part[24], name[256];
    if (!name_to_diffusers(key, c->res_blocks, c->levels, c->vae_levels, part, sizeof part, name, sizeof name))
        return (Found){0};
    const CheckpointPart *p = checkpoint_part(c, part);
    /* SDXL's refiner has the second text encoder alone */
    if (!p && !strncmp(key, "conditioner.embedders.0.", 24)) p = checkpoint_part(c, "text_encoder_2");
    return p ? look(p->files.shards, p->files.count, name) : (Found){0};
}

int64_t checkpoint_tensors(const Checkpoint *c) {
    int64_t n = c->file ? (int64_t)c->file->count : 0;
    for (int i = 0; i < CHECKPOINT_PARTS; i++)
        for (int k = 0; k < c->parts[i].files.count; k++) n += (int64_t)c->parts[i].files.shards[k]->count;
    for (int i = 0; i < GIVEN_COUNT; i++)
        for (int k = 0; !c->given[i].borrowed && k < c->given[i].files.count; k++)
            n += (int64_t)c->given[i].files.shards[k]->count;
    return n;
}

size_t checkpoint_bytes(const Checkpoint *c) {
    size_t n = c->file ? c->file->size : 0;
    for (int i = 0; i < CHECKPOINT_PARTS; i++)
        for (int k = 0; k < c->parts[i].files.count; k++) n += c->parts[i].files.shards[k]->size;
    return n;
}
