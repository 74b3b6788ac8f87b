#include "gather.h"

#include "pixels.h"

#include <string.h>

void K(gather)(const Gather *g, float *pixels, int64_t picture, int64_t pixel, int64_t m, int64_t tap, int64_t taps,
               int64_t channel, int64_t channels) {
    int64_t kw = g->kernel_width;
    const float *from = (const float *)g->x.data + picture * g->x.s[0] + channel;
    for (int64_t i = 0; i < m; i++) {
        int64_t oy = (pixel + i) / g->width * g->g.stride, ox = (pixel + i) % g->width * g->g.stride;
        for (int64_t t = tap; t < tap + taps; t++, pixels += channels) {
            int64_t iy = nearest_source(oy + t / kw - g->g.pad_top, g->x.n[1], g->g.up_h);
            int64_t ix = nearest_source(ox + t % kw - g->g.pad_left, g->x.n[2], g->g.up_w);
            if (iy < 0 || ix < 0) memset(pixels, 0, (size_t)channels * sizeof *pixels);
            else memcpy(pixels, from + iy * g->x.s[1] + ix * g->x.s[2], (size_t)channels * sizeof *pixels);
        }
    }
}
