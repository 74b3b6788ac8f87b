#include "gather.h"

#include <string.h>

/* Row (or column) of x that row i of the picture as the taps see it comes from; -1: padding. */
static int64_t source(int64_t i, int64_t in, int64_t up) {
    if (!up) return i >= 0 && i < in ? i : -1;
    if (i < 0 || i >= up) return -1;
    return min64((int64_t)((float)i * ((float)in / (float)up)), in - 1);
}

void K(gather)(const Gather *g, float *pixels, int64_t picture, int64_t pixel, int64_t m, int64_t tap, int64_t taps,
               int64_t channel, int64_t channels) {
    int64_t kw = g->kernel_width;
    const float *from = (const float *)g->x.data + picture * g->x.s[0] + channel;
    for (int64_t i = 0; i < m; i++) {
        int64_t oy = (pixel + i) / g->width * g->g.stride, ox = (pixel + i) % g->width * g->g.stride;
        for (int64_t t = tap; t < tap + taps; t++, pixels += channels) {
            int64_t iy = source(oy + t / kw - g->g.pad_top, g->x.n[1], g->g.up_h);
            int64_t ix = source(ox + t % kw - g->g.pad_left, g->x.n[2], g->g.up_w);
            if (iy < 0 || ix < 0) memset(pixels, 0, (size_t)channels * sizeof *pixels);
            else memcpy(pixels, from + iy * g->x.s[1] + ix * g->x.s[2], (size_t)channels * sizeof *pixels);
        }
    }
}
