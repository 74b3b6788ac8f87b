#include "bucket_config.h"

#include "sigv4.h"
#include "tools/server/api/stamp.h"
#include "weights/files/text_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define DIGITS "0123456789"

/* --- where --- */

static bool read_where(BucketConfig *c, const char *where, Error *e) {
    const char *name = strncmp(where, "s3://", 5) ? "" : where + 5;
    size_t n = strcspn(name, "/"), rest = strlen(name + n);
    if (n < 3 || n >= sizeof c->name || strspn(name, LOWER DIGITS ".-") != n || *name == '.' || *name == '-')
        return error_set(e, ERR_ARGUMENT, "--bucket: '%.100s' is not s3://NAME or s3://NAME/PREFIX", where);
    snprintf(c->name, sizeof c->name, "%.*s", (int)n, name);
    const char *prefix = name + n + (rest > 0);
    if (rest > 250 || *prefix == '/' || strstr(prefix, "//") || strstr(prefix, ".."))
        return error_set(e, ERR_ARGUMENT, "--bucket: '%.100s' is no prefix of at most 250 bytes", prefix);
    bool slash = *prefix && prefix[strlen(prefix) - 1] != '/';
    snprintf(c->prefix, sizeof c->prefix, "%s%s", prefix, slash ? "/" : "");
    return true;
}

static bool read_origin(BucketConfig *c, const char *endpoint, Error *e) {
    char amazon[200];
    snprintf(amazon, sizeof amazon, "https://s3.%s.amazonaws.com", c->region);
    const char *from = endpoint ? endpoint : amazon;
    size_t scheme = !strncmp(from, "https://", 8) ? 8 : !strncmp(from, "http://", 7) ? 7 : 0;
    size_t n = scheme ? strlen(from) : 0;
    if (n > scheme && from[n - 1] == '/') n--;
    size_t plain = strspn(from + scheme, LOWER "ABCDEFGHIJKLMNOPQRSTUVWXYZ" DIGITS ".-:[]");
    if (!scheme || n <= scheme || n > 300 || plain != n - scheme)
        return error_set(e, ERR_ARGUMENT, "--endpoint: '%.100s' is not https://HOST or https://HOST:PORT", from);
    if (c->by_host)
        snprintf(c->origin, sizeof c->origin, "%.*s%s.%.*s", (int)scheme, from, c->name, (int)(n - scheme),
                 from + scheme);
    else snprintf(c->origin, sizeof c->origin, "%.*s", (int)n, from);
    return true;
}

/* --- keys --- */

static bool take(char *to, size_t size, const char *from, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (from[i] <= ' ' || from[i] > '~') return false;
    if (n >= size) return false;
    memcpy(to, from, n), to[n] = 0;
    return true;
}

static bool read_keys_file(BucketConfig *c, const char *path, Error *e) {
    FileWanted wanted = {1 << 16, "name a text file with a line ID:SECRET", NULL};
    char *text = text_file_read(path, &wanted, NULL, e);
    if (!text) return false;
    text_newlines(text, strlen(text));
    char *line = text;
    while (*line == '#' || *line == '\n') line += strcspn(line, "\n"), line += *line == '\n';
    line[strcspn(line, "\n")] = 0;
    size_t id = strcspn(line, ":"), secret = line[id] ? strcspn(line + id + 1, ":") : 0;
    const char *token = line + id + (secret ? 1 + secret : 0);
    bool ok = id && secret && take(c->id, sizeof c->id, line, id) &&
              take(c->secret, sizeof c->secret, line + id + 1, secret) &&
              take(c->token, sizeof c->token, token + (*token == ':'), strlen(token + (*token == ':')));
    memset(text, 0, strlen(text));
    free(text);
    return ok || error_set(e, ERR_FORMAT, "%s: has no line ID:SECRET or ID:SECRET:TOKEN", path);
}

static bool read_keys(BucketConfig *c, const char *path, Error *e) {
    if (path) return read_keys_file(c, path, e);
    const char *id = getenv("AWS_ACCESS_KEY_ID"), *secret = getenv("AWS_SECRET_ACCESS_KEY");
    const char *token = getenv("AWS_SESSION_TOKEN");
    if (!id || !secret || !*id || !*secret)
        return error_set(e, ERR_ARGUMENT,
                         "--bucket: needs keys: --bucket-keys FILE, or AWS_ACCESS_KEY_ID and "
                         "AWS_SECRET_ACCESS_KEY in the environment");
    return (take(c->id, sizeof c->id, id, strlen(id)) && take(c->secret, sizeof c->secret, secret, strlen(secret)) &&
            take(c->token, sizeof c->token, token ? token : "", token ? strlen(token) : 0)) ||
           error_set(e, ERR_ARGUMENT, "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN: are no keys");
}

bool bucket_config_read(BucketConfig *c, const BucketOptions *o, Error *e) {
    const char *region = o->region ? o->region : "us-east-1";
    c->by_host = o->by_host, c->address = o->address, c->expires = o->expires;
    if (strlen(region) >= sizeof c->region || !*region || strspn(region, LOWER DIGITS "-") != strlen(region))
        return error_set(e, ERR_ARGUMENT, "--region: '%.60s' is no region, such as us-east-1", region);
    snprintf(c->region, sizeof c->region, "%s", region);
    if (o->address && (strncmp(o->address, "http", 4) || !strstr(o->address, "{key}") || strlen(o->address) > 1000))
        return error_set(e, ERR_ARGUMENT, "--bucket-url: '%.100s' is no address with {key} in it", o->address);
    return read_where(c, o->where, e) && read_origin(c, o->endpoint, e) && read_keys(c, o->keys, e);
}

void bucket_config_free(BucketConfig *c) { memset(c, 0, sizeof *c); }

/* --- addresses --- */

bool bucket_config_path(const BucketConfig *c, const char *name, char *out, size_t size) {
    char whole[600];
    snprintf(whole, sizeof whole, "/%s%s%s%.110s", c->by_host ? "" : c->name, c->by_host ? "" : "/", c->prefix, name);
    return sigv4_encode(whole, true, out, size);
}

const char *bucket_config_address(const BucketConfig *c, const char *name, char out[BUCKET_ADDRESS]) {
    char path[2000], key[2000], stamp[STAMP_SIZE], digits[STAMP_SIZE], whole[500];
    *out = 0;
    snprintf(whole, sizeof whole, "%s%.110s", c->prefix, name);
    if (!bucket_config_path(c, name, path, sizeof path) || !sigv4_encode(whole, true, key, sizeof key)) return out;
    if (c->address) {
        const char *at = strstr(c->address, "{key}");
        snprintf(out, BUCKET_ADDRESS, "%.*s%s%s", (int)(at - c->address), c->address, key, at + strlen("{key}"));
        return out;
    }
    SigV4Keys keys = {.id = c->id, .secret = c->secret, .token = c->token, .region = c->region};
    stamp_digits(stamp_now(), digits);
    snprintf(stamp, sizeof stamp, "%.8sT%.6sZ", digits, digits + 8);
    if (!sigv4_address(&keys, c->origin, path, stamp, c->expires, out, BUCKET_ADDRESS)) *out = 0;
    return out;
}
