/* codecs.h: the table of picture formats. A format that is read or written is a file and a row; what is only recognised
 * is a row.
 *
 * Decoders are not trusted with hostile files. So each format's head function first walks through the whole file:
 * sizes, order and ends of chunks and segments, checksums, and what the decoder is known to take on trust. */
#ifndef SD_IMAGE_CODECS_H
#define SD_IMAGE_CODECS_H

#include "sd/image/image_text.h"

enum { SNIFF_BYTES = 12 }; /* enough for every row */

/* What is known of a picture without decoding it. */
typedef struct {
    int64_t width, height; /* as the file says: any number */
    const uint8_t *exif;   /* NULL: none */
    size_t exif_size;
    const char *warning; /* what is wrong or left out, though the picture is read; NULL: nothing */
} ImageHead;

/* Where a decoder puts its pixels: `count` of them from rgba, to row y, columns x, x + step, ... in any order of rows.
 * The last of several for one pixel counts. */
typedef struct {
    void (*put)(void *user, const uint8_t *rgba, int64_t y, int64_t x, int64_t step, int64_t count);
    void *user;
} ImageSink;

typedef struct {
    const char *name;    /* "PNG" */
    const char *endings; /* of files' names, '|' between them: "jpg|jpeg" */
    const char *magic;   /* the first bytes, magic_size of them; or a function: */
    size_t magic_size;
    bool (*sniff)(const uint8_t *bytes, size_t size);
    /* ERR_FORMAT, in a line that begins with `name`, for a file that is damaged or not supported. NULL: nothing of this
     * format is read. */
    bool (*head)(const uint8_t *bytes, size_t size, const char *name, ImageHead *out, Error *e);
    /* Adds the texts of a file (image_text.h) whose pixels may be damaged; lines as of image_texts_add. NULL: no texts
     * are read. */
    bool (*texts)(const uint8_t *bytes, size_t size, ImageTexts *out, Error *e);
    /* The same of a text that the pixels hide, for pictures without another. NULL: none is looked for. */
    bool (*hidden)(const uint8_t *bytes, size_t size, ImageTexts *out, Error *e);
    /* Every pixel of a file whose head is good and of an allowed size, to the sink. False with *why in words, or with
     * *why NULL when memory is short. NULL: pictures of this format are not read. */
    bool (*decode)(const uint8_t *bytes, size_t size, const ImageHead *head, const ImageSink *to, const char **why);
    /* Whether a file keeps its pixels only nearly, so that they tell nothing of the last bits. NULL: none does. */
    bool (*lossy)(const uint8_t *bytes, size_t size);
    bool (*reads)(void); /* whether the decoder is there; NULL: always. Else what to do: */
    const char *needs;
    /* rgb[height][width][3] as a file in a new buffer *out of *size bytes, with the text, which may be NULL, where
     * the webui puts its parameters. quality: 1..100, where the format has it. NULL: pictures of this format are not
     * written. */
    bool (*encode)(const uint8_t *rgb, int width, int height, const char *text, int quality, uint8_t **out,
                   size_t *size, Error *e);
    bool (*writes)(void); /* whether the encoder is there; NULL: always. Else what to install: */
    const char *package;
    int side_most;    /* pixels along a side that can be written; 0: any */
    size_t text_most; /* bytes of a text that always fits; 0: any */
} ImageCodec;

/* The first row whose content it is; NULL: none. SNIFF_BYTES bytes are enough. */
const ImageCodec *image_codec(const uint8_t *bytes, size_t size);
/* The row to write a file of this name with: by its ending, PNG for any other. ERR_ARGUMENT, in a line that begins with
 * the path, for a format that is not written. */
const ImageCodec *image_codec_for(const char *path, Error *e);
/* Whether an ending of a list as in a row is the path's, in capitals or not. */
bool image_has_ending(const char *path, const char *endings);
/* Row i, or NULL past the last. */
const ImageCodec *image_codec_row(int i);

/* What is wrong with a file, and what to do. Return false. For head functions: */
static inline bool image_damaged(const char *name, const char *what, Error *e) {
    return error_set(e, ERR_FORMAT, "%s: %s; download it again or save it anew", name, what);
}

static inline bool image_unsupported(const char *name, const char *what, Error *e) {
    return error_set(e, ERR_FORMAT, "%s: %s; save it as PNG", name, what);
}

/* For texts functions, whose lines do not begin with the file's name: */
static inline bool image_texts_damaged(const char *what, Error *e) {
    return error_set(e, ERR_FORMAT, "%s; download it again or save it anew", what);
}

/* codec_png.c, codec_jpeg.c, codec_jpeg_write.c, codec_gif.c, codec_bmp.c, codec_webp.c */
bool png_head(const uint8_t *bytes, size_t size, const char *name, ImageHead *out, Error *e);
bool png_texts(const uint8_t *bytes, size_t size, ImageTexts *out, Error *e);
bool png_write(const uint8_t *rgb, int width, int height, const char *text, int quality, uint8_t **out, size_t *size,
               Error *e);
bool jpeg_head(const uint8_t *bytes, size_t size, const char *name, ImageHead *out, Error *e);
bool jpeg_is_lossy(const uint8_t *bytes, size_t size);
bool jpeg_texts(const uint8_t *bytes, size_t size, ImageTexts *out, Error *e);
bool jpeg_is_written(void);
bool jpeg_write(const uint8_t *rgb, int width, int height, const char *text, int quality, uint8_t **out, size_t *size,
                Error *e);
bool jpeg_decode(const uint8_t *bytes, size_t size, const ImageHead *head, const ImageSink *to, const char **why);
bool gif_head(const uint8_t *bytes, size_t size, const char *name, ImageHead *out, Error *e);
bool gif_decode(const uint8_t *bytes, size_t size, const ImageHead *head, const ImageSink *to, const char **why);
bool gif_texts(const uint8_t *bytes, size_t size, ImageTexts *out, Error *e);
bool bmp_head(const uint8_t *bytes, size_t size, const char *name, ImageHead *out, Error *e);
bool bmp_decode(const uint8_t *bytes, size_t size, const ImageHead *head, const ImageSink *to, const char **why);
bool webp_is_there(void);
bool webp_head(const uint8_t *bytes, size_t size, const char *name, ImageHead *out, Error *e);
bool webp_decode(const uint8_t *bytes, size_t size, const ImageHead *head, const ImageSink *to, const char **why);
bool webp_write(const uint8_t *rgb, int width, int height, const char *text, int quality, uint8_t **out, size_t *size,
                Error *e);
bool webp_is_lossy(const uint8_t *bytes, size_t size);
bool webp_texts(const uint8_t *bytes, size_t size, ImageTexts *out, Error *e);

/* hidden_text.c: adds the text in the pixels' lowest bits, as "parameters" */
bool png_hidden(const uint8_t *bytes, size_t size, ImageTexts *out, Error *e);

/* png_decode.c: our own decoder */
bool png_decode(const uint8_t *bytes, size_t size, const ImageHead *head, const ImageSink *to, const char **why);

/* codec_stb.c: stb_image's JPEG decoder */
bool stb_is_there(void);
bool stb_decode(const uint8_t *bytes, size_t size, const ImageHead *head, const ImageSink *to, const char **why);

#endif
