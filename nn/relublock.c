#include "relublock.h"

#include "strips.h"

#include <assert.h>

static const Epilogue RELU = {.relu = true};

void bind_relublock(WeightList *l, ReluBlock *m, int64_t channels) {
    static const char *const NAMES[] = {"conv.0", "conv.2", "conv.4"};
    for (int i = 0; i < 3; i++) bind_conv(l, &m->conv[i], NAMES[i], channels, channels, 3);
}

void relublock(Ctx *c, Tensor x, const ReluBlock *m) {
    size_t scope = scope_begin(c);
    Tensor a = tensor_new(c, 4, x.n), b = tensor_new(c, 4, x.n);
    conv3(c, a, &m->conv[0], x, RELU);
    conv3(c, b, &m->conv[1], a, RELU);
    conv3(c, x, &m->conv[2], b, (Epilogue){.residual = &x, .relu = true});
    scope_end(c, scope);
}

/* Rows [from, to) of a convolution of a map of h rows, of which `in` has those that it needs. */
static void rows(Ctx *c, Tensor y, const Conv *m, const Window *in, int64_t h, int64_t from, int64_t to, Epilogue e) {
    int64_t first = from ? from - 1 : 0, last = to < h ? to + 1 : h;
    conv3_rows(c, y, m, window_rows(in, first, last), first, h, from, to, e);
}

/* The windows are ahead of x, of which rows are overwritten that nothing reads any more. */
void relublock_strips(Ctx *c, Tensor x, const ReluBlock *m) {
    enum { UNIT = 4, AHEAD = 2 * UNIT };
    assert(c->strip);
    size_t scope = scope_begin(c);
    int64_t h = x.n[1], each = strip_rows(h, tensor_bytes(x) / (size_t)h, c->strip / 8, UNIT);
    if (each < 2 * UNIT) each = 2 * UNIT; /* more than what a window keeps */
    int64_t most = each + AHEAD < h ? each + AHEAD : h, shape[4] = {x.n[0], most, x.n[2], x.n[3]};
    Window all = {.buffer = x, .to = h}, a = {.buffer = tensor_new(c, 4, shape)},
           b = {.buffer = tensor_new(c, 4, shape)};
    for (int64_t from = 0; from < h; from += each) {
        int64_t to = from + each < h ? from + each : h, b_to = to + UNIT < h ? to + UNIT : h,
                a_to = b_to + UNIT < h ? b_to + UNIT : h, a_from = a.to, b_from = b.to;
        if (a_to > a_from) rows(c, window_grow(&a, a_to), &m->conv[0], &all, h, a_from, a_to, RELU);
        if (b_to > b_from) rows(c, window_grow(&b, b_to), &m->conv[1], &a, h, b_from, b_to, RELU);
        Tensor y = tensor_slice(x, 1, from, to - from);
        rows(c, y, &m->conv[2], &b, h, from, to, (Epilogue){.residual = &y, .relu = true});
        if (to == h) break;
        window_move(c, &a, b_to - 1);
        window_move(c, &b, to - 1);
    }
    scope_end(c, scope);
}
