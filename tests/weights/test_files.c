/* test_files.c: the safetensors reader and writer: round trip, the hostile catalogue, every truncation, every bit. */
#define _XOPEN_SOURCE 700
#include "files.h"
#include "hostile.h"
#include "tests/harness/test.h"
#include "tensor/half.h"
#include "weights/formats/byte_order.h"
#include "weights/formats/safetensors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool holds(const char *text, const char *words) {
    char part[256];
    while (*words) {
        size_t n = strcspn(words, "|");
        snprintf(part, sizeof part, "%.*s", (int)n, words);
        if (!strstr(text, part)) return false;
        words += n + (words[n] == '|');
    }
    return true;
}

bool write_small(const char *path, Error *e) {
    FileTensor t[] = {{.name = "b", .dtype = F16, .nd = 1, .n = {32}},
                      {.name = "a", .dtype = F32, .nd = 2, .n = {2, 3}},
                      {.name = "n", .dtype = I64, .nd = 0}};
    FileMeta meta = {"kind", "te\"s\nt\x01"};
    uint16_t b[32];
    float a[6];
    int64_t n = -7;
    for (int i = 0; i < 32; i++) b[i] = f32_to_f16((float)i);
    for (int i = 0; i < 6; i++) a[i] = (float)i;
    StWriter *w = st_write_begin(path, t, 3, &meta, 1, e);
    if (!w) return false;
    bool ok = st_write_data(w, b, sizeof b, e) && st_write_data(w, a, 8, e) &&
              st_write_data(w, a + 2, sizeof a - 8, e) && st_write_data(w, &n, sizeof n, e);
    return st_write_end(w, e) && ok;
}

static void round_trip(void) {
    Error e = {0};
    const char *path = test_path("small.safetensors");
    if (!test_check(write_small(path, &e), "small file is written")) test_note("%s", e.text);
    WeightFile *f = weight_file_open(path, &e);
    if (!test_check(f != NULL, "small file opens")) {
        test_note("%s", e.text);
        return;
    }
    const FileTensor *a = weight_file_find(f, "a"), *b = weight_file_find(f, "b"), *n = weight_file_find(f, "n");
    float x[32];
    test_check(f->count == 3 && a && b && n && !weight_file_find(f, "c") && !weight_file_find(f, ""),
               "names are found, others are not");
    test_check(f->data % 64 == 0 && (f->data + b->begin) % 64 == 0, "data begin at multiples of 64");
    test_check(!strcmp(weight_file_meta(f, "kind"), "te\"s\nt\x01") && !weight_file_meta(f, "x"), "metadata come back");
    test_check(a->nd == 2 && a->n[0] == 2 && a->n[1] == 3 && n->nd == 0 && file_tensor_count(n) == 1 &&
                   file_tensor_count(a) == 6,
               "shapes");
    bool right = file_tensor_f32(f, a, x);
    for (int i = 0; i < 6; i++) right &= x[i] == (float)i;
    test_check(right, "F32 values");
    right = file_tensor_f32(f, b, x);
    for (int i = 0; i < 32; i++) right &= x[i] == (float)i;
    test_check(right, "F16 values");
    test_check(file_tensor_f32(f, n, x) && x[0] == -7, "I64 scalar");
    double d[2];
    test_check(file_tensor_f64(f, b, 30, 2, d) && d[0] == 30 && d[1] == 31, "a piece as f64");
    for (size_t i = 0; i < f->count; i++) file_tensor_drop(f, &f->tensors[i]);
    test_check(file_tensor_f32(f, a, x) && x[5] == 5, "dropped pages are read again");
    weight_file_close(f);
    weight_file_close(NULL);
    FileTensor bad[] = {{.name = "x", .dtype = F32, .nd = 2, .n = {INT64_MAX, INT64_MAX}}};
    test_check(!st_write_begin(test_path("bad"), bad, 1, NULL, 0, &e) && holds(e.text, "\"x\"|shape"),
               "writer: shape overflow");
    FileTensor twice[] = {{.name = "x", .dtype = F32, .nd = 1, .n = {1}},
                          {.name = "x", .dtype = F32, .nd = 1, .n = {1}}};
    e = (Error){0};
    test_check(!st_write_begin(test_path("bad"), twice, 2, NULL, 0, &e) && holds(e.text, "\"x\"|twice"),
               "writer: a name twice");
    FileTensor latin[] = {{.name = "\xe9", .dtype = F32, .nd = 1, .n = {1}}};
    e = (Error){0};
    test_check(!st_write_begin(test_path("bad"), latin, 1, NULL, 0, &e) && holds(e.text, "UTF-8"),
               "writer: a name that is not UTF-8");
    for (int more = 0; more < 2; more++) {
        FileTensor one[] = {{.name = "x", .dtype = F32, .nd = 1, .n = {2}}};
        e = (Error){0};
        StWriter *w = st_write_begin(test_path("bad"), one, 1, NULL, 0, &e);
        bool ok = w && st_write_data(w, x, more ? 12 : 4, &e);
        test_check(w && ok != more && !st_write_end(w, &e) && !test_read(test_path("bad"), NULL), "writer: %s data",
                   more ? "too much" : "too little");
    }
    test_check(dtype_bytes(F32, 3) == 12 && dtype_bytes(F64, (int64_t)1 << 40) == (uint64_t)1 << 43 &&
                   dtype_bytes(F4, 6) == 3 && dtype_bytes(F6_E2M3, 8) == 6 && dtype_block(F4) == 2,
               "types: bytes of a count");
    int64_t most = INT64_MAX / 32, k = 7;
    test_check(dtype_count(F32, 1, &most, &k) && k == most && dtype_count(F32, 3, SHAPE(4, 0, 5), &k) && !k &&
                   dtype_count(F32, 0, NULL, &k) && k == 1 && !dtype_count(F32, 1, SHAPE(most + 1), &k) &&
                   !dtype_count(F32, 3, SHAPE(most, 0, 2), &k) && !dtype_count(F32, 1, SHAPE(-1), &k) && k == 1,
               "types: counts of shapes, checked");
    for (int t = 0; t < DTYPE_SAFETENSORS; t++) {
        FileTensor one[] = {{.name = "x", .dtype = (DType)t, .nd = 1, .n = {8}}};
        char zero[64] = {0};
        e = (Error){0};
        StWriter *w = st_write_begin(test_path("type"), one, 1, NULL, 0, &e);
        bool ok = w && st_write_data(w, zero, dtype_bytes((DType)t, 8), &e) && st_write_end(w, &e);
        f = ok ? weight_file_open(test_path("type"), &e) : NULL;
        ok = f && f->tensors[0].dtype == (DType)t && file_tensor_count(&f->tensors[0]) == 8;
        if (ok && file_tensor_f32(f, &f->tensors[0], x)) ok = x[7] == 0 && file_tensor_f64(f, &f->tensors[0], 7, 1, d);
        else ok = ok && t >= C64;
        test_check(ok, "type %s there and back", dtype_name((DType)t));
        weight_file_close(f);
    }
}

static void hostile(void) {
    for (size_t i = 0; i < hostile_count(); i++) {
        Hostile h;
        Error e = {0};
        if (!hostile_make(i, &h)) continue;
        double begin = test_seconds();
        WeightFile *f = weight_file_open_memory("FILE", h.bytes, h.size, &e);
        double seconds = test_seconds() - begin;
        bool ok = h.words ? !f && !strncmp(e.text, "FILE: ", 6) && holds(e.text, h.words) : f && !e.code;
        if (ok && h.words) ok = strchr(e.text, ';') && strlen(e.text) < 400;
        if (!test_check(ok && seconds < 2, "hostile %s", h.name))
            test_note("%.1f s: %s", seconds, f ? "opened" : e.text);
        weight_file_close(f);
        free(h.bytes);
    }
    const char *dir = test_path("hostile");
    test_check(mkdir(dir, 0777) == 0 && hostile_write(dir), "the catalogue is written as files");
    Error e = {0};
    test_check(!weight_file_open(dir, &e) && holds(e.text, "is a directory"), "a directory is refused");
    e = (Error){0};
    test_check(!weight_file_open("/dev/zero", &e) && holds(e.text, "is a device"), "a device is refused");
    e = (Error){0};
    test_check(!weight_file_open(test_path("none"), &e) && holds(e.text, "No such file"), "a missing file is refused");
    const char *fifo = test_path("fifo");
    e = (Error){0};
    test_check(mkfifo(fifo, 0600) == 0 && !weight_file_open(fifo, &e) && holds(e.text, "is a named pipe"),
               "a pipe is refused at once");
    WeightFile *f = weight_file_open(test_path("hostile/ok-one-tensor.safetensors"), &(Error){0});
    test_check(f && f->count == 1, "a written catalogue file opens");
    weight_file_close(f);
    e = (Error){0};
    test_check(!weight_file_open(test_path("hostile/empty.safetensors"), &e) && holds(e.text, "is empty"),
               "an empty file is refused");
}

static void truncations(const char *bytes, size_t size) {
    size_t wrong = 0;
    for (size_t n = 0; n < size; n++) {
        char *copy = malloc(n + 1); /* of the exact size, so that a sanitizer sees reads past the end */
        if (!copy) continue;
        char *tight = realloc(memcpy(copy, bytes, n), n ? n : 1);
        Error e = {0};
        WeightFile *f = weight_file_open_memory("FILE", tight, n, &e);
        bool ok = !f && e.code == ERR_FORMAT;
        wrong += !ok;
        test_check(ok, "truncated to %zu bytes", n);
        weight_file_close(f);
        free(tight);
    }
    test_check(!wrong, "every truncation is refused");
}

/* What must hold of every file that opened, checked independently of the reader. */
static bool consistent(const WeightFile *f) {
    uint64_t total = 0, n = 0;
    for (int i = 0; i < 8; i++) n |= (uint64_t)f->map[i] << (8 * i);
    for (size_t i = 0; i < f->count; i++) {
        const FileTensor *t = &f->tensors[i];
        uint64_t product = 1;
        for (int d = 0; d < t->nd; d++) product *= (uint64_t)t->n[d];
        if (dtype_bytes(t->dtype, (int64_t)product) != t->end - t->begin) return false;
        total += t->end - t->begin;
        for (size_t k = 0; k < i; k++) {
            const FileTensor *u = &f->tensors[k];
            if (!strcmp(t->name, u->name) || (u->begin < t->end && t->begin < u->end)) return false;
        }
        if (weight_file_find(f, t->name) != t) return false;
    }
    return total + n + 8 == f->size;
}

static void bit_flips(char *bytes, size_t size, size_t data) {
    size_t opened = 0, refused = 0;
    for (size_t bit = 0; bit < data * 8; bit++) {
        bytes[bit / 8] ^= (char)(1 << (bit % 8));
        Error e = {0};
        WeightFile *f = weight_file_open_memory("FILE", bytes, size, &e);
        bool ok = f ? consistent(f) && !e.code : e.code == ERR_FORMAT;
        *(f ? &opened : &refused) += 1;
        test_check(ok, "header bit %zu flipped", bit);
        weight_file_close(f);
        bytes[bit / 8] ^= (char)(1 << (bit % 8));
    }
    test_check(refused > opened, "most flips are refused");
    test_note("%zu refused, %zu still legal", refused, opened);
}

/* As many names as a model has, over a sparse file: opening must not read the data. */
static void large(void) {
    enum { COUNT = 1131 };
    static char names[COUNT][96];
    static FileTensor t[COUNT];
    Error e = {0};
    const char *path = test_path("large");
    for (int i = 0; i < COUNT; i++) {
        snprintf(names[i], sizeof names[i], "model.diffusion_model.output_blocks.%d.transformer_blocks.0.attn2.weight",
                 i);
        t[i] = (FileTensor){.name = names[i], .dtype = F16, .nd = 2, .n = {0, 1280}};
    }
    t[COUNT - 1].n[0] = 1048576; /* 2.7 GB */
    FileTensor last = t[COUNT - 1];
    t[COUNT - 1].n[0] = 0;
    /* The header with the last tensor's true size, from a file without its data. */
    StWriter *w = st_write_begin(path, t, COUNT, NULL, 0, &e);
    bool ok = w && st_write_end(w, &e);
    size_t size = 0;
    char *bytes = ok ? test_read(path, &size) : NULL;
    FILE *out = bytes ? fopen(path, "wb") : NULL;
    if (!out) {
        test_check(false, "large file is made");
        free(bytes);
        return;
    }
    char entry[256], with[256];
    snprintf(entry, sizeof entry, "\"%s\":{\"dtype\":\"F16\",\"shape\":[0,1280],\"data_offsets\":[0,0]}}", last.name);
    snprintf(with, sizeof with, "\"%s\":{\"dtype\":\"F16\",\"shape\":[1048576,1280],\"data_offsets\":[0,2684354560]}}",
             last.name);
    char *at = strstr(bytes + 8, entry);
    uint64_t n = at ? (uint64_t)(at - bytes) + strlen(with) - 8 : 0;
    for (int i = 0; i < 8; i++) bytes[i] = (char)(n >> (8 * i));
    ok = at && fwrite(bytes, 1, (size_t)(at - bytes), out) && fputs(with, out) >= 0;
    ok = fclose(out) == 0 && ok && truncate(path, (off_t)(8 + n + 2684354560u)) == 0;
    free(bytes);
    if (!ok) {
        test_skip("a sparse file of 2.7 GB cannot be made here");
        return;
    }
    double begin = test_seconds();
    WeightFile *f = weight_file_open(path, &e);
    double ms = 1e3 * (test_seconds() - begin);
    if (SIZE_MAX < 1LL << 32) {
        test_check(!f && holds(e.text, "2.7 GB, more than a 32-bit program can map"), "2.7 GB are refused in a line");
        test_note("%s", e.text);
        remove(path);
        return;
    }
    ok = f && f->count == COUNT;
    for (int i = 0; i < COUNT && ok; i++) ok = weight_file_find(f, names[i]) != NULL;
    if (!test_check(ok && ms < 500, "1131 tensors, 2.7 GB, open without reading the data"))
        test_note("%.1f ms %s", ms, e.text);
    else test_note("%.1f ms", ms);
    weight_file_close(f);
    remove(path);
}

/* Numbers of a file on a machine of the other order. */
static void byte_order(void) {
    const uint32_t in[] = {0x01020304, 0xa0b0c0d0};
    uint32_t out[2], back[2];
    swap_numbers(out, in, 4, 2);
    memcpy(back, out, sizeof back);
    swap_numbers(back, back, 4, 2);
    test_check(out[0] == 0x04030201 && out[1] == 0xd0c0b0a0 && !memcmp(back, in, sizeof in),
               "bytes of numbers change places, and back in place");
    test_check(dtype_order(F64) == 8 && dtype_order(F32) == 4 && dtype_order(BF16) == 2 && dtype_order(C64) == 4 &&
                   dtype_order(U8) == 1 && dtype_order(F4) == 1 && dtype_order(Q8_0) == 1,
               "bytes and blocks have no order");
}

SUITE(files, .seconds = 2) {
    byte_order();
    files_formats();
    files_half();
    files_hash();
    files_json();
    files_yaml();
    round_trip();
    hostile();
    size_t size = 0;
    char *bytes = test_read(test_path("small.safetensors"), &size);
    Error e = {0};
    WeightFile *f = bytes ? weight_file_open_memory("FILE", bytes, size, &e) : NULL;
    size_t data = f ? f->data : 0;
    weight_file_close(f);
    if (test_check(data > 0, "the small file is there to be broken")) {
        truncations(bytes, size);
        bit_flips(bytes, size, data);
    }
    free(bytes);
    files_torch();
    files_gguf();
    files_q8();
    large();
    files_atomic();
    files_faults();
    files_diff();
    files_text();
}
