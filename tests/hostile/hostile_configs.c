/* hostile_configs.c: a diffusers folder with one key of its configurations changed. */
#define _XOPEN_SOURCE 700
#include "hostile.h"
#include "tests/harness/cli.h"
#include "tests/harness/make_model.h"
#include "tests/harness/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define UNET "m/unet/config.json"
#define VAE "m/vae/config.json"
#define TEXT "m/text_encoder/config.json"
#define NOISE "m/scheduler/scheduler_config.json"
#define WORDS "m/tokenizer/tokenizer_config.json"
#define SPECIAL "m/tokenizer/special_tokens_map.json"
#define ADDED "m/tokenizer/added_tokens.json"
#define INDEX "m/model_index.json"
#define XL_UNET "x/unet/config.json" /* of a folder of SDXL */
#define XL_TEXT_2 "x/text_encoder_2/config.json"
#define XL_INDEX "x/model_index.json"

/* value: what stands for the key's; NULL: the key is taken out; key NULL: the whole file. code 0: info says `words`. */
typedef struct {
    const char *name, *file, *key, *value;
    int code;
    const char *words;
} Row;

static const Row ROWS[] = {
    /* keys that change the arithmetic, at values that are not computed */
    {"act-fn", UNET, "act_fn", "\"gelu\"", 1, "unet/config.json|act_fn|gelu|silu"},
    {"norm-eps", UNET, "norm_eps", "1e-06", 1, "norm_eps|1e-06|1e-05"},
    {"norm-eps-nan", UNET, "norm_eps", "NaN", 1, "norm_eps|NaN"},
    {"flip-sin-to-cos", UNET, "flip_sin_to_cos", "false", 1, "flip_sin_to_cos|false"},
    {"freq-shift", UNET, "freq_shift", "1", 1, "freq_shift"},
    {"center-input", UNET, "center_input_sample", "true", 1, "center_input_sample"},
    {"num-heads", UNET, "num_attention_heads", "4", 1, "num_attention_heads|null"},
    {"dual-cross", UNET, "dual_cross_attention", "true", 1, "dual_cross_attention"},
    {"only-cross-list", UNET, "only_cross_attention", "[true,true,true,false]", 1, "only_cross_attention|[true,true"},
    {"class-embed", UNET, "class_embed_type", "\"timestep\"", 1, "class_embed_type|timestep"},
    {"upscaler", UNET, "num_class_embeds", "1000", 1, "num_class_embeds"},
    {"time-scale-shift", UNET, "resnet_time_scale_shift", "\"scale_shift\"", 1, "resnet_time_scale_shift"},
    {"lcm-guidance", UNET, "time_cond_proj_dim", "256", 1, "time_embed.cond_proj.weight is missing"},
    {"lcm-guidance-odd", UNET, "time_cond_proj_dim", "255", 1, "even width"},
    {"lcm-guidance-text", UNET, "time_cond_proj_dim", "\"256\"", 1, "time_cond_proj_dim|whole number"},
    {"gligen", UNET, "attention_type", "\"gated\"", 1, "attention_type|gated"},
    {"sdxl-conditions", UNET, "addition_embed_type", "\"text_time\"", 1, "addition_embed_type"},
    {"kandinsky", UNET, "encoder_hid_dim", "768", 1, "encoder_hid_dim"},
    {"mid-block", UNET, "mid_block_type", "\"UNetMidBlock2DSimpleCrossAttn\"", 1, "mid_block_type"},
    {"mid-scale", UNET, "mid_block_scale_factor", "1.41", 1, "mid_block_scale_factor"},
    {"padding", UNET, "downsample_padding", "0", 1, "downsample_padding"},
    {"time-width", UNET, "time_embedding_dim", "512", 1, "time_embedding_dim|512"},
    {"fourier", UNET, "time_embedding_type", "\"fourier\"", 1, "time_embedding_type"},
    {"other-class", UNET, "_class_name", "\"UNet3DConditionModel\"", 1, "_class_name|UNet3D"},
    {"quantised", UNET, "quantization_config", "{\"quant_method\":\"bitsandbytes\"}", 1, "quantization_config"},
    {"vae-shift", VAE, "shift_factor", "0.1159", 1, "vae/config.json|shift_factor|0.1159"},
    {"vae-mean", VAE, "latents_mean", "[0.1,0.2,0.3,0.4]", 1, "latents_mean|[0.1,0.2|alone"},
    {"vae-no-quant", VAE, "use_quant_conv", "false", 1, "use_quant_conv"},
    {"vae-no-attention", VAE, "mid_block_add_attention", "false", 1, "mid_block_add_attention"},
    {"vae-blocks", VAE, "down_block_types", "[\"DownEncoderBlock2D\",\"AttnDownEncoderBlock2D\"]", 1, "Attn"},
    {"vae-rgba", VAE, "in_channels", "4", 1, "in_channels|3"},
    {"vae-class", VAE, "_class_name", "\"AutoencoderTiny\"", 1, "/vae: is an AutoencoderTiny"},
    {"clip-act", TEXT, "hidden_act", "\"gelu_new\"", 1, "text_encoder/config.json|hidden_act|gelu_new"},
    {"clip-act-list", TEXT, "hidden_act", "[\"gelu\"]", 1, "text_encoder/config.json|hidden_act|where only"},
    {"clip-eps", TEXT, "layer_norm_eps", "1e-12", 1, "layer_norm_eps"},
    {"clip-mask", TEXT, "use_attention_mask", "true", 1, "use_attention_mask"},
    {"clip-other", TEXT, "model_type", "\"xlm-roberta\"", 1, "model_type|xlm-roberta"},
    {"sample-prediction", NOISE, "prediction_type", "\"sample\"", 0, "x0"},
    {"sigmoid-betas", NOISE, "beta_schedule", "\"sigmoid\"", 1, "beta_schedule|sigmoid|scaled_linear"},
    {"zero-snr-of-eps", NOISE, "rescale_betas_zero_snr", "true", 1, "rescale_betas_zero_snr|v_prediction"},
    {"500-times", NOISE, "num_train_timesteps", "500", 1, "num_train_timesteps|500|1000"},
    {"thresholding", NOISE, "thresholding", "true", 1, "thresholding"},
    {"flow-matching", NOISE, "_class_name", "\"FlowMatchEulerDiscreteScheduler\"", 1, "FlowMatch"},
    {"learned-variance", NOISE, "variance_type", "\"learned_range\"", 1, "variance_type"},
    {"continuous-times", NOISE, "timestep_type", "\"continuous\"", 1, "timestep_type"},
    {"index-unet", INDEX, "unet", "[\"diffusers\",\"UNetMotionModel\"]", 1, "model_index.json|unet|UNetMotion"},
    {"index-vae", INDEX, "vae", "[\"diffusers\",\"AutoencoderTiny\"]", 1, "model_index.json|vae|Tiny"},
    {"tokens-50", WORDS, NULL, "{\"model_max_length\":50}", 1, "tokenizer_config.json|model_max_length|50"},
    {"vocabulary", "m/tokenizer/vocab.json", NULL, "{\"!\":0,\"in</w>\":530}", 1, "vocab.json: is not CLIP's"},
    {"tokens-class", WORDS, NULL, "{\"tokenizer_class\":\"T5Tokenizer\"}", 1, "tokenizer_class|T5"},
    {"tokens-pad", SPECIAL, NULL, "{\"pad_token\":\"<pad>\"}", 1, "special_tokens_map.json|pad_token|<pad>"},
    {"tokens-eos", SPECIAL, NULL, "{\"eos_token\":{\"content\":\"</s>\"}}", 1, "eos_token|{...}"},

    /* SDXL's */
    {"xl-no-label", XL_UNET, "addition_embed_type", "null", 1, "unet/config.json|addition_embed_type|null|text_time"},
    {"xl-image-label", XL_UNET, "addition_embed_type", "\"image\"", 1, "addition_embed_type|image"},
    {"xl-size-width", XL_UNET, "addition_time_embed_dim", "128", 1, "addition_time_embed_dim|128|256"},
    {"xl-label-width", XL_UNET, "projection_class_embeddings_input_dim", "2816", 1, "label"},
    {"xl-label-none", XL_UNET, "projection_class_embeddings_input_dim", NULL, 1, "projection_class_embeddings"},
    {"xl-depth-lists", XL_UNET, "transformer_layers_per_block", "[[0,0],[1,1],[2,1]]", 1, "[[...],[...],[...]]"},
    {"xl-sample-size", XL_UNET, "sample_size", "[128,0]", 1, "sample_size|[128,0]"},
    {"xl-projection", XL_TEXT_2, "projection_dim", "48", 1, "label"},
    {"xl-end", XL_TEXT_2, "eos_token_id", "3", 1, "text_encoder_2/config.json|eos_token_id|3|2 or 49407"},
    {"xl-score", XL_INDEX, "requires_aesthetics_score", "true", 1, "requires_aesthetics_score|does not fit"},
    {"xl-class", XL_INDEX, "text_encoder_2", "[\"transformers\",\"T5EncoderModel\"]", 1, "text_encoder_2|T5"},
    {"xl-pad", "x/tokenizer_2/special_tokens_map.json", NULL, "{\"pad_token\":\"<pad>\"}", 1,
     "tokenizer_2/special_tokens_map.json|pad_token"},
    {"xl-vocabulary", "x/tokenizer_2/vocab.json", NULL, "{\"!\":1}", 1, "tokenizer_2/vocab.json: is not CLIP's"},
    {"xl-added", "x/tokenizer_2/added_tokens.json", NULL, "{\"<cat-toy>\": 49408}", 0, "not used|<cat-toy>"},
    {"xl-zeros", XL_INDEX, "force_zeros_for_empty_prompt", "false", 0, "not used|force_zeros_for_empty_prompt false"},
    {"xl-mark", XL_INDEX, "add_watermarker", "true", 0, "not used|add_watermarker true"},

    /* numbers that are none, or build nothing */
    {"channels-zero", UNET, "block_out_channels", "[0,64,64,64]", 1, "block_out_channels|[0,64"},
    {"channels-negative", UNET, "block_out_channels", "[-32,64,64,64]", 1, "block_out_channels"},
    {"channels-huge", UNET, "block_out_channels", "[4294967328,64,64,64]", 1, "block_out_channels|4294967328"},
    {"channels-halves", UNET, "block_out_channels", "[32,48,64,64]", 1, "block_out_channels|multiples"},
    {"channels-nine", UNET, "block_out_channels", "[8,8,8,8,8,8,8,8,8]", 1, "block_out_channels|eight"},
    {"channels-none", UNET, "block_out_channels", "[]", 1, "block_out_channels"},
    {"channels-text", UNET, "block_out_channels", "\"32\"", 1, "block_out_channels"},
    {"channels-nested", UNET, "block_out_channels", "[[32],64,64,64]", 1, "block_out_channels"},
    {"channels-default", UNET, "block_out_channels", NULL, 1, "1280|another shape"},
    {"blocks-three", UNET, "down_block_types", "[\"DownBlock2D\",\"DownBlock2D\",\"DownBlock2D\"]", 1,
     "down_block_types"},
    {"blocks-unmirrored", UNET, "up_block_types", "[\"UpBlock2D\",\"UpBlock2D\",\"UpBlock2D\",\"UpBlock2D\"]", 1,
     "mirror"},
    {"blocks-unknown", UNET, "down_block_types", "[\"A\",\"B\",\"C\",\"D\"]", 1, "down_block_types|\"A\""},
    {"layers-differ", UNET, "layers_per_block", "[2,2,2,3]", 1, "layers_per_block|[2,2,2,3]"},
    {"layers-zero", UNET, "layers_per_block", "0", 1, "layers_per_block"},
    {"layers-many", UNET, "layers_per_block", "100000", 1, "layers_per_block|100000"},
    {"depth-lists", UNET, "transformer_layers_per_block", "[[1,1],[1],[1],[1]]", 1, "transformer_layers_per_block"},
    {"depth-short", UNET, "transformer_layers_per_block", "[1,1]", 1, "transformer_layers_per_block"},
    {"heads-zero", UNET, "attention_head_dim", "0", 1, "attention_head_dim"},
    {"heads-uneven", UNET, "attention_head_dim", "[4,2,8,8]", 1, "attention_head_dim|same width"},
    {"heads-remain", UNET, "attention_head_dim", "3", 1, "heads"},
    {"heads-list", UNET, "attention_head_dim", "[4,8]", 1, "attention_head_dim|[4,8]"},
    {"groups-remain", UNET, "norm_num_groups", "7", 1, "norm groups"},
    {"groups-null", UNET, "norm_num_groups", "null", 1, "norm_num_groups|null"},
    {"context-missing", UNET, "cross_attention_dim", NULL, 1, "cross_attention_dim|1280"},
    {"context-list", UNET, "cross_attention_dim", "[32,32,64]", 1, "cross_attention_dim"},
    {"context-infinite", UNET, "cross_attention_dim", "Infinity", 1, "cross_attention_dim|Infinity"},
    {"context-1e400", UNET, "cross_attention_dim", "1e400", 1, "cross_attention_dim|1e400"},
    {"channels-out", UNET, "out_channels", "8", 1, "latents"},
    {"scale-zero", VAE, "scaling_factor", "0", 1, "scaling_factor"},
    {"scale-infinite", VAE, "scaling_factor", "Infinity", 1, "scaling_factor|Infinity"},
    {"scale-text", VAE, "scaling_factor", "\"0.18215\"", 1, "scaling_factor"},
    {"latent-16", VAE, "latent_channels", "16", 1, "latents"},
    {"vae-default", VAE, "block_out_channels", NULL, 1, "down_block_types"},
    {"clip-positions", TEXT, "max_position_embeddings", "248", 1, "max_position_embeddings|248|77"},
    {"clip-vocabulary", TEXT, "vocab_size", "100", 1, "token_embedding"},
    {"clip-layers", TEXT, "num_hidden_layers", "0", 1, "num_hidden_layers"},
    {"clip-heads", TEXT, "num_attention_heads", "5", 1, "heads"},
    {"clip-width", TEXT, "hidden_size", NULL, 1, "hidden_size|512"},
    {"beta-zero", NOISE, "beta_start", "0", 1, "beta_start"},
    {"beta-nan", NOISE, "beta_end", "NaN", 1, "beta_end|NaN"},
    {"betas-two", NOISE, "trained_betas", "[0.1,0.1]", 1, "trained_betas|1000"},
    {"betas-too-large", NOISE, "beta_end", "0.9", 1, "alphas_cumprod"},

    /* the file itself */
    {"not-json", UNET, NULL, "act_fn: silu\n", 1, "unet/config.json|JSON"},
    {"list", VAE, NULL, "[]", 1, "vae/config.json|object"},
    {"cut", TEXT, NULL, "{\"hidden_act\":\"quick_g", 1, "text_encoder/config.json|ends inside"},
    {"utf16", NOISE, NULL, "\xff\xfe{\0}\0", 1, "scheduler_config.json|UTF-16"},
    {"scheduler-list", NOISE, NULL, "[1]", 1, "scheduler_config.json|object"},

    /* read: as Python writes it, and what is said of it */
    {"mark", NOISE, NULL, "\xef\xbb\xbf{\"beta_start\":0.001,\r\n\"beta_end\":0.01}\r\n", 0, "SD 1.x"},
    {"class-missing", UNET, "_class_name", NULL, 0, "SD 1.x"},
    {"infinity", NOISE, "lambda_min_clipped", "-Infinity", 0, "SD 1.x"},
    {"whole-float", UNET, "cross_attention_dim", "32.0", 0, "SD 1.x"},
    {"lone-surrogate", UNET, "_name_or_path", "\"/models/\\udce9\"", 0, "SD 1.x"},
    {"equal-heads", UNET, "attention_head_dim", "[4,4,4,4]", 0, "SD 1.x"},
    {"unknown-key", UNET, "future_key", "3", 0, "not known|unet/config.json: future_key"},
    {"trailing", NOISE, "timestep_spacing", "\"trailing\"", 0, "Trailing, |timestep_spacing trailing"},
    {"karras-key", NOISE, "use_karras_sigmas", "true", 0, "not used|use_karras_sigmas true"},
    {"added-tokens", ADDED, NULL, "{\"<cat-toy>\": 49408}", 0, "not used|<cat-toy>"},
    {"long-limit", WORDS, NULL, "{\"model_max_length\":1000000000000000019884624838656}", 0, "SD 1.x"},
};

/* The file's text with one key changed; the caller frees it. */
static char *edited(const char *text, const Row *r) {
    char quoted[80], *out = malloc(strlen(text) + 256);
    if (!out) abort();
    snprintf(quoted, sizeof quoted, "\"%s\": ", r->key);
    const char *at = strstr(text, quoted), *rest = at ? at + strcspn(at, "\n") : strchr(text, '{') + 1;
    if (!at) at = rest;
    sprintf(out, "%.*s", (int)(at - text), text);
    if (r->value) sprintf(out + strlen(out), "%s%s%s", quoted, r->value, rest[-1] == '{' || rest[-1] == ',' ? "," : "");
    return strcat(out, rest);
}

static char *contents(const char *file) {
    size_t size;
    char *bytes = test_read(cli_path(file), &size), *text = bytes ? realloc(bytes, size + 1) : NULL;
    if (text) text[size] = 0;
    return text;
}

/* What costs time and memory: a hundred thousand of something. */
static void many(const char *name, const char *begin, const char *piece, const char *end, int code, const char *words) {
    enum { MANY = 100000 };
    size_t n = strlen(begin), each = strlen(piece) + 8;
    char *text = malloc(n + MANY * each + strlen(end) + 1);
    if (!text) abort();
    strcpy(text, begin);
    for (int i = 0; i < MANY; i++) n += (size_t)sprintf(text + n, piece, i);
    strcpy(text + n, end);
    HostileCase c = {name, NOISE, text, strlen(text), "info m", code, words};
    hostile_case(&c);
    free(text);
}

HOSTILE(configs) {
    MakeModel spec = {.size = MODEL_MICRO, .layout = MODEL_DIFFUSERS, .dtype = F16};
    if (!make_model(cli_path("m"), spec) || mkdir(cli_path("m/tokenizer"), 0777)) abort();
    if (!make_model_of(cli_path("x"), spec, micro_sdxl_config()) || mkdir(cli_path("x/tokenizer_2"), 0777)) abort();
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        const Row *r = &ROWS[i];
        char *before = r->key ? contents(r->file) : NULL;
        char *text = before ? edited(before, r) : NULL;
        const char *command = *r->file == 'x' ? "info x" : "info m";
        HostileCase c = {r->name, r->file, text ? text : r->value, text ? strlen(text) : strlen(r->value), command,
                         r->code, r->words};
        if (!r->key && !strstr(r->file, "/tokenizer")) before = contents(r->file);
        hostile_case(&c);
        if (before && !test_write(cli_path(r->file), before, strlen(before))) abort();
        free(before);
        free(text);
    }
    many("many-keys", "{", "\"k%d\":0,", "\"beta_end\":7}", 1, "beta_end");
    many("many-times", "{", "\"beta_end\":%d,", "\"beta_end\":0.02}", 0, "SD 1.x");
    many("many-betas", "{\"trained_betas\":[0", ",%d", "]}", 1, "trained_betas");
    many("many-bytes", "{\"_class_name\":\"", "PNDM%d", "\"}", 1, "_class_name");
}
