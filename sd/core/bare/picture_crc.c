/* picture_crc.c: for `make bare-test`, on the desktop: the CRC-32 of a picture's RGB, as main.c prints it. */
#include "sd/image/codecs/crc32.h"
#include "sd/image/image.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What sd/core/draw.c writes. */
static bool read_ppm(FILE *in, Image *out) {
    if (!in || fscanf(in, "P6 %d %d 255", &out->width, &out->height) != 2 || fgetc(in) != '\n') return false;
    size_t n = (size_t)out->width * (size_t)out->height * 3;
    out->rgb = malloc(n);
    return out->rgb && fread(out->rgb, 1, n, in) == n && fgetc(in) == EOF;
}

int main(int argc, char **argv) {
    Image picture = {0};
    Error e = {0};
    if (argc != 2) return fprintf(stderr, "picture_crc FILE.{png,ppm}\n"), 2;
    bool ppm = strstr(argv[1], ".ppm"), ok;
    FILE *in = ppm ? fopen(argv[1], "rb") : NULL;
    ok = ppm ? read_ppm(in, &picture) : image_read(argv[1], IMAGE_WHITE, &picture, &e);
    if (in) fclose(in);
    if (!ok) return fprintf(stderr, "%s: %s\n", argv[1], ppm ? "is not what draw writes" : e.text), 1;
    printf("%08lX\n", (unsigned long)crc32_update(0, picture.rgb, (size_t)picture.width * (size_t)picture.height * 3));
    image_free(&picture);
    return 0;
}
