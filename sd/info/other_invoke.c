/* other_invoke.c: InvokeAI's pictures: chunk invokeai_metadata since 3.0 (invokeai/app/invocations/metadata.py),
 * sd-metadata from 1.15 to 2.3, and Dream, a command line, before (invokeai/frontend/install/import_images.py).
 * Until 2.3 the negative prompt stood in [brackets] of the prompt. */
#include "other.h"

#include "weights/files/utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A prompt with its [negative] parts. */
static void split_prompt(Other *o, const char *text, size_t n) {
    char *positive = malloc(n + 1), *negative = malloc(n + 1);
    size_t p = 0, m = 0;
    bool within = false, closes = true;
    if (positive && negative) {
        for (size_t i = 0; i < n; i++) {
            bool opens = !within && closes && text[i] == '[';
            const char *close = opens ? memchr(text + i, ']', n - i) : NULL;
            if (opens && !close) closes = false; /* nor does any later one */
            if (close && close > text + i + 1) {
                if (m) negative[m++] = ',', negative[m++] = ' ';
                within = true;
            } else if (within && text[i] == ']') within = false;
            else if (within) negative[m++] = text[i];
            else positive[p++] = text[i];
        }
        while (p && positive[p - 1] == ' ') p--;
        positive[p] = negative[m] = 0;
        other_prompt(o, positive);
        other_negative(o, negative);
    } else image_texts_no_memory(o->e);
    free(positive);
    free(negative);
}

static void put_version(Other *o, const char *text) {
    char version[80];
    snprintf(version, sizeof version, "InvokeAI%s%.*s", text ? " " : "", text ? (int)utf8_whole(text, 60) : 0,
             text ? text : "");
    other_put(o, "Version", version);
}

static void put_sizes(Other *o, const Json *j, const JsonNode *at) {
    other_json(o, "Steps", json_get(j, at, "steps"));
    other_json(o, "CFG scale", json_get(j, at, "cfg_scale"));
    other_json(o, "Seed", json_get(j, at, "seed"));
    other_json(o, "Size-1", json_get(j, at, "width"));
    other_json(o, "Size-2", json_get(j, at, "height"));
}

static const char *model_name(const Json *j, const JsonNode *model) {
    const char *name = other_text(json_get(j, model, "name"));
    return name ? name : other_text(json_get(j, model, "model_name"));
}

static void new_loras(Other *o, const Json *j, const JsonNode *list) {
    bool some = list && list->type == JSON_ARRAY && list->count <= 1000;
    for (int32_t i = some ? list->child : -1; i >= 0; i = j->nodes[i].next) {
        const JsonNode *n = &j->nodes[i], *lora = json_get(j, n, "model");
        if (!lora) lora = json_get(j, n, "lora");
        other_lora(o, model_name(j, lora), other_text(json_get(j, n, "weight")));
    }
}

static void new_settings(Other *o, const Json *j) {
    const JsonNode *top = j->nodes;
    const char *mode = other_text(json_get(j, top, "generation_mode"));
    const char *device = other_text(json_get(j, top, "rand_device"));
    int64_t skipped;
    other_prompt(o, other_text(json_get(j, top, "positive_prompt")));
    other_negative(o, other_text(json_get(j, top, "negative_prompt")));
    new_loras(o, j, json_get(j, top, "loras"));
    put_sizes(o, j, top);
    other_sampler(o, other_text(json_get(j, top, "scheduler")));
    other_model(o, "Model", model_name(j, json_get(j, top, "model")));
    other_model(o, "VAE", model_name(j, json_get(j, top, "vae")));
    if (json_int(json_get(j, top, "clip_skip"), &skipped) && skipped >= 0 && skipped < 99)
        other_number(o, "Clip skip", skipped + 1);
    if (mode && strstr(mode, "img2img")) other_json(o, "Denoising strength", json_get(j, top, "strength"));
    if (mode && strcmp(mode, "txt2img") && strcmp(mode, "img2img")) other_miss(o, "'%.40s'", mode);
    if (device && !strcmp(device, "cpu")) other_put(o, "RNG", "CPU");
    static const char *const NOTED[] = {"controlnets", "ipAdapters", "t2iAdapters", "refiner_model",
                                        "seamless_x",  "seamless_y", "hrf_enabled"};
    for (size_t i = 0; i < sizeof NOTED / sizeof *NOTED; i++) {
        const JsonNode *n = json_get(j, top, NOTED[i]);
        if (n && (n->type == JSON_TRUE || n->count)) other_miss(o, "'%s'", NOTED[i]);
    }
    put_version(o, other_text(json_get(j, top, "app_version")));
}

static void old_settings(Other *o, const Json *j) {
    const JsonNode *image = json_get(j, j->nodes, "image"), *prompt = json_get(j, image, "prompt");
    const char *type = other_text(json_get(j, image, "type"));
    if (prompt && prompt->type == JSON_ARRAY && prompt->child >= 0) {
        if (prompt->count > 1) other_miss(o, "%d prompts", prompt->count);
        prompt = json_get(j, &j->nodes[prompt->child], "prompt");
    }
    const char *text = other_text(prompt);
    if (text) split_prompt(o, text, strlen(text));
    put_sizes(o, j, image);
    other_sampler(o, other_text(json_get(j, image, "sampler")));
    other_model(o, "Model", other_text(json_get(j, j->nodes, "model_weights")));
    if (type && !strcmp(type, "img2img")) other_json(o, "Denoising strength", json_get(j, image, "strength"));
    put_version(o, other_text(json_get(j, j->nodes, "app_version")));
}

/* "a cat [blurry]" -s 50 -S 42 -W 512 -H512 -C 7.5 -A k_lms; a switch and its value may stand together. */
static bool dream(Other *o, const char *text) {
    static const char *const KEYS[] = {"sSteps", "SSeed", "WSize-1", "HSize-2", "CCFG scale"};
    const char *p = text + (*text == '"'), *close = *text == '"' ? strrchr(p, '"') : strstr(text, " -");
    if (!close) return false;
    split_prompt(o, p, (size_t)(close - p));
    for (p = close; *p;) {
        if (p[0] != ' ' || p[1] != '-') {
            p++;
            continue;
        }
        char letter = p[2], value[64];
        size_t n = 0;
        p += 2 + (letter != 0);
        while (*p == ' ') p++;
        while (p[n] && p[n] != ' ' && n < sizeof value) n++;
        if (!letter || letter == '-' || n >= sizeof value || (*p == '-' && letter != 'S')) continue;
        snprintf(value, sizeof value, "%.*s", (int)n, p);
        for (size_t i = 0; i < sizeof KEYS / sizeof *KEYS; i++)
            if (*KEYS[i] == letter) other_put(o, KEYS[i] + 1, value);
        if (letter == 'A') other_sampler(o, value);
        if (letter == 'f') other_put(o, "Denoising strength", value);
        if (letter == 'G' || letter == 'U' || letter == 'v' || letter == 'V') other_miss(o, "'-%c'", letter);
    }
    put_version(o, NULL);
    return true;
}

bool other_invoke(Other *o) {
    static const char *const KEYWORDS[] = {"invokeai_metadata", "sd-metadata"};
    for (int i = 0; i < 2; i++) {
        o->raw = image_text(o->texts, KEYWORDS[i]);
        Json *j = other_parse(o, o->raw);
        bool ok = j && (i == 0 || json_get(j, j->nodes, "image"));
        if (ok) (i ? old_settings : new_settings)(o, j);
        json_free(j);
        if (ok) return true;
    }
    o->raw = image_text(o->texts, "Dream");
    return o->raw && dream(o, o->raw);
}
