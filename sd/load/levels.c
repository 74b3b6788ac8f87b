#include "levels.h"

#include <math.h>
#include <string.h>

/* --- a tensor --- */

static bool of_tensor(const SdModel *m, Found f, float alphas[TRAIN_STEPS], Error *e) {
    const FileTensor *t = f.tensor; /* alphas_cumprod, or the x4 upscaler's low_scale_model.alphas_cumprod */
    if (t->nd != 1 || t->n[0] != TRAIN_STEPS)
        return error_set(
            e, ERR_FORMAT,
            "%s: alphas_cumprod has %d dimensions and %lld values, not one and 1000; use a model with 1000 "
            "noise levels",
            m->checkpoint->path, t->nd, (long long)file_tensor_count(t));
    DType type = file_tensor_type(t);
    bool is_real = type == F32 || type == F16 || type == BF16;
    return (is_real && file_tensor_f32(f.file, t, alphas)) ||
           error_set(e, ERR_FORMAT, "%s: alphas_cumprod is %s, not F32; save it as F32", m->checkpoint->path,
                     dtype_name(t->dtype));
}

/* --- a folder's scheduler --- */

/* What a class takes where a key is missing; diffusers' schedulers that have betas. */
typedef struct {
    const char *class, *schedule;
    double first, last;
} Betas;

#define DDPM "linear", 0.0001, 0.02
#define KARRAS "linear", 0.00085, 0.012
#define LATENT "scaled_linear", 0.00085, 0.012 /* and Stable Diffusion's */

#define UPSCALING "scaled_linear", 0.0001, 0.02 /* x4-upscaling.yaml */
static const Betas CLASSES[] = {{"DDIMScheduler", DDPM},
                                {"DDIMInverseScheduler", DDPM},
                                {"DDIMParallelScheduler", DDPM},
                                {"DDPMScheduler", DDPM},
                                {"DDPMParallelScheduler", DDPM},
                                {"DEISMultistepScheduler", DDPM},
                                {"DPMSolverMultistepScheduler", DDPM},
                                {"DPMSolverMultistepInverseScheduler", DDPM},
                                {"DPMSolverSinglestepScheduler", DDPM},
                                {"DPMSolverSDEScheduler", KARRAS},
                                {"EulerDiscreteScheduler", DDPM},
                                {"EulerAncestralDiscreteScheduler", DDPM},
                                {"HeunDiscreteScheduler", KARRAS},
                                {"KDPM2DiscreteScheduler", KARRAS},
                                {"KDPM2AncestralDiscreteScheduler", KARRAS},
                                {"LCMScheduler", LATENT},
                                {"LMSDiscreteScheduler", DDPM},
                                {"PNDMScheduler", DDPM},
                                {"SASolverScheduler", DDPM},
                                {"TCDScheduler", LATENT},
                                {"UniPCMultistepScheduler", DDPM}};
enum { CLASS_COUNT = sizeof CLASSES / sizeof *CLASSES };

/* "trained_betas": a list of 1000. */
static bool trained(const ConfigFile *f, const JsonNode *list, float alphas[TRAIN_STEPS]) {
    double betas[TRAIN_STEPS];
    int count = 0;
    bool ok = list->type == JSON_ARRAY && list->count == TRAIN_STEPS;
    for (int32_t i = ok ? list->child : -1; ok && i >= 0; i = f->json->nodes[i].next)
        ok = json_double(&f->json->nodes[i], &betas[count++]);
    return (ok && noise_alphas_of_betas(alphas, betas)) ||
           config_refuse(f, "trained_betas", "not a list of 1000 numbers between 0 and 1; use another model");
}

/* A number of the scheduler's, or its class's. */
static bool beta(const ConfigFile *f, const char *key, double otherwise, double *out) {
    *out = otherwise;
    return !json_get(f->json, f->root, key) || config_real(f, key, 1e-9, 0.9999, out);
}

static bool of_scheduler(const SdModel *m, const ConfigFile *f, float alphas[TRAIN_STEPS]) {
    static const Betas UNNAMED = {NULL, DDPM};
    const Betas *k = &UNNAMED;
    const JsonNode *class = json_get(f->json, f->root, "_class_name");
    for (int i = 0; i < CLASS_COUNT; i++)
        if (config_is(f, "_class_name", CLASSES[i].class)) k = &CLASSES[i];
    if (class && k == &UNNAMED)
        return config_refuse(f, "_class_name",
                             "which is none of the schedulers that are understood; use another model");
    const JsonNode *name = json_get(f->json, f->root, "beta_schedule"),
                   *list = json_get(f->json, f->root, "trained_betas");
    const char *schedule = name && name->type == JSON_STRING ? name->text : k->schedule;
    double first, last;
    bool zero;
    if (!beta(f, "beta_start", k->first, &first) || !beta(f, "beta_end", k->last, &last) ||
        !config_flag(f, "rescale_betas_zero_snr", &zero))
        return false;
    if (list && list->type != JSON_NULL) {
        if (!trained(f, list, alphas)) return false;
    } else if ((name && name->type != JSON_STRING) || !noise_alphas(alphas, schedule, first, last))
        return config_refuse(f, "beta_schedule",
                             "where only linear, scaled_linear and squaredcos_cap_v2 are computed; use another model");
    if (!zero) return true;
    if (m->config.prediction == PREDICT_EPS)
        return config_refuse(f, "rescale_betas_zero_snr",
                             "which needs \"prediction_type\" v_prediction; use another model");
    noise_alphas_to_zero(alphas, LEAST_DIFFUSERS);
    return true;
}

/* The YAML beside a single file. */
static bool of_yaml(const ConfigFile *f, float alphas[TRAIN_STEPS]) {
    double first, last;
#define SGM "model.params.denoiser_config.params.discretization_config.params."
    bool sgm = json_get(f->json, f->root, "model.params.network_config");
    return config_real(f, sgm ? SGM "linear_start" : "model.params.linear_start", 1e-9, 0.9999, &first) &&
           config_real(f, sgm ? SGM "linear_end" : "model.params.linear_end", 1e-9, 0.9999, &last) &&
           noise_alphas(alphas, "scaled_linear", first, last); /* what ldm calls linear */
}

static bool read_alphas(const SdModel *m, float alphas[TRAIN_STEPS], Error *e) {
    const Checkpoint *c = m->checkpoint;
    Found own = checkpoint_find(c, "alphas_cumprod");
    ConfigFile f;
    if (own.tensor) return of_tensor(m, own, alphas, e);
    if (config_file(c, CONFIG_SCHEDULER, &f, e)) return of_scheduler(m, &f, alphas);
    bool says_all = c->file && weight_file_meta(c->file, "sdc.config");
    if (!says_all && config_file(c, CONFIG_YAML, &f, e)) return of_yaml(&f, alphas);
    if (config_input(&m->config) == INPUT_UPSCALING) return noise_alphas(alphas, UPSCALING);
    return noise_alphas(alphas, LATENT);
}

/* Of the noise over the x4 upscaler's small picture: its makers' alone, which files and folders say again. */
static bool read_small(SdModel *m, Error *e) {
    float told[TRAIN_STEPS];
    Found own = checkpoint_find(m->checkpoint, "low_scale_model.alphas_cumprod");
    ConfigFile f;
    bool other = false;
    if (config_input(&m->config) != INPUT_UPSCALING) return true;
    noise_alphas(m->small_alphas, UPSCALING);
    memcpy(told, m->small_alphas, sizeof told);
    if (own.tensor && !of_tensor(m, own, told, e)) return false;
    if (!own.tensor && config_file(m->checkpoint, CONFIG_LOW_SCHEDULER, &f, e) && !of_scheduler(m, &f, told))
        return false;
    for (int i = 0; i < TRAIN_STEPS; i++) other = other || !(fabsf(told[i] - m->small_alphas[i]) < 1e-5f);
    return !other ||
           error_set(e, ERR_FORMAT,
                     "%s: the noise over its small picture is not of betas from 0.0001 to 0.02, scaled_linear; "
                     "use another model",
                     m->checkpoint->path);
}

bool model_noise_levels(SdModel *m, Error *e) {
    float alphas[TRAIN_STEPS];
    const Checkpoint *c = m->checkpoint;
    NoiseLevels *levels = &m->noise_levels, usual;
    if (!read_small(m, e) || !read_alphas(m, alphas, e) || !noise_levels_init(levels, alphas, c->path, e)) return false;
    if (checkpoint_find(c, "ztsnr").tensor) { /* a mark that newer checkpoints carry, beside "v_pred" */
        noise_alphas_to_zero(alphas, LEAST_WEBUI);
        if (!noise_levels_init(levels, alphas, c->path, e)) return false;
    }
    bool upscales = config_input(&m->config) == INPUT_UPSCALING;
    noise_levels_init(&usual, upscales ? m->small_alphas : NULL, "", NULL); /* both are the same */
    m->own_levels =
        checkpoint_find(c, "alphas_cumprod").tensor || memcmp(usual.alphas, levels->alphas, sizeof usual.alphas) != 0;
    return true;
}
