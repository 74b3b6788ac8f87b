/* picture_crc.c: for `make bare-test`, on the desktop: the CRC-32 of a picture's RGB, as main.c prints it. */
#include "sd/image/crc32.h"
#include "sd/image/image.h"

#include <stdio.h>

int main(int argc, char **argv) {
    Image picture = {0};
    Error e = {0};
    if (argc != 2 || !image_read(argv[1], IMAGE_WHITE, &picture, &e)) return fprintf(stderr, "%s\n", e.text), 1;
    printf("%08lX\n", (unsigned long)crc32_update(0, picture.rgb, (size_t)picture.width * (size_t)picture.height * 3));
    image_free(&picture);
    return 0;
}
