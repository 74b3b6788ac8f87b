/* model_hash.c: one small file per model under $XDG_CACHE_HOME/sd.c (or ~/.cache/sd.c), named by the hash of path, size
 * and modification time, holding the SHA-256. When anything goes wrong with the cache, the hash is computed anew. */
#include "model_hash.h"
#include "tensor/os.h"

#include "weights/builtin.h"
#include "weights/files/atomic_file.h"
#include "weights/files/file_read.h"
#include "weights/files/path.h"
#include "weights/files/sha256.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void sha256_memory(const void *bytes, size_t size, char hex[65]) {
    Sha256 s;
    unsigned char digest[32];
    sha256_init(&s);
    sha256_update(&s, bytes, size);
    sha256_final(&s, digest);
    sha256_hex(digest, hex);
}

/* $XDG_CACHE_HOME/sd.c/<hash of what>. False when the user has no home directory. */
static bool cache_path(const char *what, char out[OS_PATH_SIZE], bool make) {
    const char *base = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    char dir[OS_PATH_SIZE], hex[65];
    bool named = base && *base == '/';
    if (!named && !(home && *home == '/')) return false;
    if (!path_make(dir, NULL, "%s%s", named ? base : home, named ? "" : "/.cache")) return false;
    if (make) os_make_directory(dir, true);
    if (!path_make(out, NULL, "%s/sd.c", dir)) return false;
    if (make) os_make_directory(out, true);
    sha256_memory(what, strlen(what), hex);
    return path_make(out, NULL, "%s/sd.c/%.32s", dir, hex);
}

static bool is_hash(const char *s) { return strspn(s, "0123456789abcdef") == 64 && !s[64]; }

bool cached_sha256_from(const char *path, uint64_t begin, char hex[65], Error *e) {
    OsInfo info;
    char real[OS_PATH_SIZE] = "", what[OS_PATH_SIZE + 256], file[OS_PATH_SIZE];
    if (!os_info(path, &info))
        return error_set(e, ERR_FILE, "%s: cannot be read: %s; check its name", path, strerror(errno));
    bool cache = os_real_path(path, real); /* else it may be named anew for another file: not remembered */
    int n = snprintf(what, sizeof what, "%s\n%llu\n%lld.%09lld", real, (unsigned long long)info.size,
                     (long long)info.changed, (long long)info.changed_ns);
    if (begin) snprintf(what + n, sizeof what - (size_t)n, "\nfrom %llu", (unsigned long long)begin);
    cache = cache && cache_path(what, file, false);
    char *line = cache ? file_read(file, &(FileWanted){.most = 64, .advice = "compute it"}, NULL, NULL) : NULL;
    bool found = line && is_hash(line);
    if (found) memcpy(hex, line, 65);
    free(line);
    if (found) return true;
    if (!sha256_file_part(path, begin, UINT64_MAX, hex, NULL, NULL, e)) return false;
    if (cache && cache_path(what, file, true)) atomic_write_file(file, hex, 64, NULL);
    return true;
}

bool cached_sha256(const char *path, char hex[65], Error *e) { return cached_sha256_from(path, 0, hex, e); }

const char *model_hash(SdModel *m, Error *e) {
    if (m->hash[0]) return m->hash;
    if (!m->checkpoint->file) return NULL;
    const WeightFile *file = m->checkpoint->file;
    const char *source = weight_file_meta(file, "sdc.source_sha256");
    size_t size;
    if (file->map == builtin_model(&size) && builtin_sha256()) memcpy(m->hash, builtin_sha256(), 65);
    else if (!file->mapped) sha256_memory(file->map, file->size, m->hash);
    else if (source && is_hash(source)) memcpy(m->hash, source, 65);
    else if (!cached_sha256(m->checkpoint->path, m->hash, e)) m->hash[0] = 0;
    return m->hash[0] ? m->hash : NULL;
}

const char *given_hash(SdModel *m, GivenPart part, Error *e) {
    const Given *g = &m->checkpoint->given[part];
    char *hex = m->given_hash[part];
    if (hex[0]) return hex;
    if (!g->path || os_kind(g->path) == OS_DIRECTORY) return NULL;
    if (!cached_sha256(g->path, hex, e)) hex[0] = 0;
    return hex[0] ? hex : NULL;
}

const char *given_file(const SdModel *m, GivenPart part) {
    const char *path = m->checkpoint->given[part].path, *slash = path ? strrchr(path, '/') : NULL;
    return slash && slash[1] ? slash + 1 : path;
}

void legacy_hash(const WeightFile *f, char out[9]) {
    const size_t from = 0x100000, size = 0x10000;
    char hex[65];
    size_t n = f->size > from ? f->size - from : 0;
    sha256_memory(n ? f->map + from : f->map, n < size ? n : size, hex);
    snprintf(out, 9, "%.8s", hex);
}

void model_name(const SdModel *m, char *out, size_t size) {
    const WeightFile *f = m->checkpoint->file;
    const char *source = f ? weight_file_meta(f, "sdc.source_name") : NULL,
               *path = source ? source : m->checkpoint->path;
    const char *slash = strrchr(path, '/');
    snprintf(out, size, "%s", slash ? slash + 1 : path);
    char *dot = strrchr(out, '.');
    if (f && !source && dot && dot != out) *dot = 0;
}
