/* In sd/guide/plain.c: conv(). */
/* winograd.c: 3x3 convolutions of stride 1 through F(4x4, 3x3) (winograd_tile.h), with a quarter of the
 * multiplications; of pictures enlarged to twice their size through F(4x4, 2x2), with a sixth.
 *
 * A work item is a chunk of 4x4 tiles of the output (for an enlarged picture: of one of its four phases, whose outputs
 * are two apart) and a group of output channels. For each block of input channels:
 *
 *  - the tiles' inputs are transformed into V [36][tiles][channels];
 *  - for each 32 outputs, filters are transformed into U [36][channels][32], and 36 products, one for each point, are
 *    added to M [32 outputs][36][tiles][32]. A phase has 25 points.
 *
 * After the last block, M is transformed back and the epilogue applied. V, U and M are in the thread's scratch:
 * transformed filters take four times the memory of the weights and would be slower to read than they are to make; an
 * input is transformed once for each group of outputs, which costs less than having threads wait for a shared one.
 *
 * An element of y depends only on its tile, the weights and the blocks of input channels: products sum each row by
 * itself (panel.h), and the blocks follow from the number of channels. So the tiles of all pictures of a batch are one
 * list, cut anywhere, and each picture has the bits it has alone. A part of a picture has the bits of the whole one if
 * it begins at a multiple of 4, or of 8 if it is enlarged. */
#include "winograd.h"

#include "tensor/prepare.h"
#include "exponent.h"
#include "panel.h"
#include "pixels.h"
#include "winograd_tile.h"

#include <assert.h>
#include <string.h>

enum {
    PAD = 16,                     /* floats between planes: planes a multiple of 4 KiB apart would share sets of L1 */
    CHANNELS = WINOGRAD_CHANNELS, /* of a block: 36 panels of 32 outputs stay in L2, one panel and its rows in L1 */
    TILES = 64,                   /* of a chunk: transforming filters costs about 3 / TILES of the products */
    GROUP = 320,                  /* most outputs that share transformed inputs */
    INPUTS = 16,                  /* which cost as much as the products of so many outputs */
    /* Few channels and outputs: transforms cost as much as products, so filters are made once for several chunks, so
     * small that they stay in L2 with the filters. */
    NARROW = 2 * PANEL,
    NARROW_TILES = 24,
};

typedef struct {
    Tensor y, x;
    const Weight *w;
    Conv2d g;
    CpuFinish finish;
    bool up;                      /* by phases */
    int in;                       /* rows that a tile reads: WINO_IN or WINO_UP_IN */
    int64_t rows, columns, tiles; /* of one picture; of all */
    int64_t group, groups, phases;
    int64_t chunk;                    /* tiles of a narrow item */
    int64_t chunk_tiles, filter_rows; /* of another: at once; rows of points whose filters are */
} Winograd;

/* A work item and its arrays in scratch. */
typedef struct {
    int64_t first, tiles;            /* of the chunk */
    int64_t output, outputs;         /* of the group */
    int64_t channel, channels;       /* of the block */
    int64_t phase_row, phase_column; /* 0 or 1: where the phase's outputs begin, two apart */
    WinoForm form;
    int row, rows; /* of points, of the filters in u: all, or some where scratch is short */
    int64_t v_plane, m_plane;
    float *v, *u, *m, *zeros, *edge, *packed;
    int32_t *source; /* [tiles][12]: rows and columns of x that a tile reads; -1: padding */
} Chunk;

static const int64_t U_PLANE = CHANNELS * PANEL + PAD;

/* Where a tile's outputs begin. */
typedef struct {
    int64_t picture, row, column;
} Place;

static Place place(const Winograd *w, int64_t tile) {
    int64_t each = w->rows * w->columns, t = tile % each;
    return (Place){tile / each, t / w->columns * WINO_OUT, t % w->columns * WINO_OUT};
}

/* The first row or column of x that a phase's first tile reads, and whether the phase's rows are the odd kind. */
static int64_t begin(const Winograd *w, int64_t phase, int pad, bool *odd) {
    int64_t first = phase - pad, low = first & 1; /* in the enlarged picture */
    *odd = !low;
    return w->up ? (first - low) / 2 : first;
}

static void find_sources(const Winograd *w, Chunk *c) {
    const int n = w->in;
    int64_t up_h = w->up ? 0 : w->g.up_h, up_w = w->up ? 0 : w->g.up_w;
    int64_t row = begin(w, c->phase_row, w->g.pad_top, &c->form.odd_row);
    int64_t column = begin(w, c->phase_column, w->g.pad_left, &c->form.odd_column);
    for (int64_t i = 0; i < c->tiles; i++) {
        Place at = place(w, c->first + i);
        int32_t *source = c->source + i * 2 * n;
        for (int k = 0; k < n; k++) {
            source[k] = (int32_t)nearest_source(at.row + row + k, w->x.n[1], up_h);
            source[n + k] = (int32_t)nearest_source(at.column + column + k, w->x.n[2], up_w);
        }
    }
}

/* The block's channels of the n x n pixels that a tile reads; padding: zeros. */
static inline void pixels(const Winograd *w, const Chunk *c, int64_t tile, const int n, const float **p) {
    const int32_t *rows = c->source + tile * 2 * n, *columns = rows + n;
    const float *picture = at3(w->x, (c->first + tile) / (w->rows * w->columns), 0, 0) + c->channel;
    for (int r = 0; r < n; r++)
        for (int k = 0; k < n; k++)
            p[r * n + k] =
                rows[r] < 0 || columns[k] < 0 ? c->zeros : picture + rows[r] * w->x.s[1] + columns[k] * w->x.s[2];
}

/* V for the block's channels, while the next tile's are prefetched, except the columns that it shares with this one:
 * the processor does not foresee such short runs. A vector that would reach past the last channel is read from a copy
 * padded with zeros. */
static inline __attribute__((always_inline)) void inputs(const Winograd *w, const Chunk *c, const bool up) {
    const int n = up ? WINO_UP_IN : WINO_IN, points = n * n;
    int64_t whole = c->channels / VW * VW;
    const float *p[WINO_POINTS], *next[WINO_POINTS];
    pixels(w, c, 0, n, next);
    for (int64_t i = 0; i < c->tiles; i++) {
        memcpy(p, next, (size_t)points * sizeof *p);
        if (i + 1 < c->tiles) pixels(w, c, i + 1, n, next);
        float *v = c->v + i * CHANNELS;
        for (int64_t k = 0; k < whole; k += VW) {
            for (int r = 0; r < n; r++)
                for (int j = n - WINO_OUT; j < n; j++) __builtin_prefetch(next[r * n + j] + k);
            wino_transform_in(up, p, k, v + k, c->v_plane);
        }
        if (whole == c->channels) continue;
        for (int k = 0; k < points; k++) {
            memset(c->edge + k * VW, 0, VW * sizeof(float));
            memcpy(c->edge + k * VW, p[k] + whole, (size_t)(c->channels - whole) * sizeof(float));
            p[k] = c->edge + k * VW;
        }
        wino_transform_in(up, p, 0, v + whole, c->v_plane);
    }
}

static void transform_inputs(const Winograd *w, const Chunk *c) {
    if (w->up) inputs(w, c, true);
    else inputs(w, c, false);
}

/* The block's filters of 16 outputs from rows [O][9][I], widened, as [channels][9][16]. */
static void pack_filters(const Winograd *w, const Chunk *c, int64_t output) {
    const int64_t outputs = min64(FILTER_OUTPUTS, w->y.n[3] - output);
    memset(c->packed, 0, (size_t)(c->channels * 9 * FILTER_OUTPUTS) * sizeof(float));
    for (int64_t j = 0; j < outputs; j++)
        for (int64_t t = 0; t < 9; t++) {
            float line[CHANNELS];
            widen(line, w->w->t.data, w->w->t.dtype, ((output + j) * 9 + t) * w->w->t.n[3] + c->channel, c->channels);
            for (int64_t k = 0; k < c->channels; k++) c->packed[(k * 9 + t) * FILTER_OUTPUTS + j] = line[k];
        }
}

/* 16 outputs' filters [channels][9][16], F32, F16 or BF16, into U. */
static inline __attribute__((always_inline)) void filters(const char *from, int64_t channels, float *to,
                                                          const DType dtype, const WinoForm form) {
    const int64_t width = dtype == F32 ? 4 : 2, one = 9 * FILTER_OUTPUTS * width;
    for (int64_t k = 0; k < channels; k++, from += one, to += PANEL) {
        /* weights are read once per call: prefetch eight channels ahead */
        for (int64_t line = 0; line < one; line += 64) __builtin_prefetch(from + 8 * one + line);
        for (int64_t part = 0; part < FILTER_OUTPUTS; part += VW) {
            V g[9];
#pragma GCC unroll 9
            for (int t = 0; t < 9; t++) g[t] = widen_vector(from + (t * FILTER_OUTPUTS + part) * width, dtype);
            wino_transform_filter(form, g, 0, form.up ? WINO_UP_IN : WINO_IN, to + part, U_PLANE);
        }
    }
}

/* The same from blocks of Q8_0 (prepare.h). */
static inline __attribute__((always_inline)) void q8_filters(const char *from, int64_t channels, float *to,
                                                             const WinoForm form) {
    const int64_t one = 9 * FILTER_OUTPUTS;
    float scales[9 * FILTER_OUTPUTS];
    for (int64_t first = 0; first < channels; first += Q8_NUMBERS, from += Q8_FILTER_BYTES) {
        const int8_t *bytes = (const int8_t *)from + Q8_FILTER_SCALES;
        widen_scales(scales, from, 9 * FILTER_OUTPUTS);
        for (int64_t k = 0; k < Q8_NUMBERS; k++, bytes += one, to += PANEL) {
            for (int64_t line = 0; line < one; line += 64) __builtin_prefetch(bytes + 16 * one + line);
            for (int64_t part = 0; part < FILTER_OUTPUTS; part += VW) {
                V g[9];
#pragma GCC unroll 9
                for (int t = 0; t < 9; t++) {
                    int64_t at = t * FILTER_OUTPUTS + part;
                    g[t] = *(const V *)(scales + at) * widen_bytes(bytes + at);
                }
                wino_transform_filter(form, g, 0, form.up ? WINO_UP_IN : WINO_IN, to + part, U_PLANE);
            }
        }
    }
}

/* Some rows of points of filters in F32. */
static inline __attribute__((always_inline)) void some_filters(const float *from, const Chunk *c, const bool up,
                                                               float *to) {
    const WinoForm form = {up, c->form.odd_row, c->form.odd_column};
    to -= (up ? WINO_UP_IN : WINO_IN) * c->row * U_PLANE;
    for (int64_t k = 0; k < c->channels; k++, from += 9 * FILTER_OUTPUTS, to += PANEL)
        for (int64_t part = 0; part < FILTER_OUTPUTS; part += VW) {
            V g[9];
            for (int t = 0; t < 9; t++) g[t] = *(const V *)(from + t * FILTER_OUTPUTS + part);
            wino_transform_filter(form, g, c->row, c->row + c->rows, to + part, U_PLANE);
        }
}

static void filters_of_rows(const float *from, const Chunk *c, float *to) {
    if (c->form.up) some_filters(from, c, true, to);
    else some_filters(from, c, false, to);
}

static inline __attribute__((always_inline)) void filters_of(const char *from, const Chunk *c, float *to,
                                                             const DType dtype, const WinoForm form) {
    if (dtype == Q8_0) q8_filters(from, c->channels, to, form);
    else filters(from, c->channels, to, dtype, form);
}

static inline __attribute__((always_inline)) void filters_of_form(const char *from, const Chunk *c, float *to,
                                                                  const DType dtype) {
    const WinoForm f = c->form;
    if (!f.up) filters_of(from, c, to, dtype, (WinoForm){0});
    else filters_of(from, c, to, dtype, (WinoForm){true, f.odd_row, f.odd_column});
}

/* U for 32 outputs; columns past the last output keep old numbers, whose products are not stored. */
static void transform_filters(const Winograd *w, const Chunk *c, int64_t output) {
    const bool prepared = PREPARES && w->w->prepared;
    const DType dtype = prepared ? w->w->t.dtype : F32;
    for (int64_t j = 0; j < PANEL && output + j < w->y.n[3]; j += FILTER_OUTPUTS) {
        int64_t at = ((output + j) * w->w->t.n[3] + c->channel * FILTER_OUTPUTS) * 9;
        const char *from = (const char *)c->packed;
        if (prepared) from = (const char *)w->w->prepared + dtype_bytes(dtype, at);
        else pack_filters(w, c, output + j);
        if (c->rows < WINO_IN) filters_of_rows((const float *)from, c, c->u + j);
        else if (!PREPARES || dtype == F32) filters_of_form(from, c, c->u + j, F32);
        else if (dtype == F16) filters_of_form(from, c, c->u + j, F16);
        else if (dtype == BF16) filters_of_form(from, c, c->u + j, BF16);
        else filters_of_form(from, c, c->u + j, Q8_0);
    }
}

/* Adds the block's products for 32 outputs. V and M together exceed L2: while one point is multiplied, the next one's V
 * comes back. */
static void multiply(const Chunk *c, int64_t output, float *m) {
    const int n = c->form.up ? WINO_UP_IN : WINO_IN, points = n * n, first = n * c->row;
    const int end = n * (c->row + c->rows) < points ? n * (c->row + c->rows) : points;
    for (int p = first; p < end; p++) {
        const float *next = c->v + (p + 1) % points * c->v_plane;
        K(panel_product_then)
        (c->tiles, c->channels, c->v + p * c->v_plane, CHANNELS, c->u + (p - first) * U_PLANE, m + p * c->m_plane,
         PANEL, min64(PANEL, c->outputs - output), c->channel > 0,
         ahead_bytes(next, (size_t)(c->tiles * CHANNELS) * sizeof *next, c->channels));
    }
}

/* out[0..n) (+)= v, n <= VW */
static inline void put(float *out, V v, int64_t n, bool add) {
    if (n == VW) {
        if (add) v += *(const V *)out;
        *(V *)out = v;
        return;
    }
    for (int64_t i = 0; i < n; i++) out[i] = add ? out[i] + v[i] : v[i];
}

/* A vector of n <= VW numbers, then zeros; from NULL: all zeros. */
static inline V load(const float *from, int64_t n) {
    if (from && n == VW) return *(const V *)from;
    V v = {0};
    for (int64_t i = 0; from && i < n; i++) v[i] = from[i];
    return v;
}

/* Puts a tile's outputs [o, o + n) of the group, 4x4 pixels or as many as there are, through the epilogue into y. */
static void put_tile(const Winograd *w, const Chunk *c, int64_t i, int64_t o, int64_t n, const V *out) {
    const Epilogue *e = &w->finish.e;
    const Tensor *r = e->residual;
    Place at = place(w, c->first + i);
    const int64_t apart = w->up ? 2 : 1;
    at.row = apart * at.row + c->phase_row, at.column = apart * at.column + c->phase_column;
    int64_t rows = min64(WINO_OUT, (w->y.n[1] - at.row + apart - 1) / apart);
    int64_t columns = min64(WINO_OUT, (w->y.n[2] - at.column + apart - 1) / apart);
    o += c->output;
    float *y = at3(w->y, at.picture, at.row, at.column) + o;
    const float *add = r && !w->finish.in_place ? at3(*r, at.picture, at.row, at.column) + o : NULL;
    V bias = load(w->finish.bias ? w->finish.bias + o : NULL, n);
    V vector = load(e->vector ? at2(*e->vector, at.picture, 0) + o : NULL, n);
    for (int64_t k = 0; k < rows; k++, y += apart * w->y.s[1], add = add ? add + apart * r->s[1] : NULL)
        for (int64_t j = 0; j < columns; j++) {
            V v = out[k * WINO_OUT + j] + bias + vector;
            float *to = y + j * apart * w->y.s[2];
            if (e->act != ACT_NONE) {
                put(to, v, n, false);
                K(activate)(to, n, e->act);
                v = load(to, n);
            }
            if (add) v += load(add + j * apart * r->s[2], n);
            if (e->relu) {
                if (w->finish.in_place) v += load(to, n);
                v = larger((V){0}, v);
            }
            put(to, v, n, w->finish.in_place && !e->relu);
        }
}

/* Of the 32 outputs of the group from o on. */
static void transform_outputs(const Winograd *w, const Chunk *c, int64_t o, const float *m) {
    for (int64_t i = 0; i < c->tiles; i++)
        for (int64_t k = o; k < min64(o + PANEL, c->outputs); k += VW) {
            V out[WINO_OUT * WINO_OUT];
            if (w->up) wino_transform_out(true, m + i * PANEL + k - o, c->m_plane, out);
            else wino_transform_out(false, m + i * PANEL + k - o, c->m_plane, out);
            put_tile(w, c, i, k, min64(VW, c->outputs - k), out);
        }
}

/* Finite numbers beyond the last output. */
static void clear_beyond(const Chunk *c, float *u) {
    if (c->outputs % PANEL) memset(u, 0, (size_t)(WINO_IN * c->rows * U_PLANE) * sizeof(float));
}

/* As `item`, of a convolution of at most NARROW outputs and one block of channels. */
static void narrow_item(void *arg, int64_t index, void *scratch) {
    const Winograd *w = arg;
    int64_t phase = index % w->phases, first = index / w->phases * w->chunk, last = min64(first + w->chunk, w->tiles);
    Chunk c = {.outputs = w->y.n[3], .channels = w->x.n[3], .rows = WINO_IN};
    c.phase_row = phase / 2, c.phase_column = phase % 2, c.form.up = w->up;
    const int64_t v_floats = WINO_POINTS * (NARROW_TILES * CHANNELS + PAD), u_floats = WINO_POINTS * U_PLANE;
    float *u = scratch;
    c.v = u + NARROW / PANEL * u_floats;
    c.m = c.v + v_floats;
    c.zeros = c.m + WINO_POINTS * (NARROW_TILES * PANEL + PAD);
    c.edge = c.zeros + CHANNELS;
    c.packed = c.edge + WINO_POINTS * VW;
    c.source = (int32_t *)(c.packed + CHANNELS * 9 * FILTER_OUTPUTS);
    memset(c.zeros, 0, CHANNELS * sizeof(float));
    find_sources(w, &c); /* which kind of rows the phase has */
    for (int64_t o = 0; o < c.outputs; o += PANEL) {
        c.u = u + o / PANEL * u_floats;
        clear_beyond(&c, c.u);
        transform_filters(w, &c, o);
    }
    for (c.first = first; c.first < last; c.first += NARROW_TILES) {
        c.tiles = min64(NARROW_TILES, last - c.first);
        c.v_plane = c.tiles * CHANNELS + PAD;
        c.m_plane = c.tiles * PANEL + PAD;
        find_sources(w, &c);
        transform_inputs(w, &c);
        for (int64_t o = 0; o < w->y.n[3]; o += PANEL) {
            Chunk panel = c;
            panel.output = o, panel.outputs = min64(PANEL, w->y.n[3] - o);
            panel.u = u + o / PANEL * u_floats;
            multiply(&panel, 0, panel.m);
            transform_outputs(w, &panel, 0, panel.m);
        }
    }
}

static void item(void *arg, int64_t index, void *scratch) {
    const Winograd *w = arg;
    int64_t phase = index % w->phases, part = index / w->phases;
    Chunk c = {.first = part / w->groups * w->chunk_tiles, .output = part % w->groups * w->group};
    c.phase_row = phase / 2, c.phase_column = phase % 2, c.form.up = w->up;
    c.tiles = min64(w->chunk_tiles, w->tiles - c.first);
    c.rows = (int)w->filter_rows;
    c.outputs = min64(w->group, w->y.n[3] - c.output);
    c.v_plane = c.tiles * CHANNELS + PAD;
    c.m_plane = c.tiles * PANEL + PAD;
    c.v = scratch;
    c.u = c.v + WINO_POINTS * c.v_plane;
    c.m = c.u + WINO_IN * w->filter_rows * U_PLANE;
    c.zeros = c.m + (c.outputs + PANEL - 1) / PANEL * WINO_POINTS * c.m_plane;
    c.edge = c.zeros + CHANNELS;
    c.packed = c.edge + WINO_POINTS * VW;
    c.source = (int32_t *)(c.packed + CHANNELS * 9 * FILTER_OUTPUTS);
    memset(c.zeros, 0, CHANNELS * sizeof(float));
    clear_beyond(&c, c.u);
    find_sources(w, &c);
    for (; c.channel < w->x.n[3]; c.channel += CHANNELS) {
        c.channels = min64(CHANNELS, w->x.n[3] - c.channel);
        transform_inputs(w, &c);
        for (int64_t o = 0; o < c.outputs; o += PANEL) {
            float *m = c.m + o / PANEL * WINO_POINTS * c.m_plane;
            for (c.row = 0; c.row < w->in; c.row += c.rows) {
                transform_filters(w, &c, c.output + o);
                multiply(&c, o, m);
            }
            if (c.channel + c.channels == w->x.n[3]) transform_outputs(w, &c, o, m); /* from L2 */
        }
    }
}

/* Bytes of an item's scratch; of a narrow one's, with the filters of all its outputs. */
static int64_t item_bytes(int64_t tiles, int64_t filter_rows, int64_t group) {
    int64_t v = WINO_POINTS * (tiles * CHANNELS + PAD), u = WINO_IN * filter_rows * U_PLANE;
    int64_t m = (group + PANEL - 1) / PANEL * WINO_POINTS * (tiles * PANEL + PAD);
    return 4 * (v + u + m + CHANNELS + WINO_POINTS * VW + CHANNELS * 9 * FILTER_OUTPUTS + tiles * 2 * WINO_IN);
}

/* Tiles, rows of filters and the most outputs of a group that there is scratch for, at the least cost: filters are made
 * for so many tiles, their first transform once for so many rows; inputs for so many outputs. */
static int64_t fit_scratch(Winograd *w, int64_t scratch) {
    static const double ROWS[] = {WINO_IN, 3, 2, 1};
    int64_t all = min64(GROUP, (w->y.n[3] + PANEL - 1) / PANEL * PANEL), most = 0;
    double least = 1e30;
    if (item_bytes(TILES, WINO_IN, all) <= scratch) return w->chunk_tiles = TILES, w->filter_rows = WINO_IN, all;
    for (int64_t tiles = TILES; tiles >= 4; tiles /= 2)
        for (int kind = 0; kind < (w->w->prepared ? 1 : 4); kind++) /* prepared filters are made whole */
            for (int64_t group = all; group > 0; group -= PANEL) {
                double cost = (2 + WINO_IN / ROWS[kind]) / (double)tiles + INPUTS / (double)group;
                if (item_bytes(tiles, (int64_t)ROWS[kind], group) > scratch || cost >= least) continue;
                least = cost, most = group, w->chunk_tiles = tiles, w->filter_rows = (int64_t)ROWS[kind];
            }
    return assert(most), most;
}

/* Groups of as many outputs as let the threads finish first. */
static void share_outputs(Winograd *w, int64_t most, int64_t chunks, int threads) {
    int64_t least = INT64_MAX;
    for (int64_t group = most; group >= PANEL; group -= PANEL) {
        int64_t groups = (w->y.n[3] + group - 1) / group, turns = (chunks * groups + threads - 1) / threads;
        int64_t time = turns * (group + INPUTS);
        if (time < least) least = time, w->group = group, w->groups = groups;
    }
}

void K(winograd)(Ctx *ctx, Tensor y, Tensor x, const Weight *w, Conv2d g, CpuFinish finish) {
    Winograd a = {.y = y, .x = x, .w = w, .g = g, .finish = finish};
    assert(!w->prepared || w->layout == WEIGHT_FILTERS);
    a.up = winograd_by_phases(y, x, g);
    a.in = a.up ? WINO_UP_IN : WINO_IN;
    a.phases = a.up ? 4 : 1;
    int64_t unit = a.up ? 2 * WINO_OUT : WINO_OUT;
    a.rows = (y.n[1] + unit - 1) / unit;
    a.columns = (y.n[2] + unit - 1) / unit;
    a.tiles = y.n[0] * a.rows * a.columns;
    const int64_t scratch = (int64_t)pool_scratch(ctx->pool);
    if (y.n[3] <= NARROW && x.n[3] <= CHANNELS &&
        item_bytes(NARROW_TILES, NARROW / PANEL * WINO_IN, PANEL) <= scratch) {
        int64_t shares = a.tiles / (24 * NARROW_TILES); /* items for threads to share, each of some chunks */
        a.chunk = NARROW_TILES * (shares < 4 ? 4 : min64(shares, 32));
        pool_run(ctx->pool, (a.tiles + a.chunk - 1) / a.chunk * a.phases, narrow_item, &a);
        return;
    }
    int64_t most = fit_scratch(&a, scratch), chunks = (a.tiles + a.chunk_tiles - 1) / a.chunk_tiles * a.phases;
    share_outputs(&a, most, chunks, pool_threads(ctx->pool));
    pool_run(ctx->pool, chunks * a.groups, item, &a);
}
