/* request.c: a request's defaults, and its ranges where the model decides them. The others are sd/info/params.h's. */
#include "request.h"

#include "sd/pipeline/control/control.h"

#include "sd/info/params.h"
#include "tensor/os.h"

#include <string.h>

SdRequest sd_request(const SdModel *m) {
    SdRequest r = {0};
    params_default(&r);
    if (!m) return r;
    const SdConfig *k = &m->config;
    if (k->width) r.width = k->width;
    if (k->height) r.height = k->height;
    if (k->steps) r.steps = k->steps;
    if (k->cfg > 0) r.cfg = k->cfg;
    if (*k->sampler) r.sampler = k->sampler;
    if (*k->scheduler) r.scheduler = k->scheduler;
    if (m->lists[PART_TAESD_DECODER].count) r.vae_decoder = SD_VAE_TAESD;
    if (m->lists[PART_TAESD_ENCODER].count) r.vae_encoder = SD_VAE_TAESD;
    return r;
}

int64_t sd_random_seed(void) {
    uint64_t v;
    os_random(&v, sizeof v);
    return (int64_t)(v % 4294967294u);
}

static bool check_clip_skip(const SdModel *m, const SdRequest *r, Error *e) {
    return r->clip_skip <= m->config.clip[0].layers ||
           error_set(e, ERR_ARGUMENT, "clip skip: %d is not in 1..%d, the layers of %s", r->clip_skip,
                     m->config.clip[0].layers, m == r->refiner ? "the refiner" : "this model");
}

double request_scale(const SdModel *m, const SdRequest *r) {
    if (m->config.unet.guidance || (m->config.few_steps && r->cfg < 1)) return 1;
    return r->cfg;
}

/* The embedding of larger ones is not defined (sincos64). */
static bool check_guidance(const SdModel *m, const SdRequest *r, Error *e) {
    enum { MOST = 100 };
    return !m->config.unet.guidance || r->cfg <= MOST ||
           error_set(e, ERR_ARGUMENT, "cfg: %g is not in 0..%d, the guidance that %s can be told", r->cfg, MOST,
                     m == r->refiner ? "the refiner" : "this model");
}

bool request_same_latents(const VaeConfig *a, const VaeConfig *b) {
    return a->latent == b->latent && vae_factor(a) == vae_factor(b) && config_same_latents(a, b);
}

bool request_same_device(const SdModel *a, const SdModel *b) {
    return a->ops == b->ops && a->precision == b->precision && !strcmp(sd_device(a), sd_device(b)) &&
           a->peer_count == b->peer_count;
}

static bool check_refiner(const SdModel *m, const SdRequest *r, Error *e) {
    const SdModel *refiner = r->refiner;
    const char *path = refiner->checkpoint->path;
    if (refiner == m)
        return error_set(e, ERR_ARGUMENT, "refiner: %s: is the model itself; open it once more to have it refine",
                         path);
    if (!request_same_latents(&m->config.vae, &refiner->config.vae))
        return error_set(e, ERR_ARGUMENT,
                         "refiner: %s: its latents are of another kind than those of %s; %s cannot refine %s", path,
                         m->checkpoint->path, refiner->config.family, m->config.family);
    if (!request_same_device(m, refiner))
        return error_set(e, ERR_ARGUMENT,
                         "refiner: %s: was opened for another device or precision than %s; open both alike", path,
                         m->checkpoint->path);
    return config_check_input(&refiner->config, path, e) &&
           config_check_latents(&refiner->config, path, "cannot refine", e) && check_clip_skip(refiner, r, e) &&
           check_guidance(refiner, r, e);
}

/* Whether the row counts with the model, or its refiner. */
static bool follows(const SdModel *m, const SdRequest *r, const Param *p) {
    const int sizes[2] = {config_sizes(&m->config), r->refiner ? config_sizes(&r->refiner->config) : 0};
    if (!p->of_sizes) return true;
    return p->of_sizes == ANY_SIZES ? sizes[0] || sizes[1] : sizes[0] == p->of_sizes || sizes[1] == p->of_sizes;
}

/* Rows of the kinds of U-Net that are shown something beside the latents. */
typedef struct {
    const char *name, *shown, *whose;
    UnetInputs inputs;
} BesideRow;
static const BesideRow BESIDE[] = {{"noise-level", "noise level", "the x4 upscaler", INPUT_UPSCALING},
                                   {"image-cfg", "image cfg", "an instruct-pix2pix model", INPUT_PIX2PIX},
                                   {"mask-weight", "mask weight", "an inpainting model", INPUT_INPAINTING}};

/* Such a row that is not at its default, and of another kind than the model; NULL: none. */
static const BesideRow *beside_others(const SdModel *m, const SdRequest *r) {
    for (const BesideRow *b = BESIDE; b < BESIDE + sizeof BESIDE / sizeof *BESIDE; b++) {
        const Param *p = param_named(b->name);
        if (param_number(p, r) != p->standard && config_input(&m->config) != b->inputs) return b;
    }
    return NULL;
}

const char *sd_unfollowed(const SdModel *m, const SdRequest *r) {
    for (const Param *p = PARAMS; m && r && p < PARAMS + PARAM_COUNT; p++)
        if (param_number(p, r) != p->standard && !follows(m, r, p)) return p->name;
    const BesideRow *other = m && r ? beside_others(m, r) : NULL;
    return other ? other->name : NULL;
}

/* Settings count only with models that follow them. */
static bool check_owners(const SdModel *m, const SdRequest *r, Error *e) {
    for (const Param *p = PARAMS; p < PARAMS + PARAM_COUNT; p++) {
        if (param_number(p, r) == p->standard) continue;
        if (!follows(m, r, p))
            return error_set(e, ERR_ARGUMENT, "%s: counts only with %s, and this is %s; leave it out", p->name,
                             p->of_sizes == 5   ? "SDXL's refiner"
                             : p->of_sizes == 6 ? "SDXL's base"
                                                : "an SDXL model",
                             m->config.family);
        if (p->of_mask && !r->mask)
            return error_set(e, ERR_ARGUMENT, "%s: counts only with a mask, and there is none; leave it out", p->name);
        if (p->of_extend && !request_extends(r))
            return error_set(e, ERR_ARGUMENT, "%s: counts only where a picture is extended; leave it out", p->name);
        if (p->of_refiner && !r->refiner)
            return error_set(e, ERR_ARGUMENT, "%s: counts only with a refiner, and there is none; leave it out",
                             p->name);
    }
    return true;
}

/* What an extension needs, and leaves without effect. */
static bool check_extension(const SdRequest *r, Error *e) {
    if (!request_extends(r)) return true;
    if (!r->image) return error_set(e, ERR_ARGUMENT, "extend: needs an image, which it extends");
    if (r->mask) return error_set(e, ERR_ARGUMENT, "mask: an extended picture has its own; leave one of the two out");
    return r->resize == SD_RESIZE_STRETCH ||
           error_set(e, ERR_ARGUMENT, "resize mode: an extended picture is not resized; leave it out");
}

/* Latents are stretched as a whole, and whatever else is of the picture would have another size. */
static bool check_stretch(const SdModel *m, const SdRequest *r, Error *e) {
    const int unit = vae_factor(&m->config.vae);
    if (!r->image || r->resize != SD_RESIZE_LATENT) return true;
    if (r->mask || config_input(&m->config) != INPUT_LATENTS)
        return error_set(e, ERR_ARGUMENT, "resize mode: latents are not stretched %s; choose another",
                         r->mask ? "under a mask" : "for a model that is shown the picture itself");
    return (r->image_width >= unit && r->image_height >= unit) ||
           error_set(e, ERR_ARGUMENT, "resize mode: a picture of %dx%d has no latents to stretch; choose another",
                     r->image_width, r->image_height);
}

/* The x4 upscaler draws from noise alone, and all of the picture: what tells how img2img begins does not count. */
static bool check_upscaling(const SdModel *m, const SdRequest *r, Error *e) {
    const char *const others[] = {r->mask ? "mask" : NULL, request_extends(r) ? "extend" : NULL,
                                  r->refiner ? "refiner" : NULL, r->control_count ? "control" : NULL,
                                  r->noise_multiplier != 1 ? "noise multiplier" : NULL};
    if (!r->image) return error_set(e, ERR_ARGUMENT, "image: this model enlarges a picture; give it one, in img2img");
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (others[i])
            return error_set(e, ERR_ARGUMENT, "%s: does not go with the x4 upscaler; leave it out", others[i]);
    for (const Param *p = PARAMS; p < PARAMS + PARAM_COUNT; p++)
        if (p->of_image && strcmp(p->name, "resize-mode") && strcmp(p->name, "noise-level") &&
            param_number(p, r) != p->standard)
            return error_set(e, ERR_ARGUMENT,
                             "%s: does not count with the x4 upscaler, which begins with noise; leave it out", p->name);
    return !m->lists[PART_TAESD_DECODER].count ||
           error_set(e, ERR_ARGUMENT, "taesd: there is none of the x4 upscaler's latents; leave it out");
}

/* What lies beside the latents: settings and pictures that such models alone need. */
static bool check_beside(const SdModel *m, const SdRequest *r, Error *e) {
    UnetInputs is = config_input(&m->config);
    if (is == INPUT_UPSCALING) return check_upscaling(m, r, e);
    if (is == INPUT_PIX2PIX && !r->image)
        return error_set(e, ERR_ARGUMENT, "image: this model edits a picture; give it one, in img2img");
    const BesideRow *other = beside_others(m, r);
    return !other || error_set(e, ERR_ARGUMENT, "%s: counts only with %s; leave it out", other->shown, other->whose);
}

/* What encodes and decodes is there. Of two experts each may decode. */
static bool check_coders(const SdModel *m, const SdRequest *r, Error *e) {
    bool previews = r->preview && r->preview_by != SD_PREVIEW_APPROX;
    if ((unsigned)r->preview_by > SD_PREVIEW_APPROX)
        return error_set(e, ERR_ARGUMENT, "preview by: %d is not in 0..%d", (int)r->preview_by, SD_PREVIEW_APPROX);
    bool previews_approximately = r->preview && r->preview_by == SD_PREVIEW_APPROX;
    if (previews_approximately && m->config.vae.latent != 4)
        return error_set(e, ERR_ARGUMENT, "preview: there is no approximation of latents of %d channels; choose full",
                         m->config.vae.latent);
    if (previews_approximately && config_input(&m->config) == INPUT_UPSCALING)
        return error_set(e, ERR_ARGUMENT, "preview: there is no approximation of this model's latents; choose full");
    for (const SdModel *k = m; k; k = k == m ? r->refiner : NULL) {
        Part decoder = r->vae_decoder == SD_VAE_TAESD ? PART_TAESD_DECODER : PART_DECODER;
        Part shows = r->preview_by == SD_PREVIEW_TAESD ? PART_TAESD_DECODER : PART_DECODER;
        bool (*has)(const SdModel *, Part, Error *) = decoder == PART_DECODER ? model_has : model_has_taesd;
        if (!has(k, decoder, e)) return false;
        has = shows == PART_DECODER ? model_has : model_has_taesd;
        if (previews && !has(k, shows, e)) return false;
    }
    UnetInputs is = config_input(&m->config);
    if ((!r->image && is == INPUT_LATENTS) || is == INPUT_UPSCALING) return true;
    return r->vae_encoder == SD_VAE_TAESD ? model_has_taesd(m, PART_TAESD_ENCODER, e) : model_has(m, PART_ENCODER, e);
}

bool request_check(const SdModel *m, const SdRequest *r, Error *e) {
    int unit = vae_factor(&m->config.vae);
    if (!config_check_input(&m->config, m->checkpoint->path, e) || !params_check(r, e)) return false;
    if (r->width % unit || r->height % unit || r->width < unit || r->height < unit)
        return error_set(e, ERR_ARGUMENT, "size: %dx%d has sides that are not multiples of %d", r->width, r->height,
                         unit);
    return check_clip_skip(m, r, e) && check_guidance(m, r, e) && (!r->refiner || check_refiner(m, r, e)) &&
           control_check(m, r, e) && check_owners(m, r, e) && check_extension(r, e) && check_beside(m, r, e) &&
           check_stretch(m, r, e) && check_coders(m, r, e);
}

/* The webui's clip skip counts in SD 1.x. open_clip's encoders have a layer of their own (sd_hijack_open_clip.py), and
 * so has SDXL's first one unless a setting says otherwise (sd_hijack_clip.py, FrozenCLIPEmbedderForSDXL...). */
static bool skips(const ClipConfig *k, const SdRequest *r) {
    return k->layer == 1 || (r->sdxl_clip_l_skip && clip_rules(k) == TOKENS_HUGGING_FACE);
}

int request_layer(const ClipConfig *k, const SdRequest *r) { return skips(k, r) ? r->clip_skip : k->layer; }

static bool any_skips(const SdModel *m, const SdRequest *r) {
    bool any = false;
    for (int i = 0; i < m->config.encoders; i++) any |= skips(&m->config.clip[i], r);
    return any;
}

const char *sd_ignored(const SdModel *m, const SdRequest *r) {
    if (!m || !r) return "";
    if (request_tiles(r) && r->resize != SD_RESIZE_STRETCH)
        return "resize-mode: SD upscale enlarges the picture as a whole";
    if (!params_have_networks(r) && (r->network_apply || r->network_strict))
        return r->network_strict ? "strict: counts with LoRAs (--lora, <lora:NAME>), and there is none"
                                 : "lora-apply: counts with LoRAs (--lora, <lora:NAME>), and there is none";
    bool unguided = m->config.unet.guidance || (m->config.few_steps && r->cfg <= 1);
    if (unguided && r->negative && *r->negative)
        return m->config.unet.guidance ? "negative prompt: this model is told its guidance, and evaluates none"
                                       : "negative prompt: counts with a guidance above 1 (--cfg)";
    bool encodes = request_encodes(r);
    if (r->encode != SD_ENCODE_SAMPLE && !encodes && config_input(&m->config) == INPUT_LATENTS)
        return "encode: no picture is encoded; it counts in img2img, and where hires fix enlarges pictures";
    if (encodes && r->vae_encoder == SD_VAE_TAESD && r->encode != SD_ENCODE_SAMPLE)
        return "encode: TAESD's encoder has no distribution";
    if (!encodes && m->lists[PART_TAESD_ENCODER].count && !m->lists[PART_TAESD_DECODER].count)
        return "taesd: its file has an encoder alone, which counts where a picture is encoded";
    if (any_skips(m, r) || (r->refiner && any_skips(r->refiner, r))) return "";
    if (r->sdxl_clip_l_skip) return "sdxl-clip-l-skip: this model has no CLIP-L, the encoder that it is for";
    if (r->clip_skip == 1) return "";
    return m->config.encoders > 1 ? "clip skip: counts with this model only beside sdxl-clip-l-skip"
                                  : "clip skip: this model's text encoder has a layer of its own";
}

bool request_taps(const SdRequest *r) { return r->taps || r->activation; }
