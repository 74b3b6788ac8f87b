/* other_novelai.c: NovelAI's pictures: chunks Software, Description (the prompt), Source (the model) and Comment (a
 * JSON object of settings), as the webui turns them into its own (modules/images.py, read_info_from_image). */
#include "other.h"

#include <string.h>

static bool has(const Json *j, const char *key) {
    const JsonNode *n = json_get(j, j->nodes, key);
    double v;
    return n && (n->type == JSON_TRUE || (json_double(n, &v) && v != 0));
}

static void settings(Other *o, const Json *j, const char *prompt, const char *model) {
    const JsonNode *top = j->nodes;
    const char *own = other_text(json_get(j, top, "prompt")), *kind = other_text(json_get(j, top, "request_type"));
    other_prompt(o, prompt ? prompt : own);
    other_negative(o, other_text(json_get(j, top, "uc")));
    other_json(o, "Steps", json_get(j, top, "steps"));
    other_sampler(o, other_text(json_get(j, top, "sampler")));
    other_scheduler(o, other_text(json_get(j, top, "noise_schedule")));
    other_json(o, "CFG scale", json_get(j, top, "scale"));
    other_json(o, "Seed", json_get(j, top, "seed"));
    if (!other_size(o)) {
        other_json(o, "Size-1", json_get(j, top, "width"));
        other_json(o, "Size-2", json_get(j, top, "height"));
    }
    other_put(o, "Model", model);
    if (kind && strstr(kind, "Img2Img")) other_json(o, "Denoising strength", json_get(j, top, "strength"));
    other_put(o, "Clip skip", "2");
    other_put(o, "ENSD", "31337");
    if (has(j, "cfg_rescale")) other_json(o, "CFG rescale", json_get(j, top, "cfg_rescale"));
    if (has(j, "sm") || has(j, "sm_dyn")) other_miss(o, "SMEA");
    if (has(j, "dynamic_thresholding")) other_miss(o, "dynamic thresholding");
}

static bool comment(Other *o, const char *text, const char *prompt, const char *model) {
    Json *j = other_parse(o, text);
    bool ok = j && json_get(j, j->nodes, "steps");
    if (ok) settings(o, j, prompt, model);
    json_free(j);
    return ok;
}

bool other_novelai(Other *o) {
    const char *software = image_text(o->texts, "Software");
    o->raw = image_text(o->texts, "Comment");
    if (!software || strncmp(software, "NovelAI", 7)) return false;
    return comment(o, o->raw, image_text(o->texts, "Description"), image_text(o->texts, "Source"));
}

bool other_novelai_object(Other *o, const Json *j) {
    const char *software = other_text(json_get(j, j->nodes, "Software"));
    if (!software || strncmp(software, "NovelAI", 7)) return false;
    return comment(o, other_text(json_get(j, j->nodes, "Comment")), other_text(json_get(j, j->nodes, "Description")),
                   other_text(json_get(j, j->nodes, "Source")));
}
