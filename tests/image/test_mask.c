/* test_mask.c: masks against the webui's own functions (tools/goldens/masks.py made the answers). */
#include "sd/image/codecs/crc32.h"
#include "sd/image/mask.h"
#include "test_image.h"
#include "tests/harness/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint8_t *make_mask(const char *kind, int w, int h) {
    uint8_t *m = malloc((size_t)(w * h));
    int side = w < h ? w : h;
    for (int i = 0; m && i < w * h; i++) {
        int x = i % w, y = i / w, dx = 2 * x - w, dy = 2 * y - h;
        bool on = !strcmp(kind, "disc")     ? dx * dx + dy * dy < (side / 2) * (side / 2)
                  : !strcmp(kind, "corner") ? x < w / 3 && y < h / 4
                  : !strcmp(kind, "bar")    ? x >= w - 3 && y >= h / 2
                                            : true;
        m[i] = !strcmp(kind, "grey") ? (uint8_t)(x * 7 + y * 13) : on ? 255 : 0;
    }
    return m;
}

static bool same(uint32_t want, const void *bytes, size_t n) { return crc32_update(0, bytes, n) == want; }

static bool boxes(const uint8_t *m, int w, int h, const int *a) {
    MaskBox b = {0};
    if (!mask_box(m, w, h, a[0], &b)) return false;
    MaskBox x = mask_box_expand(b, a[1], a[2], w, h);
    const int is[] = {b.left, b.top, b.right, b.bottom, x.left, x.top, x.right, x.bottom};
    return !memcmp(is, a + 3, sizeof is);
}

/* One line: what it says of a mask of that size. */
static bool line_holds(const char *what, const char *kind, int w, int h, const char *rest) {
    int a[11] = {0};
    unsigned crc = 0;
    size_t n = (size_t)(w * h);
    uint8_t *m = make_mask(kind, w, h), *rgb = image_source(!strcmp(what, "fill-noise"), w, h),
            *kept = image_source(true, w, h), *to = malloc(96 * 96 * sizeof(float));
    bool ok = m && rgb && kept && to, blurs = !strcmp(what, "blur");
    int few = !strncmp(what, "fill", 4) ? 2 : 4;
    if (ok && strcmp(what, "box")) ok = mask_blur(m, w, h, blurs ? 0 : few, blurs ? 0 : few, NULL);
    if (!ok) {
    } else if (!strcmp(what, "box")) {
        for (int i = 0, used = 0; i < 11; i++, rest += used)
            if (sscanf(rest, "%d%n", &a[i], &used) != 1) ok = false;
        ok = ok && boxes(m, w, h, a);
    } else if (blurs) {
        ok = sscanf(rest, "%d %d %x", &a[0], &a[1], &crc) == 3 && mask_blur(m, w, h, a[0], a[1], NULL) &&
             same(crc, m, n);
    } else if (!strcmp(what, "resize")) {
        ok = sscanf(rest, "%d %d %d %x", &a[0], &a[1], &a[2], &crc) == 4 &&
             mask_resize(m, w, h, to, a[0], a[1], (SdResize)a[2], NULL) && same(crc, to, (size_t)(a[0] * a[1]));
    } else if (!strcmp(what, "latents")) {
        ok = sscanf(rest, "%d %d %d %x", &a[0], &a[1], &a[2], &crc) == 4;
        ok = ok && mask_of_latents(m, w, h, (float *)(void *)to, a[0], a[1], a[2], NULL) &&
             same(crc, to, (size_t)(a[0] * a[1]) * sizeof(float));
    } else if (!strcmp(what, "overlay")) {
        mask_overlay(rgb, kept, m, w * h);
        ok = sscanf(rest, "%x", &crc) == 1 && same(crc, rgb, 3 * n);
    } else ok = sscanf(rest, "%x", &crc) == 1 && mask_fill(rgb, m, w, h, NULL) && same(crc, rgb, 3 * n);
    free(m);
    free(rgb);
    free(kept);
    free(to);
    return ok;
}

static void webui(void) {
    char *list = image_file("masks.txt", NULL);
    int lines = 0;
    for (char *line = list ? strtok(list, "\n") : NULL; line; line = strtok(NULL, "\n"), lines++) {
        char what[16], kind[16];
        int w, h, used = 0;
        if (sscanf(line, "%15s %15s %d %d%n", what, kind, &w, &h, &used) != 4) break;
        test_check(line_holds(what, kind, w, h, line + used), "%s: as the webui has it", line);
    }
    test_check(lines == 38, "all %d lines of masks.txt are read", lines);
    free(list);
}

static void edges(void) {
    uint8_t m[12] = {0}, cut[4], rgb[] = {10, 20, 30, 40, 50, 60}, kept[] = {1, 2, 3, 4, 5, 6};
    MaskBox b;
    test_check(!mask_box(m, 4, 3, 5, &b), "nothing is masked");
    m[6] = 1;
    test_check(mask_box(m, 4, 3, 0, &b) && b.left == 2 && b.top == 1 && b.right == 3 && b.bottom == 2, "one pixel is");
    test_check(mask_box(m, 4, 3, 1, &b) && b.left == 1 && b.top == 0 && b.right == 4 && b.bottom == 3,
               "and its padding");
    for (int i = 0; i < 12; i++) m[i] = (uint8_t)i;
    mask_box_cut(m, 4, 1, (MaskBox){1, 1, 3, 3}, cut);
    test_check(!memcmp(cut, (const uint8_t[]){5, 6, 9, 10}, 4), "a box is cut");
    mask_overlay(rgb, kept, (const uint8_t[]){0, 255}, 2);
    test_check(!memcmp(rgb, (const uint8_t[]){1, 2, 3, 40, 50, 60}, 6), "a kept pixel keeps its bytes");
    for (int v = 0; v < 256; v++) {
        uint8_t out[] = {0, 255, (uint8_t)(255 - v)}, in[] = {(uint8_t)v, (uint8_t)v, (uint8_t)v};
        mask_overlay(out, in, (const uint8_t[]){0}, 1);
        if (memcmp(out, in, 3)) test_check(false, "a kept byte of %d stays", v);
    }
}

SUITE(mask, .seconds = 1) {
    webui();
    edges();
}
