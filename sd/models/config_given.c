/* config_given.c: parts from files of their own: what their shapes say, and whether they fit the others. */
#include "config_detect.h"
#include "config_keys.h"
#include "config_tables.h"
#include "vae.h"

#include <stdio.h>
#include <string.h>

/* --- numbers --- */

static const FileTensor *find(const Checkpoint *c, const char *format, const char *prefix, int i) {
    char name[192];
    snprintf(name, sizeof name, format, prefix, i); /* formats are this file's own */
    return checkpoint_find(c, name).tensor;
}

bool taesd_from_shapes(const Checkpoint *c, bool decoder, TaesdConfig *out, Error *e) {
    const char *prefix = decoder ? KEY_TAESD_DECODER : KEY_TAESD_ENCODER;
    GivenPart part = decoder ? GIVEN_TAESD_DECODER : GIVEN_TAESD_ENCODER;
    const FileTensor *first = find(c, decoder ? "%s1.weight" : "%s0.weight", prefix, 0), *last = NULL;
    int at = decoder ? 3 : 1;
    *out = (TaesdConfig){.channels = file_tensor_size(first, 0), .levels = 0};
    bool ok = out->channels > 0;
    while (ok && !last && out->levels < MAX_LEVELS) {
        int *blocks = &out->blocks[out->levels++];
        while (*blocks < MAX_TAESD_BLOCKS && find(c, "%s%d.conv.0.weight", prefix, at)) ++*blocks, at++;
        const FileTensor *t = find(c, "%s%d.weight", prefix, at);
        if (t) last = t; /* a decoder's; or a change of resolution */
        if (!decoder && !find(c, "%s%d.bias", prefix, at)) last = NULL;
        at += decoder && !last ? 2 : 1;
        ok = *blocks > 0 && (last || t || decoder);
        if (decoder && !last) ok = ok && find(c, "%s%d.weight", prefix, at - 1);
    }
    out->latent = decoder ? file_tensor_size(first, 1) : file_tensor_size(last, 0);
    if (ok && last && out->latent && out->channels <= 2048) return true;
    return error_set(e, ERR_FORMAT, "%s: has TAESD's names, but not its layers; download it again",
                     checkpoint_path(c, part));
}

/* --- whether they fit --- */

/* Families by the width of the text states that their U-Nets read. */
static const char *by_context(int width) {
    switch (width) {
    case 768: return "SD 1.x";
    case 1024: return "SD 2.x";
    case 2048: return "SDXL";
    case 1280: return "SDXL's refiner";
    default: return "an unknown family";
    }
}

/* Whose a text encoder is. */
static const char *by_width(int width) {
    switch (width) {
    case 768: return "SD 1.x, or SDXL's first";
    case 1024: return "SD 2.x";
    case 1280: return "SDXL, its second";
    default: return "an unknown family";
    }
}

static bool check_text(const Checkpoint *c, const SdConfig *k, Error *e) {
    int all = 0;
    for (int i = 0; i < k->encoders; i++) all += k->clip[i].width;
    if (all == k->unet.context) return true;
    if (checkpoint_is_given(c, GIVEN_UNET) && !c->given[GIVEN_UNET].borrowed)
        return error_set(e, ERR_FORMAT,
                         "%s: is a U-Net of %s (text states of width %d), and the text encoders of %s are of %s (%d); "
                         "name another with --unet, or theirs with --text-encoder",
                         checkpoint_path(c, GIVEN_UNET), by_context(k->unet.context), k->unet.context,
                         checkpoint_path(c, GIVEN_TEXT), by_context(all), all);
    for (int i = 0; i < 2 && i < k->encoders; i++) {
        GivenPart part = i ? GIVEN_TEXT_2 : GIVEN_TEXT;
        if (!checkpoint_is_given(c, part)) continue;
        return error_set(
            e, ERR_FORMAT,
            "%s: is a text encoder of %s (width %d), and %s is of %s (its U-Net takes text states of width "
            "%d); name another with --text-encoder%s",
            checkpoint_path(c, part), by_width(k->clip[i].width), k->clip[i].width, c->path,
            by_context(k->unet.context), k->unet.context, i ? "-2" : "");
    }
    return true; /* config_check tells */
}

/* Of a VAE or a TAESD. */
static bool check_latent(const Checkpoint *c, const SdConfig *k, GivenPart part, int latent, Error *e) {
    if (!checkpoint_is_given(c, part) || latent == k->unet.out_channels) return true;
    return error_set(e, ERR_FORMAT,
                     "%s: is a %s of %s (latents of %d channels), and %s is of %s (%d); name another with %s",
                     checkpoint_path(c, part), given_name(part),
                     latent == 16  ? "SD 3 or Flux"
                     : latent == 4 ? "Stable Diffusion"
                                   : "another family",
                     latent, c->path, k->family, k->unet.out_channels, part == GIVEN_VAE ? "--vae" : "--taesd");
}

/* A folder's VAE says its factor, and its latents' statistics. */
static bool check_scale(const Checkpoint *c, const SdConfig *k, Error *e) {
    const Json *j = c->given[GIVEN_VAE].config;
    const JsonNode *n = j ? json_get(j, &j->nodes[0], "scaling_factor") : NULL;
    const ConfigFile f = {
        c->given[GIVEN_VAE].path, "config.json", CONFIG_TABLES[CONFIG_VAE], j, j ? j->nodes : NULL, e};
    VaeConfig theirs = {.latent = k->vae.latent, .scale = k->vae.scale};
    double scale;
    if (k->vae.latent > MAX_LATENT) return true; /* config_check tells */
    if (j && !config_statistics(&f, &theirs)) return false;
    if (n && json_double(n, &scale)) theirs.scale = scale;
    if (!j || config_same_latents(&theirs, &k->vae)) return true;
    if (theirs.scale == k->vae.scale)
        return error_set(e, ERR_FORMAT,
                         "%s: is a VAE whose latents have other statistics (latents_mean) than those of %s; name "
                         "another with --vae",
                         checkpoint_path(c, GIVEN_VAE), c->path);
    scale = theirs.scale;
    return error_set(e, ERR_FORMAT,
                     "%s: is a VAE of %s (scaling_factor %g), and %s is of %s (%g); name another with --vae",
                     checkpoint_path(c, GIVEN_VAE),
                     scale == 0.13025   ? "SDXL"
                     : scale == 0.18215 ? "SD 1.x or 2.x"
                                        : "another family",
                     scale, c->path, k->family, k->vae.scale);
}

bool config_check_given(const Checkpoint *c, const SdConfig *k, Error *e) {
    TaesdConfig t;
    for (int i = 0; i < 2; i++) {
        GivenPart part = i ? GIVEN_TAESD_ENCODER : GIVEN_TAESD_DECODER;
        if (!checkpoint_is_given(c, part)) continue;
        if (!taesd_from_shapes(c, !i, &t, e) || !check_latent(c, k, part, t.latent, e)) return false;
        if (k->vae.statistics)
            return error_set(e, ERR_FORMAT,
                             "%s: is a %s, and the latents of %s are of a kind that it does not know (latents_mean); "
                             "leave --taesd away",
                             checkpoint_path(c, part), given_name(part), c->path);
        if (t.levels != k->vae.levels)
            return error_set(e, ERR_FORMAT,
                             "%s: is a %s of %d pixels a latent, and the latents of %s are of %d; name another with "
                             "--taesd",
                             checkpoint_path(c, part), given_name(part), taesd_factor(&t), c->path,
                             vae_factor(&k->vae));
    }
    if (checkpoint_is_given(c, GIVEN_TEXT_2) && k->encoders < 2)
        return error_set(e, ERR_FORMAT,
                         "%s: is a second text encoder, and %s is of %s, which has one; use --text-encoder",
                         checkpoint_path(c, GIVEN_TEXT_2), c->path, k->family);
    return check_text(c, k, e) && check_latent(c, k, GIVEN_VAE, k->vae.latent, e) && check_scale(c, k, e);
}
