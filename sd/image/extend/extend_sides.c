/* extend_sides.c: "Outpainting mk2": left, right, top and bottom, each of what the one before made. */
#include "extend_internal.h"
#include "spectrum.h"

#include <stdlib.h>
#include <string.h>

enum { UNIT = 8, MULTIPLE = 64 };

/* A side, and the sizes on its way. */
typedef struct {
    bool across, before; /* left, right; left, top */
    int more;            /* pixels */
    int from_w, from_h;  /* of the picture, */
    int to_w, to_h;      /* and of what it becomes; */
    int w, h;            /* of the canvas, multiples of 64; */
    int part_w, part_h;  /* of what is drawn of it, at the side's end */
} Side;

static int up_to(int n, int unit) { return (n + unit - 1) / unit * unit; }

static int least(int a, int b) { return a < b ? a : b; }

/* The i-th of those that are extended. */
static bool side(const Extend *x, int i, Side *out) {
    const Sides s = extend_sides(x);
    const int more[] = {s.left, s.right, s.top, s.bottom};
    int w = x->width, h = x->height;
    for (int k = 0; k < 4; k++) {
        if (!more[k]) continue;
        Side a = {.across = k < 2, .before = k % 2 == 0, .more = more[k], .from_w = w, .from_h = h};
        a.to_w = w += a.across ? a.more : 0, a.to_h = h += a.across ? 0 : a.more;
        a.w = up_to(w, MULTIPLE), a.h = up_to(h, MULTIPLE);
        a.part_w = a.across ? least(x->window_w, w / UNIT * UNIT) : a.w;
        a.part_h = a.across ? a.h : least(x->window_h, h / UNIT * UNIT);
        *out = a;
        if (i-- == 0) return true;
    }
    return false;
}

bool extend_side_size(const Extend *x, int i, int *width, int *height) {
    Side s;
    if (!side(x, i, &s)) return false;
    *width = s.part_w, *height = s.part_h;
    return true;
}

/* What is kept of a picture of w x h whose new side takes `inset` pixels of what was there. A box's end lies outside;
 * the webui's rectangle has one more pixel, but not beyond the picture. */
static MaskBox kept(const Side *s, int w, int h, int inset) {
    MaskBox b = {0, 0, least(s->to_w + 1, w), least(s->to_h + 1, h)};
    int n = s->more + inset, beyond = inset ? 1 : 0;
    if (s->across && s->before) b.left = n;
    else if (s->across) b.right = w - n + beyond;
    else if (s->before) b.top = n;
    else b.bottom = h - n + beyond;
    return b;
}

typedef struct {
    uint8_t *canvas, *mask;                       /* of a side's canvas */
    uint8_t *image, *part_mask, *latents, *drawn; /* of what is drawn of it */
    uint8_t *picture;                             /* what there is so far */
} Work;

static bool make_work(Work *k, const Extend *x, Error *e) {
    int w, h;
    extend_size(x, &w, &h);
    size_t all = (size_t)up_to(w, MULTIPLE) * (size_t)up_to(h, MULTIPLE);
    *k = (Work){malloc(3 * all), malloc(all),     malloc(3 * all), malloc(all),
                malloc(all),     malloc(3 * all), malloc(3 * all)};
    return (k->canvas && k->mask && k->image && k->part_mask && k->latents && k->drawn && k->picture) ||
           error_set(e, ERR_MEMORY, "out of memory for an extended picture");
}

static void free_work(Work *k) {
    free(k->canvas), free(k->mask), free(k->image), free(k->part_mask), free(k->latents), free(k->drawn);
    free(k->picture);
}

static bool run_side(const Extend *x, const Side *s, int index, Work *k, ExtendDraw draw, void *user, Error *e) {
    memset(k->canvas, 0, (size_t)s->w * (size_t)s->h * 3);
    extend_place(k->canvas, s->w, k->picture, s->from_w, s->from_h, s->across && s->before ? s->more : 0,
                 !s->across && s->before ? s->more : 0);
    extend_keep(k->mask, s->w, s->h, kept(s, s->w, s->h, x->blur));
    if (!spectrum_fill(k->canvas, k->mask, s->w, s->h, x->falloff, x->color, e)) return false;
    int left = s->across && s->before ? 0 : s->w - s->part_w, top = !s->across && s->before ? 0 : s->h - s->part_h;
    MaskBox b = {left, top, left + s->part_w, top + s->part_h};
    mask_box_cut(k->canvas, s->w, 3, b, k->image);
    mask_box_cut(k->mask, s->w, 1, b, k->part_mask);
    extend_keep(k->latents, s->part_w, s->part_h, kept(s, s->part_w, s->part_h, 2 * x->blur));
    const Sides *asked = &x->asked; /* blurred in the directions that are extended */
    int sigma_x = asked->left || asked->right ? 4 * x->blur : 0,
        sigma_y = asked->top || asked->bottom ? 4 * x->blur : 0;
    ExtendPart p = {index, s->part_w, s->part_h, sigma_x, sigma_y, k->image, k->part_mask, k->latents};
    if (!draw(user, &p, k->drawn, e)) return false;
    extend_place(k->canvas, s->w, k->drawn, s->part_w, s->part_h, left, top);
    mask_box_cut(k->canvas, s->w, 3, (MaskBox){0, 0, s->to_w, s->to_h}, k->picture);
    return true;
}

bool extend_run_sides(const Extend *x, ExtendDraw draw, void *user, uint8_t *out, Error *e) {
    Work k;
    Side s = {0};
    bool ok = make_work(&k, x, e);
    if (ok) memcpy(k.picture, x->rgb, (size_t)x->width * (size_t)x->height * 3);
    for (int i = 0; ok && side(x, i, &s); i++) ok = run_side(x, &s, i, &k, draw, user, e);
    if (ok) memcpy(out, k.picture, (size_t)s.to_w * (size_t)s.to_h * 3);
    free_work(&k);
    return ok;
}
