#include "made_torch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- bytes that grow --- */

typedef struct {
    char *p;
    size_t size, room;
} Bytes;

static void put(Bytes *b, const void *from, size_t n) {
    if (b->size + n > b->room) {
        b->room = 2 * (b->size + n) + 256;
        if (!(b->p = realloc(b->p, b->room))) abort();
    }
    if (n) memcpy(b->p + b->size, from, n);
    b->size += n;
}

static void put_number(Bytes *b, uint64_t x, int bytes) {
    for (int i = 0; i < bytes; i++) put(b, &(char){(char)(x >> (8 * i))}, 1);
}

#define PUT(b, text) put(b, text, sizeof(text) - 1)

/* --- pickles --- */

static void put_text(Bytes *b, const char *text) {
    PUT(b, "X");
    put_number(b, strlen(text), 4);
    put(b, text, strlen(text));
}

static void put_int(Bytes *b, int64_t x) {
    PUT(b, "\x8a\x08");
    put_number(b, (uint64_t)x, 8);
}

static void put_sizes(Bytes *b, int nd, const int64_t *n) {
    PUT(b, "(");
    for (int i = 0; i < nd; i++) put_int(b, n[i]);
    PUT(b, "t");
}

static const char *storage(DType t) {
    return t == F32 ? "Float" : t == F16 ? "Half" : t == BF16 ? "BFloat16" : t == F64 ? "Double" : "Long";
}

static bool turned(const FileTensor *t, int how) { return (how & MADE_TURNED) && t->nd == 2; }

static void put_tensor(Bytes *b, const FileTensor *t, size_t key, int how) {
    char name[64], number[24];
    int64_t strides[FILE_MAX_DIMS], stride = 1;
    for (int i = t->nd - 1; i >= 0; i--) strides[i] = stride, stride *= t->n[i];
    if (turned(t, how)) strides[0] = 1, strides[1] = t->n[0];
    PUT(b, "ctorch._utils\n_rebuild_tensor_v2\n((");
    put_text(b, "storage");
    snprintf(name, sizeof name, "ctorch\n%sStorage\n", storage(t->dtype));
    put(b, name, strlen(name));
    snprintf(number, sizeof number, "%zu", key);
    put_text(b, number);
    put_text(b, "cpu");
    put_int(b, file_tensor_count(t));
    if (how & MADE_OLD) PUT(b, "N");
    PUT(b, "tQK\0");
    put_sizes(b, t->nd, t->n);
    put_sizes(b, t->nd, strides);
    PUT(b, "\x89"
           "ccollections\nOrderedDict\n)RtR");
}

static void put_dictionary(Bytes *b, const WeightFile *f, int how) {
    PUT(b, "\x80\2");
    if (how & MADE_NESTED) {
        PUT(b, "}(");
        put_text(b, "epoch");
        PUT(b, "K\7");
        put_text(b, "callbacks");
        PUT(b, "}cpytorch_lightning.callbacks.model_checkpoint\nModelCheckpoint\n}s");
        put_text(b, "loss");
        PUT(b, "cnumpy.core.multiarray\nscalar\n(cnumpy\ndtype\n(U\2f8K\0K\1tRU\x08\0\0\0\0\0\0\0\0tR");
        put_text(b, "state_dict");
    }
    PUT(b, "ccollections\nOrderedDict\n)R(");
    for (size_t i = 0; i < f->count; i++) {
        put_text(b, f->tensors[i].name);
        put_tensor(b, &f->tensors[i], i, how);
    }
    PUT(b, "u}");
    put_text(b, "_metadata");
    PUT(b, "}sb");
    if (how & MADE_NESTED) PUT(b, "u");
    PUT(b, ".");
}

static void put_storage(Bytes *b, const WeightFile *f, const FileTensor *t, int how) {
    const char *p = file_tensor_data(f, t);
    size_t width = dtype_bytes(t->dtype, 1);
    if (!turned(t, how)) put(b, p, dtype_bytes(t->dtype, file_tensor_count(t)));
    else
        for (int64_t c = 0; c < t->n[1]; c++)
            for (int64_t r = 0; r < t->n[0]; r++) put(b, p + (size_t)(r * t->n[1] + c) * width, width);
}

/* --- archives --- */

/* What a central directory says of an entry: the name lies in the local header. */
static void put_central(Bytes *directory, size_t header, const char *name, uint64_t size) {
    PUT(directory, "PK\1\2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
    put_number(directory, size, 4);
    put_number(directory, size, 4);
    put_number(directory, strlen(name), 2);
    put(directory, (const char[12]){0}, 12);
    put_number(directory, header, 4);
    put(directory, name, strlen(name));
}

/* A stored entry, whose data begin at a multiple of 64. */
static void put_entry(Bytes *all, Bytes *directory, const char *name, const Bytes *data) {
    size_t header = all->size, before = header + 30 + strlen(name) + 4, pad = (64 - before % 64) % 64;
    PUT(all, "PK\3\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
    put_number(all, data->size, 4);
    put_number(all, data->size, 4);
    put_number(all, strlen(name), 2);
    put_number(all, 4 + pad, 2);
    put(all, name, strlen(name));
    PUT(all, "FB");
    put_number(all, pad, 2);
    put(all, (const char[64]){0}, pad);
    put(all, data->p, data->size);
    put_central(directory, header, name, data->size);
}

static void put_end(Bytes *all, Bytes *directory, size_t entries) {
    size_t at = all->size;
    put(all, directory->p, directory->size);
    PUT(all, "PK\5\6\0\0\0\0");
    put_number(all, entries, 2);
    put_number(all, entries, 2);
    put_number(all, directory->size, 4);
    put_number(all, at, 4);
    PUT(all, "\0\0");
    free(directory->p);
}

char *made_torch_zip(const void *pickle, size_t pickle_size, int storages, size_t *size) {
    Bytes all = {0}, directory = {0}, data = {0}, pad = {0};
    put(&data, pickle, pickle_size);
    put(&pad, "0123456789abcdef", 16);
    put_entry(&all, &directory, "a/data.pkl", &data);
    for (int i = 0; i < storages; i++) {
        char name[24];
        snprintf(name, sizeof name, "a/data/%d", i);
        put_entry(&all, &directory, name, &pad);
    }
    put_end(&all, &directory, 1 + (size_t)storages);
    free(data.p);
    free(pad.p);
    *size = all.size;
    return all.p;
}

char *made_torch(const WeightFile *f, int how, size_t *size) {
    Bytes all = {0}, directory = {0}, pickle = {0};
    put_dictionary(&pickle, f, how);
    if (how & MADE_OLD) {
        PUT(&all, "\x80\2\x8a\nl\xfc\x9c\x46\xf9 j\xa8P\x19.\x80\2M\xe9\3.\x80\2}X\r\0\0\0little_endian\x88s.");
        put(&all, pickle.p, pickle.size);
        PUT(&all, "\x80\2](");
    } else {
        put_entry(&all, &directory, "archive/data.pkl", &pickle);
        put_entry(&all, &directory, "archive/byteorder", &(Bytes){(char[]){"little"}, 6, 0});
    }
    for (size_t i = 0; i < f->count; i++) {
        char name[40];
        Bytes data = {0};
        snprintf(name, sizeof name, "%s%zu", how & MADE_OLD ? "" : "archive/data/", i);
        if (how & MADE_OLD) put_text(&all, name);
        else put_storage(&data, f, &f->tensors[i], how), put_entry(&all, &directory, name, &data);
        free(data.p);
    }
    if (how & MADE_OLD) PUT(&all, "e.");
    for (size_t i = 0; (how & MADE_OLD) && i < f->count; i++) {
        put_number(&all, (uint64_t)file_tensor_count(&f->tensors[i]), 8);
        put_storage(&all, f, &f->tensors[i], how);
    }
    if (!(how & MADE_OLD)) put_end(&all, &directory, f->count + 2);
    free(pickle.p);
    *size = all.size;
    return all.p;
}
