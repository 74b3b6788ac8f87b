/* networks_adapter.c: alphas that PEFT keeps beside the numbers: in the file's metadata, "lora_adapter_metadata" (a
 * JSON object with "unet.lora_alpha", "unet.alpha_pattern" (by module, or the end of its name), "unet.use_rslora", and
 * the same of "text_encoder" and "text_encoder_2"), or, of a file adapter_model.*, in adapter_config.json in its
 * folder, without "unet." Sources: huggingface/peft, tuners/lora, tuners/lycoris_utils.py; diffusers,
 * loaders/lora_base.py. */
#include "networks_internal.h"

#include "tensor/os.h"
#include "weights/files/json.h"
#include "weights/files/path.h"
#include "weights/files/text_file.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const Network *n;
    const Json *j;
    bool own; /* adapter_config.json */
    const char *where;
    Error *e;
} Adapter;

static const JsonNode *setting(const Adapter *a, NetworkPart of, const char *key) {
    static const char *const PREFIX[NETWORK_PARTS] = {"unet.", "text_encoder.", "text_encoder_2."};
    char full[64];
    snprintf(full, sizeof full, "%s%s", a->own ? "" : PREFIX[of], key);
    return json_get(a->j, &a->j->nodes[0], full);
}

/* Whether a pattern's key names the module, or the end of its name. */
static bool names(const char *pattern, const NetworkModule *m) {
    size_t size = strlen(pattern), key = (size_t)m->key_size;
    if (size > key || memcmp(m->key + key - size, pattern, size)) return false;
    return size == key || m->key[key - size - 1] == '.';
}

/* The module's number in a table of patterns, else the one for all. PEFT's patterns are regular expressions, which
 * trainers write as plain names. */
static bool number_of(const Adapter *a, const NetworkModule *m, const char *patterns, const char *all, double *out) {
    const JsonNode *table = setting(a, m->of, patterns), *is = setting(a, m->of, all);
    bool listed = false;
    *out = NAN;
    for (int32_t i = table && table->type == JSON_OBJECT ? table->child : -1; i >= 0; i = a->j->nodes[i].next) {
        const char *pattern = a->j->nodes[i].key;
        if (strpbrk(pattern, "^$*+?()[]{}|\\"))
            return error_set(
                a->e, ERR_FORMAT,
                "%s: %s: '%.100s' is a regular expression, which is not supported; write the layers' names", a->where,
                patterns, pattern);
        if (!listed && names(pattern, m)) listed = true, is = &a->j->nodes[i];
    }
    if (!is || is->type == JSON_NULL) return true;
    return (json_double(is, out) && isfinite(*out)) ||
           error_set(a->e, ERR_FORMAT, "%s: the %s of %.*s is not a number; use another file", a->where, all,
                     m->key_size, m->key);
}

static bool take(const Adapter *a, NetworkModule *m) {
    const JsonNode *by_root = setting(a, m->of, "use_rslora");
    bool lora = m->kind == NETWORK_LORA;
    double alpha, rank = NAN;
    if (!number_of(a, m, "alpha_pattern", lora ? "lora_alpha" : "alpha", &alpha)) return false;
    if (isnan(alpha)) return true;
    if (lora) rank = (double)m->rank;
    else if (!number_of(a, m, "rank_pattern", "r", &rank)) return false;
    if (!(rank > 0)) return true;
    m->alpha = alpha;
    m->scale = lora && by_root && by_root->type == JSON_TRUE ? alpha / sqrt(rank) : alpha / rank;
    return true;
}

/* Those whose scale nothing in the file says; whole matrices of LoKr are scaled, too. */
static bool is_open(const Adapter *a, const NetworkModule *m) {
    bool kind = m->kind == NETWORK_LORA ? m->rank > 0 : a->own && (m->kind == NETWORK_LOHA || m->kind == NETWORK_LOKR);
    return kind && !m->part[NET_ALPHA] && !m->part[NET_SCALE];
}

/* How rotations are made of the numbers (peft, tuners/oft/config.py). */
static bool take_rotation(const Adapter *a, NetworkModule *m) {
    const JsonNode *coft = setting(a, m->of, "coft"), *series = setting(a, m->of, "use_cayley_neumann"),
                   *count = setting(a, m->of, "num_cayley_neumann_terms");
    double terms = 5;
    if (coft && coft->type == JSON_TRUE)
        return error_set(a->e, ERR_FORMAT, "%s: coft is not supported; use an adapter without", a->where);
    if (count && (!json_double(count, &terms) || !(terms >= 1 && terms <= 64)))
        return error_set(a->e, ERR_FORMAT, "%s: num_cayley_neumann_terms is not in 1..64; use another file", a->where);
    m->terms = series && series->type == JSON_FALSE ? 0 : (int)terms;
    return true;
}

static bool take_all(const Adapter *a) {
    bool ok = true;
    for (size_t i = 0; ok && i < a->n->count; i++) {
        NetworkModule *m = &a->n->modules[i];
        if (is_open(a, m)) ok = take(a, m);
        if (ok && m->kind == NETWORK_OFT_INPUTS) ok = take_rotation(a, m);
    }
    return ok;
}

/* "FOLDER/adapter_config.json" where the file is "FOLDER/adapter_model.safetensors" or .bin; false: it is neither. */
static bool beside(const char *path, char out[OS_PATH_SIZE]) {
    static const char STEM[] = "adapter_model.";
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    return !strncmp(name, STEM, sizeof STEM - 1) &&
           path_make(out, NULL, "%.*sadapter_config.json", (int)(name - path), path) && os_kind(out) == OS_REGULAR;
}

static bool read(Adapter *a, const char *text, size_t size) {
    Json *j = json_parse_python(a->where, text, size, a->e);
    a->j = j;
    bool ok = j && take_all(a);
    json_free(j);
    return ok;
}

bool network_adapter(const Network *n, Error *e) {
    static const FileWanted WANTED = {.most = 4 << 20, .advice = "PEFT writes a short configuration there"};
    const char *said = weight_file_meta(n->file, "lora_adapter_metadata");
    char where[OS_PATH_SIZE + 32];
    Adapter a = {.n = n, .own = !said, .where = where, .e = e};
    if (said) {
        snprintf(where, sizeof where, "%.1000s: lora_adapter_metadata", n->file->path);
        return read(&a, said, strlen(said));
    }
    if (!beside(n->file->path, where)) {
        for (size_t i = 0; i < n->count; i++)
            if (n->modules[i].kind == NETWORK_OFT_INPUTS)
                return error_set(
                    e, ERR_FORMAT,
                    "%s: is PEFT's OFT, which adapter_config.json beside adapter_model.* describes; name that "
                    "folder",
                    n->file->path);
        return true;
    }
    size_t size;
    char *text = text_file_read(where, &WANTED, &size, e);
    bool ok = text && read(&a, text, size);
    free(text);
    return ok;
}

bool network_in_folder(const char *folder, char out[OS_PATH_SIZE], Error *e) {
    static const char *const NAMES[] = {"adapter_model.safetensors", "adapter_model.bin",
                                        "pytorch_lora_weights.safetensors", "pytorch_lora_weights.bin"};
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
        if (!path_make(out, e, "%s/%s", folder, NAMES[i])) return false;
        if (os_kind(out) == OS_REGULAR) return true;
    }
    return error_set(e, ERR_FILE, "%s: holds no %s and no %s; name the network's file", folder, NAMES[0], NAMES[2]);
}
