/* model_hash.c: one small file per model under $XDG_CACHE_HOME/sd.c (or ~/.cache/sd.c), named by the hash of path, size
 * and time of change, holding the sha256. Whatever goes wrong with the cache, the hash is computed. */
#define _XOPEN_SOURCE 700
#include "model_hash.h"

#include "weights/atomic_file.h"
#include "weights/sha256.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static void sha256_memory(const void *bytes, size_t size, char hex[65]) {
    Sha256 s;
    unsigned char digest[32];
    sha256_init(&s);
    sha256_update(&s, bytes, size);
    sha256_final(&s, digest);
    sha256_hex(digest, hex);
}

/* $XDG_CACHE_HOME/sd.c/<hash of what>; false when there is no home. */
static bool cache_path(const char *what, char *out, size_t size, bool make) {
    const char *base = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    char dir[2048];
    if (base && *base == '/') snprintf(dir, sizeof dir, "%s", base);
    else if (home && *home == '/') snprintf(dir, sizeof dir, "%s/.cache", home);
    else return false;
    if (make) mkdir(dir, 0700);
    size_t n = strlen(dir);
    snprintf(dir + n, sizeof dir - n, "/sd.c");
    if (make) mkdir(dir, 0700);
    char hex[65];
    sha256_memory(what, strlen(what), hex);
    return (size_t)snprintf(out, size, "%s/%.32s", dir, hex) < size;
}

static bool is_hash(const char *s) { return strspn(s, "0123456789abcdef") == 64 && !s[64]; }

bool cached_sha256(const char *path, char hex[65], Error *e) {
    struct stat st;
    char real[4096], what[4352], file[2304];
    if (stat(path, &st) != 0) return error_set(e, ERR_FILE, "%s: cannot be read", path);
    if (!realpath(path, real)) snprintf(real, sizeof real, "%s", path);
    snprintf(what, sizeof what, "%s\n%lld\n%lld.%09ld", real, (long long)st.st_size, (long long)st.st_mtim.tv_sec,
             st.st_mtim.tv_nsec);
    bool cache = cache_path(what, file, sizeof file, false);
    FILE *f = cache ? fopen(file, "r") : NULL;
    if (f) {
        char line[66] = "";
        size_t n = fread(line, 1, 64, f);
        line[n] = 0;
        fclose(f);
        if (is_hash(line)) return memcpy(hex, line, 65), true;
    }
    if (!sha256_file(path, hex, e)) return false;
    if (cache && cache_path(what, file, sizeof file, true)) {
        AtomicFile *a = atomic_begin(file, NULL);
        if (a && atomic_write(a, hex, 64, NULL)) atomic_end(a, NULL);
        else atomic_abort(a);
    }
    return true;
}

const char *model_hash(SdModel *m) {
    if (m->hash[0]) return m->hash;
    if (!m->checkpoint->file) return NULL;
    const WeightFile *file = m->checkpoint->file;
    const char *source = weight_file_meta(file, "sdc.source_sha256");
    if (source && is_hash(source)) memcpy(m->hash, source, 65);
    else if (!file->mapped) sha256_memory(file->map, file->size, m->hash);
    else if (!cached_sha256(m->checkpoint->path, m->hash, NULL)) m->hash[0] = 0;
    return m->hash[0] ? m->hash : NULL;
}

void model_name(const SdModel *m, char *out, size_t size) {
    const WeightFile *f = m->checkpoint->file;
    const char *source = f ? weight_file_meta(f, "sdc.source_name") : NULL,
               *path = source ? source : m->checkpoint->path;
    const char *slash = strrchr(path, '/');
    snprintf(out, size, "%s", slash ? slash + 1 : path);
    char *dot = strrchr(out, '.');
    if (f && dot && dot != out) *dot = 0;
}
