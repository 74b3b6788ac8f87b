/* deflate.h: compression for PNG (RFC 1950 and 1951). */
#ifndef SD_IMAGE_DEFLATE_H
#define SD_IMAGE_DEFLATE_H

#include "tensor/error.h"

#include <stddef.h>
#include <stdint.h>

/* in[n] as a zlib stream in a new buffer *out of *size bytes, which the caller frees. The same input gives the same
 * bytes everywhere. About as small as zlib's level 6 with Z_FILTERED, which suits filtered pictures; text comes out a
 * little larger than it could be. False on ERR_MEMORY. */
bool zlib_compress(const uint8_t *in, size_t n, uint8_t **out, size_t *size, Error *e);

#endif
