#include "besides.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The first row whose text begins a name, or is in it, says what a tensor is. */
static const struct {
    const char *text;
    bool begins;
    const char *is;
} KINDS[] = {
    {"model_ema.", true, "EMA weights (--ema takes them)"},
    {"position_ids", false, "position_ids"},
    {"logit_scale", false, "logit_scale"},
    {"attn_mask", false, "attn_mask"},
    {"text_projection", false, "text_projection"},
    {".scale_input", false, "scales of inputs (for 8-bit products)"}, /* ComfyUI's fp8 files */
    {".input_scale", false, "scales of inputs (for 8-bit products)"},
    {"scaled_fp8", false, "scaled_fp8"},
    {".comfy_quant", false, "names of 8-bit types"},
    {"alphas_cumprod", false, "tables of the schedule"}, /* CompVis's: register_schedule */
    {"betas", true, "tables of the schedule"},
    {"sqrt_", true, "tables of the schedule"},
    {"log_one_minus_", true, "tables of the schedule"},
    {"posterior_", true, "tables of the schedule"},
    {"denoiser.sigmas", true, "denoiser.sigmas"},
    {"first_stage_model.loss.", true, "parts of the VAE's loss"},
    {"control_model.", true, "weights of a ControlNet"},
    {"bundle_emb.", true, "embeddings"},
    {"vae.", true, "weights of a second VAE"},
    {"first_stage_model_", true, "weights of a second VAE"},
    {"lora", false, "weights of a LoRA"},
    {"model.diffusion_model.", true, "others of the U-Net"},
    {"first_stage_model.", true, "others of the VAE"},
    {"cond_stage_model.", true, "others of the text encoder"},
    {"conditioner.", true, "others of the text encoders"},
    {"", true, NULL}, /* named one by one */
};
enum { KIND_COUNT = sizeof KINDS / sizeof *KINDS };

static int kind_of(const char *name) {
    int i = 0;
    for (; *KINDS[i].text; i++)
        if (KINDS[i].begins ? !strncmp(name, KINDS[i].text, strlen(KINDS[i].text))
                            : strstr(name, KINDS[i].text) != NULL)
            break;
    return i;
}

/* An entry for each tensor of all files that some network, or the noise levels, read. */
typedef struct {
    const FileTensor **at;
    int64_t count;
} Used;

static int by_address(const void *a, const void *b) {
    uintptr_t x = (uintptr_t) * (const FileTensor *const *)a, y = (uintptr_t) * (const FileTensor *const *)b;
    return x < y ? -1 : x > y;
}

static bool find_used(const SdModel *m, Used *u) {
    static const char *const OTHERS[] = {"alphas_cumprod", "v_pred", "ztsnr"}; /* families.c, levels.c */
    int64_t most = sizeof OTHERS / sizeof *OTHERS;
    for (int p = 0; p < PART_COUNT; p++) most += 2 * m->lists[p].count;
    *u = (Used){.at = malloc((size_t)most * sizeof *u->at)};
    if (!u->at) return false;
    for (int p = 0; p < PART_COUNT; p++)
        for (int64_t i = 0; i < m->lists[p].count; i++) {
            const FileTensor *t = checkpoint_find(m->checkpoint, m->lists[p].w[i]->name).tensor;
            u->at[u->count++] = t;
            if (t && t->scale) u->at[u->count++] = t->scale;
        }
    for (size_t i = 0; i < sizeof OTHERS / sizeof *OTHERS; i++)
        u->at[u->count++] = checkpoint_find(m->checkpoint, OTHERS[i]).tensor;
    qsort(u->at, (size_t)u->count, sizeof *u->at, by_address);
    return true;
}

typedef struct {
    int64_t counts[KIND_COUNT];
    const char *first; /* of those that are named */
} Besides;

static void look(const WeightFile *f, const Used *u, Besides *b) {
    for (size_t i = 0; f && i < f->count; i++) {
        const FileTensor *t = &f->tensors[i];
        if (bsearch(&t, u->at, (size_t)u->count, sizeof t, by_address)) continue;
        int kind = kind_of(t->name);
        b->counts[kind]++;
        if (!KINDS[kind].is && !b->first) b->first = t->name;
    }
}

bool model_besides(const SdModel *m, char out[BESIDES_SIZE]) {
    const Checkpoint *c = m->checkpoint;
    Used used;
    Besides b = {.first = NULL};
    *out = 0;
    if (!find_used(m, &used)) return false;
    look(c->file, &used, &b);
    for (int p = 0; p < CHECKPOINT_PARTS; p++)
        for (int i = 0; i < c->parts[p].files.count; i++) look(c->parts[p].files.shards[i], &used, &b);
    free(used.at);
    for (int i = 0; i < KIND_COUNT; i++) {
        int64_t n = b.counts[i];
        for (int k = i + 1; k < KIND_COUNT; k++) /* rows of the same meaning */
            if (KINDS[i].is && KINDS[k].is && !strcmp(KINDS[i].is, KINDS[k].is)) n += b.counts[k], b.counts[k] = 0;
        if (!n) continue;
        if (KINDS[i].is && n == 1) config_note(out, "%s", KINDS[i].is);
        else if (KINDS[i].is) config_note(out, "%lld %s", (long long)n, KINDS[i].is);
        else config_note(out, "%lld other%s (%.60s%s)", (long long)n, n > 1 ? "s" : "", b.first, n > 1 ? ", ..." : "");
    }
    return true;
}
