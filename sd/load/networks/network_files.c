/* network_files.c: from a prompt's names to files (extensions-builtin/Lora: networks.py, list_available_networks and
 * load_networks; network.py, NetworkOnDisk). */
#include "network_files.h"

#include "weights/files/files_below.h"
#include "sd/load/model_hash.h"
#include "sd/image/codecs/codecs.h"
#include "sd/text/nearest.h"
#include "weights/files/path.h"
#include "weights/formats/weight_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool no_memory(Error *e) { return error_set(e, ERR_MEMORY, "out of memory for a list of networks"); }

/* --- the list --- */

static bool add_file(void *user, const char *path, const char *name, Error *e) {
    NetworkFiles *f = user;
    if (!image_has_ending(name, "safetensors|pt|ckpt")) return true;
    if (f->count == FILES_MOST)
        return error_set(e, ERR_FILE, "%.200s: holds more than %d networks; name fewer", path, FILES_MOST);
    if (!list_grow(&f->at, &f->capacity, f->count, sizeof *f->at)) return no_memory(e);
    f->at[f->count] = (NetworkFile){.name = text_copy(name, file_stem(name)), .path = text_copy(path, strlen(path))};
    f->count++;
    return (f->at[f->count - 1].name && f->at[f->count - 1].path) || no_memory(e);
}

static bool add_folder(NetworkFiles *f, const char *folder, Error *e) {
    size_t n = strlen(f->searched);
    snprintf(f->searched + n, sizeof f->searched - n, "%s%s", n ? ", " : "", folder);
    return files_below(folder, "a folder of networks", add_file, f, e);
}

bool network_files_open(NetworkFiles *out, const char *folder, const char *model, Error *e) {
    static const char *const NAMES[] = {"Lora", "loras", "lora"}, *const ABOVE[] = {"", "../"};
    *out = (NetworkFiles){0};
    if (folder) return add_folder(out, folder, e);
    if (!model) return true;
    const char *slash = strrchr(model, '/');
    int n = slash ? (int)(slash + 1 - model) : 0;
    for (int a = 0; a < 2; a++)
        for (int i = 0; i < 3; i++) {
            char path[OS_PATH_SIZE];
            if (!path_make(path, NULL, "%.*s%s%s", n, model, ABOVE[a], NAMES[i])) continue;
            if (os_kind(path) == OS_DIRECTORY && !add_folder(out, path, e)) return false;
        }
    return true;
}

void network_files_free(NetworkFiles *f) {
    for (size_t i = 0; i < f->count; i++) {
        free(f->at[i].name);
        free(f->at[i].path);
        free(f->at[i].alias);
    }
    free(f->at);
    *f = (NetworkFiles){0};
}

/* --- finding --- */

/* Reads the alias; a file that cannot be read has none. */
static bool ask(NetworkFile *n, Error *e) {
    if (n->asked) return true;
    n->asked = true;
    WeightFile *f = image_has_ending(n->path, "safetensors") ? weight_file_open(n->path, NULL) : NULL;
    const char *alias = f ? weight_file_meta(f, "ss_output_name") : NULL;
    if (alias) n->alias = text_copy(alias, strlen(alias));
    bool ok = !alias || n->alias || no_memory(e);
    weight_file_close(f);
    return ok;
}

/* "'A', 'B' or 'C'": the names nearest to one. */
static void suggest(const NetworkFiles *f, const char *name, char *out, size_t size) {
    enum { MOST = 3, FAR = 6 };
    size_t at = 0;
    *out = 0;
    const NetworkFile *told[MOST] = {0};
    for (int k = 0; k < MOST; k++) {
        const NetworkFile *best = NULL;
        int least = FAR;
        for (size_t i = 0; i < f->count; i++) {
            int edits = nearest_edits(name, f->at[i].name);
            bool known = false;
            for (int j = 0; j < k; j++) known |= told[j] == &f->at[i];
            if (edits < least && !known) best = &f->at[i], least = edits;
        }
        if (!best) break;
        told[k] = best;
        if (at < size)
            at += (size_t)snprintf(out + at, size - at, "%s'%.60s'", k ? ", " : "; did you mean ", best->name);
    }
    if (at >= size && size) out[size - 1] = 0;
}

NetworkFile *network_files_find(NetworkFiles *f, const char *name, const char *tag, Error *e) {
    NetworkFile *found = NULL;
    for (size_t i = 0; i < f->count; i++)
        if (!strcmp(f->at[i].name, name)) found = &f->at[i];
    for (size_t i = 0; !found && i < f->count; i++)
        if (!ask(&f->at[i], e)) return NULL;
    for (size_t i = 0; i < f->count; i++) {
        NetworkFile *n = &f->at[i];
        if (!n->alias || strcmp(n->alias, name) || (found && !strcmp(found->name, name))) continue;
        if (found) {
            error_set(e, ERR_ARGUMENT, "%s: %.200s and %.200s both call themselves that; write a file's name", tag,
                      found->path, n->path);
            return NULL;
        }
        found = n;
    }
    if (found) return found;
    char nearest[300];
    suggest(f, name, nearest, sizeof nearest);
    if (!*f->searched) error_set(e, ERR_ARGUMENT, "%s: no folder of networks is known; name it with --lora-dir", tag);
    else
        error_set(e, ERR_ARGUMENT, "%s: no such file in %.300s%s; check the name, or name its folder with --lora-dir",
                  tag, f->searched, nearest);
    return NULL;
}

/* --- hashes --- */

static bool has_hash(NetworkFile *n, const char *hash, Error *e) {
    if (!*n->hash && !network_file_hash(n->path, n->hash, e)) return false;
    return !strncmp(n->hash, hash, 12);
}

NetworkFile *network_files_with_hash(NetworkFiles *f, NetworkFile *likely, const char *hash, Error *e) {
    Error own = {0};
    if (strlen(hash) < 12) return NULL;
    if (likely && has_hash(likely, hash, e)) return likely;
    for (size_t i = 0; i < f->count && !(e && e->code); i++) {
        NetworkFile *n = &f->at[i];
        if (n != likely && has_hash(n, hash, &own)) return n;
        if (own.code == ERR_MEMORY) error_pass(e, &own);
        own = (Error){0}; /* a file that cannot be read is not the one */
    }
    return NULL;
}

bool network_file_hash(const char *path, char hash[13], Error *e) {
    char hex[65];
    if (image_has_ending(path, "safetensors")) {
        WeightFile *f = weight_file_open(path, e);
        if (!f) return false;
        const char *own = weight_file_meta(f, "sshs_model_hash");
        uint64_t data = f->data;
        bool told = own && strspn(own, "0123456789abcdef") >= 12;
        if (told) snprintf(hash, 13, "%.12s", own);
        weight_file_close(f);
        if (told) return true;
        if (!cached_sha256_from(path, data, hex, e)) return false;
    } else if (!cached_sha256(path, hex, e)) return false;
    snprintf(hash, 13, "%.12s", hex);
    return true;
}
