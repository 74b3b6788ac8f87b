#include "part_files.h"

#include "weights/files/file_open.h"
#include "weights/files/path.h"
#include "weights/files/text_file.h"

#include <stdlib.h>
#include <string.h>

bool part_json(const char *path, bool needed, Json **out, Error *e) {
    static const FileWanted WANTED = {.most = 4 << 20,
                                      .advice = "a diffusers folder needs a short configuration there"};
    if (!needed) {
        FilePresence there = file_presence(path, e);
        if (there != FILE_PRESENT) return there == FILE_ABSENT;
    }
    size_t size;
    char *text = text_file_read(path, &WANTED, &size, e);
    *out = text ? json_parse_python(path, text, size, e) : NULL;
    free(text);
    return *out != NULL;
}

bool part_files_add(PartFiles *p, const char *path, Error *e) {
    if (!p->shards) p->shards = calloc(PART_SHARDS, sizeof *p->shards);
    if (!p->shards) return error_set(e, ERR_MEMORY, "%s: cannot allocate memory; free some and try again", path);
    if (p->count == PART_SHARDS)
        return error_set(e, ERR_FORMAT, "%s: is one of more than %d shards; merge them", path, PART_SHARDS);
    WeightFile *f = weight_file_open(path, e);
    if (f) p->shards[p->count++] = f;
    return f != NULL;
}

/* Opens every file that an index names, once. */
static bool open_index(PartFiles *p, const char *folder, const char *index, Error *e) {
    Json *j = NULL;
    if (!part_json(index, true, &j, e)) return false;
    const JsonNode *map = json_get(j, &j->nodes[0], "weight_map");
    bool ok = map && map->type == JSON_OBJECT;
    if (!ok) error_set(e, ERR_FORMAT, "%s: holds no \"weight_map\"; download the folder again", index);
    for (int64_t at = ok ? map->child : -1; ok && at >= 0; at = j->nodes[at].next) {
        const JsonNode *n = &j->nodes[at];
        char path[OS_PATH_SIZE];
        if (n->type != JSON_STRING || strchr(n->text, '/')) {
            ok = error_set(e, ERR_FORMAT,
                           "%s: its entry for '%s' is not the name of a file beside it; download the folder again",
                           index, n->key);
            break;
        }
        if (!(ok = path_make(path, e, "%s/%s", folder, n->text))) break;
        bool known = false;
        for (int i = 0; i < p->count; i++) known |= !strcmp(p->shards[i]->path, path);
        ok = known || part_files_add(p, path, e);
    }
    json_free(j);
    return ok;
}

bool part_files_find(PartFiles *p, const char *folder, bool *found, Error *e) {
    static const char *const NAMES[] = {"diffusion_pytorch_model.safetensors",
                                        "model.safetensors",
                                        "diffusion_pytorch_model.fp16.safetensors",
                                        "model.fp16.safetensors",
                                        "diffusion_pytorch_model.safetensors.index.json",
                                        "model.safetensors.index.json",
                                        "diffusion_pytorch_model.safetensors.index.fp16.json",
                                        "model.safetensors.index.fp16.json",
                                        "diffusion_pytorch_model.fp16.safetensors.index.json",
                                        "model.fp16.safetensors.index.json",
                                        "diffusion_pytorch_model.bin",
                                        "pytorch_model.bin",
                                        "diffusion_pytorch_model.fp16.bin",
                                        "pytorch_model.fp16.bin",
                                        "diffusion_pytorch_model.bin.index.json",
                                        "pytorch_model.bin.index.json",
                                        "diffusion_pytorch_model.bin.index.fp16.json",
                                        "pytorch_model.bin.index.fp16.json",
                                        "diffusion_pytorch_model.fp16.bin.index.json",
                                        "pytorch_model.fp16.bin.index.json"};
    char path[OS_PATH_SIZE];
    *found = false;
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
        if (!path_make(path, e, "%s/%s", folder, NAMES[i])) return false;
        FilePresence there = file_presence(path, e);
        if (there == FILE_ABSENT) continue;
        *found = true;
        bool index = !strcmp(strrchr(NAMES[i], '.'), ".json");
        return there == FILE_PRESENT && (index ? open_index(p, folder, path, e) : part_files_add(p, path, e));
    }
    return true;
}

void part_files_close(PartFiles *p) {
    for (int i = 0; i < p->count; i++) weight_file_close(p->shards[i]);
    free(p->shards);
    *p = (PartFiles){0};
}
