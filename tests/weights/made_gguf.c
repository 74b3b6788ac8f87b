#include "made_gguf.h"

#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 32 };

typedef struct {
    char *p; /* NULL: only counted */
    size_t size;
} Bytes;

static void put(Bytes *b, const void *from, size_t n) {
    if (b->p && n) memcpy(b->p + b->size, from, n);
    b->size += n;
}

static void put_number(Bytes *b, uint64_t x, int bytes) {
    for (int i = 0; i < bytes; i++) put(b, &(char){(char)(x >> (8 * i))}, 1);
}

static void put_text(Bytes *b, const char *text) {
    put_number(b, strlen(text), 8);
    put(b, text, strlen(text));
}

static void align(Bytes *b) {
    while (b->size % ALIGNMENT) put(b, "", 1);
}

static uint32_t type_of(DType t) { return t == F32 ? 0 : t == F16 ? 1 : t == BF16 ? 30 : 27; }

static void put_file(Bytes *b, const WeightFile *f) {
    uint64_t at = 0;
    put(b, "GGUF\3\0\0\0", 8);
    put_number(b, f->count, 8);
    put_number(b, f->meta_count, 8);
    for (size_t i = 0; i < f->meta_count; i++) {
        put_text(b, f->meta[i].key);
        put_number(b, 8, 4);
        put_text(b, f->meta[i].value);
    }
    for (size_t i = 0; i < f->count; i++) {
        const FileTensor *t = &f->tensors[i];
        put_text(b, t->name);
        put_number(b, (uint64_t)t->nd, 4);
        for (int d = t->nd - 1; d >= 0; d--) put_number(b, (uint64_t)t->n[d], 8);
        put_number(b, type_of(t->dtype), 4);
        put_number(b, at, 8);
        at = (at + (t->end - t->begin) + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    }
    align(b);
    for (size_t i = 0; i < f->count; i++) {
        put(b, file_tensor_data(f, &f->tensors[i]), (size_t)(f->tensors[i].end - f->tensors[i].begin));
        align(b);
    }
}

char *made_gguf(const WeightFile *f, size_t *size) {
    Bytes b = {0};
    put_file(&b, f);
    if (!(b.p = malloc(b.size + 1))) abort();
    b.size = 0;
    put_file(&b, f);
    *size = b.size;
    return b.p;
}
