/* inflate.h: decompression (RFC 1950, 1951 and 1952) with bounded memory, as much at a time as is asked for. */
#ifndef SD_IMAGE_INFLATE_H
#define SD_IMAGE_INFLATE_H

#include "tensor/error.h"

#include <stddef.h>
#include <stdint.h>

typedef struct Inflate Inflate;

/* The next piece of the compressed stream, of *size >= 1 bytes; NULL at its end. */
typedef const uint8_t *InflateSource(void *user, size_t *size);

/* Begins a zlib stream, or a gzip one. NULL: out of memory. */
Inflate *inflate_begin(InflateSource *more, void *user, bool gzip);
/* The next n bytes into out; fewer when the stream ends or is wrong. */
size_t inflate_read(Inflate *s, uint8_t *out, size_t n);
/* Whether all of the stream was read and its checksum is right; else *why says what is wrong. Reads no more output. */
bool inflate_whole(Inflate *s, const char **why);
void inflate_end(Inflate *s);

/* All of a stream in one buffer, as a new string *out of *size bytes and a NUL. A stream of more than `most` bytes is
 * ERR_FORMAT, as is a damaged one: then the text is only what is wrong. ERR_MEMORY. */
bool inflate_string(const uint8_t *in, size_t n, bool gzip, size_t most, char **out, size_t *size, Error *e);

#endif
