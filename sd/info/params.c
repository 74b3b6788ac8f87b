/* params.c: the table of settings, and reading it. Defaults and ranges are its columns; params_check.c applies them. */
#include "params.h"

#include <string.h>

/* --- what changes a picture, and when --- */

static const Scheduler *scheduler_of(const SdRequest *r, const Sampler *s) {
    const Scheduler *named = NULL;
    if (!request_sampler(r, &named, NULL)) return NULL;
    return named && named->fill ? named : scheduler_find(s->scheduler ? s->scheduler : "Uniform");
}

static bool has_eta(const SdRequest *r, const Sampler *s) { return s->flags & SAMPLER_ETA && r->eta != s->default_eta; }
static bool has_churn(const SdRequest *r, const Sampler *s) { return (void)r, s->flags & SAMPLER_CHURN; }
static bool has_s_noise(const SdRequest *r, const Sampler *s) { return (void)r, s->flags & SAMPLER_S_NOISE; }
static bool has_ends(const SdRequest *r, const Sampler *s) {
    const Scheduler *scheduler = scheduler_of(r, s);
    return s->space == SPACE_SIGMA && scheduler && scheduler->ends;
}
static bool has_rho(const SdRequest *r, const Sampler *s) {
    const Scheduler *scheduler = scheduler_of(r, s);
    return s->space == SPACE_SIGMA && scheduler && scheduler->rho > 0;
}
static bool varies(const SdRequest *r, const Sampler *s) { return (void)s, r->variation_strength > 0; }
static bool resizes_seed(const SdRequest *r, const Sampler *s) {
    return (void)s, r->seed_width > 0 && r->seed_height > 0;
}
static bool has_comments(const SdRequest *r, const Sampler *s) {
    const char *const texts[] = {r->prompt, r->negative, r->hires_prompt, r->hires_negative};
    bool any = false;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) any = any || (texts[i] && strchr(texts[i], '#'));
    return (void)s, any;
}
static bool has_original(const SdRequest *r, const Sampler *s) {
    return (void)s, r->original_width || r->original_height;
}
static bool has_tags(const char *prompt) {
    for (const char *p = prompt; p && (p = strchr(p, '<')); p++)
        if (!strncmp(p, "<lora:", 6) || !strncmp(p, "<lyco:", 6))
            if (p[6] && p[6] != '>' && strchr(p, '>')) return true;
    return false;
}
bool params_have_networks(const SdRequest *r) {
    return r->network_count > 0 || has_tags(r->prompt) || has_tags(r->hires_prompt);
}
static bool has_networks(const SdRequest *r, const Sampler *s) { return (void)s, params_have_networks(r); }
static bool has_refiner(const SdRequest *r, const Sampler *s) { return (void)s, r->refiner != NULL; }
static bool has_target(const SdRequest *r, const Sampler *s) { return (void)s, r->target_width || r->target_height; }
static bool encodes(const SdRequest *r, const Sampler *s) { return (void)s, request_encodes(r); }
static bool has_posterior(const SdRequest *r, const Sampler *s) {
    return encodes(r, s) && r->vae_encoder == SD_VAE_FULL;
}
static bool is_soft(const SdRequest *r, const Sampler *s) { return (void)s, r->soft; }
bool request_extends(const SdRequest *r) {
    return r->extend_left || r->extend_top || r->extend_right || r->extend_bottom;
}
static bool from_spectrum(const SdRequest *r, const Sampler *s) { return (void)s, r->extend_fill == SD_FILL_SPECTRUM; }
bool request_hires(const SdRequest *r) { return r->hires_scale > 0 || r->hires_width > 0 || r->hires_height > 0; }
bool request_tiles(const SdRequest *r) { return r->sd_upscale > 0; }
/* Whether some pass has several windows. */
static bool has_windows(const SdRequest *r, const Sampler *s) {
    enum { LATENT = 8 };
    if (r->tiled_diffusion == SD_TILED_NONE) return (void)s, false;
    return request_hires(r) || r->width / LATENT > r->tile_width || r->height / LATENT > r->tile_height;
}
static bool tiles_by_batch(const SdRequest *r, const Sampler *s) { return (void)s, request_tiles(r); }
int request_pictures(const SdRequest *r) { return request_tiles(r) ? 1 : r->batch_size; }
const char **request_enlarger(SdRequest *r) {
    return request_hires(r) ? &r->hires_upscaler : request_tiles(r) ? &r->sd_upscale_upscaler : NULL;
}
bool request_enlarges_by_file(const SdRequest *r) {
    SdRequest own = *r;
    const char *const *by = request_enlarger(&own);
    return by && *by && **by && words_find(request_hires(r) ? HIRES_UPSCALERS : PIXEL_UPSCALERS, *by) < 0;
}
bool request_encodes(const SdRequest *r) {
    const char *by = r->hires_upscaler;
    return r->image || (request_hires(r) && by && *by && words_find(HIRES_LATENTS, by) < 0);
}
static bool by_scale(const SdRequest *r, const Sampler *s) { return (void)s, !r->hires_width && !r->hires_height; }
static bool by_size(const SdRequest *r, const Sampler *s) { return !by_scale(r, s); }
static bool is_part(const SdRequest *r, const Sampler *s) { return (void)s, r->only_masked; }
static bool blurs_evenly(const SdRequest *r, const Sampler *s) {
    return (void)s, r->mask_blur_x < 0 || r->mask_blur_y < 0; /* else nothing is left for it */
}
static bool resizes_image(const SdRequest *r, const Sampler *s) {
    return (void)s, !request_extends(r) && (r->image_width != r->width || r->image_height != r->height);
}

/* --- the table, in the order of the help --- */

#define AT(member) .at = offsetof(SdRequest, member)
#define OF_MASK .of_image = true, .of_mask = true
#define OF_EXTEND .of_image = true, .of_extend = true
#define IN_EXTEND .type = PARAM_INT, .low = 0, .high = 4096, .of_image = true, .in_extend = true, .value = "N"
#define OF_TILES .of_image = true, .of_tiles = true

/* clang-format off */
const Param PARAMS[] = {
    {.name = "strength", .type = PARAM_DOUBLE, AT(strength), .low = 0, .high = 1, .standard = 0.75, .of_image = true,
     .or_hires = true, .value = "X", .help = "how much of the picture is made anew, 0..1",
     .json = "denoising_strength", .key = "Denoising strength", .place = 10, .always = true},
    {.name = "strength-steps", .type = PARAM_ENUM, AT(strength_steps), .of_image = true, .value = "webui|diffusers|exact",
     .help = "steps to run; webui: int(strength*steps)+1; diffusers: int(strength*steps); exact: all",
     .json = "strength_steps", .key = "Strength steps", .place = 16},
    {.name = "noise-multiplier", .type = PARAM_DOUBLE, AT(noise_multiplier), .low = 0, .high = 10, .standard = 1,
     .of_image = true, .value = "X", .help = "scales the noise that is laid over the picture: below 1 fewer details",
     .json = "initial_noise_multiplier", .key = "Noise multiplier", .place = 17},
    {.name = "extra-noise", .type = PARAM_DOUBLE, AT(extra_noise), .low = 0, .high = 1, .of_image = true,
     .or_hires = true, .value = "X", .help = "so much of it is added once more",
     .json = "img2img_extra_noise", .key = "Extra noise", .place = 17},
    {.name = "resize-mode", .type = PARAM_ENUM, AT(resize), .of_image = true, .value = "stretch|crop|fill|latent",
     .help = "how the picture is brought to -W x -H; latent: its latents are stretched",
     .json = "resize_mode", .key = "Resize mode", .place = 16, .counts = resizes_image,
     .key_words = "Just resize|Crop and resize|Resize and fill|Just resize (latent upscale)"},
    {.name = "encode", .type = PARAM_ENUM, AT(encode), .of_image = true, .or_hires = true, .value = "sample|mean",
     .help = "begin with a sample of the encoder's distribution, or its mean",
     .json = "encode", .key = "Encode", .place = 16, .counts = has_posterior},
    {.name = "vae-encoder", .type = PARAM_ENUM, AT(vae_encoder), .of_image = true, .or_hires = true, .of_model = true,
     .value = "full|taesd",
     .help = "what makes latents of the picture: the VAE, or the file of --taesd where it has an encoder",
     .json = "sd_vae_encode_method", .key = "VAE Encoder", .key_words = "Full|TAESD", .place = 15, .counts = encodes},
    {.name = "mask-blur", .type = PARAM_INT, AT(mask_blur), .low = 0, .high = 64, .standard = 4, OF_MASK, .value = "N",
     .help = "how far the mask is blurred, in pixels",
     .json = "mask_blur", .key = "Mask blur", .place = 16, .always = true, .counts = blurs_evenly},
    {.name = "mask-blur-x", .type = PARAM_INT, AT(mask_blur_x), .low = 0, .high = 64, .standard = -1, OF_MASK,
     .value = "N", .help = "the same across", .unset = "--mask-blur",
     .json = "mask_blur_x", .key = "Mask blur x", .place = 16},
    {.name = "mask-blur-y", .type = PARAM_INT, AT(mask_blur_y), .low = 0, .high = 64, .standard = -1, OF_MASK,
     .value = "N", .help = "the same down", .unset = "--mask-blur",
     .json = "mask_blur_y", .key = "Mask blur y", .place = 16},
    {.name = "mask-invert", .type = PARAM_BOOL, AT(mask_invert), .high = 1, OF_MASK,
     .help = "repaint what the mask keeps, and keep what it repaints",
     .json = "inpainting_mask_invert", .key = "Mask mode", .key_words = "Inpaint masked|Inpaint not masked", .place = 16},
    {.name = "fill", .type = PARAM_ENUM, AT(fill), .standard = SD_FILL_ORIGINAL, OF_MASK,
     .value = "fill|original|noise|nothing",
     .help = "what the repainted part begins with: colours around it, the picture, latent noise, empty latents",
     .json = "inpainting_fill", .key = "Masked content", .key_words = "fill|original|latent noise|latent nothing",
     .place = 16},
    {.name = "only-masked", .type = PARAM_BOOL, AT(only_masked), .high = 1, OF_MASK,
     .help = "draw only the masked part, at -W x -H, and put it back into the picture",
     .json = "inpaint_full_res", .key = "Inpaint area", .key_words = "Whole picture|Only masked", .place = 16},
    {.name = "mask-padding", .type = PARAM_INT, AT(mask_padding), .low = 0, .high = 16384, .standard = 32, OF_MASK,
     .value = "N", .help = "pixels around the masked part that are drawn with it",
     .json = "inpaint_full_res_padding", .key = "Masked area padding", .place = 16, .always = true, .counts = is_part},
    {.name = "soft", .type = PARAM_BOOL, AT(soft), .high = 1, OF_MASK,
     .help = "mix grey parts of the mask, and keep pixels that changed little",
     .json = "soft_inpainting", .key = "Soft inpainting enabled", .place = 17},
    {.name = "soft-bias", .type = PARAM_DOUBLE, AT(soft_bias), .low = 0, .high = 8, .standard = 1, OF_MASK,
     .value = "X", .help = "above 1 the picture is kept more at the start, below 1 at the end",
     .json = "soft_inpainting_bias", .key = "Soft inpainting schedule bias", .place = 17, .always = true,
     .counts = is_soft},
    {.name = "soft-preservation", .type = PARAM_DOUBLE, AT(soft_preservation), .low = 0, .high = 8, .standard = 0.5,
     OF_MASK, .value = "X", .help = "how strongly grey parts keep the picture",
     .json = "soft_inpainting_preservation", .key = "Soft inpainting preservation strength", .place = 17,
     .always = true, .counts = is_soft},
    {.name = "soft-boost", .type = PARAM_DOUBLE, AT(soft_boost), .low = 1, .high = 32, .standard = 4, OF_MASK,
     .value = "X", .help = "contrast of what is mixed",
     .json = "soft_inpainting_boost", .key = "Soft inpainting transition contrast boost", .place = 17, .always = true,
     .counts = is_soft},
    {.name = "soft-mask-influence", .type = PARAM_DOUBLE, AT(soft_mask_influence), .low = 0, .high = 1, OF_MASK,
     .value = "X", .help = "how much the mask decides which pixels are kept, 0..1",
     .json = "soft_inpainting_mask_influence", .key = "Soft inpainting mask influence", .place = 17, .always = true,
     .counts = is_soft},
    {.name = "soft-threshold", .type = PARAM_DOUBLE, AT(soft_threshold), .low = 0, .high = 8, .standard = 0.5, OF_MASK,
     .value = "X", .help = "how far latents change until half of a pixel is kept",
     .json = "soft_inpainting_threshold", .key = "Soft inpainting difference threshold", .place = 17, .always = true,
     .counts = is_soft},
    {.name = "soft-contrast", .type = PARAM_DOUBLE, AT(soft_contrast), .low = 0, .high = 8, .standard = 2, OF_MASK,
     .value = "X", .help = "how sharp the step between kept and drawn pixels is",
     .json = "soft_inpainting_contrast", .key = "Soft inpainting difference contrast", .place = 17, .always = true,
     .counts = is_soft},
    {.name = "mask-weight", .type = PARAM_DOUBLE, AT(mask_weight), .low = 0, .high = 1, .standard = 1, .of_image = true,
     .value = "X", .help = "inpainting models: how much the mask hides of the picture that they see, 0..1",
     .json = "inpainting_mask_weight", .key = "Conditional mask weight", .place = 16},
    {.name = "color-correction", .type = PARAM_BOOL, AT(color_correction), .high = 1, .of_image = true,
     .help = "bring colours to the distribution that the picture's have",
     .json = "img2img_color_correction", .key = "Color correction", .place = 16},
    {.name = "extend-left", AT(extend_left), IN_EXTEND, .help = "pixels that the picture is extended by on the left",
     .json = "extend_left", .key = "Extend left", .place = 16},
    {.name = "extend-top", AT(extend_top), IN_EXTEND, .help = "above", .json = "extend_top", .key = "Extend top",
     .place = 16},
    {.name = "extend-right", AT(extend_right), IN_EXTEND, .help = "on the right", .json = "extend_right",
     .key = "Extend right", .place = 16},
    {.name = "extend-bottom", AT(extend_bottom), IN_EXTEND, .help = "below", .json = "extend_bottom",
     .key = "Extend bottom", .place = 16},
    {.name = "extend-fill", .type = PARAM_ENUM, AT(extend_fill), OF_EXTEND, .value = "fill|original|noise|nothing|spectrum",
     .help = "what the new part begins with: colours of the edge, black, latent noise, empty latents (these in tiles of "
             "-W x -H that overlap); or noise with the picture's spectrum, one side after the other",
     .json = "extend_fill", .key = "Extend fill", .key_words = "fill|original|latent noise|latent nothing|spectrum",
     .place = 16},
    {.name = "extend-blur", .type = PARAM_INT, AT(extend_blur), .low = 0, .high = 64, .standard = -1, OF_EXTEND,
     .value = "N", .help = "how far the seam is blurred, and reaches into the picture",
     .unset = "4, with the spectrum 8", .json = "extend_blur", .key = "Extend blur", .place = 16},
    {.name = "extend-falloff", .type = PARAM_DOUBLE, AT(extend_falloff), .low = 0, .high = 4, .standard = 1, OF_EXTEND,
     .value = "X", .help = "exponent of the spectrum; the lower, the more detail",
     .json = "extend_falloff", .key = "Extend falloff", .place = 16, .counts = from_spectrum},
    {.name = "extend-color", .type = PARAM_DOUBLE, AT(extend_color), .low = 0, .high = 1, .standard = 0.05, OF_EXTEND,
     .value = "X", .help = "how colourful its noise is",
     .json = "extend_color", .key = "Extend color", .place = 16, .counts = from_spectrum},
    {.name = "image-cfg", .type = PARAM_DOUBLE, AT(image_cfg), .low = 0, .high = 1000, .standard = -1, .of_image = true,
     .value = "X", .help = "instruct-pix2pix: how closely to follow the picture", .unset = "1.5",
     .json = "image_cfg_scale", .key = "Image CFG scale", .place = 4},
    {.name = "noise-level", .type = PARAM_INT, AT(noise_level), .low = 0, .high = 350, .standard = -1, .of_image = true,
     .value = "N", .help = "the x4 upscaler: noise over the small picture, 350 at most", .unset = "20",
     .json = "noise_level", .key = "Noise level", .place = 4},
    {.name = "prompt", .letter = 'p', .type = PARAM_PROMPT, AT(prompt), .high = 1 << 20, .value = "PROMPT",
     .help = "what to show; @FILE reads it from a file, - from stdin, @@x is @x; 1024 chunks of 75 tokens at most", .json = "prompt"},
    {.name = "negative", .letter = 'n', .type = PARAM_PROMPT, AT(negative), .high = 1 << 20, .value = "PROMPT",
     .help = "what to avoid; @ and - as for --prompt", .json = "negative_prompt"},
    {.name = "width", .letter = 'W', .type = PARAM_INT, AT(width), .low = 8, .high = 16384, .standard = 512,
     .of_model = true, .value = "N", .help = "pixels, a multiple of 8",
     .json = "width", .key = "Size-1", .place = 6, .always = true},
    {.name = "height", .letter = 'H', .type = PARAM_INT, AT(height), .low = 8, .high = 16384, .standard = 512,
     .of_model = true, .value = "N", .help = "pixels, a multiple of 8; width x height is 4096x4096 at most",
     .json = "height", .key = "Size-2", .place = 6, .always = true},
    {.name = "steps", .type = PARAM_INT, AT(steps), .low = 1, .high = 1000, .standard = 20, .of_model = true,
     .value = "N", .help = "sampling steps", .json = "steps", .key = "Steps", .place = 1, .always = true},
    {.name = "cfg", .type = PARAM_DOUBLE, AT(cfg), .low = 0, .high = 1000, .standard = 7, .of_model = true,
     .value = "X", .help = "how closely to follow the prompt",
     .json = "cfg_scale", .key = "CFG scale", .place = 4, .always = true},
    {.name = "sampler", .type = PARAM_SAMPLER, AT(sampler), .text = "Euler a", .of_model = true, .value = "NAME",
     .help = "the sampler; sdc samplers lists them",
     .json = "sampler_name", .key = "Sampler", .place = 2, .always = true},
    {.name = "scheduler", .type = PARAM_SCHEDULER, AT(scheduler), .of_model = true, .value = "NAME",
     .help = "the schedule type; sdc schedulers lists them",
     .json = "scheduler", .key = "Schedule type", .place = 3, .always = true},
    {.name = "seed", .type = PARAM_INT64, AT(seed), .low = 0, .high = PARAM_MOST, .standard = -1, .value = "N",
     .help = "of the first picture", .unset = "random, and printed",
     .json = "seed", .key = "Seed", .place = 5, .always = true},
    {.name = "eta", .type = PARAM_DOUBLE, AT(eta), .low = 0, .high = 1, .standard = -1, .value = "X",
     .help = "how much of a step's noise is new", .unset = "the sampler's own",
     .json = "eta", .key = "Eta", .key_time = "Eta DDIM", .place = 15, .counts = has_eta},
    {.name = "s-churn", .type = PARAM_DOUBLE, AT(s_churn), .low = 0, .high = 1000, .value = "X",
     .help = "extra noise of Euler, Heun and DPM2",
     .json = "s_churn", .key = "Sigma churn", .place = 15, .counts = has_churn},
    {.name = "s-tmin", .type = PARAM_DOUBLE, AT(s_tmin), .low = 0, .high = 1e6, .value = "X",
     .help = "from this sigma on", .json = "s_tmin", .key = "Sigma tmin", .place = 15, .counts = has_churn},
    {.name = "s-tmax", .type = PARAM_DOUBLE, AT(s_tmax), .low = 0, .high = 1e6, .value = "X",
     .help = "up to this sigma", .unset = "no end",
     .json = "s_tmax", .key = "Sigma tmax", .place = 15, .counts = has_churn},
    {.name = "s-noise", .type = PARAM_DOUBLE, AT(s_noise), .low = 0, .high = 10, .standard = 1, .value = "X",
     .help = "scales new noise", .json = "s_noise", .key = "Sigma noise", .place = 15, .counts = has_s_noise},
    {.name = "sigma-min", .type = PARAM_DOUBLE, AT(sigma_min), .low = 1e-4, .high = 1e5, .value = "X",
     .help = "lowest sigma of the schedule", .unset = "the model's",
     .json = "sigma_min", .key = "Schedule min sigma", .place = 15, .counts = has_ends},
    {.name = "sigma-max", .type = PARAM_DOUBLE, AT(sigma_max), .low = 1e-4, .high = 1e5, .value = "X",
     .help = "highest sigma of the schedule", .unset = "the model's",
     .json = "sigma_max", .key = "Schedule max sigma", .place = 15, .counts = has_ends},
    {.name = "rho", .type = PARAM_DOUBLE, AT(rho), .low = 0.01, .high = 1000, .value = "X",
     .help = "rho of Karras and Polyexponential", .unset = "their own",
     .json = "rho", .key = "Schedule rho", .place = 15, .counts = has_rho},
    {.name = "discard-next-to-last", .type = PARAM_BOOL, AT(discard_next_to_last), .high = 1,
     .help = "leave out the schedule's next-to-last sigma",
     .json = "always_discard_next_to_last_sigma", .key = "Discard penultimate sigma", .place = 15},
    {.name = "emphasis", .type = PARAM_ENUM, AT(emphasis), .value = "original|no-norm|ignore|none",
     .help = "what (x:1.2) does",
     .json = "emphasis", .key = "Emphasis", .key_words = "Original|No norm|Ignore|None", .place = 15},
    {.name = "comments", .type = PARAM_ENUM, AT(comments), .value = "strip|keep",
     .help = "what to do with # and the rest of its line",
     .json = "prompt_comments", .key = "Comments", .place = 16, .counts = has_comments},
    {.name = "variation-seed", .type = PARAM_INT64, AT(variation_seed), .low = 0, .high = PARAM_MOST, .standard = -1,
     .value = "N", .help = "the seed of a variation", .unset = "random",
     .json = "subseed", .key = "Variation seed", .place = 8, .counts = varies},
    {.name = "variation-strength", .type = PARAM_DOUBLE, AT(variation_strength), .low = 0, .high = 1, .value = "X",
     .help = "how much of it is mixed in, 0..1",
     .json = "subseed_strength", .key = "Variation seed strength", .place = 8},
    {.name = "seed-width", .type = PARAM_INT, AT(seed_width), .low = 8, .high = 16384, .value = "N",
     .help = "noise as of a picture of this width", .unset = "none",
     .json = "seed_resize_from_w", .key = "Seed resize from-1", .place = 9, .counts = resizes_seed},
    {.name = "seed-height", .type = PARAM_INT, AT(seed_height), .low = 8, .high = 16384, .value = "N",
     .help = "noise as of a picture of this height", .unset = "none",
     .json = "seed_resize_from_h", .key = "Seed resize from-2", .place = 9, .counts = resizes_seed},
    {.name = "ensd", .type = PARAM_INT64, AT(ensd), .low = INT32_MIN, .high = INT32_MAX, .value = "N",
     .help = "eta noise seed delta", .json = "eta_noise_seed_delta", .key = "ENSD", .place = 13},
    {.name = "batch-size", .type = PARAM_INT, AT(batch_size), .low = 1, .high = 1024, .standard = 1, .value = "N",
     .help = "pictures made at once; with --sd-upscale tiles", .json = "batch_size", .key = "SD upscale batch",
     .place = 16, .counts = tiles_by_batch},
    {.name = "clip-skip", .type = PARAM_INT, AT(clip_skip), .low = 1, .high = 32, .standard = 1, .value = "N",
     .help = "SD 1.x: the text encoder's layer, from the last",
     .json = "CLIP_stop_at_last_layers", .key = "Clip skip", .place = 12},
    {.name = "sdxl-clip-l-skip", .type = PARAM_BOOL, AT(sdxl_clip_l_skip), .high = 1, .of_sizes = ANY_SIZES,
     .help = "SDXL: --clip-skip counts for its first text encoder",
     .json = "sdxl_clip_l_skip", .key = "SDXL clip L skip", .place = 16},
    {.name = "original-width", .type = PARAM_INT, AT(original_width), .low = 1, .high = 16384, .of_sizes = ANY_SIZES,
     .value = "N", .help = "SDXL: the width that the picture is said to have had before it was scaled",
     .unset = "the picture's", .json = "original_width", .key = "Original size-1", .place = 16, .counts = has_original},
    {.name = "original-height", .type = PARAM_INT, AT(original_height), .low = 1, .high = 16384, .of_sizes = ANY_SIZES,
     .value = "N", .help = "SDXL: and its height", .unset = "the picture's",
     .json = "original_height", .key = "Original size-2", .place = 16, .counts = has_original},
    {.name = "crop-top", .type = PARAM_INT, AT(crop_top), .low = 0, .high = 16384, .of_sizes = ANY_SIZES, .value = "N",
     .help = "SDXL: pixels that are said to be cut off above",
     .json = "sdxl_crop_top", .key = "SDXL crop top", .place = 16},
    {.name = "crop-left", .type = PARAM_INT, AT(crop_left), .low = 0, .high = 16384, .of_sizes = ANY_SIZES, .value = "N",
     .help = "SDXL: pixels that are said to be cut off on the left",
     .json = "sdxl_crop_left", .key = "SDXL crop left", .place = 16},
    {.name = "target-width", .type = PARAM_INT, AT(target_width), .low = 1, .high = 16384, .of_sizes = 6,
     .value = "N", .help = "SDXL: the width that the picture is said to have", .unset = "the picture's",
     .json = "target_width", .key = "Target size-1", .place = 16, .counts = has_target},
    {.name = "target-height", .type = PARAM_INT, AT(target_height), .low = 1, .high = 16384, .of_sizes = 6,
     .value = "N", .help = "SDXL: and its height", .unset = "the picture's",
     .json = "target_height", .key = "Target size-2", .place = 16, .counts = has_target},
    {.name = "aesthetic-score", .type = PARAM_DOUBLE, AT(aesthetic_score), .low = 0, .high = 100, .standard = 6,
     .of_sizes = 5, .value = "X", .help = "SDXL's refiner: how beautiful the picture is said to be",
     .json = "sdxl_refiner_high_aesthetic_score", .key = "Aesthetic score", .place = 16},
    {.name = "negative-aesthetic-score", .type = PARAM_DOUBLE, AT(negative_aesthetic_score), .low = 0, .high = 100,
     .standard = 2.5, .of_sizes = 5, .value = "X", .help = "SDXL's refiner: the same beside the negative prompt",
     .json = "sdxl_refiner_low_aesthetic_score", .key = "Negative aesthetic score", .place = 16},
    {.name = "refiner-switch", .type = PARAM_DOUBLE, AT(refiner_switch), .low = 0, .high = 1, .standard = 0.8,
     .of_refiner = true, .value = "X", .help = "how much is done when the refiner takes over, 0..1",
     .json = "refiner_switch_at", .key = "Refiner switch at", .place = PLACE_REFINER, .always = true,
     .counts = has_refiner},
    {.name = "refiner-by-steps", .type = PARAM_BOOL, AT(refiner_by_steps), .high = 1, .of_refiner = true,
     .help = "count that in steps, as the webui did before 1.8, and not in time",
     .json = "refiner_switch_by_sample_steps", .key = "Refiner switch by sampling steps", .place = PLACE_REFINER,
     .counts = has_refiner},
    {.name = "hires-scale", .type = PARAM_DOUBLE, AT(hires_scale), .low = 1, .high = 16, .of_hires = true, .value = "X",
     .help = "draw, enlarge so many times, and draw again, by --strength", .unset = "once only",
     .json = "hires_scale", .key = "Hires upscale", .place = 17, .counts = by_scale},
    {.name = "hires-width", .type = PARAM_INT, AT(hires_width), .low = 8, .high = 16384, .of_hires = true, .value = "N",
     .help = "the same to this width", .unset = "as the height has it",
     .json = "hires_width", .key = "Hires resize-1", .place = 17, .always = true, .counts = by_size},
    {.name = "hires-height", .type = PARAM_INT, AT(hires_height), .low = 8, .high = 16384, .of_hires = true,
     .value = "N", .help = "and height", .unset = "as the width has it",
     .json = "hires_height", .key = "Hires resize-2", .place = 17, .always = true, .counts = by_size},
    {.name = "hires-steps", .type = PARAM_INT, AT(hires_steps), .low = 1, .high = 1000, .of_hires = true, .value = "N",
     .help = "steps of the second drawing", .unset = "--steps",
     .json = "hires_steps", .key = "Hires steps", .place = 17},
    {.name = "hires-upscaler", .type = PARAM_STRING, AT(hires_upscaler), .text = "Latent", .of_hires = true,
     .value = "NAME",
     .help = "what enlarges: Latent, Latent (antialiased), (bicubic), (bicubic antialiased), (nearest), (nearest-exact), "
             "Lanczos, Nearest, None, or an upscaler's file",
     .json = "hires_upscaler", .key = "Hires upscaler", .place = 17, .always = true},
    {.name = "hires-sampler", .type = PARAM_SAMPLER, AT(hires_sampler), .of_hires = true, .value = "NAME",
     .help = "the second drawing's sampler, if it is another", .json = "hires_sampler", .key = "Hires sampler", .place = 17},
    {.name = "hires-scheduler", .type = PARAM_SCHEDULER, AT(hires_scheduler), .of_hires = true, .value = "NAME",
     .help = "and schedule type", .json = "hires_scheduler", .key = "Hires schedule type", .place = 17},
    {.name = "hires-cfg", .type = PARAM_DOUBLE, AT(hires_cfg), .low = 0, .high = 1000, .standard = -1, .of_hires = true,
     .value = "X", .help = "and guidance", .unset = "--cfg", .json = "hires_cfg", .key = "Hires CFG Scale", .place = 17},
    {.name = "hires-prompt", .type = PARAM_PROMPT, AT(hires_prompt), .high = 1 << 20, .of_hires = true,
     .value = "PROMPT", .help = "and prompt", .json = "hires_prompt", .key = "Hires prompt", .place = 17},
    {.name = "hires-negative", .type = PARAM_PROMPT, AT(hires_negative), .high = 1 << 20, .of_hires = true,
     .value = "PROMPT", .help = "and what to avoid",
     .json = "hires_negative", .key = "Hires negative prompt", .place = 17},
    {.name = "tiled-diffusion", .type = PARAM_ENUM, AT(tiled_diffusion),
     .value = "none|multidiffusion|mixture-of-diffusers",
     .help = "draw pictures larger than a window by windows, which count evenly, or less at their edges",
     .json = "tiled_diffusion", .key = "Tiled Diffusion method", .key_words = "None|MultiDiffusion|Mixture of Diffusers",
     .place = 16, .counts = has_windows},
    {.name = "tile-width", .type = PARAM_INT, AT(tile_width), .low = 16, .high = 512, .standard = 96, .of_windows = true,
     .value = "N", .help = "width of a window in latents, of 8 pixels each",
     .json = "tile_width", .key = "Tiled Diffusion tile width", .place = 16, .always = true, .counts = has_windows},
    {.name = "tile-height", .type = PARAM_INT, AT(tile_height), .low = 16, .high = 512, .standard = 96,
     .of_windows = true, .value = "N", .help = "and height",
     .json = "tile_height", .key = "Tiled Diffusion tile height", .place = 16, .always = true, .counts = has_windows},
    {.name = "tile-overlap", .type = PARAM_INT, AT(tile_overlap), .low = 0, .high = 256, .standard = 48,
     .of_windows = true, .value = "N", .help = "latents by which windows overlap; 4 less than their sides at most",
     .json = "tile_overlap", .key = "Tiled Diffusion overlap", .place = 16, .always = true, .counts = has_windows},
    {.name = "tile-batch", .type = PARAM_INT, AT(tile_batch), .low = 1, .high = 64, .standard = 1, .of_windows = true,
     .value = "N", .help = "windows at once: the same picture", .json = "tile_batch"},
    {.name = "sd-upscale", .type = PARAM_DOUBLE, AT(sd_upscale), .low = 1, .high = 16, OF_TILES, .value = "X",
     .help = "enlarge the picture so many times, and draw it again in tiles of -W x -H", .unset = "no",
     .json = "sd_upscale", .key = "SD upscale scale", .place = 16},
    {.name = "sd-upscale-overlap", .type = PARAM_INT, AT(sd_upscale_overlap), .low = 0, .high = 256, .standard = 64,
     OF_TILES, .value = "N", .help = "pixels by which the tiles overlap",
     .json = "sd_upscale_overlap", .key = "SD upscale overlap", .place = 16, .always = true},
    {.name = "sd-upscale-upscaler", .type = PARAM_STRING, AT(sd_upscale_upscaler), .text = "Lanczos", OF_TILES,
     .value = "NAME", .help = "what enlarges: Lanczos, Nearest, None, or an upscaler's file",
     .json = "sd_upscale_upscaler", .key = "SD upscale upscaler", .place = 16, .always = true},
    {.name = "vae-decoder", .type = PARAM_ENUM, AT(vae_decoder), .of_model = true, .value = "full|taesd",
     .help = "what makes the picture of latents: the VAE, or the file of --taesd where it has a decoder",
     .json = "sd_vae_decode_method", .key = "VAE Decoder", .key_words = "Full|TAESD", .place = 15},
    {.name = "tiling", .type = PARAM_ENUM, AT(tiling), .value = "none|x|y|both",
     .help = "make edges meet: left and right, top and bottom",
     .json = "tiling", .key = "Tiling", .key_words = "False|X|Y|True", .place = 12},
    {.name = "rng", .type = PARAM_ENUM, AT(rng), .value = "nv,cuda|cpu",
     .help = "noise of an NVIDIA GPU (nv or cuda) or of torch on a CPU",
     .json = "randn_source", .key = "RNG", .key_words = "NV,GPU|CPU", .place = 14},
    {.name = "lora-dir", .type = PARAM_FILE, AT(lora_dir), .value = "DIR",
     .help = "where files of the prompt's <lora:NAME:0.8> are (Lora or loras beside the model)", .json = "lora_dir"},
    {.name = "lora-apply", .type = PARAM_ENUM, AT(network_apply), .value = "exact|webui",
     .help = "changes are added up in f32, or rounded wherever the webui rounds",
     .json = "lora_apply", .key = "Lora apply", .place = 16, .counts = has_networks},
    {.name = "strict", .type = PARAM_BOOL, AT(network_strict), .high = 1,
     .help = "a LoRA of which anything has no place in the model is an error", .json = "lora_strict"},
    {.name = "taps", .type = PARAM_FILE, AT(taps), .value = "FILE",
     .help = "write activations to a safetensors file", .json = "taps"},
    {.name = "tap", .type = PARAM_STRING, AT(tap), .value = "GLOB",
     .help = "only those whose names match (* and ?)", .json = "tap"},
    {.name = "noise", .type = PARAM_FILE, AT(noise), .value = "FILE",
     .help = "begin with the tensor `noise` of this file", .json = "noise", .key = "Noise", .place = 16},
};
/* clang-format on */

const int PARAM_COUNT = sizeof PARAMS / sizeof *PARAMS;

/* --- finding rows --- */

const Param *param_named(const char *name) {
    for (const Param *p = PARAMS; p < PARAMS + PARAM_COUNT; p++)
        if (!strcmp(p->name, name)) return p;
    return NULL;
}

const Param *param_keyed(const char *key) {
    for (const Param *p = PARAMS; p < PARAMS + PARAM_COUNT; p++)
        if (p->key && (!strcmp(p->key, key) || (p->key_time && !strcmp(p->key_time, key)))) return p;
    return NULL;
}

/* --- what a request samples with --- */

const Sampler *request_sampler(const SdRequest *r, const Scheduler **scheduler, Error *e) {
    char near[200];
    const char *name = r->sampler ? r->sampler : param_named("sampler")->text;
    const Sampler *s = sampler_parse(name, scheduler);
    if (!s) {
        sampler_suggest(name, near, sizeof near);
        error_set(e, ERR_ARGUMENT, "sampler: no '%.60s'; did you mean %s?", name, near);
        return NULL;
    }
    const Scheduler *named = r->scheduler ? scheduler_find(r->scheduler) : NULL;
    if (named && (named->fill || !*scheduler)) *scheduler = named; /* Automatic leaves a sampler's own words */
    if (r->scheduler && !named) {
        scheduler_suggest(r->scheduler, near, sizeof near);
        error_set(e, ERR_ARGUMENT, "scheduler: no '%.60s'; did you mean %s?", r->scheduler, near);
        return NULL;
    }
    return s;
}

/* --- which count --- */

bool param_has_owner(const Param *p, const SdRequest *r) {
    bool hires = request_hires(r);
    return (!p->of_image || r->image || (p->or_hires && hires)) && (!p->of_mask || r->mask) &&
           (!p->of_hires || hires) && (!p->of_extend || request_extends(r)) && (!p->of_tiles || request_tiles(r)) &&
           (!p->of_windows || r->tiled_diffusion != SD_TILED_NONE);
}

bool param_written(const Param *p, const SdRequest *r, const Sampler *s) {
    if (!p->key || !param_has_owner(p, r) || (p->counts && !p->counts(r, s))) return false;
    if (p->always) return true;
    if (p->type >= PARAM_SAMPLER) {
        const char *text = *(const char *const *)((const char *)r + p->at);
        return text && *text;
    }
    return param_number(p, r) != p->standard;
}
