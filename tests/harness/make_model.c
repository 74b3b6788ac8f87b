/* make_model.c: see make_model.h. Values depend on the single file's names, whatever a layout calls a tensor, so the
 * same model comes out of every layout. */
#define _XOPEN_SOURCE 700
#include "make_model.h"

#include "sd/models/clip.h"
#include "sd/models/unet.h"
#include "sd/models/vae.h"
#include "weights/formats/names.h"
#include "weights/formats/safetensors.h"
#include "tools/ledger/generated.h"
#include "make_model_json.h"
#include "test.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* --- what is in the file --- */

/* What training leaves in a file and nobody needs: moving averages under names without dots, tables of the schedule. */
static void add_ema(MadeTensors *l) {
    static const char FROM[] = "model.diffusion_model.";
    size_t count = l->count;
    for (size_t i = 0; i < count; i++) {
        MadeTensor e = l->at[i];
        if (strncmp(e.name, FROM, strlen(FROM))) continue;
        char name[192] = "model_ema.";
        size_t at = strlen(name);
        for (const char *p = e.name + strlen("model."); *p; p++)
            if (*p != '.') name[at++] = *p;
        name[at] = 0;
        made_tensor(l, name, name, e.t.dtype, e.t.nd, e.t.n);
    }
    made_tensor(l, "model_ema.decay.bias", "model_ema.decay", F32, 0, NULL);
    made_tensor(l, "", "model_ema.num_updates", I32, 0, NULL);
}

static const char *const BUFFERS[] = {
    "betas",
    "alphas_cumprod",
    "alphas_cumprod_prev",
    "sqrt_alphas_cumprod",
    "sqrt_one_minus_alphas_cumprod",
    "log_one_minus_alphas_cumprod",
    "sqrt_recip_alphas_cumprod",
    "sqrt_recipm1_alphas_cumprod",
    "posterior_variance",
    "posterior_log_variance_clipped",
    "posterior_mean_coef1",
    "posterior_mean_coef2",
};
enum { TIMES = 1000, BUFFER_COUNT = sizeof BUFFERS / sizeof *BUFFERS };

/* The tables of CompVis's DDPM (ddpm.py, register_schedule) by name; false for any other name. */
static bool buffer_values(const char *name, float out[TIMES]) {
    int which = 0;
    while (which < BUFFER_COUNT && strcmp(BUFFERS[which], name)) which++;
    if (which == BUFFER_COUNT) return false;
    double before = 1, low = sqrt(0.00085), high = sqrt(0.012);
    for (int t = 0; t < TIMES; t++) {
        double root = low + (high - low) * t / (TIMES - 1), beta = root * root, a = before * (1 - beta);
        double posterior = beta * (1 - before) / (1 - a);
        const double values[BUFFER_COUNT] = {beta,
                                             a,
                                             before,
                                             sqrt(a),
                                             sqrt(1 - a),
                                             log(1 - a),
                                             sqrt(1 / a),
                                             sqrt(1 / a - 1),
                                             posterior,
                                             log(posterior > 1e-20 ? posterior : 1e-20),
                                             beta * sqrt(before) / (1 - a),
                                             (1 - before) * sqrt(1 - beta) / (1 - a)};
        out[t] = (float)values[which];
        before = a;
    }
    return true;
}

static void add_buffers(MadeTensors *l) {
    for (int i = 0; i < BUFFER_COUNT; i++) made_tensor(l, "", BUFFERS[i], F32, 1, SHAPE(TIMES));
}

/* out = name with `from` replaced by `to` where it has it. */
static void replace(char name[192], const char *from, const char *to) {
    char *at = strstr(name, from), tail[192];
    if (!at) return;
    snprintf(tail, sizeof tail, "%s", at + strlen(from));
    snprintf(at, (size_t)(name + 192 - at), "%s%s", to, tail);
}

static void rename_for_diffusers(MadeTensors *l, const SdConfig *k, bool early_attention) {
    static const char *const EARLY[4][2] = {
        {".to_q.", ".query."}, {".to_k.", ".key."}, {".to_v.", ".value."}, {".to_out.0.", ".proj_attn."}};
    for (size_t i = 0; i < l->count; i++) {
        MadeTensor *e = &l->at[i];
        char name[192];
        if (!name_to_diffusers(e->name, k->unet.res_blocks, k->unet.levels, k->vae.levels, e->part, sizeof e->part,
                               name, sizeof name)) {
            error_set(l->err, ERR_ARGUMENT, "no diffusers name for %s", e->name);
            return;
        }
        memcpy(e->name, name, sizeof name);
        if (config_sizes(k) == 5 && !strcmp(e->part, "text_encoder"))
            strcpy(e->part, "text_encoder_2"); /* its only one */
        if (strcmp(e->part, "vae") || !strstr(name, ".mid_block.attentions.")) continue;
        if (e->t.nd == 4) e->t.nd = 2; /* linear layers there, 1x1 convolutions in the single file */
        for (int j = 0; early_attention && j < 4; j++) replace(e->name, EARLY[j][0], EARLY[j][1]);
    }
}

static void rename_attention(MadeTensors *l) {
    static const char *const NEW[][2] = {{".attn_1.q.", ".attn_1.to_q."},
                                         {".attn_1.k.", ".attn_1.to_k."},
                                         {".attn_1.v.", ".attn_1.to_v."},
                                         {".attn_1.proj_out.", ".attn_1.to_out.0."},
                                         {".attn_1.norm.", ".attn_1.group_norm."}};
    for (size_t i = 0; i < l->count; i++)
        for (int j = 0; j < 5; j++) {
            bool has = strstr(l->at[i].name, NEW[j][0]);
            replace(l->at[i].name, NEW[j][0], NEW[j][1]);
            if (has && l->at[i].t.nd == 4) l->at[i].t.nd = 2;
        }
}

/* --- writing --- */

/* Writes the entries of one part of a folder ("": all of them) to one file; only those of a shard, if it is not 0. */
static bool write_file(const char *path, const MadeTensors *l, const char *part, int shard, const FileMeta *meta,
                       size_t metas, Error *e) {
    FileTensor *tensors = malloc((l->count + 1) * sizeof *tensors);
    const MadeTensor **from = malloc((l->count + 1) * sizeof *from);
    size_t count = 0;
    for (size_t i = 0; tensors && from && i < l->count; i++) {
        if (*part && strcmp(l->at[i].part, part)) continue;
        if (shard && l->at[i].shard != shard) continue;
        tensors[count] = l->at[i].t;
        tensors[count].name = l->at[i].name;
        from[count++] = &l->at[i];
    }
    StWriter *w = st_write_begin(path, tensors, count, meta, metas, e);
    bool ok = w != NULL;
    for (size_t i = 0; ok && i < count; i++) ok = made_write(w, from[i], e);
    if (ok) ok = st_write_end(w, e);
    else st_write_abort(w);
    free(from);
    free(tensors);
    return ok;
}

/* Which file holds which tensor of the part. */
static bool write_index(const char *path, const MadeTensors *l, const char *part, const char *stem, int shards) {
    FILE *f = fopen(path, "w");
    if (!f) return false;
    const char *comma = "";
    fprintf(f, "{\n  \"metadata\": {\"total_size\": 1},\n  \"weight_map\": {");
    for (size_t i = 0; i < l->count; i++) {
        const MadeTensor *t = &l->at[i];
        if (strcmp(t->part, part)) continue;
        fprintf(f, "%s\n    \"%s\": \"%s-%05d-of-%05d.safetensors\"", comma, t->name, stem, t->shard, shards);
        comma = ",";
    }
    fprintf(f, "\n  }\n}\n");
    bool ok = !ferror(f);
    return fclose(f) == 0 && ok;
}

/* The files of a part's weights. folder: the part's own. */
static bool write_part(const char *folder, MadeTensors *l, const char *part, const char *stem, const MakeModel *spec,
                       Error *e) {
    const FileMeta meta = {"format", "pt"};
    int shards = strcmp(part, "unet") ? 0 : spec->shards, at = 0;
    char file[1200];
    snprintf(file, sizeof file, "%s/%s%s.safetensors", folder, stem, spec->fp16_names ? ".fp16" : "");
    if (!shards) return write_file(file, l, part, 0, &meta, 1, e);
    for (size_t i = 0; i < l->count; i++)
        if (!strcmp(l->at[i].part, part)) l->at[i].shard = 1 + at++ % shards;
    for (int i = 1; i <= shards; i++) {
        snprintf(file, sizeof file, "%s/%s-%05d-of-%05d.safetensors", folder, stem, i, shards);
        if (!write_file(file, l, part, i, &meta, 1, e)) return false;
    }
    snprintf(file, sizeof file, "%s/%s.safetensors.index.json", folder, stem);
    return write_index(file, l, part, stem, shards) || error_set(e, ERR_FILE, "%s: cannot be written", file);
}

static bool has_part(const SdConfig *k, const char *part) {
    if (!strcmp(part, "text_encoder")) return config_sizes(k) != 5;
    return strcmp(part, "text_encoder_2") || k->unet.label;
}

static bool write_folder(const char *path, MadeTensors *l, const SdConfig *k, const MakeModel *spec, Error *e) {
    static const char *const PARTS[][2] = {{"unet", "diffusion_pytorch_model"},
                                           {"vae", "diffusion_pytorch_model"},
                                           {"text_encoder", "model"},
                                           {"text_encoder_2", "model"},
                                           {"scheduler", NULL},
                                           {"", NULL}};
    char file[1024];
    for (size_t i = 0; i < sizeof PARTS / sizeof *PARTS; i++) {
        const char *part = PARTS[i][0];
        if (!has_part(k, part)) continue;
        snprintf(file, sizeof file, "%s/%s", path, part);
        if (mkdir(path, 0777) && errno != EEXIST) return error_set(e, ERR_FILE, "%s: %s", path, strerror(errno));
        if (mkdir(file, 0777) && errno != EEXIST) return error_set(e, ERR_FILE, "%s: %s", file, strerror(errno));
        if (PARTS[i][1] && !write_part(file, l, part, PARTS[i][1], spec, e)) return false;
        const char *config = !*part ? "model_index.json" : PARTS[i][1] ? "config.json" : "scheduler_config.json";
        snprintf(file, sizeof file, "%s/%s%s%s", path, part, *part ? "/" : "", config);
        if (!write_model_json(file, part, k)) return error_set(e, ERR_FILE, "%s: cannot be written", file);
    }
    return true;
}

SdConfig tiny_config(void) {
    SdConfig k = micro_config();
    k.unet.levels = k.vae.levels = 2;
    for (int i = 0; i < MAX_LEVELS; i++) k.unet.mult[i] = k.vae.mult[i] = i < 2, k.unet.depth[i] = i == 0;
    k.unet.channels = k.vae.channels = 8;
    k.unet.res_blocks = k.vae.res_blocks = 1;
    k.unet.heads = k.clip[0].heads = 2;
    k.unet.context = k.clip[0].width = k.clip[0].mlp = 8;
    k.unet.groups = k.vae.groups = 4;
    k.clip[0].layers = 1;
    k.width = k.height = 8;
    k.steps = 2;
    return k;
}

SdConfig plain_config(void) {
    SdConfig k = tiny_config();
    k.unet.channels = k.vae.channels = k.unet.groups = k.vae.groups = 32;
    k.clip[0].width = k.unet.context = 64;
    k.clip[0].heads = 1, k.unet.heads = 8;
    return k;
}

bool make_model(const char *path, MakeModel spec) {
    return make_model_of(path, spec, spec.size == MODEL_FULL ? config_sd1() : micro_config());
}

SdConfig config_for_folder(SdConfig k) {
    for (int i = 0; i < k.encoders; i++) {
        ClipConfig *c = &k.clip[i];
        if (c->open_clip && c->layer == 2 && !c->pooled && c->layers > 1) c->layers--, c->layer = 1;
        c->open_clip = false;
    }
    return k;
}

bool make_model_of(const char *path, MakeModel spec, SdConfig k) {
    Error e = {0};
    MadeTensors l = {.err = &e};
    if (spec.layout == MODEL_DIFFUSERS) k = config_for_folder(k);
    made_networks(&l, &k, spec.dtype);
    if (spec.ema && !e.code) add_ema(&l);
    if (spec.buffers && !e.code) add_buffers(&l);
    if (spec.layout == MODEL_DIFFUSERS && !e.code) rename_for_diffusers(&l, &k, spec.early_attention);
    if (spec.new_attention) rename_attention(&l);
    for (size_t i = 0; spec.bare_text && i < l.count; i++) replace(l.at[i].name, "text_model.", "");
    if (spec.edit && !e.code) spec.edit(spec.user, &l);
    for (size_t i = 0; i < l.count; i++) l.at[i].numbers = buffer_values;
    char *json = config_to_json(&k);
    /* shapes do not tell heads and groups: a file of any other size than SD's says what it is */
    const char *config = spec.config ? spec.config : spec.size == MODEL_MICRO && json ? json : "";
    FileMeta meta[3] = {{"format", "pt"}};
    size_t metas = 1;
    if (*config) meta[metas++] = (FileMeta){"sdc.config", config};
    if (spec.tokens) meta[metas++] = (FileMeta){"sdc.tokens", spec.tokens};
    if (!e.code && json) {
        if (spec.layout == MODEL_DIFFUSERS) write_folder(path, &l, &k, &spec, &e);
        else write_file(path, &l, "", 0, meta, metas, &e);
    }
    if (e.code || !json) fprintf(stderr, "make_model: %s\n", e.code ? e.text : "out of memory");
    bool ok = json && !e.code;
    free(json);
    free(l.at);
    return ok;
}

bool make_micro_model(const char *path, DType dtype) {
    MakeModel spec = {.size = MODEL_MICRO, .layout = MODEL_SINGLE, .dtype = dtype};
    return test_check(make_model(path, spec), "the micro model is written");
}

int make_model_main(int argc, char **argv) {
    static const char *const SIZES[] = {"micro", "full", "micro-sd2", "micro-sdxl", "micro-refiner"},
                             *const LAYOUTS[] = {"single", "diffusers"}, *const TYPES[] = {"f32", "f16", "bf16"};
    static const DType DTYPES[] = {F32, F16, BF16};
    static SdConfig (*const CONFIGS[])(void) = {micro_config, config_sd1, micro_sd2_config, micro_sdxl_config,
                                                micro_refiner_config};
    int size = -1, layout = -1, type = -1;
    for (int i = 0; argc == 4 && i < 5; i++) {
        if (!strcmp(argv[0], SIZES[i])) size = i;
        if (i > 2) continue;
        if (i < 2 && !strcmp(argv[1], LAYOUTS[i])) layout = i;
        if (!strcmp(argv[2], TYPES[i])) type = i;
    }
    if (size < 0 || layout < 0 || type < 0) {
        fprintf(
            stderr,
            "usage: --make-model micro|full|micro-sd2|micro-sdxl|micro-refiner single|diffusers f32|f16|bf16 PATH\n");
        return 2;
    }
    MakeModel spec = {.dtype = DTYPES[type]};
    spec.size = size == 1 ? MODEL_FULL : MODEL_MICRO;
    spec.layout = layout ? MODEL_DIFFUSERS : MODEL_SINGLE;
    return make_model_of(argv[3], spec, CONFIGS[size]()) ? 0 : 1;
}
