/* fuzz_safetensors.c: files of weights, by the table of formats. What is read lies within the file, is found by its
 * name, and reads the same once it is written again. */
#include "fuzz.h"

#include "weights/formats/formats.h"
#include "weights/formats/safetensors.h"

#include <stdlib.h>
#include <string.h>

void fuzz_look(const WeightFile *f) {
    double x[64];
    for (size_t i = 0; i < f->count; i++) {
        const FileTensor *t = &f->tensors[i];
        int64_t count = file_tensor_count(t);
        fuzz_require(t->begin <= t->end && t->end <= f->size - f->data && count >= 0);
        fuzz_require(t->strides || dtype_bytes(t->dtype, count) == t->end - t->begin);
        fuzz_require(weight_file_find(f, t->name) == t);
        fuzz_require(!file_tensor_data(f, t) || (const uint8_t *)file_tensor_data(f, t) >= f->map);
        for (int64_t at = 0; at < count; at += 64)
            if (!file_tensor_f64(f, t, at, count - at < 64 ? count - at : 64, x)) break;
    }
    for (size_t i = 0; i < f->meta_count; i++) {
        const char *value = weight_file_meta(f, f->meta[i].key);
        fuzz_require(value && !strcmp(value, f->meta[i].value));
    }
    fuzz_require(!weight_file_find(f, "\x01 no such name") && !weight_file_meta(f, "\x01 no such key"));
}

void fuzz_weight_file(bool (*read)(WeightFile *f, Error *e), FuzzBytes b) {
    Error e = {0};
    WeightFile *f = calloc(1, sizeof *f);
    if (!f || !(f->path = malloc(3))) abort();
    strcpy(f->path, "it");
    f->map = b.p;
    f->size = b.size;
    if (fuzz_verdict(read(f, &e), &e)) fuzz_look(f);
    weight_file_close(f);
}

static void compare(const WeightFile *a, const WeightFile *b) {
    fuzz_require(a->count == b->count && a->meta_count == b->meta_count);
    if (a->count != b->count || a->meta_count != b->meta_count) return;
    for (size_t i = 0; i < a->count; i++) {
        const FileTensor *x = &a->tensors[i], *y = weight_file_find(b, x->name);
        fuzz_require(y && x->dtype == y->dtype && x->nd == y->nd && !memcmp(x->n, y->n, sizeof x->n));
        if (y && x->end > x->begin)
            fuzz_require(!memcmp(file_tensor_data(a, x), file_tensor_data(b, y), (size_t)(x->end - x->begin)));
    }
    for (size_t i = 0; i < a->meta_count; i++) {
        const char *value = weight_file_meta(b, a->meta[i].key);
        fuzz_require(value && !strcmp(value, a->meta[i].value));
    }
}

/* Of formats with blocks, safetensors holds no more than Q8_0, and not every shape of that. */
static bool has_blocks(const WeightFile *f) {
    for (size_t i = 0; i < f->count; i++)
        if (dtype_block(f->tensors[i].dtype) > 1) return true;
    return false;
}

static void write_again(const WeightFile *f) {
    Error e = {0};
    const char *path = fuzz_file("again.safetensors", (FuzzBytes){(const uint8_t *)"", 0});
    FileTensor *list = malloc((f->count + 1) * sizeof *list);
    if (!list) abort();
    memcpy(list, f->tensors, f->count * sizeof *list);
    StWriter *w = st_write_begin(path, list, f->count, f->meta, f->meta_count, &e);
    bool ok = w != NULL;
    for (size_t i = 0; ok && i < f->count; i++) {
        const FileTensor *t = &f->tensors[i];
        ok = st_write_data(w, file_tensor_data(f, t), (size_t)(t->end - t->begin), &e);
    }
    if (ok) ok = st_write_end(w, &e);
    else st_write_abort(w);
    fuzz_require(fuzz_verdict(ok, &e));
    WeightFile *again = ok ? weight_file_open(path, &e) : NULL;
    fuzz_require(again);
    if (again) compare(f, again);
    weight_file_close(again);
    free(list);
}

FUZZ(safetensors) {
    Error e = {0};
    FuzzBytes b = fuzz_weights((FuzzBytes){data, size});
    fuzz_require(weight_format(b.p, b.size)->name);
    WeightFile *f = weight_file_open_memory("it", b.p, b.size, &e);
    if (fuzz_verdict(f != NULL, &e)) {
        fuzz_look(f);
        if (f->count <= 8 && !has_blocks(f)) write_again(f);
    }
    weight_file_close(f);
    fuzz_weights_free(b);
}
