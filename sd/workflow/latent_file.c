#include "latent_file.h"

#include "sd/pipeline/generate.h"
#include "sd/pipeline/latents.h"
#include "sd/pipeline/planes.h"
#include "weights/files/file_open.h"
#include "weights/formats/safetensors.h"

#include <stdlib.h>
#include <string.h>

static bool no_memory(Error *e) { return error_set(e, ERR_MEMORY, "out of memory for latents"); }

/* --- files --- */

static bool write(const char *path, const float *z, const int64_t n[4], Error *e) {
    FileTensor t = {.name = "latents", .dtype = F32, .nd = 4};
    size_t count = 1;
    for (int i = 0; i < 4; i++) t.n[i] = n[i], count *= (size_t)n[i];
    StWriter *w = st_write_begin(path, &t, 1, NULL, 0, e);
    if (!w) return false;
    if (st_write_data(w, z, count * sizeof *z, e)) return st_write_end(w, e);
    return st_write_abort(w), false;
}

static bool find(const WeightFile *f, const char *path, const VaeConfig *vae, const FileTensor **out, Error *e) {
    const FileTensor *t = weight_file_find(f, "latents");
    if (!t) t = weight_file_find(f, "latent_tensor");
    *out = t;
    if (!t)
        return error_set(e, ERR_FORMAT, "%.300s: holds no tensor 'latents'; --only-encode makes one", file_shown(path));
    if (t->nd != 4 || t->n[0] < 1 || t->n[0] > 1024 || t->n[1] != vae->latent || t->n[2] < 1 || t->n[3] < 1)
        return error_set(e, ERR_FORMAT,
                         "%.300s: its latents are not [pictures,%d,height,width], as the model's are; name "
                         "another file",
                         file_shown(path), vae->latent);
    return true;
}

bool latents_read(const char *path, const VaeConfig *vae, float **z, int64_t n[4], Error *e) {
    WeightFile *f = weight_file_open(path, e);
    const FileTensor *t = NULL;
    *z = NULL;
    bool ok = f && find(f, path, vae, &t, e);
    int64_t count = 1;
    for (int i = 0; ok && i < 4; i++) n[i] = t->n[i], count *= t->n[i];
    ok = ok && ((*z = malloc((size_t)count * sizeof **z)) || no_memory(e));
    if (ok && (!file_tensor_f32(f, t, *z) || !all_finite(*z, count)))
        ok = error_set(e, ERR_FORMAT, "%.300s: its latents hold values that are not finite numbers; make them anew",
                       file_shown(path));
    /* ComfyUI's are the VAE's own since its version 0, the U-Net's before. */
    bool own = ok && !strcmp(t->name, "latent_tensor") && weight_file_find(f, "latent_format_version_0");
    for (int64_t i = 0; own && i < count; i++) (*z)[i] = latent_of_vae(vae, i / (n[2] * n[3]) % n[1], (*z)[i]);
    if (f) weight_file_close(f);
    if (!ok) free(*z), *z = NULL;
    return ok;
}

/* --- calls --- */

/* What has no part in coding. */
static SdRequest coding(const SdRequest *r) {
    SdRequest own = *r;
    own.prompt = own.negative = "";
    own.networks = NULL, own.network_count = 0;
    own.controls = NULL, own.control_count = 0;
    own.refiner = NULL;
    own.mask = NULL;
    own.taps = own.tap = own.noise = NULL;
    own.activation = NULL, own.preview = NULL, own.attention = NULL;
    return own;
}

static bool begin(const char *call, const SdModel *m, const SdRequest *r, const char *path, Error *e) {
    if (e && e->code) return false;
    if (!m) return error_set(e, ERR_ARGUMENT, "%s: the model is NULL; sd_open opens one", call);
    if (!r) return error_set(e, ERR_ARGUMENT, "%s: the request is NULL; sd_request makes one", call);
    return (path && *path) || error_set(e, ERR_ARGUMENT, "%s: the file has no name", call);
}

bool sd_encode(SdModel *m, const SdRequest *r, const char *path, Error *e) {
    float *z = NULL;
    const Pass pass = {.encodes = true, .latents = &z};
    SdResult none = {0};
    if (!begin("encode", m, r, path, e)) return false;
    if (!r->image) return error_set(e, ERR_ARGUMENT, "encode: needs an image");
    const SdRequest own = coding(r);
    const int64_t unit = vae_factor(&m->config.vae),
                  n[4] = {own.batch_size, m->config.vae.latent, own.height / unit, own.width / unit};
    bool ok = generate(m, &own, &pass, &none, e) && write(path, z, n, e);
    free(z);
    return ok;
}

bool sd_decode(SdModel *m, const SdRequest *r, const char *path, SdResult *out, Error *e) {
    float *z = NULL;
    int64_t n[4];
    if (out) *out = (SdResult){0};
    if (!begin("decode", m, r, path, e)) return false;
    if (!out) return error_set(e, ERR_ARGUMENT, "decode: the place for its result is NULL");
    const VaeConfig *vae = &m->config.vae;
    if (!latents_read(path, vae, &z, n, e)) return false;
    SdRequest own = coding(r);
    bool fits = n[2] <= 16384 / vae_factor(vae) && n[3] <= 16384 / vae_factor(vae);
    own.image = NULL;
    own.hires_scale = 0, own.hires_width = own.hires_height = 0;
    own.batch_size = (int)n[0];
    if (fits) own.height = (int)n[2] * vae_factor(vae), own.width = (int)n[3] * vae_factor(vae);
    const Pass pass = {.decodes = true, .z = z};
    bool ok = (fits || error_set(e, ERR_FORMAT, "%.300s: its latents are of a picture that is too large; name others",
                                 file_shown(path))) &&
              generate(m, &own, &pass, out, e);
    free(z);
    return ok;
}
