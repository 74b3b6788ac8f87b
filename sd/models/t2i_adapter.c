#include "t2i_adapter.h"

#include <assert.h>

bool adapter_bind(Adapter *m, const UnetConfig *of, WeightList *l) {
    *m = (Adapter){.levels = of->levels};
    int64_t in = of->channels;
    bind_conv(l, &m->conv_in, "conv_in", 3 * ADAPTER_FACTOR * ADAPTER_FACTOR, in, 3);
    for (int i = 0; i < m->levels; i++) {
        int64_t out = m->channels[i] = (int64_t)of->channels * of->mult[i];
        for (int k = 0; k < ADAPTER_BLOCKS; k++) {
            size_t mark = bind_enter(l, "body.%d.", i * ADAPTER_BLOCKS + k);
            if (!k && in != out) m->has_in[i] = true, bind_linear(l, &m->in[i], "in_conv", in, out, true, true);
            bind_conv(l, &m->blocks[i][k].conv1, "block1", out, out, 3);
            bind_linear(l, &m->blocks[i][k].conv2, "block2", out, out, true, true);
            bind_leave(l, mark);
        }
        in = out;
    }
    return l->err->code == ERR_NONE;
}

/* Every second row and column of x, from these on. */
static Tensor every_second(Tensor x, int64_t row, int64_t column) {
    Tensor t = x;
    if (t.data) t.data = (char *)t.data + dtype_bytes(t.dtype, row * x.s[1] + column * x.s[2]);
    t.n[1] /= 2, t.n[2] /= 2;
    t.s[1] *= 2, t.s[2] *= 2;
    return t;
}

/* y = the mean of x's squares of 2x2 */
static void halve(Ctx *c, Tensor y, Tensor x) {
    assert(x.n[1] == 2 * y.n[1] && x.n[2] == 2 * y.n[2]);
    op_affine(c, y, every_second(x, 0, 0), 0.25f, 0);
    for (int i = 1; i < 4; i++) op_accumulate(c, y, every_second(x, i / 2, i % 2), 0.25f);
}

static void block(Ctx *c, Tensor x, const AdapterBlock *m) {
    size_t scope = scope_begin(c);
    Tensor inner = tensor_new(c, 4, x.n), tokens = tensor_tokens(x);
    conv3(c, inner, &m->conv1, x, (Epilogue){.relu = true});
    linear(c, tokens, &m->conv2, tensor_tokens(inner), NULL, (Epilogue){.residual = &tokens});
    scope_end(c, scope);
}

void adapter_forward(Ctx *c, Tensor *features, const Adapter *m, Tensor shuffled) {
    for (int i = 0; i < m->levels; i++) {
        size_t scope = scope_begin(c);
        Tensor y = features[i], x = i ? features[i - 1] : shuffled;
        if (i) {
            Tensor small = m->has_in[i] ? tensor_new(c, 4, SHAPE(1, y.n[1], y.n[2], x.n[3])) : y;
            halve(c, small, x);
            if (m->has_in[i]) linear(c, tensor_tokens(y), &m->in[i], tensor_tokens(small), NULL, PLAIN);
        } else conv3(c, y, &m->conv_in, x, PLAIN);
        for (int k = 0; k < ADAPTER_BLOCKS; k++) block(c, y, &m->blocks[i][k]);
        tap(c, y, "adapter.body.%d", i);
        scope_end(c, scope);
    }
}

void adapter_shuffle(float *out, const uint8_t *rgb, int64_t h, int64_t w) {
    enum { F = ADAPTER_FACTOR };
    for (int64_t y = 0; y < h * F; y++)
        for (int64_t x = 0; x < w * F; x++)
            for (int64_t c = 0; c < 3; c++)
                out[((y / F * w + x / F) * 3 + c) * F * F + y % F * F + x % F] =
                    (float)rgb[(y * w * F + x) * 3 + c] / 255.0f;
}
