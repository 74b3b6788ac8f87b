/* row_pipeline.c: a window of rows for the source and for each step but the last. To make rows [from, to) of the
 * picture, the rows that each window must reach are found from the last to the first, then the windows grow from the
 * first to the last, and drop the rows that the next one has read for the last time. */
#include "row_pipeline.h"

#include "strips.h"

#include <assert.h>

enum { UNIT = 4, SLACK = 2 * (2 * UNIT) }; /* rows that a window has beside those of a piece, at most */

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }
static int64_t aligned(int64_t rows, int64_t unit) { return (rows + unit - 1) / unit * unit; }

/* Map i of a run: 0 is the source's, i the output of step i - 1. */
typedef struct {
    Window window;
    int64_t h, w, scale;
    int64_t unit; /* pieces begin at a multiple */
} Map;

/* The rows of a step's input that its output needs, before the one and after the other end of [from, to). */
static int64_t input_from(const PipelineStep *s, int64_t from) { return most(0, s->up ? from / 2 - 1 : from - 1); }
static int64_t input_to(const PipelineStep *s, int64_t to, int64_t h) {
    return least(h, s->up ? (to + 1) / 2 + 1 : to + 1);
}

/* Rows [from, to) of a step's output of h rows, from its input's window. */
static void make_rows(Ctx *c, const PipelineStep *s, Tensor y, const Map *in, int64_t h, int64_t from, int64_t to) {
    Epilogue e = {.act = s->leaky ? ACT_LEAKY_RELU : ACT_NONE};
    int64_t first = input_from(s, from), last = input_to(s, to, in->h);
    Tensor x = window_rows(&in->window, first, last);
    if (!s->up) {
        conv3_rows(c, y, s->conv, x, first, h, from, to, e);
        return;
    }
    Conv2d g = {.stride = 1, .pad_top = (int)(2 * first - from) + 1, .pad_left = 1, .whole_h = h};
    g.up_h = 2 * (last - first), g.up_w = 2 * x.n[2];
    op_conv2d(c, y, x, &s->conv->w, conv_bias(s->conv), g, e);
}

void row_pipeline(Ctx *c, const RowPipeline *p, int64_t rows) {
    size_t scope = scope_begin(c);
    Map maps[PIPELINE_STEPS + 1] = {{.h = p->h, .w = p->w, .scale = 1, .unit = UNIT}};
    assert(p->count >= 1 && p->count <= PIPELINE_STEPS &&
           (rows == p->h || (rows >= PIPELINE_ROWS && rows % UNIT == 0)));
    for (int i = 0; i <= p->count; i++) {
        Map *m = &maps[i];
        int64_t channels = i ? p->steps[i - 1].conv->w.t.n[0] : p->channels;
        if (i) {
            int up = p->steps[i - 1].up ? 2 : 1;
            *m = (Map){.h = up * m[-1].h, .w = up * m[-1].w, .scale = up * m[-1].scale, .unit = up * UNIT};
        }
        if (i == p->count) break;
        int64_t high = least(m->h, rows * m->scale + SLACK);
        m->window.buffer = tensor_new(c, 4, SHAPE(1, high, m->w, channels));
    }
    const Map *end = &maps[p->count];
    for (int64_t from = 0; from < end->h; from += rows * end->scale) {
        int64_t upto[PIPELINE_STEPS + 1], to = upto[p->count] = least(end->h, from + rows * end->scale);
        for (int i = p->count - 1; i >= 0; i--)
            upto[i] = least(maps[i].h, aligned(input_to(&p->steps[i], upto[i + 1], maps[i].h), maps[i].unit));
        for (int i = 0; i < p->count; i++) {
            int64_t begun = maps[i].window.to;
            if (upto[i] <= begun) continue;
            Tensor y = window_grow(&maps[i].window, upto[i]);
            if (i) make_rows(c, &p->steps[i - 1], y, &maps[i - 1], maps[i].h, begun, upto[i]);
            else p->source(c, p->from, y, begun, upto[i], p->h);
        }
        size_t inner = scope_begin(c);
        Tensor y = tensor_new(c, 4, SHAPE(1, to - from, end->w, p->steps[p->count - 1].conv->w.t.n[0]));
        make_rows(c, &p->steps[p->count - 1], y, &maps[p->count - 1], end->h, from, to);
        p->sink(c, p->to, y, from);
        scope_end(c, inner);
        for (int i = 0; i < p->count && to < end->h; i++)
            window_move(c, &maps[i].window, input_from(&p->steps[i], upto[i + 1]));
    }
    scope_end(c, scope);
}
