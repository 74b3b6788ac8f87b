/* unet_cross.c: the U-Net's cross attentions, one after the other. */
#include "unet.h"

#include <stdio.h>

static int add(CrossBlock *out, int n, const Transformer *t, CrossBlock of, const char *where) {
    for (int i = 0; i < t->depth; i++, n++) {
        if (!out) continue;
        out[n] = of;
        out[n].block = &t->blocks[i];
        snprintf(out[n].name, sizeof out[n].name, "%s.transformer_blocks.%d", where, i);
    }
    return n;
}

int unet_cross_blocks(const Unet *u, CrossBlock *out) {
    int n = 0;
    char where[48];
    for (int i = 0; i < u->inputs; i++) {
        const UnetBlock *b = &u->input[i];
        snprintf(where, sizeof where, "down_blocks.%d.attentions.%d", b->level, b->index);
        n = add(out, n, &b->transformer, (CrossBlock){.level = b->level}, where);
    }
    for (int i = 0; i < u->outputs; i++) {
        const UnetBlock *b = &u->output[i];
        snprintf(where, sizeof where, "up_blocks.%d.attentions.%d", u->config.levels - 1 - b->level, b->index);
        n = add(out, n, &b->transformer, (CrossBlock){.level = b->level}, where);
    }
    if (u->config.middle_depth <= 0) return n;
    return add(out, n, &u->middle, (CrossBlock){.level = u->config.levels - 1, .middle = true},
               "mid_block.attentions.0");
}
