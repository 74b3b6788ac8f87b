#include "config_keys.h"

#include "config_tables.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- values --- */

/* A value of the tables as JSON would have it. */
static JsonNode value_of(const char *text) {
    JsonNode n = {.next = -1, .child = -1, .text = text};
    n.type = !strcmp(text, "null")                            ? JSON_NULL
             : !strcmp(text, "true")                          ? JSON_TRUE
             : !strcmp(text, "false")                         ? JSON_FALSE
             : !strcmp(text, "[]")                            ? JSON_ARRAY
             : *text == '-' || (*text >= '0' && *text <= '9') ? JSON_NUMBER
                                                              : JSON_STRING;
    return n;
}

/* Whether it is the value of the tables whose first `size` bytes are its text. */
static bool is_value(const JsonNode *n, const char *text, size_t size) {
    char buf[64];
    double a, b;
    if (size >= sizeof buf) return false;
    snprintf(buf, sizeof buf, "%.*s", (int)size, text);
    const JsonNode known = value_of(buf);
    if (n->type != known.type) return false;
    if (n->type == JSON_STRING) return !strcmp(n->text, buf);
    if (n->type == JSON_NUMBER) /* -Infinity has no double */
        return !strcmp(n->text, buf) || (json_double(n, &a) && json_double(&known, &b) && a == b);
    return !n->count;
}

/* One of "a|b|c"; or a list of them, which diffusers takes for one value a level. */
static bool is_one_of(const Json *j, const JsonNode *n, const char *values) {
    if (n->type == JSON_ARRAY && n->count) {
        for (int32_t i = n->child; i >= 0; i = j->nodes[i].next)
            if (j->nodes[i].type == JSON_ARRAY || !is_one_of(j, &j->nodes[i], values)) return false;
        return true;
    }
    for (const char *at = values; at; at = strchr(at, '|')) {
        at += *at == '|';
        if (is_value(n, at, strcspn(at, "|"))) return true;
    }
    return false;
}

/* A value for a message, cut where it is long. */
static void show(const Json *j, const JsonNode *n, char *out, size_t size) {
    const char *text = n->type == JSON_NULL     ? "null"
                       : n->type == JSON_TRUE   ? "true"
                       : n->type == JSON_FALSE  ? "false"
                       : n->type == JSON_OBJECT ? "{...}"
                                                : n->text;
    if (n->type == JSON_ARRAY) {
        size_t at = (size_t)snprintf(out, size, "[");
        int shown = 0;
        for (int32_t i = n->child; i >= 0 && at < size; i = j->nodes[i].next, shown++) {
            char one[48];
            if (shown == 8) {
                at += (size_t)snprintf(out + at, size - at, ",...");
                break;
            }
            if (j->nodes[i].type == JSON_ARRAY) snprintf(one, sizeof one, "[...]");
            else show(j, &j->nodes[i], one, sizeof one);
            at += (size_t)snprintf(out + at, size - at, "%s%s", shown ? "," : "", one);
        }
        if (at < size) snprintf(out + at, size - at, "]");
    } else if (n->type == JSON_STRING) snprintf(out, size, "\"%.*s\"", (int)(size < 64 ? size - 3 : 60), text);
    else snprintf(out, size, "%.60s", text);
}

/* --- files --- */

bool config_file(const Checkpoint *c, ConfigFileKind kind, ConfigFile *out, Error *e) {
    static const char *const NAMES[CONFIG_FILES] = {"model_index.json",
                                                    "unet/config.json",
                                                    "vae/config.json",
                                                    "text_encoder/config.json",
                                                    "text_encoder_2/config.json",
                                                    "tokenizer/tokenizer_config.json",
                                                    "tokenizer_2/tokenizer_config.json",
                                                    "tokenizer/special_tokens_map.json",
                                                    "tokenizer_2/special_tokens_map.json",
                                                    "scheduler/scheduler_config.json",
                                                    "low_res_scheduler/scheduler_config.json"};
    if (kind == CONFIG_YAML) {
        *out = (ConfigFile){.folder = "", .file = c->yaml_path, .keys = CONFIG_TABLES[kind], .json = c->yaml, .e = e};
        if (c->yaml) out->root = &c->yaml->nodes[0];
        return c->yaml != NULL;
    }
    static const char *const PARTS[CONFIG_FILES] = {[CONFIG_UNET] = "unet",
                                                    [CONFIG_VAE] = "vae",
                                                    [CONFIG_TEXT] = "text_encoder",
                                                    [CONFIG_TEXT_2] = "text_encoder_2"};
    const Json *const others[CONFIG_FILES] = {[CONFIG_INDEX] = c->index,
                                              [CONFIG_TOKENIZER] = c->tokenizers[0].config,
                                              [CONFIG_TOKENIZER_2] = c->tokenizers[1].config,
                                              [CONFIG_SPECIAL_TOKENS] = c->tokenizers[0].special,
                                              [CONFIG_SPECIAL_TOKENS_2] = c->tokenizers[1].special,
                                              [CONFIG_SCHEDULER] = c->scheduler,
                                              [CONFIG_LOW_SCHEDULER] = c->low_scheduler};
    const CheckpointPart *part = PARTS[kind] ? checkpoint_part(c, PARTS[kind]) : NULL;
    *out = (ConfigFile){.folder = c->path, .file = NAMES[kind], .keys = CONFIG_TABLES[kind], .e = e};
    if (kind == CONFIG_VAE && checkpoint_has_tiny_vae(c)) out->keys = CONFIG_TABLES[CONFIG_TINY_VAE];
    out->json = part ? part->config : others[kind];
    if (!out->json) return false;
    out->root = &out->json->nodes[0];
    /* a whole CLIP model's configuration holds that of its text encoder */
    bool text = kind == CONFIG_TEXT || kind == CONFIG_TEXT_2;
    const JsonNode *inner = text ? json_get(out->json, out->root, "text_config") : NULL;
    if (inner && inner->type == JSON_OBJECT) out->root = inner;
    return true;
}

static const ConfigKey *row_of(const ConfigFile *f, const char *key) {
    for (const ConfigKey *k = f->keys; k->key; k++)
        if (!strcmp(k->key, key)) return k;
    return NULL;
}

bool config_refuse(const ConfigFile *f, const char *key, const char *why) {
    char value[128] = "missing";
    const JsonNode *n = json_get(f->json, f->root, key);
    if (n) show(f->json, n, value, sizeof value);
    return error_set(f->e, ERR_FORMAT, "%s%s%s: \"%s\" is %s, %s", f->folder, *f->folder ? "/" : "", f->file, key,
                     value, why);
}

/* "silu|swish" as people write it */
static void list_values(const char *values, char *out, size_t size) {
    size_t at = 0;
    for (; *values && at + 5 < size; values++)
        if (*values == '|') memcpy(out + at, " or ", 4), at += 4;
        else out[at++] = *values;
    out[at] = 0;
}

bool config_keys_check(const ConfigFile *f, ConfigNotes *notes) {
    if (f->root->type != JSON_OBJECT)
        return error_set(f->e, ERR_FORMAT, "%s/%s: is not a JSON object; download it again", f->folder, f->file);
    for (const ConfigKey *k = f->keys; k->key; k++) {
        const JsonNode *n = k->use == KEY_ONLY || k->use == KEY_NOTED ? json_get(f->json, f->root, k->key) : NULL;
        if (!n || is_one_of(f->json, n, k->values)) continue;
        char values[200], value[64], why[300];
        if (k->use == KEY_NOTED) {
            show(f->json, n, value, sizeof value);
            config_note(notes->said, "%s %s", k->key, value);
            continue;
        }
        list_values(k->values, values, sizeof values);
        snprintf(why, sizeof why, "where only %s is computed; use another model", values);
        return config_refuse(f, k->key, why);
    }
    for (int32_t i = f->root->child; i >= 0; i = f->json->nodes[i].next)
        if (!row_of(f, f->json->nodes[i].key)) config_note(notes->unknown, "%s: %.60s", f->file, f->json->nodes[i].key);
    return true;
}

/* --- reading --- */

const JsonNode *config_value(const ConfigFile *f, const char *key, JsonNode *missing) {
    const JsonNode *n = json_get(f->json, f->root, key);
    if (n) return n;
    const ConfigKey *k = row_of(f, key);
    *missing = value_of(k && k->missing ? k->missing : "null");
    return missing;
}

bool config_int(const ConfigFile *f, const char *key, int low, int high, int *out) {
    JsonNode missing;
    const JsonNode *n = config_value(f, key, &missing);
    bool list = n->type == JSON_ARRAY && n->count;
    int64_t v = 0, first = 0;
    char why[128];
    const JsonNode *at = list ? &f->json->nodes[n->child] : n;
    bool ok = json_int(at, &first);
    for (int32_t i = list ? n->child : -1; ok && i >= 0; i = f->json->nodes[i].next) {
        ok = json_int(&f->json->nodes[i], &v);
        if (ok && v != first)
            return config_refuse(f, key, "where levels that differ are not computed; use another model");
    }
    if (ok && first >= low && first <= high) return *out = (int)first, true;
    snprintf(why, sizeof why, "not a whole number from %d to %d; download it again or use another model", low, high);
    return config_refuse(f, key, why);
}

bool config_real(const ConfigFile *f, const char *key, double low, double high, double *out) {
    JsonNode missing;
    char why[128];
    double v;
    if (json_double(config_value(f, key, &missing), &v) && v >= low && v <= high) return *out = v, true;
    snprintf(why, sizeof why, "not a number from %g to %g; download it again or use another model", low, high);
    return config_refuse(f, key, why);
}

bool config_reals(const ConfigFile *f, const char *key, double low, double high, int count, double *out) {
    JsonNode missing;
    char why[128];
    const JsonNode *list = config_value(f, key, &missing);
    bool ok = list->type == JSON_ARRAY && list->count == count;
    for (int32_t i = ok ? list->child : -1, k = 0; ok && i >= 0; i = f->json->nodes[i].next, k++)
        ok = json_double(&f->json->nodes[i], &out[k]) && out[k] >= low && out[k] <= high;
    if (ok) return true;
    snprintf(why, sizeof why, "not %d numbers from %g to %g; download it again or use another model", count, low, high);
    return config_refuse(f, key, why);
}

bool config_flag(const ConfigFile *f, const char *key, bool *out) {
    JsonNode missing;
    const JsonNode *n = config_value(f, key, &missing);
    *out = n->type == JSON_TRUE;
    return *out || n->type == JSON_FALSE || n->type == JSON_NULL ||
           config_refuse(f, key, "neither true nor false; download it again");
}

bool config_is(const ConfigFile *f, const char *key, const char *text) {
    JsonNode missing;
    const JsonNode *n = config_value(f, key, &missing);
    return n->type == JSON_STRING && !strcmp(n->text, text);
}
