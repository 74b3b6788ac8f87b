/* bucket_send.h: one upload, by libcurl. */
#ifndef SD_TOOLS_SERVER_BUCKET_BUCKET_SEND_H
#define SD_TOOLS_SERVER_BUCKET_BUCKET_SEND_H

#include "bucket_config.h"

/* A connection that is kept; each belongs to one thread. */
typedef struct BucketSend BucketSend;

void bucket_send_begin(void); /* before the first thread */
BucketSend *bucket_send_new(void);
void bucket_send_free(BucketSend *s);
/* Puts a PNG under its key. False: e says what the bucket answered. */
bool bucket_send(BucketSend *s, const BucketConfig *c, const char *name, const void *bytes, size_t size, Error *e);

#endif
