/* config_tables.c: the keys of diffusers' UNet2DConditionModel, AutoencoderKL and schedulers (0.42), and of
 * transformers' CLIPTextConfig and CLIPTokenizer (5), from the signatures of their __init__; with those that older
 * versions wrote. */
#include "config_tables.h"

#define READ(key, missing)                                                                                             \
    { key, KEY_READ, missing, NULL }
#define ONLY(key, values)                                                                                              \
    { key, KEY_ONLY, NULL, values }
#define NOTED(key, values)                                                                                             \
    { key, KEY_NOTED, NULL, values }
#define UNUSED(key)                                                                                                    \
    { key, KEY_UNUSED, NULL, NULL }
#define END                                                                                                            \
    { NULL, KEY_UNUSED, NULL, NULL }

/* What save_config and save_pretrained add, and what moving averages left there. */
#define WRITTEN                                                                                                        \
    UNUSED("_diffusers_version"), UNUSED("_name_or_path"), UNUSED("_commit_hash"), UNUSED("_use_default_values"),      \
        UNUSED("_class_name_or_path"), UNUSED("transformers_version"), UNUSED("torch_dtype"), UNUSED("dtype")
#define AVERAGED                                                                                                       \
    UNUSED("decay"), UNUSED("inv_gamma"), UNUSED("min_decay"), UNUSED("min_value"), UNUSED("optimization_step"),       \
        UNUSED("power"), UNUSED("update_after_step"), UNUSED("use_ema_warmup")

static const ConfigKey INDEX[] = {
    READ("_class_name", "null"), /* families.c */
    READ("unet", "null"),        /* [library, class] */
    READ("vae", "null"),
    READ("text_encoder", "null"),
    READ("tokenizer", "null"),
    READ("text_encoder_2", "null"),
    READ("tokenizer_2", "null"),
    READ("scheduler", "null"), /* the class that scheduler_config.json names again */
    READ("requires_aesthetics_score", "null"),
    NOTED("force_zeros_for_empty_prompt", "null|true"), /* what is done, as the webui does it */
    NOTED("add_watermarker", "null|false"),
    UNUSED("safety_checker"),
    UNUSED("requires_safety_checker"),
    UNUSED("feature_extractor"),
    UNUSED("image_encoder"),           /* of IP-Adapter, which the pipeline runs without */
    READ("low_res_scheduler", "null"), /* the x4 upscaler's, which low_res_scheduler's file names again */
    ONLY("max_noise_level", "null|350"),
    UNUSED("watermarker"),
    WRITTEN,
    END,
};

static const ConfigKey UNET[] = {
    ONLY("_class_name", "UNet2DConditionModel"),
    READ("sample_size", "null"),
    READ("in_channels", "4"),
    READ("out_channels", "4"),
    ONLY("center_input_sample", "false"),
    ONLY("flip_sin_to_cos", "true"),
    ONLY("freq_shift", "0"),
    READ("down_block_types", "null"),
    READ("mid_block_type", "UNetMidBlock2DCrossAttn"),
    READ("up_block_types", "null"),
    READ("only_cross_attention", "false"),
    READ("block_out_channels", "null"),
    READ("layers_per_block", "2"),
    ONLY("downsample_padding", "1"),
    ONLY("mid_block_scale_factor", "1"),
    UNUSED("dropout"),
    ONLY("act_fn", "silu|swish"),
    READ("norm_num_groups", "32"),
    ONLY("norm_eps", "1e-05"),
    READ("cross_attention_dim", "1280"),
    READ("transformer_layers_per_block", "1"),
    READ("reverse_transformer_layers_per_block", "null"),
    ONLY("encoder_hid_dim", "null"),
    ONLY("encoder_hid_dim_type", "null"),
    READ("attention_head_dim", "8"),
    ONLY("num_attention_heads", "null"), /* diffusers refuses any other, too */
    ONLY("dual_cross_attention", "false"),
    READ("use_linear_projection", "false"),
    ONLY("class_embed_type", "null"),
    READ("addition_embed_type", "null"),
    READ("addition_time_embed_dim", "null"), /* these three belong to it */
    READ("projection_class_embeddings_input_dim", "null"),
    UNUSED("addition_embed_type_num_heads"), /* of its type "text" */
    READ("num_class_embeds", "null"),        /* the x4 upscaler's noise levels */
    UNUSED("upcast_attention"),              /* f32 has nothing to widen */
    ONLY("resnet_time_scale_shift", "default"),
    ONLY("resnet_skip_time_act", "false"),
    ONLY("resnet_out_scale_factor", "1"),
    ONLY("time_embedding_type", "positional"),
    READ("time_embedding_dim", "null"),
    ONLY("time_embedding_act_fn", "null"),
    ONLY("timestep_post_act", "null"),
    READ("time_cond_proj_dim", "null"), /* LCM's guidance embedding */
    ONLY("conv_in_kernel", "3"),
    ONLY("conv_out_kernel", "3"),
    ONLY("attention_type", "default"), /* "gated": GLIGEN */
    ONLY("class_embeddings_concat", "false"),
    ONLY("mid_block_only_cross_attention", "null|false"),
    ONLY("cross_attention_norm", "null"),
    ONLY("quantization_config", "null"),
    WRITTEN,
    AVERAGED,
    END,
};

static const ConfigKey VAE[] = {
    ONLY("_class_name", "AutoencoderKL"),
    ONLY("in_channels", "3"),
    ONLY("out_channels", "3"),
    ONLY("down_block_types", "DownEncoderBlock2D"),
    ONLY("up_block_types", "UpDecoderBlock2D"),
    READ("block_out_channels", "64"),
    READ("layers_per_block", "1"),
    ONLY("act_fn", "silu|swish"),
    READ("latent_channels", "4"),
    READ("norm_num_groups", "32"),
    UNUSED("sample_size"),
    READ("scaling_factor", "0.18215"),
    ONLY("shift_factor", "null|0"),
    READ("latents_mean", "null"),
    READ("latents_std", "null"),
    UNUSED("force_upcast"), /* f32 has nothing to widen */
    ONLY("use_quant_conv", "true"),
    ONLY("use_post_quant_conv", "true"),
    ONLY("mid_block_add_attention", "true"),
    ONLY("quantization_config", "null"),
    WRITTEN,
    END,
};

static const ConfigKey TINY_VAE[] = {
    ONLY("_class_name", "AutoencoderTiny"),
    ONLY("in_channels", "3"),
    ONLY("out_channels", "3"),
    UNUSED("block_out_channels"), /* these, shapes tell */
    UNUSED("encoder_block_out_channels"),
    UNUSED("decoder_block_out_channels"),
    UNUSED("num_encoder_blocks"),
    UNUSED("num_decoder_blocks"),
    UNUSED("latent_channels"),
    ONLY("act_fn", "relu"),
    ONLY("upsample_fn", "nearest"),
    ONLY("upsampling_scaling_factor", "2"),
    ONLY("scaling_factor", "1|1.0"),
    ONLY("shift_factor", "0|0.0"),
    UNUSED("latent_magnitude"), /* of latents kept as pictures */
    UNUSED("latent_shift"),
    UNUSED("force_upcast"),
    UNUSED("sample_size"),
    ONLY("quantization_config", "null"),
    WRITTEN,
    END,
};

#define ENCODER                                                                                                        \
    ONLY("model_type", "clip_text_model|clip"), READ("text_config", "null"), READ("vocab_size", "49408"),              \
        READ("hidden_size", "512"), READ("intermediate_size", "2048"), READ("num_hidden_layers", "12"),                \
        READ("num_attention_heads", "8"), READ("max_position_embeddings", "77"), READ("hidden_act", "quick_gelu"),     \
        ONLY("layer_norm_eps", "1e-05"), ONLY("use_attention_mask", "false"), /* diffusers asks for it */              \
        ONLY("quantization_config", "null"), UNUSED("bos_token_id"), UNUSED("pad_token_id"),                           \
        UNUSED("attention_dropout"), UNUSED("dropout"), UNUSED("initializer_range"), UNUSED("initializer_factor"),     \
        UNUSED("architectures"), UNUSED("vision_config"), UNUSED("text_config_dict"), UNUSED("vision_config_dict"),    \
        UNUSED("logit_scale_init_value"), UNUSED("output_hidden_states"), UNUSED("output_attentions"),                 \
        UNUSED("return_dict"), UNUSED("chunk_size_feed_forward"), UNUSED("is_encoder_decoder"), UNUSED("id2label"),    \
        UNUSED("label2id"), UNUSED("problem_type"), UNUSED("gradient_checkpointing"), UNUSED("attn_implementation")

static const ConfigKey TEXT[] = {
    ENCODER,
    UNUSED("projection_dim"), /* of the pooled state, which this encoder does not give */
    UNUSED("eos_token_id"),   /* which finds it */
    WRITTEN,
    END,
};

static const ConfigKey TEXT_2[] = {
    ENCODER,
    READ("projection_dim", "512"),
    ONLY("eos_token_id", "2|49407"), /* 2: transformers takes the highest id */
    WRITTEN,
    END,
};

static const ConfigKey SCHEDULER[] = {
    READ("_class_name", "null"),
    ONLY("num_train_timesteps", "1000"),
    READ("beta_start", "0.0001"), /* some classes: 0.00085, 0.012, scaled_linear; see scheduler_betas */
    READ("beta_end", "0.02"),
    READ("beta_schedule", "linear"),
    READ("trained_betas", "null"),
    READ("rescale_betas_zero_snr", "false"),
    READ("prediction_type", "epsilon"),
    ONLY("thresholding", "false"),
    UNUSED("dynamic_thresholding_ratio"),
    UNUSED("sample_max_value"),
    ONLY("variance_type", "null|fixed_small|fixed_small_log|fixed_large|fixed_large_log"),
    ONLY("timestep_type", "discrete"),
    ONLY("use_flow_sigmas", "false"),
    UNUSED("flow_shift"), /* of use_flow_sigmas; the next two of it too */
    UNUSED("use_dynamic_shifting"),
    UNUSED("time_shift_type"),
    UNUSED("shift_terminal"),
    NOTED("clip_sample", "false"),
    UNUSED("clip_sample_range"),
    NOTED("set_alpha_to_one", "false"),
    NOTED("skip_prk_steps", "true"),
    NOTED("steps_offset", "0|1"),
    READ("timestep_spacing", "leading"), /* few_steps.c */
    NOTED("use_karras_sigmas", "null|false"),
    NOTED("use_exponential_sigmas", "null|false"),
    NOTED("use_beta_sigmas", "null|false"),
    NOTED("use_lu_lambdas", "null|false"),
    NOTED("sigma_min", "null"),
    NOTED("sigma_max", "null"),
    NOTED("final_sigmas_type", "zero"),
    NOTED("interpolation_type", "linear"),
    NOTED("algorithm_type", "dpmsolver++|deis|data_prediction"),
    NOTED("solver_type", "midpoint|logrho|bh2"),
    NOTED("solver_order", "2"),
    NOTED("solver_p", "null"),
    NOTED("predict_x0", "true"),
    NOTED("disable_corrector", "[]"),
    NOTED("predictor_order", "2"),
    NOTED("corrector_order", "2"),
    NOTED("tau_func", "null"),
    NOTED("lower_order_final", "true"),
    NOTED("euler_at_final", "false"),
    NOTED("lambda_min_clipped", "-Infinity"),
    NOTED("original_inference_steps", "50"),
    NOTED("timestep_scaling", "10"),
    UNUSED("noise_sampler_seed"),
    WRITTEN,
    END,
};

static const ConfigKey TOKENIZER[] = {
    ONLY("tokenizer_class", "CLIPTokenizer|CLIPTokenizerFast"),
    READ("model_max_length", "77"),
    READ("pad_token", "null"),
    READ("bos_token", "null"),
    READ("eos_token", "null"),
    READ("added_tokens_decoder", "null"),
    NOTED("do_lower_case", "true"),
    NOTED("add_prefix_space", "false"),
    NOTED("additional_special_tokens", "null|[]"),
    UNUSED("unk_token"), /* bytes are tokens: none is unknown */
    UNUSED("errors"),
    UNUSED("clean_up_tokenization_spaces"),
    UNUSED("name_or_path"),
    UNUSED("special_tokens_map_file"),
    UNUSED("tokenizer_file"),
    UNUSED("model_input_names"),
    UNUSED("processor_class"),
    UNUSED("extra_special_tokens"),
    UNUSED("split_special_tokens"),
    UNUSED("use_fast"),
    UNUSED("backend"),
    UNUSED("is_local"),
    WRITTEN,
    END,
};

static const ConfigKey SPECIAL_TOKENS[] = {
    READ("pad_token", "null"), READ("bos_token", "null"),
    READ("eos_token", "null"), NOTED("additional_special_tokens", "null|[]"),
    UNUSED("unk_token"),       END,
};

/* The original configuration (v1-inference.yaml, v2-inference-v.yaml), which the webui reads beside a checkpoint. What
 * shapes tell is not read again. */
#define MODEL(key) "model.params." key
#define NET(key) MODEL("unet_config.params." key)
#define LOW(key) MODEL("low_scale_config." key)
#define AUTO(key) MODEL("first_stage_config.params." key)
#define DDCONFIG(key) AUTO("ddconfig." key)
#define COND(key) MODEL("cond_stage_config." key)
/* And that of SDXL (sd_xl_base.yaml), whose embedder N is a text encoder or the sinusoids of a size. */
#define DENOISER(key) MODEL("denoiser_config." key)
#define NETWORK(key) MODEL("network_config." key)
#define CONDITIONER(key) MODEL("conditioner_config." key)
#define EMBEDDER(n, key) CONDITIONER("params.emb_models." #n "." key)
#define EMBEDDER_ROWS(n)                                                                                               \
    UNUSED(EMBEDDER(n, "is_trainable")), UNUSED(EMBEDDER(n, "input_key")), UNUSED(EMBEDDER(n, "ucg_rate")),            \
        UNUSED(EMBEDDER(n, "target")), UNUSED(EMBEDDER(n, "params")), UNUSED(EMBEDDER(n, "params.arch")),              \
        UNUSED(EMBEDDER(n, "params.version")), UNUSED(EMBEDDER(n, "params.freeze")),                                   \
        UNUSED(EMBEDDER(n, "params.always_return_pooled")), ONLY(EMBEDDER(n, "params.layer"), "hidden|penultimate"),   \
        ONLY(EMBEDDER(n, "params.layer_idx"), "11"), ONLY(EMBEDDER(n, "params.legacy"), "false"),                      \
        ONLY(EMBEDDER(n, "params.outdim"), "256")

static const ConfigKey YAML[] = {
    UNUSED("model"),
    UNUSED("model.target"), /* LatentDiffusion, LatentInpaintDiffusion ...: the U-Net's input channels tell */
    UNUSED("model.base_learning_rate"),
    UNUSED("model.params"),
    READ(MODEL("parameterization"), "eps"),
    READ(MODEL("linear_start"), "0.0001"),
    READ(MODEL("linear_end"), "0.02"),
    ONLY(MODEL("beta_schedule"), "linear"),
    ONLY(MODEL("timesteps"), "1000"),
    READ(MODEL("scale_factor"), "1"),
    ONLY(MODEL("scale_by_std"), "false"),
    UNUSED(MODEL("num_timesteps_cond")),
    UNUSED(MODEL("log_every_t")),
    UNUSED(MODEL("first_stage_key")),
    UNUSED(MODEL("cond_stage_key")),
    UNUSED(MODEL("cond_stage_trainable")),
    UNUSED(MODEL("conditioning_key")),
    UNUSED(MODEL("concat_mode")),
    UNUSED(MODEL("finetune_keys")),
    UNUSED(MODEL("image_size")),
    UNUSED(MODEL("channels")),
    UNUSED(MODEL("monitor")),
    UNUSED(MODEL("use_ema")),
    UNUSED(MODEL("ucg_training")),
    UNUSED(MODEL("scheduler_config")), /* of the learning rate */
    UNUSED(MODEL("scheduler_config.target")),
    UNUSED(MODEL("scheduler_config.params")),
    UNUSED(MODEL("scheduler_config.params.warm_up_steps")),
    UNUSED(MODEL("scheduler_config.params.cycle_lengths")),
    UNUSED(MODEL("scheduler_config.params.f_start")),
    UNUSED(MODEL("scheduler_config.params.f_max")),
    UNUSED(MODEL("scheduler_config.params.f_min")),
    UNUSED(MODEL("unet_config")),
    UNUSED(MODEL("unet_config.target")),
    UNUSED(MODEL("unet_config.params")),
    READ(NET("num_heads"), "-1"),
    READ(NET("num_head_channels"), "-1"),
    UNUSED(NET("in_channels")), /* these, shapes tell */
    UNUSED(NET("out_channels")),
    UNUSED(NET("model_channels")),
    UNUSED(NET("attention_resolutions")),
    UNUSED(NET("num_res_blocks")),
    UNUSED(NET("channel_mult")),
    UNUSED(NET("transformer_depth")),
    UNUSED(NET("context_dim")),
    UNUSED(NET("use_linear_in_transformer")),
    UNUSED(NET("image_size")),
    UNUSED(NET("use_checkpoint")),
    UNUSED(NET("use_fp16")),
    UNUSED(NET("legacy")),
    UNUSED(NET("dropout")),
    ONLY(NET("use_spatial_transformer"), "true"),
    ONLY(NET("use_scale_shift_norm"), "false"),
    ONLY(NET("resblock_updown"), "false"),
    ONLY(NET("conv_resample"), "true"),
    READ(NET("disable_self_attentions"), "null"),
    ONLY(NET("disable_middle_self_attn"), "null|false"),
    UNUSED(NET("num_classes")), /* shapes tell */
    UNUSED(MODEL("low_scale_key")),
    UNUSED(MODEL("low_scale_config")), /* of the x4 upscaler: the noise on the small picture */
    UNUSED(LOW("target")),
    UNUSED(LOW("params")),
    UNUSED(LOW("params.noise_schedule_config")),
    ONLY(LOW("params.noise_schedule_config.linear_start"), "0.0001"),
    ONLY(LOW("params.noise_schedule_config.linear_end"), "0.02"),
    ONLY(LOW("params.max_noise_level"), "350"),
    ONLY(NET("dims"), "2"),
    UNUSED(MODEL("disable_first_stage_autocast")),
    UNUSED(MODEL("sampler_config")), /* the request chooses */
    UNUSED(DENOISER("target")),
    UNUSED(MODEL("denoiser_config")),
    UNUSED(DENOISER("params")),
    ONLY(DENOISER("params.num_idx"), "1000"),
    UNUSED(DENOISER("params.weighting_config")), /* of training */
    UNUSED(DENOISER("params.weighting_config.target")),
    UNUSED(DENOISER("params.scaling_config")),
    READ(DENOISER("params.scaling_config.target"), "null"),
    UNUSED(DENOISER("params.discretization_config")),
    ONLY(DENOISER("params.discretization_config.target"),
         "sgm.modules.diffusionmodules.discretizer.LegacyDDPMDiscretization|"
         "ldm.modules.diffusionmodules.discretizer.LegacyDDPMDiscretization"),
    UNUSED(DENOISER("params.discretization_config.params")),
    READ(DENOISER("params.discretization_config.params.linear_start"), "0.00085"),
    READ(DENOISER("params.discretization_config.params.linear_end"), "0.012"),
    UNUSED(MODEL("network_config")),
    UNUSED(NETWORK("target")),
    UNUSED(NETWORK("params")),
    UNUSED(NETWORK("params.adm_in_channels")), /* these, shapes tell */
    UNUSED(NETWORK("params.num_classes")),
    UNUSED(NETWORK("params.in_channels")),
    UNUSED(NETWORK("params.out_channels")),
    UNUSED(NETWORK("params.model_channels")),
    UNUSED(NETWORK("params.attention_resolutions")),
    UNUSED(NETWORK("params.num_res_blocks")),
    UNUSED(NETWORK("params.channel_mult")),
    UNUSED(NETWORK("params.transformer_depth")),
    UNUSED(NETWORK("params.context_dim")),
    UNUSED(NETWORK("params.use_linear_in_transformer")),
    UNUSED(NETWORK("params.spatial_transformer_attn_type")), /* how attention is computed */
    UNUSED(NETWORK("params.use_checkpoint")),
    UNUSED(NETWORK("params.legacy")),
    ONLY(NETWORK("params.use_spatial_transformer"), "true"),
    READ(NETWORK("params.num_heads"), "-1"),
    READ(NETWORK("params.num_head_channels"), "-1"),
    UNUSED(MODEL("conditioner_config")),
    UNUSED(CONDITIONER("target")),
    UNUSED(CONDITIONER("params")),
    UNUSED(CONDITIONER("params.emb_models")),
    EMBEDDER_ROWS(0),
    EMBEDDER_ROWS(1),
    EMBEDDER_ROWS(2),
    EMBEDDER_ROWS(3),
    EMBEDDER_ROWS(4),
    UNUSED(MODEL("first_stage_config")),
    ONLY(MODEL("first_stage_config.target"),
         "ldm.models.autoencoder.AutoencoderKL|sgm.models.autoencoder.AutoencoderKL|"
         "ldm.models.autoencoder.AutoencoderKLInferenceWrapper|sgm.models.autoencoder.AutoencoderKLInferenceWrapper"),
    UNUSED(MODEL("first_stage_config.params")),
    UNUSED(AUTO("embed_dim")),
    UNUSED(AUTO("monitor")),
    UNUSED(AUTO("ddconfig")),
    UNUSED(AUTO("lossconfig")),
    UNUSED(AUTO("lossconfig.target")),
    ONLY(DDCONFIG("double_z"), "true"),
    UNUSED(DDCONFIG("z_channels")),
    UNUSED(DDCONFIG("resolution")),
    ONLY(DDCONFIG("in_channels"), "3"),
    ONLY(DDCONFIG("out_ch"), "3"),
    UNUSED(DDCONFIG("ch")),
    UNUSED(DDCONFIG("ch_mult")),
    UNUSED(DDCONFIG("num_res_blocks")),
    ONLY(DDCONFIG("attn_resolutions"), "[]"),
    UNUSED(DDCONFIG("attn_type")),
    UNUSED(DDCONFIG("dropout")),
    UNUSED(MODEL("cond_stage_config")),
    UNUSED(COND("target")), /* names and shapes tell which of CLIP's encoders */
    UNUSED(COND("params")),
    UNUSED(COND("params.freeze")),
    UNUSED(COND("params.version")),
    READ(COND("params.layer"), "last"),
    END,
};

const ConfigKey *const CONFIG_TABLES[CONFIG_TABLE_COUNT] = {
    INDEX,          UNET,           VAE,       TEXT,      TEXT_2, TOKENIZER, TOKENIZER,
    SPECIAL_TOKENS, SPECIAL_TOKENS, SCHEDULER, SCHEDULER, YAML,   TINY_VAE};
