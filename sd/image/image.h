/* image.h: pictures from files, PNG, JPEG, WebP, BMP and the first frame of a GIF, and to PNG, JPEG and WebP files, by
 * the table of codecs (codecs.h).
 *
 * A file is checked to its last byte before anything is decoded (of a GIF: its first frame), so that hostile ones cost
 * nothing; more than IMAGE_PIXELS pixels, or more than IMAGE_SIDE along a side, are refused. stb_image decodes JPEG,
 * and a build without that header says so. Colour profiles and gamma are ignored, as Pillow and so the webui ignore
 * them. 16-bit channels keep their high byte. */
#ifndef SD_IMAGE_IMAGE_H
#define SD_IMAGE_IMAGE_H

#include "tensor/error.h"
#include "weights/files/file_read.h"

#include <stddef.h>
#include <stdint.h>

enum { IMAGE_PIXELS = 1 << 24, IMAGE_SIDE = 65535, IMAGE_WHITE = 0xFFFFFF, IMAGE_QUALITY = 80 /* the webui's */ };

typedef struct {
    uint8_t *rgb; /* [height][width][3] */
    int width, height;
    const char *warning; /* as of ImageHead (codecs.h); NULL: nothing */
    bool transparent;    /* parts of it, which show the background */
} Image;

/* The picture in bytes[size], put the right way up by its EXIF orientation; what is transparent shows background
 * (0xRRGGBB; white in the webui unless img2img_background_color says otherwise). The error line begins with name. */
bool image_decode(const uint8_t *bytes, size_t size, const char *name, uint32_t background, Image *out, Error *e);
/* The same with its colours as they are, whatever shows through, and how much does: *alpha [height][width], malloc'ed;
 * NULL: nothing does. */
bool image_decode_alpha(const uint8_t *bytes, size_t size, const char *name, Image *out, uint8_t **alpha, Error *e);
/* The bytes of a picture's file, for those who look at them twice (standard input is read once); file_bytes_free. */
FileBytes image_bytes(const char *path, Error *e);
bool image_read(const char *path, uint32_t background, Image *out, Error *e);
/* A mask from a picture's file: out->rgb is [height][width], its luminance; or, where parts of it are transparent, its
 * alpha, with `round` 255 above 128 and else 0. Source: AUTOMATIC1111, modules/processing.py, create_binary_mask. */
bool image_decode_mask(const uint8_t *bytes, size_t size, const char *name, bool round, Image *out, Error *e);
bool image_read_mask(const char *path, bool round, Image *out, Error *e);
void image_free(Image *i);
/* The format's name where a file keeps its pixels only nearly ("JPEG", "WebP" but for one without loss); NULL: it
 * keeps them, or is no picture. */
const char *image_lossy(const uint8_t *bytes, size_t size);

/* Writes rgb[height][width][3], with the text, which may be NULL, where the webui puts its parameters (PNG:
 * "parameters"; JPEG, WebP: EXIF's UserComment), in the format of the path's ending, PNG for any other; the file
 * appears only when complete. quality: 1..100, of JPEG and WebP; 100 is a WebP without loss; 0: IMAGE_QUALITY. Before
 * there is a picture: image_write_check: ERR_ARGUMENT for a format that is not written, ERR_DEVICE where its library is
 * not there; image_write_fits: and ERR_ARGUMENT where the size or so many bytes of text are too much for it. */
bool image_write(const uint8_t *rgb, int width, int height, const char *text, int quality, const char *path, Error *e);
bool image_write_check(const char *path, Error *e);
bool image_write_fits(const char *path, int width, int height, size_t text, Error *e);
/* The same as PNG, whatever the path. */
bool image_write_png(const uint8_t *rgb, int width, int height, const char *text, const char *path, Error *e);

#endif
