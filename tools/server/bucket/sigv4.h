/* sigv4.h: Amazon's Signature Version 4, as S3 takes it: https://docs.aws.amazon.com/AmazonS3/latest/API/
 * (sig-v4-header-based-auth, sigv4-query-string-auth). Addresses are signed here; uploads by libcurl. */
#ifndef SD_TOOLS_SERVER_BUCKET_SIGV4_H
#define SD_TOOLS_SERVER_BUCKET_SIGV4_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* HMAC-SHA-256 (RFC 2104). */
void sigv4_hmac(const void *key, size_t key_size, const void *bytes, size_t size, uint8_t out[32]);

/* The signature of a canonical request, in hex. stamp: "20130524T000000Z". */
void sigv4_sign(const char *secret, const char *region, const char *stamp, const char *canonical, char hex[65]);

/* Percent-encodes a name as S3 does, '/' kept where `path`. False: out is too small. */
bool sigv4_encode(const char *name, bool path, char *out, size_t size);

typedef struct {
    const char *id, *secret, *token; /* token NULL or "": none */
    const char *region;
} SigV4Keys;

/* An address from which whoever has it may fetch for `seconds` from `stamp` on. origin:
 * "https://HOST[:PORT]"; path is encoded and begins with a slash. False: out is too small. */
bool sigv4_address(const SigV4Keys *k, const char *origin, const char *path, const char *stamp, long seconds, char *out,
                   size_t size);

#endif
