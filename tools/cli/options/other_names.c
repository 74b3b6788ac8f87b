/* other_names.c: see other_names.h. Names are those of the command lines of stable-diffusion.cpp, CompVis' scripts,
 * kohya's gen_img, FastSD CPU and the webui, of diffusers' arguments, and of the webui's HTTP interface. */
#include "other_names.h"

#include <string.h>

/* In the order in which a command's options are looked for. */
static const struct {
    const char *theirs, *ours;
} NAMES[] = {
    {"ckpt", "model"},
    {"ckpt-path", "model"},
    {"checkpoint", "model"},
    {"model-id", "model"},
    {"model-path", "model"},
    {"pretrained-model-name-or-path", "model"},
    {"upscaler", "model"},
    {"upscale-model", "model"},
    {"upscaler-1", "model"},
    {"diffusion-model", "unet"},
    {"clip-l", "text-encoder"},
    {"clip-g", "text-encoder-2"},
    {"vae-path", "vae"},
    {"embd-dir", "embedding-dir"},
    {"embeddings-dir", "embedding-dir"},
    {"lora-model-dir", "lora-dir"},
    {"lora-path", "lora"},
    {"network-weights", "lora"},
    {"control-net", "control"},
    {"controlnet", "control"},
    {"control-image", "control"},
    {"negative-prompt", "negative"},
    {"uncond-prompt", "negative"},
    {"from-file", "prompts-from"},
    {"init-img", "image"},
    {"init-image", "image"},
    {"init-images", "image"},
    {"input", "image"},
    {"image-path", "image"},
    {"mask-image", "mask"},
    {"output", "out"},
    {"outdir", "out"},
    {"out-dir", "out"},
    {"output-dir", "out"},
    {"w", "width"},
    {"image-width", "width"},
    {"h", "height"},
    {"image-height", "height"},
    {"ddim-steps", "steps"},
    {"sample-steps", "steps"},
    {"inference-steps", "steps"},
    {"num-inference-steps", "steps"},
    {"scale", "cfg"},
    {"cfg-scale", "cfg"},
    {"guidance", "cfg"},
    {"guidance-scale", "cfg"},
    {"image-cfg-scale", "image-cfg"},
    {"img-cfg-scale", "image-cfg"},
    {"image-guidance-scale", "image-cfg"},
    {"sampling-method", "sampler"},
    {"sample-method", "sampler"},
    {"sampler-name", "sampler"},
    {"schedule", "scheduler"},
    {"scheduler-type", "scheduler"},
    {"ddim-eta", "eta"},
    {"denoising-strength", "strength"},
    {"denoise", "strength"},
    {"subseed", "variation-seed"},
    {"subseed-strength", "variation-strength"},
    {"n-samples", "batch-size"},
    {"num-images-per-prompt", "batch-size"},
    {"n-iter", "batch-count"},
    {"number-of-images", "batch-count"},
    {"images-per-prompt", "batch-count"},
    {"clip-stop-at-last-layers", "clip-skip"},
    {"hires", "hires-scale"},
    {"hires-fix", "hires-scale"},
    {"enable-hr", "hires-scale"},
    {"hr-scale", "hires-scale"},
    {"hr-upscaler", "hires-upscaler"},
    {"hr-second-pass-steps", "hires-steps"},
    {"refiner-checkpoint", "refiner"},
    {"refiner-switch-at", "refiner-switch"},
    {"inpainting-fill", "fill"},
    {"inpaint-full-res", "only-masked"},
    {"inpaint-full-res-padding", "mask-padding"},
    {"inpainting-mask-invert", "mask-invert"},
    {"lowvram", "memory-limit"},
    {"medvram", "memory-limit"},
    {"max-vram", "memory-limit"},
    {"vae-tiling", "memory-limit"},
    {"no-half", "precision"},
    {"dtype", "precision"},
};

/* Of letters whose case does not matter, and of '_', which stands for '-'. */
static char plain(char c) { return (char)(c == '_' ? '-' : c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c); }

const char *other_name(const char *given, size_t n) {
    given += strspn(given, "-");
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
        size_t k = 0;
        while (NAMES[i].theirs[k] && NAMES[i].theirs[k] == plain(given[k])) k++;
        if (!NAMES[i].theirs[k] && !given[k] && !n--) return NAMES[i].ours;
    }
    return NULL;
}
