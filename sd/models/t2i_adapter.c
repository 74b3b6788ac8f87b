#include "t2i_adapter.h"

#include "config_detect.h"

#include <assert.h>

/* --- layout --- */

static bool is_xl(const UnetConfig *of) { return of->levels == 3 && of->label; }

bool adapter_from_shapes(const Checkpoint *c, const UnetConfig *of, const char *family, AdapterConfig *out, Error *e) {
    static const AdapterConfig KINDS[] = {{8, 3, false}, {8, 1, false}, {16, 3, true}, {16, 1, true}};
    int channels = file_tensor_size(checkpoint_find(c, KEY_CONTROL "conv_in.weight").tensor, 1);
    if (checkpoint_find(c, KEY_CONTROL "body.0.in_conv.weight").tensor)
        return error_set(e, ERR_FORMAT, "%s: is a light T2I-Adapter, which is not supported; use a full one",
                         checkpoint_path(c, GIVEN_CONTROL));
    for (size_t i = 0; i < sizeof KINDS / sizeof *KINDS; i++) {
        *out = KINDS[i];
        if (channels != out->hint * out->factor * out->factor) continue;
        return out->xl == is_xl(of) ||
               error_set(e, ERR_FORMAT, "%s: is a T2I-Adapter of %s, but the model is %s; name one of %s",
                         checkpoint_path(c, GIVEN_CONTROL), out->xl ? "SDXL" : "SD 1.x or 2.x", family, family);
    }
    return error_set(e, ERR_FORMAT, "%s: is a T2I-Adapter that reads %d channels, which is no picture; use another",
                     checkpoint_path(c, GIVEN_CONTROL), channels);
}

static void lay_out(Adapter *m, const UnetConfig *of) {
    int period = of->res_blocks + 1;
    m->levels = m->config.xl ? of->levels + 1 : of->levels;
    for (int i = 0; i < m->levels; i++) {
        int level = i < of->levels ? i : of->levels - 1;
        m->channels[i] = (int64_t)of->channels * of->mult[level];
        m->place[i] = i == of->levels ? of->levels * period : m->config.xl && !i ? period : (i + 1) * period - 1;
        m->halves[i] = m->config.xl ? i == 2 : i > 0;
    }
}

bool adapter_bind(Adapter *m, const AdapterConfig *k, const UnetConfig *of, WeightList *l) {
    *m = (Adapter){.config = *k};
    lay_out(m, of);
    int64_t in = m->channels[0];
    bind_conv(l, &m->conv_in, "conv_in", (int64_t)k->hint * k->factor * k->factor, in, 3);
    for (int i = 0; i < m->levels; i++) {
        int64_t out = m->channels[i];
        for (int j = 0; j < ADAPTER_BLOCKS; j++) {
            size_t mark = bind_enter(l, "body.%d.", i * ADAPTER_BLOCKS + j);
            if (!j && in != out) m->has_in[i] = true, bind_linear(l, &m->in[i], "in_conv", in, out, true, true);
            bind_conv(l, &m->blocks[i][j].conv1, "block1", out, out, 3);
            bind_linear(l, &m->blocks[i][j].conv2, "block2", out, out, true, true);
            bind_leave(l, mark);
        }
        in = out;
    }
    return l->err->code == ERR_NONE;
}

/* --- sizes --- */

static int halvings(const Adapter *m, int upto) {
    int n = 0;
    for (int i = 0; i <= upto; i++) n += m->halves[i];
    return n;
}

int adapter_unit(const Adapter *m) { return m->config.factor << halvings(m, m->levels - 1); }

void adapter_input_shape(const Adapter *m, int64_t h, int64_t w, int64_t shape[4]) {
    int f = m->config.factor;
    shape[0] = 1, shape[1] = h / f, shape[2] = w / f, shape[3] = (int64_t)m->config.hint * f * f;
}

void adapter_feature_shape(const Adapter *m, int i, int64_t h, int64_t w, int64_t shape[4]) {
    int down = halvings(m, i);
    adapter_input_shape(m, h, w, shape);
    shape[1] >>= down, shape[2] >>= down, shape[3] = m->channels[i];
}

/* --- forward --- */

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

/* y = what the blocks of a level begin with, of the level before, or of the hint */
static void enter(Ctx *c, Tensor y, const Adapter *m, int i, Tensor x) {
    size_t scope = scope_begin(c);
    if (!i) conv3(c, y, &m->conv_in, x, PLAIN);
    Tensor small = x;
    if (i && m->halves[i]) {
        small = m->has_in[i] ? tensor_new(c, 4, SHAPE(1, y.n[1], y.n[2], x.n[3])) : y;
        halve(c, small, x);
    }
    if (m->has_in[i]) linear(c, tensor_tokens(y), &m->in[i], tensor_tokens(small), NULL, PLAIN);
    else if (i && !m->halves[i]) op_affine(c, y, x, 1, 0);
    scope_end(c, scope);
}

void adapter_forward(Ctx *c, Tensor *features, const Adapter *m, Tensor shuffled) {
    for (int i = 0; i < m->levels; i++) {
        size_t scope = scope_begin(c);
        Tensor y = features[i], x = i ? features[i - 1] : shuffled;
        enter(c, y, m, i, x);
        for (int k = 0; k < ADAPTER_BLOCKS; k++) block(c, y, &m->blocks[i][k]);
        tap(c, y, "adapter.body.%d", i);
        scope_end(c, scope);
    }
}

void adapter_shuffle(const Adapter *m, float *out, const uint8_t *rgb, int64_t h, int64_t w) {
    int64_t f = m->config.factor, columns = w / f;
    for (int64_t y = 0; y < h / f * f; y++)
        for (int64_t x = 0; x < columns * f; x++)
            for (int64_t c = 0; c < m->config.hint; c++)
                out[(((y / f * columns + x / f) * m->config.hint + c) * f + y % f) * f + x % f] =
                    (float)rgb[(y * w + x) * 3 + c] / 255.0f;
}
