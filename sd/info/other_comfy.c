/* other_comfy.c: the graph that a ComfyUI picture was made by: the chunk `prompt` holds {ID: {class_type, inputs}},
 * where an input is a value or a link [ID, OUTPUT] (nodes.py, execution.py). From the sampler its links are followed to
 * texts, model and size; nodes that are not known are named. The chunk `workflow` is the same for the screen.
 *
 * A graph may lead in circles, and one node to another twice as often as the one before: steps are counted. */
#include "other.h"

#include <stdlib.h>
#include <string.h>

enum { STEPS = 200, DEPTH = 50, UNKNOWN = 8 };

typedef struct {
    Other *o;
    const Json *json;
    const JsonNode *graph;
    int steps, depth; /* links followed so far, and now */
    size_t copied;    /* bytes of texts so far */
    const char *unknown[UNKNOWN];
    int unknown_count;
} Comfy;

static const JsonNode *input(const Comfy *c, const JsonNode *node, const char *key) {
    return json_get(c->json, json_get(c->json, node, "inputs"), key);
}

static const char *class_of(const Comfy *c, const JsonNode *node) {
    const char *name = other_text(json_get(c->json, node, "class_type"));
    return name ? name : "";
}

static bool is(const Comfy *c, const JsonNode *node, const char *names) {
    const char *name = class_of(c, node);
    size_t n = strlen(name);
    for (const char *p = names; *p;) {
        size_t k = strcspn(p, "|");
        if (k == n && !memcmp(p, name, n)) return true;
        p += k + (p[k] == '|');
    }
    return false;
}

static const JsonNode *follow(Comfy *c, const JsonNode *value) {
    if (!value || value->type != JSON_ARRAY || value->count != 2 || c->steps >= STEPS) return NULL;
    const char *id = other_text(&c->json->nodes[value->child]);
    c->steps++;
    return id ? json_get(c->json, c->graph, id) : NULL;
}

static void unknown(Comfy *c, const JsonNode *node) {
    const char *name = class_of(c, node);
    for (int i = 0; i < c->unknown_count; i++)
        if (!strcmp(c->unknown[i], name)) return;
    if (c->unknown_count == UNKNOWN) return;
    c->unknown[c->unknown_count++] = name;
    other_miss(c->o, "node %.60s", *name ? name : "without a class");
}

/* --- values --- */

/* The string or number of an input, which may come from a node that only holds one. */
static const char *value_of(Comfy *c, const JsonNode *node, const char *key) {
    static const char *const HELD[] = {"value", "seed", "noise_seed", "int", "float", "number", "string", "text"};
    const JsonNode *v = input(c, node, key);
    while (v && v->type == JSON_ARRAY) {
        const JsonNode *from = follow(c, v);
        v = NULL;
        for (size_t i = 0; from && !v && i < sizeof HELD / sizeof *HELD; i++) v = input(c, from, HELD[i]);
        if (from && !v && is(c, from, "Reroute")) v = input(c, from, "");
        if (from && !v) unknown(c, from);
    }
    return other_text(v);
}

static void put_value(Comfy *c, const JsonNode *node, const char *theirs, const char *ours) {
    other_put(c->o, ours, value_of(c, node, theirs));
}

/* --- texts --- */

static void add(Comfy *c, char **to, const char *between, const char *text) {
    size_t n = strlen(text);
    if (n > IMAGE_TEXT_MOST - c->copied) return; /* a graph that says one text again and again */
    c->copied += n;
    other_append(c->o, to, between, text);
}

typedef void Reader(Comfy *c, const JsonNode *value, char **out);

/* Two of a node's inputs. */
static void both(Comfy *c, Reader *read, const JsonNode *node, const char *first, const char *between,
                 const char *second, char **out) {
    char *b = NULL;
    read(c, input(c, node, first), out);
    read(c, input(c, node, second), &b);
    if (b) add(c, out, between, b);
    free(b);
}

/* A string that nodes hold, or put together. */
static void string_of(Comfy *c, const JsonNode *v, char **out) {
    static const char *const HELD[] = {"value", "text", "string", "prompt", "Text", "text_0", "positive", "string_a"};
    const JsonNode *from = follow(c, v);
    if (v && v->type == JSON_STRING) add(c, out, "", v->text);
    if (!from || c->depth >= DEPTH) return;
    c->depth++;
    const JsonNode *held = NULL;
    bool joins = is(c, from, "StringConcatenate");
    for (size_t i = 0; !joins && !held && i < sizeof HELD / sizeof *HELD; i++) {
        held = input(c, from, HELD[i]);
        if (held && held->type != JSON_STRING && held->type != JSON_ARRAY) held = NULL;
    }
    if (joins) {
        const char *between = value_of(c, from, "delimiter");
        both(c, string_of, from, "string_a", between ? between : "", "string_b", out);
    } else if (held) string_of(c, held, out);
    else unknown(c, from);
    c->depth--;
}

/* Layers that the text encoder leaves out. */
static void clip(Comfy *c, const JsonNode *node) {
    const JsonNode *from = follow(c, input(c, node, "clip"));
    for (; from; from = follow(c, input(c, from, "clip"))) {
        const char *layer = is(c, from, "CLIPSetLastLayer") ? value_of(c, from, "stop_at_clip_layer") : NULL;
        if (layer && *layer == '-' && strcmp(layer, "-1")) other_put(c->o, "Clip skip", layer + 1);
        if (layer) return;
    }
}

/* The texts behind a conditioning. */
static void texts(Comfy *c, const JsonNode *value, char **out) {
    static const char *const ONWARD[] = {"conditioning", "conditioning_1", "conditioning_to", "positive", "negative"};
    const JsonNode *node = follow(c, value);
    if (!node || c->depth >= DEPTH) return;
    c->depth++;
    const JsonNode *next = NULL;
    if (input(c, node, "text") && input(c, node, "clip")) {
        string_of(c, input(c, node, "text"), out);
        clip(c, node);
        if (!is(c, node, "CLIPTextEncode")) unknown(c, node);
    } else if (input(c, node, "text_g") || input(c, node, "text_l")) {
        string_of(c, input(c, node, input(c, node, "text_l") ? "text_l" : "text_g"), out);
        unknown(c, node);
    } else if (is(c, node, "ConditioningConcat"))
        both(c, texts, node, "conditioning_to", " BREAK ", "conditioning_from", out);
    else if (is(c, node, "ConditioningCombine")) {
        both(c, texts, node, "conditioning_1", "\n", "conditioning_2", out);
        unknown(c, node);
    } else {
        const JsonNode *only = json_get(c->json, node, "inputs");
        bool plain = is(c, node, "Reroute");
        if (plain && only && only->child >= 0) next = &c->json->nodes[only->child];
        for (size_t i = 0; !next && i < sizeof ONWARD / sizeof *ONWARD; i++) next = input(c, node, ONWARD[i]);
        if (!plain) unknown(c, node);
        if (next) texts(c, next, out);
    }
    c->depth--;
}

/* --- model and size --- */

static void model(Comfy *c, const JsonNode *value) {
    for (const JsonNode *node = follow(c, value); node;) {
        const char *file = value_of(c, node, "ckpt_name");
        if (!file) file = value_of(c, node, "unet_name");
        if (file) {
            other_model(c->o, "Model", file);
            return;
        }
        const char *lora = value_of(c, node, "lora_name");
        if (lora) other_lora(c->o, lora, value_of(c, node, "strength_model"));
        else if (!is(c, node, "Reroute")) unknown(c, node);
        node = follow(c, input(c, node, is(c, node, "Reroute") ? "" : "model"));
    }
}

/* The latent that a sampler begins with: empty, of a picture, or another sampler's; that sampler. */
static const JsonNode *latent(Comfy *c, const JsonNode *sampler, bool *from_image) {
    const JsonNode *node = follow(c, input(c, sampler, "latent_image"));
    for (; node; node = follow(c, input(c, node, "samples"))) {
        if (input(c, node, "latent_image")) return node;
        if (input(c, node, "width") && input(c, node, "height") && !input(c, node, "samples")) {
            put_value(c, node, "width", "Size-1");
            put_value(c, node, "height", "Size-2");
            return NULL;
        }
        if (input(c, node, "pixels")) {
            *from_image = true;
            return NULL;
        }
        unknown(c, node);
    }
    return NULL;
}

/* --- the sampler --- */

static void sampler_name(Comfy *c, const JsonNode *node) {
    const char *name = value_of(c, node, "sampler_name");
    if (name && !strcmp(name, "ddim")) name = "euler"; /* comfy/samplers.py: another name of Euler there */
    other_sampler(c->o, name);
    other_scheduler(c->o, value_of(c, node, "scheduler"));
}

static void settings(Comfy *c, const JsonNode *node, bool from_image) {
    const JsonNode *noise = follow(c, input(c, node, "noise"));
    const JsonNode *guider = follow(c, input(c, node, "guider"));
    const JsonNode *named = follow(c, input(c, node, "sampler"));
    const JsonNode *sigmas = follow(c, input(c, node, "sigmas"));
    const JsonNode *guided = guider ? guider : node, *timed = sigmas ? sigmas : node;
    char *positive = NULL, *negative = NULL;
    const JsonNode *first = input(c, guided, "positive");
    texts(c, first ? first : input(c, guided, "conditioning"), &positive);
    texts(c, input(c, guided, "negative"), &negative);
    if (!positive) other_miss(c->o, "the prompt: no text leads to the sampler");
    other_prompt(c->o, positive);
    other_negative(c->o, negative);
    free(positive);
    free(negative);
    put_value(c, timed, "steps", "Steps");
    sampler_name(c, named ? named : node);
    if (sigmas) other_scheduler(c->o, value_of(c, sigmas, "scheduler"));
    put_value(c, guided, "cfg", "CFG scale");
    put_value(c, noise ? noise : node, input(c, noise ? noise : node, "noise_seed") ? "noise_seed" : "seed", "Seed");
    const char *denoise = value_of(c, timed, "denoise");
    if (denoise && (from_image || atof(denoise) < 1)) other_put(c->o, "Denoising strength", denoise);
    const char *start = value_of(c, node, "start_at_step"), *end = value_of(c, node, "end_at_step");
    const char *steps = value_of(c, node, "steps");
    if ((start && atoi(start) > 0) || (end && steps && atoi(end) < atoi(steps)))
        other_miss(c->o, "steps %.10s to %.10s only", start ? start : "0", end ? end : steps);
    model(c, input(c, guided, "model"));
}

/* Whether a node samples: it has a latent to begin with, and steps, sigmas or a sampler. */
static bool samples(const Comfy *c, const JsonNode *node) {
    return is(c, node, "KSampler|KSamplerAdvanced|SamplerCustom|SamplerCustomAdvanced") ||
           (input(c, node, "latent_image") && input(c, node, "sampler_name")) ||
           (input(c, node, "steps") && input(c, node, "sampler_name") && input(c, node, "seed"));
}

static void take_graph(Comfy *c) {
    const JsonNode *sampler = NULL;
    int count = 0;
    for (int32_t i = c->graph->child; i >= 0; i = c->json->nodes[i].next)
        if (samples(c, &c->json->nodes[i])) sampler = &c->json->nodes[i], count++;
    if (!sampler) {
        other_miss(c->o, "a sampler that is known");
        return;
    }
    if (count > 1) other_miss(c->o, "%d samplers, of which the fields are the first one's", count);
    bool from_image = false;
    for (const JsonNode *before; (before = latent(c, sampler, &from_image)); sampler = before) {}
    settings(c, sampler, from_image);
    if (!infotext_get(c->o->read, "Size-1")) other_size(c->o);
    for (int32_t i = c->graph->child; i >= 0; i = c->json->nodes[i].next)
        if (is(c, &c->json->nodes[i], "VAELoader"))
            other_model(c->o, "VAE", value_of(c, &c->json->nodes[i], "vae_name"));
    other_put(c->o, "RNG", "CPU");
    other_put(c->o, "Version", "ComfyUI");
}

/* Whether it is an object whose members have a class and inputs. */
static bool is_graph(const Json *j, const JsonNode *at) {
    if (!at || at->type != JSON_OBJECT) return false;
    for (int32_t i = at->child; i >= 0; i = j->nodes[i].next)
        if (json_get(j, &j->nodes[i], "class_type") && json_get(j, &j->nodes[i], "inputs")) return true;
    return false;
}

static bool take_text(Other *o, const char *text) {
    if (!text) return false;
    if (!strncmp(text, "prompt:", 7)) text += 7; /* of EXIF, where tags have no names */
    Json *j = other_parse(o, text);
    const JsonNode *graph = j ? j->nodes : NULL;
    if (graph && !is_graph(j, graph)) graph = json_get(j, graph, "prompt");
    bool ok = j && is_graph(j, graph);
    if (ok) {
        Comfy c = {.o = o, .json = j, .graph = graph};
        take_graph(&c);
    }
    json_free(j);
    return ok;
}

bool other_comfy(Other *o) {
    static const char *const PLACES[] = {"prompt",  TEXT_USER_COMMENT, TEXT_MODEL,
                                         TEXT_MAKE, TEXT_DESCRIPTION,  TEXT_COMMENT};
    static const char *const SCREEN[] = {"workflow", TEXT_MAKE, TEXT_DESCRIPTION};
    for (size_t i = 0; i < sizeof PLACES / sizeof *PLACES; i++) {
        o->raw = image_text(o->texts, PLACES[i]);
        if (take_text(o, o->raw)) return true;
    }
    for (size_t i = 0; i < sizeof SCREEN / sizeof *SCREEN; i++) {
        o->raw = image_text(o->texts, SCREEN[i]);
        if (!o->raw || (i && strncmp(o->raw, "workflow:", 9))) continue;
        if (!strstr(o->raw, "\"nodes\"")) continue;
        other_miss(o, "the graph that ran: only its drawing, the workflow, is there");
        other_put(o, "Version", "ComfyUI");
        return true;
    }
    return false;
}
