/* bucket_config.h: where a bucket is, who writes to it, and its addresses. */
#ifndef SD_TOOLS_SERVER_BUCKET_BUCKET_CONFIG_H
#define SD_TOOLS_SERVER_BUCKET_BUCKET_CONFIG_H

#include "bucket.h"

typedef struct {
    char origin[600];           /* "https://HOST[:PORT]", with the bucket's name if that is by host */
    char name[64], prefix[300]; /* prefix: "" or ends with '/' */
    char region[64];
    char id[130], secret[200], token[2500];
    const char *address;
    int expires;
    bool by_host;
} BucketConfig;

bool bucket_config_read(BucketConfig *c, const BucketOptions *o, Error *e);
void bucket_config_free(BucketConfig *c); /* overwrites the secret */
/* "/NAME/PREFIX/..." or "/PREFIX/...", encoded. False: too long. */
bool bucket_config_path(const BucketConfig *c, const char *name, char *out, size_t size);
const char *bucket_config_address(const BucketConfig *c, const char *name, char out[BUCKET_ADDRESS]);

#endif
