/* torch_old.c: PyTorch's files before 1.6, pickles one after another. */
#include "torch.h"

#include <stdlib.h>
#include <string.h>

#define AGAIN "download it again"

/* 0x1950a86a20f9469cfc6c, pickled */
static const char MAGIC[] = "\x80\2\x8a\nl\xfc\x9c\x46\xf9 j\xa8P\x19.";

bool torch_old_sniff(const uint8_t *p, size_t size) {
    return size >= sizeof MAGIC - 1 && !memcmp(p, MAGIC, sizeof MAGIC - 1);
}

typedef struct {
    WeightFile *f;
    Pickle *p;
    size_t at; /* what has been read */
    Error *e;
} File;

static bool refuse(const File *o, const char *why) {
    return error_set(o->e, ERR_FORMAT, "%s: %s; " AGAIN, o->f->path, why);
}

static bool next(File *o, PickleId *value) {
    size_t used;
    if (!pickle_read(o->p, o->f->map + o->at, o->f->size - o->at, value, &used, o->e)) return false;
    o->at += used;
    return true;
}

static int compare(const void *a, const void *b) {
    const TorchStorage *x = *(const TorchStorage *const *)a, *y = *(const TorchStorage *const *)b;
    size_t n = x->key_size < y->key_size ? x->key_size : y->key_size;
    int order = memcmp(x->key, y->key, n);
    return order ? order : x->key_size < y->key_size ? -1 : x->key_size > y->key_size;
}

/* The storages in the order of their keys: an i64 of elements, and the bytes. */
static bool place(File *o, PickleId keys, TorchStorage **sorted, size_t count) {
    const Pickle *p = o->p;
    const uint8_t *map = o->f->map;
    uint32_t cell = p->values[keys].items.first;
    for (uint32_t i = 0; i < p->values[keys].count; i++, cell = p->cells[cell].next) {
        const PickleValue *v = &p->values[p->cells[cell].value];
        if (v->type != PICKLE_TEXT) return refuse(o, "its list of storages holds what is no key");
        TorchStorage key = {.key = (const char *)v->bytes, .key_size = v->count}, *wanted = &key, **found;
        found = count ? bsearch(&wanted, sorted, count, sizeof *sorted, compare) : NULL;
        if (!found) return refuse(o, "it holds a storage of which its pickle does not tell the type");
        size_t first = (size_t)(found - sorted);
        while (first && !compare(&sorted[first - 1], &wanted)) first--;
        if (sorted[first]->placed) return refuse(o, "its list of storages holds a key twice");
        int64_t elements = sorted[first]->count;
        uint64_t says = 0, bytes = dtype_bytes(sorted[first]->dtype, elements);
        if (o->f->size - o->at < 8) return refuse(o, "truncated: it ends before its last storage");
        for (int b = 0; b < 8; b++) says |= (uint64_t)map[o->at + (size_t)b] << (8 * b);
        o->at += 8;
        if (says != (uint64_t)elements) return refuse(o, "a storage has another size than its pickle says");
        if (bytes > o->f->size - o->at) return refuse(o, "truncated: it ends inside a storage");
        for (size_t k = first; k < count && !compare(&sorted[k], &wanted); k++) {
            if (sorted[k]->count != elements || sorted[k]->dtype != sorted[first]->dtype)
                return refuse(o, "its pickle says two sizes of one storage");
            sorted[k]->begin = o->at;
            sorted[k]->placed = true;
        }
        o->at += (size_t)bytes;
    }
    return o->at == o->f->size || refuse(o, "there are bytes after its last storage");
}

static bool read_pickles(File *o, TorchStorages *s) {
    PickleId magic, protocol, system, root, keys;
    if (!next(o, &magic) || !next(o, &protocol) || !next(o, &system)) return false;
    const PickleValue *v = pickle_value(o->p, protocol);
    if (v->type != PICKLE_INT || v->number != 1001) return refuse(o, "its protocol is not 1001");
    PickleId little = pickle_get(o->p, system, "little_endian");
    if (little && !pickle_value(o->p, little)->number)
        return error_set(o->e, ERR_FORMAT, "%s: its numbers are not little-endian; save it on a usual machine",
                         o->f->path);
    if (!next(o, &root) || !torch_storages(s, o->p, o->e) || !next(o, &keys)) return false;
    if (pickle_value(o->p, keys)->type != PICKLE_LIST) return refuse(o, "its list of storages is none");
    TorchStorage **sorted = malloc((s->count + 1) * sizeof *sorted);
    if (!sorted)
        return error_set(o->e, ERR_MEMORY, "%s: cannot allocate memory for its list; free some and try again",
                         o->f->path);
    for (size_t i = 0; i < s->count; i++) sorted[i] = &s->list[i];
    qsort(sorted, s->count, sizeof *sorted, compare);
    bool ok = place(o, keys, sorted, s->count);
    free(sorted);
    return ok && torch_tensors(o->f, o->p, root, s, o->e);
}

bool torch_old_read(WeightFile *f, Error *e) {
    Pickle p;
    TorchStorages s = {0};
    pickle_begin(&p, f->path);
    File o = {.f = f, .p = &p, .e = e};
    bool ok = read_pickles(&o, &s);
    free(s.list);
    pickle_free(&p);
    return ok;
}
