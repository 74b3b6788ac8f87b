/* montage.c: montage OUT SCALE COLUMNS PICTURE...: pictures side by side in rows of COLUMNS, each pixel SCALE times as
 * wide and high, on white; a PNG file. A~B is what is different between A and B, four times as strong, on black. For
 * README's pictures and the guide's (make pictures, make guide-pictures). */
#include "sd/image/image.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 32 };

typedef struct {
    Image images[MOST];
    int count, columns, scale, gap;
} Montage;

/* The size of column i, or of row i. */
static int size_of(const Montage *m, bool column, int i) {
    int most = 0;
    for (int k = 0; k < m->count; k++) {
        int n = column ? m->images[k].width : m->images[k].height;
        if ((column ? k % m->columns : k / m->columns) == i && n > most) most = n;
    }
    return most * m->scale;
}

/* Where it begins. */
static int begin_of(const Montage *m, bool column, int i) {
    int at = 0;
    for (int k = 0; k < i; k++) at += size_of(m, column, k) + m->gap;
    return at;
}

static void put(const Montage *m, int k, uint8_t *to, int width) {
    const Image *from = &m->images[k];
    int x = begin_of(m, true, k % m->columns), y = begin_of(m, false, k / m->columns);
    for (int row = 0; row < from->height * m->scale; row++)
        for (int column = 0; column < from->width * m->scale; column++)
            memcpy(to + 3 * ((size_t)(y + row) * (size_t)width + (size_t)(x + column)),
                   from->rgb + 3 * (row / m->scale * from->width + column / m->scale), 3);
}

/* A picture, or the difference of two. */
static void take(char *name, Image *out, Error *e) {
    char *other = strchr(name, '~');
    if (!other) {
        image_read(name, IMAGE_WHITE, out, e);
        return;
    }
    Image b = {0};
    *other = 0;
    if (image_read(name, IMAGE_WHITE, out, e) && image_read(other + 1, IMAGE_WHITE, &b, e)) {
        if (b.width != out->width || b.height != out->height)
            error_set(e, ERR_ARGUMENT, "%s, %s: have different sizes", name, other + 1);
        for (int i = 0; !e->code && i < 3 * b.width * b.height; i++) {
            int apart = 4 * abs(out->rgb[i] - b.rgb[i]);
            out->rgb[i] = (uint8_t)(apart < 255 ? apart : 255);
        }
    }
    image_free(&b);
}

int main(int argc, char **argv) {
    Montage m = {.count = argc - 4};
    Error e = {0};
    if (argc < 5 || m.count > MOST) {
        fputs("montage OUT SCALE COLUMNS PICTURE...; COLUMNS with a + leaves a gap\n", stderr);
        return 2;
    }
    m.scale = atoi(argv[2]), m.columns = atoi(argv[3]), m.gap = strchr(argv[3], '+') ? 6 : 0;
    for (int k = 0; k < m.count; k++) take(argv[4 + k], &m.images[k], &e);
    if (m.scale < 1 || m.columns < 1) error_set(&e, ERR_ARGUMENT, "SCALE and COLUMNS are at least 1");
    int rows = e.code ? 1 : (m.count + m.columns - 1) / m.columns, columns = m.count < m.columns ? m.count : m.columns;
    int width = begin_of(&m, true, e.code ? 0 : columns) - m.gap,
        height = begin_of(&m, false, e.code ? 0 : rows) - m.gap;
    uint8_t *out = e.code ? NULL : malloc((size_t)width * (size_t)height * 3);
    if (out) {
        memset(out, 255, (size_t)width * (size_t)height * 3);
        for (int k = 0; k < m.count; k++) put(&m, k, out, width);
        image_write_png(out, width, height, NULL, argv[1], &e);
    }
    for (int k = 0; k < m.count; k++) image_free(&m.images[k]);
    free(out);
    if (e.code) fprintf(stderr, "montage: %s\n", e.text);
    return e.code || !out;
}
