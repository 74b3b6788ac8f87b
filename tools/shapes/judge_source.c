/* judge_source.c: pictures freshly drawn, drawn and passed through a model's VAE, or made by a model from the caption.
 */
#include "judge_source.h"

#include "sd/image/pixels.h"
#include "sd/load/weights.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- the VAE alone: the mean of the encoder's distribution, decoded --- */

typedef struct Autoencoder {
    Arena arena;
    Ctx ctx;
} Autoencoder;

static Tensor encode_and_decode(Ctx *c, const SdModel *m, int size, const uint8_t *rgb) {
    int64_t channels = m->config.vae.latent, side = size / vae_factor(&m->config.vae);
    Tensor image = tensor_new(c, 4, SHAPE(1, size, size, 3));
    Tensor moments = tensor_new(c, 4, SHAPE(1, side, side, 2 * channels));
    Tensor z = tensor_new(c, 4, SHAPE(1, side, side, channels));
    if (rgb) pixels_to_floats(image.data, rgb, tensor_count(image));
    vae_encode(c, moments, &m->encoder, image);
    for (int64_t i = 0; rgb && i < tensor_count(z); i++)
        ((float *)z.data)[i] = (float)vae_scale(&m->config.vae) *
                               ((const float *)moments.data)[i / channels * 2 * channels + i % channels];
    vae_decode(c, image, &m->decoder, z);
    return image;
}

static bool begin_vae(Source *s, Error *e) {
    Arena counted = {0};
    Ctx plan = {.op = plan_ops(), .precision = s->model->precision, .arena = &counted};
    encode_and_decode(&plan, s->model, s->size, NULL);
    s->vae = calloc(1, sizeof *s->vae);
    if (!s->vae) return error_set(e, ERR_MEMORY, "out of memory");
    s->vae->ctx =
        (Ctx){.op = s->model->ops, .precision = s->model->precision, .pool = s->model->pool, .arena = &s->vae->arena};
    return arena_init(&s->vae->arena, counted.peak, e) && model_load(s->model, PART_ENCODER, e) &&
           model_load(s->model, PART_DECODER, e);
}

static bool reconstruct(Source *s, uint8_t *rgb, Error *e) {
    Ctx *c = &s->vae->ctx;
    size_t scope = scope_begin(c);
    Tensor image = encode_and_decode(c, s->model, s->size, rgb);
    bool ok = error_pass(e, &c->err);
    for (int64_t i = 0; ok && i < tensor_count(image); i++) {
        float v = ((const float *)image.data)[i] * 127.5f + 127.5f;
        if (!isfinite(v))
            ok = error_set(e, ERR_NUMERIC, "the VAE's output is not finite; the model or its file is damaged");
        uint8_t byte = (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v + 0.5f);
        s->squared_error += (byte - rgb[i]) * (byte - rgb[i]);
        rgb[i] = byte;
    }
    s->values += tensor_count(image);
    scope_end(c, scope);
    return ok;
}

/* --- all sources --- */

/* rgb[JUDGE_SIDE,JUDGE_SIDE,3] = the means of squares of large[size,size,3] */
static void shrink(uint8_t *rgb, const uint8_t *large, int size) {
    int k = size / JUDGE_SIDE;
    for (int i = 0; i < JUDGE_PIXELS * 3; i++) {
        int x = i / 3 % JUDGE_SIDE * k, y = i / 3 / JUDGE_SIDE * k, sum = 0;
        for (int j = 0; j < k * k; j++) sum += large[((y + j / k) * size + x + j % k) * 3 + i % 3];
        rgb[i] = (uint8_t)((sum + k * k / 2) / (k * k));
    }
}

bool source_begin(Source *s, Error *e) {
    if (!s->size) s->size = s->model ? s->request.width : JUDGE_SIDE;
    s->request.width = s->request.height = s->size;
    if (s->size % JUDGE_SIDE || s->size < JUDGE_SIDE)
        return error_set(e, ERR_ARGUMENT, "the judge takes pictures of %d pixels a side or a multiple, not %d",
                         JUDGE_SIDE, s->size);
    s->request.keep = true;
    s->large = malloc((size_t)s->size * (size_t)s->size * 3);
    if (!s->large) return error_set(e, ERR_MEMORY, "out of memory for a picture");
    return s->kind != SOURCE_RECONSTRUCTED || begin_vae(s, e);
}

bool source_picture(Source *s, uint8_t *rgb, const Scene *scene, const char *caption, int64_t number, Error *e) {
    bool ok = true;
    if (s->kind == SOURCE_SAMPLED) {
        SdResult result = {0};
        s->request.prompt = caption;
        s->request.seed = s->seed + number;
        ok = sd_txt2img(s->model, &s->request, &result, e);
        if (ok) memcpy(s->large, result.pictures[0].rgb, (size_t)s->size * (size_t)s->size * 3);
        sd_free(&result);
    } else {
        shapes_draw(s->large, scene, s->size);
        ok = s->kind == SOURCE_DRAWN || reconstruct(s, s->large, e);
    }
    if (ok) shrink(rgb, s->large, s->size);
    return ok;
}

void source_end(Source *s) {
    if (s->vae) arena_free(&s->vae->arena);
    free(s->vae);
    free(s->large);
}
