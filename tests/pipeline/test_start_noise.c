/* test_start_noise.c: what img2img begins with (the noise's multiplier, and extra noise), against the webui's formulas;
 * and latents in files. */
#include "sd/sd.h"
#include "tests/harness/make_model.h"
#include "tests/harness/test.h"
#include "weights/formats/safetensors.h"
#include "pipeline.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = 16, MOST = 1024 };

/* The activations that are compared. */
typedef struct {
    float noise[MOST], init[MOST], start[MOST];
    int64_t n, height, width;
} Seen;

static bool see(void *user, const char *name, int nd, const int64_t *n, const float *values) {
    Seen *s = user;
    float *to = !strcmp(name, "noise")           ? s->noise
                : !strcmp(name, "latents.init")  ? s->init
                : !strcmp(name, "latents.start") ? s->start
                                                 : NULL;
    int64_t count = 1;
    for (int i = 0; i < nd; i++) count *= n[i];
    if (!to || count > MOST) return true;
    s->n = count, s->height = n[2], s->width = n[3];
    memcpy(to, values, (size_t)count * sizeof *to);
    return true;
}

static SdRequest request(SdModel *m, const uint8_t *image) {
    SdRequest r = sd_request(m);
    r.prompt = "x", r.width = r.height = SIDE, r.steps = 4, r.seed = 3;
    r.image = image, r.image_width = r.image_height = SIDE;
    return r;
}

/* One start: with the level between picture and noise of a plain one. */
static void starts(SdModel *m, const uint8_t *image, const char *sampler, double multiplier, double extra) {
    Seen plain = {.n = 0}, s = {.n = 0};
    SdResult out = {0};
    Error e = {0};
    SdRequest r = request(m, image);
    r.sampler = sampler, r.activation = see, r.user = &plain;
    bool ok = sd_img2img(m, &r, &out, &e);
    sd_free(&out);
    r.noise_multiplier = multiplier, r.extra_noise = extra, r.user = &s;
    ok = ok && sd_img2img(m, &r, &out, &e);
    sd_free(&out);
    double worst = 0;
    bool time = !strcmp(sampler, "DDIM");
    /* plain.start = a init + b noise of two numbers gives a and b */
    double i0 = plain.init[0], n0 = plain.noise[0], i1 = plain.init[1], n1 = plain.noise[1];
    double b = (plain.start[1] * i0 - plain.start[0] * i1) / (n1 * i0 - n0 * i1), a = time ? sqrt(1 - b * b) : 1;
    if (!time) b = (plain.start[0] - i0) / n0;
    for (int64_t i = 0; ok && i < s.n; i++) {
        double noise = s.noise[i] * multiplier, want = s.init[i] * a + noise * b + noise * extra * a;
        worst = fmax(worst, fabs(want - s.start[i]));
    }
    test_check(ok && s.n > 0 && worst < 2e-3, "%s, noise x %g, extra %g: the start is the webui's", sampler, multiplier,
               extra);
    test_note("off by %g; %s", worst, e.text);
}

/* Writes latents under another program's names. */
static bool write_other(const char *path, const char *name, bool version, const float *z, const Seen *s, float scale) {
    FileTensor t[2] = {{.name = (char *)(uintptr_t)name,
                        .dtype = F32,
                        .nd = 4,
                        .n = {1, s->n / (s->height * s->width), s->height, s->width}},
                       {.name = (char *)(uintptr_t) "latent_format_version_0", .dtype = F32, .nd = 1, .n = {0}}};
    float own[MOST];
    for (int64_t i = 0; i < s->n; i++) own[i] = z[i] * scale;
    StWriter *w = st_write_begin(path, t, 1 + version, NULL, 0, NULL);
    return w && st_write_data(w, own, (size_t)s->n * sizeof *own, NULL) && st_write_end(w, NULL);
}

static void files(SdModel *m, const uint8_t *image) {
    SdRequest r = request(m, image);
    SdResult drawn = {0}, out = {0};
    Seen s = {.n = 0};
    Error e = {0};
    const char *path = test_path("z.safetensors");
    r.activation = see, r.user = &s;
    bool ok = sd_img2img(m, &r, &drawn, &e) && sd_encode(m, &r, path, &e);
    WeightFile *f = ok ? weight_file_open(path, &e) : NULL;
    const FileTensor *t = f ? weight_file_find(f, "latents") : NULL;
    float z[MOST] = {0};
    bool equal = t && t->nd == 4 && t->n[0] == 1 && t->n[1] * t->n[2] * t->n[3] == s.n && file_tensor_f32(f, t, z) &&
                 !memcmp(z, s.init, (size_t)s.n * sizeof *z);
    test_check(equal, "sd_encode writes what img2img begins with, to the bit");
    test_note("%s", e.text);
    if (f) weight_file_close(f);
    /* the last latents of a drawing decode to its picture */
    Seen last = s;
    ok = write_other(path, "latents", false, z, &s, 1) && sd_decode(m, &r, path, &out, &e) && out.count == 1;
    SdPicture first = ok ? out.pictures[0] : (SdPicture){0};
    test_check(ok && first.width == SIDE && first.height == SIDE && !first.parameters, "sd_decode makes a picture");
    test_note("%s", e.text);
    SdResult other = {0};
    test_check(write_other(path, "latent_tensor", false, z, &last, 1) && sd_decode(m, &r, path, &other, &e) && ok &&
                   pipeline_same_picture(&first, other.pictures),
               "ComfyUI's first latents are the same numbers");
    sd_free(&other);
    test_check(write_other(path, "nothing", false, z, &last, 1) && !sd_decode(m, &r, path, &other, &e) &&
                   e.code == ERR_FORMAT && strstr(e.text, "holds no tensor 'latents'"),
               "a file without latents is refused");
    e = (Error){0};
    z[0] = NAN;
    test_check(write_other(path, "latents", false, z, &last, 1) && !sd_decode(m, &r, path, &other, &e) &&
                   strstr(e.text, "not finite"),
               "and one whose latents are not finite");
    sd_free(&out);
    sd_free(&drawn);
}

SUITE(start_noise, .seconds = 1) {
    Error e = {0};
    uint8_t image[SIDE * SIDE * 3];
    const char *path = test_path("tiny.safetensors");
    for (size_t i = 0; i < sizeof image; i++) image[i] = (uint8_t)(128 + 100 * test_uniform(5, i));
    SdModel *m = make_model_of(path, (MakeModel){.dtype = F32}, tiny_config()) ? sd_open(path, NULL, &e) : NULL;
    if (!test_check(m != NULL, "a tiny model")) return;
    starts(m, image, "Euler", 0.5, 0);
    starts(m, image, "Euler", 1, 0.25);
    starts(m, image, "DPM++ 2M", 1.25, 0.5);
    starts(m, image, "DDIM", 0.5, 0.5);
    files(m, image);
    sd_close(m);
}
