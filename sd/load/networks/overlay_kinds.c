/* overlay_kinds.c: the kinds of changes. Formulas: KohakuBlueleaf/LyCORIS, lycoris/modules, and the webui's
 * extensions-builtin/Lora/network_*.py. */
#include "overlay_internal.h"

#include <string.h>

/* A module's matrix, which network_check has found sound. */
static Product matrix(const Change *c, int which) {
    Product p;
    network_product(c->d->network, c->d->module, which, &p);
    p.round = c->d->round;
    bool limited = c->d->limit && c->d->module->kind == NETWORK_LORA && !p.mid; /* as in the webui */
    if (limited && c->d->limit < p.limit) p.limit = c->d->limit;
    return p;
}

static void read_tensor(const Change *c, const FileTensor *t, int64_t first, int64_t count, float *out) {
    file_tensor_read(c->d->network->file, t, first, count, F32, out);
}

static void read(const Change *c, NetworkRole role, int64_t first, int64_t count, float *out) {
    read_tensor(c, c->d->module->part[role], first, count, out);
}

static void tile_of(const Change *c, const Product *p, int64_t column, int64_t columns, float *out) {
    Room room = c->room;
    product_tile(p, c->first, c->rows, column, columns, out, TILE, room.at);
}

/* The rank that is computed with. */
static bool rank_fits(const Product *p) {
    return p->rank <= OVERLAY_MOST_RANK && (!p->mid || p->mid->n[1] <= OVERLAY_MOST_RANK) && p->taps <= 64;
}

/* A convolution with a middle has as many taps as the weight. */
static bool product_fits(const Product *p, int64_t rows, int64_t columns, int64_t taps) {
    return p->rows == rows && p->columns == columns && rank_fits(p) && (!p->mid || p->taps == taps);
}

/* --- LoRA, full, norm: one matrix --- */

static bool fits_one(const Network *n, const NetworkModule *m, int64_t rows, int64_t columns, int64_t taps) {
    Product p;
    return network_product(n, m, 0, &p) && product_fits(&p, rows, columns, taps);
}

static void tile_one(const Change *c, int64_t column, int64_t columns, float *out) {
    Product p = matrix(c, 0);
    tile_of(c, &p, column, columns, out);
}

bool overlay_is_thin(const Delta *d, Product *p) {
    const NetworkModule *m = d->module;
    Change c = {.d = d};
    if (d->role != NET_ROLES || m->kind != NETWORK_LORA || m->part[NET_DORA] || d->round != F32) return false;
    *p = matrix(&c, 0);
    return p->b && !p->mid;
}

/* --- LoHa: two, multiplied element by element --- */

static bool fits_loha(const Network *n, const NetworkModule *m, int64_t rows, int64_t columns, int64_t taps) {
    Product p;
    return fits_one(n, m, rows, columns, taps) && network_product(n, m, 1, &p) && product_fits(&p, rows, columns, taps);
}

static void tile_loha(const Change *c, int64_t column, int64_t columns, float *out) {
    Product a = matrix(c, 0), b = matrix(c, 1);
    Room room = c->room;
    float *second = room_take(&room, c->rows * TILE);
    product_tile(&a, c->first, c->rows, column, columns, out, TILE, room.at);
    product_tile(&b, c->first, c->rows, column, columns, second, TILE, room.at);
    for (int64_t r = 0; r < c->rows; r++)
        for (int64_t k = 0; k < columns; k++) out[r * TILE + k] *= second[r * TILE + k];
}

/* --- LoKr: two, their Kronecker product --- */

static bool fits_lokr(const Network *n, const NetworkModule *m, int64_t rows, int64_t columns, int64_t taps) {
    Product a, b;
    return network_product(n, m, 0, &a) && network_product(n, m, 1, &b) && a.rows <= rows && b.rows <= rows &&
           a.columns <= columns && b.columns <= columns && a.rows * b.rows == rows &&
           a.columns * b.columns == columns && rank_fits(&a) && rank_fits(&b) && b.columns % taps == 0 &&
           (!b.mid || b.taps == taps);
}

static void tile_lokr(const Change *c, int64_t column, int64_t columns, float *out) {
    Product a = matrix(c, 0), b = matrix(c, 1);
    for (int64_t r = 0; r < c->rows; r++)
        for (int64_t k = 0, n; k < columns; k += n) { /* as far as one number of the first goes */
            int64_t at = (column + k) % b.columns, o = c->first + r;
            n = columns - k < b.columns - at ? columns - k : b.columns - at;
            float factor, *to = out + r * TILE + k;
            product_tile(&a, o / b.rows, 1, (column + k) / b.columns, 1, &factor, 1, c->room.at);
            product_tile(&b, o % b.rows, 1, at, n, to, TILE, c->room.at);
            for (int64_t i = 0; i < n; i++) to[i] *= factor;
        }
}

/* --- IA3: factors of outputs or inputs --- */

static bool on_input(const Network *n, const NetworkModule *m) {
    float yes = 0;
    return file_tensor_f32(n->file, m->part[NET_ON_INPUT], &yes) && yes != 0;
}

static bool fits_ia3(const Network *n, const NetworkModule *m, int64_t rows, int64_t columns, int64_t taps) {
    return file_tensor_count(m->part[NET_IA3]) == (on_input(n, m) ? columns / taps : rows);
}

static void tile_ia3(const Change *c, int64_t column, int64_t columns, float *out) {
    bool inputs = on_input(c->d->network, c->d->module);
    int64_t taps = c->d->taps, first = inputs ? column / taps : c->first;
    Room room = c->room;
    float *factors = room_take(&room, TILE + OVERLAY_ROWS);
    read(c, NET_IA3, first, inputs ? (column + columns - 1) / taps + 1 - first : c->rows, factors);
    for (int64_t r = 0; r < c->rows; r++)
        for (int64_t k = 0; k < columns; k++)
            out[r * TILE + k] = c->w[r * c->stride + column + k] * factors[inputs ? (column + k) / taps - first : r];
}

/* --- GLoRA: b + W a, both thin products; of a convolution, a is over the inputs of each tap --- */

static bool fits_glora(const Network *n, const NetworkModule *m, int64_t rows, int64_t columns, int64_t taps) {
    Product a;
    return fits_one(n, m, rows, columns, taps) && network_product(n, m, 1, &a) && a.rows == columns / taps &&
           rank_fits(&a) && a.rank * taps <= OVERLAY_MOST_RANK;
}

/* extra[rows][rank][taps] = W @ a's first half */
static void begin_glora(Change *c) {
    Product a = matrix(c, 1);
    int64_t taps = c->d->taps, each = a.rank * taps;
    c->extra = room_take(&c->room, c->rows * each);
    Room room = c->room;
    float *row = room_take(&room, a.rank);
    memset(c->extra, 0, (size_t)(c->rows * each) * sizeof *c->extra);
    for (int64_t i = 0; i < a.rows; i++) {
        read_tensor(c, a.a, i * a.rank, a.rank, row);
        for (int64_t r = 0; r < c->rows; r++)
            for (int64_t n = 0; n < a.rank; n++)
                for (int64_t t = 0; t < taps; t++)
                    c->extra[r * each + n * taps + t] += c->w[r * c->stride + i * taps + t] * row[n];
    }
}

static void tile_glora(const Change *c, int64_t column, int64_t columns, float *out) {
    Product a = matrix(c, 1);
    int64_t taps = c->d->taps, each = a.rank * taps, first = column / taps;
    Room room = c->room;
    tile_one(c, column, columns, out);
    float *row = room_take(&room, TILE);
    for (int64_t n = 0; n < a.rank; n++) {
        read_tensor(c, a.b, n * a.columns + first, (column + columns - 1) / taps + 1 - first, row);
        for (int64_t r = 0; r < c->rows; r++)
            for (int64_t k = 0; k < columns; k++)
                out[r * TILE + k] +=
                    c->extra[r * each + n * taps + (column + k) % taps] * row[(column + k) / taps - first];
    }
}

const OverlayKind OVERLAY_KINDS[NETWORK_KINDS] = {
    [NETWORK_LORA] = {.fits = fits_one, .tile = tile_one},
    [NETWORK_LOHA] = {.fits = fits_loha, .tile = tile_loha},
    [NETWORK_LOKR] = {.fits = fits_lokr, .tile = tile_lokr},
    [NETWORK_IA3] = {.fits = fits_ia3, .tile = tile_ia3},
    [NETWORK_FULL] = {.fits = fits_one, .tile = tile_one},
    [NETWORK_NORM] = {.fits = fits_one, .tile = tile_one},
    [NETWORK_GLORA] = {.fits = fits_glora, .begin = begin_glora, .tile = tile_glora},
    [NETWORK_OFT] = {oft_fits, oft_begin, oft_tile, true, oft_prepare},
    [NETWORK_BOFT] = {boft_fits, oft_begin, oft_tile, true, oft_prepare},
    [NETWORK_OFT_INPUTS] = {oft_inputs_fits, oft_inputs_begin, oft_tile, false, oft_inputs_prepare},
};
