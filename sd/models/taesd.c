#include "taesd.h"

#include <assert.h>
#include <stdio.h>

TaesdConfig taesd_decoder_config(void) {
    return (TaesdConfig){.channels = 64, .latent = 4, .levels = 4, .blocks = {3, 3, 3, 1}};
}

TaesdConfig taesd_encoder_config(void) {
    return (TaesdConfig){.channels = 64, .latent = 4, .levels = 4, .blocks = {1, 3, 3, 3}};
}

int taesd_factor(const TaesdConfig *k) { return 1 << (k->levels - 1); }

/* --- layout --- */

static const char *number(int i, char name[12]) {
    snprintf(name, 12, "%d", i);
    return name;
}

/* Layers from number `at` on: a level's blocks, then the convolution that changes the resolution, with the decoder's
 * Upsample before it. Ends with conv_out. */
static void bind_levels(WeightList *l, Taesd *m, int at, int64_t out) {
    int64_t channels = m->config.channels;
    char name[12];
    for (int i = 0; i < m->config.levels; i++) {
        assert(m->config.blocks[i] <= MAX_TAESD_BLOCKS);
        for (int k = 0; k < m->config.blocks[i]; k++) {
            size_t mark = bind_enter(l, "%d.", at++);
            bind_relublock(l, &m->blocks[i][k], channels);
            bind_leave(l, mark);
        }
        if (i + 1 == m->config.levels) break;
        at += m->decoder;
        bind_conv_plain(l, &m->resample[i], number(at++, name), channels, channels, 3);
    }
    bind_conv(l, &m->conv_out, number(at, name), channels, out, 3);
}

bool taesd_bind_decoder(Taesd *m, const TaesdConfig *k, WeightList *l) {
    *m = (Taesd){.config = *k, .decoder = true};
    bind_conv(l, &m->conv_in, "1", k->latent, k->channels, 3); /* 0: Clamp, 2: ReLU */
    bind_levels(l, m, 3, 3);
    return l->err->code == ERR_NONE;
}

bool taesd_bind_encoder(Taesd *m, const TaesdConfig *k, WeightList *l) {
    *m = (Taesd){.config = *k};
    bind_conv(l, &m->conv_in, "0", 3, k->channels, 3);
    bind_levels(l, m, 1, k->latent);
    return l->err->code == ERR_NONE;
}

/* --- forward --- */

static Tensor resample(Ctx *c, const Taesd *m, int level, Tensor x) {
    bool up = m->decoder;
    Tensor y = tensor_new(c, 4, SHAPE(x.n[0], up ? 2 * x.n[1] : x.n[1] / 2, up ? 2 * x.n[2] : x.n[2] / 2, x.n[3]));
    if (up) conv3_up(c, y, &m->resample[level], x);
    else conv3(c, y, &m->resample[level], x, PLAIN);
    return y;
}

/* From x, the first convolution's output, to the last one's. at: diffusers' number of the first block. */
static void run(Ctx *c, Tensor out, const Taesd *m, Tensor x, int at, int strips) {
    int levels = m->config.levels;
    for (int i = 0; i < levels; i++) {
        bool by_strips = m->decoder ? i >= levels - strips : i < strips;
        for (int k = 0; k < m->config.blocks[i]; k++) {
            (by_strips ? relublock_strips : relublock)(c, x, &m->blocks[i][k]);
            tap(c, x, "layers.%d", at++);
        }
        if (i + 1 == levels) break;
        x = resample(c, m, i, x);
        at += m->decoder;
        tap(c, x, "layers.%d", at++);
    }
    conv3(c, out, &m->conv_out, x, PLAIN);
    tap(c, out, "layers.%d", at);
}

/* Latents are clamped softly: 3 tanh(z / 3). */
void taesd_decode(Ctx *c, Tensor image, const Taesd *m, Tensor z, int strips) {
    size_t scope = scope_begin(c);
    Tensor soft = tensor_new(c, 4, z.n), x = tensor_new(c, 4, SHAPE(z.n[0], z.n[1], z.n[2], m->config.channels));
    op_affine(c, soft, z, 1.0f / 3, 0);
    op_activation(c, soft, soft, ACT_TANH);
    op_affine(c, soft, soft, 3, 0);
    conv3(c, x, &m->conv_in, soft, (Epilogue){.relu = true});
    tap(c, x, "layers.1");
    run(c, image, m, x, 2, strips);
    op_affine(c, image, image, 2, -1); /* from 0..1 */
    scope_end(c, scope);
}

void taesd_encode(Ctx *c, Tensor z, const Taesd *m, Tensor image, int strips) {
    size_t scope = scope_begin(c);
    Tensor half = tensor_new(c, 4, image.n),
           x = tensor_new(c, 4, SHAPE(image.n[0], image.n[1], image.n[2], m->config.channels));
    op_affine(c, half, image, 0.5f, 0.5f); /* to 0..1 */
    conv3(c, x, &m->conv_in, half, PLAIN);
    tap(c, x, "layers.0");
    run(c, z, m, x, 1, strips);
    scope_end(c, scope);
}
