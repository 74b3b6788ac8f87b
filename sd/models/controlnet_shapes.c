/* controlnet_shapes.c: what a ControlNet's file tells of how it is built, and which model it is for. */
#include "config_detect.h"
#include "controlnet.h"

#include <stdio.h>
#include <string.h>

static const FileTensor *find(const Checkpoint *c, const char *format, int i, int j) {
    char name[192];
    snprintf(name, sizeof name, format, i, j); /* formats are this file's own */
    return checkpoint_find(c, name).tensor;
}

static int size(const Checkpoint *c, const char *name, int dim) {
    return file_tensor_size(checkpoint_find(c, name).tensor, dim);
}

/* How wide the texts are that it reads; 0: it reads none, as the small ones of SDXL. */
static int context_of(const Checkpoint *c, const UnetConfig *k) {
    int period = k->res_blocks + 1,
        context = size(c, KEY_CONTROL "middle_block.1.transformer_blocks.0.attn2.to_k.weight", 1);
    for (int level = 0; level < k->levels && !context; level++)
        context = file_tensor_size(
            find(c, KEY_CONTROL "input_blocks.%d.%d.transformer_blocks.0.attn2.to_k.weight", level * period + 1, 1), 1);
    return context;
}

/* k: with its own depth. */
static bool check_family(const Checkpoint *c, const char *path, const UnetConfig *k, const char *family, Error *e) {
    int context = context_of(c, k), label = size(c, KEY_CONTROL "label_emb.0.0.weight", 1);
    if ((!context || context == k->context) && label == k->label) return true;
    if (c->differs)
        return error_set(e, ERR_FORMAT,
                         "%s: holds differences to the U-Net of another family than %s; name another file", path,
                         family);
    if (!context) /* what it has besides is compared with the model's */
        return error_set(e, ERR_FORMAT, "%s: is a ControlNet %s, but the model is %s; name one of %s", path,
                         label ? "of SDXL" : "without labels of sizes", family, family);
    const char *is = family_of_context(context);
    return error_set(e, ERR_FORMAT,
                     "%s: is a ControlNet of %s (texts %d wide), but the model is %s (%d); name one of %s", path,
                     *is ? is : "another family", context, family, k->context, family);
}

static bool detect_hint(const Checkpoint *c, const char *path, ControlnetConfig *out, Error *e) {
    out->hint_levels = 0;
    for (int i = 0; i < 2 * MAX_LEVELS; i++) {
        char name[64];
        snprintf(name, sizeof name, KEY_CONTROL "input_hint_block.%d.weight", 2 * i);
        int channels = size(c, name, 0), next;
        snprintf(name, sizeof name, KEY_CONTROL "input_hint_block.%d.weight", 2 * i + 2);
        next = size(c, name, 0);
        if (!channels || (!next && i % 2 == 0)) break;
        if (!next) return out->hint_levels = (i + 1) / 2, true;
        if (i % 2 == 0) out->hint[i / 2] = channels;
    }
    return error_set(e, ERR_FORMAT, "%s: its hint network has layers that are not a ControlNet's; use another file",
                     path);
}

/* Its transformer blocks are as many as its file has: smaller ControlNets of SDXL have fewer than the U-Net, the small
 * ones none (their middle is one ResBlock), and a full one serves a distilled U-Net. */
static void detect_depth(const Checkpoint *c, UnetConfig *out) {
    int period = out->res_blocks + 1;
    for (int level = 0; level < out->levels; level++)
        for (out->depth[level] = 0; out->depth[level] < 64; out->depth[level]++)
            if (!find(c, KEY_CONTROL "input_blocks.%d.1.transformer_blocks.%d.norm1.weight", level * period + 1,
                      out->depth[level]))
                break;
    out->middle_depth = 0;
    while (out->middle_depth < 64 &&
           find(c, KEY_CONTROL "middle_block.%d.transformer_blocks.%d.norm1.weight", 1, out->middle_depth))
        out->middle_depth++;
}

/* Whether its maps are pooled: its folder or its name says so. */
static bool pools(const Checkpoint *c, const char *path) {
    const Json *json = c->given[GIVEN_CONTROL].config;
    const JsonNode *says = json ? json_get(json, &json->nodes[0], "global_pool_conditions") : NULL;
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    return (says && says->type == JSON_TRUE) || (!json && strstr(name, "shuffle"));
}

bool controlnet_from_shapes(const Checkpoint *c, const UnetConfig *of, const char *family, ControlnetConfig *out,
                            Error *e) {
    const char *path = checkpoint_path(c, GIVEN_CONTROL);
    *out = (ControlnetConfig){.unet = *of};
    out->unet.in_channels = of->out_channels; /* latents alone, whatever else the U-Net reads */
    out->unet.out_channels = out->unet.guidance = 0;
    out->unet.uneven = false; /* its way down is all it has */
    out->pools = pools(c, path);
    detect_depth(c, &out->unet);
    return check_family(c, path, &out->unet, family, e) && detect_hint(c, path, out, e) &&
           controlnet_union_from_shapes(c, &out->unet, &out->kinds, e);
}
