#include "sigv4.h"

#include "weights/files/sha256.h"

#include <stdio.h>
#include <string.h>

enum { BLOCK = 64 };

static void digest(const void *bytes, size_t size, uint8_t out[32]) {
    Sha256 s;
    sha256_init(&s);
    sha256_update(&s, bytes, size);
    sha256_final(&s, out);
}

void sigv4_hmac(const void *key, size_t key_size, const void *bytes, size_t size, uint8_t out[32]) {
    uint8_t pad[BLOCK] = {0}, inner[32];
    Sha256 s;
    if (key_size > BLOCK) digest(key, key_size, pad);
    else memcpy(pad, key, key_size);
    for (int i = 0; i < BLOCK; i++) pad[i] ^= 0x36;
    sha256_init(&s);
    sha256_update(&s, pad, BLOCK);
    sha256_update(&s, bytes, size);
    sha256_final(&s, inner);
    for (int i = 0; i < BLOCK; i++) pad[i] ^= 0x36 ^ 0x5c;
    sha256_init(&s);
    sha256_update(&s, pad, BLOCK);
    sha256_update(&s, inner, sizeof inner);
    sha256_final(&s, out);
}

static void hmac_text(uint8_t key[32], const char *text) { sigv4_hmac(key, 32, text, strlen(text), key); }

void sigv4_sign(const char *secret, const char *region, const char *stamp, const char *canonical, char hex[65]) {
    char first[300], day[9], whole[65], text[400];
    uint8_t hash[32], key[32];
    snprintf(first, sizeof first, "AWS4%s", secret);
    snprintf(day, sizeof day, "%.8s", stamp);
    sigv4_hmac(first, strlen(first), day, strlen(day), key);
    hmac_text(key, region);
    hmac_text(key, "s3");
    hmac_text(key, "aws4_request");
    digest(canonical, strlen(canonical), hash);
    sha256_hex(hash, whole);
    snprintf(text, sizeof text, "AWS4-HMAC-SHA256\n%s\n%s/%s/s3/aws4_request\n%s", stamp, day, region, whole);
    hmac_text(key, text);
    sha256_hex(key, hex);
}

bool sigv4_encode(const char *name, bool path, char *out, size_t size) {
    static const char PLAIN[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~";
    for (; *name; name++) {
        bool plain = strchr(PLAIN, *name) || (path && *name == '/');
        if (size < (plain ? 2u : 4u)) return false;
        int n = snprintf(out, size, plain ? "%c" : "%%%02X", plain ? *name : (unsigned char)*name);
        out += n, size -= (size_t)n;
    }
    *out = 0;
    return true;
}

bool sigv4_address(const SigV4Keys *k, const char *origin, const char *path, const char *stamp, long seconds, char *out,
                   size_t size) {
    char scope[400], scope_encoded[500], token[3000] = "", query[4200], canonical[6000], hex[65];
    const char *host = strstr(origin, "://");
    if (!host) return false;
    host += 3;
    snprintf(scope, sizeof scope, "%s/%.8s/%s/s3/aws4_request", k->id, stamp, k->region);
    if (!sigv4_encode(scope, false, scope_encoded, sizeof scope_encoded) ||
        (k->token && !sigv4_encode(k->token, false, token, sizeof token)))
        return false;
    snprintf(query, sizeof query,
             "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=%s&X-Amz-Date=%s&X-Amz-Expires=%ld%s%s"
             "&X-Amz-SignedHeaders=host",
             scope_encoded, stamp, seconds, *token ? "&X-Amz-Security-Token=" : "", token);
    int n = snprintf(canonical, sizeof canonical, "GET\n%s\n%s\nhost:%s\n\nhost\nUNSIGNED-PAYLOAD", path, query, host);
    if (n >= (int)sizeof canonical) return false;
    sigv4_sign(k->secret, k->region, stamp, canonical, hex);
    n = snprintf(out, size, "%s%s?%s&X-Amz-Signature=%s", origin, path, query, hex);
    return n > 0 && (size_t)n < size;
}
