/* sha256.h: SHA-256 (FIPS 180-4), with the processor's own instructions if it has them. */
#ifndef SD_WEIGHTS_FILES_SHA256_H
#define SD_WEIGHTS_FILES_SHA256_H

#include "tensor/error.h"

#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint32_t h[8];
    uint64_t size; /* bytes so far */
    unsigned char block[64];
    void (*compress)(uint32_t h[8], const unsigned char *blocks, size_t count);
} Sha256;

void sha256_init(Sha256 *s);
void sha256_init_portable(Sha256 *s); /* without the processor's instructions: for tests and comparisons */
void sha256_update(Sha256 *s, const void *bytes, size_t size);
void sha256_final(Sha256 *s, unsigned char digest[32]);
void sha256_hex(const unsigned char digest[32], char hex[65]);
bool sha256_accelerated(void); /* whether this processor has instructions for it */

/* Called after every few megabytes; false stops with ERR_CANCELLED. */
typedef bool Sha256Progress(void *user, uint64_t done, uint64_t total);

/* Of a whole file, or of `size` bytes from `begin` on (UINT64_MAX: to the end; of a shorter file, what there is, as in
 * the webui's old model hash). Reads instead of mapping, so that no pages of the file stay. progress may be NULL. */
bool sha256_file(const char *path, char hex[65], Error *e);
bool sha256_file_part(const char *path, uint64_t begin, uint64_t size, char hex[65], Sha256Progress *progress,
                      void *user, Error *e);

#endif
