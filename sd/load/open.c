/* open.c: from a path and options to a model: the device, the configuration, the networks bound to their weights'
 * names. Nothing but headers is read. */
#include "open.h"

#include "devices.h"
#include "levels.h"
#include "sd/load/networks/overlay.h"
#include "prediction.h"
#include "weights.h"

#include "sd/models/config_detect.h"
#include "sd/models/families.h"
#include "tensor/os.h"
#include "weights/builtin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What every picture needs. */
static const Part NEEDED[] = {PART_TEXT, PART_TEXT_2, PART_UNET, PART_DECODER}; /* the decoder last */
enum { NEEDED_COUNT = sizeof NEEDED / sizeof *NEEDED };

static bool bind_encoders(SdModel *m) {
    bool ok = true;
    for (int i = 0; ok && i < m->config.encoders; i++) {
        WeightList *l = &m->lists[PART_TEXT + i];
        char prefix[KEY_ENCODER_SIZE];
        size_t mark = bind_enter(l, "%s", key_encoder(&m->config, i, prefix));
        ok = clip_bind(&m->clip[i], &m->config.clip[i], l);
        bind_leave(l, mark);
    }
    return ok;
}

static bool bind_half(SdModel *m, bool decoder) {
    WeightList *l = &m->lists[decoder ? PART_TAESD_DECODER : PART_TAESD_ENCODER];
    TaesdConfig k;
    if (!taesd_from_shapes(m->checkpoint, decoder, &k, l->err)) return false;
    Taesd *half = calloc(1, sizeof *half);
    if (!half) return error_set(l->err, ERR_MEMORY, "%s: out of memory", m->checkpoint->path);
    *(decoder ? &m->taesd_decoder : &m->taesd_encoder) = half;
    return (decoder ? taesd_bind_decoder : taesd_bind_encoder)(half, &k, l);
}

/* The halves that are given. */
static bool bind_taesd(SdModel *m) {
    const Checkpoint *c = m->checkpoint;
    if (!c) return true; /* a model that training makes */
    return (!checkpoint_is_given(c, GIVEN_TAESD_DECODER) || bind_half(m, true)) &&
           (!checkpoint_is_given(c, GIVEN_TAESD_ENCODER) || bind_half(m, false));
}

bool model_bind(SdModel *m, Error *e) {
    const SdConfig *k = &m->config;
    WeightList *l = m->lists;
    for (int i = 0; i < PART_COUNT; i++) l[i].err = e;
    size_t unet = bind_enter(&l[PART_UNET], KEY_UNET);
    size_t decoder = bind_enter(&l[PART_DECODER], KEY_VAE);
    size_t encoder = bind_enter(&l[PART_ENCODER], KEY_VAE);
    size_t tiny_decoder = bind_enter(&l[PART_TAESD_DECODER], KEY_TAESD_DECODER);
    size_t tiny_encoder = bind_enter(&l[PART_TAESD_ENCODER], KEY_TAESD_ENCODER);
    bool ok = bind_encoders(m) && unet_bind(&m->unet, &k->unet, &l[PART_UNET]) &&
              vae_bind_decoder(&m->decoder, &k->vae, &l[PART_DECODER]) &&
              vae_bind_encoder(&m->encoder, &k->vae, &l[PART_ENCODER]) && bind_taesd(m);
    bind_leave(&l[PART_UNET], unet);
    bind_leave(&l[PART_DECODER], decoder);
    bind_leave(&l[PART_ENCODER], encoder);
    bind_leave(&l[PART_TAESD_DECODER], tiny_decoder);
    bind_leave(&l[PART_TAESD_ENCODER], tiny_encoder);
    for (int i = 0; i < PART_COUNT; i++) l[i].err = NULL; /* the caller's Error may be gone later */
    return ok;
}

/* Before anything is allocated for the networks: a small file may describe huge ones. */
static bool check_size(const SdModel *m, Error *e) {
    enum { SLACK = 2000 }; /* that few missing tensors are listed by name */
    int64_t least = config_least_tensors(&m->config), has = checkpoint_tensors(m->checkpoint);
    return least <= has + SLACK ||
           error_set(e, ERR_FORMAT,
                     "%s: does not fit %s: its configuration needs %lld tensors at least, it holds %lld; use a "
                     "complete checkpoint",
                     m->checkpoint->path, m->config.family, (long long)least, (long long)has);
}

/* Whether what is given has all tensors of its part; a VAE without its encoder will do. */
static bool check_given(SdModel *m, Error *e) {
    for (int i = 0; i < PART_COUNT; i++) {
        ModelReport r;
        Part part = (Part)i;
        model_compare(m, &part, 1, &r);
        int64_t wrong = r.missing + r.misshapen;
        if (!wrong || part == PART_ENCODER || !checkpoint_is_given(m->checkpoint, model_given(part))) continue;
        return error_set(e, ERR_FORMAT,
                         "%s: is no %s of %s: %lld of %lld tensors are missing, %lld have another shape (%s%s); name "
                         "another file",
                         model_path(m, part), given_name(model_given(part)), m->config.family, (long long)r.missing,
                         (long long)(r.used + wrong), (long long)r.misshapen, r.names, wrong > 3 ? ", ..." : "");
    }
    return true;
}

static bool check_complete(SdModel *m, Error *e) {
    ModelReport r;
    /* with a TAESD the VAE's decoder is not needed */
    if (!check_given(m, e)) return false;
    model_compare(m, NEEDED, NEEDED_COUNT - (m->lists[PART_TAESD_DECODER].count > 0), &r);
    if (!(r.missing + r.misshapen)) return true;
    return error_set(e, ERR_FORMAT,
                     "%s: does not fit %s: %lld of %lld tensors are missing, %lld have another shape (%s%s); use a "
                     "complete checkpoint",
                     m->checkpoint->path, m->config.family, (long long)r.missing,
                     (long long)(r.used + r.missing + r.misshapen), (long long)r.misshapen, r.names,
                     r.missing + r.misshapen > 3 ? ", ..." : "");
}

/* A small model may have rows for some tokens only, and its file says which. */
static bool read_tokens(SdModel *m, Error *e) {
    const char *tokens = m->checkpoint->file ? weight_file_meta(m->checkpoint->file, "sdc.tokens") : NULL;
    for (int i = 0; i < m->config.encoders; i++) {
        if (tokens && !clip_keep_tokens(&m->clip[i], tokens, m->checkpoint->path, e)) return false;
        if (!tokens && m->config.clip[i].vocabulary < TOKEN_COUNT)
            return error_set(e, ERR_FORMAT, "%s: its token table has %d rows, and nothing says which tokens they are",
                             m->checkpoint->path, m->config.clip[i].vocabulary);
    }
    return true;
}

/* --- devices --- */

static bool check_options(const SdOptions *o, Error *e) {
    if (!o) return true;
    if (o->threads < 0 || o->threads > SD_MOST_THREADS)
        return error_set(e, ERR_ARGUMENT, "threads: %d is not in 0..%d", o->threads, SD_MOST_THREADS);
    if ((unsigned)o->prediction > SD_PREDICTION_X0)
        return error_set(e, ERR_ARGUMENT, "prediction: %d is not in 0..%d", (int)o->prediction, (int)SD_PREDICTION_X0);
    return (unsigned)o->precision <= SD_BF16 ||
           error_set(e, ERR_ARGUMENT, "precision: %d is not in 0..%d", (int)o->precision, (int)SD_BF16);
}

bool model_choose_device(SdModel *m, const SdOptions *o, Error *e) {
    const char *text = o && o->device ? o->device : "cpu";
    SdPrecision precision = o ? o->precision : SD_F32;
    DType type = precision == SD_F16 ? F16 : precision == SD_BF16 ? BF16 : F32;
    Error why = {0}; /* why "auto" found no GPU */
    Devices d;
    if (!check_options(o, e)) return false;
    bool exact = o && o->exact;
    if (exact && precision != SD_F32 && precision != SD_F32_DIRECT)
        return error_set(e, ERR_ARGUMENT,
                         "exact: only f32 and f32-direct have the same bits on every machine; choose one of them");
    m->ops = exact ? cpu_ops_exact(e) : cpu_ops(e);
    if (!m->ops) return false;
    if (!devices_parse(text, &d))
        return error_set(e, ERR_ARGUMENT, "device '%.60s': must be one of auto, cpu, cuda, cuda:N, cuda:N,M", text);
    m->precision = precision == SD_F32_DIRECT ? PRECISION_F32_DIRECT : PRECISION_F32;
    m->peer_count = d.kind == DEVICE_CUDA ? d.count - 1 : 0;
    if (d.kind == DEVICE_CUDA || (d.kind == DEVICE_AUTO && gpu_count() > 0)) {
        m->gpu = gpu_open(d.gpus[0], d.kind == DEVICE_CUDA ? e : &why);
        if (m->gpu) m->ops = gpu_ops(m->gpu, precision == SD_MIXED ? F16 : type);
        if (m->gpu && exact && !m->ops->exact)
            return error_set(e, ERR_ARGUMENT, "exact: not on this device; use --device cpu");
        if (m->gpu || d.kind == DEVICE_CUDA) return m->gpu != NULL;
    } else if (d.kind == DEVICE_AUTO) gpu_unusable(&why);
    const char *emulated = m->ops == cpu_table_emulating() ? "; fma emulated, several times slower" : "";
    snprintf(m->device, sizeof m->device, "cpu%s%s%.300s", emulated, why.code ? "; " : "", why.text);
    if (precision == SD_MIXED && cpu_ops_mixed()) m->ops = cpu_ops_mixed();
    if (type == F32) return true;
    return error_set(e, ERR_ARGUMENT, "precision %s: is for GPUs; use f32 on the CPU", type == F16 ? "f16" : "bf16");
}

/* Where a model comes from. */
typedef struct {
    const char *name;  /* a path, or what messages call the bytes */
    const void *bytes; /* NULL: the file or folder of that name */
    size_t size;
} Source;

static SdModel *open_source(Source from, const SdOptions *options, Error *e);

/* The GPUs after the first, each with a model of its own. */
static bool open_peers(SdModel *m, Source from, const SdOptions *options, Error *e) {
    Devices d;
    int count = m->peer_count;
    m->peer_count = 0;
    if (!count) return true;
    devices_parse(options->device, &d);
    m->peers = calloc((size_t)count, sizeof *m->peers);
    m->gpu_threads = pool_new(count + 1, e);
    if (!m->peers || !m->gpu_threads) return error_set(e, ERR_MEMORY, "%s: out of memory", from.name);
    for (int i = 0; i < count; i++) {
        char name[32];
        SdOptions o = *options;
        snprintf(name, sizeof name, "cuda:%d", d.gpus[i + 1]);
        o.device = name;
        if (!o.prediction) o.prediction = (SdPrediction)(m->config.prediction + 1); /* they stand in one order */
        m->peers[i] = open_source(from, &o, e);
        if (!m->peers[i]) return false;
        m->peers[i]->told_prediction = m->told_prediction; /* what their pictures say */
        m->peer_count++;
    }
    return true;
}

/* --- opening --- */

/* Parts from files of their own. A TAESD may lack one half. */
static bool open_given(Checkpoint *c, const SdOptions *o, Error *e) {
    Error decoder = {0}, encoder = {0};
    if (o->vae || o->text_encoder || o->text_encoder_2) checkpoint_give_own(c);
    if (!checkpoint_give(c, GIVEN_UNET, o->unet, e) || !checkpoint_give(c, GIVEN_VAE, o->vae, e) ||
        !checkpoint_give(c, GIVEN_TEXT, o->text_encoder, e) || !checkpoint_give(c, GIVEN_TEXT_2, o->text_encoder_2, e))
        return false;
    bool decodes = checkpoint_give(c, GIVEN_TAESD_DECODER, o->taesd, &decoder);
    bool encodes = checkpoint_give(c, GIVEN_TAESD_ENCODER, o->taesd, &encoder);
    if (!decodes && encoder.code && encoder.code != decoder.code) return error_pass(e, &encoder);
    if (decodes || encodes) return true;
    return decoder.code == ERR_FORMAT && encoder.code == ERR_FORMAT && strstr(decoder.text, "holds no TAESD")
               ? error_set(e, ERR_FORMAT, "%s: holds no TAESD; name taesd_decoder.safetensors or the like", o->taesd)
               : error_pass(e, &decoder);
}

static bool open_checkpoint(SdModel *m, Source from, const SdOptions *options, Error *e) {
    m->checkpoint =
        from.bytes ? checkpoint_open_memory(from.name, from.bytes, from.size, e) : checkpoint_open(from.name, e);
    if (!m->checkpoint) return false;
    size_t size;
    if (from.bytes && from.bytes == builtin_model(&size)) m->checkpoint->file->backed = os_maps_program();
    if (options && !open_given(m->checkpoint, options, e)) return false;
    bool others = options && (options->vae || options->taesd);
    if (!others && !checkpoint_give_tiny_vae(m->checkpoint, e)) return false;
    const WeightFile *f = m->checkpoint->file;
    const char *version = f ? weight_file_meta(f, "sdc.format") : NULL;
    m->checkpoint->ema = options && options->ema;
    if (m->checkpoint->ema && checkpoint_is_given(m->checkpoint, GIVEN_UNET))
        return error_set(e, ERR_ARGUMENT,
                         "ema: counts with the model's own U-Net, and another is named; leave one out");
    if (m->checkpoint->ema && !checkpoint_find(m->checkpoint, KEY_UNET "input_blocks.0.0.weight").tensor)
        return error_set(e, ERR_FORMAT, "%s: holds no moving averages of its U-Net (model_ema.*); leave --ema out",
                         m->checkpoint->path);
    return !version || !strcmp(version, "1") ||
           error_set(e, ERR_FORMAT,
                     "%s: \"sdc.format\" is '%.40s', and this version reads 1; convert the original anew",
                     m->checkpoint->path, version);
}

/* Where neither the caller nor a file says it, an SD 2 model is asked: opened once more for that, on the CPU. */
static bool settle_prediction(SdModel *m, Source from, const SdOptions *options, Error *e) {
    SdConfig *k = &m->config;
    SdPrediction told = options ? options->prediction : SD_PREDICTION_MODEL;
    m->told_prediction = told;
    if (told) k->prediction = (Prediction)(told - 1), m->notes.prediction = "--prediction";
    else if (!m->notes.prediction && prediction_is_open(k)) {
        SdOptions own = options ? *options : (SdOptions){0};
        own = (SdOptions){.threads = own.threads,
                          .prediction = SD_PREDICTION_EPS,
                          .vae = own.vae,
                          .text_encoder = own.text_encoder,
                          .text_encoder_2 = own.text_encoder_2,
                          .unet = own.unet,
                          .taesd = own.taesd,
                          .ema = own.ema};
        SdModel *once = open_source(from, &own, e);
        bool v = false, ok = once && prediction_measure(once, &v, e);
        sd_close(once);
        if (!ok) return false;
        k->prediction = v ? PREDICT_V : PREDICT_EPS;
        m->notes.prediction = "its U-Net, run once on a constant";
    }
    const WeightFile *single = m->checkpoint->file;
    if (single && !weight_file_meta(single, "sdc.config") && !strcmp(config_variant(k), "768-v"))
        k->width = k->height = 768; /* which a folder says */
    return true;
}

static bool new_helpers(SdModel *m, const SdOptions *options, Error *e) {
    m->pool = pool_new(options ? options->threads : 0, e);
    if (!m->pool) return false;
    m->tokenizer = tokenizer_new();
    return m->tokenizer || error_set(e, ERR_MEMORY, "%s: out of memory for the tokenizer", m->checkpoint->path);
}

static bool open_embeddings(SdModel *m, const SdOptions *options, Error *e) {
    const char *folder = options ? options->embedding_dir : NULL;
    if (folder && !*folder) return error_set(e, ERR_ARGUMENT, "embedding dir: its name is empty; name a folder");
    return embeddings_open(&m->embeddings, folder, &m->config, m->tokenizer, e);
}

static SdModel *open_source(Source from, const SdOptions *options, Error *e) {
    Error own = {0};
    if (!e) e = &own;
    if (e->code) return NULL;
    SdModel *m = calloc(1, sizeof *m);
    if (!m) {
        error_set(e, ERR_MEMORY, "%s: out of memory", from.name);
        return NULL;
    }
    m->memory_limit = options ? options->memory_limit : 0;
    if (model_choose_device(m, options, e) && open_checkpoint(m, from, options, e) &&
        detect_config(m->checkpoint, &m->config, &m->notes, e) && check_size(m, e) && model_bind(m, e) &&
        check_complete(m, e) && read_tokens(m, e) && settle_prediction(m, from, options, e) &&
        model_noise_levels(m, e) && new_helpers(m, options, e) && open_embeddings(m, options, e) &&
        open_peers(m, from, options, e))
        return m;
    sd_close(m);
    return NULL;
}

SdModel *sd_open_memory(const char *name, const void *bytes, size_t size, const SdOptions *options, Error *e) {
    if (!name) name = "model in memory";
    if (bytes) return open_source((Source){.name = name, .bytes = bytes, .size = size}, options, e);
    error_set(e, ERR_ARGUMENT, "%s: the address of its bytes is NULL", name);
    return NULL;
}

SdModel *sd_open(const char *path, const SdOptions *options, Error *e) {
    size_t size = 0;
    const void *bytes = path ? NULL : builtin_model(&size);
    if (path || bytes) return open_source((Source){path ? path : "built-in model", bytes, size}, options, e);
    error_set(
        e, ERR_ARGUMENT,
        "no model is built in: name a .safetensors file of Stable Diffusion 1.x, 2.x or SDXL, or a diffusers folder");
    return NULL;
}

void sd_close(SdModel *m) {
    if (!m) return;
    workspace_drop_kept(m);
    kept_values_drop(&m->made);
    overlay_free(m->overlay);
    m->overlay = NULL;
    for (int i = 0; i < PART_COUNT; i++) {
        model_release(m, (Part)i);
        weight_list_free(&m->lists[i]);
    }
    for (int i = 0; i < MAX_ENCODERS; i++) clip_free(&m->clip[i]);
    unet_free(&m->unet);
    vae_free(&m->decoder);
    vae_free(&m->encoder);
    free(m->taesd_decoder);
    free(m->taesd_encoder);
    esrgan_free(&m->upscaler);
    tokenizer_free(m->tokenizer);
    embeddings_free(&m->embeddings);
    pool_free(m->pool);
    gpu_close(m->gpu);
    for (int i = 0; m->peers && i < m->peer_count; i++) sd_close(m->peers[i]);
    free(m->peers);
    pool_free(m->gpu_threads);
    checkpoint_close(m->checkpoint);
    free(m);
}

bool sd_builtin(void) {
    size_t size;
    return builtin_model(&size) != NULL;
}

bool sd_exact(const SdModel *m) { return m && m->ops->exact; }

bool sd_has_mixed(void) { return cpu_ops_mixed() != NULL; }

bool sd_embedding(const SdModel *m, int i, SdEmbedding *out) {
    if (!m || !out || i < 0 || i >= m->embeddings.count) return false;
    const Embedding *x = &m->embeddings.at[i];
    *out = (SdEmbedding){.name = x->name, .path = x->path, .vectors = x->vectors, .skipped = x->skipped};
    return true;
}

int sd_embedding_missed(const SdModel *m, const char *text, int from) {
    return m ? embeddings_missed(&m->embeddings, &m->config, m->tokenizer, text, from) : -1;
}

const char *sd_unused(const SdModel *m) { return m ? m->notes.said : ""; }

const char *sd_device(const SdModel *m) { return !m ? "" : m->gpu ? gpu_name(m->gpu) : m->device; }
