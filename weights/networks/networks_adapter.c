/* networks_adapter.c: alphas that PEFT keeps in the file's metadata, "lora_adapter_metadata": a JSON object with
 * "unet.lora_alpha", "unet.alpha_pattern" (by module, or the end of its name), "unet.use_rslora", and the same of
 * "text_encoder" and "text_encoder_2" (huggingface/peft, tuners/lora; diffusers, loaders/lora_base.py). */
#include "networks_internal.h"

#include "weights/files/json.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const JsonNode *setting(const Json *j, NetworkPart of, const char *key) {
    static const char *const PREFIX[NETWORK_PARTS] = {"unet", "text_encoder", "text_encoder_2"};
    char full[64];
    snprintf(full, sizeof full, "%s.%s", PREFIX[of], key);
    return json_get(j, &j->nodes[0], full);
}

/* Whether a pattern's key names the module, or the end of its name. */
static bool names(const char *pattern, const NetworkModule *m) {
    size_t size = strlen(pattern), key = (size_t)m->key_size;
    if (size > key || memcmp(m->key + key - size, pattern, size)) return false;
    return size == key || m->key[key - size - 1] == '.';
}

static const JsonNode *alpha_of(const Json *j, const NetworkModule *m) {
    const JsonNode *pattern = setting(j, m->of, "alpha_pattern");
    if (pattern && pattern->type == JSON_OBJECT)
        for (int32_t i = pattern->child; i >= 0; i = j->nodes[i].next)
            if (names(j->nodes[i].key, m)) return &j->nodes[i];
    return setting(j, m->of, "lora_alpha");
}

static bool take(const Network *n, const Json *j, NetworkModule *m, Error *e) {
    const JsonNode *alpha = alpha_of(j, m), *by_root = setting(j, m->of, "use_rslora");
    if (!alpha || alpha->type == JSON_NULL) return true;
    double v;
    if (!json_double(alpha, &v) || !isfinite(v))
        return error_set(e, ERR_FORMAT,
                         "%s: lora_adapter_metadata: the alpha of %.*s is not a number; use another file",
                         n->file->path, m->key_size, m->key);
    m->alpha = v;
    m->scale = by_root && by_root->type == JSON_TRUE ? v / sqrt((double)m->rank) : v / (double)m->rank;
    return true;
}

bool network_adapter(const Network *n, Error *e) {
    const char *text = weight_file_meta(n->file, "lora_adapter_metadata");
    if (!text) return true;
    char what[1200];
    snprintf(what, sizeof what, "%.1000s: lora_adapter_metadata", n->file->path);
    Json *j = json_parse_python(what, text, strlen(text), e);
    if (!j) return false;
    bool ok = true;
    for (size_t i = 0; ok && i < n->count; i++) {
        NetworkModule *m = &n->modules[i];
        bool open = m->kind == NETWORK_LORA && m->rank && !m->part[NET_ALPHA] && !m->part[NET_SCALE];
        if (open) ok = take(n, j, m, e);
    }
    json_free(j);
    return ok;
}
