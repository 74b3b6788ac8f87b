/* crc32.h: the checksum of PNG, zip and gzip (ITU-T V.42): polynomial 0xEDB88320 (reflected), inverted before and
 * after. */
#ifndef SD_IMAGE_CRC32_H
#define SD_IMAGE_CRC32_H

#include <stddef.h>
#include <stdint.h>

/* Continues a checksum: crc is that of all bytes so far, 0 at the start. */
uint32_t crc32_update(uint32_t crc, const void *bytes, size_t n);

#endif
