/* weight_file.c: opening and mapping a file, and choosing its format. */
#define _XOPEN_SOURCE 700
#include "weight_file.h"
#include "formats.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static WeightFile *new_file(const char *path, Error *e) {
    WeightFile *f = calloc(1, sizeof *f);
    if (f) f->path = malloc(strlen(path) + 1);
    if (f && f->path) {
        strcpy(f->path, path);
        return f;
    }
    free(f);
    error_set(e, ERR_MEMORY, "%s: cannot allocate memory; free some and try again", path);
    return NULL;
}

static bool read_list(WeightFile *f, Error *e) {
    const WeightFormat *format = weight_format(f->map, f->size);
    f->format = format->name;
    return format->read ? format->read(f, e) : error_set(e, ERR_FORMAT, "%s: is %s", f->path, format->refusal);
}

WeightFile *weight_file_open_memory(const char *path, const void *bytes, size_t size, Error *e) {
    WeightFile *f = new_file(path, e);
    if (!f) return NULL;
    f->map = bytes;
    f->size = size;
    if (read_list(f, e)) return f;
    weight_file_close(f);
    return NULL;
}

static bool map_file(WeightFile *f, int fd, Error *e) {
    struct stat st;
    if (fstat(fd, &st))
        return error_set(e, ERR_FILE, "%s: cannot be read: %s; check the disk", f->path, strerror(errno));
    if (S_ISDIR(st.st_mode))
        return error_set(e, ERR_FILE, "%s: is a directory; name a .safetensors file in it", f->path);
    if (!S_ISREG(st.st_mode)) return error_set(e, ERR_FILE, "%s: is not a regular file; name a file", f->path);
    if ((uintmax_t)st.st_size > SIZE_MAX)
        return error_set(e, ERR_FILE, "%s: too large to map; use a 64-bit build", f->path);
    f->size = (size_t)st.st_size;
    if (!f->size) return true;
    void *map = mmap(NULL, f->size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (map == MAP_FAILED)
        return error_set(e, ERR_FILE, "%s: cannot be mapped: %s; check the memory limit (ulimit -v)", f->path,
                         strerror(errno));
    f->map = map;
    f->mapped = true;
    return true;
}

WeightFile *weight_file_open(const char *path, Error *e) {
    WeightFile *f = new_file(path, e);
    if (!f) return NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* NONBLOCK: do not wait for a pipe of that name */
    if (fd < 0)
        error_set(e, ERR_FILE, "%s: cannot be opened: %s; check the name and its permissions", path, strerror(errno));
    bool ok = fd >= 0 && map_file(f, fd, e);
    if (fd >= 0) close(fd);
    if (ok && read_list(f, e)) return f;
    weight_file_close(f);
    return NULL;
}

void weight_file_close(WeightFile *f) {
    if (!f) return;
    if (f->mapped) munmap((void *)(uintptr_t)f->map, f->size);
    free(f->tensors);
    free(f->index);
    free(f->meta);
    free(f->pool);
    free(f->path);
    free(f);
}
