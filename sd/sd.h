/* sd.h: the public interface of libsd. A program that makes a picture:
 *
 *     #include "sd/sd.h"
 *     int main(void) {
 *         Error e = {0};
 *         SdModel *model = sd_open("v1-5-pruned-emaonly.safetensors", NULL, &e);
 *         SdRequest request = sd_request(model);
 *         request.prompt = "a lovely cat", request.seed = 42;
 *         SdResult result = {0};
 *         bool ok = sd_txt2img(model, &request, &result, &e) && sd_save_png(&result.pictures[0], "cat.png", &e);
 *         return sd_free(&result), sd_close(model), ok ? 0 : (puts(e.text), 1);
 *     }
 *
 * Functions that can fail take an Error, which may be NULL; the first error sticks, and calls made with it set do
 * nothing and return false or NULL. A NULL model, request, result or file name is an ERR_ARGUMENT unless its meaning
 * is stated; sd_close, sd_free and sd_device take NULL. A call that fails leaves its result empty, and the model
 * ready for the next one. A model serves one call at a time, as its model or as its refiner; several models are
 * independent. */
#ifndef SD_SD_H
#define SD_SD_H

#include "../tensor/error.h"

#include <stddef.h>
#include <stdint.h>

typedef struct SdModel SdModel;
typedef struct SdControlNet SdControlNet;

typedef enum {
    SD_F32,        /* f32, with Winograd's fast convolutions: U-Net output within 1e-4 (relative RMS) of float64 */
    SD_F32_DIRECT, /* f32, as exact as PyTorch's f32; slower */
    SD_MIXED,      /* linear layers and attention in products of bf16 with sums in f32, the rest as in f32; f32 on a
                      processor without instructions for that (sd_has_mixed tells); on a GPU SD_F16 */
    SD_F16,        /* GPUs only: numbers of 16 bits between operations, sums in f32 */
    SD_BF16,       /* likewise */
} SdPrecision;

/* What the U-Net predicts: as the model's files say, or, where they do not (SD 2.x in a single file), as its output on
 * a constant input tells; or what the caller knows better. */
typedef enum { SD_PREDICTION_MODEL, SD_PREDICTION_EPS, SD_PREDICTION_V, SD_PREDICTION_X0 } SdPrediction;

enum { SD_MOST_THREADS = 1024 };

typedef struct {
    int threads;         /* ..SD_MOST_THREADS; 0: as many as the process may use */
    size_t memory_limit; /* bytes that the process may have in memory at once (on a GPU: of its memory); 0: no limit
                            but the machine's */
    SdPrecision precision;
    SdPrediction prediction;
    bool ema;   /* the U-Net's moving averages (model_ema.*) in place of its weights; an error without them */
    bool exact; /* insist on the same bits as on every other machine, which f32 and f32-direct have wherever the
                 * processor has fma (sd_exact tells): without fma it is emulated, several times slower; other
                 * precisions and OpenBLAS are refused */
    /* Files that bring a part of the model in place of its own, or where it has none: single files of any layout, or
     * folders. NULL: the model's own. */
    const char *vae;
    const char *text_encoder, *text_encoder_2; /* the second is SDXL's */
    const char *unet;
    /* A folder of embeddings (textual inversion) that prompts may name, or one file; NULL: none (sd_embedding) */
    const char *embedding_dir;
    const char *taesd;  /* a TAESD or TAESDXL beside the VAE: its decoder, its encoder, or a file or folder with both */
    const char *device; /* "cpu", "cuda", "cuda:1", "cuda:0,1" (shares a batch out), "auto"; NULL: "cpu" */
} SdOptions;

/* Version of the specification of bits (ARCHITECTURE.md, "The same bits") that pictures carry in their text as
 * `Exact: N` where the model keeps it. */
enum { SD_EXACT_VERSION = 1 };

bool sd_has_mixed(void); /* whether this processor has the instructions that SD_MIXED is for */

/* Opens a checkpoint: a single file (safetensors or PyTorch's; the original layout, or made by `sdc convert`) or a
 * diffusers folder. path NULL: the model that is built in (ERR_ARGUMENT where there is none; sd_builtin says so). Reads
 * headers only; weights are loaded when they are first needed (but see SdPrediction). options may be NULL.
 *
 * The file stays mapped until sd_close. Replacing it by rename is safe; if it is cut, or its disk fails, touching what
 * is gone ends the process by SIGBUS, as with any mapped file. libsd installs no signal handlers (sdc does, and ends
 * with a line): a program that cannot rule this out handles SIGBUS itself, or reads the file and calls sd_open_memory.
 */
SdModel *sd_open(const char *path, const SdOptions *options, Error *e);
/* The same for a file in memory, which must outlive the model; name is what messages call it, or NULL. */
SdModel *sd_open_memory(const char *name, const void *bytes, size_t size, const SdOptions *options, Error *e);
bool sd_builtin(void);
void sd_close(SdModel *m);
/* Opens a ControlNet, to draw with this model and on its device (SdRequest.controls): a file of the original names
 * (control_model.*, or without that) or of diffusers', or diffusers' folder; also a ControlNet Union, whose hints say
 * their kind (SdControl.kind), a ControlLoRA, a T2I-Adapter. ERR_FORMAT, with both names, where it is
 * of another family. Close it before the model. Several models, several ControlNets: each is of one model and serves
 * one call at a time. */
SdControlNet *sd_open_control(const char *path, const SdModel *model, Error *e);
/* The same of an IP-Adapter (base, plus or full, of SD 1.x or SDXL), which draws by a picture in place of words:
 * `vision` is CLIP's vision encoder in Hugging Face's names, a file or a folder (image_encoder). It looks at pictures
 * on the CPU.
 */
SdControlNet *sd_open_ip_adapter(const char *path, const char *vision, const SdModel *model, Error *e);
/* How many kinds of hints it takes (SdHintKind, from the first on): of a ControlNet Union 6 or more; 0 of others. */
int sd_control_kinds(const SdControlNet *c);
void sd_close_control(SdControlNet *c); /* NULL is fine */
/* Whether what this model computes has the same bits on every machine; false for NULL. */
bool sd_exact(const SdModel *model);
/* What computes: "cpu", or "cuda:0 (NVIDIA H100)", the first of several. Where "auto" found a GPU that does not serve:
 * "cpu; cuda:0 (NVIDIA ...): " and the reason. "" for NULL. */
const char *sd_device(const SdModel *m);

/* What the model's configurations say and pictures do not follow: the sampler's settings of a diffusers folder, since
 * the request chooses the sampler, and tokens that were added. "" or a list; "" for no model. */
const char *sd_unused(const SdModel *m);

/* An embedding of SdOptions.embedding_dir: where a prompt has its name, its vectors stand in place of the name's
 * tokens, as in the webui. Strings last until sd_close. */
typedef struct {
    const char *name, *path;
    int vectors;         /* 1..75; 0: skipped */
    const char *skipped; /* why prompts cannot name it: it cannot be read, its vectors are of another width than the
                            model's, another file has the name; NULL: they can */
} SdEmbedding;
/* Of those that are skipped the first from number `from` on whose name the text has, so that it draws the letters of
 * the name; -1: none. */
int sd_embedding_missed(const SdModel *m, const char *text, int from);
/* Number i, 0..; false past the last, and for no model. */
bool sd_embedding(const SdModel *m, int i, SdEmbedding *out);

/* What weights such as (x:1.2) do; the webui's modes. */
typedef enum {
    SD_EMPHASIS_ORIGINAL, /* states are multiplied, then their mean is restored */
    SD_EMPHASIS_NO_NORM,  /* states are multiplied */
    SD_EMPHASIS_IGNORE,   /* brackets are read, but every weight is 1 */
    SD_EMPHASIS_NONE,     /* brackets, backslashes and BREAK are text (prompt schedules still work) */
} SdEmphasis;

/* What `#` begins in a prompt: a comment to the line's end, which is taken out before anything else, or nothing. */
typedef enum { SD_COMMENTS_STRIP, SD_COMMENTS_KEEP } SdComments;

/* What a prompt may hold for a picture: chunks of 75 tokens, of all the texts that it switches between; prompts that
 * AND joins. More is refused: every chunk is keys of every cross-attention, every prompt another call of the U-Net. */
enum { SD_PROMPT_CHUNKS = 1024, SD_PROMPT_BRANCHES = 64 };

typedef enum { SD_RNG_NV, SD_RNG_CPU } SdRng; /* noise of an NVIDIA GPU, of torch's CPU generator */

typedef enum { SD_STAGE_TEXT, SD_STAGE_ENCODE, SD_STAGE_SAMPLE, SD_STAGE_DECODE } SdStage;

typedef struct {
    int picture, pictures; /* 0 of 1: batch-size pictures are made at once; with SD upscale, batches of tiles done, of
                              all */
    int step, steps;       /* steps done; 0: sampling begins now */
    double seconds;        /* since sampling began */
    SdStage stage;
} SdProgress;

/* How a picture is brought to another size; the webui's modes: stretch it; cover the size and cut off what is too much
 * on both sides; fit into the size and fill the rest by continuing the edges. For img2img's picture also: encode it in
 * its own size, and stretch its latents, bilinearly. */
typedef enum { SD_RESIZE_STRETCH, SD_RESIZE_CROP, SD_RESIZE_FILL, SD_RESIZE_LATENT } SdResize;

/* How many of n steps a strength s runs: the webui's int(s n) + 1, diffusers' int(s n), or all n of a schedule of n / s
 * (the webui's "do exactly the amount of steps the slider specifies"). */
typedef enum { SD_STEPS_WEBUI, SD_STEPS_DIFFUSERS, SD_STEPS_EXACT } SdSteps;

/* What stands between pictures and latents: the VAE, or the TAESD that was opened with the model. */
typedef enum { SD_VAE_FULL, SD_VAE_TAESD } SdVae;

/* How previews are decoded: by the VAE; by the TAESD; or as the webui's cheap approximation does, a colour for each
 * latent, in a picture of a latent's size. */
typedef enum { SD_PREVIEW_FULL, SD_PREVIEW_TAESD, SD_PREVIEW_APPROX } SdPreview;

/* What img2img begins from: a sample of the VAE encoder's distribution, or its mean. */
typedef enum { SD_ENCODE_SAMPLE, SD_ENCODE_MEAN } SdEncode;

/* A file that changes the model for a call: a LoRA or one of its kin. */
typedef struct {
    const char *path;  /* safetensors or PyTorch's */
    double text, unet; /* what its changes of the text encoders and of the U-Net are multiplied by; -100..100 */
    int rank;          /* only the first so many of its ranks count (LoRA); 0: all */
} SdNetwork;
enum { SD_MOST_NETWORKS = 256 };

/* How changes are added up: in f32, and rounded once to what the model holds; or rounded to that wherever the webui
 * rounds: files' numbers, products, and sums after each network. */
typedef enum { SD_APPLY_EXACT, SD_APPLY_WEBUI } SdApply;

/* What the part that a mask repaints begins with: the colours around it; what the picture has there; latents of noise;
 * latents of zeros; of what a picture is extended by, noise with the picture's spectrum. */
typedef enum { SD_FILL_FILL, SD_FILL_ORIGINAL, SD_FILL_NOISE, SD_FILL_NOTHING, SD_FILL_SPECTRUM } SdFill;

/* What is made of a picture before a ControlNet is shown it: nothing (it is a map already: a pose, a depth), edges,
 * its negative, nothing again (for tiles), white lines on black from dark ones on a light ground, its lightness, the
 * picture with what a mask repaints of it unknown: -1, or black to a ControlNet Union. */
typedef enum {
    SD_HINT_NONE,
    SD_HINT_CANNY,
    SD_HINT_INVERT,
    SD_HINT_TILE,
    SD_HINT_SCRIBBLE,
    SD_HINT_LUMINANCE,
    SD_HINT_INPAINT,
} SdHint;

/* What a ControlNet counts beside the prompt: as much; less, the less the nearer to the picture (0.825^n); the same,
 * and nothing beside the negative prompt. In hires fix' second pass canny's hints always count so much less, as in the
 * webui's extension. */
typedef enum { SD_CONTROL_BALANCED, SD_CONTROL_PROMPT, SD_CONTROL_MORE } SdControlMode;

/* What a hint shows, which a ControlNet Union must be told: the skeleton of a pose; depth; soft edges and scribbles;
 * hard ones (canny, line art, straight lines); normals; segments; of ProMax also a small picture, and one to repaint.
 * UNSAID: as `hint` makes it. */
typedef enum {
    SD_KIND_UNSAID,
    SD_KIND_POSE,
    SD_KIND_DEPTH,
    SD_KIND_SOFT_EDGES,
    SD_KIND_LINES,
    SD_KIND_NORMALS,
    SD_KIND_SEGMENTS,
    SD_KIND_TILE,
    SD_KIND_INPAINT,
} SdHintKind;

enum { SD_MOST_CONTROLS = 16 };

/* How the U-Net draws latents that are larger than its windows: as one; by windows that count evenly; by windows that
 * count less near their edges. */
typedef enum { SD_TILED_NONE, SD_TILED_MULTIDIFFUSION, SD_TILED_MIXTURE } SdTiled;

/* With an IP-Adapter, `image` is what the picture is to be like: no hint is made of it (SD_HINT_NONE), it is cut to a
 * square (SD_RESIZE_CROP), and it is balanced. One IP-Adapter may stand in several, each with a picture of its own. */
typedef struct {
    SdControlNet *net;    /* of the model of the call */
    const uint8_t *image; /* [height][width][3], 16 megapixels at most; resized to the picture's size as `resize` */
    int width, height;    /* says, then made into a hint. With only_masked, resized to the image's and cut as that is */
    const uint8_t *mask;  /* SD_HINT_INPAINT: [height][width] of `image`. Both NULL: the request's image and mask */
    SdResize resize;      /* SD_RESIZE_CROP in the webui */
    SdHint hint;
    double low, high;  /* canny's thresholds, 1..255; luminance: gamma 0.1..2 in `low`; 0: 100, 200; 1. Else 0 */
    double weight;     /* 0..2; 1 */
    double start, end; /* 0..1: the part of the steps in which it counts, as the webui counts them; 0, 1 */
    SdControlMode mode;
    SdHintKind kind; /* of the hint, for a ControlNet Union */
} SdControl;

/* A word of the prompt: what a space or a change between letters, digits and signs parts, or an embedding. */
typedef struct {
    const char *text; /* in lower case; an embedding's name */
    int prompt;       /* which of those that AND joins, from 0 */
    int again;        /* how often it stands before this one in that prompt */
} SdWord;

/* How much of each place's attention a word drew, the mean of its tokens, 0..1: [pictures][words][height][width]. */
typedef struct {
    const char
        *name; /* diffusers': "down_blocks.0.attentions.0.transformer_blocks.0", the refiner's after "refiner." */
    int width, height;
    const float *values;
} SdAttentionLayer;

/* DAAM (Tang et al., 2022): the mean of each cross attention over its heads, and over the U-Net's calls whose text has
 * the word (of the prompt, with hires fix of the second drawing); and `all`, of the latents' size: the mean of these
 * over all layers but the middle's, each enlarged (bicubic) and cut at 0. */
typedef struct {
    int pictures, word_count, layer_count;
    const SdWord *words; /* in the order of the prompts; of those that switch, each of their texts' words once */
    const SdAttentionLayer *layers;
    SdAttentionLayer all;
} SdAttention;

/* Which edges of a picture meet, so that copies of it can be laid side by side: left and right, top and bottom. */
typedef enum { SD_TILING_NONE, SD_TILING_X, SD_TILING_Y, SD_TILING_BOTH } SdTiling;

typedef struct {
    uint8_t *rgb; /* [height][width][3] */
    int width, height;
    int64_t seed;
    char *parameters; /* the text that A1111's webui writes into its PNG files */
} SdPicture;

/* What a picture is to be. The table in sd/info/params.c has every setting's range, default and option, and is what
 * messages are made from; begin with sd_request's defaults (zeros are refused by name, not taken as defaults). A
 * default outside its range (-1 or 0) means "not set". Strings end with NUL and are only read during a call; prompts
 * are UTF-8. */
typedef struct {
    const char *prompt, *negative;           /* at most 1 MiB each, and SD_PROMPT_CHUNKS; NULL is "" */
    int width, height;                       /* pixels, multiples of 8; 16 megapixels at most */
    int steps;                               /* 1..1000 */
    double cfg;                              /* guidance scale; 1: the negative prompt is not evaluated, nor from 0
                                                on with few-step models, nor by U-Nets that are told it (LCM) */
    const char *sampler;                     /* a name of `sdc samplers`; NULL: "Euler a" */
    const char *scheduler;                   /* the webui's "Schedule type", of `sdc schedulers`; NULL: Automatic */
    double eta;                              /* -1: the sampler's own. These count where the sampler has them: */
    double s_churn, s_tmin, s_tmax, s_noise; /* 0, 0, 0 (no end), 1 */
    double sigma_min, sigma_max;             /* of schedule types that have them, min below max; 0: the model's */
    double rho;                              /* likewise; 0: the type's */
    bool discard_next_to_last;
    SdEmphasis emphasis;
    SdComments comments;
    int64_t seed;              /* of the first picture, the next ones count up, but not with a variation; -1: random */
    int64_t variation_seed;    /* -1: random; counts up like the seed */
    double variation_strength; /* 0..1: how much of the variation seed's noise is mixed in */
    int seed_width, seed_height; /* pixels, 16 megapixels at most: noise as of a picture of that size; 0, 0: none */
    int64_t ensd;                /* eta noise seed delta */
    int batch_size;              /* pictures made at once; with sd_upscale tiles of one picture */
    int clip_skip;               /* 1: the last layer. Counts with SD 1.x, */
    bool sdxl_clip_l_skip;       /* and then with SDXL's first encoder, too */
    SdRng rng;

    /* SDXL is told the sizes that a picture had in training, in pixels */
    int original_width, original_height; /* before it was scaled; 0: width, height */
    int crop_top, crop_left;             /* what was cut off; 0 */
    int target_width, target_height;     /* of the picture; 0: width, height */
    double aesthetic_score,
        negative_aesthetic_score; /* its refiner, in place of the target: 6; 2.5 beside the negative */

    /* A second model that takes over from the first when `refiner_switch` of the way is done, from 0 (it draws all) to
     * 1 (nothing): its texts, U-Net and VAE in place of the first one's, whose noise schedule and sampler go on. Opened
     * for the same device and precision, with latents of the same kind; not the model of the call itself, which would
     * have to be two at once. It serves this call only while the call lasts. The first one's memory limit counts. */
    SdModel *refiner;      /* NULL: none */
    double refiner_switch; /* 0.8; how much is done is 0 at time 999 and 0.999 at time 0, */
    bool refiner_by_steps; /* or the share of denoiser calls, as the webui counted before 1.8 */

    /* img2img: start from a picture instead of noise alone */
    const uint8_t *image;          /* [image_height][image_width][3], 16 megapixels at most, or NULL: from noise */
    int image_width, image_height; /* resized to width x height as `resize` says */
    SdResize resize;
    double strength; /* 0..1: how much of the schedule is run again */
    SdSteps strength_steps;
    double noise_multiplier; /* 0..10: of the noise that it begins with; 1 */
    double extra_noise;      /* 0..1: of it once more, beside what the schedule adds; 0 */
    SdEncode encode;
    SdVae vae_encoder;

    /* Inpainting: img2img that repaints a part. Where the mask, blurred, is 0, the result has the picture's very bytes
     * (of the picture at the request's size; with only_masked, of the picture as it is, whose size the result has). */
    const uint8_t *mask; /* [mask_height][mask_width], 0 keeps .. 255 repaints; NULL: no mask, and the rest is unset */
    int mask_width, mask_height;  /* with only_masked the image's; else any, resized as `resize` says */
    int mask_blur;                /* 0..64: sigma of the mask's blur in pixels; 4 */
    int mask_blur_x, mask_blur_y; /* likewise across and down; -1: mask_blur */
    bool mask_invert;             /* what the mask says to keep is repainted */
    SdFill fill;                  /* SD_FILL_ORIGINAL */
    bool only_masked;             /* draw what the mask repaints and mask_padding around it, at the request's size */
    int mask_padding;             /* pixels, 32 */
    bool soft;                    /* grey parts of the mask are mixed, and pixels that changed little are kept */
    double soft_bias;             /* 0..8: how early; 1 */
    double soft_preservation;     /* 0..8: how strongly what the picture has is kept; 0.5 */
    double soft_boost;            /* 1..32: contrast of what is mixed; 4 */
    double soft_mask_influence;   /* 0..1: of the mask on which pixels are kept; 0 */
    double soft_threshold;        /* 0..8: the change at which half of a pixel is kept; 0.5 */
    double soft_contrast;         /* 0..8: how sharp that is; 2 */

    bool color_correction; /* img2img: colours are brought to the distribution that the picture's have */

    /* Outpainting: img2img of a picture that goes on beyond its sides, which counts without a mask. Its finished size
     * is sd_finished_size's: a direction that is extended reaches a multiple of 64. width and height are those of a
     * window: where they are less than that, the picture is drawn window by window (sd_start_size has them for one). */
    int extend_left, extend_top, extend_right, extend_bottom; /* 0..4096 pixels; 0, 0, 0, 0: none */
    SdFill extend_fill;    /* SD_FILL_FILL, _ORIGINAL (black), _NOISE, _NOTHING: tiles that overlap, of seeds that count
                            * up (the webui's "Poor man's outpainting"); _SPECTRUM: one side after the other, from noise
                            * with the picture's spectrum ("Outpainting mk2") */
    int extend_blur;       /* 0..64: how far into the picture is repainted; -1: 4, or 8 with the spectrum */
    double extend_falloff; /* 0..4: exponent of the spectrum; lower has more detail; 1 */
    double extend_color;   /* 0..1: how little of its noise is grey; 0.05 */

    /* Models that are shown a picture beside the latents */
    double mask_weight; /* inpainting models: 0..1: how much the mask hides of the picture that they are shown; 1 */
    double image_cfg;   /* instruct-pix2pix: 0..1000: how closely to follow the picture; -1: 1.5 */
    int noise_level; /* the x4 upscaler, which draws from noise beside the image brought to a quarter of width x height:
                      * 0..350: how much noise it is shown over that; more: it invents more; -1: 20 */

    SdTiling tiling; /* no convolution sees an edge there; the VAE is not made strip by strip then */

    SdVae vae_decoder; /* this and vae_encoder: the TAESD's half where there is one */

    /* Networks on top of the model, and of a refiner of its family, in this order, and after them those that the prompt
     * names. Kept with request.keep until a call asks for others. One that fits nothing, or another family, is refused;
     * what else of it has no place, sd_network tells. */
    const SdNetwork *networks;
    int network_count; /* ..SD_MOST_NETWORKS, with the prompt's */
    SdApply network_apply;
    bool network_strict;  /* anything of them without a place in the model is an error, too */
    const char *lora_dir; /* where files of the prompt's <lora:NAME:...> are, and in the folders in it; NULL: in Lora,
                             loras or lora beside the model's file or beside its folder */
    const char *network_hashes; /* "NAME: HASH, ...", as pictures say it: where the prompt has one of these names, the
                                   file with the hash is meant, whatever it is called; NULL: none */

    /* ControlNets, whose weights are in memory beside the U-Net's; the refiner draws without them */
    const SdControl *controls; /* [control_count] */
    int control_count;         /* 0..SD_MOST_CONTROLS */
    /* Hires fix, in txt2img: the picture is drawn at width x height, enlarged, and drawn again at that size, from
     * `strength` of the schedule on. The refiner takes part in the second drawing alone, as in the webui. */
    double hires_scale;            /* times as wide and high; 0: none, or by the size */
    int hires_width, hires_height; /* or this size, of which one may be 0: as the other has it; both: what is too much
                                      is cut off */
    const char *hires_upscaler;    /* "Latent", "Latent (antialiased)", "Latent (bicubic)", "Latent (bicubic
                                      antialiased)", "Latent (nearest)", "Latent (nearest-exact)", "Lanczos", "Nearest",
                                      "None" (Lanczos, once); else what texts call `upscaler`. NULL: "Latent" */
    struct SdUpscaler *upscaler;   /* NULL with one of these words, or those of sd_upscale_upscaler; it serves this call
                                      only while the call lasts */
    int hires_steps;               /* of the second drawing, all of which are run; 0: as many as of the first */
    const char *hires_sampler, *hires_scheduler, *hires_prompt, *hires_negative; /* NULL, "": those of the first */
    double hires_cfg;                                                            /* -1: likewise */
    SdModel
        *hires_model; /* draws the second time and decodes that, with the same texts; of the same latents where those
                       * are enlarged. With a memory limit one of the two has its weights in memory. NULL: the first */

    /* Tiled diffusion: where the latents are larger than a window of tile_width x tile_height latents, the U-Net is
     * given overlapping windows of them, and its answers are averaged. */
    SdTiled tiled_diffusion;
    int tile_width, tile_height; /* 16..512 latents, of 8 pixels a side; 96 */
    int tile_overlap;            /* 0..256 latents, at most 4 less than a window's sides; 48 */
    int tile_batch;              /* windows at once, 1..64: the same bits; 1 */

    /* SD upscale, in img2img: the picture is enlarged, to sides that are multiples of 8, drawn again in tiles of width
     * x height (or its own side, if that is smaller), batch_size at once, and these are joined to one picture. Batch i
     * has the seeds from seed + i on, as in the webui. A mask repaints the enlarged picture's part under it, in the
     * tiles that it touches, and the rest has the enlarged picture's very bytes. ControlNets see a tile's part of their
     * picture. Neither with only_masked nor files of noise. */
    double sd_upscale;               /* times as wide and high; 0: no */
    int sd_upscale_overlap;          /* by how many pixels tiles overlap, 0..256; 64 */
    const char *sd_upscale_upscaler; /* "Lanczos", "Nearest", "None" (it is as large as it should be, scale 1); else
                                        what texts call `upscaler`. NULL: "Lanczos" */

    const char *taps; /* a safetensors file to write named activations to, or NULL; names of files are not empty. Of
                         hires fix, the second drawing's names begin with "hires."; of SD upscale batch i's with
                         "tilesI.", of an extension part i's, over all pictures, with "partI." */
    const char *tap;  /* glob that their names must match (* and ?); NULL: all */
    /* Every such activation once it is computed, in torch's layout: values[n[0]]...[n[nd - 1]], which last for the
     * call; false: stop with ERR_CANCELLED. With or without a file. NULL: not wanted. */
    bool (*activation)(void *user, const char *name, int nd, const int64_t *n, const float *values);
    /* Where the prompt's words drew attention, once all is sampled; all of it lasts for the call; false: stop. The
     * pictures are the same. Not with only_masked, nor on several GPUs. NULL: not wanted, and nothing is computed. */
    bool (*attention)(void *user, const SdAttention *maps);
    const char *noise; /* a safetensors file whose tensor "noise" replaces the seed's, or NULL */
    bool keep;         /* keep every part's weights, and activations' memory, for the next call */
    bool (*progress)(void *user, const SdProgress *p); /* false: stop with ERR_CANCELLED; may be NULL */
    /* The clean picture as predicted after each step, of every picture of the batch; false: stop. NULL: not wanted. */
    bool (*preview)(void *user, const SdPicture *p, int step, int steps);
    SdPreview preview_by;
    void *user;
} SdRequest;

/* The defaults: Euler a, 20 steps, CFG 7, 512x512, or what the model's files say (SdInfo.settings); seed -1; one
 * picture. m may be NULL; names of samplers that are the model's last until sd_close. */
SdRequest sd_request(const SdModel *m);
/* The size of the pictures that a request makes: with hires fix, SD upscale, an extension, or a mask of which only a
 * part is drawn, another than width x height. */
void sd_finished_size(const SdRequest *r, int *width, int *height);
/* The width and height that img2img draws unless others are asked for: the image's, rounded down to multiples of 8, or
 * all of the extended picture, rounded up; what the x4 upscaler makes of the image is four times as large. m NULL: any
 * other model. */
void sd_start_size(const SdModel *m, const SdRequest *r, int *width, int *height);
/* What a request says that has no effect with this model: a line that names the setting, or "". */
const char *sd_ignored(const SdModel *m, const SdRequest *r);
/* A seed as the webui draws one for -1, 0..2^32 - 3: for a caller that counts on from it over several calls. */
int64_t sd_random_seed(void);

typedef struct {
    SdPicture *pictures;
    int count;
    double text_seconds, sample_seconds, decode_seconds;
} SdResult;

/* Pictures for a request. sd_img2img does the same but requires request.image; sd_txt2img refuses it. */
bool sd_txt2img(SdModel *m, const SdRequest *r, SdResult *out, Error *e);
bool sd_img2img(SdModel *m, const SdRequest *r, SdResult *out, Error *e);
/* Writes the latents of r's image, at r's size, to a safetensors file: its tensor "latents"
 * [batch_size][channels][height / 8][width / 8], as the U-Net has them. Of r count besides: resize, encode,
 * vae_encoder, seed, rng, batch_size. */
bool sd_encode(SdModel *m, const SdRequest *r, const char *path, Error *e);
/* The pictures of such a file, or of ComfyUI's latents, of whose size they are; without parameters. Of r counts
 * vae_decoder. */
bool sd_decode(SdModel *m, const SdRequest *r, const char *path, SdResult *out, Error *e);
void sd_free(SdResult *r); /* and empties it: it may be called again */
/* The first of r's settings, by its name ("image-cfg"), that is not at its default and that this model has no use for:
 * drawing refuses it. NULL: none. */
const char *sd_unfollowed(const SdModel *m, const SdRequest *r);
/* The text (SdPicture.parameters) that the first picture of a request with a seed will carry, without drawing it, for
 * free(): files that it names are read for their hashes. A refiner is taken to have its part. */
bool sd_parameters(SdModel *m, const SdRequest *r, char **text, Error *e);
/* PNG with the parameters in a text chunk; appears under its name only when complete. */
bool sd_save_png(const SdPicture *p, const char *path, Error *e);

/* What a request will take, exactly, without computing anything. */
typedef struct {
    size_t weights;                                            /* bytes of the largest set of parts in memory at once */
    size_t activations;                                        /* peak bytes of the arena */
    size_t text_peak, encode_peak, unet_peak, decode_peak;     /* the arena's peak in each stage */
    double text_flops, encode_flops, step_flops, decode_flops; /* 2 per multiply-add; one step */
    size_t lasting; /* the share of every peak that stays allocated between stages: texts' states, keys, values */
    size_t process; /* the most that the whole process has in memory, what memory_limit bounds */
    size_t least;   /* and what it would have if it were to fit the smallest limit */
    /* How it fits the limit. The pictures are the same. */
    int unet_pictures; /* pictures and halves of guidance in one U-Net call: all, or fewer */
    int vae_strips;    /* levels of the VAE's decoder that are made strip by strip */
    bool streamed;     /* some part's weights are read from the file whenever they are needed, */
    size_t read_ahead; /* and the most bytes of them that a thread has in memory before that, counted in `process` */
} SdPlan;
bool sd_plan(SdModel *m, const SdRequest *r, SdPlan *out, Error *e);

/* What a checkpoint is; or a U-Net, VAE, text encoder or TAESD alone or an embedding, which has width 0: `family` says
 * which, `variant` whose it may be. */
typedef struct {
    char family[24]; /* "SD 1.x" */
    char layout[24]; /* "single file", "converted", "diffusers" */
    char format[48]; /* of its files: "safetensors", "PyTorch zip", "PyTorch before 1.6" */
    char dtype[96];  /* "F16", or "F16, F32" where types are mixed */
    int64_t tensors, used, ignored, missing;
    int64_t parameters; /* of the tensors that are used */
    int64_t unet_parameters, vae_parameters, text_parameters;
    size_t bytes;                    /* of all files */
    int width, height;               /* default size, */
    char sampler[24], scheduler[24]; /* sampler, schedule type, */
    int steps;
    double cfg;          /* steps and guidance; */
    char settings[120];  /* the file or key that says so; "": they are the program's */
    char prediction[8];  /* "eps", "v", */
    char decided[80];    /* and the file or key that says so; "" where nothing does */
    char variant[24];    /* of the family: "base", "refiner", "inpainting", "768-v"; "" where there is one only */
    char encoders[160];  /* the text encoders */
    char embedding[160]; /* an embedding's vectors, its training's name and step: "3 vectors of 768, \"style\", step
                            500" */
    char lacks[64];      /* what the model can do without: "the VAE's encoder"; or "" */
    char besides[400];   /* what the ignored tensors are */
    char hash[65];       /* sha256 of a single file, "" for a folder */
    char unused[400];    /* what sd_unused says */
    char unknown[400];   /* keys of a folder's configurations that neither diffusers nor this version knows */
} SdInfo;
/* path NULL: the model that is built in. Reads headers; with `hash`, also the whole file, unless its hash is in the
 * user's cache directory. */
bool sd_info(const char *path, bool hash, SdInfo *out, Error *e);

typedef struct {
    const char *dtype;  /* "f32", "f16", "bf16", "q8_0" (FORMAT.md); NULL: each tensor's own */
    const char *layout; /* NULL: one file in compute order, which opens fastest (FORMAT.md); "single": one in torch's
                           order with the original names, for other programs; "diffusers": a folder, new or empty */
    const char
        *format; /* "safetensors" or NULL; "gguf": GGUF 3, always as "single", as stable-diffusion.cpp reads it */
    bool ema;    /* the U-Net's moving averages (SdOptions.ema) */
    bool clamp;  /* a weight beyond the type's range becomes the type's largest number; else it is an error */
} SdConvert;
typedef struct {
    int64_t clamped;    /* weights that were too large */
    int64_t not_finite; /* weights that are infinite or NaN; they are kept (an infinity in a tensor that is clamped is
                           clamped, too), but draw no picture */
    char tensor[200];   /* the first tensor that has such */
} SdConverted;
/* Writes the model (in NULL: the one that is built in) in another layout, as safetensors. how and done may be NULL.
 * ERR_FORMAT, with the tensor and the number, for a weight that the type cannot hold. */
bool sd_convert(const char *in, const char *out, const SdConvert *how, SdConverted *done, Error *e);

/* What a network's file is, and what of it finds its place in a model. */
typedef struct {
    char kind[48];            /* "LoRA", "LoHa", "DoRA (LoRA)", or several: "LoRA, full" */
    char family[24];          /* "SDXL", as the file says or its shapes tell; "" where neither does */
    char name[128];           /* ss_output_name of its metadata, or "" */
    int rank, rank_to;        /* the smallest and the largest; 0, 0: of kinds without */
    double alpha, alpha_to;   /* likewise, of modules that say one; NAN: none does */
    int64_t modules, matched; /* those in the file; those of them that the model has */
    int64_t text_modules;     /* of `matched`, the text encoders' */
    int64_t unmatched;        /* modules that the model lacks, and keys that are of no known kind, */
    char names[512];          /* the first few of them */
    int64_t embeddings;       /* keys of embeddings that it brings along */
} SdNetworkReport;
/* Reads the file's keys. m NULL: matched and the like stay 0. Errors as for a request with this network. */
bool sd_network(const SdModel *m, const char *path, SdNetworkReport *out, Error *e);

/* The networks that a call adds: the request's, then those of the tags of its prompt and of hires fix's, whose files
 * are looked for as the call does. Errors as for the call. sd_networks_free where it is true. */
typedef struct {
    const SdNetwork *at;
    int count;
    const char *ignored; /* the first thing in tags that means nothing, as a sentence; NULL: nothing */
    void *list;          /* owns them */
} SdNetworks;
bool sd_networks(const SdModel *m, const SdRequest *r, SdNetworks *out, Error *e);
void sd_networks_free(SdNetworks *n);

/* --- upscaling --- */

/* A network that enlarges pictures: RRDBNet (ESRGAN, BSRGAN, Real-ESRGAN; any number of blocks) or SRVGGNetCompact
 * (realesr-general, realesr-animevideo), of a safetensors or PyTorch file under any of their names. */
typedef struct SdUpscaler SdUpscaler;

/* Whether a file or folder is no such network but Stable Diffusion's x4 upscaler, which sd_open and sd_img2img take;
 * false for what cannot be opened, too. Only headers are read. */
bool sd_is_x4_upscaler(const char *path);
/* As sd_open; of the options, what names parts of a model and what it predicts do not count. */
SdUpscaler *sd_upscaler_open(const char *path, const SdOptions *options, Error *e);
void sd_upscaler_close(SdUpscaler *u);
int sd_upscaler_scale(const SdUpscaler *u); /* 1, 2, 4, ...; 0 for NULL */
/* "RRDBNet, 64 wide, 23 blocks" */
void sd_upscaler_kind(const SdUpscaler *u, char *out, size_t size);
/* What computes, as sd_device. */
const char *sd_upscaler_device(const SdUpscaler *u);

/* The filters of Pillow's resize. */
typedef enum { SD_FILTER_NEAREST, SD_FILTER_BILINEAR, SD_FILTER_BICUBIC, SD_FILTER_LANCZOS } SdFilter;

/* A picture to enlarge; begin with sd_upscale_defaults. */
typedef struct {
    const uint8_t *rgb; /* [height][width][3] */
    int width, height;
    /* Of the result; 0, 0: the network's scale. Else, as in the webui, the network runs until neither side is smaller,
     * three times at most, and Lanczos does the rest. */
    int to_width, to_height;
    int tile; /* rows of the picture that are worked on at once, at most, 24..4096: the same bits for any. Fewer where
                 memory is short; and where even that takes too much, squares of this many pixels a side, which are
                 joined by blending `overlap` pixels: not the same bits then */
    int overlap;                                    /* 0..tile - 1 */
    bool whole;                                     /* never of squares: the same bits, or ERR_MEMORY */
    bool bgr;                                       /* give the network blue, green, red, as the webui does */
    bool (*progress)(void *user, int done, int of); /* false: stop with ERR_CANCELLED; may be NULL */
    void *user;
} SdUpscale;
SdUpscale sd_upscale_defaults(void);

typedef struct {
    SdPicture picture; /* of malloc'ed rgb, without parameters */
    size_t process;    /* the most that the process was planned to have in memory */
    int tiles;         /* that were joined by blending; 0: none, the picture was made as one */
} SdUpscaled;
/* ERR_MEMORY before it starts where the memory limit does not allow it. u NULL: by a filter alone, which needs the
 * result's size. */
bool sd_upscale(SdUpscaler *u, const SdUpscale *how, SdFilter filter, SdUpscaled *out, Error *e);

/* How models are merged; the webui's checkpoint merger. */
typedef enum {
    SD_MERGE_WEIGHTED,       /* (1 - ratio) A + ratio B */
    SD_MERGE_ADD_DIFFERENCE, /* A + ratio (B - C) */
    SD_MERGE_NONE,           /* A, for baking in a VAE, discarding and halving */
} SdMergeMode;
typedef struct {
    SdMergeMode mode;
    double ratio;              /* 0..1 */
    bool half;                 /* F32 that was computed becomes F16; with SD_MERGE_NONE all of it */
    const char *vae;           /* a file whose VAE replaces A's; NULL: none */
    const SdNetwork *networks; /* of SD_MERGE_NONE: added to A, in this order */
    int network_count;
    SdApply network_apply;
    const char *discard; /* tensors whose whole name matches (* and ?) are left out; NULL: none */
} SdMerge;
typedef struct {
    int64_t merged;         /* tensors */
    int64_t kept, left_out; /* that A alone has, and are kept; that A lacks */
    int64_t changed;        /* by networks */
    int64_t unmatched;      /* parts of networks without a place in A, the first few of one network's in `names` */
    int64_t embeddings;     /* tensors of embeddings that networks bring along, which stay with them */
    char names[512];
    int64_t baked, discarded; /* from the VAE; left out by `discard` */
    int64_t not_finite;       /* numbers that are infinite or NaN: it may draw nothing */
    char tensor[200];         /* the first tensor that has such */
    bool inpainting, pix2pix; /* A is such a model and B is not: four of its input channels are merged */
} SdMerged;
/* Writes the sum of two models, or of one and the difference of two others, to a safetensors file in torch's order:
 * in[0] is A; NULL follows the last. Any files and folders that sd_open takes, of one family. The numbers are those of
 * torch 2 on a CPU, bit by bit, for F16, BF16, F32 and F64; F8 and quantised weights count as the F16 that they are
 * loaded as. The file's metadata says what it is made of (sd_merge_recipe, sd_merge_models), and a YAML beside A, B or
 * C is copied. ERR_ARGUMENT, ERR_FORMAT (other families or shapes, a number that F16 cannot hold), ERR_FILE. */
bool sd_merge(const char *const in[3], const char *out, const SdMerge *how, SdMerged *done, Error *e);

typedef struct {
    int rank, conv_rank; /* 1..1024; of convolutions larger than 1x1, 0: they are left out */
    const char *dtype;   /* "f16", "f32" or "bf16"; NULL: f16 */
} SdExtract;
typedef struct {
    int64_t modules, left; /* in the file; tensors that differ and have no place in it: norms, biases, the VAE's */
    double share;          /* of the squares of the modules' differences, what is in the file */
} SdExtracted;
/* Writes a LoRA that makes of model a nearly what b is (extract.h): any files and folders that sd_open takes, of one
 * family. ERR_ARGUMENT, ERR_FORMAT (other families or shapes; no layer differs), ERR_FILE, ERR_MEMORY. */
bool sd_extract(const char *a, const char *b, const char *out, const SdExtract *how, SdExtracted *done, Error *e);

#endif
