#include "bucket_send.h"

#include "weights/files/sha256.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct BucketSend {
    CURL *curl;
    char why[CURL_ERROR_SIZE];
    char reply[400];
    size_t replied;
};

void bucket_send_begin(void) { curl_global_init(CURL_GLOBAL_DEFAULT); }

BucketSend *bucket_send_new(void) {
    BucketSend *s = calloc(1, sizeof *s);
    if (s && (s->curl = curl_easy_init())) return s;
    free(s);
    return NULL;
}

void bucket_send_free(BucketSend *s) {
    if (!s) return;
    curl_easy_cleanup(s->curl);
    free(s);
}

/* What the bucket says, for messages. */
static size_t hear(char *bytes, size_t size, size_t count, void *user) {
    BucketSend *s = user;
    size_t n = size * count, room = sizeof s->reply - 1 - s->replied;
    if (n < room) room = n;
    memcpy(s->reply + s->replied, bytes, room);
    s->replied += room, s->reply[s->replied] = 0;
    return n;
}

/* <Code>NoSuchBucket</Code>: that word; or "". */
static void code_of(const char *reply, char out[64]) {
    const char *p = strstr(reply, "<Code>");
    size_t n = p ? strspn(p + 6, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") : 0;
    snprintf(out, 64, "%s%.*s", n ? " " : "", n < 60 ? (int)n : 60, p ? p + 6 : "");
}

static struct curl_slist *add(struct curl_slist *list, const char *header, bool *ok) {
    struct curl_slist *more = *ok ? curl_slist_append(list, header) : NULL;
    *ok = more != NULL;
    return more ? more : list;
}

bool bucket_send(BucketSend *s, const BucketConfig *c, const char *name, const void *bytes, size_t size, Error *e) {
    char path[2000], url[2700], user[400], provider[100], header[2700], hex[65], code[64];
    uint8_t digest[32];
    Sha256 sum;
    bool ok = true;
    long status = 0;
    if (!bucket_config_path(c, name, path, sizeof path))
        return error_set(e, ERR_ARGUMENT, "bucket: the key is too long");
    sha256_init(&sum);
    sha256_update(&sum, bytes, size);
    sha256_final(&sum, digest);
    sha256_hex(digest, hex);
    snprintf(url, sizeof url, "%s%s", c->origin, path);
    snprintf(user, sizeof user, "%s:%s", c->id, c->secret);
    snprintf(provider, sizeof provider, "aws:amz:%s:s3", c->region);
    struct curl_slist *headers = add(NULL, "Content-Type: image/png", &ok);
    snprintf(header, sizeof header, "x-amz-content-sha256: %s", hex);
    headers = add(headers, header, &ok);
    snprintf(header, sizeof header, "x-amz-security-token: %s", c->token);
    if (*c->token) headers = add(headers, header, &ok);
    s->replied = 0, *s->reply = *s->why = 0;
    curl_easy_reset(s->curl); /* keeps the connection */
    CURL *u = s->curl;
    ok = ok && !curl_easy_setopt(u, CURLOPT_URL, url) && !curl_easy_setopt(u, CURLOPT_CUSTOMREQUEST, "PUT") &&
         !curl_easy_setopt(u, CURLOPT_POSTFIELDS, (const char *)bytes) &&
         !curl_easy_setopt(u, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)size) &&
         !curl_easy_setopt(u, CURLOPT_HTTPHEADER, headers) && !curl_easy_setopt(u, CURLOPT_AWS_SIGV4, provider) &&
         !curl_easy_setopt(u, CURLOPT_USERPWD, user) && !curl_easy_setopt(u, CURLOPT_NOSIGNAL, 1L) &&
         !curl_easy_setopt(u, CURLOPT_CONNECTTIMEOUT, 10L) && !curl_easy_setopt(u, CURLOPT_TIMEOUT, 120L) &&
         !curl_easy_setopt(u, CURLOPT_LOW_SPEED_LIMIT, 1000L) && !curl_easy_setopt(u, CURLOPT_LOW_SPEED_TIME, 20L) &&
         !curl_easy_setopt(u, CURLOPT_ERRORBUFFER, s->why) && !curl_easy_setopt(u, CURLOPT_WRITEFUNCTION, hear) &&
         !curl_easy_setopt(u, CURLOPT_WRITEDATA, s);
    CURLcode result = ok ? curl_easy_perform(u) : CURLE_OUT_OF_MEMORY;
    curl_easy_getinfo(u, CURLINFO_RESPONSE_CODE, &status);
    curl_slist_free_all(headers);
    memset(user, 0, sizeof user);
    if (result != CURLE_OK)
        return error_set(e, ERR_FILE, "bucket %s: %s", c->name, *s->why ? s->why : curl_easy_strerror(result));
    code_of(s->reply, code);
    return (status >= 200 && status < 300) || error_set(e, ERR_FILE, "bucket %s: answers %ld%s", c->name, status, code);
}
