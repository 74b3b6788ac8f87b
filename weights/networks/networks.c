/* networks.c: keys of a network's file become modules (networks.h). */
#include "networks.h"

#include "networks_internal.h"
#include "weights/formats/other_kinds.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- keys --- */

/* How keys end. The first that fits counts. PEFT's may have an adapter's name within: ".lora_A.default.weight". */
static const struct {
    const char *end;
    NetworkRole role;
} ENDS[] = {
    {".lora_down.weight", NET_DOWN},
    {".lora_up.weight", NET_UP},
    {".lora_mid.weight", NET_MID},
    {".lora_A.weight", NET_DOWN},
    {".lora_B.weight", NET_UP},
    {".lora_B.bias", NET_UP_BIAS},
    {".lora_up.bias", NET_UP_BIAS},
    {".lora_linear_layer.down.weight", NET_DOWN},
    {".lora_linear_layer.up.weight", NET_UP},
    {".lora.down.weight", NET_DOWN},
    {".lora.up.weight", NET_UP},
    {"_lora.down.weight", NET_DOWN},
    {"_lora.up.weight", NET_UP},
    {".hada_w1_a", NET_W1A},
    {".hada_w1_b", NET_W1B},
    {".hada_w2_a", NET_W2A},
    {".hada_w2_b", NET_W2B},
    {".hada_t1", NET_T1},
    {".hada_t2", NET_T2},
    {".lokr_w1", NET_K1},
    {".lokr_w1_a", NET_K1A},
    {".lokr_w1_b", NET_K1B},
    {".lokr_w2", NET_K2},
    {".lokr_w2_a", NET_K2A},
    {".lokr_w2_b", NET_K2B},
    {".lokr_t2", NET_KT2},
    {".diff", NET_DIFF},
    {".diff_b", NET_DIFF_B},
    {".w_norm", NET_NORM},
    {".b_norm", NET_NORM_B},
    {".a1.weight", NET_GA1},
    {".a2.weight", NET_GA2},
    {".b1.weight", NET_GB1},
    {".b2.weight", NET_GB2},
    {".oft_blocks", NET_OFT},
    {".oft_diag", NET_OFT_DIAG},
    {".oft_R.weight", NET_OFT_R},
    {".rescale", NET_RESCALE},
    {".on_input", NET_ON_INPUT},
    {".dora_scale", NET_DORA},
    {".lora_magnitude_vector.weight", NET_DORA},
    {".lora_magnitude_vector", NET_DORA},
    {".alpha", NET_ALPHA},
    {".scale", NET_SCALE},
    {".weight", NET_IA3}, /* the last, which any other goes before */
};

/* How they begin. Names of one file may be without: saved by the U-Net alone. */
static const struct {
    const char *begin;
    NetworkPart of;
} BEGINS[] = {
    {"lora_unet_", NETWORK_UNET},
    {"lora_unet.", NETWORK_UNET},
    {"lora_te.", NETWORK_TEXT},
    {"lora_te1.", NETWORK_TEXT},
    {"lora_te2.", NETWORK_TEXT_2},
    {"oft_unet_", NETWORK_UNET},
    {"lora_te1_", NETWORK_TEXT},
    {"lora_te2_", NETWORK_TEXT_2},
    {"lora_te_", NETWORK_TEXT},
    {"lycoris_", NETWORK_UNET},
    {"model.diffusion_model.", NETWORK_UNET},
    {"diffusion_model.", NETWORK_UNET},
    {"text_encoders.clip_l.transformer.", NETWORK_TEXT},
    {"text_encoders.clip_g.transformer.", NETWORK_TEXT_2},
    {"clip_l.transformer.", NETWORK_TEXT},
    {"clip_g.transformer.", NETWORK_TEXT_2},
    {"clip_l.", NETWORK_TEXT},
    {"clip_g.", NETWORK_TEXT_2},
    {"text_encoder_2.", NETWORK_TEXT_2},
    {"text_encoder.", NETWORK_TEXT},
    {"unet.", NETWORK_UNET},
};

static const char *const OF[NETWORK_PARTS] = {"unet_", "text_", "text_2_"};

static bool ends(const char *key, size_t n, const char *end, size_t size) {
    return n > size && !memcmp(key + n - size, end, size);
}

/* Of PEFT's parameters, "MODULE.PART.NAME" and "MODULE.PART.NAME.weight": the name of an adapter is left out. */
static bool split_named(const char *key, NetworkRole *role, size_t *module) {
    static const char *const NAMED[] = {".lora_A", ".lora_B", ".lora_magnitude_vector", ".hada_", ".lokr_", ".oft_R"};
    static const char WEIGHT[] = ".weight";
    enum { END = sizeof WEIGHT - 1 };
    size_t n = strlen(key);
    bool weight = ends(key, n, WEIGHT, END);
    n -= weight ? END : 0;
    while (n && key[--n] != '.') {}
    for (size_t i = 0; n && i < sizeof ENDS / sizeof *ENDS; i++) {
        const char *end = ENDS[i].end;
        size_t size = strlen(end);
        bool of = false;
        for (size_t k = 0; k < sizeof NAMED / sizeof *NAMED; k++) of |= !strncmp(end, NAMED[k], strlen(NAMED[k]));
        if (!of || weight != ends(end, size, WEIGHT, END)) continue;
        size -= weight ? END : 0;
        if (ends(key, n, end, size)) return *role = ENDS[i].role, *module = n - size, true;
    }
    return false;
}

/* The role of a key, and how much of it is the module's. */
static bool split(const char *key, NetworkRole *role, size_t *module) {
    size_t n = strlen(key);
    for (size_t i = 0; i < sizeof ENDS / sizeof *ENDS; i++) {
        size_t size = strlen(ENDS[i].end);
        if (ENDS[i].role == NET_IA3 && split_named(key, role, module)) return true;
        if (ends(key, n, ENDS[i].end, size)) return *role = ENDS[i].role, *module = n - size, true;
    }
    return split_named(key, role, module);
}

static bool eat(const char **key, size_t *size, const char *begin) {
    size_t n = strlen(begin);
    if (*size <= n || memcmp(*key, begin, n)) return false;
    *key += n, *size -= n;
    return true;
}

static NetworkPart begin(const char **key, size_t *size) {
    NetworkPart of = NETWORK_UNET;
    eat(key, size, "base_model.model."); /* PEFT's, of a model of several parts or of one */
    for (size_t i = 0; i < sizeof BEGINS / sizeof *BEGINS; i++)
        if (eat(key, size, BEGINS[i].begin)) {
            of = BEGINS[i].of;
            break;
        }
    eat(key, size, "base_model.model.");
    eat(key, size, "_orig_mod_"); /* torch.compile's, in kohya's names */
    return of;
}

/* Whether it begins as a module of CLIP does: transformers' classes lost "text_model." in version 5. */
static bool of_text(const char *key, bool whole) {
    const char *const begins[] = {whole ? "text_model" : "encoder", whole ? "" : "layers"};
    size_t n = strlen(begins[0]), k = strlen(begins[1]);
    return !strncmp(key, begins[0], n) && (key[n] == '.' || key[n] == '_') && !strncmp(key + n + 1, begins[1], k);
}

void network_name(const char *key, size_t key_size, char *out, size_t size) {
    static const char *const WITHOUT[] = {"processor.", "_orig_mod."}; /* diffusers', torch.compile's */
    size_t at = 0;
    for (size_t i = 0; i < key_size && at + 1 < size;) {
        bool left_out = false;
        for (int k = 0; k < 2 && (!i || key[i - 1] == '.'); k++) {
            size_t n = strlen(WITHOUT[k]);
            left_out = i + n <= key_size && !memcmp(key + i, WITHOUT[k], n);
            if (left_out && (i += n)) break;
        }
        if (left_out) continue;
        out[at++] = key[i] == '.' ? '_' : key[i];
        i++;
    }
    out[at] = 0;
    /* an attention processor's "to_out", the first module of a list with its dropout */
    if (at > 6 && !strcmp(out + at - 6, "to_out") && at + 3 < size) strcpy(out + at, "_0");
}

/* --- modules --- */

typedef struct {
    const FileTensor *tensor;
    const char *name;
    int key_size;
    NetworkRole role;
    NetworkPart of;
} Key;

static int by_name(const void *a, const void *b) {
    const Key *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    return order ? order : (x->role > y->role) - (x->role < y->role);
}

static bool no_memory(const Network *n, Error *e) {
    return error_set(e, ERR_MEMORY, "%s: out of memory for its keys", n->file->path);
}

/* One number, as f64; NAN where there is none. */
static bool number(const Network *n, const FileTensor *t, double *out, Error *e) {
    *out = NAN;
    if (!t) return true;
    if (file_tensor_count(t) != 1 || !file_tensor_f64(n->file, t, 0, 1, out))
        return error_set(e, ERR_FORMAT, "%s: %.200s is not one number; download the file again", n->file->path,
                         t->name);
    return isfinite(*out) || error_set(e, ERR_FORMAT, "%s: %.200s is %g, which draws nothing; use another file",
                                       n->file->path, t->name, *out);
}

static bool finish(const Network *n, NetworkModule *m, Error *e) {
    double own;
    if (!network_check(n, m, e) || !number(n, m->part[NET_ALPHA], &m->alpha, e) ||
        !number(n, m->part[NET_SCALE], &own, e))
        return false;
    m->scale = network_scale(m, own);
    m->of_outputs = m->part[NET_DORA] && strstr(m->part[NET_DORA]->name, ".lora_magnitude_vector");
    return true;
}

/* Keys of one name, sorted, become a module. */
static bool gather(Network *n, const Key *keys, size_t count, Error *e) {
    NetworkModule *m = &n->modules[n->count++];
    *m = (NetworkModule){.key = keys->tensor->name, .key_size = keys->key_size, .name = keys->name, .of = keys->of};
    for (size_t i = 0; i < count; i++) {
        if (m->part[keys[i].role])
            return error_set(e, ERR_FORMAT, "%s: %.200s and %.200s are the same part of one module; use another file",
                             n->file->path, m->part[keys[i].role]->name, keys[i].tensor->name);
        m->part[keys[i].role] = keys[i].tensor;
    }
    return finish(n, m, e);
}

static bool has(const Key *keys, size_t count, NetworkRole role) {
    for (size_t i = 0; i < count; i++)
        if (keys[i].role == role) return true;
    return false;
}

/* Names are as long as their keys, with a part's name and "text_model_" before and "_0" after. */
enum { LONGER = 24 };

static bool read_keys(Network *n, Key *keys, size_t *count, Error *e) {
    size_t size = 0, at = 0;
    const WeightFile *f = n->file;
    for (size_t i = 0; i < f->count; i++) size += strlen(f->tensors[i].name) + LONGER;
    n->pool = malloc(size + 1);
    n->unknown = calloc(f->count + 1, sizeof *n->unknown);
    if (!n->pool || !n->unknown) return no_memory(n, e);
    for (size_t i = 0; i < f->count; i++) {
        const FileTensor *t = &f->tensors[i];
        size_t module;
        Key k = {.tensor = t, .name = n->pool + at};
        if (!strncmp(t->name, NETWORK_EMBEDDED, sizeof NETWORK_EMBEDDED - 1)) {
            n->embedded++;
            continue;
        }
        if (!split(t->name, &k.role, &module)) {
            n->unknown[n->unknown_count++] = t;
            continue;
        }
        const char *key = t->name;
        k.key_size = (int)module;
        k.of = begin(&key, &module);
        bool whole = of_text(key, true), bare = of_text(key, false);
        if (k.of == NETWORK_UNET && (whole || bare)) k.of = NETWORK_TEXT; /* an encoder that was saved alone */
        size_t room = strlen(t->name) + LONGER;
        size_t begun = (size_t)snprintf(n->pool + at, room, "%s%s", OF[k.of], bare ? "text_model_" : "");
        network_name(key, module, n->pool + at + begun, room - begun);
        at += strlen(n->pool + at) + 1;
        keys[(*count)++] = k;
    }
    return true;
}

/* A ".weight" is IA3's only beside an "on_input"; elsewhere it is a model's. An alpha alone changes nothing. */
static bool make_modules(Network *n, Key *keys, size_t count, Error *e) {
    qsort(keys, count, sizeof *keys, by_name);
    n->modules = calloc(count + 1, sizeof *n->modules);
    if (!n->modules) return no_memory(n, e);
    for (size_t i = 0, end; i < count; i = end) {
        for (end = i; end < count && !strcmp(keys[end].name, keys[i].name);) end++;
        bool foreign = has(keys + i, end - i, NET_IA3) && !has(keys + i, end - i, NET_ON_INPUT);
        foreign |= end == i + 1 && (keys[i].role == NET_ALPHA || keys[i].role == NET_SCALE);
        for (size_t k = i; foreign && k < end; k++) n->unknown[n->unknown_count++] = keys[k].tensor;
        if (!foreign && !gather(n, keys + i, end - i, e)) return false;
    }
    return true;
}

bool network_read(Network *n, WeightFile *f, Error *e) {
    *n = (Network){.file = f};
    size_t count = 0;
    Key *keys = calloc(f->count + 1, sizeof *keys);
    bool ok = (keys || no_memory(n, e)) && read_keys(n, keys, &count, e) && make_modules(n, keys, count, e);
    free(keys);
    const char *is = ok && !n->count ? other_kind(f) : NULL;
    if (is) ok = error_set(e, ERR_FORMAT, "%s: is %s", f->path, is);
    if (ok && !n->count)
        ok = error_set(e, ERR_FORMAT,
                       "%s: is no LoRA or the like: none of its %zu tensors is part of one; name another file", f->path,
                       f->count);
    ok = ok && network_adapter(n, e);
    if (!ok) network_close(n);
    return ok;
}

bool network_open(Network *n, const char *path, Error *e) {
    *n = (Network){0};
    WeightFile *f = weight_file_open(path, e);
    return f && network_read(n, f, e);
}

void network_close(Network *n) {
    weight_file_close(n->file);
    free(n->modules);
    free(n->unknown);
    free(n->pool);
    *n = (Network){0};
}
