#include "file_meta.h"

#include "weights/files/utf8.h"

#include <stdlib.h>
#include <string.h>

static int by_key(const void *a, const void *b) {
    return strcmp((*(const FileMeta *const *)a)->key, (*(const FileMeta *const *)b)->key);
}

bool file_meta_check(const WeightFile *f, const char *where, Error *e) {
    const FileMeta **keys = malloc((f->meta_count + 1) * sizeof *keys);
    if (!keys) return error_set(e, ERR_MEMORY, "%s: cannot allocate memory; free some and try again", f->path);
    for (size_t i = 0; i < f->meta_count; i++) keys[i] = &f->meta[i];
    qsort(keys, f->meta_count, sizeof *keys, by_key);
    bool ok = true;
    for (size_t i = 1; i < f->meta_count && ok; i++)
        if (!strcmp(keys[i - 1]->key, keys[i]->key))
            ok = error_set(e, ERR_FORMAT, "%s: %s has the key \"%.*s\" twice; download it again or rewrite it", f->path,
                           where, (int)utf8_whole(keys[i]->key, 100), keys[i]->key);
    free(keys);
    return ok;
}
