/* codec_gif.c: a GIF's blocks up to the end of its first frame, which is all that is read. */
#include "bytes.h"
#include "codecs.h"

/* Past data in blocks of at most 255 bytes, which an empty one ends; 0: the file ends first. */
static size_t skip_blocks(const uint8_t *p, size_t size, size_t at) {
    while (at < size && p[at]) at += 1 + (size_t)p[at];
    return at < size ? at + 1 : 0;
}

bool gif_head(const uint8_t *p, size_t size, const char *name, ImageHead *out, Error *e) {
    if (size < 13) return image_damaged(name, "the GIF ends early", e);
    out->width = little_endian(p + 6, 2), out->height = little_endian(p + 8, 2);
    size_t at = 13 + (p[10] & 0x80 ? (size_t)6 << (p[10] & 7) : 0);
    while (at && at < size) {
        if (p[at] == 0x21) at = skip_blocks(p, size, at + 2);
        else if (p[at] == 0x2C && size - at > 10) { /* the first frame: all that is read */
            at += 10 + (p[at + 9] & 0x80 ? (size_t)6 << (p[at + 9] & 7) : 0) + 1;
            return skip_blocks(p, size, at) || image_damaged(name, "the GIF ends early", e);
        } else if (p[at] == 0x3B) return image_damaged(name, "the GIF has no pixels", e);
        else break;
    }
    return image_damaged(name, at && at < size && p[at] != 0x2C ? "the GIF is damaged" : "the GIF ends early", e);
}
