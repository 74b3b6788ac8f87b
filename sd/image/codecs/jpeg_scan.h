/* jpeg_scan.h: whether a JPEG holds all of its pixels: its scans are read to their last code, and nothing computed. */
#ifndef SD_IMAGE_JPEG_SCAN_H
#define SD_IMAGE_JPEG_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    int16_t fast[256]; /* length << 8 | symbol of a code of at most 8 bits; -1: none */
    int32_t limit[17]; /* the first code beyond those of each length, as of 16 bits */
    int offset[17];    /* index of a code's symbol minus the code */
    uint8_t symbol[256];
    bool defined;
} JpegCodes;

typedef struct {
    int id, h, v;       /* its sampling factors */
    int64_t wide, high; /* blocks that cover the picture */
    int64_t stride;     /* blocks in a row of whole MCUs */
    uint64_t *sent;     /* progressive: a bit for each coefficient of each block that is not zero so far */
    int8_t missing[64]; /* bits of each coefficient that are still to come; -1: it has not come at all */
} JpegComponent;

/* All zero is a JPEG of which nothing was seen. */
typedef struct {
    int64_t width, height, mcus_wide, mcus_high;
    bool progressive;
    int count, restart; /* components; MCUs between restart markers, 0: none */
    JpegComponent component[4];
    JpegCodes dc[4], ac[4];
} JpegScans;

/* A segment's bytes without its length: DHT, and SOF0 to SOF2 with as many bytes as its 1 to 4 components have and a
 * size that is allowed. False with what is wrong, or with *why NULL without memory. */
bool jpeg_codes(JpegScans *s, const uint8_t *segment, size_t n, const char **why);
bool jpeg_frame(JpegScans *s, const uint8_t *segment, bool progressive, const char **why);
/* The scan that SOS announces, in data[size]; returns the bytes up to its end; 0: false as above. */
size_t jpeg_scan(JpegScans *s, const uint8_t *segment, size_t n, const uint8_t *data, size_t size, const char **why);
/* Whether every component came, and whether with its last bit. */
bool jpeg_any(const JpegScans *s);
bool jpeg_all(const JpegScans *s);
void jpeg_scans_free(JpegScans *s);

#endif
