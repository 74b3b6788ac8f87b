/* torch_zip.c: PyTorch's files since 1.6, zip archives. */
#include "torch.h"
#include "weights/files/utf8.h"
#include "zip.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_FOLDER = 256, MOST_KEY = 64 };

static bool after(const char *name, size_t size, const char *begin, size_t *rest) {
    size_t n = strlen(begin);
    *rest = size - n;
    return size >= n && !memcmp(name, begin, n);
}

/* What a checkpoint's entry is called within its folder. */
static bool is_record(const char *name, size_t size) {
    static const char *const NAMES[] = {
        "data.pkl", "version", "byteorder", ".format_version", ".storage_alignment", ".data/serialization_id"};
    size_t rest;
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++)
        if (size == strlen(NAMES[i]) && !memcmp(name, NAMES[i], size)) return true;
    return after(name, size, "data/", &rest) && rest && rest <= MOST_KEY && !memchr(name + size - rest, '/', rest);
}

bool torch_zip_sniff(const uint8_t *p, size_t size) {
    if (size < 30 || memcmp(p, "PK\3\4", 4)) return false;
    size_t n = (size_t)(p[26] | p[27] << 8);
    const char *name = (const char *)p + 30, *slash = n <= size - 30 ? memchr(name, '/', n) : NULL;
    return slash && is_record(slash + 1, n - (size_t)(slash + 1 - name));
}

/* All entries are in one folder, and are what a checkpoint has. */
static bool check_names(const WeightFile *f, const Zip *z, const ZipEntry *pickle, size_t folder, Error *e) {
    for (size_t i = 0; i < z->count; i++) {
        const ZipEntry *k = &z->entries[i];
        bool same = k->name_size > folder && !memcmp(k->name, pickle->name, folder);
        if (same && is_record(k->name + folder, k->name_size - folder)) continue;
        size_t rest;
        bool program = same && (after(k->name + folder, k->name_size - folder, "code/", &rest) ||
                                after(k->name + folder, k->name_size - folder, "constants", &rest));
        return error_set(e, ERR_FORMAT, "%s: its entry \"%.*s\" %s", f->path,
                         (int)(k->name_size < 100 ? k->name_size : utf8_whole(k->name, 100)), k->name,
                         program ? "makes it a TorchScript program, which is not run; get the model as safetensors"
                                 : "is none of a PyTorch checkpoint's; unpack it, or download it again");
    }
    return true;
}

static const ZipEntry *find_pickle(const Zip *z, size_t *folder) {
    static const char NAME[] = "/data.pkl";
    for (size_t i = 0; i < z->count; i++) {
        const ZipEntry *k = &z->entries[i];
        const char *slash = memchr(k->name, '/', k->name_size);
        if (!slash || k->name_size - (size_t)(slash - k->name) != sizeof NAME - 1 ||
            memcmp(slash, NAME, sizeof NAME - 1))
            continue;
        *folder = (size_t)(slash + 1 - k->name);
        return k;
    }
    return NULL;
}

static bool is_little_endian(const WeightFile *f, const Zip *z, const char *folder, size_t size) {
    char name[MOST_FOLDER + 16];
    memcpy(name, folder, size);
    memcpy(name + size, "byteorder", 9);
    const ZipEntry *k = zip_find(z, name, size + 9);
    return !k || (k->size == 6 && !memcmp(f->map + k->begin, "little", 6));
}

static bool place(const WeightFile *f, const Zip *z, const char *folder, size_t size, TorchStorages *all, Error *e) {
    char name[MOST_FOLDER + 8 + MOST_KEY];
    memcpy(name, folder, size);
    memcpy(name + size, "data/", 5);
    for (size_t i = 0; i < all->count; i++) {
        TorchStorage *s = &all->list[i];
        const ZipEntry *k = NULL;
        if (s->key_size <= MOST_KEY) {
            memcpy(name + size + 5, s->key, s->key_size);
            k = zip_find(z, name, size + 5 + s->key_size);
        }
        if (!k) continue; /* said of the tensor that needs it */
        if (k->size != dtype_bytes(s->dtype, s->count))
            return error_set(e, ERR_FORMAT,
                             "%s: its entry \"%.*s\" has %llu bytes where its pickle says %llu; download it again",
                             f->path, (int)k->name_size, k->name, (unsigned long long)k->size,
                             (unsigned long long)dtype_bytes(s->dtype, s->count));
        s->begin = k->begin;
        s->placed = true;
    }
    return true;
}

static bool read_archive(WeightFile *f, const Zip *z, Pickle *p, TorchStorages *s, Error *e) {
    size_t folder = 0, used;
    const ZipEntry *k = find_pickle(z, &folder);
    PickleId root;
    if (!k || folder > MOST_FOLDER)
        return error_set(e, ERR_FORMAT, "%s: a PyTorch archive without data.pkl; download it again", f->path);
    if (!check_names(f, z, k, folder, e)) return false;
    if (!is_little_endian(f, z, k->name, folder))
        return error_set(e, ERR_FORMAT, "%s: its numbers are not little-endian; save it on a usual machine", f->path);
    return pickle_read(p, f->map + k->begin, (size_t)k->size, &root, &used, e) && torch_storages(s, p, e) &&
           place(f, z, k->name, folder, s, e) && torch_tensors(f, p, root, s, e);
}

bool torch_zip_read(WeightFile *f, Error *e) {
    Zip z;
    Pickle p;
    TorchStorages s = {0};
    pickle_begin(&p, f->path);
    bool ok = zip_read(&z, f, e) && read_archive(f, &z, &p, &s, e);
    free(s.list);
    pickle_free(&p);
    zip_free(&z);
    return ok;
}
