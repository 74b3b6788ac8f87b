/* bucket.h: pictures go to a bucket of S3's protocol. Each is a file of the spool until the bucket has taken it, so
 * that neither a bucket that is down nor the end of the server loses one; it is sent again, later and later, under the
 * same key. */
#ifndef SD_TOOLS_SERVER_BUCKET_BUCKET_H
#define SD_TOOLS_SERVER_BUCKET_BUCKET_H

#include "tensor/error.h"

#include <stddef.h>

enum { BUCKET_ADDRESS = 8192 };

typedef struct {
    const char *where;    /* "s3://NAME[/PREFIX]" */
    const char *endpoint; /* "https://HOST[:PORT]"; NULL: Amazon's of the region */
    const char *region;   /* NULL: us-east-1 */
    const char *keys;     /* a file with a line ID:SECRET[:TOKEN]; NULL: AWS_ACCESS_KEY_ID and so on */
    const char *spool;    /* a folder */
    const char *address;  /* "https://pictures.example.com/{key}"; NULL: signed ones */
    int expires;          /* seconds that a signed one is good for */
    bool by_host;         /* NAME.HOST/KEY in place of HOST/NAME/KEY */
} BucketOptions;

typedef struct Bucket Bucket;

/* Begins to send what the spool holds. NULL on error. The strings must outlive it. */
Bucket *bucket_open(const BucketOptions *o, Error *e);
/* Tries once more what has not been sent, for some seconds; the rest waits for the next start. NULL is fine. */
void bucket_close(Bucket *b);

/* Keeps a picture on disk and sends it behind. name: the key's end, of letters, digits, '-' and '.'. */
bool bucket_put(Bucket *b, const char *name, const void *bytes, size_t size, Error *e);
/* Waits until it has arrived, while the bucket answers, but not for ever. */
bool bucket_wait(Bucket *b, const char *name);
/* Where it is, or will be; out is "" if that cannot be said. Returns out. */
const char *bucket_address(const Bucket *b, const char *name, char out[BUCKET_ADDRESS]);

typedef struct {
    int waiting;
    long long sent, failures;
} BucketCounts;
BucketCounts bucket_counts(Bucket *b);

#endif
