/* extend_size.c: sizes, and pixels and masks at their places. */
#include "extend_internal.h"

#include <string.h>

enum { UNIT = 8, MULTIPLE = 64 };

/* --- sizes --- */

static int up_to(int n, int unit) { return (n + unit - 1) / unit * unit; }

/* Both sides of one direction, whose asked pixels are a and b. */
static void share(int n, int *a, int *b) {
    int more = up_to(n + *a + *b, MULTIPLE) - n;
    if (!*a && !*b) return;
    if (*a) *a = (int)((int64_t)*a * more / (*a + *b));
    if (*b) *b = more - *a;
}

Sides extend_sides(const Extend *x) {
    Sides s = x->asked;
    share(x->width, &s.left, &s.right);
    share(x->height, &s.top, &s.bottom);
    return s;
}

void extend_size(const Extend *x, int *width, int *height) {
    Sides s = extend_sides(x);
    *width = x->width + s.left + s.right, *height = x->height + s.top + s.bottom;
}

void extend_whole(const Extend *x, int *width, int *height) {
    extend_size(x, width, height);
    *width = up_to(*width, UNIT), *height = up_to(*height, UNIT);
}

/* --- pixels --- */

void extend_keep(uint8_t *mask, int w, int h, MaskBox b) {
    memset(mask, 255, (size_t)w * (size_t)h);
    int left = b.left > 0 ? b.left : 0, right = b.right < w ? b.right : w;
    for (int y = b.top > 0 ? b.top : 0; y < b.bottom && y < h; y++)
        if (right > left) memset(mask + (size_t)y * (size_t)w + left, 0, (size_t)(right - left));
}

void extend_place(uint8_t *to, int w, const uint8_t *from, int from_w, int from_h, int x, int y) {
    for (int row = 0; row < from_h; row++)
        memcpy(to + ((size_t)(y + row) * (size_t)w + (size_t)x) * 3, from + (size_t)row * (size_t)from_w * 3,
               (size_t)from_w * 3);
}
