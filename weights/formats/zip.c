/* zip.c: the directory at the end is read first; each entry's own header must agree with it. */
#include "zip.h"
#include "weights/files/utf8.h"

#include <stdlib.h>
#include <string.h>

#define AGAIN "download it again"

enum { END_SIZE = 22, END64_SIZE = 56, LOCATOR_SIZE = 20, ENTRY_SIZE = 46, LOCAL_SIZE = 30 };

typedef struct {
    const WeightFile *f;
    Zip *z;
    Error *e;
    uint64_t directory, end, count; /* where the directory begins and ends, and its entries */
    uint64_t dropped;               /* pages up to here have been given back */
} Reader;

static uint64_t number(const uint8_t *p, int bytes) {
    uint64_t n = 0;
    for (int i = 0; i < bytes; i++) n |= (uint64_t)p[i] << (8 * i);
    return n;
}

static bool refuse(const Reader *r, const char *why) {
    return error_set(r->e, ERR_FORMAT, "%s: a damaged zip archive: %s; " AGAIN, r->f->path, why);
}

static bool refuse_entry(const Reader *r, const ZipEntry *e, const char *why) {
    size_t n = e->name_size < 100 ? e->name_size : utf8_whole(e->name, 100);
    return error_set(r->e, ERR_FORMAT, "%s: its entry \"%.*s\" %s", r->f->path, (int)n, e->name, why);
}

/* The end of the directory, and, where a number does not fit there, that of ZIP64. */
static bool find_directory(Reader *r) {
    const uint8_t *map = r->f->map;
    size_t size = r->f->size, at = size;
    size_t last = size > END_SIZE + 0xffff ? size - END_SIZE - 0xffff : 0;
    for (size_t i = size < END_SIZE ? 0 : size - END_SIZE + 1; i-- > last && at == size;)
        if (!memcmp(map + i, "PK\5\6", 4) && i + END_SIZE + number(map + i + 20, 2) == size) at = i;
    if (at == size) return refuse(r, "its directory is missing");
    const uint8_t *end = map + at;
    r->end = at;
    r->count = number(end + 10, 2);
    uint64_t bytes = number(end + 12, 4);
    r->directory = number(end + 16, 4);
    if (number(end + 4, 4) || number(end + 8, 2) != r->count) return refuse(r, "it is one of several volumes");
    if (r->count == 0xffff || bytes == UINT32_MAX || r->directory == UINT32_MAX) {
        if (at < LOCATOR_SIZE || memcmp(end - LOCATOR_SIZE, "PK\6\7", 4)) return refuse(r, "its ZIP64 end is missing");
        uint64_t at64 = number(end - LOCATOR_SIZE + 8, 8);
        if (at64 > at - LOCATOR_SIZE || at - LOCATOR_SIZE - at64 < END64_SIZE || memcmp(map + at64, "PK\6\6", 4))
            return refuse(r, "its ZIP64 end is not where it says");
        const uint8_t *p = map + at64;
        if (number(p + 16, 8) || number(p + 24, 8) != number(p + 32, 8))
            return refuse(r, "it is one of several volumes");
        r->end = at64;
        r->count = number(p + 32, 8);
        bytes = number(p + 40, 8);
        r->directory = number(p + 48, 8);
    }
    if (r->directory > r->end || r->end - r->directory < bytes) /* torch leaves a ZIP64 end between them */
        return refuse(r, "its directory is not where it says");
    r->end = r->directory + bytes;
    if (r->count > ZIP_MOST_ENTRIES || r->count * ENTRY_SIZE > bytes)
        return refuse(r, "it claims more entries than it has room for, or than 65536");
    return true;
}

static bool name_is_plain(const ZipEntry *e) {
    const char *p = e->name, *end = p + e->name_size;
    if (p == end || *p == '/' || !utf8_is_valid(p, e->name_size)) return false;
    for (const char *piece = p; p <= end; p++) {
        if (p < end && ((unsigned char)*p < 32 || *p == '\\' || *p == ':' || *p == 127)) return false;
        if (p < end && *p != '/') continue;
        if (p - piece == 2 && !memcmp(piece, "..", 2)) return false;
        piece = p + 1;
    }
    return true;
}

/* Sizes and place that do not fit 32 bits stand in an extra field. */
static bool read_zip64(const uint8_t *extra, size_t size, uint64_t *values[3]) {
    for (size_t at = 0; at + 4 <= size;) {
        size_t id = (size_t)number(extra + at, 2), n = (size_t)number(extra + at + 2, 2);
        if (n > size - at - 4) return false;
        const uint8_t *p = extra + at + 4;
        for (int i = 0; id == 1 && i < 3; i++) {
            if (*values[i] != UINT32_MAX) continue;
            if (n < 8) return false;
            *values[i] = number(p, 8);
            p += 8, n -= 8;
        }
        if (id == 1) return true;
        at += 4 + n;
    }
    return *values[0] != UINT32_MAX && *values[1] != UINT32_MAX && *values[2] != UINT32_MAX;
}

/* torch.jit.save's archives have their program's text beside the weights: ARCHIVE/code/__torch__... */
static bool is_program(const ZipEntry *e) {
    static const char WITHIN[] = "/code/__torch__";
    const size_t n = sizeof WITHIN - 1;
    bool found = false;
    for (size_t i = 0; i + n <= e->name_size; i++) found = found || !memcmp(e->name + i, WITHIN, n);
    return found;
}

/* What the directory says of an entry; the bytes that this takes, or 0. */
static uint64_t read_entry(const Reader *r, const uint8_t *p, uint64_t left, ZipEntry *e) {
    if (left < ENTRY_SIZE || memcmp(p, "PK\1\2", 4)) return refuse(r, "its directory breaks off"), 0;
    size_t name = (size_t)number(p + 28, 2), extra = (size_t)number(p + 30, 2), comment = (size_t)number(p + 32, 2);
    uint64_t all = ENTRY_SIZE + (uint64_t)name + extra + comment, packed = number(p + 20, 4);
    if (all > left) return refuse(r, "its directory breaks off"), 0;
    *e = (ZipEntry){.name = (const char *)p + ENTRY_SIZE, .name_size = name};
    e->size = number(p + 24, 4);
    e->header = number(p + 42, 4);
    uint64_t *values[3] = {&e->size, &packed, &e->header};
    if (!name_is_plain(e))
        return error_set(r->e, ERR_FORMAT, "%s: an entry has an empty, odd or unsafe name; " AGAIN, r->f->path), 0;
    if (!read_zip64(p + ENTRY_SIZE + name, extra, values))
        return refuse_entry(r, e, "has a broken ZIP64 field; " AGAIN), 0;
    if (number(p + 8, 2) & 0x2041) return refuse_entry(r, e, "is encrypted; save it without a password"), 0;
    if (is_program(e))
        return error_set(r->e, ERR_FORMAT,
                         "%s: is TorchScript, a program that PyTorch runs; load it there (torch.jit.load) and save its "
                         "state_dict()",
                         r->f->path),
               0;
    if (number(p + 10, 2) || packed != e->size)
        return refuse_entry(r, e, "is compressed, which torch.save never does; unpack it and save it anew"), 0;
    return all;
}

/* Where the data begin: the entry's own header may have other extra fields, which align them. */
static bool find_data(Reader *r, ZipEntry *e) {
    const uint8_t *p = r->f->map + e->header;
    if (e->header > r->directory || r->directory - e->header < LOCAL_SIZE || memcmp(p, "PK\3\4", 4))
        return refuse_entry(r, e, "is not where the directory says; " AGAIN);
    uint64_t name = number(p + 26, 2), left = r->directory - e->header - LOCAL_SIZE, before = name + number(p + 28, 2);
    if (before > left || e->size > left - before) return refuse_entry(r, e, "is longer than the file; " AGAIN);
    if (number(p + 8, 2) || name != e->name_size || memcmp(p + LOCAL_SIZE, e->name, e->name_size))
        return refuse_entry(r, e, "is another one where it stands; " AGAIN);
    e->begin = e->header + LOCAL_SIZE + before;
    enum { STEP = 1 << 20 };
    if (e->begin - r->dropped < STEP) return true;
    const FileTensor past = {.begin = r->dropped, .end = e->begin}; /* not to keep pages of every entry */
    file_tensor_drop(r->f, &past);
    r->dropped = e->begin;
    return true;
}

static int by_place(const void *a, const void *b) {
    const ZipEntry *x = a, *y = b;
    return x->header < y->header ? -1 : x->header > y->header;
}

static int compare(const char *a, size_t n, const char *b, size_t m) {
    int order = memcmp(a, b, n < m ? n : m);
    return order ? order : n < m ? -1 : n > m;
}

static int by_name(const void *a, const void *b) {
    const ZipEntry *x = a, *y = b;
    return compare(x->name, x->name_size, y->name, y->name_size);
}

bool zip_read(Zip *z, const WeightFile *f, Error *e) {
    Reader r = {.f = f, .z = z, .e = e};
    *z = (Zip){0};
    if (!find_directory(&r)) return false;
    z->entries = malloc(((size_t)r.count + 1) * sizeof *z->entries);
    if (!z->entries)
        return error_set(e, ERR_MEMORY, "%s: cannot allocate memory for its list; free some and try again", f->path);
    for (uint64_t at = r.directory; z->count < r.count;) {
        uint64_t n = read_entry(&r, f->map + at, r.end - at, &z->entries[z->count]);
        if (!n) return false;
        at += n, z->count++;
    }
    qsort(z->entries, z->count, sizeof *z->entries, by_place);
    for (size_t i = 0; i < z->count; i++) {
        if (!find_data(&r, &z->entries[i])) return false;
        if (i && z->entries[i].header < z->entries[i - 1].begin + z->entries[i - 1].size)
            return refuse_entry(&r, &z->entries[i], "overlaps another; " AGAIN);
    }
    qsort(z->entries, z->count, sizeof *z->entries, by_name);
    for (size_t i = 1; i < z->count; i++)
        if (!by_name(&z->entries[i - 1], &z->entries[i]))
            return refuse_entry(&r, &z->entries[i], "occurs twice; " AGAIN);
    return true;
}

void zip_free(Zip *z) {
    free(z->entries);
    *z = (Zip){0};
}

const ZipEntry *zip_find(const Zip *z, const char *name, size_t size) {
    size_t low = 0, high = z->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const ZipEntry *e = &z->entries[middle];
        int order = compare(name, size, e->name, e->name_size);
        if (!order) return e;
        if (order < 0) high = middle;
        else low = middle + 1;
    }
    return NULL;
}
