#include "image_prompt.h"

#include "sd/load/control.h"

#include <string.h>

void image_prompt_shape(const SdControlNet *net, int64_t shape[3]) {
    shape[0] = 2;
    shape[1] = net->image.config.tokens;
    shape[2] = net->image.cross_kv;
}

size_t image_prompt_count(const SdControlNet *net) {
    int64_t n[3];
    image_prompt_shape(net, n);
    return (size_t)(n[0] * n[1] * n[2]);
}

size_t image_prompt_bytes(const Generation *g) {
    size_t bytes = 0;
    for (int i = 0; i < g->control_count; i++)
        if (control_is_image(g->controls[i].net))
            bytes += 2 * image_prompt_count(g->controls[i].net) * sizeof(float); /* and kept */
    return bytes;
}

void image_prompt_weigh(const Control *k, float *to) {
    const ImageAdapter *m = &k->net->image;
    int64_t rows = 2 * (int64_t)m->config.tokens;
    float weight = (float)k->of->weight;
    memcpy(to, k->image_kv, image_prompt_count(k->net) * sizeof *to);
    for (int i = 0; i < m->count; i++) {
        int64_t width = m->keys[i].v.w.t.n[0], at = m->keys[i].at + width;
        for (int64_t row = 0; row < rows; row++)
            for (int64_t c = 0; c < width; c++) to[row * m->cross_kv + at + c] *= weight;
    }
}
