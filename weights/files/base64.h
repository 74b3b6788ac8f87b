/* base64.h: RFC 4648's base64. */
#ifndef SD_WEIGHTS_FILES_BASE64_H
#define SD_WEIGHTS_FILES_BASE64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How many characters size bytes take, without a NUL; writes them, and a NUL. */
size_t base64_size(size_t size);
void base64_write(const uint8_t *bytes, size_t size, char *out);
/* The bytes of text[0..size) in a new buffer followed by a NUL; white space is passed over, padding may be missing.
 * NULL: it is not base64, or (*memory) out of memory. */
uint8_t *base64_read(const char *text, size_t size, size_t *out_size, bool *memory);

#endif
