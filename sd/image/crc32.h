/* crc32.h: the checksum of PNG, zip and gzip (ITU-T V.42): polynomial 0xEDB88320, bits reversed, inverted at both ends.
 */
#ifndef SD_IMAGE_CRC32_H
#define SD_IMAGE_CRC32_H

#include <stddef.h>
#include <stdint.h>

/* The CRC of everything so far, given the CRC before (0 at the start) and n more bytes. */
uint32_t crc32_update(uint32_t crc, const void *bytes, size_t n);

#endif
